"""Counting against daily limits, so that no race overruns them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignDay
from campaigns.models.sender import SenderDay

CAMPAIGN_DAY, SENDER_DAY = ("campaign_id", "day"), ("sender_id", "day")


def _insert(session: Session, model: type[CampaignDay] | type[SenderDay]) -> Any:
    """An INSERT of the row of a day that may say what to do if it is there: two that make it at once make one."""
    return (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert(model)


def reserve(session: Session, campaign: Campaign, day: date) -> bool:
    """Take one place of the campaign's daily limit; False if none is left. The statement itself is the check."""
    room = None if campaign.daily_limit is None else CampaignDay.used < campaign.daily_limit
    take = _insert(session, CampaignDay).values(campaign_id=campaign.id, day=day, used=1)
    more = {"used": CampaignDay.used + 1}
    take = take.on_conflict_do_update(index_elements=CAMPAIGN_DAY, set_=more, where=room)
    # Not by the number of rows, which drivers do not tell of an INSERT.
    return session.scalar(take.returning(CampaignDay.used)) is not None


def give_back(session: Session, campaign_id: UUID, day: date) -> None:
    """Return a place of the campaign's daily limit: the message did not leave after all."""
    row = update(CampaignDay).where(CampaignDay.campaign_id == campaign_id, CampaignDay.day == day)
    _count(session, row.where(CampaignDay.used > 0).values(used=CampaignDay.used - 1))


def count_campaign(session: Session, campaign_id: UUID, day: date, by: int) -> None:
    """Add `by` to what the campaign is said to have used of its limit on `day`, whatever the limit."""
    row = _insert(session, CampaignDay).values(campaign_id=campaign_id, day=day, used=by)
    more = {"used": CampaignDay.used + by}
    _count(session, row.on_conflict_do_update(index_elements=CAMPAIGN_DAY, set_=more))


def count_sender(session: Session, sender_id: UUID, day: date, by: int) -> None:
    """Add `by` (which may be -1) to what the account sent on `day`. Its lane is serial; no check is needed."""
    row = _insert(session, SenderDay).values(sender_id=sender_id, day=day, used=max(by, 0))
    least = func.max if session.get_bind().dialect.name == "sqlite" else func.greatest
    more = {"used": least(SenderDay.used + by, 0)}
    _count(session, row.on_conflict_do_update(index_elements=SENDER_DAY, set_=more))


def _count(session: Session, statement: Any) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})
