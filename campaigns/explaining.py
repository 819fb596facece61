"""Why a prospect is not being messaged now, and when it will be: the judge's answer in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignSender, Node
from campaigns.models.facts import read_facts
from campaigns.models.finding import find_prospect
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.rules import lifecycle
from campaigns.rules.gates import Facts, earliest, eligible

READY, WAITING, SLEEPING, DONE = "ready", "waiting", "sleeping", "done"


@dataclass(frozen=True)
class Explanation:
    """`explain` of CONTRACT section 8."""

    prospect_id: UUID
    state: str
    gate: str | None
    reason: str
    next_at: datetime | None
    ahead: int


def explain(session: Session, campaign: Campaign, prospect_id: UUID, now: datetime) -> Explanation:
    """What keeps this prospect from being messaged at `now`. Raises NotFound."""
    prospect = find_prospect(session, campaign.id, prospect_id)
    if prospect.status in lifecycle.TERMINAL:
        reason = prospect.status_reason or _DONE[prospect.status]
        return Explanation(prospect.id, DONE, None, reason, None, 0)
    sender = session.get(Sender, prospect.sender_account_id) if prospect.sender_account_id else None
    node = session.get(Node, prospect.current_node_id) if prospect.current_node_id else None
    facts = read_facts(session, campaign, prospect, sender, node, now)
    return _explain(session, campaign, prospect, node, facts, now)


_DONE = {
    lifecycle.REPLIED: "Answered; nothing more is sent.",
    lifecycle.BOUNCED: "The address refused the message.",
    lifecycle.UNSUBSCRIBED: "Does not want to be written to.",
    lifecycle.COMPLETED: "The sequence is completed.",
    lifecycle.TIMED_OUT: "The invitation was not accepted in time.",
    lifecycle.FAILED: "The message could not be sent.",
    lifecycle.CANCELLED: "Taken out of the campaign.",
}


def _explain(
    session: Session, campaign: Campaign, prospect: Prospect, node: Node | None, facts: Facts, now: datetime
) -> Explanation:
    if node is not None and node.type == "end":
        reason = "Every message was sent; the last delay is running."
        return Explanation(prospect.id, WAITING, "delay", reason, prospect.due_at, 0)
    closed = eligible(facts, now)
    due = facts.due_at is not None and facts.due_at <= now
    ahead = _ahead(session, campaign, prospect, now) if due else 0
    if closed is None:
        reason = "Next in line." if not ahead else f"In line: {ahead:,} come before."
        return Explanation(prospect.id, READY, None, reason, now, ahead)
    state = SLEEPING if due else WAITING
    return Explanation(prospect.id, state, closed.gate, closed.reason, earliest(facts, now), ahead)


def _ahead(session: Session, campaign: Campaign, prospect: Prospect, now: datetime) -> int:
    """How many due prospects of the sender are served before this one (CONTRACT section 4's order)."""
    if prospect.sender_account_id is None:
        return 0
    if prospect.contacted:
        return _count(session, prospect.sender_account_id, True, now, before=prospect)
    follow_ups = _count(session, prospect.sender_account_id, True, now)
    own = _count(session, prospect.sender_account_id, False, now, before=prospect, campaign_id=campaign.id)
    return follow_ups + own + _other_turns(session, campaign, prospect.sender_account_id, own, now)


def _count(
    session: Session,
    sender_id: UUID,
    contacted: bool,
    now: datetime,
    *,
    before: Prospect | None = None,
    campaign_id: UUID | None = None,
) -> int:
    query = (
        select(func.count())
        .select_from(Prospect)
        .join(Campaign, Campaign.id == Prospect.campaign_id)
        .where(
            Prospect.sender_account_id == sender_id,
            Prospect.contacted.is_(contacted),
            Prospect.due_at <= now,
            Campaign.status == lifecycle.ACTIVE,
            Prospect.campaign_id == campaign_id if campaign_id else true(),
        )
    )
    if before is not None:
        earlier = (Prospect.due_at < before.due_at) | ((Prospect.due_at == before.due_at) & (Prospect.id < before.id))
        query = query.where(earlier)
    return session.scalar(query) or 0


def _other_turns(session: Session, campaign: Campaign, sender_id: UUID, own: int, now: datetime) -> int:
    """New people of other campaigns whose turns come first: campaigns alternate, the longest waiting begins."""
    query = (
        select(CampaignSender.campaign_id, CampaignSender.last_turn_at)
        .join(Campaign, Campaign.id == CampaignSender.campaign_id)
        .where(CampaignSender.sender_id == sender_id, Campaign.status == lifecycle.ACTIVE)
    )
    turns: dict[UUID, Any] = {row.campaign_id: row.last_turn_at for row in session.execute(query)}
    mine = _place(session, campaign.id, turns.pop(campaign.id, None), sender_id, now)
    others = 0
    for campaign_id, turn in turns.items():
        waiting = _count(session, sender_id, False, now, campaign_id=campaign_id)
        goes_first = waiting > 0 and _place(session, campaign_id, turn, sender_id, now) < mine
        others += min(waiting, own + (1 if goes_first else 0))
    return others


def _place(session: Session, campaign_id: UUID, turn: datetime | None, sender_id: UUID, now: datetime) -> Any:
    """What campaigns take turns by: who waited longest since the last, then whose first person did (models.lanes)."""
    head = (
        select(Prospect.due_at, Prospect.id)
        .where(
            Prospect.sender_account_id == sender_id,
            Prospect.contacted.is_(False),
            Prospect.campaign_id == campaign_id,
            Prospect.due_at <= now,
        )
        .order_by(Prospect.due_at, Prospect.id)
    )
    first = session.execute(head.limit(1)).first()
    return (turn.timestamp() if turn else float("-inf"), *(first or ()))
