"""Campaigns, their steps, their senders and limits."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from campaigns.models.base import Base, Json, new_id
from campaigns.models.sender import Sender
from campaigns.models.workspace import Workspace
from campaigns.rules.hours import Hours, parse_hours


class Campaign(Base):
    """A sequence with its senders, hours and limits. `status` moves by rules.lifecycle.MOVES only."""

    __tablename__ = "campaign"
    __table_args__ = (
        UniqueConstraint("workspace_id", "name"),
        Index("ix_campaign_status", "status"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(16), default="draft")
    version: Mapped[int] = mapped_column(default=1)
    operating_hours: Mapped[dict[str, Any] | None] = mapped_column(Json)
    prospect_timezone: Mapped[bool] = mapped_column(default=False)
    daily_limit: Mapped[int | None]
    stop_on_reply: Mapped[bool | None]
    open_tracking: Mapped[bool | None]
    signature: Mapped[str | None] = mapped_column(Text)
    skip_other_campaigns: Mapped[bool | None]
    pause_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    launching_since: Mapped[datetime | None]
    launched_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    workspace: Mapped[Workspace] = relationship()
    nodes: Mapped[list["Node"]] = relationship(
        order_by="Node.position", cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def hours(self) -> Hours | None:
        """The operating hours as rules read them."""
        return parse_hours(self.operating_hours, default_timezone="UTC")

    def clock_of(self, clock: str) -> str | None:
        """The zone that a gate of `clock` is read in, None for the zone of the hours themselves."""
        return clock if clock and self.prospect_timezone else None


class Node(Base):
    """One step of a sequence. Fields of other types are null."""

    __tablename__ = "sequence_node"
    __table_args__ = (Index("ix_sequence_node_campaign_id_position", "campaign_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    position: Mapped[int]
    type: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str | None] = mapped_column(Text)
    signature: Mapped[str | None] = mapped_column(Text)
    is_reply: Mapped[bool | None]
    include_message: Mapped[bool | None]
    delay_days: Mapped[int | None]
    delay_hours: Mapped[int | None]
    delay_minutes: Mapped[int | None]

    @property
    def delay(self) -> timedelta:
        """Elapsed time; a day is 24 hours (CONTRACT section 4)."""
        return timedelta(days=self.delay_days or 0, hours=self.delay_hours or 0, minutes=self.delay_minutes or 0)


class CampaignSender(Base):
    """An account that a campaign sends from. `last_turn_at` is when a new person of it was last written to
    from this account: the campaign that waited longest has the next turn."""

    __tablename__ = "campaign_sender"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    sender_id: Mapped[UUID] = mapped_column(
        ForeignKey("sender_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int]
    last_turn_at: Mapped[datetime | None]

    sender: Mapped[Sender] = relationship()


class AccountLimit(Base):
    """A campaign's own daily limit for one account, in place of the account's."""

    __tablename__ = "account_limit"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    sender_id: Mapped[UUID] = mapped_column(
        ForeignKey("sender_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int]
    daily_limit: Mapped[int]


class CampaignDay(Base):
    """How many prospects a campaign messaged on a calendar day of the workspace."""

    __tablename__ = "campaign_day"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(default=0)
