"""Prospects: one person in one campaign."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.models.base import Base, Json, new_id

# The order of a lane: follow-ups before new people, by campaign and clock, longest due first.
LANE_ORDER = ("sender_account_id", "contacted", "campaign_id", "clock", "due_at", "id")
# The same among those messaged on a day already.
COUNTED_ORDER = ("campaign_id", "counted_on", "sender_account_id", "clock", "due_at", "id")


def _partial(name: str, condition: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


class Prospect(Base):
    """A person with a place in the sequence.

    `current_node_id` is the step that comes next and `due_at` when its delays are over; `due_at` is null for
    whoever waits for nothing: in a draft, terminal, or with a message being handed over. `clock` is the
    person's own time zone, '' where it is not known. `identity` is what makes two entries the same person.
    While somebody is paused, `paused_at` says since when and `held_due_at` keeps what `due_at` would be. Nothing is due
    before `not_before`: they are away until then. `provider_id` is what the LinkedIn provider calls them,
    `connected_at` when they were connected with the account; `skipped_for` is the other campaign for which they were
    left out. While an invitation waits to be accepted, `due_at` is when it times out.
    """

    __tablename__ = "prospect"
    __table_args__ = (
        Index("uq_prospect_campaign_id_identity", "campaign_id", "identity", unique=True),
        # Pages of the roster, all of it or those of one status, in the order people were added.
        Index("ix_prospect_campaign_id_id", "campaign_id", "id"),
        Index("ix_prospect_campaign_id_status_id", "campaign_id", "status", "id"),
        _partial("ix_prospect_new", "current_node_id IS NULL", "campaign_id", "id"),
        Index("ix_prospect_current_node_id_due_at", "current_node_id", "due_at"),
        Index("ix_prospect_current_node_id_status_id", "current_node_id", "status", "id"),
        Index("ix_prospect_workspace_id_identity", "workspace_id", "identity"),
        Index("ix_prospect_lane", *LANE_ORDER),
        _partial("ix_prospect_asleep", "due_at IS NOT NULL", "campaign_id", "clock", "due_at", "id"),
        _partial("ix_prospect_paused", "paused_at IS NOT NULL", "campaign_id"),
        _partial("ix_prospect_invited", "status = 'connection_sent'", "campaign_id", "due_at"),
        _partial("ix_prospect_provider_id", "provider_id IS NOT NULL", "workspace_id", "provider_id"),
        _partial("ix_prospect_counted", "counted_on IS NOT NULL", *COUNTED_ORDER),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    identity: Mapped[str] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(16), default="pending")
    status_reason: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(String(320))
    linkedin_url: Mapped[str | None] = mapped_column(String(500))
    first_name: Mapped[str | None] = mapped_column(String(200))
    last_name: Mapped[str | None] = mapped_column(String(200))
    company: Mapped[str | None] = mapped_column(String(300))
    position: Mapped[str | None] = mapped_column(String(300))
    headline: Mapped[str | None] = mapped_column(String(500))
    clock: Mapped[str] = mapped_column(String(64), default="")
    custom_fields: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    source: Mapped[str | None] = mapped_column(String(64))
    sender_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("sender_account.id", ondelete="SET NULL"))
    current_node_id: Mapped[UUID | None] = mapped_column(ForeignKey("sequence_node.id", ondelete="SET NULL"))
    contacted: Mapped[bool] = mapped_column(default=False)
    counted_on: Mapped[date | None]
    due_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    held_due_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    replied_at: Mapped[datetime | None]
    bounced_at: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(200))
    connected_at: Mapped[datetime | None]
    skipped_for: Mapped[UUID | None]

    def wait_until(self, due_at: datetime) -> None:
        """Let the next step run at `due_at`; for somebody who is paused that is kept for later."""
        due_at = max(due_at, self.not_before or due_at)
        if self.paused_at is None:
            self.due_at = due_at
        else:
            self.held_due_at = due_at

    @property
    def timezone(self) -> str | None:
        """The person's own time zone, None where it is not known."""
        return self.clock or None

    @property
    def name(self) -> str | None:
        """First and last name together, None where neither is known."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None
