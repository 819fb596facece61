"""The roster over the API (CONTRACT sections 7 and 8)."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from campaigns.models import Prospect, Workspace
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, Clock, fields, told

UNKNOWN = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"


def campaign(alice: Caller, db: Database, **values: Any) -> str:
    """The path of `…/prospects` of a new campaign with one sender."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        senders = [make.sender(session, workspace, type=values.get("type", "email"))]
        return f"/campaigns/{make.campaign(session, workspace, senders=senders, **values).id}/prospects"


@pytest.fixture
def path(alice: Caller, db: Database) -> str:
    return campaign(alice, db)


def add(alice: Caller, path: str, *people: Any) -> Any:
    return alice.post(path, {"prospects": list(people)})


def roster(alice: Caller, path: str, query: str = "") -> list[dict[str, Any]]:
    return alice.get(f"{path}{query}").json["prospects"]


ANN = {"email": "Ann@Corp.example", "first_name": "Ann", "last_name": "Lee", "company": "Corp"}
BEN = {"email": "ben@corp.example", "first_name": "Ben", "timezone": "Asia/Tokyo", "custom_fields": {"team": "A"}}


# Adding


def test_people_are_added_once(alice: Caller, path: str) -> None:
    answer = add(alice, path, ANN, BEN, {**ANN, "email": "ANN@corp.EXAMPLE"})
    assert answer.status_code == 201
    assert answer.json == {"imported": 2, "duplicates": 1}
    assert add(alice, path, BEN, {"email": "cas@corp.example"}).json == {"imported": 1, "duplicates": 1}
    ann, ben, _cas = roster(alice, path)
    assert (ann["name"], ann["company"], ann["status"], ann["source"]) == ("Ann Lee", "Corp", "pending", "api")
    assert (ben["timezone"], ben["custom_fields"], ben["last_name"]) == ("Asia/Tokyo", {"team": "A"}, None)


def test_one_profile_is_one_person_however_it_is_written(alice: Caller, db: Database) -> None:
    path = campaign(alice, db, type="linkedin")
    ways = (
        "https://www.linkedin.com/in/ann/",
        "http://linkedin.com/in/ann",
        "linkedin.com/in/Ann?utm=1",
        "www.linkedin.com/in/ann/#about",
    )
    answer = add(alice, path, *({"linkedin_url": way} for way in ways))
    assert answer.json == {"imported": 1, "duplicates": 3}


@pytest.mark.parametrize("status", ["draft", "active", "paused"])
def test_people_can_join_a_campaign_that_is_not_over(alice: Caller, db: Database, status: str) -> None:
    path = campaign(alice, db, status=status)
    assert add(alice, path, ANN).json["imported"] == 1
    (ann,) = roster(alice, path)
    assert (ann["current_node_id"] is None) == (status == "draft")


@pytest.mark.parametrize("status", ["launching", "completed"])
def test_nobody_joins_a_campaign_that_is_over(alice: Caller, db: Database, status: str) -> None:
    path = campaign(alice, db, status=status)
    before = db.dump()
    assert status in told(add(alice, path, ANN), 400, "wrong_state")["error"]
    assert db.dump() == before


def many(count: int) -> list[dict[str, str]]:
    return [{"email": f"p{number}@corp.example"} for number in range(count)]


def test_a_thousand_are_added_at_once_and_no_more(alice: Caller, db: Database, path: str) -> None:
    before = db.dump()
    assert fields(told(add(alice, path, *many(1001)), 400, "invalid")) == ["prospects"]
    assert fields(told(add(alice, path), 400, "invalid")) == ["prospects"]
    assert db.dump() == before
    assert add(alice, path, *many(1000)).json == {"imported": 1000, "duplicates": 0}


WRONG_PEOPLE = [
    ("nobody", "prospects[1]"),
    ({}, "prospects[1].email"),
    ({"email": ""}, "prospects[1].email"),
    ({"email": "ann at corp"}, "prospects[1].email"),
    ({"email": 5}, "prospects[1].email"),
    ({"email": "a@b.example", "first_name": 5}, "prospects[1].first_name"),
    ({"email": "a@b.example", "first_name": "x" * 201}, "prospects[1].first_name"),
    ({"email": "a@b.example", "first_name": "a\nb"}, "prospects[1].first_name"),
    ({"email": "a@b.example", "timezone": "Mars/Base"}, "prospects[1].timezone"),
    ({"email": "a@b.example", "custom_fields": []}, "prospects[1].custom_fields"),
    ({"email": "a@b.example", "custom_fields": {"a|b": 1}}, "prospects[1].custom_fields"),
    ({"email": "a@b.example", "custom_fields": {"half \ud800": 1}}, "prospects[1].custom_fields"),
    ({"email": "a@b.example", "custom_fields": {"a": {}}}, "prospects[1].custom_fields.a"),
    ({"email": "a@b.example", "custom_fields": {"a": "\x00"}}, "prospects[1].custom_fields.a"),
    ({"email": "a@b.example", "linkedin_url": "http://[::1"}, "prospects[1].linkedin_url"),
    ({"email": "a@b.example", "linkedin_url": "linkedin.com/in/a%00b"}, "prospects[1].linkedin_url"),
]


