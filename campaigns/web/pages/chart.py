"""Messages by day: what left, and what will as the plan has it."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue

from campaigns import foreseeing, overseeing
from campaigns.models.finding import find_campaign
from campaigns.rules.days import local_day
from campaigns.rules.lifecycle import COMPLETED
from campaigns.web.house import house, now, person
from campaigns.web.pages.campaigns import blueprint

DAYS_BACK, DAYS_AHEAD = 14, 14


@blueprint.get("/campaigns/<uuid:campaign_id>/chart")
def chart(campaign_id: UUID) -> ResponseReturnValue:
    """The chart alone; the overview loads it once it is there itself."""
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        today = local_day(now(), campaign.workspace.timezone)
        sent = overseeing.sent_by_day(db, campaign, now() - timedelta(days=DAYS_BACK + 1))
        scene = foreseeing.scene(db, campaign, now()) if campaign.status != COMPLETED else None
    planned = {day: steps.total() for day, steps in foreseeing.calendar(scene).days.items()} if scene else {}
    bars = list(_bars(sent, planned, today))
    return render_template("_chart.html", campaign=campaign, bars=bars, most=max(bar["total"] for bar in bars))


def _bars(sent: dict[date, int], planned: dict[date, int], today: date) -> Iterator[dict[str, Any]]:
    """One for each day; today has both what left already and what is still to come."""
    for away in range(-DAYS_BACK, DAYS_AHEAD + 1):
        day = today + timedelta(days=away)
        done, coming = sent.get(day, 0), planned.get(day, 0)
        yield {"day": day, "today": not away, "sent": done, "planned": coming, "total": done + coming}
