"""Invitations over the API: taken back, and when they time out."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Prospect, Sender, Workspace
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, told

STEPS = [make.CONNECT, {"type": "message", "body": "Dear"}, make.END]


def invited(db: Database, alice: Caller, provider: str) -> tuple[UUID, UUID, list[UUID]]:
    """The seat, the campaign and its people: the first waits, the second and third timed out."""
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, alice.workspace_id)
        account = make.sender(session, workspace, type="linkedin", provider=provider)
        made = make.launched(session, workspace, 3, type="linkedin", nodes=STEPS, senders=[account])
        people = session.scalars(select(Prospect).order_by(Prospect.id)).all()
        for number, person in enumerate(people):
            person.status, person.contacted = "timed_out" if number else "connection_sent", True
            person.due_at = None if number else make.NOW + timedelta(days=21)
            make.message(session, person, made.nodes[0])
        return account.id, made.id, [person.id for person in people]


@pytest.mark.parametrize(("provider", "state"), [("assisted", "withdrawn"), ("unipile", "asked")])
def test_one_invitation_is_taken_back_and_then_no_other(alice: Caller, db: Database, provider: str, state: str) -> None:
    _, campaign, people = invited(db, alice, provider)
    path = f"/campaigns/{campaign}/prospects/{people[0]}/withdraw"
    answer = alice.post(path)
    assert (answer.status_code, answer.json) == (200, {"withdrawal": state})
    told(alice.post(path), 400, "wrong_state")


@pytest.mark.parametrize(
    ("provider", "counts"), [("assisted", {"asked": 0, "withdrawn": 2}), ("unipile", {"asked": 2, "withdrawn": 0})]
)
def test_all_who_timed_out_are_taken_back(alice: Caller, db: Database, provider: str, counts: dict[str, int]) -> None:
    _, campaign, _ = invited(db, alice, provider)
    assert alice.post(f"/campaigns/{campaign}/prospects/withdraw").json == counts
    assert alice.post(f"/campaigns/{campaign}/prospects/withdraw").json == {"asked": 0, "withdrawn": 0}


def test_a_stranger_finds_nobody(alice: Caller, bob: Caller, db: Database) -> None:
    _, campaign, people = invited(db, alice, "assisted")
    before = db.dump()
    told(bob.post(f"/campaigns/{campaign}/prospects/{people[0]}/withdraw"), 404)
    told(bob.post(f"/campaigns/{campaign}/prospects/withdraw"), 404)
    told(alice.post(f"/campaigns/{campaign}/prospects/{campaign}/withdraw"), 404)
    after = db.dump()
    assert {name for name in before if before[name] != after[name]} <= {"api_key"}


def test_the_settings_of_a_seat_tell_its_days_and_what_its_provider_takes_no_more_of(
    alice: Caller, db: Database
) -> None:
    seat, _, people = invited(db, alice, "unipile")
    with db.sessions.begin() as session:
        session.get_one(Sender, seat).limit_step("message", make.NOW + timedelta(hours=1), "Too many.")
    found = alice.get(f"/senders/{seat}/settings").json
    assert (found["provider"], found["invitation_days"]) == ("unipile", 21)
    assert found["limited"] == [{"step": "message", "until": "2026-03-02T11:00:00Z", "reason": "Too many."}]
    assert alice.patch(f"/senders/{seat}", {"invitation_days": 20}).status_code == 200
    assert alice.get(f"/senders/{seat}/settings").json["invitation_days"] == 20
    with db.reading() as session:
        assert session.get_one(Prospect, people[0]).due_at == make.NOW + timedelta(days=20)


def test_a_mailbox_has_no_days(alice: Caller, db: Database) -> None:
    with db.sessions.begin() as session:
        mailbox = make.sender(session, session.get_one(Workspace, alice.workspace_id))
    assert alice.patch(f"/senders/{mailbox.id}", {"invitation_days": 20}).status_code == 200
    found = alice.get(f"/senders/{mailbox.id}/settings").json
    assert (found["provider"], found["invitation_days"], found["limited"]) == (None, None, None)


@pytest.mark.parametrize("days", [0, 181, "20", None, 1.5])
def test_days_outside_their_range_are_refused_with_their_field(alice: Caller, db: Database, days: object) -> None:
    seat, _, _ = invited(db, alice, "assisted")
    error = told(alice.patch(f"/senders/{seat}", {"invitation_days": days}), 400)
    assert [detail["field"] for detail in error["details"]] == ["invitation_days"]


def test_a_seat_is_added_with_its_days(alice: Caller) -> None:
    body = {"type": "linkedin", "display_name": "Dora", "invitation_days": 7, "is_premium": True}
    made = alice.post("/senders", body)
    assert made.status_code == 201
    assert made.json["weekly_connection_limit"] == 100
    found = alice.get(f"/senders/{made.json['id']}/settings").json
    assert (found["provider"], found["invitation_days"], found["limited"]) == ("assisted", 7, [])