@pytest.mark.parametrize(("person", "field"), WRONG_PEOPLE)
def test_one_wrong_entry_keeps_all_out(alice: Caller, db: Database, path: str, person: object, field: str) -> None:
    before = db.dump()
    assert fields(told(add(alice, path, ANN, person), 400, "invalid")) == [field]
    assert db.dump() == before


# Listing


def test_the_roster_is_paged_and_filtered(alice: Caller, path: str) -> None:
    add(alice, path, ANN, BEN, *many(3))
    answer = alice.get(f"{path}?limit=2&page=2").json
    assert {key: answer[key] for key in ("total", "page", "limit")} == {"total": 5, "page": 2, "limit": 2}
    assert [each["email"] for each in answer["prospects"]] == ["p0@corp.example", "p1@corp.example"]
    assert [each["first_name"] for each in roster(alice, path, "?search=LEE")] == ["Ann"]
    assert [each["first_name"] for each in roster(alice, path, "?search=ben@")] == ["Ben"]
    assert roster(alice, path, "?search=%25") == []
    assert len(roster(alice, path, "?status=pending")) == 5
    assert roster(alice, path, "?status=replied") == []
    assert roster(alice, path, f"?node_id={UNKNOWN}") == []


@pytest.mark.parametrize("query", ["status=sleeping", "status=x", "node_id=5", f"search={'x' * 60_000}"])
def test_a_filter_that_means_nothing_is_refused(alice: Caller, path: str, query: str) -> None:
    assert fields(told(alice.get(f"{path}?{query}"), 400, "invalid")) == [query.partition("=")[0]]


def test_a_filter_with_a_character_that_cannot_be_stored_is_refused(alice: Caller, path: str) -> None:
    told(alice.get(f"{path}?search=a%00b"), 400, "invalid")
    assert roster(alice, path, "?search=%ED%A0%80") == []


# Editing


def test_a_person_is_edited_by_path_or_by_id(alice: Caller, path: str, clock: Clock) -> None:
    add(alice, path, ANN, BEN)
    ann = roster(alice, path)[0]
    clock.pass_by(minutes=1)
    answer = alice.patch(f"{path}/{ann['id']}", {"company": " Other ", "colour": "red", "status": "replied"})
    assert answer.status_code == 200
    assert answer.json["prospect"] == {**ann, "company": "Other", "updated_at": "2026-03-02T10:01:00Z"}
    answer = alice.patch(path, {"id": ann["id"], "first_name": None, "timezone": "Europe/Rome"}).json["prospect"]
    assert (answer["first_name"], answer["name"], answer["timezone"]) == (None, "Lee", "Europe/Rome")
    assert alice.get(f"{path}/{ann['id']}").json["prospect"] == answer


@pytest.mark.parametrize(
    ("status", "becomes"), [("pending", "unsubscribed"), ("failed", "unsubscribed"), ("replied", "replied")]
)
def test_whoever_is_on_the_suppression_list_by_a_new_address_gets_nothing_more(
    alice: Caller, db: Database, path: str, status: str, becomes: str
) -> None:
    add(alice, path, ANN)
    with db.sessions.begin() as session:
        make.suppression(session, session.get_one(Workspace, alice.workspace_id), "new.example", reason="asked us")
        session.execute(update(Prospect).values(status=status))
    ann = roster(alice, path)[0]["id"]
    assert "suppressed" not in alice.patch(f"{path}/{ann}", {"company": "Other"}).json
    answer = alice.patch(f"{path}/{ann}", {"email": "ann@new.example"}).json
    assert (answer["prospect"]["status"], answer["prospect"]["email"]) == (becomes, "ann@new.example")
    assert answer.get("suppressed") == ("new.example: asked us" if becomes == "unsubscribed" else None)


