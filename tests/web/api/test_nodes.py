"""A draft's nodes, one at a time (CONTRACT sections 6 and 7)."""

from typing import Any
from uuid import UUID

import pytest

from tests import make
from tests.databases import Database
from tests.web.callers import Caller, drafted, fields, nodes, told

UNKNOWN = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
STEPS = [{**make.EMAIL_STEP, "subject": "A"}, make.delay(days=2), {**make.EMAIL_STEP, "subject": "B"}, make.END]


@pytest.fixture
def path(alice: Caller, db: Database) -> str:
    """A draft with an email, a delay, an email and the end."""
    return drafted(alice, db, STEPS)


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [node["id"] for node in found]


def test_a_new_step_goes_before_the_end(alice: Caller, path: str) -> None:
    before = ids(nodes(alice, path))
    answer = alice.post(f"{path}/sequence/nodes", {"type": "delay", "delay_hours": 5})
    assert answer.status_code == 201
    new = answer.json["node"]
    assert (new["position"], new["delay_hours"], new["delay_days"]) == (3, 5, 0)
    assert ids(answer.json["sequence_nodes"]) == [*before[:3], new["id"], before[3]]
    assert answer.json["sequence_nodes"] == nodes(alice, path)


@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_new_step_goes_where_it_is_wanted(alice: Caller, path: str, position: int) -> None:
    body = {"type": "email", "subject": "New", "position": position, "id": UNKNOWN}
    answer = alice.post(f"{path}/sequence/nodes", body).json
    assert answer["node"]["position"] == position
    assert answer["node"]["id"] != UNKNOWN
    assert [node["position"] for node in nodes(alice, path)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "node.type"),
        ({"type": "message"}, "node.type"),
        ({"type": "delay"}, "node"),
        ({"type": "delay", "delay_days": 30, "delay_minutes": 1}, "node"),
        ({"type": "delay", "delay_days": -1}, "node.delay_days"),
        ({"type": "email", "subject": 5}, "node.subject"),
        ({"type": "email", "subject": "two\nlines"}, "node.subject"),
        ({"type": "end"}, "sequence_nodes[3]"),
        ({"type": "email", "position": 4}, "position"),
        ({"type": "email", "position": -1}, "position"),
        ({"type": "email", "position": True}, "position"),
        ({"type": "email", "position": "0"}, "position"),
    ],
)
def test_a_step_that_cannot_be_is_not_added(
    alice: Caller, db: Database, path: str, body: dict[str, Any], field: str
) -> None:
    before = db.dump()
    assert field in fields(told(alice.post(f"{path}/sequence/nodes", body), 400, "invalid"))
    assert db.dump() == before


def test_a_hundred_steps_are_enough(alice: Caller, path: str) -> None:
    many = [make.EMAIL_STEP] * 99 + [make.END]
    assert alice.patch(path, {"sequence_nodes": many}).status_code == 200
    error = told(alice.post(f"{path}/sequence/nodes", make.EMAIL_STEP), 400, "invalid")
    assert "at most 100" in error["error"]


@pytest.mark.parametrize(("origin", "target"), [(0, 2), (2, 0), (1, 1), (0, 1)])
def test_a_step_is_moved(alice: Caller, path: str, origin: int, target: int) -> None:
    expected = ids(nodes(alice, path))
    moved = expected.pop(origin)
    expected.insert(target, moved)
    answer = alice.patch(f"{path}/sequence/nodes", {"nodeId": moved, "toPosition": target})
    assert answer.status_code == 200
    assert ids(answer.json["sequence_nodes"]) == ids(nodes(alice, path)) == expected


@pytest.mark.parametrize("target", [3, 4, -1, None, "0", True, 0.5])
def test_a_step_is_not_moved_past_the_end(alice: Caller, db: Database, path: str, target: object) -> None:
    body = {"nodeId": nodes(alice, path)[0]["id"], "toPosition": target}
    before = db.dump()
    assert fields(told(alice.patch(f"{path}/sequence/nodes", body), 400, "invalid")) == ["toPosition"]
    assert db.dump() == before


