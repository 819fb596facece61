"""What people were before somebody changed them, kept for some minutes so that it can be taken back."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, String, delete, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import Base, Json, new_id
from campaigns.models.campaign import Campaign
from campaigns.models.prospect import Prospect

KEPT_FOR = timedelta(minutes=10)
REMOVED, PASSED = "removed", "passed"

Row = Mapping[str, Any]

# Every column of a person, and what its values are.
_KINDS = {column.key: column.type.python_type for column in Prospect.__table__.columns}
# Where somebody is on the way through the sequence.
_PLACE = (
    "status",
    "status_reason",
    "current_node_id",
    "contacted",
    "connected_at",
    "due_at",
    "paused_at",
    "held_due_at",
)


class Undoable(Base):
    """One change of people. `people` are their rows as they were just before `at`; `prospect_id` is set where it is
    about one of them alone."""

    __tablename__ = "undoable"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), index=True)
    prospect_id: Mapped[UUID | None]
    cause: Mapped[str] = mapped_column(String(16))
    by: Mapped[str | None] = mapped_column(String(320))
    at: Mapped[datetime]
    people: Mapped[list[dict[str, Any]]] = mapped_column(Json)


# Whether anything of a campaign can still be taken back, in a query for campaigns.
waits_for_undo = exists().where(Undoable.campaign_id == Campaign.id)


def keep_people(
    session: Session, campaign: Campaign, cause: str, people: Sequence[Prospect], now: datetime, by: str | None
) -> None:
    """Write down what these people are, just before they are changed at `now`."""
    alone = people[0].id if cause != REMOVED else None
    rows = [{name: _plain(getattr(one, name)) for name in _KINDS} for one in people]
    session.add(Undoable(campaign_id=campaign.id, prospect_id=alone, cause=cause, by=by, at=now, people=rows))


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def kept_people(kept: Undoable) -> list[dict[str, Any]]:
    """The rows with values as the model has them."""
    return [{name: _value(_KINDS[name], value) for name, value in row.items()} for row in kept.people]


def _value(kind: type, value: Any) -> Any:
    if value is None or isinstance(value, kind):
        return value
    return kind(value) if kind is UUID else kind.fromisoformat(value)  # type: ignore[attr-defined]


def find_undoable(
    session: Session, campaign_id: UUID, cause: str, now: datetime, *which: ColumnElement[bool]
) -> Undoable | None:
    """The latest change of its kind, among `which`, that can be taken back now."""
    young = (Undoable.campaign_id == campaign_id, Undoable.cause == cause, Undoable.at > now - KEPT_FOR)
    return session.scalar(select(Undoable).where(*young, *which).order_by(Undoable.id.desc()).limit(1))


def put_back(prospect: Prospect, kept: Undoable, row: Row, now: datetime) -> bool:
    """Let somebody be where the row says; False, and nothing is done, if anything has happened to them since."""
    if prospect.updated_at != kept.at or prospect.replied_at != row["replied_at"]:
        return False
    for name in _PLACE:
        setattr(prospect, name, row[name])
    prospect.updated_at = now
    return True


def forget_people(session: Session, now: datetime) -> None:
    """Drop what cannot be taken back any more."""
    session.execute(delete(Undoable).where(Undoable.at <= now - KEPT_FOR))
