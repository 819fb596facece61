"""Days on which clocks are changed, midnights, weekends: played through the engine, checked by the wall clock.

What is expected is worked out minute by minute from the definition in CONTRACT section 3 (`shown_open` of the
oracle), which shares no code with the engine.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models import Campaign, Prospect, Sender, SenderUse
from campaigns.models.facts import read_facts
from campaigns.models.finding import nodes_of
from campaigns.rules.gates import Closed, eligible
from campaigns.rules.hours import DAYS
from campaigns.rules.lifecycle import ACTIVE, LINKEDIN
from tests import make
from tests.databases import Database
from tests.rules.test_hours_oracle import Week, shown_open
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND, Play

GAP = 15 * MINUTE
# Windows that like the hours in which clocks are changed, on every day of the week.
AROUND = [("00:00", "00:20"), ("01:30", "02:20"), ("02:40", "03:30"), ("22:30", "23:10"), ("23:40", "24:00")]

# Zone, the instant (UTC) from which on a day and a half is played
CHANGES = [
    ("Australia/Lord_Howe", "2026-04-04"),  # half an hour back
    ("Australia/Lord_Howe", "2026-10-03"),  # half an hour forward
    ("Pacific/Apia", "2011-12-29T06"),  # no Friday
    ("Pacific/Apia", "2012-03-31"),
    ("Pacific/Apia", "2012-09-29"),
    ("Africa/Casablanca", "2026-02-14T12"),  # back for Ramadan
    ("Africa/Casablanca", "2026-03-21T12"),  # and forward after it
    ("America/Nuuk", "2023-03-25"),  # forward for the last time from -03
    ("America/Nuuk", "2023-10-28"),  # not back: -02 is the standard time from now on
    ("America/Nuuk", "2024-03-30"),
    ("America/Nuuk", "2024-10-26T12"),  # repeats the hour before midnight
    ("Asia/Kathmandu", "2026-03-28"),  # +05:45, never changed
    ("Europe/Berlin", "2026-03-28T12"),
    ("Europe/Berlin", "2026-10-24T12"),
    ("America/New_York", "2026-03-07T12"),
    ("America/New_York", "2026-10-31T12"),
]


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


@pytest.fixture
def quick_play(sqlite_db: Database) -> Play:
    """For what does not depend on the kind of database, and is played for many zones."""
    return Play(sqlite_db)


def every_day(windows: list[tuple[str, str]]) -> Week:
    return {day: [{"start": start, "end": end} for start, end in windows] for day in DAYS}


def only(day: str, start: str, end: str) -> Week:
    return every_day([]) | {day: [{"start": start, "end": end}]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first_open(week: Week, zone: ZoneInfo, t: datetime) -> datetime:
    """Minute by minute: every opening of these windows is at a full minute."""
    while not shown_open(week, zone, t):
        t = (t + MINUTE).replace(second=0, microsecond=0)
    return t


def launched(play: Play, n: int, account: dict[str, Any] | None = None, **values: Any) -> Campaign:
    """An active campaign from one account; `timezone` is the workspace's."""
    zone = values.pop("timezone", "UTC")
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session, timezone=zone)
        sender = make.sender(session, workspace, **(account or {}))
        return make.launched(session, workspace, n, now=play.now, senders=[sender], **values)


def times(play: Play) -> list[datetime]:
    return [sent.at for sent in play.sent]


# Changes of the clock ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "start"), CHANGES)
def test_on_a_day_on_which_the_clock_is_changed_messages_leave_when_the_wall_clock_says(
    quick_play: Play, name: str, start: str
) -> None:
    """Every gap ends in a send or waits for an opening: the whole list of instants is known beforehand."""
    play, week, zone = quick_play, every_day(AROUND), ZoneInfo(name)
    play.now = at(start)
    end = play.now + 36 * HOUR
    expected = [first_open(week, zone, play.now)]
    while (following := first_open(week, zone, expected[-1] + GAP)) <= end:
        expected.append(following)
    seconds = int(GAP.total_seconds())
    launched(play, 40, {"min_gap": seconds, "max_gap": seconds}, operating_hours={"timezone": name, **week})
    play.play(end)
    assert times(play) == expected
    assert len(set(play.people)) == len(expected) > 8


