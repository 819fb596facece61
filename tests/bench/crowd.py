"""Crowds: millions of prospects by INSERT … SELECT, as fast as the disk takes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from campaigns.models.tally import fold

HOUR, DAY = 3600, 86_400


@dataclass(frozen=True)
class Mix:
    """What becomes of person number n, in SQL: `status`, `contacted`, `position` of the step that comes next, and
    `due`, in seconds from now or NULL."""

    status: str = "'pending'"
    contacted: str = "false"
    position: str = "0"
    due: str = f"-{HOUR}"


ASLEEP = Mix()
# A campaign that has run for a while: a part is through, a part waits for its delay, a part has not been written to.
UNDER_WAY = Mix(
    status="CASE WHEN n % 10 < 3 THEN 'completed' WHEN n % 10 < 6 THEN 'sent' ELSE 'pending' END",
    contacted="n % 10 < 6",
    position="CASE WHEN n % 10 < 3 THEN 3 WHEN n % 10 < 6 THEN 1 ELSE 0 END",
    due=f"CASE WHEN n % 10 < 3 THEN NULL WHEN n % 10 < 6 THEN {HOUR} + n % {DAY} ELSE -{HOUR} - n % {DAY} END",
)
# Everybody waits for a delay.
WAITING = Mix(
    status="'sent'",
    contacted="true",
    position="1",
    due=f"{HOUR} + n * 7919 % {30 * DAY}",
)
# The same, but one in a hundred is due.
MOSTLY_WAITING = Mix(
    status="CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'sent' END",
    contacted="n % 100 <> 0",
    position="CASE WHEN n % 100 = 0 THEN 0 ELSE 1 END",
    due=f"CASE WHEN n % 100 = 0 THEN -{HOUR} ELSE {HOUR} + n * 7919 % {30 * DAY} END",
)

_COLUMNS = """id, workspace_id, campaign_id, identity, status, email, first_name, last_name, company, clock,
    custom_fields, source, sender_account_id, current_node_id, contacted, due_at, created_at, updated_at"""


# First names, and halves of last names and of companies, as JSON.
FIRST_NAMES = (
    '["Ada", "Ana", "Bela", "Chen", "David", "Elif", "Fatima", "Hugo", "Ivan", "Jana", "Kofi", "Lea", "Maria", "Nora"]'
)
FRONTS = (
    '["Acker", "Berg", "Blum", "Dorn", "Eich", "Feld", "Gold", "Grün", "Hagen", "Kirch", "König", "Linden", "Rosen"]'
)
BACKS = (
    '["au", "bach", "baum", "berg", "blatt", "born", "brück", "dorf", "feld", "heim", "hof", "mann", "meier", "stein"]'
)


def fill(engine: Engine, each: int, mix: Mix, *, after: int = 0, campaign: str | None = None) -> None:
    """`each` more people for every pair of a campaign and its sender (or those of one `campaign`, by its name),
    numbered from `after`; in the indices and known to the planner afterwards, as the server itself would see to."""
    with _hurry(engine) as cursor:
        sql = _statement(engine.dialect.name, mix, campaign)
        cursor.execute(sql.replace(":first", str(after + 1)).replace(":last", str(after + each)))


def _statement(dialect: str, mix: Mix, campaign: str | None) -> str:
    """The ids sort by the person's number, as ids of version 7 sort by time."""
    tail = "substr(md5(pairs.campaign_id::text || pairs.sender_id::text), 1, 12)"
    if dialect == "sqlite":
        numbers = "WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"
        new_id = "printf('%012x', n) || '70008000' || pairs.tail"
        tail = "substr(pairs.campaign_id, 25, 4) || substr(pairs.sender_id, 25, 8)"
        now, due = "datetime('now') || '.000000'", f"datetime('now', ({mix.due}) || ' seconds') || '.000000'"
        empty = "'{}'"
    else:
        numbers = "WITH numbers AS (SELECT generate_series(:first, :last) AS n)"
        new_id = "(lpad(to_hex(n::bigint), 12, '0') || '70008000' || pairs.tail)::uuid"
        now, due, empty = "now()", f"now() + ({mix.due}) * interval '1 second'", "'{}'::jsonb"
    cast = "" if dialect == "sqlite" else "::jsonb"
    first, front, back = (f"'{names}'{cast} ->>" for names in (FIRST_NAMES, FRONTS, BACKS))
    first_name = f"({first} (n % 14))"
    last_name = f"({front} (n / 14 % 13)) || ({back} (n / 182 % 14))"
    company = f"({front} (n % 13)) || ({back} (n / 13 % 14))"
    named = f"WHERE campaign.name = '{campaign}'" if campaign else ""
    return f"""
        INSERT INTO prospect ({_COLUMNS})
        {numbers},
        pairs AS (
            SELECT pairs.*, campaign.workspace_id, {tail} AS tail
            FROM campaign_sender pairs JOIN campaign ON campaign.id = pairs.campaign_id {named}
        )
        SELECT {new_id}, pairs.workspace_id, pairs.campaign_id, address, {mix.status}, address,
            first_name, last_name, company || ' GmbH', '', {empty}, 'api', pairs.sender_id, node.id,
            {mix.contacted}, {due}, {now}, {now}
        FROM (SELECT people.*, lower(last_name || '.' || n || '.' || tail || '@' || company) || '.example' AS address
              FROM (SELECT pairs.*, n, {first_name} AS first_name, {last_name} AS last_name, {company} AS company
                    FROM pairs CROSS JOIN numbers) people) pairs
        JOIN sequence_node node ON node.campaign_id = pairs.campaign_id AND node.position = {mix.position}
    """


