"""Complaints that mailbox providers pass on (Abuse Reporting Format, RFC 5965)."""

from dataclasses import dataclass
from email.message import Message

from campaigns.channels.reading.parts import enclosed, header, mailboxes, parts_of
from campaigns.channels.reading.returned import returned_messages, returned_recipients

# Feedback that is no complaint of a recipient: it is no spam after all, or a failed authentication (RFC 6591).
_NO_COMPLAINTS = {"not-spam", "auth-failure", "dmarc"}
# Where those who hide the recipient still name it.
_RECIPIENTS = ("Original-Rcpt-To", "Removal-Recipient", "X-HmXmrOriginalRecipient")


@dataclass(frozen=True)
class Feedback:
    """Who complained, if that is told; `complaint`: whether it is one."""

    complaint: bool
    recipient: str | None


def find_feedback(message: Message) -> Feedback | None:
    """What a provider reports; None if the mail is no such report."""
    reports = [
        inner
        for part in parts_of(message)
        if part.get_content_type() == "message/feedback-report"
        for inner in enclosed(part)
    ]
    returned = list(returned_messages(message))
    hotmail = [inner for inner in returned if header(inner, "X-HmXmrOriginalRecipient")]
    if not reports and not hotmail:
        return None
    named = [address for source in [*reports, *returned] for _, address in mailboxes(source, *_RECIPIENTS)]
    kinds = {header(report, "Feedback-Type").lower() for report in reports}
    recipient = next(iter(named or returned_recipients(message)), None)
    return Feedback(complaint=not kinds & _NO_COMPLAINTS, recipient=recipient)
