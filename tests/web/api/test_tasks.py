"""Tasks and marks over the API."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Message, Prospect, Task, Workspace
from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told

NODES = [
    {"type": "connection_request", "include_message": True, "body": "Hello"},
    make.delay(days=1),
    {"type": "message", "body": "An idea."},
    make.END,
]


def tasked(db: Database, caller: Caller, *names: str) -> tuple[UUID, list[str]]:
    """A running campaign whose people each have a task: its id, and the tasks'."""
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, caller.workspace_id)
        campaign = make.launched(session, workspace, 0, type="linkedin", nodes=NODES)
        for name in names:
            make.prospect(session, campaign, first_name=name, linkedin_url=f"linkedin.com/in/{name}", company="Corp")
        make.place(session, campaign)
        first = nodes_of(session, campaign.id)[0]
        people = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id))
        return campaign.id, [str(make.task(session, one, first).message_id) for one in people.all()]


def test_tasks_are_listed_with_all_that_is_needed_to_do_them(alice: Caller, db: Database) -> None:
    campaign, (ann, bob) = tasked(db, alice, "Ann", "Bob")
    other, _ = tasked(db, alice, "Carla")
    listed = alice.get("/tasks?limit=2").json
    assert (listed["total"], listed["page"], listed["limit"]) == (3, 1, 2)
    assert [one["id"] for one in listed["tasks"]] == [ann, bob]
    with db.reading() as session:
        task = session.get_one(Task, UUID(ann))
        node = session.get_one(Message, UUID(ann)).node_id
    assert listed["tasks"][0] == {
        "id": ann,
        "campaign_id": str(campaign),
        "prospect_id": str(task.prospect_id),
        "node_id": str(node),
        "sender_account_id": str(task.sender_id),
        "step": "connection_request",
        "text": "Hello",
        "profile_url": "https://www.linkedin.com/in/ann",
        "name": "Ann",
        "company": "Corp",
        "position": None,
        "headline": None,
        "due_at": "2026-03-02T10:00:00Z",
        "taken_by": None,
        "taken_at": None,
    }
    assert alice.get(f"/tasks?campaign_id={other}").json["total"] == 1
    assert alice.get(f"/tasks?sender_id={task.sender_id}").json["total"] == 2


def test_what_came_of_a_task_is_said_once(alice: Caller, db: Database) -> None:
    _, (ann, bob) = tasked(db, alice, "Ann", "Bob")
    for _ in range(2):
        message = alice.post(f"/tasks/{ann}", {"outcome": "done"}).json["message"]
        assert (message["id"], message["status"], message["sent_at"]) == (ann, "sent", "2026-03-02T10:00:00Z")
    error = told(alice.post(f"/tasks/{ann}", {"outcome": "skip"}), 400, "wrong_state")
    assert error["error"] == "Somebody was faster: this step is done already."
    message = alice.post(f"/tasks/{bob}", {"outcome": "not_possible", "reason": "Gone."}).json["message"]
    assert (message["status"], message["error"]) == ("failed", "Gone.")
    assert alice.get("/tasks").json["total"] == 0


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, ["outcome"]),
        ({"outcome": "sent"}, ["outcome"]),
        ({"outcome": ["done"]}, ["outcome"]),
        ({"outcome": "not_possible", "reason": "x" * 201}, ["reason"]),
        ({"outcome": "not_possible", "reason": 7}, ["reason"]),
    ],
)
def test_an_outcome_that_cannot_be_is_refused(alice: Caller, db: Database, body: Any, wrong: list[str]) -> None:
    _, (ann,) = tasked(db, alice, "Ann")
    assert fields(told(alice.post(f"/tasks/{ann}", body), 400, "invalid")) == wrong
    assert alice.get("/tasks").json["total"] == 1


def test_people_are_marked_by_their_profiles(alice: Caller, db: Database) -> None:
    tasked(db, alice, "Ann", "Bob")
    links = ["https://www.linkedin.com/in/ANN/", "linkedin.com/in/zoe", "example.com"]
    answer = alice.post("/linkedin/marks", {"what": "accepted", "links": links})
    assert answer.json == {
        "marked": 1,
        "already": 0,
        "nobody": ["linkedin.com/in/zoe"],
        "no_profile": ["example.com"],
    }
    assert alice.post("/linkedin/marks", {"what": "accepted", "links": links[:1]}).json["already"] == 1
    for body, wrong in (
        ({"what": "accepted"}, "links"),
        ({"what": "accepted", "links": "linkedin.com/in/ann"}, "links"),
        ({"what": "accepted", "links": []}, "links"),
        ({"what": "accepted", "links": [*links, 7]}, "links[3]"),
        ({"links": links}, "what"),
    ):
        assert fields(told(alice.post("/linkedin/marks", body), 400, "invalid")) == [wrong]


def test_strangers_see_and_settle_nothing(alice: Caller, bob: Caller, db: Database) -> None:
    campaign, (ann,) = tasked(db, alice, "Ann")
    assert bob.get("/tasks").json["total"] == 0
    told(bob.get(f"/tasks?campaign_id={campaign}"), 404)
    told(bob.post(f"/tasks/{ann}", {"outcome": "done"}), 404)
    link = "linkedin.com/in/ann"
    assert bob.post("/linkedin/marks", {"what": "replied", "links": [link]}).json["nobody"] == [link]
    assert alice.get("/tasks").json["total"] == 1
