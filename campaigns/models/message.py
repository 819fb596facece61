"""Messages: one for a (prospect, node) pair, written before it is sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.models.base import Base, new_id

# sending: handed over, outcome not recorded yet. waiting: failed for a passing reason, due again.
# unknown: the process died between hand-over and record; only a person may settle it.
# task: a person has it in hand (models.task).
SENDING, WAITING, SENT, FAILED, BOUNCED, UNKNOWN, SKIPPED, TASK = (
    "sending",
    "waiting",
    "sent",
    "failed",
    "bounced",
    "unknown",
    "skipped",
    "task",
)
# The states in which nothing more is known than that it may leave, or may have left.
UNSETTLED = (SENDING, UNKNOWN, TASK)
# What becomes of an invitation that is taken back: asked of the provider, done, or refused.
ASKED, WITHDRAWN, REFUSED = "asked", "withdrawn", "failed"


class Message(Base):
    """What one prospect gets of one node. The unique pair is what makes a second send impossible."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("prospect_id", "node_id"),
        Index("ix_message_campaign_id_claimed_at", "campaign_id", "claimed_at"),
        Index("ix_message_node_id", "node_id"),
        Index("ix_message_status", "status", "claimed_at"),
        Index("ix_message_sender_account_id_claimed_at", "sender_account_id", "claimed_at"),
        Index(
            "ix_message_campaign_id_opened_at",
            "campaign_id",
            "opened_at",
            sqlite_where=text("opened_at IS NOT NULL"),
            postgresql_where=text("opened_at IS NOT NULL"),
        ),
        Index(
            "ix_message_campaign_id_machine_opens",
            "campaign_id",
            "prospect_id",
            sqlite_where=text("machine_opens > 0"),
            postgresql_where=text("machine_opens > 0"),
        ),
        Index(
            "ix_message_withdrawal",
            "sender_account_id",
            "id",
            sqlite_where=text("withdrawal = 'asked'"),
            postgresql_where=text("withdrawal = 'asked'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    prospect_id: Mapped[UUID] = mapped_column(ForeignKey("prospect.id", ondelete="CASCADE"))
    node_id: Mapped[UUID] = mapped_column(ForeignKey("sequence_node.id", ondelete="CASCADE"))
    sender_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("sender_account.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=1)
    subject: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str | None] = mapped_column(Text)
    rfc_message_id: Mapped[str | None] = mapped_column(String(255))
    receipt: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    withdrawal: Mapped[str | None] = mapped_column(String(16))
    claimed_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    # Opens by people and by machines, each counted; `opened_at` is the first by a person.
    opens: Mapped[int] = mapped_column(default=0, server_default="0")
    machine_opens: Mapped[int] = mapped_column(default=0, server_default="0")
    opened_at: Mapped[datetime | None]
