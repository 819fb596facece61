"""What an edit would do, in words, before it is saved: its impact, and the next openings of its hours."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from campaigns.rules.fields import BY_NAME
from campaigns.rules.hours import is_zone, parse_hours
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Conflict, Invalid
from campaigns.web.forms import by_field
from campaigns.web.house import now, person
from campaigns.web.pages.plan import WORDS
from campaigns.web.rehearsal import Impact, Rehearsal, rehearse
from campaigns.web.week import Shown, likely_zones, openings, raw_week, span_text

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def foretell(campaign_id: UUID, body: Mapping[str, Any]) -> dict[str, Any]:
    """The context of _impact.html for this edit. Raises NotFound."""
    try:
        rehearsal = rehearse(campaign_id, body)
    except (Invalid, Conflict) as refusal:
        return {"refusal": refusal, "reasons": reasons(refusal.problems) or [refusal.message]}
    changes = rehearsal.answer["changes"]
    return {
        "reasons": [],
        "applied": [BY_NAME[name].label for name in changes["applied"]],
        "impact": _told(rehearsal.impact, rehearsal) if rehearsal.impact else None,
    }


def reasons(problems: Iterable[Problem]) -> list[str]:
    """What is wrong, each with the name of its field."""
    found = by_field(problems)
    return [f"{BY_NAME[name].label}: {message}" for name, told in found.items() if name in BY_NAME for message in told]


def _told(impact: Impact, rehearsal: Rehearsal) -> dict[str, Any]:
    woken = impact.wake_up
    before, after = impact.before.span, impact.after.span
    return {
        "wake_up": woken and {**woken, "next_open_at": _instant(woken["next_open_at"])},
        "estimated": before.estimated or after.estimated,
        "sends": [
            {"name": "First", "before": before.first, "after": after.first, "shift": shift(before.first, after.first)},
            {"name": "Last", "before": before.last, "after": after.last, "shift": shift(before.last, after.last)},
        ],
        "bottleneck": _bottleneck(impact, rehearsal.answer["campaign"]),
    }


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def shift(before: datetime | None, after: datetime | None) -> str | None:
    """`3 days earlier`, `2 h later`, `no change`; None where there is nothing to compare."""
    if before is None or after is None:
        return None
    apart = abs(after - before)
    for unit, name in ((DAY, "day"), (HOUR, "h"), (MINUTE, "min")):
        if apart >= unit:
            count = round(apart / unit)
            plural = "s" if unit is DAY and count != 1 else ""
            return f"{count:,} {name}{plural} {'later' if after > before else 'earlier'}"
    return "no change"


def _bottleneck(impact: Impact, campaign: Mapping[str, Any]) -> dict[str, Any] | None:
    """The account that finishes last, and the limit that holds it most, with its number where it has one."""
    if impact.after.span.bottleneck is None:
        return None
    sender, gate = impact.after.span.bottleneck
    return {
        "who": impact.senders.get(sender, "an account"),
        "words": WORDS[gate][0],
        "limit": _limit(gate, str(sender), campaign),
    }


def _limit(gate: str, sender: str, campaign: Mapping[str, Any]) -> int | None:
    if gate == "campaign_daily_limit":
        return int(campaign["daily_limit"])
    if gate != "sender_daily_limit":
        return None
    own = {account["id"]: account["daily_limit"] for account in campaign["sender_accounts"]}
    its = {entry["account_id"]: entry["daily_limit"] for entry in campaign["account_limits"] or ()}
    return its.get(sender, own.get(sender))


def foretell_openings(week: Shown, viewer_zone: str | None) -> dict[str, Any]:
    """The context of _openings.html for hours as they are typed; `viewer_zone` is what the browser calls its own."""
    viewer = viewer_zone if is_zone(viewer_zone) else person().timezone
    try:
        hours = parse_hours(raw_week(week), default_timezone=person().timezone)
    except Problems as bad:
        return {"unreadable": reasons(bad.problems) + _meant(week, bad.problems), "openings": [], "viewer": viewer}
    zone = hours.timezone if hours else person().timezone
    found = [
        {
            "begun": opening.begun,
            "opens": opening.opens,
            "here": span_text(opening, zone),
            "there": span_text(opening, str(viewer)) if viewer != zone else None,
        }
        for opening in openings(hours, now())
        if opening.closes is not None
    ]
    return {"unreadable": [], "openings": found, "zone": zone, "viewer": viewer}


def _meant(week: Shown, problems: Iterable[Problem]) -> list[str]:
    wrong = any(problem.field.endswith(".timezone") for problem in problems)
    meant = likely_zones(week["timezone"]) if wrong else []
    return [f"Did you mean {' or '.join(meant)}?"] if meant else []
