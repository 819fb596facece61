"""Operating hours: what may be written, and the instants that follow (CONTRACT section 3)."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules.hours import (
    DAYS,
    LOOK,
    Hours,
    default_hours,
    describe,
    is_open,
    is_zone,
    next_close,
    next_open,
    parse_hours,
    zones,
)
from campaigns.rules.problems import Problems
from tests.rules.zone_files import changes

OFFICE = {day: [{"start": "09:00", "end": "17:00"}] for day in DAYS[:5]}


def hours(timezone: str = "Europe/Berlin", **days: str) -> Hours:
    """Hours from a short form: hours("Europe/Berlin", monday="09:00-12:00 13:00-17:00")."""
    week = {
        day: [dict(zip(("start", "end"), window.split("-"), strict=True)) for window in text.split()]
        for day, text in days.items()
    }
    parsed = parse_hours({"timezone": timezone, **week}, default_timezone="UTC")
    assert parsed is not None
    return parsed


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def refusals(raw: object) -> list[tuple[str, str]]:
    with pytest.raises(Problems) as caught:
        parse_hours(raw, default_timezone="UTC")
    return [(problem.field, problem.message) for problem in caught.value.problems]


# Reading


def test_the_example_of_the_contract_is_read_and_given_back_with_all_seven_days() -> None:
    example = {
        "timezone": "Europe/Berlin",
        "monday": [{"start": "09:00", "end": "12:30"}, {"start": "13:30", "end": "17:00"}],
        "tuesday": [],
        "wednesday": [],
        "thursday": [],
        "friday": [{"start": "20:00", "end": "24:00"}],
        "saturday": [{"start": "00:00", "end": "02:00"}],
        "sunday": [],
    }
    parsed = parse_hours(example, default_timezone="UTC")
    assert parsed is not None
    assert parsed.to_json() == example
    assert parse_hours(parsed.to_json(), default_timezone="UTC") == parsed


def test_null_is_always_open() -> None:
    assert parse_hours(None, default_timezone="UTC") is None


def test_a_weekday_left_out_is_closed_and_a_zone_left_out_is_the_workspaces() -> None:
    parsed = parse_hours({"monday": [{"start": "09:00", "end": "17:00"}]}, default_timezone="Asia/Tokyo")
    assert parsed == Hours("Asia/Tokyo", (((540, 1020),), (), (), (), (), (), ()))


def test_windows_come_back_in_the_order_of_the_clock() -> None:
    assert hours(monday="13:00-17:00 09:00-12:00").week[0] == ((540, 720), (780, 1020))


def test_twelve_windows_a_day_may_touch() -> None:
    touching = " ".join(f"{hour:02}:00-{hour + 1:02}:00" for hour in range(12))
    assert len(hours(monday=touching).week[0]) == 12


def test_hours_can_be_keys() -> None:
    assert len({hours(monday="09:00-10:00"), hours(monday="09:00-10:00"), hours(monday="09:00-11:00")}) == 2


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        ([], "", "must be an object"),
        ("09:00-17:00", "", "must be an object"),
        (False, "", "must be an object"),
        ({}, "", "at least one open minute"),
        ({"monday": []}, "", "at least one open minute"),
        ({**OFFICE, "mondy": []}, "", '"mondy"'),
        ({**OFFICE, "Monday": []}, "", '"Monday"'),
        ({**OFFICE, "timezone": "Mars/Olympus"}, ".timezone", '"Mars/Olympus" is not known'),
        ({**OFFICE, "timezone": "europe/berlin"}, ".timezone", "is not known"),
        ({**OFFICE, "timezone": "../../etc/passwd"}, ".timezone", "is not known"),
        ({**OFFICE, "timezone": "/usr/share/zoneinfo/UTC"}, ".timezone", "is not known"),
        ({**OFFICE, "timezone": "localtime"}, ".timezone", "is not known"),
        ({**OFFICE, "timezone": ""}, ".timezone", "is not known"),
        ({**OFFICE, "timezone": "Z" * 5000}, ".timezone", "…"),
        ({**OFFICE, "timezone": None}, ".timezone", "must be the name"),
        ({**OFFICE, "timezone": 2}, ".timezone", "must be the name"),
        ({**OFFICE, "timezone": ["UTC"]}, ".timezone", "must be the name"),
        ({**OFFICE, "monday": None}, ".monday", "must be a list"),
        ({**OFFICE, "monday": {"start": "09:00", "end": "17:00"}}, ".monday", "must be a list"),
        ({**OFFICE, "monday": "09:00-17:00"}, ".monday", "must be a list"),
        ({"monday": [{"start": "09:00", "end": "09:01"}] * 13}, ".monday", "at most 12 windows, not 13"),
        ({"monday": ["09:00"]}, ".monday[0]", "must be a window"),
        ({"monday": [None]}, ".monday[0]", "must be a window"),
        ({"monday": [{"end": "17:00"}]}, ".monday[0].start", "is missing"),
        ({"monday": [{"start": "09:00"}]}, ".monday[0].end", "is missing"),
        ({"monday": [{"start": "09:00", "end": "17:00", "note": 1}]}, ".monday[0]", '"note"'),
        ({"monday": [{"start": "25:00", "end": "23:59"}]}, ".monday[0].start", '"25:00"'),
        ({"monday": [{"start": "9:00", "end": "17:00"}]}, ".monday[0].start", '"9:00"'),
        ({"monday": [{"start": "24:00", "end": "24:00"}]}, ".monday[0].start", '"24:00"'),
        ({"monday": [{"start": "09:60", "end": "17:00"}]}, ".monday[0].start", '"09:60"'),
        ({"monday": [{"start": "09:00", "end": "24:01"}]}, ".monday[0].end", '"24:01"'),
        ({"monday": [{"start": "09:00:00", "end": "17:00"}]}, ".monday[0].start", '"09:00:00"'),
        ({"monday": [{"start": "09:00\n", "end": "17:00"}]}, ".monday[0].start", "HH:MM"),
        ({"monday": [{"start": "०९:००", "end": "17:00"}]}, ".monday[0].start", "HH:MM"),
        ({"monday": [{"start": 9, "end": "17:00"}]}, ".monday[0].start", "HH:MM"),
        ({"monday": [{"start": None, "end": "17:00"}]}, ".monday[0].start", "HH:MM"),
        ({"monday": [{"start": True, "end": "17:00"}]}, ".monday[0].start", "HH:MM"),
        ({"monday": [{"start": "17:00", "end": "09:00"}]}, ".monday[0].end", "after the start, 17:00"),
        ({"monday": [{"start": "09:00", "end": "09:00"}]}, ".monday[0].end", "after the start"),
        ({"monday": [{"start": "\ud800", "end": "17:00"}]}, ".monday[0].start", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_hours_that_cannot_be_meant_are_refused_by_field(raw: object, field: str, words: str) -> None:
    (refused,) = refusals(raw)
    assert refused[0] == "operating_hours" + field
    assert words in refused[1]
    refused[1].encode()
    assert len(refused[1]) < 250


@pytest.mark.parametrize(
    ("windows", "refused"),
    [
        ([("09:00", "12:00"), ("11:59", "13:00")], [(1, 0)]),
        ([("11:59", "13:00"), ("09:00", "12:00")], [(1, 0)]),
        ([("09:00", "12:00"), ("09:00", "12:00")], [(1, 0)]),
        ([("09:00", "17:00"), ("10:00", "11:00"), ("12:00", "13:00")], [(1, 0), (2, 0)]),
        ([("09:00", "12:00"), ("12:00", "13:00")], []),
    ],
)
def test_windows_of_a_day_may_touch_but_not_overlap(windows: list, refused: list) -> None:
    raw = {"monday": [{"start": start, "end": end} for start, end in windows]}
    expected = [
        (f"operating_hours.monday[{index}]", f"must not overlap with window [{other}] of the same day")
        for index, other in refused
    ]
    if expected:
        assert refusals(raw) == expected
    else:
        assert parse_hours(raw, default_timezone="UTC") is not None


def test_everything_that_is_wrong_is_said_at_once() -> None:
    raw = {
        "timezone": "Nowhere",
        "mondy": [],
        "monday": [{"start": "9:00", "end": "25:00"}, {"start": "10:00", "end": "09:00"}],
        "sunday": 7,
    }
    assert [field for field, _ in refusals(raw)] == [
        "operating_hours",
        "operating_hours.timezone",
        "operating_hours.monday[0].start",
        "operating_hours.monday[0].end",
        "operating_hours.monday[1].end",
        "operating_hours.sunday",
    ]


def test_a_hundred_thousand_unknown_keys_make_a_short_answer() -> None:
    assert len(refusals({str(number): 1 for number in range(100_000)})) == 10


def test_problems_are_named_below_the_field_that_was_asked_for() -> None:
    with pytest.raises(Problems) as caught:
        parse_hours([], default_timezone="UTC", field="hours")
    assert caught.value.problems[0].field == "hours"


def test_only_exact_iana_names_are_zones() -> None:
    assert is_zone("America/Argentina/Ushuaia")
    assert is_zone("UTC")
    for name in ("utc", "Berlin", "localtime", "America", "", None, 5, ["UTC"], "Europe/Berlin\n"):
        assert not is_zone(name)


# Asking: one table for what a person would look up on a wall clock and convert by hand

EVERY_DAY_2_TO_3 = dict.fromkeys(DAYS, "02:00-03:00")


@pytest.mark.parametrize(
    ("week", "asked", "opens", "closes"),
    [
        # Berlin, an ordinary week
        (default_hours("Europe/Berlin"), "2026-06-01T00:00Z", "2026-06-01T07:00Z", "2026-06-01T15:00Z"),
        (default_hours("Europe/Berlin"), "2026-06-01T07:00Z", "2026-06-01T07:00Z", "2026-06-01T15:00Z"),
        (default_hours("Europe/Berlin"), "2026-06-01T14:59:59Z", "2026-06-01T14:59:59Z", "2026-06-01T15:00Z"),
        (default_hours("Europe/Berlin"), "2026-06-01T15:00Z", "2026-06-02T07:00Z", "2026-06-02T15:00Z"),
        # The weekend on which the clocks go back
        (default_hours("Europe/Berlin"), "2026-10-23T15:00Z", "2026-10-26T08:00Z", "2026-10-26T16:00Z"),
        # A lunch break, and windows that touch
        (
            hours(monday="09:00-12:30 13:30-17:00"),
            "2026-06-01T10:30Z",
            "2026-06-01T11:30Z",
            "2026-06-01T15:00Z",
        ),
        (
            hours(monday="09:00-12:00 12:00-17:00"),
            "2026-06-01T09:00Z",
            "2026-06-01T09:00Z",
            "2026-06-01T15:00Z",
        ),
        # Over midnight, and over the midnight between two weeks
        (
            hours(friday="20:00-24:00", saturday="00:00-02:00"),
            "2026-06-05T12:00Z",
            "2026-06-05T18:00Z",
            "2026-06-06T00:00Z",
        ),
        (
            hours(sunday="22:00-24:00", monday="00:00-06:00"),
            "2026-06-05T12:00Z",
            "2026-06-07T20:00Z",
            "2026-06-08T04:00Z",
        ),
        (
            hours("UTC", sunday="23:59-24:00"),
            "2026-06-08T00:00Z",
            "2026-06-14T23:59Z",
            "2026-06-15T00:00Z",
        ),
        # 02:30 is skipped in Berlin on 29 March 2026: it comes a week later
        (hours(sunday="02:30-02:31"), "2026-03-28T00:00Z", "2026-04-05T00:30Z", "2026-04-05T00:31Z"),
        # a window that the skip cuts short, and one that it opens late
        (hours(sunday="01:00-02:30"), "2026-03-28T12:00Z", "2026-03-29T00:00Z", "2026-03-29T01:00Z"),
        (hours(sunday="02:30-04:00"), "2026-03-28T12:00Z", "2026-03-29T01:00Z", "2026-03-29T02:00Z"),
        # 02:30 comes twice in Berlin on 25 October 2026, and both are open
        (hours(sunday="02:30-02:45"), "2026-10-24T12:00Z", "2026-10-25T00:30Z", "2026-10-25T00:45Z"),
        (hours(sunday="02:30-02:45"), "2026-10-25T00:45Z", "2026-10-25T01:30Z", "2026-10-25T01:45Z"),
        # a window that the clock leaves backwards, and comes to again
        (hours(sunday="02:30-03:30"), "2026-10-24T12:00Z", "2026-10-25T00:30Z", "2026-10-25T01:00Z"),
        (hours(sunday="02:30-03:30"), "2026-10-25T01:00Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"),
        # and one that it stays in for two hours
        (hours(sunday="02:00-03:00"), "2026-10-24T12:00Z", "2026-10-25T00:00Z", "2026-10-25T02:00Z"),
        # Lord Howe goes back by half an hour: 01:30 to 02:00 comes twice in a row
        (
            hours("Australia/Lord_Howe", sunday="01:30-02:00"),
            "2026-04-04T00:00Z",
            "2026-04-04T14:30Z",
            "2026-04-04T15:30Z",
        ),
        # and forward: 02:00 to 02:30 does not come
        (
            hours("Australia/Lord_Howe", sunday="02:00-02:30"),
            "2026-10-03T00:00Z",
            "2026-10-10T15:00Z",
            "2026-10-10T15:30Z",
        ),
        # Apia had no 30 December 2011, which was a Friday
        (
            hours("Pacific/Apia", friday="09:00-10:00"),
            "2011-12-28T00:00Z",
            "2012-01-05T19:00Z",
            "2012-01-05T20:00Z",
        ),
        # and Thursday's midnight was Saturday's
        (
            hours("Pacific/Apia", thursday="22:00-24:00", saturday="00:00-01:00"),
            "2011-12-28T12:00Z",
            "2011-12-30T08:00Z",
            "2011-12-30T11:00Z",
        ),
        # Casablanca goes back for Ramadan, on 15 February 2026
        (
            hours("Africa/Casablanca", **EVERY_DAY_2_TO_3),
            "2026-02-14T12:00Z",
            "2026-02-15T01:00Z",
            "2026-02-15T03:00Z",
        ),
        # Kathmandu is 5 hours 45 ahead
        (
            hours("Asia/Kathmandu", monday="09:00-17:00"),
            "2026-06-01T00:00Z",
            "2026-06-01T03:15Z",
            "2026-06-01T11:15Z",
        ),
        # Monrovia was 44 minutes and 30 seconds behind until 1972
        (
            hours("Africa/Monrovia", friday="09:00-17:00"),
            "1971-12-31T00:00Z",
            "1971-12-31T09:44:30Z",
            "1971-12-31T17:44:30Z",
        ),
    ],
)
def test_hours_open_and_close_as_the_wall_clock_says(week: Hours, asked: str, opens: str, closes: str) -> None:
    opening = next_open(week, at(asked))
    assert opening == at(opens)
    assert is_open(week, opening)
    assert next_close(week, opening) == at(closes)
    assert not is_open(week, at(closes))
    assert is_open(week, at(asked)) == (asked == opens)


def test_half_a_second_before_the_end_is_open_and_is_its_own_next_opening() -> None:
    week = default_hours("Europe/Berlin")
    late = at("2026-06-01T14:59:59.500001Z")
    assert next_open(week, late) == late
    assert next_close(week, late) == at("2026-06-01T15:00Z")
    early = at("2026-06-01T06:59:59.999999Z")
    assert not is_open(week, early)
    assert next_open(week, early) == at("2026-06-01T07:00Z")


def test_an_opening_is_found_however_often_the_clock_skips_it() -> None:
    week = hours("Europe/Berlin", sunday="02:30-02:31")
    t = at("2026-01-01T00:00Z")
    found = []
    while len(found) < 53:
        t = next_open(week, t)
        found.append(t.astimezone(ZoneInfo("Europe/Berlin")))
        closing = next_close(week, t)
        assert closing is not None
        t = closing
    assert {(moment.weekday(), moment.hour, moment.minute) for moment in found} == {(6, 2, 30)}
    assert sum(moment.date().isoformat() == "2026-03-29" for moment in found) == 0
    assert sum(moment.date().isoformat() == "2026-10-25" for moment in found) == 2


@pytest.mark.parametrize("early", range(-2, 3))
@pytest.mark.parametrize("days", range(1, 6))
def test_a_change_of_the_clock_is_found_to_the_second_from_wherever_it_is_looked_for(days: int, early: int) -> None:
    change = at("2026-03-29T01:00Z")  # 03:00 comes at once after 01:59:59
    week = hours(sunday="03:00-03:01")
    assert next_open(week, change - timedelta(days=days, seconds=early)) == change


def test_a_prospect_in_new_york_has_the_same_windows_on_their_own_clock() -> None:
    week = default_hours("Europe/Berlin")
    morning = at("2026-06-01T08:00Z")
    assert is_open(week, morning)
    assert not is_open(week, morning, zone="America/New_York")
    assert next_open(week, morning, zone="America/New_York") == at("2026-06-01T13:00Z")
    assert next_close(week, at("2026-06-01T13:00Z"), zone="America/New_York") == at("2026-06-01T21:00Z")


def test_null_hours_never_close() -> None:
    t = at("2026-06-01T08:00:00.25Z")
    assert is_open(None, t)
    assert next_open(None, t) == t
    assert next_close(None, t) is None


def test_a_week_without_a_break_never_closes_whatever_the_clock_does() -> None:
    whole = hours("Europe/Berlin", **dict.fromkeys(DAYS, "00:00-24:00"))
    halves = hours("Europe/Berlin", **dict.fromkeys(DAYS, "00:00-12:00 12:00-24:00"))
    for week in (whole, halves):
        assert next_close(week, at("2026-03-29T00:59:59Z")) is None
        assert next_open(week, at("2026-03-29T01:00Z")) == at("2026-03-29T01:00Z")


def test_a_week_closed_for_one_minute_closes_in_the_next_week_that_has_the_minute() -> None:
    week = hours(
        **{**dict.fromkeys(DAYS, "00:00-24:00"), "sunday": "00:00-02:30 02:31-24:00"}
    )  # closed at 02:30 on Sundays
    assert next_close(week, at("2026-03-23T00:00Z")) == at("2026-04-05T00:30Z")


def test_answers_are_in_utc_whatever_the_question_was_in() -> None:
    week = default_hours("Europe/Berlin")
    india = timezone(timedelta(hours=5, minutes=30))
    for asked in (at("2026-06-01T05:30+05:30"), at("2026-06-01T15:30+05:30")):
        assert asked.utcoffset() == timedelta(hours=5, minutes=30)
        opening = next_open(week, asked.astimezone(india))
        assert opening.tzinfo is UTC
        closing = next_close(week, opening)
        assert closing is not None
        assert closing.tzinfo is UTC


@pytest.mark.parametrize("ask", [is_open, next_open, next_close])
@pytest.mark.parametrize("week", [None, default_hours("UTC")])
def test_an_instant_without_a_zone_is_refused(ask: object, week: Hours | None) -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        ask(week, datetime(2026, 6, 1, 9))  # type: ignore[operator]  # noqa: DTZ001


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        is_open(default_hours("UTC"), at("2026-06-01T00:00Z"), zone="Mars/Olympus")


def test_nobody_may_ask_when_closed_hours_close() -> None:
    with pytest.raises(ValueError, match="not open"):
        next_close(default_hours("UTC"), at("2026-06-01T00:00Z"))


# Comparing and saying


def test_windows_cut_differently_mean_the_same() -> None:
    whole = hours(friday="20:00-24:00", saturday="00:00-02:00")
    assert whole.same_opening(hours(friday="20:00-22:00 22:00-24:00", saturday="00:00-02:00"))
    assert whole.same_opening(whole)
    assert not whole.same_opening(hours(friday="20:00-24:00", saturday="00:00-02:01"))
    assert not whole.same_opening(hours(friday="20:00-24:00"))
    assert not whole.same_opening(hours("Europe/Paris", friday="20:00-24:00", saturday="00:00-02:00"))
    assert not whole.same_opening(None)


@pytest.mark.parametrize(
    ("week", "words"),
    [
        (None, "Always open"),
        (default_hours("Europe/Berlin"), "Monday to Friday 09:00–17:00 (Europe/Berlin)"),
        (hours("UTC", **dict.fromkeys(DAYS, "08:00-20:00")), "Every day 08:00–20:00 (UTC)"),
        (hours("UTC", **dict.fromkeys(DAYS, "00:00-24:00")), "Every day, all day (UTC)"),
        (
            hours("UTC", monday="09:00-12:00 13:00-17:00", saturday="10:00-11:00", sunday="10:00-11:00"),
            "Monday 09:00–12:00 and 13:00–17:00, Saturday and Sunday 10:00–11:00 (UTC)",
        ),
        (
            hours("UTC", monday="09:00-10:00", wednesday="09:00-10:00"),
            "Monday 09:00–10:00, Wednesday 09:00–10:00 (UTC)",
        ),
        (hours("UTC", friday="20:00-24:00"), "Friday 20:00–24:00 (UTC)"),
    ],
)
def test_hours_are_said_in_a_few_words(week: Hours | None, words: str) -> None:
    assert describe(week) == words


# Properties


def a_day() -> st.SearchStrategy[tuple[tuple[int, int], ...]]:
    """Up to four windows, some touching."""
    minutes = st.lists(st.integers(0, 1440), max_size=5, unique=True).map(sorted)
    return st.tuples(minutes, st.booleans()).map(
        lambda drawn: tuple(pairwise(drawn[0])) if drawn[1] else tuple(pairwise(drawn[0]))[::2]
    )


WEEKS = st.tuples(*[a_day()] * 7).filter(any)
INSTANTS = st.datetimes(datetime(1890, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
HOURS = st.builds(Hours, st.sampled_from(sorted(zones())), WEEKS)


@settings(max_examples=300, deadline=None)
@given(HOURS, INSTANTS)
def test_nothing_is_open_before_the_next_opening(week: Hours, t: datetime) -> None:
    opening = next_open(week, t)
    assert opening >= t
    assert is_open(week, opening)
    assert next_open(week, opening) == opening
    if opening > t:
        assert not is_open(week, t)
        assert not is_open(week, max(t, opening - timedelta(microseconds=1)))
    for part in range(40):
        between = t + (opening - t) * part / 40
        assert between == opening or not is_open(week, between)


@settings(max_examples=300, deadline=None)
@given(HOURS, INSTANTS)
def test_nothing_is_closed_before_the_next_closing(week: Hours, t: datetime) -> None:
    opening = next_open(week, t)
    closing = next_close(week, opening)
    if closing is None:
        assert week.always
        return
    assert closing > opening
    assert not is_open(week, closing)
    for part in range(40):
        assert is_open(week, opening + (closing - opening) * part / 40)
    assert is_open(week, closing - timedelta(microseconds=1))
    assert next_close(week, closing - timedelta(microseconds=1)) == closing


@settings(max_examples=300, deadline=None)
@given(HOURS, INSTANTS)
def test_open_is_what_the_wall_clock_shows(week: Hours, t: datetime) -> None:
    wall = t.astimezone(ZoneInfo(week.timezone))
    minute = wall.hour * 60 + wall.minute
    assert is_open(week, t) == any(start <= minute < end for start, end in week.week[wall.weekday()])


@settings(max_examples=200, deadline=None)
@given(HOURS)
def test_hours_survive_being_written_and_read(week: Hours) -> None:
    assert parse_hours(week.to_json(), default_timezone="UTC") == week


@settings(max_examples=200, deadline=None)
@given(HOURS, INSTANTS)
def test_the_same_opening_opens_at_the_same_instants(week: Hours, t: datetime) -> None:
    cut = tuple(tuple(piece for start, end in day for piece in _halves(start, end)) for day in week.week)
    other = Hours(week.timezone, cut)
    assert week.same_opening(other)
    assert next_open(week, t) == next_open(other, t)
    opening = next_open(week, t)
    assert next_close(week, opening) == next_close(other, opening)


def _halves(start: int, end: int) -> tuple[tuple[int, int], ...]:
    middle = (start + end) // 2
    return ((start, middle), (middle, end)) if start < middle else ((start, end),)


# The zone data


def test_no_zone_changes_its_offset_twice_between_two_looks() -> None:
    shortest = min(after - before for name in zones() for before, after in pairwise(changes(name)))
    assert LOOK < shortest < 5 * 24 * 3600
