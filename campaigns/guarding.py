"""Guarding: a campaign whose messages come back too often is paused before it costs the accounts their good name."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.event import Event
from campaigns.models.log import note
from campaigns.models.tally import prospect_count
from campaigns.rules import lifecycle

# Who was written to, as far as the status tells.
WRITTEN_TO = (*lifecycle.IN_FLIGHT, lifecycle.REPLIED, lifecycle.BOUNCED, lifecycle.COMPLETED)


@dataclass(frozen=True)
class Guard:
    """Pause at `percent` of bounced people, once `least` were written to; never with 0 percent."""

    percent: int
    least: int

    def trips(self, bounced: int, written_to: int) -> bool:
        """Whether that many are too many."""
        return bool(self.percent) and written_to >= self.least and bounced * 100 >= self.percent * written_to


def guard(session: Session, limits: Guard, now: datetime) -> None:
    """Pause every active campaign that bounces too much. One that was resumed after that is judged by whom it wrote to
    since."""
    for campaign_id, bounced, written_to in _suspects(session, limits):
        before = _judged(session, campaign_id)
        if limits.trips(bounced - before[0], written_to - before[1]):
            _pause(session, campaign_id, bounced, written_to, before, now)


def _suspects(session: Session, limits: Guard) -> list[tuple[UUID, int, int]]:
    """Active campaigns with their numbers of people who bounced, and who were written to, where these are too many."""
    row = prospect_count.c
    bounced = func.sum(case((row.status == lifecycle.BOUNCED, row.n), else_=0))
    query = (
        select(row.campaign_id, bounced, func.sum(row.n))
        .join(Campaign, Campaign.id == row.campaign_id)
        .where(Campaign.status == lifecycle.ACTIVE, row.status.in_(WRITTEN_TO))
        .group_by(row.campaign_id)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query) if limits.trips(row[1], limits.least)]


def _judged(session: Session, campaign_id: UUID) -> tuple[int, int]:
    """The numbers at which the campaign was paused the last time; a person resumed it knowing them."""
    paused = select(Event.data).where(Event.campaign_id == campaign_id, Event.kind == "guarded")
    data = session.scalar(paused.order_by(Event.id.desc()).limit(1))
    return (data["bounced"], data["written_to"]) if data else (0, 0)


def _pause(
    session: Session, campaign_id: UUID, bounced: int, written_to: int, before: tuple[int, int], now: datetime
) -> None:
    active = select(Campaign).where(Campaign.id == campaign_id, Campaign.status == lifecycle.ACTIVE)
    campaign = session.scalar(active.with_for_update(of=Campaign, key_share=True, skip_locked=True))
    if campaign is None:
        return  # an edit is under way: the next tick looks again
    late, of = bounced - before[0], written_to - before[1]
    campaign.status = lifecycle.move("pause").target
    campaign.pause_reason = f"{late} of {of} people bounced: check the addresses"
    campaign.updated_at = now
    campaign.version += 1
    note(session, campaign, "guarded", now, by=None, bounced=bounced, written_to=written_to)
