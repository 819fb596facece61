"""Moving the instants at which people are due, many at once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from campaigns.models.base import UTCDateTime
from campaigns.models.prospect import Prospect
from campaigns.rules.lifecycle import CONNECTION_SENT


class _DaysLater(FunctionElement[datetime]):
    """An instant so many days of 24 hours later; to the millisecond."""

    inherit_cache = True
    type = UTCDateTime()


@compiles(_DaysLater, "sqlite")
def _in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    instant, days = (compiler.process(part, **options) for part in element.clauses)
    return f"strftime('%Y-%m-%d %H:%M:%f000', {instant}, {days} || ' days')"


@compiles(_DaysLater, "postgresql")
def _in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    instant, days = (compiler.process(part, **options) for part in element.clauses)
    return f"{instant} + make_interval(hours => 24 * CAST({days} AS INTEGER))"


def retime_invitations(session: Session, sender_id: UUID, days: int) -> None:
    """Everybody who has not accepted this account's invitation yet times out so many days later; earlier, if that is
    below 0. Locked in order, as by everybody else who takes several people."""
    waiting = select(Prospect.id).where(
        Prospect.sender_account_id == sender_id, Prospect.status == CONNECTION_SENT, Prospect.contacted
    )
    session.execute(
        update(Prospect)
        .where(Prospect.id.in_(waiting.order_by(Prospect.id).with_for_update()))
        .values(due_at=_DaysLater(Prospect.due_at, days), held_due_at=_DaysLater(Prospect.held_due_at, days)),
        execution_options={"synchronize_session": False},
    )
