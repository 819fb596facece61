"""Workspaces, the people who sign in to them, and their API keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from campaigns.models.base import Base, new_id


class Workspace(Base):
    """What a login belongs to. Its time zone says what a day is (CONTRACT section 4). With `stop_company` an answer
    ends the sequence for everybody of the campaign at the same domain."""

    __tablename__ = "workspace"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64))
    stop_company: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]


class User(Base):
    """A person who can sign in. `email` is kept in lower case."""

    __tablename__ = "user_account"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    is_owner: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    workspace: Mapped[Workspace] = relationship()


class ApiKey(Base):
    """A key for the API. Only its hash is kept; `hint` is the start of it, to tell keys apart."""

    __tablename__ = "api_key"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    hint: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class Suppression(Base):
    """Somebody who said no: an address, a domain or a profile, never to be written to again; or only the hash of one,
    if the person asked to be forgotten (rules.people). `source` says how they came here."""

    __tablename__ = "suppression"
    __table_args__ = (Index("uq_suppression_workspace_id_value", "workspace_id", "value", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    value: Mapped[str] = mapped_column(String(500))
    reason: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(16), default="hand", server_default="hand")
    created_by: Mapped[str | None] = mapped_column(String(320))
    created_at: Mapped[datetime]
