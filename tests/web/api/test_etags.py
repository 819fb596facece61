"""Two who edit one campaign: tags, If-Match and If-None-Match (RFC 9110)."""

from typing import Any

import pytest

from tests import make
from tests.databases import Database
from tests.web.callers import Caller, told


@pytest.fixture
def path(alice: Caller, db: Database) -> str:
    """An active campaign with three people."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        return f"/campaigns/{make.launched(session, workspace, name='Spring').id}"


def tag(alice: Caller, path: str) -> str:
    answer = alice.get(path)
    found = answer.headers["ETag"]
    assert found.startswith('"')
    return found


def patch(alice: Caller, path: str, body: dict[str, Any], *tags: str, query: str = "") -> Any:
    return alice.patch(f"{path}{query}", body, headers={"If-Match": ", ".join(tags)})


def test_of_two_who_read_the_same_version_the_second_is_told(alice: Caller, path: str) -> None:
    seen = tag(alice, path)
    first = patch(alice, path, {"name": "Mine"}, seen)
    assert first.status_code == 200
    assert first.headers["ETag"] == tag(alice, path) != seen
    error = told(patch(alice, path, {"name": "Yours", "daily_limit": 7}, seen), 412, "stale")
    assert "edited" in error["error"]
    assert alice.get(path).json["campaign"]["name"] == "Mine"
    assert alice.get(path).json["campaign"]["daily_limit"] == 500


def test_a_dry_run_of_a_stale_edit_says_so_too(alice: Caller, path: str) -> None:
    seen = tag(alice, path)
    assert patch(alice, path, {"daily_limit": 7}, seen, query="?dry_run=true").status_code == 200
    patch(alice, path, {"name": "Mine"}, seen)
    told(patch(alice, path, {"daily_limit": 7}, seen, query="?dry_run=true"), 412, "stale")


def test_any_version_will_do_for_a_star_and_one_of_a_list_is_enough(alice: Caller, path: str) -> None:
    assert patch(alice, path, {"name": "A"}, "*").status_code == 200
    assert patch(alice, path, {"name": "B"}, '"another"', tag(alice, path)).status_code == 200


@pytest.mark.parametrize("wrong", ['"1"', "", "nothing", '""', 'W/"{}"', '"{}', '"x{}"'])
def test_a_tag_that_is_not_this_campaigns_matches_nothing(alice: Caller, path: str, wrong: str) -> None:
    sent = wrong.replace("{}", tag(alice, path).strip('"'))
    told(patch(alice, path, {"name": "A"}, sent), 412, "stale")


def test_what_leaves_meanwhile_makes_no_edit_stale_but_a_reader_gets_it(alice: Caller, path: str, db: Database) -> None:
    seen = tag(alice, path)
    person = {"prospects": [{"email": "new@corp.example"}]}
    assert alice.post(f"{path}/prospects", person).status_code == 201
    assert alice.get(path, headers={"If-None-Match": seen}).status_code == 200
    assert patch(alice, path, {"name": "A"}, seen).status_code == 200


def test_a_reader_who_has_it_already_gets_no_body(alice: Caller, path: str) -> None:
    seen = tag(alice, path)
    for sent in (seen, f'"other", {seen}', f"W/{seen}", "*"):
        answer = alice.get(path, headers={"If-None-Match": sent})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == seen


def test_a_changed_step_makes_an_edit_stale(alice: Caller, path: str) -> None:
    draft = alice.post("/campaigns", {"type": "email", "name": "Draft"})
    place = f"/campaigns/{draft.json['campaign']['id']}"
    seen = draft.headers["ETag"]
    assert seen == tag(alice, place)
    alice.post(f"{place}/sequence/nodes", {"type": "delay", "delay_days": 1})
    told(patch(alice, place, {"name": "A"}, seen), 412, "stale")


@pytest.fixture
def draft(alice: Caller) -> str:
    """A draft with an email, a wait and the end."""
    made = alice.post("/campaigns", {"type": "email", "name": "Draft"}).json["campaign"]["id"]
    alice.post(f"/campaigns/{made}/sequence/nodes", {"type": "delay", "delay_days": 1})
    return f"/campaigns/{made}"


def change_step(alice: Caller, draft: str, how: str, sent: str) -> Any:
    """One of the ways to change the steps, if the campaign's tag is `sent`."""
    first, wait, _ = (node["id"] for node in alice.get(draft).json["sequence_nodes"])
    nodes = f"{draft}/sequence/nodes"
    method, path, body = {
        "add": ("POST", nodes, {"type": "email", "subject": "One more"}),
        "move": ("PATCH", nodes, {"nodeId": wait, "toPosition": 0}),
        "remove": ("DELETE", nodes, {"nodeId": wait}),
        "edit": ("PUT", f"{nodes}/{first}", {"subject": "Corrected"}),
        "roll back": ("POST", f"{draft}/sequence/roll-back", {"number": 1}),
    }[how]
    return alice.call(method, path, body, headers={"If-Match": sent})


@pytest.mark.parametrize("how", ["add", "move", "remove", "edit", "roll back"])
def test_a_change_of_one_step_heeds_the_tag_and_answers_with_the_next(alice: Caller, draft: str, how: str) -> None:
    old = tag(alice, draft)
    patch(alice, draft, {"name": "Edited elsewhere"}, old)
    before = alice.get(draft).json
    told(change_step(alice, draft, how, old), 412, "stale")
    assert alice.get(draft).json == before
    answer = change_step(alice, draft, how, tag(alice, draft))
    assert answer.status_code in (200, 201)
    assert answer.json["sequence_nodes"] != before["sequence_nodes"]
    assert answer.headers["ETag"] == tag(alice, draft)


def test_a_strangers_campaign_is_not_there_whatever_the_tag(bob: Caller, path: str) -> None:
    told(patch(bob, path, {"name": "A"}, '"1"'), 404)
