"""Playing the engine in simulated time: real verbs and a real database, a clock that jumps, a channel that records."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Self
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import launching, minding, tasking, ticking, waking
from campaigns.channels.outgoing import Already, Approach, Receipt, Unsent
from campaigns.models import Bell, Campaign, Gate, Message, Prospect, Sender, SenderUse, Workspace
from campaigns.rules.days import next_day
from campaigns.rules.gates import WEEK
from campaigns.rules.outgoing import Outgoing
from campaigns.sending import Lane
from tests import make
from tests.databases import Database

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Sent:
    """One message that a channel took, and when."""

    at: datetime
    outgoing: Any  # an Outgoing or an Approach

    @property
    def to(self) -> str:
        return str(getattr(self.outgoing, "to_address", None) or self.outgoing.profile_url)

    @property
    def by(self) -> str:
        return self.outgoing.from_address


class Crash(BaseException):
    """What a process that dies in the middle of a send looks like from inside."""


@dataclass
class Network:
    """LinkedIn as a provider shows it: who is connected with which account, whom it invited, and who refuses what."""

    connected: set[tuple[UUID, str]] = field(default_factory=set)
    invited: set[tuple[UUID, str]] = field(default_factory=set)

    def take(self, account: UUID, approach: Approach) -> Receipt:
        """Raises Unsent where LinkedIn would not have it."""
        pair, person_id = (account, approach.profile_url), f"id of {approach.profile_url}"
        if approach.step == "message" and pair not in self.connected:
            raise Unsent("Not connected.", lasting=True)
        if approach.step == "connection_request":
            if pair in self.connected:
                raise Already("They are connected.", "connected", person_id)
            if pair in self.invited:
                raise Already("An invitation is pending.", "connection_sent", person_id)
            self.invited.add(pair)
        return Receipt("taken", person_id)


@dataclass
class Post:
    """The outside world: takes messages, or does what `instead` says.

    `instead` is called with each message before it is taken; it may raise. `afterwards` is called once it is
    taken, and may raise too: then it left, and nobody was told.
    """

    clock: Callable[[], datetime]
    sent: list[Sent] = field(default_factory=list)
    opened: int = 0
    network: Network = field(default_factory=Network)
    instead: Callable[[Any], None] = lambda _: None
    afterwards: Callable[[Any], None] = lambda _: None
    on_opening: Callable[[Sender], None] = lambda _: None

    def channel(self, sender: Sender) -> "PostChannel":
        self.on_opening(sender)
        self.opened += 1
        return PostChannel(self, sender.id)


@dataclass
class PostChannel:
    """An open connection to the post."""

    post: Post
    account: UUID

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ready(self) -> None:
        """It is always connected."""

    def send(self, outgoing: Outgoing | Approach) -> str:
        self.post.instead(outgoing)
        linkedin = isinstance(outgoing, Approach)
        receipt = self.post.network.take(self.account, outgoing) if linkedin else "250 taken"
        self.post.sent.append(Sent(self.post.clock(), outgoing))
        self.post.afterwards(outgoing)
        return receipt


class Play:
    """A database, a clock and a post. Bells are answered when the play says so, in the order they were rung."""

    def __init__(self, db: Database, now: datetime = make.NOW) -> None:
        self.db = db
        self.now = now
        self.post = Post(lambda: self.now)
        self.chance = Random(7)
        self.answered = 0
        # A lane that comes back more often than this without time passing is going round in circles.
        self.most_bells = 500

    @property
    def sent(self) -> list[Sent]:
        return self.post.sent

    @property
    def people(self) -> list[str]:
        """To whom messages went, in order."""
        return [sent.to for sent in self.sent]

    def clock(self) -> datetime:
        return self.now

    def wait(self, time: timedelta) -> None:
        self.now += time

    def do(self, verb: Callable[..., Any], *args: Any, **values: Any) -> Any:
        """Call a verb in a transaction of its own."""
        with self.db.sessions.begin() as session:
            return verb(session, *args, **values)

    # The jobs, as jobs/*.py have them.

    def lane(self, sender_id: UUID, **options: Any) -> Lane:
        return Lane(
            sessions=self.db.sessions,
            reading=self.db.reading,
            sender_id=sender_id,
            open_channel=self.post.channel,
            clock=self.clock,
            wait=self.wait,
            chance=self.chance,
            **options,
        )

    def wake(self, wake_up_id: UUID) -> None:
        with self.db.sessions.begin() as session:
            record = waking.wake(session, wake_up_id, now=self.now, job_id="job")
            if record is not None:
                waking.finish(record, now=self.now)

    def answer(self, bell: Bell) -> None:
        self.answered += 1
        subject = UUID(bell.args[0])
        if bell.job == "wake":
            self.wake(subject)
        elif bell.job == "launch":
            self.do(launching.start, subject, now=self.now, by=bell.args[1] or None)
        else:
            self.lane(subject).run()

    def answer_all(self) -> None:
        """Answer every bell, and those that are rung meanwhile."""
        for _ in range(self.most_bells):
            if not self.db.rung:
                return
            bell = self.db.rung.pop(0)
            while bell in self.db.rung:  # one mark a bell until it is answered
                self.db.rung.remove(bell)
            self.answer(bell)
        raise AssertionError(f"bells without end: {self.db.rung[:3]}")

    def tick(self) -> None:
        """One tick, and whatever it rings for."""
        self.do(minding.mind_clock, self.clock)
        self.do(ticking.settle, self.now)
        self.do(tasking.sweep, self.now)
        with self.db.reading.begin() as session:
            ticking.ring_lanes(session, self.now)
        self.answer_all()

    def play(self, until: datetime) -> None:
        """Tick at every instant at which anything may change, up to `until`."""
        while self.now <= until:
            self.tick()
            upcoming = self._next_instant()
            if upcoming is None or upcoming > until:
                break
            self.now = upcoming
        self.now = max(self.now, until)
        self.tick()

    def _next_instant(self) -> datetime | None:
        """The next instant that stands anywhere, or midnight while anybody is waiting."""
        with self.db.sessions() as session:
            columns = (Prospect.due_at, Gate.opens_at, Gate.closes_at, Sender.next_send_at, Sender.lease_until)
            instants = [session.scalar(select(func.min(column)).where(column > self.now)) for column in columns]
            use = session.scalar(select(func.min(SenderUse.at)).where(SenderUse.at > self.now - WEEK))
            instants += [use + WEEK] if use else []
            limits = [limit for found in session.scalars(select(Sender.limited)) for limit in (found or {}).values()]
            instants += [until for limit in limits if (until := datetime.fromisoformat(limit["until"])) > self.now]
            waiting = session.scalar(select(func.count()).where(Prospect.due_at.is_not(None)))
            midnights = [next_day(self.now, zone) for zone in session.scalars(select(Workspace.timezone).distinct())]
        found = [instant for instant in [*instants, *midnights] if instant is not None]
        return min(found) if waiting else None

    # Looking.

    def session(self) -> Session:
        return self.db.sessions()

    def prospect(self, prospect_id: UUID) -> Prospect:
        with self.db.sessions() as session:
            return session.get_one(Prospect, prospect_id)

    def statuses(self) -> dict[str, str]:
        """Address -> status."""
        with self.db.sessions() as session:
            return {row.email: row.status for row in session.execute(select(Prospect.email, Prospect.status))}

    def messages(self) -> list[Message]:
        with self.db.sessions() as session:
            return list(session.scalars(select(Message).order_by(Message.id)))

    def campaign(self, campaign_id: UUID) -> Campaign:
        with self.db.sessions() as session:
            return session.get_one(Campaign, campaign_id)

    def sender(self, sender_id: UUID) -> Sender:
        with self.db.sessions() as session:
            return session.get_one(Sender, sender_id)
