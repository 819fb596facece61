"""The suppression list over the API."""

from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Prospect, Suppression, Workspace
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told

NOBODY = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
ANN = {"value": "Ann@corp.example", "reason": "asked us"}


def add(caller: Caller, *entries: object) -> dict[str, int]:
    answer = caller.post("/suppressions", {"suppressions": entries})
    assert answer.status_code == 201, answer.json
    counts: dict[str, int] = answer.json
    return counts


def listed(caller: Caller, question: str = "") -> list[str]:
    return [entry["value"] for entry in caller.get(f"/suppressions{question}").json["suppressions"]]


def test_what_is_added_is_listed_newest_first_a_page_at_a_time(alice: Caller) -> None:
    assert add(alice, ANN) == {"added": 1, "known": 0}
    assert add(alice, ANN, {"value": "https://www.linkedin.com/in/Bob/"}, {"value": "@else.example"}) == {
        "added": 2,
        "known": 1,
    }
    shown = alice.get("/suppressions").json
    assert (shown["total"], shown["page"], shown["limit"]) == (3, 1, 50)
    assert [entry["value"] for entry in shown["suppressions"]][-1] == "ann@corp.example"
    oldest = shown["suppressions"][-1]
    assert (oldest["reason"], oldest["source"], oldest["created_by"]) == ("asked us", "api", "alice@example.com")
    assert listed(alice, "?limit=1&page=3") == ["ann@corp.example"]
    assert listed(alice, "?q=LINKEDIN.com/in/b") == ["linkedin.com/in/bob"]
    assert listed(alice, "?q=https://de.linkedin.com/mwlite/in/Bob/") == ["linkedin.com/in/bob"]


def test_whoever_is_added_gets_nothing_more_and_is_not_added_again(alice: Caller, db: Database) -> None:
    with db.sessions.begin() as session:
        campaign = make.launched(
            session, session.get_one(Workspace, alice.workspace_id), 1, people={"email": "ann@corp.example"}
        ).id
    add(alice, ANN)
    with db.reading() as session:
        assert session.scalars(select(Prospect.status)).all() == ["unsubscribed"]
    body = {"prospects": [{"email": "ann@corp.example"}, {"email": "bob@corp.example"}]}
    assert alice.post(f"/campaigns/{campaign}/prospects", body).json == {
        "imported": 1,
        "duplicates": 0,
        "suppressed": 1,
    }


def test_a_table_is_taken_but_for_the_lines_that_are_wrong(alice: Caller) -> None:
    table = "email,reason\nann@corp.example,asked us\nnonsense\n"
    answer = alice.call("POST", "/suppressions", data=table, content_type="text/csv")
    assert answer.status_code == 201
    assert (answer.json["added"], answer.json["known"]) == (1, 0)
    assert [problem["field"] for problem in answer.json["invalid"]] == ["line 3"]
    assert alice.get("/suppressions").json["suppressions"][0]["source"] == "import"


WRONG = [
    ({}, "suppressions"),
    ({"suppressions": []}, "suppressions"),
    ({"suppressions": [ANN] * 1001}, "suppressions"),
    ({"suppressions": [ANN, 7]}, "suppressions[1]"),
    ({"suppressions": [ANN, {"value": "nonsense"}]}, "suppressions[1].value"),
    ({"suppressions": [ANN, {"value": None}]}, "suppressions[1].value"),
    ({"suppressions": [ANN, {"value": "b@corp.example", "reason": "x" * 201}]}, "suppressions[1].reason"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_what_is_wrong_is_named_and_nothing_written(
    alice: Caller, db: Database, body: dict[str, object], field: str
) -> None:
    before = db.dump()
    assert field in fields(told(alice.post("/suppressions", body), 400, "invalid"))
    assert db.dump() == before


def test_entries_are_taken_off_one_or_many(alice: Caller) -> None:
    add(alice, ANN, {"value": "b.example"}, {"value": "c.example"})
    ids = [entry["id"] for entry in alice.get("/suppressions").json["suppressions"]]
    assert alice.delete(f"/suppressions/{ids[0]}").status_code == 204
    told(alice.delete(f"/suppressions/{ids[0]}"), 404, "not_found")
    assert alice.delete("/suppressions", {"ids": [*ids, NOBODY]}).json == {"removed": 2}
    assert listed(alice) == []


@pytest.mark.parametrize("ids", [None, [], ["x"], [NOBODY] * 501])
def test_taking_off_says_what_is_wrong_with_the_ids(alice: Caller, ids: object) -> None:
    told(alice.delete("/suppressions", {"ids": ids}), 400, "invalid")


def test_a_strangers_list_is_theirs(alice: Caller, bob: Caller, db: Database) -> None:
    add(alice, ANN)
    with db.reading() as session:
        entry: UUID = session.scalars(select(Suppression.id)).one()
    assert listed(bob) == []
    told(bob.delete(f"/suppressions/{entry}"), 404, "not_found")
    assert bob.delete("/suppressions", {"ids": [str(entry)]}).json == {"removed": 0}
    assert listed(alice) == ["ann@corp.example"]


def test_a_search_that_is_too_long_is_refused(alice: Caller) -> None:
    told(alice.get(f"/suppressions?q={'x' * 301}"), 400, "invalid")
