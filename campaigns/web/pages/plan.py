"""The plan of a campaign: what would leave on which day, played forward by the engine's own judge."""

from calendar import Calendar as Weeks
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import foreseeing, overseeing
from campaigns.foreseeing import Calendar
from campaigns.models.ahead import Scene
from campaigns.models.campaign import Campaign
from campaigns.models.finding import nodes_of, senders_of
from campaigns.rules.days import local_day
from campaigns.rules.lifecycle import COMPLETED
from campaigns.web.house import house, now, person
from campaigns.web.pages.campaigns import blueprint
from campaigns.web.pages.frame import head

# Months that are drawn day by day; the messages after them are counted month by month.
MOST_MONTHS = 4
MOST_LATER = 12
# What holds a campaign back most, and the field of its settings that widens it.
WORDS = {
    "campaign_daily_limit": ("the campaign's daily limit", "daily_limit"),
    "sender_daily_limit": ("its daily limit", "account_limits"),
    "sender_weekly_limit": ("its weekly limit", None),
    "sender_gap": ("the pause between two of its messages", None),
    "operating_hours": ("the operating hours", "operating_hours"),
    "delay": ("the delays of the sequence", None),
}


@blueprint.get("/campaigns/<uuid:campaign_id>/plan")
def plan(campaign_id: UUID) -> ResponseReturnValue:
    """A calendar of what would leave. It is played after the session is over: nobody waits for it."""
    with house().reading() as db:
        shared = head(db, campaign_id, "plan")
        campaign = shared["campaign"]
        scene = foreseeing.scene(db, campaign, now()) if campaign.status != COMPLETED else None
        named = _names(db, campaign)
    found = foreseeing.calendar(scene) if scene else None
    return render_template("plan.html", **shared, **_context(scene, found, named))


def _names(db: Session, campaign: Campaign) -> dict[str, Any]:
    nodes = nodes_of(db, campaign.id)
    names = overseeing.step_names(nodes)
    return {
        "steps": {node.position: names[node.id] for node in nodes},
        "senders": {sender.id: sender.label for sender in senders_of(db, campaign.id)},
    }


def _context(scene: Scene | None, found: Calendar | None, named: dict[str, Any]) -> dict[str, Any]:
    if scene is None or found is None or not found.days:
        people, invited = (len(scene.people), scene.invited) if scene else (0, 0)
        return {"calendar": None, "accounts": len(named["senders"]), "waiting": people, "invited": invited}
    drawn = list(_months(found, local_day(scene.now, person().timezone), named["steps"]))
    return {
        "calendar": found,
        "months": drawn[:MOST_MONTHS],
        "later": [(month["name"], month["total"]) for month in drawn[MOST_MONTHS : MOST_MONTHS + MOST_LATER]],
        "rest": sum(month["total"] for month in drawn[MOST_MONTHS + MOST_LATER :]),
        "left_out": scene.left_out,
        "invited": scene.invited,
        "bottleneck": _bottleneck(found, named["senders"]),
    }


def _bottleneck(found: Calendar, senders: dict[UUID, str]) -> dict[str, Any] | None:
    if found.span.bottleneck is None:
        return None
    sender, gate = found.span.bottleneck
    words, field = WORDS[gate]
    return {"who": senders.get(sender, "an account"), "words": words, "field": field}


def _months(found: Calendar, today: date, steps: dict[int, str]) -> Iterator[dict[str, Any]]:
    most = max(day.total() for day in found.days.values())
    for (year, month), days in groupby(sorted(found.days), key=lambda day: (day.year, day.month)):
        yield {
            "name": date(year, month, 1).strftime("%B %Y"),
            "total": sum(found.days[day].total() for day in days),
            "cells": [_cell(found, day, today, month, most, steps) for day in Weeks().itermonthdates(year, month)],
        }


def _cell(
    found: Calendar, day: date, today: date, month: int, most: int, steps: dict[int, str]
) -> dict[str, Any] | None:
    """One day; None for a day of another month, which fills up the week."""
    if day.month != month:
        return None
    counted = found.days.get(day, Counter())
    total = counted.total()
    return {
        "day": day,
        "today": day == today,
        "total": total,
        "words": ", ".join(f"{counted[position]:,} × {steps.get(position, 'a step')}" for position in sorted(counted)),
        # Five shades are all that an eye tells apart.
        "shade": -(-5 * total // most) if total else 0,
    }