def test_a_wrong_edit_is_refused(alice: Caller, db: Database, path: str) -> None:
    add(alice, path, ANN, BEN)
    ann = roster(alice, path)[0]["id"]
    before = db.dump()
    assert fields(told(alice.patch(f"{path}/{ann}", {"email": "nobody"}), 400, "invalid")) == ["email"]
    assert fields(told(alice.patch(f"{path}/{ann}", {"email": None}), 400, "invalid")) == ["email"]
    assert fields(told(alice.patch(path, {"first_name": "X"}), 400, "invalid")) == ["id"]
    assert fields(told(alice.patch(path, {"id": "x"}), 400, "invalid")) == ["id"]
    told(alice.patch(path, {"id": UNKNOWN}), 404, "not_found")
    told(alice.patch(f"{path}/{UNKNOWN}", {}), 404, "not_found")
    told(alice.patch(f"{path}/{ann}", {"email": "BEN@corp.example"}), 409, "duplicate_prospect")
    assert db.dump() == before


# Removing


def test_people_are_removed_by_id(alice: Caller, path: str) -> None:
    add(alice, path, *many(3))
    first, second, third = (each["id"] for each in roster(alice, path))
    answer = alice.delete(path, {"ids": [first, third, first, UNKNOWN]})
    assert (answer.status_code, answer.json["removed"]) == (200, 2)
    assert [each["id"] for each in roster(alice, path)] == [second]


def test_everybody_is_removed_at_once(alice: Caller, path: str) -> None:
    add(alice, path, *many(3))
    assert alice.delete(path, {"all": True, "ids": None}).json["removed"] == 3
    assert roster(alice, path) == []


def test_whoever_was_written_to_stays_as_cancelled(alice: Caller, db: Database, path: str) -> None:
    add(alice, path, ANN)
    (ann,) = roster(alice, path)
    node = alice.get(path.removesuffix("/prospects")).json["sequence_nodes"][0]["id"]
    with db.sessions.begin() as session:
        make.message(session, session.get_one(make.Prospect, UUID(ann["id"])), session.get_one(make.Node, UUID(node)))
    assert alice.delete(path, {"ids": [ann["id"]]}).json["removed"] == 1
    assert [each["status"] for each in roster(alice, path)] == ["cancelled"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": UNKNOWN}, "ids"),
        ({"ids": [UNKNOWN] * 501}, "ids"),
        ({"ids": [UNKNOWN, "x"]}, "ids[1]"),
        ({"all": False}, "ids"),
        ({"all": "true"}, "ids"),
        ({"all": 1}, "ids"),
        ({"all": True, "ids": [UNKNOWN]}, "ids"),
        ({"all": True, "ids": []}, "ids"),
    ],
)
def test_an_unclear_removal_removes_nobody(
    alice: Caller, db: Database, path: str, body: dict[str, Any], field: str
) -> None:
    add(alice, path, ANN)
    before = db.dump()
    assert fields(told(alice.delete(path, body), 400, "invalid")) == [field]
    assert db.dump() == before


# Explaining


def test_a_person_who_waits_is_explained(alice: Caller, db: Database, clock: Clock) -> None:
    path = campaign(alice, db, status="active", operating_hours=make.week("12:00", "13:00"))
    add(alice, path, ANN)
    (ann,) = roster(alice, path)
    answer = alice.get(f"{path}/{ann['id']}/explain")
    assert answer.status_code == 200
    assert answer.json.pop("reason")
    assert {name: value for name, value in answer.json.items() if name != "reason"} == {
        "prospect_id": ann["id"],
        "state": "sleeping",
        "gate": "operating_hours",
        "next_at": "2026-03-02T12:00:00Z",
        "ahead": 0,
    }
    clock.pass_by(hours=2)
    assert alice.get(f"{path}/{ann['id']}/explain").json["state"] == "ready"
    told(alice.get(f"{path}/{UNKNOWN}/explain"), 404, "not_found")


def test_one_person_is_paused_resumed_and_moved_past_a_step(alice: Caller, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        steps = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
        campaign = make.launched(session, workspace, 1, nodes=steps)
    path = f"/campaigns/{campaign.id}/prospects"
    person = alice.get(path).json["prospects"][0]
    path = f"{path}/{person['id']}"
    assert alice.post(f"{path}/pause").json["prospect"]["due_at"] is None
    told(alice.post(f"{path}/pause"), 400, "wrong_state")
    explained = alice.get(f"{path}/explain").json
    assert (explained["gate"], explained["reason"]) == ("status", "This person is paused: resume them.")
    assert alice.post(f"{path}/resume").json["prospect"]["due_at"] == person["due_at"]
    skipped = alice.post(f"{path}/skip").json["prospect"]
    assert skipped["current_node_id"] != person["current_node_id"]
    told(alice.post(f"/campaigns/{campaign.id}/prospects/{campaign.id}/skip"), 404)
