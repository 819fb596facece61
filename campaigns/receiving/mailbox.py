"""Reading one account's mailbox: what is new, each mail once, from exactly where the last reader stopped."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.imap import ImapMailbox, Unread
from campaigns.channels.reading import OTHER, OUT_OF_OFFICE, OWN, Letter, read
from campaigns.models.base import new_id
from campaigns.models.facts import UNREAD
from campaigns.models.mailbox import INBOX, Mailbox
from campaigns.models.mailbox import Letter as KeptLetter
from campaigns.models.message import Message
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.receiving.acting import act, back_at, lock
from campaigns.receiving.matching import find
from campaigns.rules.correspondence import NO_ID
from campaigns.rules.tracing import about

log = logging.getLogger(__name__)

# A reader that gave no sign of life for this long is dead: work goes on within 30 s of a crash (CONTRACT section 4).
# One that merely waits for a slow server is overtaken, and stops at its next mail.
LEASE = timedelta(seconds=25)
# A reader gives its worker back after this long; the timetable calls it back.
SLICE = timedelta(seconds=60)
# Pauses after failures in a row; the last one repeats.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 300, 900))
# After signing in was refused, unless somebody changes the account before: providers lock whoever tries often.
REFUSED_PAUSE = timedelta(days=1)
# Most characters of an address and of an id that are kept.
MOST_ADDRESS, MOST_ID = 320, 998
# A folder whose numbers tell nothing is looked through from this long before it was last read, since servers and we
# need not agree on the day; one that was never read, from the account's first message on, but no longer than LOOK_BACK.
OVERLAP, LOOK_BACK = timedelta(days=2), timedelta(days=30)
# What a mail may do to us at worst, in spite of all care.
ODDITIES = (ArithmeticError, AttributeError, DataError, LookupError, RecursionError, TypeError, ValueError)


class _Lost(Exception):
    """Somebody else reads this mailbox now, or the account is gone."""


@dataclass
class Reader:
    """One reading of one account's mailbox. `clock` tells the time, `stop` that the process is asked to end."""

    sessions: sessionmaker[Session]
    sender_id: UUID
    open_mailbox: Callable[[Sender], ImapMailbox]
    clock: Callable[[], datetime]
    stop: Callable[[], bool] = lambda: False
    token: str = field(default_factory=lambda: str(uuid4()))

    def run(self) -> int:
        """Read what is new; how many mails. 0 at once if somebody else reads already."""
        taken = self._take_lease()
        if taken is None:
            return 0
        try:
            with about(sender_id=self.sender_id):
                return self._attempt(*taken)
        except _Lost:
            return 0
        finally:
            self._give_lease_back()

    def _attempt(self, sender: Sender, mailbox: Mailbox) -> int:
        try:
            return self._read(sender, mailbox)
        except Unread as failed:
            self._failed(failed)
            return 0

    def _take_lease(self) -> tuple[Sender, Mailbox] | None:
        now = self.clock()
        with self.sessions.begin() as session:
            sender = session.scalar(select(Sender).where(Sender.id == self.sender_id).with_for_update(key_share=True))
            if sender is None or sender.imap is None:
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

    def _give_lease_back(self) -> None:
        give = update(Mailbox).where(Mailbox.sender_account_id == self.sender_id, Mailbox.lease_token == self.token)
        with self.sessions.begin() as session:
            session.execute(give.values(lease_token=None, lease_until=None))

    def _mine(self, session: Session) -> Mailbox:
        """The mailbox's row, locked, as long as this is the reader of it. Raises _Lost."""
        # The account first, in the order of whoever changes it.
        session.scalar(select(Sender.id).where(Sender.id == self.sender_id).with_for_update(read=True, key_share=True))
        own = select(Mailbox).where(Mailbox.sender_account_id == self.sender_id, Mailbox.lease_token == self.token)
        mailbox = session.scalar(own.with_for_update())
        if mailbox is None:
            raise _Lost
        mailbox.lease_until = self.clock() + LEASE
        return mailbox

    def _read(self, sender: Sender, mailbox: Mailbox) -> int:
        began, number = self.clock(), 0
        with self.open_mailbox(sender) as box:
            fresh = self._new(box, mailbox)
            while fresh:
                for uid in fresh:
                    if self.stop() or self.clock() >= began + SLICE:
                        return number
                    self._take(sender, uid, box.fetch(uid))
                    number += 1
                # Whoever was called for what has come meanwhile found the mailbox in our hands.
                fresh = box.uids(fresh[-1] + 1)
        self._done(began)
        return number

    def _done(self, began: datetime) -> None:
        """Everything that had come when the reading began is read."""
        with self.sessions.begin() as session:
            mine = self._mine(session)
            if mine.read_at is None or mine.read_at <= began - UNREAD:
                ring(session, "lane", self.sender_id)  # follow-ups waited for this
            mine.read_at, mine.failures, mine.error, mine.try_at = began, 0, None, None

    def _new(self, box: ImapMailbox, mailbox: Mailbox) -> list[int]:
        """The numbers of what was not read yet. A mailbox seen for the first time starts with what is to come, unless
        the account has written to people before."""
        standing = box.select(mailbox.folder)
        if mailbox.uid_validity == standing.uid_validity:
            return box.uids(mailbox.uid_next or 1)
        if mailbox.uid_validity is not None:
            log.warning("The mail server numbers its mails anew: what came lately is looked through once more.")
        day = self._unread_since(mailbox)
        fresh = box.since(day) if day else box.uids(standing.uid_next)
        with self.sessions.begin() as session:
            mine = self._mine(session)
            mine.uid_validity, mine.uid_next = standing.uid_validity, min([*fresh, standing.uid_next])
        return fresh

    def _unread_since(self, mailbox: Mailbox) -> date | None:
        """The day from which on there may be mail to read, whatever its number; None if none can concern us."""
        began = mailbox.read_at
        if began is None:
            lately = (Message.sender_account_id == self.sender_id, Message.claimed_at > self.clock() - LOOK_BACK)
            with self.sessions() as session:
                began = session.scalar(select(func.min(Message.claimed_at)).where(*lately))
        return (began - OVERLAP).date() if began else None

    def _take(self, sender: Sender, uid: int, raw: bytes | None) -> None:
        """One mail, read and marked as read. One that we stumble over is passed over: the others are to be read."""
        try:
            self._keep(sender, uid, raw)
        except ODDITIES as odd:
            log.error("A mail was passed over. This is a bug in Cadenza.", exc_info=odd, extra={"uid": uid})
            self._keep(sender, uid, None)

    def _keep(self, sender: Sender, uid: int, raw: bytes | None) -> None:
        """What a mail tells and the mark behind it, in one transaction."""
        now = self.clock()
        letter = read(raw, own_addresses=_addresses(sender), now=now) if raw is not None else None
        with self.sessions.begin() as session:
            mailbox = self._mine(session)
            if letter is not None and letter.kind not in (OWN, OTHER):
                receive(session, sender, letter, _identity(letter, raw or b""), now)
            mailbox.uid_next = uid + 1

    def _failed(self, failed: Unread) -> None:
        now = self.clock()
        with self.sessions.begin() as session:
            sender = session.scalar(select(Sender).where(Sender.id == self.sender_id).with_for_update(key_share=True))
            if sender is None:
                return
            mailbox = self._mine(session)
            mailbox.failures += 1
            mailbox.error = failed.reason
            pause = REFUSED_PAUSE if failed.lasting else PAUSES[min(mailbox.failures, len(PAUSES)) - 1]
            mailbox.try_at = now + pause
            if failed.lasting and sender.status == "active":
                # Whoever cannot see the answers must not go on writing.
                sender.status, sender.status_reason, sender.updated_at = "needs_attention", failed.reason, now
        log.warning("The mailbox could not be read: %s", failed.reason)