def test_the_end_is_neither_moved_nor_deleted(alice: Caller, db: Database, path: str) -> None:
    end = nodes(alice, path)[-1]["id"]
    before = db.dump()
    for answer in (
        alice.patch(f"{path}/sequence/nodes", {"nodeId": end, "toPosition": 0}),
        alice.delete(f"{path}/sequence/nodes", {"nodeId": end}),
    ):
        assert fields(told(answer, 400, "invalid")) == ["nodeId"]
    assert db.dump() == before


def test_a_step_is_deleted_by_its_id_in_the_body_or_in_the_address(alice: Caller, path: str) -> None:
    first, delay, second, end = ids(nodes(alice, path))
    answer = alice.delete(f"{path}/sequence/nodes", {"nodeId": delay})
    assert answer.status_code == 200
    assert ids(answer.json["sequence_nodes"]) == [first, second, end]
    answer = alice.delete(f"{path}/sequence/nodes?nodeId={first}")
    assert ids(answer.json["sequence_nodes"]) == ids(nodes(alice, path)) == [second, end]


def test_a_step_is_edited_alone(alice: Caller, path: str) -> None:
    first = nodes(alice, path)[0]
    answer = alice.put(f"{path}/sequence/nodes/{first['id']}", {"subject": "New", "position": 2, "colour": "red"})
    assert answer.status_code == 200
    assert answer.json["node"] == {**first, "subject": "New"}
    assert answer.json["sequence_nodes"] == nodes(alice, path)
    assert answer.json["sequence_nodes"][0] == answer.json["node"]


def test_a_step_that_is_sent_back_whole_is_as_it_was(alice: Caller, path: str) -> None:
    for node in nodes(alice, path):
        assert alice.put(f"{path}/sequence/nodes/{node['id']}", node).json["node"] == node


@pytest.mark.parametrize(
    ("body", "field"),
    [({"type": "delay"}, "node.type"), ({"is_reply": "yes"}, "node.is_reply"), ({"body": 5}, "node.body")],
)
def test_a_step_is_not_made_into_what_it_cannot_be(
    alice: Caller, db: Database, path: str, body: dict[str, Any], field: str
) -> None:
    first = nodes(alice, path)[0]["id"]
    before = db.dump()
    assert fields(told(alice.put(f"{path}/sequence/nodes/{first}", body), 400, "invalid")) == [field]
    assert db.dump() == before


def test_an_unknown_step_is_not_found(alice: Caller, db: Database, path: str) -> None:
    before = db.dump()
    told(alice.patch(f"{path}/sequence/nodes", {"nodeId": UNKNOWN, "toPosition": 0}), 404, "not_found")
    told(alice.delete(f"{path}/sequence/nodes", {"nodeId": UNKNOWN}), 404, "not_found")
    told(alice.put(f"{path}/sequence/nodes/{UNKNOWN}", {"subject": "X"}), 404, "not_found")
    for body in ({}, {"nodeId": "x"}, {"nodeId": 5}):
        assert fields(told(alice.delete(f"{path}/sequence/nodes", body), 400, "invalid")) == ["nodeId"]
    assert db.dump() == before


@pytest.mark.parametrize("status", ["launching", "active", "paused", "completed"])
def test_steps_are_changed_in_a_draft_only(alice: Caller, db: Database, path: str, status: str) -> None:
    first = nodes(alice, path)[0]["id"]
    with db.sessions.begin() as session:
        session.get_one(make.Campaign, UUID(path.rpartition("/")[2])).status = status
    before = db.dump()
    for answer in (
        alice.post(f"{path}/sequence/nodes", make.EMAIL_STEP),
        alice.patch(f"{path}/sequence/nodes", {"nodeId": first, "toPosition": 1}),
        alice.delete(f"{path}/sequence/nodes", {"nodeId": first}),
        alice.put(f"{path}/sequence/nodes/{first}", {"is_reply": True}),
    ):
        assert status in told(answer, 400, "wrong_state")["error"]
    assert db.dump() == before
