"""The lane: pick, claim, hand over, record, pause; until there is nothing to do or the slice ends."""

import logging
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.outgoing import Channel, Doubtful, Unsent
from campaigns.models.lanes import Candidate, candidates
from campaigns.models.sender import LEASE, Sender
from campaigns.models.sessions import ring
from campaigns.models.trouble import first_line, trouble_of
from campaigns.models.workspace import Workspace
from campaigns.rules.tracing import about
from campaigns.sending.claiming import Claim, LeaseLost, claim
from campaigns.sending.recording import Outcome, blame_account, record
from campaigns.sending.telling import tell

log = logging.getLogger(__name__)

# A lane gives its worker back after this long, so that others get their turn.
SLICE = timedelta(seconds=5)
# A gap shorter than this is waited for inside the lane; for a longer one the timetable calls it back.
SHORT_GAP = timedelta(milliseconds=500)
NO_GAP = timedelta()
# How often and after what pauses an outcome is written down again while the database is away: for half a minute.
RECORD_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0.1, 0.2, 0.4, 0.8, 1.5, 3, 5, 8, 13))

Sessions = sessionmaker[Session]
Line = list[Candidate]


@dataclass
class Lane:
    """One run of one sender's line. `clock` tells the time, `wait` passes it, whoever asks to stop; `reading`
    sessions never write; `stop` says that the process is asked to end."""

    sessions: Sessions
    reading: Sessions
    sender_id: UUID
    open_channel: Callable[[Sender], Channel]
    clock: Callable[[], datetime]
    wait: Callable[[timedelta], None]
    stop: Callable[[], bool] = lambda: False
    chance: random.Random = field(default_factory=random.SystemRandom)
    token: str = field(default_factory=lambda: str(uuid4()))

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
        shut: set[tuple[UUID, str]] = set()
        # A clock that is put back ends the slice, instead of making it longer.
        while began <= self.clock() < began + length and not self.stop():
            candidate = self._pick(shut)
            if candidate is None:
                break
            channel = channel or self._open(connection)
            if channel is None:
                break
            claimed = self._claim(candidate)
            if isinstance(claimed, Claim):
                sent += self._hand_over(channel, claimed)
            elif claimed:
                shut.add((candidate.campaign_id, candidate.clock))
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

    def _line(self, session: Session) -> Line:
        account = select(Sender, Workspace.timezone).join(Workspace, Workspace.id == Sender.workspace_id)
        found = session.execute(account.where(Sender.id == self.sender_id)).one_or_none()
        return candidates(session, found[0], found[1], self.clock()) if found else []

    def _gap_left(self, session: Session) -> timedelta:
        sender = session.get(Sender, self.sender_id)
        return sender.next_send_at - self.clock() if sender and sender.next_send_at else NO_GAP

    def _pick(self, shut: set[tuple[UUID, str]]) -> Candidate | None:
        """The next in line whose gate has not been found shut, after the account's gap if it is a short one."""
        with self.reading() as session:
            line = self._line(session)
            left = NO_GAP if line else self._gap_left(session)
        if NO_GAP < left <= SHORT_GAP:
            self.wait(left)
            with self.reading() as session:
                line = self._line(session)
        return next((head for head in line if (head.campaign_id, head.clock) not in shut), None)

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

    def _claim(self, candidate: Candidate) -> Claim | bool:
        """A Claim to hand over; else whether a gate turned out to be closed."""
        # Nothing that is asked depends on what is changed: all of it is written once, at the commit.
        with self.sessions.begin() as session, session.no_autoflush:
            outcome = claim(session, self.sender_id, self.token, candidate.prospect_id, self.clock, self._gap)
        return outcome if isinstance(outcome, Claim) else hasattr(outcome, "gate")

    def _gap(self, sender: Sender) -> timedelta:
        return timedelta(seconds=self.chance.uniform(sender.min_gap, max(sender.min_gap, sender.max_gap)))

    def _hand_over(self, channel: Channel, claimed: Claim) -> int:
        outcome: Outcome
        with about(
            campaign_id=claimed.campaign_id,
            sender_id=claimed.sender_id,
            prospect_id=claimed.prospect_id,
            message_id=claimed.message_id,
        ):
            try:
                outcome = channel.send(claimed.outgoing)
            except (Unsent, Doubtful) as failed:
                outcome = failed
            self._record(claimed, outcome, self.clock())
        return int(isinstance(outcome, str))

    def _record(self, claimed: Claim, outcome: Outcome, at: datetime) -> None:
        """Write the outcome of `at` down, although the database may be away or this process be asked to stop:
        nobody else knows it, and a person would have to find out. A commit that came through without saying so is
        not written twice (`record`)."""
        for pause in (*RECORD_PAUSES, None):
            try:
                with self.sessions.begin() as session, session.no_autoflush:
                    # Not the present: delays count from when it left. But nothing is of the future, if the
                    # clock was put back meanwhile.
                    became = record(session, claimed, outcome, min(at, self.clock()), self._gap)
                tell(became, outcome)
                return
            except DBAPIError as away:
                if pause is None:
                    raise
                log.warning(
                    "The outcome is not written down yet, and will be: %s", trouble_of(away) or first_line(away)
                )
                self.wait(pause)
