"""Why a prospect is not being messaged now, and when it will be: the judge's answer in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from campaigns.models import counts
from campaigns.models.campaign import Campaign, CampaignSender, Node
from campaigns.models.facts import read_facts
from campaigns.models.finding import find_prospect
from campaigns.models.gate import Gate
from campaigns.models.lanes import first_due
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
    sender_id = prospect.sender_account_id
    if sender_id is None:
        return 0
    active = select(CampaignSender.campaign_id).join(Campaign, Campaign.id == CampaignSender.campaign_id)
    active = active.where(CampaignSender.sender_id == sender_id, Campaign.status == lifecycle.ACTIVE)
    if prospect.contacted:
        return _before(session, prospect, active)
    own = _before(session, prospect, active.where(Campaign.id == campaign.id))
    follow_ups = counts.due_in_line(session, sender_id, True, now)
    return follow_ups + own + _other_turns(session, campaign, sender_id, own, now)


def _before(session: Session, prospect: Prospect, campaigns: Select[UUID]) -> int:
    """Those of the same account who have been due longer: on each clock one stretch of the lane's index."""
    stretch = (
        select(func.count())
        .where(
            Prospect.sender_account_id == prospect.sender_account_id,
            Prospect.contacted.is_(prospect.contacted),
            Prospect.campaign_id == Gate.campaign_id,
            Prospect.clock == Gate.clock,
            tuple_(Prospect.due_at, Prospect.id) < tuple_(prospect.due_at, prospect.id),
        )
        .correlate(Gate)
        .scalar_subquery()
    )
    return session.scalar(select(func.sum(stretch)).where(Gate.campaign_id.in_(campaigns))) or 0


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
        waiting = _new_people(session, campaign_id, sender_id, now, most=own + 1)
        goes_first = waiting > 0 and _place(session, campaign_id, turn, sender_id, now) < mine
        others += min(waiting, own + (1 if goes_first else 0))
    return others


def _new_people(session: Session, campaign_id: UUID, sender_id: UUID, now: datetime, *, most: int) -> int:
    """How many new people of a campaign are due, as far as `most`: no more of them can come first."""
    due = select(Prospect.id).where(
        Prospect.sender_account_id == sender_id,
        Prospect.contacted.is_(False),
        Prospect.campaign_id == campaign_id,
        Prospect.due_at <= now,
    )
    return session.scalar(select(func.count()).select_from(due.limit(most).subquery())) or 0


def _place(session: Session, campaign_id: UUID, turn: datetime | None, sender_id: UUID, now: datetime) -> Any:
    """What campaigns take turns by: who waited longest since the last, then whose first person did (models.lanes)."""
    clocks = select(literal(sender_id).label("sender_id"), Gate.campaign_id, Gate.clock)
    pairs = clocks.where(Gate.campaign_id == campaign_id).subquery()
    heads = [head for head in session.scalars(select(first_due(pairs, False, now))) if head]
    head = select(Prospect.due_at, Prospect.id).where(Prospect.id.in_(heads)).order_by(Prospect.due_at, Prospect.id)
    first = session.execute(head.limit(1)).first()
    return (turn.timestamp() if turn else float("-inf"), *(first or ()))
