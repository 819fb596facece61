"""Listening: a connection to each mailbox over which its server tells of new mail at once (RFC 2177)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.imap import ImapMailbox
from campaigns.models.mailbox import Mailbox
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring

# How often a mailbox is read that nobody listens to, and one that somebody does.
POLL, POLL_HEARD = timedelta(seconds=30), timedelta(minutes=5)
# How long a server is listened to before the account is looked at again; servers hang up after half an hour.
ROUND = timedelta(seconds=60)
# An account that was found silent is left to the timetable, and tried again after this.
DEAF = timedelta(minutes=10)


def _readable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Accounts whose mailbox can be read, as far as is known."""
    passed = or_(Mailbox.try_at.is_(None), Mailbox.try_at <= now)
    return (Sender.imap.is_not(None), Sender.status == "active", passed)


def unread(session: Session, now: datetime) -> list[UUID]:
    """The accounts whose mailbox is to be read now."""
    heard = (Mailbox.heard_until > now) & (Mailbox.read_at > now - POLL_HEARD)
    rested = or_(Mailbox.read_at.is_(None), Mailbox.read_at <= now - POLL)
    query = select(Sender.id).outerjoin(Mailbox, Mailbox.sender_account_id == Sender.id).where(*_readable(now))
    return list(session.scalars(query.where(rested, or_(Mailbox.heard_until.is_(None), ~heard))))


def audible(session: Session, now: datetime) -> list[UUID]:
    """The accounts whose mailbox can be listened to."""
    query = select(Sender.id).join(Mailbox, Mailbox.sender_account_id == Sender.id)
    return list(session.scalars(query.where(*_readable(now), Mailbox.read_at.is_not(None))))


def listen(
    sessions: sessionmaker[Session],
    sender_id: UUID,
    open_mailbox: Callable[[Sender], ImapMailbox],
    clock: Callable[[], datetime],
    stop: Callable[[], bool],
) -> None:
    """Ring for the mailbox to be read whenever its server tells of mail: until asked to stop, or until the account
    changes. Returns at once if the server does not tell. Raises Unread once the connection is lost."""
    account = _account(sessions, sender_id)
    if account is None:
        return
    sender, folder = account
    with open_mailbox(sender) as box:
        box.select(folder)
        news = True  # what came before anybody listened
        while box.can_idle and not stop():
            news = box.watch(ROUND.total_seconds(), lambda news=news: _hear(sessions, sender_id, news, clock()))  # type: ignore[misc]
            now = _account(sessions, sender_id)
            if now is None or now[0].updated_at != sender.updated_at:
                return


def _account(sessions: sessionmaker[Session], sender_id: UUID) -> tuple[Sender, str] | None:
    with sessions() as session:
        query = select(Sender, Mailbox.folder).join(Mailbox, Mailbox.sender_account_id == Sender.id)
        row = session.execute(query.where(Sender.id == sender_id, Sender.status == "active")).one_or_none()
        return (row[0], row[1]) if row else None


def _hear(sessions: sessionmaker[Session], sender_id: UUID, news: bool, now: datetime) -> None:
    with sessions.begin() as session:
        mark = update(Mailbox).where(Mailbox.sender_account_id == sender_id)
        session.execute(mark.values(heard_until=now + 2 * ROUND))
        if news:
            ring(session, "inbox", sender_id)
