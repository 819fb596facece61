"""The lease of what comes back to an account: one reader at a time, who gives signs of life; and how it went."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models.facts import UNREAD
from campaigns.models.mailbox import INBOX, Mailbox
from campaigns.models.message import Message
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.models.standing import need_attention
from campaigns.rules.tracing import about

log = logging.getLogger(__name__)

# A reader that gave no sign of life for this long is dead: work goes on within 30 s of a crash (CONTRACT section 4).
# One that merely waits for a slow server is overtaken, and stops at its next mail.
LEASE = timedelta(seconds=25)
# How far back an account is looked at that was never read.
LOOK_BACK = timedelta(days=30)
# Pauses after failures in a row; the last one repeats.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 300, 900))


class Lost(Exception):
    """Somebody else reads here now, or the account is gone."""


def readable(now: datetime, which: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    """Accounts of `which` that can be read, as far as is known. One that cannot send is still answered to."""
    passed = or_(Mailbox.try_at.is_(None), Mailbox.try_at <= now)
    return (which, Sender.status != "disconnected", passed)


def unread(session: Session, which: ColumnElement[bool], since: Any, now: datetime) -> list[UUID]:
    """The accounts of `which` that were last read at `since` or before, and that nobody reads now."""
    rested = or_(Mailbox.read_at.is_(None), Mailbox.read_at <= since)
    free = or_(Mailbox.lease_until.is_(None), Mailbox.lease_until <= now)
    query = select(Sender.id).outerjoin(Mailbox, Mailbox.sender_account_id == Sender.id)
    return list(session.scalars(query.where(*readable(now, which), rested, free)))


@dataclass
class Lease:
    """One reading of one account. `clock` tells the time."""

    sessions: sessionmaker[Session]
    sender_id: UUID
    clock: Callable[[], datetime]
    token: str = field(default_factory=lambda: str(uuid4()))

    def hold(self, work: Callable[[Sender, Mailbox], int]) -> int:
        """What `work` answers of the account and how far it was read; 0 if somebody else reads it, from the start or
        before it was through."""
        taken = self.take()
        if taken is None:
            return 0
        try:
            with about(sender_id=self.sender_id):
                return work(*taken)
        except Lost:
            return 0
        finally:
            self.give_back()

    def take(self) -> tuple[Sender, Mailbox] | None:
        """The account and how far it was read; None if somebody reads it already, or there is nothing to read."""
        now = self.clock()
        with self.sessions.begin() as session:
            sender = self.account(session)
            if sender is None or not sender.hears:
                return None
            mailbox = session.get(Mailbox, self.sender_id, with_for_update=True)
            if mailbox is None:
                mailbox = Mailbox(sender_account_id=self.sender_id, folder=INBOX)
                session.add(mailbox)
            if mailbox.lease_until is not None and mailbox.lease_until > now:
                mailbox.heard_until = None  # called in vain, perhaps: let the timetable call again soon
                return None
            mailbox.lease_token, mailbox.lease_until = self.token, now + LEASE
            return sender, mailbox

    def account(self, session: Session) -> Sender | None:
        """The account, locked before what comes back to it, in the order of whoever changes it."""
        return session.scalar(select(Sender).where(Sender.id == self.sender_id).with_for_update(key_share=True))

    def since(self, mailbox: Mailbox) -> datetime | None:
        """From when on there may be something to read; None if nothing can concern us, since nothing left lately."""
        if mailbox.read_at is not None:
            return mailbox.read_at
        lately = (Message.sender_account_id == self.sender_id, Message.claimed_at > self.clock() - LOOK_BACK)
        with self.sessions() as session:
            return session.scalar(select(func.min(Message.claimed_at)).where(*lately))

    def give_back(self) -> None:
        """Let others read."""
        give = update(Mailbox).where(Mailbox.sender_account_id == self.sender_id, Mailbox.lease_token == self.token)
        with self.sessions.begin() as session:
            session.execute(give.values(lease_token=None, lease_until=None))

    def prolong(self, session: Session) -> Mailbox:
        """A sign of life: the row, locked, as long as the lease is ours. Raises Lost."""
        # Shared: others may write from it meanwhile.
        session.scalar(select(Sender.id).where(Sender.id == self.sender_id).with_for_update(read=True, key_share=True))
        own = select(Mailbox).where(Mailbox.sender_account_id == self.sender_id, Mailbox.lease_token == self.token)
        mailbox = session.scalar(own.with_for_update())
        if mailbox is None:
            raise Lost
        mailbox.lease_until = self.clock() + LEASE
        return mailbox

    def done(self, began: datetime) -> None:
        """Everything that had come when the reading began is read. Raises Lost."""
        with self.sessions.begin() as session:
            mailbox = self.prolong(session)
            if mailbox.read_at is None or mailbox.read_at <= began - UNREAD:
                ring(session, "lane", self.sender_id)  # follow-ups waited for this
            mailbox.read_at, mailbox.failures, mailbox.error, mailbox.try_at = began, 0, None, None

    def failed(self, reason: str, *, lasting: bool, pauses: Sequence[timedelta] = PAUSES) -> None:
        """It could not be read, and is tried again after a pause. `lasting`: not before a person did something, so
        nobody goes on writing who cannot see the answers. Raises Lost."""
        now = self.clock()
        with self.sessions.begin() as session:
            sender = self.account(session)
            if sender is None:
                return
            mailbox = self.prolong(session)
            mailbox.failures += 1
            mailbox.error = reason
            mailbox.try_at = now + pauses[min(mailbox.failures, len(pauses)) - 1]
            if lasting:
                need_attention(sender, reason, now)
        log.warning("What came back could not be read: %s", reason)
