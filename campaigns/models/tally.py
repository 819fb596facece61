"""Counts of people that triggers keep as people move (docs/decisions/0009).

A count is the sum of `n` over the rows of a key. On SQLite a key has one row, changed in place. On PostgreSQL every
statement that moves people adds rows with what it changed, so that no two of them ever wait for each other's count;
`fold` brings them together again.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Uuid,
    delete,
    func,
    insert,
    select,
    text,
    true,
    update,
)
from sqlalchemy.orm import Session

from campaigns.models.base import Base, UTCDateTime

# Stands for no step and no sender: a key has no nulls.
NOBODY = UUID(int=0)
# `mark` of a row: as a trigger wrote it; a sum of others; about to become part of a sum.
FRESH, FOLDED, FOLDING = 0, 1, 2
# A campaign is folded once this many of its rows are fresh: few enough to add up for each page, enough that a tick
# does not write the sums of every busy campaign again each second.
WORTH_FOLDING = 200
# Once so many rows became a few, PostgreSQL is told: by its old statistics it would read the whole table for a sum, and
# its own look at the table comes a minute later at best.
WORTH_TELLING = 5000


def _fresh(name: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text("mark = 0"), postgresql_where=text("mark = 0"))


# People by where they stand. `waiting` says whether they have a `due_at`.
prospect_count = Table(
    "prospect_count",
    Base.metadata,
    Column("campaign_id", Uuid(), nullable=False),
    Column("status", String(16), nullable=False),
    Column("current_node_id", Uuid(), nullable=False),
    Column("waiting", Boolean(), nullable=False),
    Column("n", Integer(), nullable=False),
    Column("mark", SmallInteger(), nullable=False, server_default="0"),
    Index("ix_prospect_count_campaign_id", "campaign_id"),
    _fresh("ix_prospect_count_fresh", "campaign_id"),
)

# People who wait, by when they are due. Of instants that have passed only the sum matters, so `fold` makes one of them.
prospect_due = Table(
    "prospect_due",
    Base.metadata,
    Column("campaign_id", Uuid(), nullable=False),
    Column("due_at", UTCDateTime(), nullable=False),
    Column("clock", String(64), nullable=False),
    Column("sender_account_id", Uuid(), nullable=False),
    Column("contacted", Boolean(), nullable=False),
    Column("n", Integer(), nullable=False),
    Column("mark", SmallInteger(), nullable=False, server_default="0"),
    Index("ix_prospect_due_campaign_id_due_at", "campaign_id", "due_at"),
    Index("ix_prospect_due_line", "sender_account_id", "contacted", "due_at"),
    _fresh("ix_prospect_due_fresh", "due_at"),
)


def fold(session: Session, now: datetime) -> None:
    """Make one row of all rows of a key; of those due before `now`, whenever that was. No count changes by it."""
    count, due = prospect_count.c, prospect_due.c
    _fold(session, prospect_count, [count.campaign_id, count.status, count.current_node_id, count.waiting], true())
    key = [due.campaign_id, due.clock, due.sender_account_id, due.contacted]
    # The earliest instant stands for all: should the clock of the host jump back, they are still counted as due.
    _fold(session, prospect_due, key, due.due_at <= now, func.min(due.due_at).label("due_at"))


def _fold(session: Session, table: Table, key: list[Column[Any]], ripe: ColumnElement[bool], *others: Any) -> None:
    fresh = select(table.c.campaign_id).where(table.c.mark == FRESH, ripe).group_by(table.c.campaign_id)
    campaigns = session.scalars(fresh.having(func.count() >= WORTH_FOLDING)).all()
    if not campaigns:
        return
    # Marked first: whatever is added from here on stays for the next time, and somebody else who folds waits here.
    chosen = table.c.campaign_id.in_(campaigns) & ripe
    session.execute(update(table).where(chosen).values(mark=FOLDING))
    marked = table.c.campaign_id.in_(campaigns) & (table.c.mark == FOLDING)
    total = func.sum(table.c.n)
    sums = select(*key, *others, total.label("n")).where(marked).group_by(*key).having(total != 0)
    rows = [{**row._mapping, "n": int(row.n), "mark": FOLDED} for row in session.execute(sums)]
    gone = session.execute(delete(table).where(marked)).rowcount  # type: ignore[attr-defined]
    if rows:
        session.execute(insert(table), rows)
    if gone >= WORTH_TELLING and session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"ANALYZE {table.name}"))
