"""Copies of a campaign."""

from uuid import UUID

import pytest

from tests import make
from tests.databases import Database
from tests.web.callers import Caller, told

SAME = (
    "type",
    "operating_hours",
    "prospect_timezone",
    "daily_limit",
    "stop_on_reply",
    "open_tracking",
    "signature",
    "skip_other_campaigns",
    "account_limits",
)


@pytest.fixture
def path(alice: Caller, db: Database) -> str:
    """A running campaign with people, its own hours, limits and steps."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        return f"/campaigns/{make.furnished(session, workspace).id}"


def test_a_copy_is_a_draft_with_all_but_the_people(alice: Caller, path: str) -> None:
    answer = alice.post(f"{path}/copy")
    assert answer.status_code == 201
    old, new = alice.get(path).json, alice.get(answer.headers["Location"].removeprefix("/api")).json
    assert answer.json["campaign"] == new["campaign"]
    assert (new["campaign"]["name"], new["campaign"]["status"], new["campaign"]["version"]) == (
        "Spring (copy)",
        "draft",
        1,
    )
    assert (new["campaign"]["stats"]["total"], new["campaign"]["launched_at"]) == (0, None)
    for name in SAME:
        assert new["campaign"][name] == old["campaign"][name], name
    senders = [[account["id"] for account in each["campaign"]["sender_accounts"]] for each in (old, new)]
    assert senders[0] == senders[1] != []
    for before, after in zip(old["sequence_nodes"], new["sequence_nodes"], strict=True):
        assert after["id"] != before["id"]
        assert {**after, "id": 0, "campaign_id": 0} == {**before, "id": 0, "campaign_id": 0}


def test_copies_are_numbered_and_a_copy_of_a_copy_is_the_next(alice: Caller, path: str) -> None:
    names = [alice.post(f"{path}/copy").json["campaign"] for _ in range(2)]
    third = alice.post(f"/campaigns/{names[1]['id']}/copy").json["campaign"]
    assert [each["name"] for each in (*names, third)] == ["Spring (copy)", "Spring (copy 2)", "Spring (copy 3)"]


def test_the_name_of_a_copy_is_never_too_long(alice: Caller, db: Database, path: str) -> None:
    with db.sessions.begin() as session:
        session.get_one(make.Campaign, UUID(path.rpartition("/")[2])).name = "x" * 200
    assert alice.post(f"{path}/copy").json["campaign"]["name"] == "x" * 193 + " (copy)"


def test_nobody_copies_a_strangers_campaign(bob: Caller, db: Database, path: str) -> None:
    before = db.dump()
    told(bob.post(f"{path}/copy"), 404)
    assert db.dump() == before
