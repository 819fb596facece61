"""The overview of a campaign: what it is doing, live."""

from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import launching, overseeing, reporting, settling, tasking
from campaigns.models import counts
from campaigns.models.campaign import Campaign
from campaigns.models.finding import nodes_of
from campaigns.models.gate import gates_of
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
from campaigns.rules.lifecycle import DRAFT, LINKEDIN
from campaigns.web.house import house, now
from campaigns.web.pages.campaigns import blueprint
from campaigns.web.pages.chronicle import sentence_of
from campaigns.web.pages.frame import head, render, show_account, sum_up
from campaigns.web.pages.outlook import next_up, sleep

MOST_MESSAGES, MOST_WAKE_UPS, MOST_EVENTS = 10, 3, 8
# Events that are read for those lines.
MOST_READ = 50


@blueprint.get("/campaigns/<uuid:campaign_id>")
def overview(campaign_id: UUID) -> ResponseReturnValue:
    """Checklist or counts, who is next, what has left, what happened."""
    with house().reading() as db:
        shared = head(db, campaign_id, "overview")
        return render("overview.html", "_overview.html", **shared, **_context(db, shared["campaign"]))


def _context(db: Session, campaign: Campaign) -> dict[str, Any]:
    gates = gates_of(db, campaign.id)
    upcoming = next_up(db, campaign, gates, nodes_of(db, campaign.id), now())
    wake_ups, _ = reporting.wake_up_page(db, campaign.id, page=1, limit=MOST_WAKE_UPS)
    return {
        "stats": sum_up(counts.stats(db, [campaign], now())[campaign.id]),
        "machines": counts.by_machines(db, campaign.id) if campaign.open_tracking else 0,
        "readiness": launching.validate(db, campaign) if campaign.status == DRAFT else None,
        "sleep": sleep(db, campaign, gates, upcoming, now()),
        "next_up": upcoming,
        "tasks": _tasks(db, campaign),
        "funnel": overseeing.funnel(db, campaign),
        "outreach": overseeing.outreach(db, campaign),
        **_messages(db, campaign),
        "settlements": settling.SETTLEMENTS,
        "senders": [_sender(pace) for pace in overseeing.paces(db, campaign, now())],
        "wake_ups": wake_ups,
        "events": _events(db, campaign),
    }


def _tasks(db: Session, campaign: Campaign) -> int:
    wanted = tasking.Filter(campaign_id=campaign.id)
    return tasking.count(db, campaign.workspace_id, wanted, now()) if campaign.type == LINKEDIN else 0


def _events(db: Session, campaign: Campaign) -> list[dict[str, Any]]:
    """What happened, newest first. The builder saves at every change: edits of the same by the same person in a row
    are one line."""
    shown: list[dict[str, Any]] = []
    last = None
    for event in overseeing.recent_events(db, campaign, MOST_READ):
        one = (event.kind, sentence_of(event), event.by)
        if one != last or event.kind != "edited":
            shown.append({"words": one[1], "by": event.by, "at": event.at})
        last = one
    return shown[:MOST_EVENTS]


def _messages(db: Session, campaign: Campaign) -> dict[str, Any]:
    names = overseeing.step_names(nodes_of(db, campaign.id))

    def shown(message: Message, prospect: Prospect) -> dict[str, Any]:
        return {
            "id": message.id,
            "who": overseeing.who(prospect),
            "step": names.get(message.node_id, ""),
            "subject": message.subject,
            "status": message.status,
            "error": message.error,
            "at": message.sent_at or message.claimed_at,
        }

    return {
        "messages": [shown(*pair) for pair in overseeing.recent_messages(db, campaign, MOST_MESSAGES)],
        "unknown": [shown(*pair) for pair in settling.unsettled(db, campaign)],
    }


def _sender(pace: overseeing.Pace) -> dict[str, Any]:
    return show_account(pace.sender) | {"used": pace.used, "limit": pace.limit}
