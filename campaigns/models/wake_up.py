"""Wake-ups: the record of every re-check of a campaign's sleepers (CONTRACT section 5)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.models.base import Base, Json, new_id


class WakeUp(Base):
    """Asked for in the transaction that made it necessary, carried out and filled in by a job.

    `sleeping` is how many were due when it ran: `resumed` of them have open hours now, `slept_again` wait for
    their clock to open, the first at `next_open_at`. `duration_ms` counts from the request to the end.
    """

    __tablename__ = "wake_up"
    __table_args__ = (
        Index("ix_wake_up_campaign_id_id", "campaign_id", "id"),
        Index("ix_wake_up_finished_at", "finished_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    cause: Mapped[str] = mapped_column(String(32))
    requested_by: Mapped[str | None] = mapped_column(String(320))
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    duration_ms: Mapped[int | None]
    sleeping: Mapped[int | None]
    resumed: Mapped[int | None]
    slept_again: Mapped[int | None]
    next_open_at: Mapped[datetime | None]
    old_operating_hours: Mapped[dict[str, Any] | None] = mapped_column(Json)
    new_operating_hours: Mapped[dict[str, Any] | None] = mapped_column(Json)
    job_id: Mapped[str | None] = mapped_column(String(64))
