"""Settling unknown outcomes and letting people go on, over the API."""

from uuid import UUID

import pytest

from campaigns.models import Message, Prospect
from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told


@pytest.fixture
def unknown(alice: Caller, db: Database) -> Message:
    """A message of Alice's whose outcome nobody knows."""
    with db.sessions.begin() as session:
        campaign = make.launched(session, session.get_one(make.Workspace, alice.workspace_id), 1)
        person = session.query(Prospect).one()
        person.due_at = None
        return make.message(session, person, nodes_of(session, campaign.id)[0], status="unknown", sent_at=None)


def place(message: Message) -> str:
    return f"/campaigns/{message.campaign_id}/messages/{message.id}/settle"


def test_unknown_outcomes_are_listed_and_settled(alice: Caller, unknown: Message, db: Database) -> None:
    listed = alice.get("/messages?status=unknown").json
    assert (listed["total"], listed["page"], listed["limit"]) == (1, 1, 50)
    assert (listed["messages"][0]["id"], listed["messages"][0]["sent_at"]) == (str(unknown.id), None)
    answer = alice.post(place(unknown), {"settlement": "sent"})
    assert answer.status_code == 200
    assert answer.json["message"]["status"] == "sent"
    assert answer.json["message"]["sent_at"] == answer.json["message"]["claimed_at"]
    assert alice.get("/messages?status=unknown").json["total"] == 0
    told(alice.post(place(unknown), {"settlement": "again"}), 400)


def test_only_the_three_words_settle_anything(alice: Caller, unknown: Message, db: Database) -> None:
    before = db.dump()
    for word in ("burn", None, ["sent"], 1):
        assert fields(told(alice.post(place(unknown), {"settlement": word}), 400)) == ["settlement"]
    assert fields(told(alice.get("/messages"), 400)) == ["status"]
    assert db.dump() == before


def test_a_stranger_settles_nothing(bob: Caller, stranger: Caller, unknown: Message) -> None:
    told(bob.post(place(unknown), {"settlement": "sent"}), 404)
    told(stranger.post(place(unknown), {"settlement": "sent"}), 401)
    assert bob.get("/messages?status=unknown").json["total"] == 0


def test_people_who_failed_go_on(alice: Caller, bob: Caller, db: Database) -> None:
    with db.sessions.begin() as session:
        campaign = make.launched(session, session.get_one(make.Workspace, alice.workspace_id), 1)
        person = session.query(Prospect).one()
        person.status, person.due_at = "failed", None
    where, ids = f"/campaigns/{campaign.id}/prospects/retry", [str(person.id)]
    told(bob.post(where, {"ids": ids, "how": "again"}), 404)
    assert fields(told(alice.post(where, {"ids": ids, "how": "burn"}), 400)) == ["how"]
    assert fields(told(alice.post(where, {"ids": [], "how": "again"}), 400)) == ["ids"]
    assert fields(told(alice.post(where, {"ids": ["x"], "how": "again"}), 400)) == ["ids[0]"]
    assert alice.post(where, {"ids": ids, "how": "again"}).json == {"retried": 1}
    assert alice.get(f"/campaigns/{campaign.id}/prospects/{UUID(ids[0])}").json["prospect"]["status"] == "pending"
