"""Why a prospect is not being messaged now, and when it will be: the judge's answer in words."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, bindparam, func, select, tuple_
from sqlalchemy.orm import Session

from campaigns.models import counts
from campaigns.models.campaign import Campaign, CampaignSender, Node
from campaigns.models.facts import read_facts
from campaigns.models.finding import find_prospect
from campaigns.models.gate import Gate
from campaigns.models.lanes import SENDER, due_of, first_due
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.rules import lifecycle
from campaigns.rules.gates import Facts, earliest, eligible

MOST = bindparam("most", type_=Integer())
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
    sender = session.get(Sender, prospect.sender_account_id) if prospect.sender_account_id else None
    return explain_person(session, campaign, prospect, sender, now)


def explain_person(
    session: Session, campaign: Campaign, prospect: Prospect, sender: Sender | None, now: datetime
) -> Explanation:
    """The same of somebody who was found already, with the account that writes to them."""
    if prospect.status in lifecycle.TERMINAL:
        reason = prospect.status_reason or _DONE[prospect.status]
        return Explanation(prospect.id, DONE, None, reason, None, 0)
    node = session.get(Node, prospect.current_node_id) if prospect.current_node_id else None
    facts = read_facts(session, campaign, prospect, sender, node, now)
    return _explain(session, campaign, prospect, node, facts, now)


_DONE = {
    lifecycle.REPLIED: "Answered; nothing more is sent.",
    lifecycle.BOUNCED: "The address refused the message.",
    lifecycle.UNSUBSCRIBED: "On the suppression list.",
    lifecycle.COMPLETED: "The sequence is completed.",
    lifecycle.TIMED_OUT: "The invitation was not accepted in time.",
    lifecycle.FAILED: "The message could not be sent.",
    lifecycle.CANCELLED: "Taken out of the campaign.",
}


def _explain(
    session: Session, campaign: Campaign, prospect: Prospect, node: Node | None, facts: Facts, now: datetime
) -> Explanation:
    if node is not None and node.type == "end" and not facts.paused and not facts.invited:
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
    # PostgreSQL adds whole numbers up to a decimal one, which JSON would show as a text.
    return int(session.scalar(select(func.sum(stretch)).where(Gate.campaign_id.in_(campaigns))) or 0)


def _other_turns(session: Session, campaign: Campaign, sender_id: UUID, own: int, now: datetime) -> int:
    """New people of other campaigns whose turns come first: campaigns alternate, the longest waiting begins."""
    lines = _lines(session, sender_id, now, most=own + 1)
    mine = lines.pop(campaign.id, _Line(float("-inf")))
    return sum(min(line.waiting, own + (1 if line.place < mine.place else 0)) for line in lines.values())


@dataclass
class _Line:
    """The new people of one campaign in an account's line. Campaigns take turns by `place`: who waited longest since
    the last, then whose first person did (models.lanes)."""

    turn: float
    first: tuple[datetime, UUID] | tuple[()] = ()
    waiting: int = 0

    @property
    def place(self) -> tuple[Any, ...]:
        return (self.turn, *self.first)


@cache
def _lines_query() -> Select[Any]:
    pairs = (
        select(CampaignSender.sender_id, CampaignSender.campaign_id, CampaignSender.last_turn_at, Gate.clock)
        .join(Campaign, Campaign.id == CampaignSender.campaign_id)
        .join(Gate, Gate.campaign_id == Campaign.id)
        .where(CampaignSender.sender_id == SENDER, Campaign.status == lifecycle.ACTIVE)
        .subquery()
    )
    waiting = select(func.count()).select_from(due_of(pairs, False).limit(MOST).correlate(pairs).subquery())
    first = first_due(pairs, False).label("head")
    heads = select(pairs, first, waiting.scalar_subquery().label("waiting")).subquery()
    query = select(heads.c.campaign_id, heads.c.last_turn_at, heads.c.waiting, Prospect.due_at, Prospect.id)
    return query.join(Prospect, Prospect.id == heads.c.head).order_by(Prospect.due_at, Prospect.id)


def _lines(session: Session, sender_id: UUID, now: datetime, *, most: int) -> dict[UUID, _Line]:
    """Campaign id -> its line, where anybody new is due. On each clock no more than `most` people are counted: no
    more of them can come first."""
    lines: dict[UUID, _Line] = {}
    for row in session.execute(_lines_query(), {"sender_id": sender_id, "now": now, "most": most}):
        turn = row.last_turn_at.timestamp() if row.last_turn_at else float("-inf")
        line = lines.setdefault(row.campaign_id, _Line(turn, (row.due_at, row.id)))
        line.waiting += row.waiting
    return lines
