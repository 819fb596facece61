"""Somebody's data over the API."""

import pytest
from sqlalchemy import func, select

from campaigns.models import Letter, Prospect, Workspace
from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told

ANN = "ann@corp.example"


@pytest.fixture
def campaign(alice: Caller, bob: Caller, db: Database) -> str:
    """Ann is in a campaign of Alice's, who wrote to her, and in one of Bob's."""
    with db.sessions.begin() as session:
        made = []
        for caller in (alice, bob):
            workspace = session.get_one(Workspace, caller.workspace_id)
            made.append(make.launched(session, workspace, 1, people={"email": ANN}, name="Spring"))
        ann = session.scalars(select(Prospect).where(Prospect.campaign_id == made[0].id)).one()
        message = make.message(session, ann, nodes_of(session, made[0].id)[0], subject="Hello", body="Hi Ann")
        letter = {
            "kind": "reply",
            "rfc_message_id": "<1@corp>",
            "from_address": ANN,
            "fresh": "Yes",
            "received_at": make.NOW,
        }
        session.add(Letter(workspace_id=ann.workspace_id, prospect_id=ann.id, message_id=message.id, **letter))
        return str(made[0].id)


def test_everything_about_a_person_is_given_to_them(alice: Caller, campaign: str) -> None:
    alice.post("/suppressions", {"suppressions": [{"value": ANN, "reason": "asked"}]})
    found = alice.post("/people/export", {"address": "Ann@corp.example"}).json
    (one,) = found["people"]
    assert (found["address"], one["campaign"], one["prospect"]["status"]) == (ANN, "Spring", "unsubscribed")
    assert [(mail["subject"], mail["body"], mail["sent_at"]) for mail in one["messages"]] == [
        ("Hello", "Hi Ann", "2026-03-02T10:00:00Z")
    ]
    assert [mail["fresh"] for mail in one["letters"]] == ["Yes"]
    assert [entry["value"] for entry in found["suppressions"]] == [ANN]


def test_a_person_is_forgotten_and_not_added_again(alice: Caller, bob: Caller, campaign: str, db: Database) -> None:
    answer = alice.post("/people/erase", {"address": ANN}, headers={"Idempotency-Key": "once"})
    assert answer.json == {"people": 1, "messages": 1, "letters": 1, "answers": 0, "import_lines": 0}
    again = alice.post("/people/erase", {"address": ANN}, headers={"Idempotency-Key": "once"})
    assert again.json == answer.json
    assert alice.post("/people/export", {"address": ANN}).json["people"] == []
    added = alice.post(f"/campaigns/{campaign}/prospects", {"prospects": [{"email": ANN}]}).json
    assert added == {"imported": 0, "duplicates": 0, "suppressed": 1}
    assert len(bob.post("/people/export", {"address": ANN}).json["people"]) == 1
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Prospect)) == 1


@pytest.mark.parametrize("call", ["export", "erase"])
@pytest.mark.parametrize("body", [{}, {"address": None}, {"address": "corp.example"}, {"address": "nonsense"}])
def test_only_one_person_can_be_asked_about(alice: Caller, call: str, body: dict[str, object]) -> None:
    assert fields(told(alice.post(f"/people/{call}", body), 400, "invalid")) == ["address"]
