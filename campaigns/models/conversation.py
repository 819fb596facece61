"""Conversations: what a person and we said to each other after they answered, and the answers written by hand."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import Base, new_id
from campaigns.models.prospect import Prospect

# What a person may be marked as in the inbox.
INTERESTED, NOT_NOW, WRONG_PERSON = "interested", "not_now", "wrong_person"
LABELS = {INTERESTED: "Interested", NOT_NOW: "Not now", WRONG_PERSON: "Wrong person"}
# The order of the inbox, read backwards; every index of it ends so.
LATEST = ("last_at", "prospect_id")


def _marked(flag: str) -> Index:
    """The conversations with a flag, which are few."""
    return Index(
        f"ix_conversation_{flag}",
        "workspace_id",
        *LATEST,
        sqlite_where=text(f"{flag} = 1"),
        postgresql_where=text(flag),
    )


class Conversation(Base):
    """One row for each person who ever answered, so that the inbox is read from an index. `owes` says that the last
    word was theirs; automatic answers neither make a conversation unread nor owe anything."""

    __tablename__ = "conversation"
    __table_args__ = (
        Index("ix_conversation_workspace_id", "workspace_id", *LATEST),
        Index("ix_conversation_label", "workspace_id", "label", *LATEST),
        Index("ix_conversation_campaign_id", "campaign_id", *LATEST),
        Index("ix_conversation_sender_account_id", "sender_account_id", *LATEST),
        _marked("unread"),
        _marked("owes"),
    )

    prospect_id: Mapped[UUID] = mapped_column(ForeignKey("prospect.id", ondelete="CASCADE"), primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    sender_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("sender_account.id", ondelete="SET NULL"))
    last_at: Mapped[datetime]
    unread: Mapped[bool] = mapped_column(default=True)
    owes: Mapped[bool] = mapped_column(default=True)
    label: Mapped[str | None] = mapped_column(String(16))


def converse(session: Session, prospect: Prospect, now: datetime) -> None:
    """They wrote: their conversation comes up in the inbox, and we owe an answer. The person is locked."""
    conversation = session.get(Conversation, prospect.id)
    if conversation is None:
        ids = {"workspace_id": prospect.workspace_id, "campaign_id": prospect.campaign_id}
        conversation = Conversation(prospect_id=prospect.id, **ids)
        session.add(conversation)
    conversation.sender_account_id, conversation.last_at = prospect.sender_account_id, now
    conversation.unread = conversation.owes = True


class Answer(Base):
    """An email written by hand in the inbox. `status` is one of models.message's: it is claimed before it is handed
    over, as every message is, and never repeated by the machine. `letter_id` is what it answers."""

    __tablename__ = "answer"
    __table_args__ = (
        Index("ix_answer_prospect_id_created_at", "prospect_id", "created_at"),
        Index("ix_answer_status", "status", "claimed_at"),
        Index("ix_answer_letter_id", "letter_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    prospect_id: Mapped[UUID] = mapped_column(ForeignKey("prospect.id", ondelete="CASCADE"))
    letter_id: Mapped[UUID | None] = mapped_column(ForeignKey("letter.id", ondelete="SET NULL"))
    sender_account_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("sender_account.id", ondelete="SET NULL"), index=True
    )
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    rfc_message_id: Mapped[str | None] = mapped_column(String(255))
    receipt: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[str | None] = mapped_column(String(320))
    created_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
