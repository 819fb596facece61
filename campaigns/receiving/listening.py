"""Listening: a connection to each mailbox over which its server tells of new mail at once (RFC 2177)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.imap import ImapMailbox
from campaigns.models import lease
from campaigns.models.mailbox import Mailbox
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring

# How often a mailbox is read that nobody listens to, and one that somebody does.
POLL, POLL_HEARD = timedelta(seconds=30), timedelta(minutes=5)
# How long a server is listened to before the account is looked at again; servers hang up after half an hour.
ROUND = timedelta(seconds=60)
MAILBOXES = Sender.imap.is_not(None)


def unread(session: Session, now: datetime) -> list[UUID]:
    """The accounts whose mailbox is to be read now, and is not."""
    lately = case((Mailbox.heard_until > now, now - POLL_HEARD), else_=now - POLL)
    return lease.unread(session, MAILBOXES, lately, now)


def audible(session: Session, now: datetime) -> list[UUID]:
    """The accounts whose mailbox can be listened to."""
    query = select(Sender.id).join(Mailbox, Mailbox.sender_account_id == Sender.id)
    return list(session.scalars(query.where(*lease.readable(now, MAILBOXES), Mailbox.read_at.is_not(None))))


def listen(
    sessions: sessionmaker[Session],
    sender_id: UUID,
    open_mailbox: Callable[[Sender], ImapMailbox],
    clock: Callable[[], datetime],
    stop: Callable[[], bool],
) -> bool:
    """Ring for the mailbox to be read whenever its server tells of mail: until asked to stop, or until the account
    changes. False, at once, if the server does not tell. Raises Unread once the connection is lost."""
    account = _account(sessions, sender_id, clock())
    if account is None:
        return True
    sender, folder = account
    with open_mailbox(sender) as box:
        box.select(folder)
        if not box.can_idle:
            return False
        try:
            _attend(sessions, sender, box, clock, stop)
        finally:
            _hear(sessions, sender_id, None)
    return True


def _attend(
    sessions: sessionmaker[Session],
    sender: Sender,
    box: ImapMailbox,
    clock: Callable[[], datetime],
    stop: Callable[[], bool],
) -> None:
    news, current = True, True  # nobody listened to what came before

    def watching() -> None:
        _hear(sessions, sender.id, clock() + 2 * ROUND, news=news)

    while current and not stop():
        news = box.watch(ROUND.total_seconds(), watching)
        account = _account(sessions, sender.id, clock())
        current = account is not None and account[0].updated_at == sender.updated_at


def _account(sessions: sessionmaker[Session], sender_id: UUID, now: datetime) -> tuple[Sender, str] | None:
    query = select(Sender, Mailbox.folder).join(Mailbox, Mailbox.sender_account_id == Sender.id)
    with sessions() as session:
        row = session.execute(query.where(Sender.id == sender_id, *lease.readable(now, MAILBOXES))).one_or_none()
        return (row[0], row[1]) if row else None


def _hear(sessions: sessionmaker[Session], sender_id: UUID, until: datetime | None, *, news: bool = False) -> None:
    with sessions.begin() as session:
        mark = update(Mailbox).where(Mailbox.sender_account_id == sender_id)
        session.execute(mark.values(heard_until=until))
        if news:
            ring(session, "inbox", sender_id)
