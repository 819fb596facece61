"""Events: what happened to a campaign, in order, for people to read."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.models.base import Base, Json, new_id


class Event(Base):
    """One thing that happened. `kind` is a snake_case word, `data` what a sentence about it needs."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_campaign_id_id", "campaign_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    by: Mapped[str | None] = mapped_column(String(320))
    at: Mapped[datetime]
