"""One page of a list, and how long the whole list is."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from campaigns.models.base import Base

Row = TypeVar("Row", bound=Base)


def page_of(
    session: Session, model: type[Row], own: Sequence[ColumnElement[bool]], *order: Any, page: int, limit: int
) -> tuple[list[Row], int]:
    """The rows of `model` that meet every condition of `own`: those on `page` (from 1), and how many in all."""
    total = session.scalar(select(func.count()).select_from(model).where(*own)) or 0
    query = select(model).where(*own).order_by(*order).limit(limit).offset((page - 1) * limit)
    return list(session.scalars(query)), total
