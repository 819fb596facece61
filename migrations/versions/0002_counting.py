"""Counts kept as people move, and indices for a million of them

The triggers sit on `prospect`: a later migration that rebuilds the table in batch mode on SQLite drops them, and
has to make them again.
"""

# ruff: noqa: S608 (the pieces of these statements are constants of this file)

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NOBODY = {"sqlite": "0" * 32, "postgresql": "00000000-0000-0000-0000-000000000000"}
# Table -> its key, each column with what it is of a prospect; and who is counted in it at all.
KEYS = {
    "prospect_count": {
        "campaign_id": "{row}.campaign_id",
        "status": "{row}.status",
        "current_node_id": "coalesce({row}.current_node_id, '{nobody}')",
        "waiting": "{row}.due_at IS NOT NULL",
    },
    "prospect_due": {
        "campaign_id": "{row}.campaign_id",
        "due_at": "{row}.due_at",
        "clock": "{row}.clock",
        "sender_account_id": "coalesce({row}.sender_account_id, '{nobody}')",
        "contacted": "{row}.contacted",
    },
}
COUNTED = {"prospect_count": "true", "prospect_due": "{row}.due_at IS NOT NULL"}
OPENED = {"sqlite_where": sa.text("opened_at IS NOT NULL"), "postgresql_where": sa.text("opened_at IS NOT NULL")}
COUNTED_ON = {"sqlite_where": sa.text("counted_on IS NOT NULL"), "postgresql_where": sa.text("counted_on IS NOT NULL")}
DUE = {"sqlite_where": sa.text("due_at IS NOT NULL"), "postgresql_where": sa.text("due_at IS NOT NULL")}
NEW = {"sqlite_where": sa.text("current_node_id IS NULL"), "postgresql_where": sa.text("current_node_id IS NULL")}
FRESH = {"sqlite_where": sa.text("mark = 0"), "postgresql_where": sa.text("mark = 0")}


def upgrade() -> None:
    op.drop_index("ix_prospect_campaign_id_status", "prospect")
    op.drop_index("ix_prospect_asleep", "prospect", **DUE)
    op.drop_index("ix_prospect_counted", "prospect", **COUNTED_ON)
    op.create_index("ix_prospect_campaign_id_id", "prospect", ["campaign_id", "id"])
    op.create_index("ix_prospect_campaign_id_status_id", "prospect", ["campaign_id", "status", "id"])
    op.create_index("ix_prospect_new", "prospect", ["campaign_id", "id"], **NEW)
    op.create_index("ix_prospect_asleep", "prospect", ["campaign_id", "clock", "due_at", "id"], **DUE)
    counted = ["campaign_id", "counted_on", "sender_account_id", "clock", "due_at", "id"]
    op.create_index("ix_prospect_counted", "prospect", counted, **COUNTED_ON)
    op.create_index("ix_message_campaign_id_opened_at", "message", ["campaign_id", "opened_at"], **OPENED)
    _create_tables()
    dialect = op.get_bind().dialect.name
    for table in KEYS:
        _fill(table, dialect)
    if dialect == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _create_tables() -> None:
    # SQLite changes a row in place, so its key is unique. PostgreSQL adds one for every change, so that nobody who
    # moves people ever waits for somebody else's count.
    sqlite = op.get_bind().dialect.name == "sqlite"
    columns = {
        "campaign_id": sa.Uuid(),
        "status": sa.String(length=16),
        "current_node_id": sa.Uuid(),
        "waiting": sa.Boolean(),
        "due_at": sa.DateTime(timezone=True),
        "clock": sa.String(length=64),
        "sender_account_id": sa.Uuid(),
        "contacted": sa.Boolean(),
    }
    for table, key in KEYS.items():
        op.create_table(
            table,
            *(sa.Column(name, columns[name], nullable=False) for name in key),
            sa.Column("n", sa.Integer(), nullable=False),
            sa.Column("mark", sa.SmallInteger(), nullable=False, server_default="0"),
            *([sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}"))] if sqlite else []),
            sqlite_with_rowid=False,
        )
    op.create_index("ix_prospect_count_campaign_id", "prospect_count", ["campaign_id"])
    op.create_index("ix_prospect_count_fresh", "prospect_count", ["campaign_id"], **FRESH)
    op.create_index("ix_prospect_due_campaign_id_due_at", "prospect_due", ["campaign_id", "due_at"])
    op.create_index("ix_prospect_due_line", "prospect_due", ["sender_account_id", "contacted", "due_at"])
    op.create_index("ix_prospect_due_fresh", "prospect_due", ["due_at"], **FRESH)


def _key(table: str, dialect: str, row: str) -> str:
    return ", ".join(KEYS[table].values()).format(row=row, nobody=NOBODY[dialect])


def _fill(table: str, dialect: str) -> None:
    places = ", ".join(str(place + 1) for place in range(len(KEYS[table])))
    op.execute(
        f"INSERT INTO {table} ({', '.join(KEYS[table])}, n) SELECT {_key(table, dialect, 'p')}, count(*)"
        f" FROM prospect p WHERE {COUNTED[table].format(row='p')} GROUP BY {places}"
    )


def _sqlite_triggers() -> None:
    def add(table: str, row: str, by: int) -> str:
        columns = ", ".join(KEYS[table])
        return (
            f"INSERT INTO {table} ({columns}, n) SELECT {_key(table, 'sqlite', row)}, {by}"
            f" WHERE {COUNTED[table].format(row=row)}"
            f" ON CONFLICT ({columns}) DO UPDATE SET n = n + {by};"
        )

    for event, changes in {"INSERT": {"NEW": 1}, "DELETE": {"OLD": -1}}.items():
        steps = " ".join(add(table, row, by) for table in KEYS for row, by in changes.items())
        op.execute(f"CREATE TRIGGER tr_prospect_{event.lower()} AFTER {event} ON prospect BEGIN {steps} END")
    for table, key in KEYS.items():
        own = ["campaign_id", *(name for name in key if name != "campaign_id")]
        watched = ["due_at" if name == "waiting" else name for name in own]
        changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in watched)
        steps = f"{add(table, 'OLD', -1)} {add(table, 'NEW', 1)}"
        op.execute(
            f"CREATE TRIGGER tr_{table}_update AFTER UPDATE OF {', '.join(watched)} ON prospect"
            f" WHEN {changed} BEGIN {steps} END"
        )
    gone = " ".join(f"DELETE FROM {table} WHERE campaign_id = OLD.id;" for table in KEYS)
    op.execute(f"CREATE TRIGGER tr_campaign_delete AFTER DELETE ON campaign BEGIN {gone} END")


