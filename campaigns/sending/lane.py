"""The lane: pick, claim, hand over, record, pause; until there is nothing to do or the slice ends.

Between two messages lies one transaction: it writes down what became of the one and claims the next
(docs/decisions/0011). Before the first, and wherever that cannot be, each is a transaction of its own.
"""

import logging
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeGuard
from uuid import UUID, uuid4

from sqlalchemy import or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.outgoing import Channel, Doubtful, Unsent
from campaigns.models.lanes import Candidate, candidates
from campaigns.models.prospect import Prospect
from campaigns.models.sender import LEASE, Sender
from campaigns.models.sessions import ring
from campaigns.models.trouble import first_line, trouble_of
from campaigns.models.workspace import Workspace
from campaigns.rules import lifecycle
from campaigns.rules.gates import Closed
from campaigns.rules.links import Links
from campaigns.rules.tracing import about
from campaigns.sending.account import Account, lock_account, save
from campaigns.sending.claiming import Claim, LeaseLost, claim
from campaigns.sending.person import wait_for
from campaigns.sending.recording import Outcome, Overtaken, blame_account, record, take_back
from campaigns.sending.steps import Steps
from campaigns.sending.telling import tell

log = logging.getLogger(__name__)

# A lane gives its worker back after this long, so that others get their turn.
SLICE = timedelta(seconds=5)
# A gap shorter than this is waited for inside the lane; for a longer one the timetable calls it back.
SHORT_GAP = timedelta(milliseconds=500)
NO_GAP = timedelta()
# What was found out this long ago at most is still so when a message is handed over.
FRESH = timedelta(milliseconds=100)
# How often and after what pauses an outcome is written down again while the database is away: for half a minute.
RECORD_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0.1, 0.2, 0.4, 0.8, 1.5, 3, 5, 8, 13))

Sessions = sessionmaker[Session]
Line = tuple[UUID, str, bool]


@dataclass(frozen=True)
class Handed:
    """A message that was handed over `at` an instant, and what the channel said."""

    claimed: Claim
    outcome: Outcome
    at: datetime

    @property
    def sent(self) -> bool:
        """Whether it left, for certain."""
        return isinstance(self.outcome, str)


