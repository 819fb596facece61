"""Bringing a database to the newest schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
# Any number; it only has to be the same for all that migrate one PostgreSQL database.
ADVISORY_LOCK = 7_233_629


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic set up for our folder, on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """A connection on which one process at a time may change the schema.

    SQLite: foreign keys off, since a batch rebuild would otherwise delete child rows by cascade.
    """
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            _sqlite_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
                yield connection
        finally:
            if sqlite:
                _sqlite_foreign_keys(connection, "ON")


def _sqlite_foreign_keys(connection: Connection, state: str) -> None:
    # Past SQLAlchemy, which would begin a transaction, in which the pragma does nothing.
    raw: Any = connection.connection.dbapi_connection
    raw.execute(f"PRAGMA foreign_keys={state}")


def is_modelled(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the models know a thing of the database: all but the tables of the search (migration 0011)."""
    return kind != "table" or not str(name).startswith("prospect_search")


def upgrade(engine: Engine) -> None:
    """Run every migration that is still to come. Safe for several processes at a time."""
    with migrating(engine) as connection:
        command.upgrade(alembic_config(connection), "head")
