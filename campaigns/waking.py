"""Waking up: every sleeping prospect re-checked against fresh hours, at the cost of a few rows.

The edit itself rewrote the gates in its own transaction, so nobody is ever sent to in old hours. This job
rewrites them once more (whatever order jobs run in, the newest hours win), reads the kept counts, rings the
lanes and fills in the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, object_session

from campaigns.models import counts
from campaigns.models.campaign import Campaign, CampaignSender
from campaigns.models.gate import Gate, roll_gates
from campaigns.models.message import Message
from campaigns.models.meter import count_wake_up
from campaigns.models.prospect import Prospect
from campaigns.models.sessions import ring
from campaigns.models.wake_up import WakeUp
from campaigns.rules.lifecycle import ACTIVE


@dataclass(frozen=True)
class Count:
    """How many sleepers a wake-up found, and what became of them."""

    sleeping: int
    resumed: int
    next_open_at: datetime | None


def wake(session: Session, wake_up_id: UUID, *, now: datetime, job_id: str | None) -> WakeUp | None:
    """Carry out a wake-up; None if its campaign is gone. One that is finished is left alone."""
    # The campaign first, in the order of whoever deletes it: nobody then waits for the other in a circle.
    its_campaign = select(WakeUp.campaign_id).where(WakeUp.id == wake_up_id).scalar_subquery()
    campaign = session.scalar(
        select(Campaign).where(Campaign.id == its_campaign).with_for_update(of=Campaign, key_share=True)
    )
    wake_up = session.scalar(select(WakeUp).where(WakeUp.id == wake_up_id).with_for_update())
    if campaign is None or wake_up is None or wake_up.finished_at is not None:
        return wake_up
    gates = roll_gates(session, campaign, now)
    count = count_sleepers(session, campaign, gates, now)
    # A lane may have been quicker than this job: whoever it took up since the request was asleep, and resumed.
    quick = _taken_up(session, campaign, wake_up.requested_at, now)
    wake_up.sleeping, wake_up.resumed = count.sleeping + quick, count.resumed + quick
    wake_up.slept_again, wake_up.next_open_at = count.sleeping - count.resumed, count.next_open_at
    wake_up.job_id = job_id
    for sender_id in session.scalars(select(CampaignSender.sender_id).where(CampaignSender.campaign_id == campaign.id)):
        ring(session, "lane", sender_id)
    return wake_up


def finish(wake_up: WakeUp, *, now: datetime) -> None:
    """Close the record of a wake-up that was carried out: how long it took, from the request to now."""
    if wake_up.finished_at is None:
        wake_up.finished_at = now
        wake_up.duration_ms = max(0, round((now - wake_up.requested_at).total_seconds() * 1000))
        if session := object_session(wake_up):
            count_wake_up(session, wake_up.duration_ms)


def count_sleepers(session: Session, campaign: Campaign, gates: list[Gate], now: datetime) -> Count:
    """Due prospects, from the kept sums; resumed are those whose clock is open in an active campaign."""
    return sort_by_gate(campaign, gates, counts.due_by_clock(session, [campaign.id], now)[campaign.id], now)


def sort_by_gate(campaign: Campaign, gates: Sequence[Gate], due: Mapping[str, int], now: datetime) -> Count:
    """The same of those who are `due` on each clock."""
    by_clock = {gate.clock: gate for gate in gates}
    sleeping = resumed = 0
    openings: list[datetime] = []
    for clock, people in due.items():
        sleeping += people
        gate = by_clock[clock]
        if campaign.status == ACTIVE and gate.is_open(now):
            resumed += people
        elif not gate.is_open(now):
            openings.append(gate.opens_at)
    return Count(sleeping, resumed, min(openings, default=None))


def _taken_up(session: Session, campaign: Campaign, since: datetime, now: datetime) -> int:
    query = (
        select(func.count(Message.prospect_id.distinct()))
        .join(Prospect, Prospect.id == Message.prospect_id)
        .where(
            Message.campaign_id == campaign.id,
            Message.claimed_at > since,
            or_(Prospect.due_at.is_(None), Prospect.due_at > now),
        )
    )
    return session.scalar(query) or 0
