"""Operating hours against an oracle that knows nothing but the definition.

The oracle looks at the wall clock, step by step, and at the hours as they were written. It shares no code
with `campaigns.rules.hours`. What is asked of both lies around changes of the clock.
"""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from campaigns.rules.hours import DAYS, is_open, next_close, next_open, parse_hours, zones
from tests.rules.zone_files import changes

Week = dict[str, list[dict[str, str]]]
MINUTE = timedelta(minutes=1)

# Zone, start of the walk, days
WALKS = [
    ("Europe/Berlin", "2026-03-27", 4),
    ("Europe/Berlin", "2026-10-23", 4),
    ("Europe/Dublin", "2026-10-24", 3),
    ("America/New_York", "2026-03-07", 3),
    ("America/New_York", "2026-10-31", 3),
    ("America/St_Johns", "2010-11-05", 4),  # changed at one minute past midnight
    ("America/Nuuk", "2023-03-24", 4),
    ("America/Nuuk", "2024-03-29", 4),
    ("America/Sao_Paulo", "2018-11-03", 3),  # skipped midnight
    ("America/Havana", "2026-10-31", 3),  # repeats midnight
    ("Australia/Lord_Howe", "2026-04-03", 3),
    ("Australia/Lord_Howe", "2026-10-02", 3),
    ("Pacific/Apia", "2011-12-27", 6),  # skipped a Friday
    ("Pacific/Kwajalein", "1993-08-18", 6),  # skipped a Saturday
    ("Pacific/Chatham", "2026-09-25", 3),
    ("Africa/Casablanca", "2026-02-13", 4),
    ("Africa/Casablanca", "2026-03-20", 4),
    ("Africa/Cairo", "2010-08-09", 4),
    ("Africa/Freetown", "1939-08-31", 8),  # changed twice within four days
    ("Asia/Gaza", "2040-10-08", 16),
    ("Asia/Kathmandu", "1985-12-30", 4),
    ("Asia/Pyongyang", "2018-05-03", 3),
    ("Asia/Tehran", "2022-03-20", 3),
    ("Antarctica/Troll", "2026-03-27", 4),  # jumps by two hours
    ("Europe/Lisbon", "1992-09-25", 4),
]

# Zone, start: offsets with odd seconds, where the clock can be in a window for less than a minute
BY_SECONDS = [
    ("America/Juneau", "1867-10-18T22:00"),  # had a day twice
    ("Asia/Manila", "1844-12-31T14:00"),  # skipped a day
    ("Africa/Monrovia", "1972-01-06T23:00"),
    ("Europe/Amsterdam", "1937-06-30T21:00"),
    ("Europe/Dublin", "1916-10-01T00:00"),
]


def a_week(random: Random) -> Week:
    """Windows that like the hours around midnight and the small ones, where clocks are changed."""
    week: Week = {}
    for day in DAYS:
        marks = sorted(random.sample(range(0, 24 * 60 + 1, random.choice((1, 15, 30))), 8))
        if random.random() < 0.3:
            marks[-1] = 24 * 60
        if random.random() < 0.3:
            marks[0] = 0
        pairs = list(zip(marks[::2], marks[1::2], strict=True))
        kept = [pair for pair in pairs if random.random() < 0.6]
        week[day] = [{"start": written(start), "end": written(end)} for start, end in kept]
    week[random.choice(DAYS)] = [{"start": "00:00", "end": "24:00"}]
    return week


def written(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def shown_open(week: Week, zone: ZoneInfo, t: datetime) -> bool:
    """The definition: does the wall clock lie in a window of that weekday?"""
    wall = t.astimezone(zone)
    clock = f"{wall:%H:%M}"
    return any(window["start"] <= clock < window["end"] for window in week[DAYS[wall.weekday()]])


def walk(week: Week, name: str, start: datetime, steps: int, step: timedelta = MINUTE) -> list[bool]:
    zone = ZoneInfo(name)
    return [shown_open(week, zone, start + step * index) for index in range(steps)]


def first(states: list[bool], index: int, wanted: bool) -> int | None:
    return next((later for later in range(index, len(states)) if states[later] is wanted), None)


def compare(
    week: Week, name: str, start: datetime, states: list[bool], ask_every: int, step: timedelta = MINUTE
) -> None:
    """Ask both. The oracle's answer is exact to a step; one look before and at ours makes it exact."""
    hours = parse_hours({"timezone": name, **week}, default_timezone="UTC")
    zone = ZoneInfo(name)
    for index in range(0, len(states), ask_every):
        t = start + step * index
        assert is_open(hours, t) is states[index], (name, t, week)
        ask, wanted = (next_close, False) if states[index] else (next_open, True)
        expected = first(states, index, wanted)
        if expected is None:
            continue
        answer = ask(hours, t)
        assert answer is not None
        latest = start + step * expected
        assert latest - step < answer <= latest, (name, t, answer, latest, week)
        assert shown_open(week, zone, answer) is wanted
        assert shown_open(week, zone, answer - timedelta(seconds=1)) is not wanted


@pytest.mark.parametrize(("name", "day", "days"), WALKS)
def test_every_minute_around_a_change_of_the_clock_is_as_the_wall_clock_shows(name: str, day: str, days: int) -> None:
    random = Random(f"{name} {day}")
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    for _ in range(3):
        week = a_week(random)
        compare(week, name, start, walk(week, name, start, days * 24 * 60), ask_every=17)


def test_every_zone_is_as_its_wall_clock_shows_around_some_change_of_it() -> None:
    for name in sorted(zones()):
        random = Random(name)
        modern = [change for change in changes(name) if change > 0] or [0]
        start = datetime.fromtimestamp(random.choice(modern) // 60 * 60, UTC) - timedelta(hours=3)
        week = a_week(random)
        compare(week, name, start, walk(week, name, start, 6 * 60), ask_every=29)


@pytest.mark.parametrize(("name", "instant"), BY_SECONDS)
def test_every_second_around_a_change_by_odd_seconds_is_as_the_wall_clock_shows(name: str, instant: str) -> None:
    random = Random(f"{name} {instant}")
    start, second = datetime.fromisoformat(instant).replace(tzinfo=UTC), timedelta(seconds=1)
    for _ in range(3):
        week = a_week(random)
        states = walk(week, name, start, 4 * 3600, second)
        compare(week, name, start, states, ask_every=97, step=second)
