"""Taking invitations back: on a person's page, and of everybody who timed out."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Message, Prospect, Sender, Workspace
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Page, squeezed

STEPS = [make.CONNECT, {"type": "message", "body": "Dear"}, make.END]


class Invited:
    """A campaign of Alice's: one person waits, two timed out."""

    def __init__(self, alice: Visitor, db: Database, provider: str) -> None:
        self.alice, self.db = alice, db
        with db.sessions.begin() as session:
            workspace = session.get_one(Workspace, alice.workspace_id)
            account = make.sender(session, workspace, type="linkedin", provider=provider)
            made = make.launched(session, workspace, 3, type="linkedin", nodes=STEPS, senders=[account])
            people = session.scalars(select(Prospect).order_by(Prospect.id)).all()
            for number, person in enumerate(people):
                person.status, person.contacted = "timed_out" if number else "connection_sent", True
                person.due_at = None if number else make.NOW + make.minutes(60)
                person.current_node_id = made.nodes[1].id
                make.message(session, person, made.nodes[0])
            self.campaign, self.waiting, self.late = made.id, people[0].id, people[1].id

    def person(self, prospect: UUID) -> Page:
        return self.alice.visit(f"/campaigns/{self.campaign}/prospects/{prospect}")

    def press(self, prospect: UUID) -> Page:
        return self.alice.follow(self.alice.send(self.person(prospect).form("/withdraw")))

    def roster(self) -> Page:
        return self.alice.visit(f"/campaigns/{self.campaign}/prospects")

    def be(self, prospect: UUID, **values: Any) -> None:
        with self.db.sessions.begin() as session:
            message = session.scalars(select(Message).where(Message.prospect_id == prospect)).one()
            for name, value in values.items():
                setattr(message, name, value)

    def withdrawals(self) -> list[str | None]:
        with self.db.reading() as session:
            return list(session.scalars(select(Message.withdrawal).order_by(Message.prospect_id)))


@pytest.fixture
def by_hand(alice: Visitor, db: Database) -> Invited:
    return Invited(alice, db, "assisted")


@pytest.fixture
def asked(alice: Visitor, db: Database) -> Invited:
    return Invited(alice, db, "unipile")


def has_form(page: Page) -> bool:
    return any(form.action.endswith("/withdraw") for form in page.forms)


def test_a_person_reads_where_to_take_it_back_and_says_so(by_hand: Invited) -> None:
    page = by_hand.person(by_hand.waiting)
    assert "https://www.linkedin.com/mynetwork/invitation-manager/sent/" in page.links
    assert "If you withdraw it, this person leaves the sequence as timed out." in squeezed(page.text)
    assert "for three weeks" in page.text
    assert [button.text for button in page.form("/withdraw").buttons] == ["I have withdrawn it"]
    told = by_hand.press(by_hand.waiting)
    assert "It was not accepted, and is withdrawn." in told.text
    assert "timed out" in told.text
    assert not has_form(told)
    assert by_hand.withdrawals() == ["withdrawn", None, None]


def test_the_provider_is_asked_and_that_is_shown(asked: Invited) -> None:
    told = asked.press(asked.late)
    assert "The provider is asked to take it back." in told.text
    assert "mynetwork" not in told.html
    assert not has_form(told)
    assert [bell.job for bell in asked.db.rung] == ["withdrawal"]


def test_what_failed_is_shown_with_its_reason_and_asked_again(asked: Invited) -> None:
    asked.be(asked.late, withdrawal="failed", error="LinkedIn says no.")
    page = asked.person(asked.late)
    assert "It could not be withdrawn: LinkedIn says no." in squeezed(page.text)
    assert [button.text for button in page.form("/withdraw").buttons] == ["Ask again"]
    assert "The provider is asked to take it back." in asked.press(asked.late).text


def test_nobody_withdraws_what_was_accepted(by_hand: Invited) -> None:
    form = by_hand.person(by_hand.waiting).form("/withdraw")
    with by_hand.db.sessions.begin() as session:
        person = session.get_one(Prospect, by_hand.waiting)
        person.status, person.connected_at = "connected", make.NOW
    told = by_hand.alice.follow(by_hand.alice.send(form))
    assert "No invitation of this person waits to be withdrawn." in told.text
    assert not has_form(told)
    assert by_hand.withdrawals() == [None] * 3


def test_all_who_timed_out_are_withdrawn_from_the_roster(by_hand: Invited) -> None:
    page = by_hand.roster()
    assert "2 invitations timed out" in page.text
    assert "Take them back at LinkedIn first" in squeezed(page.text)
    form = page.form("/withdraw")
    assert [button.text for button in form.buttons] == ["I have withdrawn all 2"]
    told = by_hand.alice.follow(by_hand.alice.send(form))
    assert "2 marked as withdrawn." in told.text
    assert not has_form(told)
    assert by_hand.withdrawals() == [None, "withdrawn", "withdrawn"]
    assert "No invitation is left to withdraw." in by_hand.alice.follow(by_hand.alice.send(form)).text


def test_all_who_timed_out_are_asked_for(asked: Invited) -> None:
    form = asked.roster().form("/withdraw")
    assert [button.text for button in form.buttons] == ["Withdraw all 2"]
    assert "at LinkedIn first" not in asked.roster().text
    told = asked.alice.follow(asked.alice.send(form))
    assert "The provider is asked to take back 2, one by one." in told.text
    assert asked.withdrawals() == [None, "asked", "asked"]


def test_the_roster_tells_when_an_invitation_times_out(by_hand: Invited) -> None:
    assert "The invitation times out" in by_hand.roster().text


def test_an_email_campaign_knows_no_invitations(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        made = make.launched(session, session.get_one(Workspace, alice.workspace_id), 1)
    assert not has_form(alice.visit(f"/campaigns/{made.id}/prospects"))


def test_strangers_withdraw_nothing(by_hand: Invited, bob: Visitor) -> None:
    forms = [by_hand.roster().form("/withdraw"), by_hand.person(by_hand.late).form("/withdraw")]
    with bob.client.session_transaction() as cookie, by_hand.alice.client.session_transaction() as own:
        cookie["csrf_token"] = own["csrf_token"]
    assert [bob.send(form).status_code for form in forms] == [404, 404]
    assert by_hand.withdrawals() == [None] * 3


def test_the_account_of_a_person_may_be_gone(asked: Invited) -> None:
    with asked.db.sessions.begin() as session:
        session.delete(session.scalars(select(Sender)).one())
    assert "I have withdrawn it" in asked.person(asked.late).text
    assert "It was not accepted, and is withdrawn." in asked.press(asked.late).text
