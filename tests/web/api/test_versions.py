"""Words of a running campaign, and the versions of a sequence."""

from typing import Any
from uuid import UUID

import pytest

from campaigns import editing
from campaigns.models import Campaign, Version
from campaigns.models.version import MOST_VERSIONS
from campaigns.rules.refusals import Stale, WrongState
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, drafted, fields, nodes, told

STEPS = [{**make.EMAIL_STEP, "subject": "A", "body": "One two three"}, make.delay(days=2), make.FOLLOW_UP, make.END]


@pytest.fixture
def path(alice: Caller, db: Database) -> str:
    """A draft with an email, a delay, a reply and the end."""
    return drafted(alice, db, STEPS)


def put(alice: Caller, path: str, place: int, body: dict[str, Any], **options: Any) -> Any:
    return alice.put(f"{path}/sequence/nodes/{nodes(alice, path)[place]['id']}", body, **options)


def become(db: Database, path: str, status: str) -> None:
    with db.sessions.begin() as session:
        session.get_one(Campaign, UUID(path.rpartition("/")[2])).status = status


def versions(alice: Caller, path: str) -> list[dict[str, Any]]:
    return alice.get(f"{path}/sequence/versions").json["versions"]


@pytest.mark.parametrize("status", ["active", "paused"])
def test_the_words_of_a_running_campaign_can_be_corrected(alice: Caller, db: Database, path: str, status: str) -> None:
    become(db, path, status)
    before = alice.get(path).json["campaign"]["version"]
    answer = put(alice, path, 0, {"subject": "B", "body": "New"})
    assert answer.status_code == 200
    assert answer.json["changes"] == {"applied": ["subject", "body"], "unchanged": [], "ignored": []}
    assert [(node["subject"], node["body"]) for node in nodes(alice, path)[:1]] == [("B", "New")]
    assert alice.get(path).json["campaign"]["version"] == before + 1


def test_what_else_a_step_holds_is_set_aside_and_told(alice: Caller, db: Database, path: str) -> None:
    become(db, path, "active")
    whole = {**nodes(alice, path)[2], "body": "New", "is_reply": False, "colour": "red"}
    answer = put(alice, path, 2, whole).json
    assert answer["changes"]["applied"] == ["body"]
    assert [item["field"] for item in answer["changes"]["ignored"]] == ["is_reply", "colour"]
    assert (answer["node"]["is_reply"], answer["node"]["body"]) == (True, "New")
    before = db.dump()
    strict = put(alice, path, 2, {"body": "X", "is_reply": False}, headers={"Prefer": "handling=strict"})
    assert fields(told(strict, 400, "invalid")) == ["is_reply"]
    assert db.dump() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"body": ""}, "node.body"),
        ({"subject": " "}, "node.subject"),
        ({"body": "Hi %nobody%"}, "node.body"),
        ({"subject": "{% if %}"}, "node.subject"),
        ({"body": 5}, "node.body"),
    ],
)
def test_words_that_could_not_be_launched_are_refused(
    alice: Caller, db: Database, path: str, body: dict[str, Any], field: str
) -> None:
    become(db, path, "active")
    before = db.dump()
    assert set(fields(told(put(alice, path, 0, body), 400, "invalid"))) == {field}
    assert db.dump() == before


@pytest.mark.parametrize("status", ["launching", "completed"])
def test_words_are_locked_while_it_launches_and_once_it_is_over(
    alice: Caller, db: Database, path: str, status: str
) -> None:
    become(db, path, status)
    told(put(alice, path, 0, {"body": "New"}), 400, "wrong_state")


def test_every_change_of_a_sequence_is_a_version(alice: Caller, path: str) -> None:
    assert versions(alice, path) == []
    added = alice.post(f"{path}/sequence/nodes", {"type": "email", "subject": "C"}).json["node"]["id"]
    put(alice, path, 0, {"body": "One 2 three"})
    alice.patch(f"{path}/sequence/nodes", {"nodeId": added, "toPosition": 0})
    alice.delete(f"{path}/sequence/nodes", {"nodeId": added})
    alice.patch(path, {"name": "No change of the sequence"})
    alice.patch(path, {"sequence_nodes": [make.END]})
    found = versions(alice, path)
    assert [each["cause"] for each in found] == ["edited", "removed", "moved", "edited", "added"]
    assert {each["by"] for each in found} == {alice.email}
    assert [[(one["kind"], one["step"]) for one in each["changes"]] for each in found[1:]] == [
        [("removed", "Email 1")],
        [("moved", "Email 1")],
        [("changed", "Email 1")],
        [("added", "Email 3")],
    ]
    parts = found[3]["changes"][0]["fields"]["body"]
    assert [(part["kind"], part["text"]) for part in parts] == [
        ("same", "One "),
        ("gone", "two"),
        ("new", "2"),
        ("same", " three"),
    ]
    assert found[0]["sequence_nodes"][0]["type"] == "end"


def test_the_same_words_again_are_no_version(alice: Caller, path: str) -> None:
    seen = alice.get(path).headers["ETag"]
    put(alice, path, 0, {"subject": "A"})
    assert alice.get(path).headers["ETag"] == seen
    assert versions(alice, path) == []