def _addresses(sender: Sender) -> frozenset[str]:
    return frozenset(address.lower() for address in (sender.email_address, sender.reply_to) if address)


def _identity(letter: Letter, raw: bytes) -> str:
    """What tells this mail from all others of the account: its Message-ID, or one made of all of it."""
    identity = letter.message_id
    return identity if identity and len(identity) <= MOST_ID else f"<{hashlib.sha256(raw).hexdigest()}{NO_ID}"


def receive(session: Session, sender: Sender, letter: Letter, identity: str, now: datetime) -> bool:
    """Keep a mail that concerns somebody we wrote to, and do what follows; whether it was new and concerned anybody."""
    known = select(KeptLetter.id).where(
        KeptLetter.sender_account_id == sender.id, KeptLetter.rfc_message_id == identity
    )
    if session.scalar(known) is not None:
        return False
    found = find(session, sender, letter)
    campaign = lock(session, found.prospect, found.message) if found else None
    if found is None or campaign is None:
        return False
    prospect = found.prospect
    session.add(
        KeptLetter(
            id=new_id(),
            workspace_id=sender.workspace_id,
            sender_account_id=sender.id,
            prospect_id=prospect.id,
            message_id=found.message.id if found.message else None,
            kind=letter.kind,
            rfc_message_id=identity,
            from_name=letter.from_name or None,
            from_address=letter.from_address[:MOST_ADDRESS] or None,
            subject=letter.subject,
            fresh=letter.fresh,
            quoted=letter.quoted,
            status_code=letter.status,
            diagnostic=letter.diagnostic,
            until=back_at(letter, campaign, now) if letter.kind == OUT_OF_OFFICE else None,
            sent_at=letter.sent_at,
            received_at=now,
        )
    )
    act(session, campaign, prospect, found.message, letter, now)
    return True
