"""The inbox over the API: listing, reading, marking, answering and settling."""

from typing import Any

import pytest

from campaigns.models import Prospect
from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told

NOBODY = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"


@pytest.fixture
def ann(alice: Caller, db: Database) -> Prospect:
    """Somebody who was written to and answered Alice."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        sender = make.sender(session, workspace)
        campaign = make.launched(session, workspace, 0, senders=[sender])
        person = make.prospect(session, campaign, first_name="Ann", email="ann@corp.example")
        make.place(session, campaign)
        make.message(session, person, nodes_of(session, campaign.id)[0], subject="Hello", body="An idea.")
        make.letter(session, person, received_at=make.NOW + make.minutes(5))
        make.conversation(session, person, last_at=make.NOW + make.minutes(5))
        return person


def place(person: Prospect, rest: str = "") -> str:
    return f"/conversations/{person.id}{rest}"


def test_conversations_are_listed_and_narrowed(alice: Caller, ann: Prospect) -> None:
    listed = alice.get("/conversations").json
    assert (listed["total"], listed["page"], listed["limit"]) == (1, 1, 50)
    (one,) = listed["conversations"]
    assert (one["prospect_id"], one["name"], one["email"]) == (str(ann.id), "Ann", "ann@corp.example")
    assert (one["unread"], one["owes"], one["label"]) == (True, True, None)
    for query, total in {
        "unread=true": 1,
        "owes=1&unread=false": 1,
        "label=interested": 0,
        "search=ann": 1,
        "search=bob": 0,
        f"campaign_id={ann.campaign_id}": 1,
        f"sender_account_id={ann.sender_account_id}": 1,
    }.items():
        assert alice.get(f"/conversations?{query}").json["total"] == total, query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("unread=perhaps", "unread"),
        ("label=lovely", "label"),
        ("campaign_id=5", "campaign_id"),
        (f"search={'x' * 201}", "search"),
    ],
)
def test_a_filter_that_is_none_is_refused(alice: Caller, query: str, field: str) -> None:
    assert fields(told(alice.get(f"/conversations?{query}"), 400)) == [field]


def test_a_thread_is_read_and_stays_unread(alice: Caller, ann: Prospect) -> None:
    thread = alice.get(place(ann)).json
    assert [(one["kind"], one["text"], one["quoted"]) for one in thread["mails"]] == [
        ("message", "An idea.", None),
        ("letter", "Tell me more.", "> Hi!"),
    ]
    assert (thread["total"], thread["conversation"]["unread"]) == (2, True)
    assert [one["kind"] for one in alice.get(place(ann, "?limit=1&page=2")).json["mails"]] == ["message"]


def test_a_conversation_is_marked(alice: Caller, ann: Prospect, db: Database) -> None:
    marked = alice.patch(place(ann), {"unread": False, "owes": False, "label": "not_now"}).json["conversation"]
    assert (marked["unread"], marked["owes"], marked["label"]) == (False, False, "not_now")
    assert alice.patch(place(ann), {"label": None}).json["conversation"]["label"] is None
    before = db.dump()
    for body in ({"label": "lovely"}, {"unread": "yes"}, {"owes": 1}):
        assert fields(told(alice.patch(place(ann), body), 400)) == list(body)
    assert db.dump() == before


def test_an_answer_is_written_once_however_often_it_is_sent(alice: Caller, ann: Prospect, db: Database) -> None:
    key = {"headers": {"Idempotency-Key": "one"}}
    first = alice.post(place(ann, "/answers"), {"body": "Dear Ann"}, **key)
    assert first.status_code == 201
    answer = first.json["answer"]
    assert (answer["kind"], answer["status"], answer["text"]) == ("answer", "waiting", "Dear Ann\n")
    assert answer["created_by"] == "alice@example.com"
    assert alice.post(place(ann, "/answers"), {"body": "Dear Ann"}, **key).json == first.json
    assert [bell.job for bell in db.rung] == ["answer"]
    assert alice.get(place(ann)).json["total"] == 3


@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": " "}, {"body": 5}, {"body": "x" * 50_001}])
def test_an_answer_without_words_is_refused(alice: Caller, ann: Prospect, body: dict[str, Any]) -> None:
    assert fields(told(alice.post(place(ann, "/answers"), body), 400)) == ["body"]


def test_nobody_on_the_suppression_list_is_answered(alice: Caller, ann: Prospect, db: Database) -> None:
    with db.sessions.begin() as session:
        make.suppression(session, session.get_one(make.Workspace, alice.workspace_id), "ann@corp.example")
    error = told(alice.post(place(ann, "/answers"), {"body": "Dear Ann"}), 400, "wrong_state")
    assert "suppression list" in error["error"]


def test_an_unknown_outcome_is_settled(alice: Caller, ann: Prospect, db: Database) -> None:
    with db.sessions.begin() as session:
        answer = make.answer(session, ann)
    settle = place(ann, f"/answers/{answer.id}/settle")
    for word in ("burn", None, ["sent"]):
        assert fields(told(alice.post(settle, {"settlement": word}), 400)) == ["settlement"]
    assert alice.post(settle, {"settlement": "again"}).json["answer"]["status"] == "waiting"
    told(alice.post(settle, {"settlement": "sent"}), 400, "wrong_state")
    told(alice.post(place(ann, f"/answers/{NOBODY}/settle"), {"settlement": "sent"}), 404)


def test_a_stranger_sees_and_changes_nothing(bob: Caller, ann: Prospect, db: Database) -> None:
    before = db.dump()
    assert bob.get("/conversations").json["total"] == 0
    told(bob.get(place(ann)), 404)
    told(bob.patch(place(ann), {"unread": False}), 404)
    told(bob.post(place(ann, "/answers"), {"body": "Hi"}), 404)
    told(bob.get(f"/conversations?campaign_id={ann.campaign_id}"), 404)
    assert {table: rows for table, rows in db.dump().items() if table not in ("call", "api_key")} == {
        table: rows for table, rows in before.items() if table not in ("call", "api_key")
    }