def test_a_draft_goes_back_to_any_version_with_its_steps_and_their_ids(alice: Caller, path: str) -> None:
    start, number = nodes(alice, path), alice.get(path).json["campaign"]["version"]
    alice.delete(f"{path}/sequence/nodes", {"nodeId": start[0]["id"]})
    alice.post(f"{path}/sequence/nodes", {"type": "email"})
    answer = alice.post(f"{path}/sequence/roll-back", {"number": number})
    assert answer.json["sequence_nodes"] == nodes(alice, path) == start
    assert versions(alice, path)[0]["cause"] == "rolled_back"


def test_a_running_campaign_goes_back_in_words_only(alice: Caller, db: Database, path: str) -> None:
    alice.post(f"{path}/sequence/nodes", {**make.EMAIL_STEP, "position": 0})
    become(db, path, "active")
    number = alice.get(path).json["campaign"]["version"]
    put(alice, path, 0, {"body": "New"})
    assert alice.post(f"{path}/sequence/roll-back", {"number": number}).status_code == 200
    assert nodes(alice, path)[0]["body"] == make.EMAIL_STEP["body"]
    before = db.dump()
    error = told(alice.post(f"{path}/sequence/roll-back", {"number": number - 1}), 400, "wrong_state")
    assert "active" in error["error"]
    assert db.dump() == before


@pytest.mark.parametrize("number", [None, "1", True, -1, 2**31])
def test_a_version_is_named_by_its_number(alice: Caller, path: str, number: object) -> None:
    told(alice.post(f"{path}/sequence/roll-back", {"number": number}), 400, "invalid")


def test_the_versions_of_a_stranger_are_not_there(alice: Caller, bob: Caller, path: str) -> None:
    told(bob.get(f"{path}/sequence/versions"), 404)
    told(bob.post(f"{path}/sequence/roll-back", {"number": 1}), 404)


def test_a_hundred_versions_are_kept(alice: Caller, db: Database, path: str) -> None:
    first = alice.get(path).json["campaign"]["version"]
    with db.sessions.begin() as session:
        found = session.get_one(Campaign, UUID(path.rpartition("/")[2]))
        for number in range(MOST_VERSIONS + 5):
            editing.edit(session, alice.workspace_id, found.id, {"daily_limit": number + 1}, now=make.NOW, by="ann")
        assert session.query(Version).count() == MOST_VERSIONS
    assert alice.post(f"{path}/sequence/roll-back", {"number": first}).status_code == 200, "nothing of it changed"


class Draft:
    """A draft of Alice's, asked past the doors."""

    def __init__(self, alice: Caller, db: Database, path: str) -> None:
        self.alice, self.db, self.id = alice, db, UUID(path.rpartition("/")[2])

    def undo(self, number: int) -> list[str]:
        with self.db.sessions.begin() as session:
            found = editing.undo(session, self.alice.workspace_id, self.id, number, now=make.NOW, by="ann")
            return found[1].applied


@pytest.fixture
def draft(alice: Caller, db: Database, path: str) -> Draft:
    return Draft(alice, db, path)


def test_the_last_save_of_a_draft_is_undone_whole_and_done_again(alice: Caller, path: str, draft: Draft) -> None:
    before = alice.get(path).json
    edit = {"name": "Other", "signature": "S", "operating_hours": make.week(), "sequence_nodes": [make.END]}
    after = alice.patch(path, edit).json
    number = after["campaign"]["version"]
    assert sorted(draft.undo(number)) == sorted(edit)
    again = alice.get(path).json
    assert again["sequence_nodes"] == before["sequence_nodes"]
    assert [again["campaign"][name] for name in edit if name != "sequence_nodes"] == [
        before["campaign"][name] for name in edit if name != "sequence_nodes"
    ]
    draft.undo(number + 1)
    assert alice.get(path).json["campaign"]["name"] == "Other"
    assert alice.get(path).json["sequence_nodes"] == after["sequence_nodes"]


def test_an_edit_that_is_not_the_last_any_more_is_not_undone(alice: Caller, path: str, draft: Draft) -> None:
    number = alice.patch(path, {"name": "A"}).json["campaign"]["version"]
    alice.patch(path, {"name": "B"})
    with pytest.raises(Stale):
        draft.undo(number)
    assert alice.get(path).json["campaign"]["name"] == "B"


def test_what_runs_is_not_undone(alice: Caller, db: Database, path: str, draft: Draft) -> None:
    number = alice.patch(path, {"name": "A"}).json["campaign"]["version"]
    become(db, path, "paused")
    with pytest.raises(WrongState):
        draft.undo(number)


def test_a_form_is_stale_only_where_what_it_holds_was_edited(alice: Caller, db: Database, path: str) -> None:
    number = alice.get(path).json["campaign"]["version"]
    alice.patch(path, {"name": "A"})
    found = UUID(path.rpartition("/")[2])
    with db.sessions.begin() as session:
        editing.edit(session, alice.workspace_id, found, {"daily_limit": 7}, now=make.NOW, by="ann", since=number)
    body = {"name": "B", "daily_limit": 8}
    with db.sessions.begin() as session, pytest.raises(Stale):
        editing.edit(session, alice.workspace_id, found, body, now=make.NOW, by="ann", since=number)
    assert alice.get(path).json["campaign"]["daily_limit"] == 7
