"""Calendar days of a zone, in zones that skip midnights, repeat hours and lose whole days."""

from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.rules.days import local_day, next_day
from campaigns.rules.hours import zones

SECOND = timedelta(seconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("zone", "t", "day", "begins"),
    [
        ("UTC", utc(2026, 3, 2, 23, 59, 59), date(2026, 3, 2), utc(2026, 3, 3)),
        ("Asia/Kathmandu", utc(2026, 3, 2, 18, 14, 59), date(2026, 3, 2), utc(2026, 3, 2, 18, 15)),
        ("Pacific/Kiritimati", utc(2026, 3, 2, 10), date(2026, 3, 3), utc(2026, 3, 3, 10)),
        # Clocks go from 00:00 to 01:00: the day begins at 01:00.
        ("America/Sao_Paulo", utc(2018, 11, 3, 12), date(2018, 11, 3), utc(2018, 11, 4, 3)),
        ("Africa/Cairo", utc(2026, 4, 23, 12), date(2026, 4, 23), utc(2026, 4, 23, 22)),
        # Clocks go from 24:00 back to 23:00: the hour before midnight comes twice.
        ("America/Sao_Paulo", utc(2018, 2, 18, 1, 30), date(2018, 2, 17), utc(2018, 2, 18, 3)),
        ("America/Sao_Paulo", utc(2018, 2, 18, 2, 30), date(2018, 2, 17), utc(2018, 2, 18, 3)),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", utc(2011, 12, 29, 12), date(2011, 12, 29), utc(2011, 12, 30, 10)),
        # Lord Howe changes by half an hour.
        ("Australia/Lord_Howe", utc(2026, 4, 4, 12), date(2026, 4, 4), utc(2026, 4, 4, 13)),
    ],
)
def test_a_day_ends_when_the_clock_shows_another_one(zone: str, t: datetime, day: date, begins: datetime) -> None:
    assert local_day(t, zone) == day
    assert next_day(t, zone) == begins
    assert local_day(begins, zone) > day
    assert local_day(begins - SECOND, zone) == day


def test_in_every_zone_the_next_day_is_later_and_begins_at_once() -> None:
    for zone in sorted(zones()):
        t = utc(2026, 1, 1, 0, 30)
        while t.year < 2027:
            begins = next_day(t, zone)
            assert t < begins <= t + timedelta(hours=26), (zone, t)
            assert local_day(begins, zone) > local_day(t, zone), (zone, t)
            assert local_day(begins - SECOND, zone) == local_day(t, zone), (zone, t)
            t += timedelta(hours=61)
