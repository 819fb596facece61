"""What a mail that came in is, and what it says."""

from dataclasses import dataclass
from datetime import date, datetime

REPLY = "reply"
HARD_BOUNCE = "hard_bounce"
SOFT_BOUNCE = "soft_bounce"
AUTO_REPLY = "auto_reply"
OUT_OF_OFFICE = "out_of_office"
COMPLAINT = "complaint"
OWN = "own"
OTHER = "other"

KINDS = {
    REPLY: "A person wrote it: an answer, or a letter of its own.",
    HARD_BOUNCE: "The address or its domain does not exist, or is closed for good.",
    SOFT_BOUNCE: "This message did not get there, or not yet, for a reason that may pass: a full mailbox, a policy, a "
    "block for spam (5.7.x), a server away. It says nothing against the address.",
    AUTO_REPLY: "A machine answered: an acknowledgement, a ticket.",
    OUT_OF_OFFICE: "A machine answered for somebody who is away, until the day it names, if it names one for certain.",
    COMPLAINT: "The recipient called it spam, and the mailbox provider passes that on (RFC 5965).",
    OWN: "A copy of what an account of ours sent.",
    OTHER: "Newsletters, notifications, receipts: nobody answers with them.",
}


@dataclass(frozen=True)
class Letter:
    """One mail that came in.

    `kind` is one of KINDS. Addresses are lower-cased; `from_address` is empty if there is none. `to` holds To and Cc.
    `sent_at` is what its Date says, in UTC; None if that is no date. `answers` holds the Message-IDs, with their angle
    brackets, that it says it is about: anybody may write any id there. `text` is all of its text, `fresh` what its
    writer added, `quoted` the rest.

    Of bounces and complaints: `recipient` is who did not get the message, or complained; `status` as in RFC 3463
    ("5.1.1"), `diagnostic` one line of the server that refused; `delayed`: it is still being tried and has not failed.
    Of an absence: `until` is the day it names as its end, None if it names none for certain.
    """

    kind: str
    from_name: str
    from_address: str
    to: tuple[str, ...]
    subject: str
    sent_at: datetime | None
    message_id: str | None
    answers: tuple[str, ...]
    text: str
    fresh: str
    quoted: str
    recipient: str | None = None
    status: str | None = None
    diagnostic: str | None = None
    delayed: bool = False
    until: date | None = None
