"""Operating hours (CONTRACT section 3): from what people write to the instants that follow from it.

The one definition: an instant is open if the wall clock of the zone at that instant lies in a window of
that weekday. Nothing here converts a local time into an instant, because that has no answer where daylight
saving skips the time and two where it repeats it. Time is cut into stretches in which the zone's offset
from UTC stays the same; inside one, the local clock is plain arithmetic, and where it ends the next begins.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from itertools import groupby
from zoneinfo import ZoneInfo, available_timezones

from campaigns.rules.problems import Problem, Problems, shown

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_WINDOWS = 12
MINUTES_A_DAY = 24 * 60

# How far apart the offset of a zone is looked at. It must be shorter than any stretch of one offset in the
# zone data, or a change and the change back would be missed between two looks; the shortest is 3 days and
# 23 hours (Freetown 1939), and a test measures all of them.
LOOK = 24 * 60 * 60

_WEEK = 7 * 24 * 60 * 60
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_SECOND_OF_WEEK = 3 * 24 * 60 * 60  # 1 January 1970 was a Thursday

# More stretches than any opening or closing lies away, even where each of them skips the minute in question.
_MOST_STRETCHES = 100

START = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
END = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")

Window = tuple[int, int]
Day = tuple[Window, ...]


@dataclass(frozen=True)
class Hours:
    """A week of windows on the clock of `timezone`.

    `week` has seven days, Monday first; a day is a tuple of (start, end) in minutes after midnight, sorted,
    not overlapping, the end exclusive.
    """

    timezone: str
    week: tuple[Day, ...]

    def to_json(self) -> dict[str, object]:
        """The form of CONTRACT section 3, with all seven days."""
        days = {
            name: [{"start": _clock_text(start), "end": _clock_text(end)} for start, end in day]
            for name, day in zip(DAYS, self.week, strict=True)
        }
        return {"timezone": self.timezone, **days}

    def same_opening(self, other: "Hours | None") -> bool:
        """Whether both mean the same on the same clock, however the windows are cut."""
        return other is not None and self.timezone == other.timezone and self.spans == other.spans

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The open stretches in seconds after Monday 00:00, touching ones joined, over midnight too."""
        spans: list[tuple[int, int]] = []
        for index, day in enumerate(self.week):
            for start, end in day:
                begin, stop = ((index * MINUTES_A_DAY + minute) * 60 for minute in (start, end))
                if spans and spans[-1][1] == begin:
                    begin = spans.pop()[0]
                spans.append((begin, stop))
        return tuple(spans)

    @property
    def always(self) -> bool:
        """Whether the week is open without a break, so that no change of the clock can close it."""
        return self.spans == ((0, _WEEK),)


# Reading


@cache
def zones() -> frozenset[str]:
    """The IANA names of time zones that this machine knows."""
    return frozenset(available_timezones() - {"localtime"})  # the machine's own setting is not an IANA name


def is_zone(name: object) -> bool:
    """Whether `name` is the IANA name of a time zone, in its exact spelling."""
    return isinstance(name, str) and name in zones()


def parse_hours(raw: object, *, default_timezone: str, field: str = "operating_hours") -> Hours | None:
    """The hours that `raw` describes in the form of CONTRACT section 3; None (always open) for null.

    Raises Problems with everything that is wrong, each named by its path below `field`.
    """
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        raise Problems([Problem(field, "must be an object with weekdays, or null for always open")])
    problems = list(_unknown_keys(raw, ("timezone", *DAYS), field))
    timezone = raw.get("timezone", default_timezone)
    if not is_zone(timezone):
        problems.append(Problem(f"{field}.timezone", _zone_message(timezone)))
    week = tuple(_parse_day(raw.get(day, []), f"{field}.{day}", problems) for day in DAYS)
    if not problems and not any(week):
        problems.append(Problem(field, "must have at least one open minute in the week"))
    if problems:
        raise Problems(problems)
    return Hours(str(timezone), week)


