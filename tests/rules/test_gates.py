"""The judge: each gate, their order, and the instant at which all of them are open together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules.days import local_day
from campaigns.rules.gates import GATES, WEEK, Facts, earliest, eligible
from campaigns.rules.hours import Hours, parse_hours
from campaigns.rules.lifecycle import CAMPAIGN_STATUSES

# A Monday morning.
T = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def hours(start: str, end: str, *days: str, zone: str = "UTC") -> Hours | None:
    windows = [{"start": start, "end": end}]
    days = days or ("monday", "tuesday", "wednesday", "thursday", "friday")
    return parse_hours({"timezone": zone} | dict.fromkeys(days, windows), default_timezone="UTC")


CLOSED_NOW = hours("14:00", "16:00")


def facts(t: datetime = T, **values: Any) -> Facts:
    """Somebody whose every gate is open at `t`."""
    timezone = values.get("timezone", "UTC")
    defaults: dict[str, Any] = {
        "due_at": t,
        "campaign_status": "active",
        "pause_reason": None,
        "hours": None,
        "clock": None,
        "timezone": timezone,
        "today": local_day(t, timezone),
        "campaign_limit": 50,
        "campaign_used": 0,
        "counted_today": False,
        "sender_status": "active",
        "sender_reason": None,
        "sender_limit": 30,
        "sender_used": 0,
        "weekly_limit": None,
        "week_uses": (),
        "next_send_at": None,
        "suppressed": False,
    }
    return Facts(**defaults | values)


SHUT: dict[str, dict[str, Any]] = {
    "delay": {"due_at": T + HOUR},
    "status": {"campaign_status": "paused"},
    "suppressed": {"suppressed": True},
    "sender_status": {"sender_status": "needs_attention"},
    "operating_hours": {"hours": CLOSED_NOW},
    "campaign_daily_limit": {"campaign_used": 50},
    "sender_daily_limit": {"sender_used": 30},
    "sender_weekly_limit": {"weekly_limit": 1, "week_uses": (T - DAY,)},
    "sender_gap": {"next_send_at": T + MINUTE},
}


def gate(closed: Any) -> str | None:
    return closed.gate if closed else None


def test_somebody_with_every_gate_open_may_be_written_to() -> None:
    assert eligible(facts(), T) is None
    assert earliest(facts(), T) == T


def test_every_gate_has_a_case_here() -> None:
    assert [name for name, _ in GATES] == list(SHUT)


@pytest.mark.parametrize("name", SHUT)
def test_a_closed_gate_is_named_with_a_reason(name: str) -> None:
    closed = eligible(facts(**SHUT[name]), T)
    assert closed is not None
    assert closed.gate == name
    assert closed.reason.endswith(".")


@pytest.mark.parametrize("first", range(len(SHUT)))
def test_of_several_closed_gates_the_first_is_named(first: int) -> None:
    names = list(SHUT)[first:]
    everything = {key: value for name in names for key, value in SHUT[name].items()}
    assert gate(eligible(facts(**everything), T)) == names[0]


# One by one --------------------------------------------------------------------------------------


def test_a_delay_is_over_at_its_very_instant() -> None:
    later = facts(due_at=T + HOUR)
    assert gate(eligible(later, T + HOUR - timedelta(microseconds=1))) == "delay"
    assert eligible(later, T + HOUR) is None
    assert earliest(later, T) == T + HOUR


@pytest.mark.parametrize("status", [status for status in CAMPAIGN_STATUSES if status != "active"])
def test_only_an_active_campaign_sends_and_nobody_knows_when_another_will(status: str) -> None:
    here = facts(campaign_status=status)
    closed = eligible(here, T)
    assert (gate(closed), closed and closed.opens_at) == ("status", None)
    assert earliest(here, T) is None


def test_the_reason_of_a_pause_is_told() -> None:
    closed = eligible(facts(campaign_status="paused", pause_reason="the mailbox is full"), T)
    assert closed is not None
    assert "the mailbox is full" in closed.reason


def test_somebody_with_an_unknown_outcome_waits_for_a_person() -> None:
    here = facts(due_at=None, open_message="unknown")
    assert gate(eligible(here, T)) == "status"
    assert earliest(here, T) is None


@pytest.mark.parametrize(
    "values",
    [{"sender_status": None}, {"sender_status": "disconnected"}, {"sender_status": "needs_attention"}],
    ids=str,
)
def test_an_account_that_cannot_send_holds_people_back(values: dict[str, Any]) -> None:
    closed = eligible(facts(**values), T)
    assert gate(closed) == "sender_status"
    assert earliest(facts(**values), T) is None


def test_why_an_account_cannot_send_is_told() -> None:
    closed = eligible(facts(sender_status="needs_attention", sender_reason="535 wrong password"), T)
    assert closed is not None
    assert "535 wrong password" in closed.reason


def test_outside_the_hours_people_sleep_until_they_open() -> None:
    here = facts(hours=CLOSED_NOW)
    closed = eligible(here, T)
    assert closed is not None
    assert closed.opens_at == T.replace(hour=14)
    assert earliest(here, T) == T.replace(hour=14)
    assert eligible(here, T.replace(hour=14)) is None
    assert gate(eligible(here, T.replace(hour=16))) == "operating_hours"


def test_the_clock_of_a_person_takes_the_place_of_the_campaigns() -> None:
    here = facts(hours=hours("09:00", "17:00"), clock="America/New_York")
    assert gate(eligible(here, T)) == "operating_hours"
    assert earliest(here, T) == T.replace(hour=14)


def test_a_full_campaign_waits_for_the_next_day_of_the_workspace() -> None:
    here = facts(campaign_used=50, timezone="Europe/Berlin")
    assert earliest(here, T) == datetime(2026, 3, 2, 23, 0, tzinfo=UTC)


def test_one_place_left_is_enough() -> None:
    assert eligible(facts(campaign_used=49, sender_used=29), T) is None
    assert gate(eligible(facts(campaign_used=51), T)) == "campaign_daily_limit"


def test_somebody_messaged_today_takes_no_further_place_of_the_campaign() -> None:
    assert eligible(facts(campaign_used=50, counted_today=True), T) is None
    assert gate(eligible(facts(campaign_used=50, counted_today=True, sender_used=30), T)) == "sender_daily_limit"


def test_a_campaign_without_a_limit_is_never_full() -> None:
    assert eligible(facts(campaign_limit=None, campaign_used=10_000), T) is None


def test_a_tired_account_waits_for_the_next_day_of_the_workspace() -> None:
    here = facts(sender_used=30, timezone="Pacific/Auckland")
    assert earliest(here, T) == datetime(2026, 3, 2, 11, 0, tzinfo=UTC)  # midnight of 3 March there


def test_the_rolling_week_opens_when_its_oldest_send_is_seven_days_old() -> None:
    uses = (T - WEEK, T - 6 * DAY, T - 5 * DAY, T - DAY)
    assert eligible(facts(weekly_limit=4, week_uses=uses), T) is None  # the first is exactly 7 days old
    here = facts(weekly_limit=3, week_uses=uses)
    assert gate(eligible(here, T)) == "sender_weekly_limit"
    assert earliest(here, T) == T + DAY
    lowered = facts(weekly_limit=2, week_uses=uses)
    assert earliest(lowered, T) == T + 2 * DAY
    closed = eligible(lowered, T)
    assert closed is not None
    assert closed.opens_at == T + 2 * DAY


def test_an_account_that_may_send_nothing_of_a_kind_never_opens() -> None:
    for uses in ((), (T - DAY,)):
        here = facts(weekly_limit=0, week_uses=uses)
        assert gate(eligible(here, T)) == "sender_weekly_limit"
        assert earliest(here, T) is None


def test_the_pause_between_two_sends_ends_at_its_very_instant() -> None:
    here = facts(next_send_at=T + MINUTE)
    assert eligible(here, T + MINUTE) is None
    assert earliest(here, T) == T + MINUTE


# Together ----------------------------------------------------------------------------------------


def test_a_delay_that_ends_at_night_waits_for_the_morning() -> None:
    here = facts(due_at=T + 12 * HOUR, hours=hours("09:00", "17:00"))
    assert earliest(here, T) == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def test_a_full_day_waits_for_the_next_and_then_for_its_hours() -> None:
    here = facts(hours=hours("09:00", "17:00", "monday", "friday"), sender_used=30)
    assert earliest(here, T) == datetime(2026, 3, 6, 9, 0, tzinfo=UTC)


def test_a_pause_that_runs_past_closing_waits_for_the_next_opening() -> None:
    here = facts(hours=hours("09:00", "10:01"), next_send_at=T + MINUTE)
    assert earliest(here, T) == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def test_one_gate_that_cannot_be_foreseen_makes_the_instant_unknown() -> None:
    assert earliest(facts(hours=CLOSED_NOW, campaign_status="paused"), T) is None


def test_everything_at_once() -> None:
    here = facts(
        due_at=T + HOUR,
        hours=hours("10:00", "12:00", zone="Asia/Tokyo"),
        campaign_used=50,
        sender_used=30,
        weekly_limit=1,
        week_uses=(T - 5 * DAY,),
        next_send_at=T + 2 * HOUR,
        timezone="America/Los_Angeles",
    )
    # The rolling week ends on Wednesday at 10:00 UTC, 19:00 in Tokyo; the next opening there is Thursday 10:00.
    assert earliest(here, T) == datetime(2026, 3, 5, 1, 0, tzinfo=UTC)


def test_hours_at_midnight_follow_the_clock_change() -> None:
    """On 29 March 2026 Berlin's clocks go from 02:00 to 03:00: a window within the gap opens a week later."""
    saturday = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    gap = facts(saturday, hours=hours("02:00", "03:00", "sunday", zone="Europe/Berlin"))
    assert earliest(gap, saturday) == datetime(2026, 4, 5, 0, 0, tzinfo=UTC)
    day = facts(saturday, campaign_used=50, timezone="Europe/Berlin")
    assert earliest(day, saturday) == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    sunday = saturday + DAY
    assert earliest(facts(sunday, campaign_used=50, timezone="Europe/Berlin"), sunday) == datetime(
        2026, 3, 29, 22, 0, tzinfo=UTC
    )


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "America/Nuuk")


