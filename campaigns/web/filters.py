"""What templates do to values so that people can read them: instants in the workspace's zone, grouped numbers."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Flask, g
from markupsafe import Markup, escape

from campaigns.rules.lengths import least_length
from campaigns.rules.lifecycle import status_words
from campaigns.rules.sequence import STEP_WORDS, step_names
from campaigns.web.house import now

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60
# From this many seconds on, the unit in which a distance is told.
UNITS = ((2 * DAY, DAY, "days"), (HOUR, HOUR, "h"), (MINUTE, MINUTE, "min"), (1, 1, "s"))
# Characters that move others about, or that nobody sees.
_WILD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]")
# What ends a sentence does not belong to a link in it.
_URL = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?()\[\]]")
_ANCHOR = Markup('<a href="{}" rel="noreferrer noopener nofollow" target="_blank">{}</a>')


def register(app: Flask) -> None:
    """Give templates our filters."""
    for each in (when, iso, until, words, status_words, thousands, zonefree, tame, linked, least_length, step_names):
        app.add_template_filter(each)
    app.jinja_env.globals["STEP_WORDS"] = STEP_WORDS


def _zone() -> ZoneInfo:
    """The zone of who is asking; UTC for strangers."""
    return ZoneInfo(g.person.timezone if "person" in g else "UTC")


def when(instant: datetime) -> str:
    """`Tue 24 Nov, 09:00 CET`: the clock of the workspace, its zone named; the year where it is another one."""
    local = instant.astimezone(_zone())
    year = "" if local.year == now().astimezone(_zone()).year else f" {local.year}"
    zone = local.tzname() or ""
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M} {'UTC' if zone[:1] in '+-' else ''}{zone}"


def iso(instant: datetime) -> str:
    """RFC 3339 in UTC, for machines."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def until(instant: datetime) -> str:
    """How far off: `in 4 min`, `2 h ago`, `now`."""
    seconds = (instant - now()).total_seconds()
    for least, unit, name in UNITS:
        if abs(seconds) >= least:
            # Rounded up ahead of time, so that nobody comes too early.
            count = -int(-seconds // unit) if seconds > 0 else int(-seconds // unit)
            return f"in {count} {name}" if seconds > 0 else f"{count} {name} ago"
    return "now"


def words(name: str) -> str:
    """A snake_case word for people."""
    return name.replace("_", " ")


def thousands(number: int | None) -> str:
    """`12,345`."""
    return f"{number or 0:,}"


def zonefree(name: str) -> str:
    """`America/New York`."""
    return name.replace("_", " ")


def tame(text: str | None) -> str:
    """What somebody outside wrote, without the characters that move others about or cannot be seen."""
    return _WILD.sub("", (text or "").replace("\u2028", "\n").replace("\u2029", "\n"))


def linked(text: str | None) -> Markup:
    """The same as HTML, with links to follow: each shows where it leads."""
    whole, html, done = tame(text), Markup(), 0
    for found in _URL.finditer(whole):
        html += escape(whole[done : found.start()]) + _ANCHOR.format(found[0], found[0])
        done = found.end()
    return html + escape(whole[done:])