def default_hours(timezone: str) -> Hours:
    """Monday to Friday 09:00 to 17:00 (CONTRACT section 8)."""
    return Hours(timezone, (((9 * 60, 17 * 60),),) * 5 + ((), ()))


def _unknown_keys(raw: Mapping[object, object], known: tuple[str, ...], field: str) -> Iterator[Problem]:
    """Problems for keys that mean nothing here: a misspelt day must not silently stay closed."""
    unknown = [key for key in raw if key not in known]
    for key in unknown[:10]:
        yield Problem(field, f"must not have the key {shown(key)}; the keys are {', '.join(known)}")


def _zone_message(timezone: object) -> str:
    if not isinstance(timezone, str):
        return f"must be the name of a time zone such as Europe/Berlin, not {shown(timezone)}"
    return f"must be the IANA name of a time zone such as Europe/Berlin; {shown(timezone)} is not known"


def _parse_day(raw: object, field: str, problems: list[Problem]) -> Day:
    """The windows of one day, sorted. What is wrong goes into `problems`."""
    if not isinstance(raw, list):
        problems.append(Problem(field, "must be a list of windows, empty for a closed day"))
        return ()
    if len(raw) > MOST_WINDOWS:
        problems.append(Problem(field, f"must have at most {MOST_WINDOWS} windows, not {len(raw)}"))
        return ()
    windows: list[tuple[Window, int]] = []
    for index, item in enumerate(raw):
        window = _parse_window(item, f"{field}[{index}]", problems)
        if window is not None:
            windows.append((window, index))
    windows.sort()
    problems.extend(_overlaps(windows, field))
    return tuple(window for window, _ in windows)


def _overlaps(windows: list[tuple[Window, int]], field: str) -> Iterator[Problem]:
    """Problems for windows (sorted, each with its place in the list sent) that begin before another ended."""
    latest, place = 0, 0
    for (start, end), index in windows:
        if start < latest:
            first, second = sorted((place, index))
            yield Problem(f"{field}[{second}]", f"must not overlap with window [{first}] of the same day")
        if end > latest:
            latest, place = end, index


def _parse_window(raw: object, field: str, problems: list[Problem]) -> Window | None:
    if not isinstance(raw, Mapping):
        problems.append(Problem(field, 'must be a window such as {"start": "09:00", "end": "17:00"}'))
        return None
    problems.extend(_unknown_keys(raw, ("start", "end"), field))
    start = _parse_minute(raw, "start", START, field, problems)
    end = _parse_minute(raw, "end", END, field, problems)
    if start is None or end is None:
        return None
    if end <= start:
        problems.append(Problem(f"{field}.end", f"must be after the start, {_clock_text(start)}"))
        return None
    return start, end


def _parse_minute(
    raw: Mapping[object, object], key: str, form: re.Pattern[str], field: str, problems: list[Problem]
) -> int | None:
    where = f"{field}.{key}"
    latest = "24:00" if form is END else "23:59"
    if key not in raw:
        problems.append(Problem(where, f"is missing: a time as HH:MM, at most {latest}"))
        return None
    text = raw[key]
    if not isinstance(text, str) or not form.fullmatch(text):
        problems.append(Problem(where, f"must be a time as HH:MM, at most {latest}, not {shown(text)}"))
        return None
    return int(text[:2]) * 60 + int(text[3:])


# Asking


def is_open(hours: Hours | None, t: datetime, zone: str | None = None) -> bool:
    """Whether instant `t` is open; on the clock of `zone`, where given, in place of the hours' own.

    Raises ValueError for a naive `t` or an unknown zone.
    """
    second = _second(t)
    if hours is None:
        return True
    return _wait(hours, second + _offset(_zone(zone or hours.timezone), second), True) == 0


def next_open(hours: Hours | None, t: datetime, zone: str | None = None) -> datetime:
    """The least instant from `t` on that is open, in UTC; `t` itself where it is open.

    `zone` and errors as in `is_open`.
    """
    second = _second(t)
    if hours is None:
        return t.astimezone(UTC)
    opens = _next(hours, _zone(zone or hours.timezone), second, True)
    return t.astimezone(UTC) if opens == second else _instant(opens)