@settings(max_examples=120, deadline=None)
@given(
    start=st.integers(0, 400 * 24 * 60),
    due=st.integers(-100, 5000),
    opening=st.integers(0, 22),
    length=st.integers(1, 24),
    days=st.sets(st.sampled_from(("monday", "wednesday", "saturday", "sunday")), min_size=1),
    zone=st.sampled_from(ZONES),
    home=st.sampled_from(ZONES),
    campaign_used=st.sampled_from((0, 50)),
    sender_used=st.sampled_from((0, 30)),
    gap=st.integers(-10, 300),
    uses=st.lists(st.integers(0, 7 * 24 * 60), max_size=3),
)
def test_the_earliest_instant_is_open_and_no_minute_before_it_is(
    start: int,
    due: int,
    opening: int,
    length: int,
    days: set[str],
    zone: str,
    home: str,
    campaign_used: int,
    sender_used: int,
    gap: int,
    uses: list[int],
) -> None:
    t = T + start * MINUTE
    end = f"{min(24, opening + length):02}:00"
    here = facts(
        t,
        due_at=t + due * MINUTE,
        hours=hours(f"{opening:02}:00", end, *sorted(days), zone=zone),
        timezone=home,
        campaign_used=campaign_used,
        sender_used=sender_used,
        next_send_at=t + gap * MINUTE,
        weekly_limit=2,
        week_uses=tuple(sorted(t - use * MINUTE for use in uses)),
    )
    found = earliest(here, t)
    assert found is not None
    assert found >= t
    assert eligible(here, found) is None
    minutes = int((found - t) / MINUTE)
    for minute in range(max(0, minutes - 300), minutes):
        assert eligible(here, t + minute * MINUTE) is not None
    if found > t:
        assert eligible(here, found - timedelta(microseconds=1)) is not None


def test_a_limit_of_nothing_closes_today_and_is_asked_again_tomorrow() -> None:
    found = earliest(replace(facts(hours=hours("09:00", "10:00")), sender_limit=0), T)
    assert found == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