def test_people_of_many_zones_are_written_to_as_their_own_wall_clocks_say(quick_play: Play) -> None:
    """Three steps with three hours between them, over the night in which Berlin and New York differ."""
    play, week, names = quick_play, every_day(AROUND), sorted({name for name, _ in CHANGES})
    play.now = at("2026-03-28T12")
    nodes = [make.EMAIL_STEP, make.delay(hours=3), make.FOLLOW_UP, make.delay(hours=3), make.FOLLOW_UP, make.END]
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.campaign(
            session,
            workspace,
            nodes=nodes,
            senders=[make.sender(session, workspace)],
            operating_hours={"timezone": "UTC", **week},
            prospect_timezone=True,
            status=ACTIVE,
        )
        for name in names:
            make.prospect(session, campaign, clock=name, email=f"{name.replace('/', '.').lower()}@corp.example")
        make.place(session, campaign, play.now)
    play.play(play.now + 2 * DAY)
    for name in names:
        own = [sent.at for sent in play.sent if sent.to.startswith(name.replace("/", ".").lower())]
        expected = [first_open(week, ZoneInfo(name), at("2026-03-28T12"))]
        for _ in range(2):
            expected.append(first_open(week, ZoneInfo(name), expected[-1] + 3 * HOUR))
        assert own == expected, name


@pytest.mark.parametrize(
    ("name", "start", "week", "opening"),
    [
        # On 4 October 2026 half an hour is missing.
        ("Australia/Lord_Howe", "2026-10-02", only("sunday", "02:00", "02:30"), "2026-10-10T15:00"),
        ("Europe/Berlin", "2026-03-28", only("sunday", "02:00", "03:00"), "2026-04-05T00:00"),
        ("America/New_York", "2026-03-07", only("sunday", "02:15", "02:45"), "2026-03-15T06:15"),
        # 30 December 2011 is missing.
        ("Pacific/Apia", "2011-12-28", only("friday", "09:00", "17:00"), "2012-01-05T19:00"),
        # What begins in the missing time begins where it ends.
        ("Australia/Lord_Howe", "2026-10-02", only("sunday", "02:10", "02:40"), "2026-10-03T15:30"),
        ("America/Nuuk", "2024-03-30", only("saturday", "23:30", "24:00"), "2024-04-07T00:30"),
    ],
)
def test_a_window_that_the_clock_skips_never_comes(play: Play, name: str, start: str, week: Week, opening: str) -> None:
    play.now = at(start)
    launched(play, 1, operating_hours={"timezone": name, **week})
    play.play(at(opening) - SECOND)
    assert play.sent == []
    play.play(at(opening) + HOUR)
    assert times(play) == [at(opening)]


@pytest.mark.parametrize(
    ("name", "start", "week", "spans"),
    [
        # Once more after the clock was put back, with a break between.
        (
            "Europe/Berlin",
            "2026-10-24T12",
            only("sunday", "02:00", "02:30"),
            [("2026-10-25T00:00", "2026-10-25T00:30"), ("2026-10-25T01:00", "2026-10-25T01:30")],
        ),
        (
            "America/Nuuk",
            "2024-10-26T12",
            only("saturday", "23:15", "23:45"),
            [("2024-10-27T00:15", "2024-10-27T00:45"), ("2024-10-27T01:15", "2024-10-27T01:45")],
        ),
        # Twice without a break.
        (
            "Australia/Lord_Howe",
            "2026-04-04",
            only("sunday", "01:30", "02:00"),
            [("2026-04-04T14:30", "2026-04-04T15:30")],
        ),
    ],
)
def test_a_window_that_the_clock_repeats_is_open_both_times(
    play: Play, name: str, start: str, week: Week, spans: list[tuple[str, str]]
) -> None:
    play.now = at(start)
    launched(play, 99, {"min_gap": 300, "max_gap": 300}, operating_hours={"timezone": name, **week})
    play.play(play.now + DAY)
    expected = []
    for begin, end in spans:
        expected += [at(begin) + n * 5 * MINUTE for n in range(int((at(end) - at(begin)) / (5 * MINUTE)))]
    assert times(play) == expected


# Delays ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2026-03-28T08:00", "2026-03-29T08:00"),  # 09:00, then 10:00 on a clock that was put forward
        ("2026-10-24T07:00", "2026-10-25T08:00"),  # 09:00; 24 hours later it is 08:00, and closed until 09:00
    ],
)
def test_a_day_of_delay_is_24_hours_whatever_the_clock_does(play: Play, first: str, second: str) -> None:
    hours = {"timezone": "Europe/Berlin", **every_day([("09:00", "17:00")])}
    play.now = at(first) - 2 * HOUR
    nodes = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
    launched(play, 1, operating_hours=hours, timezone="Europe/Berlin", nodes=nodes)
    play.play(at(first) + 3 * DAY)
    assert times(play) == [at(first), at(second)]


@pytest.mark.parametrize("start", ["2026-03-28T20:30", "2026-10-24T20:30"])
def test_a_delay_through_the_night_of_a_change_is_as_long_as_any(play: Play, start: str) -> None:
    play.now = at(start)
    nodes = [make.EMAIL_STEP, make.delay(hours=6, minutes=30), make.FOLLOW_UP, make.END]
    launched(play, 1, timezone="Europe/Berlin", nodes=nodes)
    play.play(play.now + DAY)
    assert times(play) == [at(start), at(start) + 6 * HOUR + 30 * MINUTE]


