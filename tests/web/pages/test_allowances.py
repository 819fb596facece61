"""What LinkedIn allows a seat, on the list of accounts and on its own page."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Node, Prospect, Sender, SenderUse, Workspace
from campaigns.models.task import Task
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Form, squeezed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def seat(alice: Visitor, db: Database) -> UUID:
    """A seat of Alice's, with a campaign of one person."""
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, alice.workspace_id)
        account = make.sender(session, workspace, type="linkedin", provider="assisted", daily_limit=30)
        make.launched(session, workspace, 1, type="linkedin", senders=[account])
        return account.id


def change(db: Database, seat: UUID, **values: Any) -> None:
    with db.sessions.begin() as session:
        for name, value in values.items():
            setattr(session.get_one(Sender, seat), name, value)


def use(db: Database, seat: UUID, step: str, *ago: timedelta) -> None:
    with db.sessions.begin() as session:
        session.add_all(SenderUse(sender_id=seat, step=step, at=make.NOW - one) for one in ago)


def task(db: Database, seat: UUID) -> None:
    with db.sessions.begin() as session:
        prospect, node = session.scalars(select(Prospect)).one(), session.scalars(select(Node)).first()
        assert node is not None
        message = make.message(session, prospect, node, id=make.new_id(), status="task")
        ids = {"workspace_id": prospect.workspace_id, "campaign_id": prospect.campaign_id, "prospect_id": prospect.id}
        own = {"message_id": message.id, "sender_id": seat, "step": "connection_request"}
        session.add(Task(**ids, **own, due_at=make.NOW, since=make.NOW))


def stored(db: Database, seat: UUID) -> Sender:
    with db.reading() as session:
        return session.get_one(Sender, seat)


def form_of(alice: Visitor, seat: UUID) -> Form:
    return alice.visit(f"/senders/{seat}").form(f"/senders/{seat}")


@pytest.mark.parametrize("page", ["/senders", "/senders/{seat}"])
def test_a_seat_shows_its_week(alice: Visitor, db: Database, seat: UUID, page: str) -> None:
    use(db, seat, "connection_request", HOUR, 2 * DAY)
    use(db, seat, "message", HOUR)
    task(db, seat)
    text = squeezed(alice.visit(page.format(seat=seat)).text)
    assert "3 of 80 invitations in 7 days 1 of them an open task" in text
    assert "1 of 100 messages in 7 days" in text


def test_a_full_week_tells_when_there_is_room_again_and_whose_limit_it_is(
    alice: Visitor, db: Database, seat: UUID
) -> None:
    change(db, seat, weekly_connection_limit=2)
    use(db, seat, "connection_request", HOUR, 2 * DAY)
    text = squeezed(alice.visit("/senders").text)
    assert "2 of 2 invitations in 7 days (your own limit) next place in 5 days" in text


def test_a_mailbox_has_no_week(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        make.sender(session, session.get_one(Workspace, alice.workspace_id))
    assert "in 7 days" not in alice.visit("/senders").text


# The provider's own limit


def test_what_the_provider_takes_no_more_of_is_shown_until_it_is_tried_again(
    alice: Visitor, db: Database, seat: UUID
) -> None:
    with db.sessions.begin() as session:
        sender = session.get_one(Sender, seat)
        sender.limit_step("connection_request", make.NOW + DAY, "LinkedIn says no.")
        sender.limit_step("withdrawal", make.NOW + HOUR, "Too many.")
    page = alice.visit("/senders")
    text = squeezed(page.text)
    assert "The provider takes no more invitations before Tue 3 Mar, 11:00 CET, in 24 h: LinkedIn says no." in text
    assert "takes no more withdrawals of invitations before Mon 2 Mar, 12:00 CET, in 1 h: Too many." in text
    form = next(form for form in page.forms if form.value("step") == "connection_request")
    told = alice.follow(alice.send(form))
    assert "tries again now" in told.text
    assert "LinkedIn says no." not in told.text
    assert "Too many." in told.text
    assert stored(db, seat).limited_steps(make.NOW) == [
        {"step": "withdrawal", "until": make.NOW + HOUR, "reason": "Too many."}
    ]


def test_a_strangers_seat_is_not_tried_again(alice: Visitor, bob: Visitor, db: Database, seat: UUID) -> None:
    with db.sessions.begin() as session:
        session.get_one(Sender, seat).limit_step("message", make.NOW + DAY, "No.")
    form = next(form for form in alice.visit("/senders").forms if form.value("step"))
    with bob.client.session_transaction() as cookie, alice.client.session_transaction() as other:
        cookie["csrf_token"] = other["csrf_token"]
    assert bob.send(form).status_code == 404
    assert stored(db, seat).limited


# Its form


def test_the_form_has_what_is_stored_and_saves_what_is_typed(alice: Visitor, db: Database, seat: UUID) -> None:
    form = form_of(alice, seat)
    assert (form.value("is_premium"), form.value("invitation_days")) == (None, "21")
    assert (form.value("weekly_connection_limit"), form.value("weekly_message_limit")) == ("", "")
    typed = {"is_premium": "y", "weekly_connection_limit": "40", "weekly_message_limit": "0", "invitation_days": "14"}
    alice.follow(alice.send(form, **typed))
    found = stored(db, seat)
    assert (found.is_premium, found.weekly_connection_limit, found.weekly_message_limit) == (True, 40, 0)
    assert found.invitation_days == 14
    again = form_of(alice, seat)
    assert [again.value(name) for name in typed] == ["y", "40", "0", "14"]


def test_an_emptied_limit_is_linkedins_usual_one_again(alice: Visitor, db: Database, seat: UUID) -> None:
    change(db, seat, weekly_connection_limit=40)
    alice.follow(alice.send(form_of(alice, seat), weekly_connection_limit=""))
    assert stored(db, seat).weekly_connection_limit is None
    assert "Empty: 80, or 100 with Premium." in alice.visit(f"/senders/{seat}").text


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("weekly_connection_limit", "many"),
        ("weekly_connection_limit", "-1"),
        ("weekly_message_limit", "1001"),
        ("invitation_days", "0"),
        ("invitation_days", "181"),
        ("invitation_days", ""),
    ],
)
def test_what_cannot_be_a_limit_comes_back_beside_its_field(
    alice: Visitor, db: Database, seat: UUID, name: str, typed: str
) -> None:
    before = db.dump()
    page = alice.see(alice.send(form_of(alice, seat), **{name: typed}), 422)
    assert page.form(f"/senders/{seat}").value(name) == typed
    assert f"{name}-errors" in page.ids
    assert db.dump() == before
