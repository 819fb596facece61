"""The tick asks each second whether any invitation is to be taken back: never by looking through all messages."""

from sqlalchemy import event
from sqlalchemy.orm import Session

from campaigns import withdrawing
from campaigns.models import new_id
from tests import make
from tests.databases import Database


def plans(db: Database) -> list[str]:
    """How SQLite goes about each statement of a tick and of the job that follows."""
    found: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, values: object, *_rest: object) -> None:
        if "message" in statement:
            found.append((statement, values))

    event.listen(db.engine, "before_cursor_execute", note)
    with db.reading.begin() as session:
        withdrawing.ring_asked(session, make.NOW)
    withdrawing.carry_out(db.reading, new_id(), _nobody, lambda: make.NOW)
    event.remove(db.engine, "before_cursor_execute", note)
    with Session(db.engine) as session:
        connection = session.connection()
        return [
            "\n".join(str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
            for statement, values in found
        ]


def _nobody(_sender: object) -> withdrawing.Withdrawer:
    raise AssertionError("nothing was asked for")


def test_what_is_asked_is_found_by_its_own_index(sqlite_db: Database) -> None:
    found = plans(sqlite_db)
    assert len(found) == 2
    for plan in found:
        assert "ix_message_withdrawal" in plan
        assert "SCAN message" not in plan.replace("SCAN message USING COVERING INDEX ix_message_withdrawal", "")