# Midnight ----------------------------------------------------------------------------------------

# Zone of the workspace, start, days
MIDNIGHTS = [
    ("America/Sao_Paulo", "2018-11-02T15", 4),  # 4 November 2018 began at 01:00
    ("America/Havana", "2026-10-30T15", 4),  # 1 November 2026 has two midnights
    ("Pacific/Apia", "2011-12-28T20", 4),  # no 30 December
    ("Asia/Kathmandu", "2026-03-28T12", 3),
    ("America/Nuuk", "2024-10-25T12", 4),  # 26 October 2024 has 25 hours, the last one twice
    ("Australia/Lord_Howe", "2026-10-02T12", 4),
]


def beginnings(name: str, start: datetime, end: datetime) -> list[datetime]:
    """Minute by minute: the first instant of each calendar day of the zone, that of `start` being `start`."""
    zone, seen = ZoneInfo(name), dict[date, datetime]()
    t = start
    while t <= end:
        seen.setdefault(t.astimezone(zone).date(), t)
        t += MINUTE
    return list(seen.values())


@pytest.mark.parametrize("whose", ["account", "campaign"])
@pytest.mark.parametrize(("name", "start", "days"), MIDNIGHTS)
def test_limits_are_of_the_workspaces_day_whatever_the_campaigns_zone(
    quick_play: Play, name: str, start: str, days: int, whose: str
) -> None:
    play, limit = quick_play, 3
    play.now = at(start)
    end = play.now + days * DAY
    expected = [begin for begin in beginnings(name, play.now, end) for _ in range(limit)]
    always = {"timezone": "Pacific/Kiritimati", **every_day([("00:00", "24:00")])}
    account, values = ({"daily_limit": limit}, {}) if whose == "account" else ({}, {"daily_limit": limit})
    launched(play, 40, account, timezone=name, operating_hours=always, **values)
    play.play(end)
    assert times(play) == expected
    assert max(Counter(sent.astimezone(ZoneInfo(name)).date() for sent in times(play)).values()) == limit


def test_a_limit_is_not_renewed_by_the_midnight_of_the_campaigns_zone(play: Play) -> None:
    """Ten at night in New York is the next day in Berlin, where the hours are."""
    play.now = at("2026-03-02T13:00")
    berlin = {"timezone": "Europe/Berlin", **every_day([("14:00", "24:00"), ("00:00", "04:00")])}
    launched(play, 9, {"daily_limit": 2}, timezone="America/New_York", operating_hours=berlin)
    play.play(at("2026-03-03T04:59"))
    assert times(play) == [at("2026-03-02T13:00")] * 2
    play.play(at("2026-03-03T13:00"))
    assert times(play)[2:] == [at("2026-03-03T13:00")] * 2


# Rolling 7 days ----------------------------------------------------------------------------------


def linkedin(session: Session, step: str, **account: Any) -> tuple[Campaign, Prospect, Sender]:
    """Somebody whose next step is this one."""
    workspace = make.workspace(session)
    seat = make.sender(session, workspace, type=LINKEDIN, **account)
    nodes = [{"type": step, "body": "Hi"}, make.END]
    campaign = make.launched(session, workspace, 1, type=LINKEDIN, senders=[seat], nodes=nodes)
    return campaign, session.scalars(select(Prospect)).one(), seat


def judged(session: Session, row: tuple[Campaign, Prospect, Sender], t: datetime) -> Closed | None:
    """What the judge says at `t`, from rows; as if this version could send LinkedIn steps already."""
    campaign, prospect, seat = row
    facts = read_facts(session, campaign, prospect, seat, nodes_of(session, campaign.id)[0], t)
    return eligible(replace(facts, sender_status="active", sender_reason=None), t)


