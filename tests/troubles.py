"""Real trouble with a real database, for a while: read-only, full, and mended again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, make_url, text

from campaigns.models import Base, connect
from tests.databases import Database

# More than fits into the pages that a SQLite file has already.
TOO_MUCH = "Dear reader, " * 1400

DISK_FULL = """
CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
"""


@contextmanager
def _sqlite_with(db: Database, pragma: str) -> Iterator[None]:
    def prepare(raw: Any, _record: Any) -> None:
        raw.execute(pragma)

    event.listen(db.engine, "connect", prepare)
    db.engine.dispose()
    try:
        yield
    finally:
        event.remove(db.engine, "connect", prepare)
        db.engine.dispose()


def _as_administrator(db: Database, *statements: str) -> None:
    """From another database: whoever is in this one is thrown out, and comes back to what has changed."""
    url = make_url(db.url)
    administrator = connect(url.set(database="postgres").render_as_string(hide_password=False))
    out = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'"
    with administrator.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (*statements, out):
            connection.execute(text(statement))
    administrator.dispose()
    db.engine.dispose()


@contextmanager
def read_only(db: Database) -> Iterator[None]:
    """Nothing can be written by anybody; on SQLite, by nobody of this process."""
    if db.kind == "sqlite":
        with _sqlite_with(db, "PRAGMA query_only=ON"):
            yield
        return
    name = make_url(db.url).database
    _as_administrator(db, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        yield
    finally:
        _as_administrator(db, f"ALTER DATABASE {name} RESET default_transaction_read_only")


@contextmanager
def full(db: Database) -> Iterator[None]:
    """There is room for nothing more; on SQLite, for nothing of this process that needs another page (TOO_MUCH)."""
    if db.kind == "sqlite":
        with _sqlite_with(db, "PRAGMA max_page_count=1"):  # SQLite takes the size that the file has
            yield
        return
    with db.engine.begin() as connection:
        connection.execute(text(DISK_FULL))
        for table in Base.metadata.sorted_tables:
            when = f"CREATE TRIGGER full_now BEFORE INSERT OR UPDATE ON {table.name}"
            connection.execute(text(f"{when} FOR EACH STATEMENT EXECUTE FUNCTION disk_full()"))
    try:
        yield
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("DROP FUNCTION disk_full() CASCADE"))


TROUBLES: dict[str, Callable[[Database], Any]] = {"database_read_only": read_only, "database_full": full}