def next_close(hours: Hours | None, t: datetime, zone: str | None = None) -> datetime | None:
    """The least instant after an open `t` that is not open, in UTC; None where none ever comes.

    `zone` and errors as in `is_open`; ValueError too where `t` is not open.
    """
    if not is_open(hours, t, zone):
        raise ValueError(f"asked when hours close that are not open at {t}")
    if hours is None or hours.always:
        return None
    return _instant(_next(hours, _zone(zone or hours.timezone), _second(t), False))


def _next(hours: Hours, zone: ZoneInfo, second: int, wanted: bool) -> int:
    """The least second from `second` on whose being open is `wanted`.

    Windows are whole minutes and offsets whole seconds, so being open never changes within a second.
    """
    for _ in range(_MOST_STRETCHES):
        offset = _offset(zone, second)
        found = second + _wait(hours, second + offset, wanted)
        change = _first_change(zone, offset, second, found)
        if change is None:
            return found
        second = change
    raise ValueError(f"found no {'opening' if wanted else 'closing'} of {hours} in {zone.key}")


def _wait(hours: Hours, local: int, wanted: bool) -> int:
    """Seconds on a steady clock from local second `local` until being open is `wanted`; 0 where it is now."""
    now = (local + _EPOCH_SECOND_OF_WEEK) % _WEEK
    spans = hours.spans
    after = bisect_right(spans, (now, _WEEK + 1))  # the first span that begins later than now
    end = spans[after - 1][1] if after else 0
    if wanted:
        if now < end:
            return 0
        return spans[after][0] - now if after < len(spans) else spans[0][0] + _WEEK - now
    if now >= end:
        return 0
    if end == _WEEK and spans[0][0] == 0:  # open over the midnight between Sunday and Monday
        end += spans[0][1]
    return end - now


def _first_change(zone: ZoneInfo, offset: int, start: int, end: int) -> int | None:
    """The first second in start < second <= end at which the zone's offset is no longer `offset`, if any."""
    before = start
    while before < end:
        after = min(before + LOOK, end)
        if _offset(zone, after) != offset:
            return _bisect_change(zone, offset, before, after)
        before = after
    return None


def _bisect_change(zone: ZoneInfo, offset: int, before: int, after: int) -> int:
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, second: int) -> int:
    """Seconds that the wall clock of `zone` is ahead of UTC, read off that clock: the definition itself."""
    utc = _EPOCH + second * _SECOND
    local = utc.astimezone(zone).replace(tzinfo=UTC)
    return (local - utc) // _SECOND


def _second(t: datetime) -> int:
    if t.utcoffset() is None:
        raise ValueError(f"an instant needs a time zone: {t!r}")
    return (t - _EPOCH) // _SECOND


def _instant(second: int) -> datetime:
    return _EPOCH + second * _SECOND


@cache
def _zone(name: str) -> ZoneInfo:
    if not is_zone(name):
        raise ValueError(f"unknown time zone {shown(name)}")
    return ZoneInfo(name)


# Saying


def describe(hours: Hours | None) -> str:
    """The hours in a few words, such as `Monday to Friday 09:00–17:00 (Europe/Berlin)`."""
    if hours is None:
        return "Always open"
    if hours.always:
        return f"Every day, all day ({hours.timezone})"
    parts = []
    for day, run in groupby(enumerate(hours.week), key=lambda item: item[1]):
        if day:
            names = [DAYS[index].capitalize() for index, _ in run]
            parts.append(f"{_days_text(names)} {_day_text(day)}")
    return f"{', '.join(parts)} ({hours.timezone})"


def _days_text(names: list[str]) -> str:
    if len(names) == len(DAYS):
        return "Every day"
    if len(names) > 2:
        return f"{names[0]} to {names[-1]}"
    return " and ".join(names)


def _day_text(day: Day) -> str:
    return " and ".join(f"{_clock_text(start)}–{_clock_text(end)}" for start, end in day)


def _clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