@pytest.mark.parametrize(
    ("step", "account", "limit"),
    [
        ("connection_request", {}, 80),
        ("connection_request", {"is_premium": True}, 100),
        ("message", {}, 100),
        ("message", {"is_premium": True}, 150),
        ("connection_request", {"weekly_connection_limit": 7}, 7),
        ("message", {"weekly_message_limit": 7, "is_premium": True}, 7),
    ],
)
def test_the_rolling_week_closes_at_its_limit_and_opens_to_the_instant(
    session: Session, step: str, account: dict[str, Any], limit: int
) -> None:
    row = linkedin(session, step, daily_limit=500, **account)
    other = "message" if step == "connection_request" else "connection_request"
    oldest = make.NOW - 6 * DAY - 5 * HOUR - 123 * timedelta(microseconds=1)
    uses = [oldest + n * 17 * MINUTE for n in range(limit)]
    session.add_all([SenderUse(sender_id=row[2].id, step=step, at=use) for use in uses[1:]])
    # What was over a week ago, and what is of the other kind, counts for nothing here.
    session.add_all([SenderUse(sender_id=row[2].id, step=step, at=make.NOW - 7 * DAY) for _ in range(9)])
    session.add_all([SenderUse(sender_id=row[2].id, step=other, at=make.NOW - DAY) for _ in range(200)])
    session.flush()
    assert judged(session, row, make.NOW) is None
    session.add(SenderUse(sender_id=row[2].id, step=step, at=uses[0]))
    session.flush()
    closed = judged(session, row, make.NOW)
    assert closed is not None
    assert (closed.gate, closed.opens_at) == ("sender_weekly_limit", oldest + 7 * DAY)
    late = judged(session, row, oldest + 7 * DAY - timedelta(microseconds=1))
    assert late is not None
    assert late.opens_at == oldest + 7 * DAY
    assert judged(session, row, oldest + 7 * DAY) is None


def test_an_account_that_sent_more_than_its_week_holds_waits_until_enough_of_it_is_past(session: Session) -> None:
    """The limit was lowered, say."""
    row = linkedin(session, "connection_request", weekly_connection_limit=3)
    session.add_all(
        [SenderUse(sender_id=row[2].id, step="connection_request", at=make.NOW - n * DAY) for n in range(7)]
    )
    session.flush()
    closed = judged(session, row, make.NOW)
    assert closed is not None
    assert closed.opens_at == make.NOW - 2 * DAY + 7 * DAY
    assert judged(session, row, closed.opens_at) is None


# Downtime ----------------------------------------------------------------------------------------

WORK = make.week("09:00", "17:00")
FRIDAY = at("2026-03-06T12:00")
MONDAY = at("2026-03-09T09:00")


def weekend(play: Play, back: datetime) -> Campaign:
    """A server that goes down on Friday noon and comes back at `back`. Eight people wait for their second
    message, due from Friday to Sunday; twelve for their first."""
    play.now = FRIDAY
    nodes = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
    account = {"daily_limit": 7, "min_gap": 240, "max_gap": 600}
    campaign = launched(play, 20, account, operating_hours=WORK, nodes=nodes)
    with play.db.sessions.begin() as session:
        steps = nodes_of(session, campaign.id)
        people = session.scalars(select(Prospect).order_by(Prospect.id.desc())).all()
        for number, person in enumerate(people):
            person.due_at = FRIDAY + number * 167 * MINUTE
            if number % 5 < 2:
                person.contacted, person.status, person.current_node_id = True, "sent", steps[2].id
                make.message(session, person, steps[0], sent_at=person.due_at - DAY)
    play.now = back
    return campaign


@pytest.mark.parametrize("back", [MONDAY + HOUR + 30 * MINUTE, FRIDAY + 2 * DAY], ids=["on Monday", "on Sunday"])
def test_after_a_weekend_down_work_goes_on_oldest_first_at_the_limits_pace(play: Play, back: datetime) -> None:
    weekend(play, back)
    with play.session() as session:
        overdue = session.execute(select(Prospect.email, Prospect.contacted, Prospect.due_at)).all()
    follow_ups = [email for email, contacted, _ in sorted(overdue, key=lambda row: row[2]) if contacted]
    new = [email for email, contacted, _ in sorted(overdue, key=lambda row: row[2]) if not contacted]
    play.tick()
    assert len(play.sent) == (1 if back > MONDAY else 0)
    play.play(MONDAY + 3 * DAY)
    assert times(play)[0] == max(back, MONDAY)  # at once, as soon as it is open
    assert all(sent.weekday() < 5 and 9 <= sent.hour < 17 for sent in times(play))
    assert all(later - earlier >= 240 * SECOND for earlier, later in pairwise(times(play)))
    by_day = Counter(sent.date() for sent in times(play))
    assert list(by_day.values())[:3] == [7, 7, 7]
    # Who was written to before comes first, the longest due first; then the others, likewise.
    again = [sent.to for sent in play.sent if sent.outgoing.subject.startswith(("Again", "Re:"))]
    assert play.people[:7] == follow_ups[:7]
    assert [person for person in again if person in follow_ups] == follow_ups
    firsts = [person for person in play.people if person in new]
    assert list(dict.fromkeys(firsts)) == new[: len(set(firsts))]
    play.play(MONDAY + 7 * DAY)
    assert set(play.statuses().values()) == {"completed"}
    assert Counter(play.people) == Counter(dict.fromkeys(follow_ups, 1)) + Counter(dict.fromkeys(new, 2))
