"""The week form: operating hours as a browser posts them, and as they are shown again."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from campaigns.rules.hours import DAYS, MOST_WINDOWS
from campaigns.rules.problems import Problem

WORKDAYS = DAYS[:5]
FIRST_WINDOW = {"start": "09:00", "end": "17:00"}
_INPUT = re.compile(rf"hours-({'|'.join(DAYS)})-([0-9]{{1,3}})-(start|end)")

Shown = dict[str, Any]
Posted = MultiDict[str, str]


def show_week(hours: Mapping[str, Any] | None, timezone: str) -> Shown:
    """Stored hours for the form. Always open comes with the usual week behind it, for whoever changes their mind."""
    if hours is None:
        days = {day: [dict(FIRST_WINDOW)] if day in WORKDAYS else [] for day in DAYS}
        return {"mode": "always", "timezone": timezone, "days": days}
    return {
        "mode": "week",
        "timezone": hours.get("timezone", timezone),
        "days": {day: [dict(window) for window in hours.get(day, [])] for day in DAYS},
    }


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
    }


def read_week(form: Posted) -> dict[str, Any] | None:
    """The raw value of `operating_hours`; a window left wholly empty is none."""
    week = typed_week(form)
    if week["mode"] == "always":
        return None
    windows = {day: [one for one in week["days"][day] if one["start"] or one["end"]] for day in DAYS}
    return {"timezone": week["timezone"], **windows}


def change_week(week: Shown, wish: str) -> str | None:
    """Carry out one button (add:DAY, remove:DAY:N, copy:DAY) on what was typed; where to look now, as
    _week.html wants it: the window that was added, or the day that lost one."""
    verb, _, rest = wish.partition(":")
    day, _, place = rest.partition(":")
    if day not in DAYS:
        return None
    week["mode"] = "week"
    windows = week["days"][day]
    if verb == "add" and len(windows) < MOST_WINDOWS:
        windows.append({"start": "", "end": ""} if windows else dict(FIRST_WINDOW))
        return f"{day}-{len(windows) - 1}"
    if verb == "remove" and place.isdecimal() and int(place) < len(windows):
        del windows[int(place)]
        return day
    if verb == "copy":
        for other in WORKDAYS:
            week["days"][other] = [dict(window) for window in windows]
    return None


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