# What grows with people: the table itself, and what its triggers keep.
_TABLES = ("prospect", "prospect_count", "prospect_due", "prospect_search")


@contextmanager
def _hurry(engine: Engine) -> Iterator[Any]:
    """A cursor for one statement of millions of rows: no index on the way, no waiting for the disk, nothing checked."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        with _hurry_sqlite(cursor) if engine.dialect.name == "sqlite" else _hurry_postgres(raw, cursor):
            yield cursor
    finally:
        raw.close()


@contextmanager
def _hurry_sqlite(cursor: Any) -> Iterator[None]:
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'prospect' AND sql NOT NULL"
    )
    indices = cursor.fetchall()
    cursor.execute("BEGIN IMMEDIATE")
    for name, _ in indices:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in indices:
        cursor.execute(statement)
    cursor.execute("COMMIT")
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")


def settle(engine: Engine) -> None:
    """As a database is some minutes later: the timetable has folded the counts, and PostgreSQL has cleaned up."""
    with Session(engine) as session:
        fold(session, datetime.now(UTC))
        session.commit()
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE)")


# Taken back afterwards: what is measured is measured on a server that waits for its disk.
_CARELESS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_wal_size": "'32GB'"}


@contextmanager
def _hurry_postgres(raw: Any, cursor: Any) -> Iterator[None]:
    raw.driver_connection.autocommit = True
    for name, value in _CARELESS.items():
        cursor.execute(f"ALTER SYSTEM SET {name} = {value}")
    cursor.execute("SELECT pg_reload_conf()")
    cursor.execute("SET synchronous_commit = off")
    cursor.execute("SET maintenance_work_mem = '1GB'")
    # No foreign key is checked; the triggers that count people work all the same.
    cursor.execute("SET session_replication_role = replica")
    cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = 'prospect'::regclass AND NOT tgisinternal")
    triggers = [row[0] for row in cursor.fetchall()]
    for name in triggers:
        cursor.execute(f'ALTER TABLE prospect ENABLE ALWAYS TRIGGER "{name}"')
    cursor.execute(
        f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN {_TABLES} AND indexname NOT LIKE 'pk%'"
    )
    indices = cursor.fetchall()
    for name, _ in indices:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in indices:
        cursor.execute(statement)
    cursor.execute("VACUUM ANALYZE")
    for name in triggers:
        cursor.execute(f'ALTER TABLE prospect ENABLE TRIGGER "{name}"')
    for name in _CARELESS:
        cursor.execute(f"ALTER SYSTEM RESET {name}")
    cursor.execute("SELECT pg_reload_conf()")
    cursor.execute("CHECKPOINT")
    cursor.execute("RESET ALL")
    raw.driver_connection.autocommit = False