def _postgresql_triggers() -> None:
    def add(table: str, signed: dict[str, int]) -> str:
        key = KEYS[table]
        rows = " UNION ALL ".join(
            f"SELECT {_key(table, 'postgresql', row)}, {by} FROM {row} WHERE {COUNTED[table].format(row=row)}"
            for row, by in signed.items()
        )
        places = ", ".join(str(place + 1) for place in range(len(key)))
        columns = ", ".join(key)
        # A campaign that is being deleted is gone before its people are; its counts were deleted with it.
        there = "EXISTS (SELECT FROM campaign WHERE id = moved.campaign_id)"
        return (
            f"INSERT INTO {table} ({columns}, n) SELECT {columns}, sum(n) FROM ({rows}) AS moved ({columns}, n)"
            f" GROUP BY {places} HAVING sum(n) <> 0 AND {there};"
        )

    events = {"insert": {"now": 1}, "delete": {"before": -1}, "update": {"before": -1, "now": 1}}
    for event, signed in events.items():
        steps = " ".join(add(table, signed) for table in KEYS)
        op.execute(
            f"CREATE FUNCTION count_prospect_{event}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {steps} RETURN NULL; END $$"
        )
        tables = " ".join(f"{'NEW' if row == 'now' else 'OLD'} TABLE AS {row}" for row in signed)
        op.execute(
            f"CREATE TRIGGER tr_prospect_{event} AFTER {event.upper()} ON prospect REFERENCING {tables}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION count_prospect_{event}()"
        )
    gone = " ".join(f"DELETE FROM {table} WHERE campaign_id IN (SELECT id FROM before);" for table in KEYS)
    op.execute(
        "CREATE FUNCTION forget_campaign_counts() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {gone} RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER tr_campaign_delete AFTER DELETE ON campaign REFERENCING OLD TABLE AS before"
        " FOR EACH STATEMENT EXECUTE FUNCTION forget_campaign_counts()"
    )


def downgrade() -> None:
    _drop_triggers()
    op.drop_table("prospect_due")
    op.drop_table("prospect_count")
    op.drop_index("ix_message_campaign_id_opened_at", "message", **OPENED)
    op.drop_index("ix_prospect_counted", "prospect", **COUNTED_ON)
    op.drop_index("ix_prospect_asleep", "prospect", **DUE)
    op.drop_index("ix_prospect_new", "prospect", **NEW)
    op.drop_index("ix_prospect_campaign_id_status_id", "prospect")
    op.drop_index("ix_prospect_campaign_id_id", "prospect")
    op.create_index("ix_prospect_campaign_id_status", "prospect", ["campaign_id", "status"])
    op.create_index("ix_prospect_asleep", "prospect", ["campaign_id", "clock", "due_at"], **DUE)
    op.create_index("ix_prospect_counted", "prospect", ["campaign_id", "counted_on", "due_at"], **COUNTED_ON)


def _drop_triggers() -> None:
    if op.get_bind().dialect.name == "sqlite":
        names = (
            "prospect_insert",
            "prospect_delete",
            "prospect_count_update",
            "prospect_due_update",
            "campaign_delete",
        )
        for name in names:
            op.execute(f"DROP TRIGGER tr_{name}")
        return
    op.execute("DROP TRIGGER tr_campaign_delete ON campaign")
    op.execute("DROP FUNCTION forget_campaign_counts()")
    for event in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER tr_prospect_{event} ON prospect")
        op.execute(f"DROP FUNCTION count_prospect_{event}()")
