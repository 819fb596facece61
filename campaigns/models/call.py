"""Calls of the API that may be repeated: what was asked under an `Idempotency-Key`, and what was answered.

A call is written down before it is carried out, and its answer in the transaction that carries it out. So a call
without an answer has changed nothing, however long ago it began and whatever became of its process.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import Base, new_id

KEPT = timedelta(hours=24)
# Whoever has not answered by then has died: the next one with the key takes its place.
PATIENCE = timedelta(minutes=2)
# Old calls that a new one takes away: more than it adds, and so few that nobody waits for it.
MOST_FORGOTTEN = 100


class Call(Base):
    """One call. `answer` is sealed, since it may hold a secret; None while the call runs."""

    __tablename__ = "api_call"
    __table_args__ = (UniqueConstraint("user_id", "key"), Index("ix_api_call_started_at", "started_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(Text)


def find_call(session: Session, user_id: UUID, key: str, now: datetime) -> Call | None:
    """The call of this person with this key; None for one that is forgotten or whose process has died."""
    alive = or_(Call.answer.is_not(None), Call.started_at > now - PATIENCE)
    own = (Call.user_id == user_id, Call.key == key)
    return session.scalar(select(Call).where(*own, Call.started_at > now - KEPT, alive))


def begin_call(session: Session, user_id: UUID, key: str, fingerprint: str, now: datetime) -> UUID | None:
    """Write down that a call begins, and take away old ones; its id, or None if another one holds the key."""
    over = or_(Call.started_at <= now - KEPT, and_(Call.answer.is_(None), Call.started_at <= now - PATIENCE))
    session.execute(delete(Call).where(Call.user_id == user_id, Call.key == key, over))
    _forget(session, now)
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    row = {"id": new_id(), "user_id": user_id, "key": key, "fingerprint": fingerprint, "started_at": now}
    insert = dialect.insert(Call).values(row).on_conflict_do_nothing(index_elements=["user_id", "key"])
    begun: UUID | None = session.scalar(insert.returning(Call.id))
    return begun


def _forget(session: Session, now: datetime) -> None:
    # Rows that somebody else is at are left to them.
    old = select(Call.id).where(Call.started_at <= now - KEPT).order_by(Call.started_at).limit(MOST_FORGOTTEN)
    if ids := session.scalars(old.with_for_update(skip_locked=True)).all():
        session.execute(delete(Call).where(Call.id.in_(ids)))


def end_call(session: Session, call_id: UUID, answer: str) -> bool:
    """Keep the answer; False if the call was given up meanwhile and its key is another one's."""
    done = update(Call).where(Call.id == call_id, Call.answer.is_(None)).values(answer=answer)
    return session.scalar(done.returning(Call.id)) is not None


def drop_call(session: Session, call_id: UUID) -> None:
    """Nothing came of it: the key is free again. A call that has its answer stays."""
    session.execute(delete(Call).where(Call.id == call_id, Call.answer.is_(None)))
