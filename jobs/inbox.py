"""The job that reads one account's mailbox."""

from uuid import UUID

from campaigns.channels.imap import ImapMailbox
from campaigns.models import Sender
from campaigns.receiving import Reader, open_mailbox
from jobs import stopping
from jobs.workshop import utcnow, workshop


def inbox(sender_id: str) -> int:
    """Read what is new; how many mails. Cut off anywhere, the next one goes on there."""
    shop = workshop()
    shop.ringer.answer("inbox", sender_id)

    def opener(sender: Sender) -> ImapMailbox:
        return open_mailbox(sender, sealing_key=shop.settings.sealing_key, sessions=shop.sessions)

    return Reader(shop.sessions, UUID(sender_id), opener, clock=utcnow, stop=stopping.asked).run()
