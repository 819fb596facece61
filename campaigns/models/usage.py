"""Counting against daily limits, so that no race overruns them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignDay
from campaigns.models.sender import SenderDay


def _ensure(session: Session, model: type[CampaignDay] | type[SenderDay], **key: Any) -> None:
    """The row of the day, made if it is missing; two that make it at once make one."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    session.execute(dialect.insert(model).values(used=0, **key).on_conflict_do_nothing())


def reserve(session: Session, campaign: Campaign, day: date) -> bool:
    """Take one place of the campaign's daily limit; False if none is left. The UPDATE itself is the check."""
    _ensure(session, CampaignDay, campaign_id=campaign.id, day=day)
    take = update(CampaignDay).where(CampaignDay.campaign_id == campaign.id, CampaignDay.day == day)
    if campaign.daily_limit is not None:
        take = take.where(CampaignDay.used < campaign.daily_limit)
    return bool(_count(session, take.values(used=CampaignDay.used + 1)))


def give_back(session: Session, campaign_id: UUID, day: date) -> None:
    """Return a place of the campaign's daily limit: the message did not leave after all."""
    row = update(CampaignDay).where(CampaignDay.campaign_id == campaign_id, CampaignDay.day == day)
    _count(session, row.where(CampaignDay.used > 0).values(used=CampaignDay.used - 1))


def count_campaign(session: Session, campaign_id: UUID, day: date, by: int) -> None:
    """Add `by` to what the campaign is said to have used of its limit on `day`, whatever the limit."""
    _ensure(session, CampaignDay, campaign_id=campaign_id, day=day)
    row = update(CampaignDay).where(CampaignDay.campaign_id == campaign_id, CampaignDay.day == day)
    _count(session, row.values(used=CampaignDay.used + by))


def count_sender(session: Session, sender_id: UUID, day: date, by: int) -> None:
    """Add `by` (which may be -1) to what the account sent on `day`. Its lane is serial; no check is needed."""
    _ensure(session, SenderDay, sender_id=sender_id, day=day)
    row = update(SenderDay).where(SenderDay.sender_id == sender_id, SenderDay.day == day)
    used = SenderDay.used + by
    least = func.max if session.get_bind().dialect.name == "sqlite" else func.greatest
    _count(session, row.values(used=least(used, 0)))


def _count(session: Session, statement: Any) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]
