"""The latest instant that the timetable has seen: how a host clock that was put back is noticed."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Interval, func, literal
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from campaigns.models.base import Base

ONLY = 1


class Clock(Base):
    """One row, with the key ONLY. Written down every few seconds, so that it outlives the timetable's process."""

    __tablename__ = "clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime]


def earlier(session: Session, column: InstrumentedAttribute[Any], by: timedelta) -> Any:
    """The SQL for what stands in a column of instants, less `by`; exact to the millisecond."""
    if session.get_bind().dialect.name == "sqlite":
        # In the form in which SQLAlchemy keeps an instant there, which has microseconds.
        back = f"-{by.total_seconds():.3f} seconds"
        return func.strftime("%Y-%m-%d %H:%M:%f", column, back).concat("000")
    return column - literal(by, Interval)
