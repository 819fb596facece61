"""What comes back to an account: how far its mailbox was read, and the letters that concern somebody we wrote to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import Base, new_id
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.rules.lifecycle import LINKEDIN

INBOX = "INBOX"


class Mailbox(Base):
    """How far the mailbox of an account was read: `uid_next` is the least number not read yet, and means something
    only together with `uid_validity` (RFC 3501 section 2.3.1.1). While it cannot be read, `error` says why and
    `try_at` when it is tried again. `lease_token` and `lease_until` say who reads; until `heard_until` somebody listens
    for new mail. Of a LinkedIn seat, `read_at` is when its messages were looked at, `relations_at` when its relations
    will be."""

    __tablename__ = "mailbox"

    sender_account_id: Mapped[UUID] = mapped_column(
        ForeignKey("sender_account.id", ondelete="CASCADE"), primary_key=True
    )
    folder: Mapped[str] = mapped_column(String(255), default=INBOX)
    uid_validity: Mapped[int | None] = mapped_column(BigInteger)
    uid_next: Mapped[int | None] = mapped_column(BigInteger)
    read_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    try_at: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(36))
    lease_until: Mapped[datetime | None]
    heard_until: Mapped[datetime | None]
    relations_at: Mapped[datetime | None]


def look_anew(session: Session, sender: Sender, *, elsewhere: bool) -> None:
    """A person changed the account, which is locked: what comes back to it is looked at again at once. A mailbox, or a
    seat, that is `elsewhere` now is another one, with numbers of its own; whoever reads the old one stops."""
    if not sender.hears:
        return
    mailbox = session.get(Mailbox, sender.id, with_for_update=True)
    if mailbox is not None:
        mailbox.failures, mailbox.error, mailbox.try_at, mailbox.relations_at = 0, None, None, None
        if elsewhere:
            mailbox.uid_validity = mailbox.uid_next = mailbox.read_at = None
            mailbox.lease_token = mailbox.lease_until = mailbox.heard_until = None
    ring(session, "seat" if sender.type == LINKEDIN else "inbox", sender.id)


class Letter(Base):
    """A mail, or a LinkedIn message, that came back from somebody we wrote to, or about them. Others are not kept.

    `kind` is one of channels.reading's; `message_id` the message it answers, where that is known; `fresh` what is new
    in it, `quoted` the rest. The unique pair is why reading a mailbox twice does nothing twice. `until` is when an
    absence ends. `link` leads to the conversation at LinkedIn.
    """

    __tablename__ = "letter"
    __table_args__ = (
        UniqueConstraint("sender_account_id", "rfc_message_id"),
        Index("ix_letter_prospect_id_received_at", "prospect_id", "received_at"),
        Index("ix_letter_message_id", "message_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    sender_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("sender_account.id", ondelete="SET NULL"))
    prospect_id: Mapped[UUID] = mapped_column(ForeignKey("prospect.id", ondelete="CASCADE"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(String(16))
    rfc_message_id: Mapped[str] = mapped_column(String(998))
    from_name: Mapped[str | None] = mapped_column(Text)
    from_address: Mapped[str | None] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(Text, default="")
    fresh: Mapped[str] = mapped_column(Text, default="")
    quoted: Mapped[str] = mapped_column(Text, default="")
    status_code: Mapped[str | None] = mapped_column(String(16))
    diagnostic: Mapped[str | None] = mapped_column(Text)
    until: Mapped[datetime | None]
    link: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