@dataclass
class Lane:
    """One run of one sender's line. `clock` tells the time, `wait` passes it, whoever asks to stop; `reading`
    sessions never write; `stop` says that the process is asked to end; `links` are those that messages carry."""

    sessions: Sessions
    reading: Sessions
    sender_id: UUID
    open_channel: Callable[[Sender], Channel]
    clock: Callable[[], datetime]
    wait: Callable[[timedelta], None]
    stop: Callable[[], bool] = lambda: False
    links: Links | None = None
    chance: random.Random = field(default_factory=random.SystemRandom)
    token: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        self._steps = Steps()
        self._shut: set[Line] = set()  # those whose gate was found closed

    def run(self, length: timedelta = SLICE) -> int:
        """Work for at most `length`; the number of messages sent. 0 at once if another lane holds the lease."""
        if not self._take_lease():
            return 0
        try:
            with ExitStack() as connection:
                return self._work(connection, length)
        except LeaseLost:
            return 0
        finally:
            self._give_lease_back()

    def _work(self, connection: ExitStack, length: timedelta) -> int:
        sent, began = 0, self.clock()
        channel: Channel | None = None

        def is_on() -> bool:
            # A clock that is put back ends the slice, instead of making it longer.
            return began <= self.clock() < began + length and not self.stop()

        while is_on() and (candidate := self._pick()):
            channel = channel or self._open(connection)
            if channel is None:
                break
            claimed = self._claim(candidate)
            while claimed:
                handed = self._hand_over(channel, claimed)
                sent += handed.sent
                claimed = self._go_on(handed, may_claim=is_on())
        return sent

    def _take_lease(self) -> bool:
        now = self.clock()
        free = or_(Sender.lease_until.is_(None), Sender.lease_until <= now)
        take = update(Sender).where(Sender.id == self.sender_id, free)
        with self.sessions.begin() as session:
            taken = session.execute(take.values(lease_token=self.token, lease_until=now + LEASE))
            return bool(taken.rowcount)  # type: ignore[attr-defined]

    def keep_alive(self) -> None:
        """Prolong the lease; called every HEARTBEAT from beside the lane, which may be waiting for a server."""
        prolong = update(Sender).where(Sender.id == self.sender_id, Sender.lease_token == self.token)
        with self.sessions.begin() as session:
            session.execute(prolong.values(lease_until=self.clock() + LEASE))

    def _give_lease_back(self) -> None:
        give = update(Sender).where(Sender.id == self.sender_id, Sender.lease_token == self.token)
        with self.sessions.begin() as session:
            session.execute(give.values(lease_token=None, lease_until=None))
        # Work that came up while the lease was held rang a bell that nobody answered.
        with self.sessions.begin() as session:
            if self._line(session):
                ring(session, "lane", self.sender_id)

    def _line(self, session: Session) -> list[Candidate]:
        account = select(Sender, Workspace.timezone).join(Workspace, Workspace.id == Sender.workspace_id)
        found = session.execute(account.where(Sender.id == self.sender_id)).one_or_none()
        return candidates(session, found[0], found[1], self.clock()) if found else []

    def _gap_left(self, session: Session) -> timedelta:
        sender = session.get(Sender, self.sender_id)
        return sender.next_send_at - self.clock() if sender and sender.next_send_at else NO_GAP

    def _pick(self) -> Candidate | None:
        """The next in line whose gate has not been found shut, after the account's gap if it is a short one."""
        with self.reading() as session:
            line = self._line(session)
            left = NO_GAP if line else self._gap_left(session)
        if NO_GAP < left <= SHORT_GAP:
            self.wait(left)
            with self.reading() as session:
                line = self._line(session)
        return self._first(line)

    def _first(self, heads: list[Candidate]) -> Candidate | None:
        return next((head for head in heads if head.line not in self._shut), None)

    def _open(self, connection: ExitStack) -> Channel | None:
        with self.reading() as session:
            sender = session.get_one(Sender, self.sender_id)
        try:
            return connection.enter_context(self.open_channel(sender))
        except Unsent as failed:
            with self.sessions.begin() as session:
                blame_account(session, self.sender_id, failed, self.clock())
            with about(sender_id=self.sender_id):
                tell("refused", failed)
            return None

    def _claim(self, candidate: Candidate) -> Claim | None:
        """A Claim to hand over, if it comes to one; whoever holds the rows is waited for."""
        with self.sessions.begin() as session:
            account = lock_account(session, self.sender_id)
            if not self._is_ours(account):
                raise LeaseLost
            wait_for(session, candidate.prospect_id)
            claimed = self._try(session, account, candidate)
            save(session, account.sender)
            return claimed

    def _try(self, session: Session, account: Account, candidate: Candidate) -> Claim | None:
        outcome = claim(session, account, self._steps, candidate.prospect_id, self.clock, self._gap, self.links)
        if isinstance(outcome, Closed):
            self._shut.add(candidate.line)
        return outcome if isinstance(outcome, Claim) else None

    def _is_ours(self, account: Account | None) -> TypeGuard[Account]:
        return account is not None and account.sender.lease_token == self.token

    def _gap(self, sender: Sender) -> timedelta:
        return timedelta(seconds=self.chance.uniform(sender.min_gap, max(sender.min_gap, sender.max_gap)))

    def _hand_over(self, channel: Channel, claimed: Claim) -> Handed:
        outcome: Outcome
        with about(**claimed.ids):
            try:
                channel.ready()
                self._look_again(claimed)
                outcome = channel.send(claimed.outgoing)
            except (Unsent, Doubtful) as failed:
                outcome = failed
        return Handed(claimed, outcome, self.clock())

    def _look_again(self, claimed: Claim) -> None:
        """Somebody may have answered, or said no, while the connection was opened. Raises Overtaken."""
        if self.clock() - claimed.at < FRESH:
            return
        with self.reading() as session:
            status = session.scalar(select(Prospect.status).where(Prospect.id == claimed.prospect_id))
        if status in lifecycle.TERMINAL:
            raise Overtaken(status)

    def _go_on(self, handed: Handed, *, may_claim: bool) -> Claim | None:
        """Write down that a message left and claim the next one, in one transaction. What did not leave gives back
        what others count, too, and is written down alone. So it is if anything goes wrong: the outcome comes first."""
        following = None
        if not (handed.sent and may_claim):
            self._record(handed)
            return None
        try:
            with self.sessions.begin() as session:
                account = lock_account(session, self.sender_id)
                became = self._write(session, account, handed)
                if account is not None:
                    following = self._next(session, account)
                    save(session, account.sender)
        except Exception as failed:
            log.info("The next message waits until the outcome of this one is written down: %s", type(failed).__name__)
            self._record(handed, astray=following)
            return None
        self._tell(became, handed)
        return following

    def _next(self, session: Session, account: Account) -> Claim | None:
        """The next message, if nothing has to be waited for, neither a gap nor whoever holds a row of it: with the rows
        of the last one in hand, a lane and somebody else could wait for each other."""
        paused = account.sender.next_send_at is not None and account.sender.next_send_at > self.clock()
        if paused or not self._is_ours(account):
            return None
        head = self._first(candidates(session, account.sender, account.timezone, self.clock()))
        return self._try(session, account, head) if head else None

    def _record(self, handed: Handed, astray: Claim | None = None) -> None:
        """Write the outcome down, although the database may be away or this process be asked to stop: nobody else
        knows it, and a person would have to find out. A commit that came through without saying so is not written
        twice (`record`); the claim that may have been in it, `astray`, is taken back."""
        for pause in (*RECORD_PAUSES, None):
            try:
                with self.sessions.begin() as session:
                    account = lock_account(session, self.sender_id)
                    became = self._write(session, account, handed)
                    if astray is not None and self._is_ours(account):
                        take_back(session, self._steps, astray, self.clock())
                    if account is not None:
                        save(session, account.sender)
                break
            except DBAPIError as away:
                if pause is None:
                    raise
                with about(**handed.claimed.ids):
                    words = "The outcome is not written down yet, and will be: %s"
                    log.warning(words, trouble_of(away) or first_line(away))
                self.wait(pause)
        self._tell(became, handed)

    def _write(self, session: Session, account: Account | None, handed: Handed) -> str | None:
        sender = account.sender if account else None
        # Not the present: delays count from when it left. But nothing is of the future, if the clock was put back
        # meanwhile.
        at = min(handed.at, self.clock())
        return record(session, sender, self._steps, handed.claimed, handed.outcome, at, self._gap)

    def _tell(self, became: str | None, handed: Handed) -> None:
        with about(**handed.claimed.ids):
            tell(became, handed.outcome)
