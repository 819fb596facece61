"""Daily limits of sender accounts as queries ask for them; models.sender.Sender.limit_on is the same in Python."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, func, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from campaigns.models.campaign import AccountLimit
from campaigns.models.sender import Sender


class _DaysSince(FunctionElement[int]):
    """How many days the first of two days lies after the second; never less than 0."""

    inherit_cache = True
    type = Integer()


@compiles(_DaysSince, "sqlite")
def _in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    day, since = (compiler.process(part, **options) for part in element.clauses)
    return f"max(0, CAST(julianday({day}) - julianday({since}) AS INTEGER))"


@compiles(_DaysSince, "postgresql")
def _in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    day, since = (compiler.process(part, **options) for part in element.clauses)
    return f"greatest(0, {day} - {since})"


def has_room(used: Any, today: Any) -> ColumnElement[bool]:
    """Whether an account that sent `used` messages on `today` may send another: of the campaign whose AccountLimit is
    joined, if it has one."""
    sent = func.coalesce(used, 0)
    reached = Sender.ramp_start + Sender.ramp_step * _DaysSince(today, Sender.ramp_from)
    return and_(
        sent < func.coalesce(AccountLimit.daily_limit, Sender.daily_limit),
        or_(Sender.ramp_start.is_(None), sent < reached),
        or_(Sender.ramp_ceiling.is_(None), sent < Sender.ramp_ceiling),
    )
