"""One page of a list, and how long the whole list is."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.models.base import Base

Row = TypeVar("Row", bound=Base)


def page_of(
    session: Session, model: type[Row], own: Sequence[ColumnElement[bool]], *order: Any, page: int, limit: int
) -> tuple[list[Row], int]:
    """The rows of `model` that meet every condition of `own`: those on `page` (from 1), and how many in all."""
    total = session.scalar(select(func.count()).select_from(model).where(*own)) or 0
    query = select(model).where(*own).order_by(*order).limit(limit).offset((page - 1) * limit)
    return list(session.scalars(query)), total


def page_by_index(
    session: Session,
    model: type[Row],
    own: Sequence[ColumnElement[bool]],
    *order: InstrumentedAttribute[Any],
    total: int,
    page: int,
    limit: int,
) -> list[Row]:
    """One page of the `total` rows of `model` in the order of an index that ends in the id: found in it alone and from
    the nearer end of the list. The last page of a million costs what the first one does."""
    skipped = (page - 1) * limit
    wanted = min(limit, total - skipped)
    if wanted <= 0:
        return []
    behind = total - skipped - wanted
    forth = skipped <= behind
    found = select(order[-1]).where(*own).order_by(*(order if forth else [column.desc() for column in order]))
    near = found.offset(skipped if forth else behind).limit(wanted)
    return list(session.scalars(select(model).where(order[-1].in_(near)).order_by(*order)))
