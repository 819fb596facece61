"""A database that is full or read-only, as a client of the API meets it."""

import logging

import pytest

from tests.databases import Database
from tests.troubles import TOO_MUCH, TROUBLES
from tests.web.callers import Caller, Clock, told

WORDS = {"database_full": "The database is full", "database_read_only": "The database takes no changes"}


@pytest.mark.parametrize("code", TROUBLES)
def test_a_client_is_told_what_to_do_and_nothing_is_half_written(
    alice: Caller, db: Database, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = alice.post("/campaigns", {"type": "email", "name": "Spring"}).json["campaign"]
    nodes = [{"type": "email", "subject": "x", "body": TOO_MUCH[:9000]} for _ in range(20)] + [{"type": "end"}]
    edit = {"name": "Summer", "sequence_nodes": nodes}
    before = db.dump()
    alice.app.extensions.pop("cadenza.troubles", None)  # noted by an earlier test, in the same minute of its clock
    with TROUBLES[code](db), caplog.at_level(logging.INFO):
        answer = alice.patch(f"/campaigns/{made['id']}", edit)
        error = told(answer, 503, code)
        alice.patch(f"/campaigns/{made['id']}", edit)
    assert error["error"].startswith(f"{WORDS[code]}, so nothing was saved: whoever runs Cadenza has to ")
    assert answer.headers["Retry-After"] == "15"
    assert not any(inner in answer.text for inner in ("SQL", "sqlite", "psycopg", "UPDATE", "INSERT"))
    assert db.dump() == before
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.getMessage().startswith(f"PATCH /api/campaigns/{made['id']}: {WORDS[code]}: ")
    assert line.exc_info is None
    assert "Summer" not in line.getMessage()
    assert alice.patch(f"/campaigns/{made['id']}", edit).json["campaign"]["name"] == "Summer"


def test_whoever_only_reads_is_not_refused_because_nothing_can_be_written(
    alice: Caller, clock: Clock, db: Database
) -> None:
    clock.pass_by(days=3)  # the key's last use would be noted now
    with TROUBLES["database_read_only"](db):
        assert alice.get("/campaigns").status_code == 200
