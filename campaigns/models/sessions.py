"""Connecting to the database, and the bells that ring once a commit is in it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

# Seconds that a SQLite writer waits for another one before it gives up.
BUSY_SECONDS = 30

SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    # FULL: a claim must be on the disk before the message it belongs to is handed over.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
    "PRAGMA journal_size_limit=67108864",
)


@dataclass(frozen=True)
class Bell:
    """A wish that a job be run once the transaction is committed. Losing one loses time, nothing else."""

    job: str
    args: tuple[str, ...]


Ringer = Callable[[Sequence[Bell]], None]


def ring(session: Session, job: str, *args: object) -> None:
    """Ask for `job(*args)` after this session's commit; the same wish twice rings once."""
    bells: dict[Bell, None] = session.info.setdefault("bells", {})
    bells[Bell(job, tuple(str(arg) for arg in args))] = None


def connect(url: str) -> Engine:
    """An engine for SQLite or PostgreSQL, set up so that neither loses an update or a commit."""
    if url.startswith("sqlite"):
        return _connect_sqlite(url)
    return create_engine(
        url,
        hide_parameters=True,  # they are people's data, and an error may be logged
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        # A scan that starts where another one is would find other people for each page of a search.
        connect_args={"options": "-c timezone=utc -c synchronize_seqscans=off"},
    )


def _sqlite_module() -> Any:
    # The SQLite of most Pythons has the WAL-reset bug (fixed in 3.51.3); the wheel carries a newer one.
    with suppress(ImportError):
        from pysqlite3 import dbapi2

        return dbapi2
    import sqlite3

    return sqlite3


def _connect_sqlite(url: str) -> Engine:
    engine = create_engine(url, hide_parameters=True, module=_sqlite_module(), connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # transactions are begun below, not by the driver
        cursor = raw.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        _write_ahead(cursor)
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock before the first read: WAL alone loses updates.
        readonly = connection.get_execution_options().get("readonly")
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


def _write_ahead(cursor: Any) -> None:
    # Only the first process to open a new file changes its mode. The others are told "locked" meanwhile, and at
    # once: SQLite's busy timeout does not cover this change, so the patience is ours.
    patience = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except _sqlite_module().OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > patience:
                raise
            time.sleep(0.01)


def session_factory(engine: Engine, ringer: Ringer, *, readonly: bool = False) -> sessionmaker[Session]:
    """Sessions whose bells `ringer` rings after each commit; whatever else ends a transaction forgets them."""
    bound = engine.execution_options(readonly=True) if readonly else engine
    factory = sessionmaker(bound, expire_on_commit=False)

    @event.listens_for(factory, "after_commit")
    def ring_bells(session: Session) -> None:
        if session.in_nested_transaction():
            return  # a savepoint was released; nothing is committed yet
        bells = session.info.pop("bells", None)
        if bells:
            ringer(tuple(bells))

    @event.listens_for(factory, "after_transaction_end")
    def forget_bells(session: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None:  # rolled back or closed: what was to be rung for never happened
            session.info.pop("bells", None)

    return factory


def silence(bells: Sequence[Bell]) -> None:
    """The ringer of those who need none: tests and one-off commands."""
