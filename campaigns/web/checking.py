"""Checking an account's way to its mail servers, for the page and the API. No transaction is open meanwhile."""

from dataclasses import dataclass

from campaigns.channels.imap import Unread
from campaigns.channels.outgoing import Unsent
from campaigns.channels.probing import SIGN_IN, Step, probe_imap, probe_smtp
from campaigns.models.mailbox import INBOX
from campaigns.models.sender import Sender
from campaigns.receiving import imap_endpoint
from campaigns.sending import smtp_endpoint
from campaigns.web.house import house


@dataclass(frozen=True)
class Checked:
    """The steps towards each server, as far as they went; `imap` is None for an account that reads no mail."""

    smtp: list[Step]
    imap: list[Step] | None

    @property
    def ok(self) -> bool:
        """Whether every step went well."""
        return all(step.ok for step in [*self.smtp, *(self.imap or ())])


def check_connection(sender: Sender) -> Checked:
    """Go step by step to where the account sends and reads mail."""
    return Checked(_smtp(sender), None if sender.imap is None else _imap(sender))


def _smtp(sender: Sender) -> list[Step]:
    settings, sessions = house().settings, house().sessions
    key, trap = settings.sealing_key, settings.trap_file
    try:
        return probe_smtp(smtp_endpoint(sender, sealing_key=key, trap_file=trap, sessions=sessions))
    except Unsent as failed:
        return [Step(SIGN_IN, False, failed.reason)]


def _imap(sender: Sender) -> list[Step]:
    try:
        endpoint = imap_endpoint(sender, sealing_key=house().settings.sealing_key, sessions=house().sessions)
    except Unread as failed:
        return [Step(SIGN_IN, False, failed.reason)]
    return probe_imap(endpoint, INBOX)
