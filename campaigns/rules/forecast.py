"""Playing campaigns forward: when each message would leave, were nothing to change and nobody to answer.

The lanes are played with the engine's own judge (rules/gates.py) and its own order (CONTRACT section 4), on a
clock that jumps from one possible send to the next. A gap is taken at the middle of its range.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from heapq import heappop, heappush
from typing import Any
from uuid import UUID

from campaigns.rules.days import local_day, next_day
from campaigns.rules.gates import WEEK, Facts, earliest, eligible
from campaigns.rules.hours import Hours, is_open, next_close
from campaigns.rules.lifecycle import ACTIVE
from campaigns.rules.ramp import Ramp, limit_on
from campaigns.rules.sequence import CONNECTION_REQUEST, following

# Messages after which a forecast stops: more would not be looked at, and the rate is known by then.
MOST_DEPARTURES = 60_000


@dataclass(frozen=True)
class Stop:
    """A node of a sequence."""

    position: int
    type: str
    delay_days: int | None
    delay_hours: int | None
    delay_minutes: int | None


@dataclass(frozen=True)
class Course:
    """A campaign, played as though it were active. `used` counts the people it messaged today; `turns` says when
    each account last wrote to a new person of it."""

    id: UUID
    hours: Hours | None
    prospect_timezone: bool
    daily_limit: int | None
    used: int
    nodes: tuple[Stop, ...]
    turns: Mapping[UUID, datetime] = field(default_factory=dict)

    def zone(self, clock: str) -> str | None:
        """The zone that the hours are read in for a prospect of this clock; None for their own."""
        return clock if clock and self.prospect_timezone else None

    @cached_property
    def steps(self) -> dict[int, tuple[Stop, timedelta]]:
        """Position -> what follows it, and after what delay."""
        return {
            node.position: following(self.nodes, node.position)
            for node in self.nodes
            if node.type not in ("end", "delay")
        }

    @cached_property
    def kinds(self) -> dict[int, str]:
        """Position -> the kind of step that stands there."""
        return {node.position: node.type for node in self.nodes}


@dataclass(frozen=True)
class Week:
    """What a LinkedIn seat may do of one kind of step: `limit` in any 7 days, of which it has used some at these
    instants, the oldest first; and none before `limited_until`."""

    limit: int
    uses: tuple[datetime, ...] = ()
    limited_until: datetime | None = None


@dataclass(frozen=True)
class Account:
    """A sender account: its own daily limit and those of campaigns, what it sent today, the middle of its gap and how
    it ramps up; of a LinkedIn seat, kind of step -> its week."""

    id: UUID
    status: str
    reason: str | None
    daily_limit: int
    limits: Mapping[UUID, int]
    used: int
    next_send_at: datetime | None
    gap: timedelta
    ramp: Ramp | None = None
    weeks: Mapping[str, Week] = field(default_factory=dict)


@dataclass(frozen=True)
class Traveller:
    """A prospect on the way: the position of the step that comes next, and when its delays are over."""

    id: UUID
    campaign_id: UUID
    sender_id: UUID
    clock: str
    position: int
    due_at: datetime
    contacted: bool
    counted_on: date | None


@dataclass(frozen=True)
class Departure:
    """A message that would leave."""

    at: datetime
    campaign_id: UUID
    sender_id: UUID
    prospect_id: UUID
    position: int


@dataclass
class Forecast:
    """What would leave and when, in order of time.

    `held` is how long each account had somebody due and could not send, by the gate that held it. `cut_off`
    says that more would follow than was played. `ends_at` is when the last sequence would be completed. `invited` are
    those who would be asked to connect: what follows for them, nobody can foretell.
    """

    departures: list[Departure] = field(default_factory=list)
    held: defaultdict[tuple[UUID, str], timedelta] = field(default_factory=lambda: defaultdict(timedelta))
    cut_off: bool = False
    ends_at: datetime | None = None
    invited: int = 0

    def of(self, campaign_id: UUID) -> list[Departure]:
        """The departures of one campaign."""
        return [departure for departure in self.departures if departure.campaign_id == campaign_id]


def play(
    courses: Iterable[Course],
    accounts: Iterable[Account],
    people: Iterable[Traveller],
    *,
    timezone: str,
    now: datetime,
    most: int = MOST_DEPARTURES,
) -> Forecast:
    """Play everybody forward from `now`; daily limits count days of `timezone`."""
    return _Play({each.id: each for each in courses}, {each.id: each for each in accounts}, timezone, now).run(
        people, most
    )


class _Play:
    def __init__(
        self, courses: Mapping[UUID, Course], accounts: Mapping[UUID, Account], timezone: str, now: datetime
    ) -> None:
        self.courses, self.accounts, self.timezone, self.now = courses, accounts, timezone, now
        self.today = local_day(now, timezone)
        self.tomorrow = next_day(now, timezone)
        self.used: defaultdict[tuple[UUID, date], int] = defaultdict(int)
        self.used |= {(course.id, self.today): course.used for course in courses.values()}
        self.used |= {(account.id, self.today): account.used for account in accounts.values()}
        self.next_send_at = {account.id: account.next_send_at for account in accounts.values()}
        self.weeks = {
            (account.id, kind): list(week.uses) for account in accounts.values() for kind, week in account.weeks.items()
        }
        self.turns = {(course.id, sender): turn for course in courses.values() for sender, turn in course.turns.items()}
        self.lanes: defaultdict[UUID, dict[tuple[Any, ...], list[Any]]] = defaultdict(dict)
        self.closes: dict[tuple[UUID, str], datetime] = {}
        self.forecast = Forecast()

    def run(self, people: Iterable[Traveller], most: int) -> Forecast:
        for person in people:
            self._queue(person)
        clock = [(self.now, place, sender) for place, sender in enumerate(self.accounts) if sender in self.lanes]
        while clock:
            if len(self.forecast.departures) >= most:
                self.forecast.cut_off = True
                break
            t, place, sender = heappop(clock)
            again = self._turn(sender, t)
            if again is not None:
                heappush(clock, (again, place, sender))
        return self.forecast

    def _queue(self, person: Traveller) -> None:
        line = self.lanes[person.sender_id].setdefault(self._line(person), [])
        heappush(line, (person.due_at, person.id.int, person))

    def _line(self, person: Traveller) -> tuple[Any, ...]:
        """People of one line are served in the order of their due instants, and meet the same gates."""
        kind = self.courses[person.campaign_id].kinds[person.position]
        return person.campaign_id, person.clock, person.contacted, person.counted_on, kind

    def _turn(self, sender: UUID, t: datetime) -> datetime | None:
        """Send what this account may send at `t`; when to look again, None where nobody is left who ever may."""
        if t >= self.tomorrow:
            self.today, self.tomorrow = local_day(t, self.timezone), next_day(t, self.timezone)
        heads = [line[0][2] for line in self.lanes[sender].values() if line]
        due = sorted((head for head in heads if head.due_at <= t), key=self._rank)
        for head in due:
            if eligible(self._facts(head, t), t) is None:
                return self._depart(head, t)
        openings = [opens for head in heads if (opens := earliest(self._facts(head, t), t)) is not None]
        again = min(openings, default=None)
        if due and again is not None:
            self._hold(due[0], t, again)
        return again

    def _rank(self, person: Traveller) -> tuple[Any, ...]:
        if person.contacted:
            return (0, person.due_at, person.id)
        turn = self.turns.get((person.campaign_id, person.sender_id))
        return (1, turn.timestamp() if turn else float("-inf"), person.due_at, person.id)

    def _facts(self, person: Traveller, t: datetime) -> Facts:
        course, account = self.courses[person.campaign_id], self.accounts[person.sender_id]
        kind = course.kinds[person.position]
        week = account.weeks.get(kind)
        return Facts(
            due_at=person.due_at,
            campaign_status=ACTIVE,
            pause_reason=None,
            hours=None if self._known_open(course, person.clock, t) else course.hours,
            clock=course.zone(person.clock),
            timezone=self.timezone,
            today=self.today,
            campaign_limit=course.daily_limit,
            campaign_used=self.used[course.id, self.today],
            counted_today=person.counted_on == self.today,
            sender_status=account.status,
            sender_reason=account.reason,
            sender_limit=limit_on(self.today, account.limits.get(course.id, account.daily_limit), account.ramp),
            sender_used=self.used[account.id, self.today],
            weekly_limit=week.limit if week else None,
            week_uses=tuple(self._in_week(account, kind, t)) if week else (),
            limited_until=week.limited_until if week else None,
            next_send_at=self.next_send_at[account.id],
            suppressed=False,
        )

    def _in_week(self, account: Account, kind: str, t: datetime) -> list[datetime]:
        uses = self.weeks[account.id, kind]
        while uses and uses[0] <= t - WEEK:
            del uses[0]
        return uses

    def _known_open(self, course: Course, clock: str, t: datetime) -> bool:
        """Whether `t` lies in an opening that was found before. Hours are evaluated once an opening, as the
        engine's gates are; a closed answer is left to the judge, who also says when it opens."""
        closes = self.closes.get((course.id, clock))
        if closes is not None and t < closes:
            return True
        zone = course.zone(clock)
        if is_open(course.hours, t, zone):
            closes = next_close(course.hours, t, zone)
            self.closes[course.id, clock] = closes or t + timedelta(days=365)
            return True
        return False

    def _depart(self, person: Traveller, t: datetime) -> datetime:
        course, account = self.courses[person.campaign_id], self.accounts[person.sender_id]
        heappop(self.lanes[account.id][self._line(person)])
        self.forecast.departures.append(Departure(t, course.id, account.id, person.id, person.position))
        self.used[account.id, self.today] += 1
        if (kind := course.kinds[person.position]) in account.weeks:
            self.weeks[account.id, kind].append(t)
        if person.counted_on != self.today:
            self.used[course.id, self.today] += 1
        if not person.contacted:
            self.turns[course.id, account.id] = t
        again = self.next_send_at[account.id] = t + account.gap
        self._go_on(course, person, t)
        if account.gap and any(line and line[0][0] <= t for line in self.lanes[account.id].values()):
            self.forecast.held[account.id, "sender_gap"] += account.gap
        return again

    def _go_on(self, course: Course, person: Traveller, t: datetime) -> None:
        node, delay = course.steps[person.position]
        if course.kinds[person.position] == CONNECTION_REQUEST:
            self.forecast.invited += 1
            return
        if node.type == "end":
            self.forecast.ends_at = max(self.forecast.ends_at or t, t + delay)
            return
        self._queue(
            Traveller(
                person.id,
                person.campaign_id,
                person.sender_id,
                person.clock,
                node.position,
                t + delay,
                contacted=True,
                counted_on=self.today,
            )
        )

    def _hold(self, first: Traveller, t: datetime, again: datetime) -> None:
        closed = eligible(self._facts(first, t), t)
        if closed is not None:
            self.forecast.held[first.sender_id, closed.gate] += again - t


# Gates that somebody could widen by a number, and those that merely pass.
LIMITS = ("campaign_daily_limit", "sender_daily_limit", "sender_weekly_limit", "sender_gap")


def bottleneck(forecast: Forecast, departures: Sequence[Departure]) -> tuple[UUID, str] | None:
    """The account that sends the last of `departures`, and what held it most: a limit where one did, else hours
    or the delays themselves; None without any."""
    if not departures:
        return None
    sender = departures[-1].sender_id
    held = {gate: time for (account, gate), time in forecast.held.items() if account == sender}
    limits = [gate for gate in LIMITS if gate in held] or list(held) or ["delay"]
    return sender, max(limits, key=lambda gate: held.get(gate, timedelta()))
