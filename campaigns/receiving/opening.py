"""Opening the mailbox of a sender account: where it connects to, and as whom."""

from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.imap import ImapEndpoint, ImapMailbox, Unread
from campaigns.channels.oauth import renew
from campaigns.models.grant import access_token
from campaigns.models.sealing import Unsealable, unseal
from campaigns.models.sender import Sender
from campaigns.rules.oauth import Denied


def open_mailbox(sender: Sender, *, sealing_key: str, sessions: sessionmaker[Session] | None = None) -> ImapMailbox:
    """The account's mailbox, not connected yet. Raises Unread if it cannot be made."""
    return ImapMailbox(imap_endpoint(sender, sealing_key=sealing_key, sessions=sessions))


def imap_endpoint(sender: Sender, *, sealing_key: str, sessions: sessionmaker[Session] | None = None) -> ImapEndpoint:
    """Where its mail is read. Raises Unread as above."""
    if sender.imap is None:
        raise Unread("The account has no IMAP server: enter one.", lasting=True)
    try:
        password = unseal(sealing_key, sender.imap_sealed)
        token = access_token(sender, sealing_key, renew, sessions)
    except Unsealable as wrong:
        raise Unread(str(wrong), lasting=True) from wrong
    except Denied as denied:
        raise Unread(denied.reason, lasting=denied.lasting) from denied
    imap = sender.imap
    user = imap.get("username") or sender.email_address or ""
    return ImapEndpoint(imap["host"], imap["port"], imap["security"], user, password, token)
