"""Imports: a file of people on its way into a campaign."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.models.base import Base, Json, new_id

# A file that waits for its columns to be given a meaning; under way; over, in three ways.
WAITING, RUNNING, DONE, CANCELLED, FAILED = "waiting", "running", "done", "cancelled", "failed"


class Import(Base):
    """What came of a file so far: of its `total` lines `done` were gone through, each to be imported or left out.

    `names` are those of its columns, `meaning` what they were chosen to mean (campaigns.rules.mapping). `moved_at` is
    the last sign of life of its job. Everybody it adds is created at `started_at`: so a second line of one person
    is told from somebody who was in the campaign before.
    """

    __tablename__ = "import"
    __table_args__ = (
        Index("ix_import_campaign_id_id", "campaign_id", "id"),
        Index("ix_import_status_moved_at", "status", "moved_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    requested_by: Mapped[str | None] = mapped_column(String(320))
    file_name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(16), default=WAITING)
    names: Mapped[list[str]] = mapped_column(Json)
    meaning: Mapped[list[str | None] | None] = mapped_column(Json)
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    imported: Mapped[int] = mapped_column(default=0)
    in_campaign: Mapped[int] = mapped_column(default=0)
    in_file: Mapped[int] = mapped_column(default=0)
    suppressed: Mapped[int] = mapped_column(default=0)
    invalid: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportPart(Base):
    """Some lines of a file, in a table of their own: a row that is written often must not carry ten megabytes.

    `lines` until they are gone through, [[line, cells], ...]; afterwards those that became nobody are `left_out`,
    [[kind, line, reason, cells], ...].
    """

    __tablename__ = "import_part"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rows: Mapped[int]
    lines: Mapped[list[Any] | None] = mapped_column(Json)
    left_out: Mapped[list[Any] | None] = mapped_column(Json)
