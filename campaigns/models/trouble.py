"""Trouble with the database that is nobody's bug: what it is called, what to say, and what mends it."""

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree


@dataclass(frozen=True)
class Trouble:
    """`what` is a sentence without its end, `remedy` follows "whoever runs Cadenza has to".

    `sqlstates`: how PostgreSQL's codes begin (its Appendix A). `words`: what SQLite says, and PostgreSQL before a
    session has begun, when there is no code yet. `unsaved`: a transaction that meets it has certainly not been
    committed.
    """

    code: str
    what: str
    remedy: str
    sqlstates: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    unsaved: bool = True

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}."


AWAY = Trouble(
    "database_away",
    "The database does not answer",
    "start it, or correct DATABASE_URL",
    ("08", "57P"),
    unsaved=False,
)
BUSY = Trouble(
    "database_busy",
    "The database is too busy",
    "see what holds it up, or give it more memory and connections",
    ("53", "55P03"),
    ("database is locked", "too many clients", "remaining connection slots"),
)
TROUBLES = (
    Trouble(
        "database_full",
        "The database is full",
        "make room on its disk",
        ("53100",),
        ("database or disk is full", "No space left on device"),
    ),
    Trouble(
        "database_read_only",
        "The database takes no changes",
        "make its file, folder and disk writable, or end the server's read-only mode",
        ("25006",),
        ("attempt to write a readonly database",),
    ),
    Trouble(
        "database_refused",
        "The database refuses Cadenza's user name, password or rights",
        "correct DATABASE_URL, or the rights of that user",
        ("28", "42501", "3D000"),
        ("authentication failed", "no password supplied", "pg_hba.conf", 'FATAL:  role "', "permission denied for"),
    ),
    Trouble(
        "database_missing",
        "The database cannot be opened",
        "correct DATABASE_URL, or the rights of the file and its folder",
        words=("unable to open database file", 'FATAL:  database "'),
    ),
    Trouble(
        "database_outdated",
        "The database has not been brought up to date",
        "run: flask --app app upgrade-database",
        ("42P01",),
        ("no such table",),
    ),
    Trouble(
        "database_broken",
        "The database cannot read or write its files",
        "look at its disk, and restore the last backup if the file is damaged",
        ("58", "XX001", "XX002"),
        ("disk I/O error", "database disk image is malformed", "file is not a database"),
        unsaved=False,
    ),
    BUSY,
    AWAY,
)


def trouble_of(error: BaseException | None) -> Trouble | None:
    """The trouble that this exception tells of; None for any other one, a bug for instance."""
    if isinstance(error, NoConnectionFree):
        return BUSY
    if not isinstance(error, DBAPIError):
        return None
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    said = str(error.orig)
    known = (one for one in TROUBLES if _tells(one, sqlstate, said))
    return next(known, AWAY if error.connection_invalidated or _never_connected(error) else None)


def _tells(trouble: Trouble, sqlstate: str, said: str) -> bool:
    return sqlstate.startswith(trouble.sqlstates) if sqlstate else any(words in said for words in trouble.words)


def _never_connected(error: DBAPIError) -> bool:
    """psycopg gives no code to a connection that came to nothing or was lost; SQLite has no connections to lose."""
    return type(error.orig).__module__.startswith("psycopg") and error.statement is None


def first_line(error: SQLAlchemyError) -> str:
    """What the database said, without the statement and its values."""
    orig = getattr(error, "orig", None)
    return (str(orig or error).splitlines() or [""])[0]
