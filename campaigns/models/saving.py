"""Rows that somebody holds locked, read and written by statements that are made once.

A lane reads four rows for each message and changes five. A session would compare them to find out what it has to write,
and make the statements anew: that takes longer than the database does. So these objects belong to no session, and are
written when they are told to be.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Executable, bindparam, inspect, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.attributes import instance_dict, instance_state

from campaigns.models.base import Base


class Reader:
    """Reads whole objects of these models from one row of a statement, and after them the statement's other columns.

    They are what a closed session leaves behind: asked for what is not among their columns, they refuse. Whoever holds
    them locked saves what they change.
    """

    def __init__(self, *models: type[Base]) -> None:
        self._mappers: list[tuple[Mapper[Any], list[str]]] = [
            (inspect(model), model.__table__.c.keys()) for model in models
        ]
        self.columns: list[Any] = [column for model in models for column in model.__table__.c]

    def __call__(self, session: Session, statement: Executable, asked: dict[str, Any]) -> list[Any] | None:
        """The objects and the other columns, None if there is no such row."""
        row = session.connection().execute(statement, asked).one_or_none()
        return None if row is None else self._objects(row)

    def _objects(self, row: Sequence[Any]) -> list[Any]:
        objects, at = [], 0
        for mapper, names in self._mappers:
            one = mapper.class_manager.new_instance()
            values = dict(zip(names, row[at:], strict=False))
            instance_state(one).key = mapper.identity_key_from_primary_key((values["id"],))
            instance_dict(one).update(values)
            objects.append(one)
            at += len(names)
        return [*objects, *row[at:]]


class Saver:
    """Writes these columns of an object of `model`, as they are."""

    def __init__(self, model: type[Base], *columns: str) -> None:
        table: Any = model.__table__
        self._columns = columns
        self._statement = update(table).where(table.c.id == bindparam("own_id"))

    def __call__(self, session: Session, row: Any) -> None:
        values = {name: getattr(row, name) for name in self._columns}
        session.connection().execute(self._statement, {"own_id": row.id} | values)


@contextmanager
def at_once(session: Session) -> Iterator[None]:
    """Changes that nobody reads an answer of: PostgreSQL is sent one after the other, without waiting in between."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        yield
        return
    raw: Any = connection.connection.driver_connection
    try:
        with raw.pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as failed:
        raise DBAPIError.instance(
            None, None, failed, connection.dialect.loaded_dbapi.Error, hide_parameters=True, dialect=connection.dialect
        ) from failed
