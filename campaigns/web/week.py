"""The week form: operating hours as a browser posts them, and as they are shown again."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from campaigns.rules.hours import DAYS, MOST_WINDOWS, Hours, next_close, next_open, zones
from campaigns.rules.problems import Problem

WORKDAYS = DAYS[:5]
FIRST_WINDOW = {"start": "09:00", "end": "17:00"}
# Name of a preset -> the one window of each workday.
PRESETS = {"office": FIRST_WINDOW, "evenings": {"start": "18:00", "end": "21:00"}}
# How many openings are shown to whoever changes the hours.
MOST_OPENINGS = 3
# Zone names that nobody looks for: other spellings of places, and offsets whose sign is the wrong way round.
_ODD_ZONES = ("Etc/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/")
_INPUT = re.compile(rf"hours-({'|'.join(DAYS)})-([0-9]{{1,3}})-(start|end)")

Shown = dict[str, Any]
Posted = MultiDict[str, str]
# The day whose hours are to be copied, and the days that get them.
NO_COPY: Mapping[str, Any] = {"source": DAYS[0], "targets": ()}


def show_week(hours: Mapping[str, Any] | None, timezone: str) -> Shown:
    """Stored hours for the form. Always open comes with the usual week behind it, for whoever changes their mind."""
    if hours is None:
        return {"mode": "always", "timezone": timezone, "days": _workweek(FIRST_WINDOW), "copy": dict(NO_COPY)}
    return {
        "mode": "week",
        "timezone": hours.get("timezone", timezone),
        "days": {day: [dict(window) for window in hours.get(day, [])] for day in DAYS},
        "copy": dict(NO_COPY),
    }


def _workweek(window: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    return {day: [dict(window)] if day in WORKDAYS else [] for day in DAYS}


def typed_week(form: Posted) -> Shown:
    """The week as it was typed, in the order of its inputs."""
    windows: dict[str, dict[int, dict[str, str]]] = {day: {} for day in DAYS}
    for name, text in form.items():
        if found := _INPUT.fullmatch(name):
            day, place, edge = found.groups()
            windows[day].setdefault(int(place), {"start": "", "end": ""})[edge] = text.strip()
    return {
        "mode": "always" if form.get("hours-mode") == "always" else "week",
        "timezone": form.get("hours-timezone", "").strip(),
        "days": {day: [windows[day][place] for place in sorted(windows[day])] for day in DAYS},
        "copy": {"source": form.get("copy-source", DAYS[0]), "targets": tuple(form.getlist("copy-targets"))},
    }


def read_week(form: Posted) -> dict[str, Any] | None:
    """The raw value of `operating_hours`; a window left wholly empty is none."""
    return raw_week(typed_week(form))


def raw_week(week: Shown) -> dict[str, Any] | None:
    """The raw value of `operating_hours` for a week as it is shown."""
    if week["mode"] == "always":
        return None
    windows = {day: [one for one in week["days"][day] if one["start"] or one["end"]] for day in DAYS}
    return {"timezone": week["timezone"], **windows}


def change_week(week: Shown, wish: str) -> str | None:
    """Carry out one button (add:DAY, remove:DAY:N, copy:DAY, copy-chosen, preset:NAME) on what was typed; where
    to look now, as _week.html wants it: the window that was added, the day that lost one, or the button itself."""
    verb, _, rest = wish.partition(":")
    if verb == "preset":
        return wish if _preset(week, rest) else None
    day = week["copy"]["source"] if verb == "copy-chosen" else rest.partition(":")[0]
    if day not in DAYS:
        return None
    week["mode"] = "week"
    windows = week["days"][day]
    if verb == "add":
        return _add(windows, day)
    if verb == "remove":
        return _remove(windows, rest)
    if verb in ("copy", "copy-chosen"):
        for other in WORKDAYS if verb == "copy" else week["copy"]["targets"]:
            if other in DAYS:
                week["days"][other] = [dict(window) for window in windows]
        return wish
    return None


def _preset(week: Shown, name: str) -> bool:
    if name == "always":
        week["mode"] = "always"
    elif name in PRESETS:
        week["mode"], week["days"] = "week", _workweek(PRESETS[name])
    return name == "always" or name in PRESETS


def _add(windows: list[dict[str, str]], day: str) -> str | None:
    if len(windows) >= MOST_WINDOWS:
        return None
    windows.append({"start": "", "end": ""} if windows else dict(FIRST_WINDOW))
    return f"{day}-{len(windows) - 1}"


def _remove(windows: list[dict[str, str]], wish: str) -> str | None:
    day, _, place = wish.partition(":")
    if not place.isdecimal() or int(place) >= len(windows):
        return None
    del windows[int(place)]
    return day


def week_errors(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """What is wrong with the hours, by day; `timezone` and "" (the week as a whole) beside them."""
    errors: dict[str, list[str]] = {}
    for problem in problems:
        root, _, path = problem.field.partition(".")
        if root == "operating_hours":
            place = re.split(r"[.\[]", path, maxsplit=1)[0]
            message = problem.message[:1].upper() + problem.message[1:]
            errors.setdefault(place, []).append(f"{_window(path)}{message}")
    return errors


def _window(path: str) -> str:
    found = re.search(r"\[([0-9]+)\]", path)
    return f"Window {int(found[1]) + 1}: " if found else ""


def likely_zones(typed: str) -> list[str]:
    """A few zones that somebody may have meant who typed a part of a name: `berlin`, `new york`."""
    wanted = re.sub(r"\s+", "_", typed.strip()).casefold()
    return sorted(name for name in zones() if len(wanted) > 2 and wanted in name.casefold())[:3]


# Choosing


@cache
def _common_zones() -> tuple[str, ...]:
    places = (name for name in zones() if "/" in name and not name.startswith(_ODD_ZONES))
    return ("UTC", *sorted(places))


def zone_choices(now: datetime) -> list[tuple[str, str]]:
    """Zones to choose from, each with words that a browser searches too: `New York -05:00`."""
    return [(name, f"{_place(name)}{_offset(name, now)}") for name in _common_zones()]


def _place(zone: str) -> str:
    """What people type for it, where its name says it otherwise."""
    place = zone.rpartition("/")[2]
    return f"{place.replace('_', ' ')} " if "_" in place else ""


def _offset(zone: str, now: datetime) -> str:
    return now.astimezone(ZoneInfo(zone)).isoformat()[-6:]


# Openings


@dataclass(frozen=True)
class Opening:
    """A time in which messages may leave; `begun` if it is now, `closes` None where it never ends."""

    opens: datetime
    closes: datetime | None
    begun: bool


def openings(hours: Hours | None, now: datetime) -> list[Opening]:
    """The next times in which these hours are open, the one that lasts now included."""
    found: list[Opening] = []
    at = now
    while len(found) < MOST_OPENINGS:
        opens = next_open(hours, at)
        closes = next_close(hours, opens)
        found.append(Opening(opens, closes, opens == now))
        if closes is None:
            break
        at = closes
    return found


def span_text(opening: Opening, zone: str) -> str:
    """`Mon 30 Nov, 09:00–17:00 CET` on the clock of `zone`; what has begun says only when it ends."""
    first = opening.opens.astimezone(ZoneInfo(zone))
    if opening.closes is None:
        return "without end"
    last = opening.closes.astimezone(ZoneInfo(zone))
    name = last.tzname() or ""
    named = f"{'UTC' if name[:1] in '+-' else ''}{name}"
    if opening.begun:
        return f"until {_day(last)}, {last:%H:%M} {named}"
    if last - first <= timedelta(days=1) and last.time() == time():
        return f"{_day(first)}, {first:%H:%M}–24:00 {named}"
    if first.date() == last.date():
        return f"{_day(first)}, {first:%H:%M}–{last:%H:%M} {named}"
    return f"{_day(first)}, {first:%H:%M} to {_day(last)}, {last:%H:%M} {named}"


def _day(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%b}"
