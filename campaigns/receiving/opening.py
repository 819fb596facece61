"""Opening the mailbox of a sender account: where it connects to, and as whom."""

from campaigns.channels.imap import ImapEndpoint, ImapMailbox, Unread
from campaigns.models.sealing import Unsealable, unseal
from campaigns.models.sender import Sender


def open_mailbox(sender: Sender, *, sealing_key: str) -> ImapMailbox:
    """The account's mailbox, not connected yet. Raises Unread if it cannot be made."""
    if sender.imap is None:
        raise Unread("The account has no IMAP server: enter one.", lasting=True)
    try:
        password = unseal(sealing_key, sender.imap_sealed)
    except Unsealable as wrong:
        raise Unread(str(wrong), lasting=True) from wrong
    imap = sender.imap
    user = imap.get("username") or sender.email_address or ""
    return ImapMailbox(ImapEndpoint(imap["host"], imap["port"], imap["security"], user, password))
