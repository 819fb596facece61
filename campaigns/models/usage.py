"""Counting against daily limits, so that no race overruns them."""

from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Integer, Uuid, bindparam, delete, func, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignDay
from campaigns.models.sender import SenderDay, SenderUse

# More than anybody sends: what no limit is counted as.
NO_LIMIT = 1_000_000_000
Day = type[CampaignDay] | type[SenderDay]


# Both are made once, since a lane counts each message.
@cache
def _more(dialect: str, model: Day, most: Any = None) -> Any:
    """An INSERT of the row of a day that adds `by` to it if it is there, and is below `most`: two that make it at once
    make one row."""
    table: Any = model.__table__
    owner, first, by = (
        bindparam("owner", type_=Uuid()),
        bindparam("first", type_=Integer()),
        bindparam("by", type_=Integer()),
    )
    row = (
        (sqlite if dialect == "sqlite" else postgresql)
        .insert(table)
        .values((owner, bindparam("today", type_=Date()), first))
    )
    least = func.max if dialect == "sqlite" else func.greatest
    return row.on_conflict_do_update(
        index_elements=table.primary_key,
        set_={"used": least(table.c.used + by, 0)},
        where=None if most is None else table.c.used < most,
    )


@cache
def _place(dialect: str) -> Any:
    # It answers with what is used: of an INSERT, drivers do not tell how many rows it made.
    return _more(dialect, CampaignDay, bindparam("most", type_=Integer())).returning(CampaignDay.used)


def _asked(owner: UUID, day: date, by: int) -> dict[str, Any]:
    return {"owner": owner, "today": day, "first": max(by, 0), "by": by}


def _count(session: Session, model: Day, owner: UUID, day: date, by: int) -> None:
    connection = session.connection()
    connection.execute(_more(connection.dialect.name, model), _asked(owner, day, by))


def reserve(session: Session, campaign: Campaign, day: date) -> bool:
    """Take one place of the campaign's daily limit; False if none is left. The statement itself is the check."""
    connection = session.connection()
    most = NO_LIMIT if campaign.daily_limit is None else campaign.daily_limit
    taken = connection.scalar(_place(connection.dialect.name), _asked(campaign.id, day, 1) | {"most": most})
    return taken is not None


def give_back(session: Session, campaign_id: UUID, day: date) -> None:
    """Return a place of the campaign's daily limit: the message did not leave after all."""
    row = update(CampaignDay).where(CampaignDay.campaign_id == campaign_id, CampaignDay.day == day)
    less = row.where(CampaignDay.used > 0).values(used=CampaignDay.used - 1)
    session.execute(less, execution_options={"synchronize_session": False})


def count_campaign(session: Session, campaign_id: UUID, day: date, by: int) -> None:
    """Add `by` to what the campaign is said to have used of its limit on `day`, whatever the limit."""
    _count(session, CampaignDay, campaign_id, day, by)


def count_sender(session: Session, sender_id: UUID, day: date, by: int) -> None:
    """Add `by` (which may be -1) to what the account sent on `day`. Its lane is serial; no check is needed."""
    _count(session, SenderDay, sender_id, day, by)


def count_use(session: Session, sender_id: UUID, step: str, message_id: UUID, at: datetime) -> None:
    """Count a LinkedIn step of the account against its rolling 7 days."""
    use = {"id": message_id, "sender_id": sender_id, "step": step, "at": at}
    session.connection().execute(insert(SenderUse.__table__), use)  # type: ignore[arg-type]


def date_use(session: Session, message_id: UUID, at: datetime) -> None:
    """It left later than it was counted: its 7 days begin then."""
    session.execute(update(SenderUse).where(SenderUse.id == message_id).values(at=at))


def uncount_use(session: Session, message_id: UUID) -> None:
    """It did not leave after all."""
    session.execute(delete(SenderUse).where(SenderUse.id == message_id))
