"""Invitations that nobody accepted, taken back: by a person at LinkedIn, or by the provider that is asked to."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import select, update

from campaigns import withdrawing
from campaigns.channels.outgoing import Doubtful, Limited, Nobody, Unsent
from campaigns.models import Campaign, Message, Prospect, Sender
from campaigns.rules.refusals import NotFound, WrongState
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, MINUTE, Play

NODES = [make.CONNECT, make.delay(days=1), {"type": "message", "body": "Dear"}, make.END]


class Provider:
    """The other side: takes invitations back, or does what `instead` says."""

    def __init__(self) -> None:
        self.withdrawn: list[tuple[str | None, str | None]] = []
        self.instead: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def withdraw(self, invitation: str | None, person_id: str | None, profile_url: str) -> None:
        assert "linkedin.com/in/" in profile_url
        self.instead()
        self.withdrawn.append((invitation, person_id))


class Invited(Play):
    """A campaign whose three people were invited by a seat, and have not accepted."""

    def __init__(self, db: Database, provider: str) -> None:
        super().__init__(db)
        self.provider = Provider()
        with db.sessions.begin() as session:
            self.workspace = make.workspace(session)
            seat = {"base_url": "https://api.example", "account_id": "acc", "name": "Sarah"}
            account = make.sender(
                session,
                self.workspace,
                type="linkedin",
                provider=provider,
                seat=None if provider == "assisted" else seat,
            )
            made = make.launched(session, self.workspace, 3, type="linkedin", nodes=NODES, senders=[account])
            self.campaign_id, self.seat_id = made.id, account.id
            self.node_id = made.nodes[0].id
            people = session.scalars(select(Prospect).order_by(Prospect.id)).all()
            for number, person in enumerate(people):
                person.status, person.contacted, person.provider_id = "connection_sent", True, f"id{number}"
                person.current_node_id, person.due_at = made.nodes[2].id, self.now + 21 * DAY
                make.message(session, person, made.nodes[0], receipt=f"inv{number}")
            self.invited: list[UUID] = [person.id for person in people]

    def be(self, prospect_id: UUID, **values: Any) -> None:
        with self.db.sessions.begin() as session:
            session.execute(update(Prospect).where(Prospect.id == prospect_id).values(**values))

    def withdraw(self, prospect_id: UUID) -> str | None:
        found = self.do(
            withdrawing.withdraw, self.workspace.id, self.campaign_id, prospect_id, now=self.now, by="a@b.c"
        )
        return str(found.withdrawal)

    def withdraw_all(self) -> list[str | None]:
        found = self.do(withdrawing.withdraw_all, self.workspace.id, self.campaign_id, now=self.now, by="a@b.c")
        return [message.withdrawal for message in found]

    def carry_out(self) -> bool:
        return withdrawing.carry_out(self.db.sessions, self.seat_id, lambda _: self.provider, self.clock)

    def rung(self) -> list[str]:
        """The accounts that a tick rings for."""
        self.db.rung.clear()
        with self.db.reading.begin() as session:
            withdrawing.ring_asked(session, self.now)
        return [bell.args[0] for bell in self.db.rung if bell.job == "withdrawal"]

    def message(self, prospect_id: UUID) -> Message:
        with self.db.sessions() as session:
            return session.scalars(select(Message).where(Message.prospect_id == prospect_id)).one()


@pytest.fixture
def by_hand(db: Database) -> Invited:
    return Invited(db, "assisted")


@pytest.fixture
def asked(db: Database) -> Invited:
    return Invited(db, "unipile")


def test_somebody_whose_invitation_was_taken_back_by_hand_leaves_as_timed_out(by_hand: Invited) -> None:
    ann, bob, _ = by_hand.invited
    assert by_hand.withdraw(ann) == "withdrawn"
    person = by_hand.prospect(ann)
    assert (person.status, person.status_reason, person.due_at) == ("timed_out", withdrawing.REASON, None)
    assert by_hand.prospect(bob).status == "connection_sent"
    assert by_hand.rung() == []


def test_nothing_follows_an_invitation_that_was_withdrawn(by_hand: Invited) -> None:
    for person in by_hand.invited:
        by_hand.withdraw(person)
    by_hand.play(by_hand.now + 60 * DAY)
    assert by_hand.sent == []
    assert by_hand.campaign(by_hand.campaign_id).status == "completed"


@pytest.mark.parametrize(
    "values",
    [{"status": "connected", "connected_at": make.NOW}, {"status": "timed_out", "connected_at": make.NOW}]
    + [{"status": status} for status in ("pending", "message_sent", "replied", "completed", "cancelled", "failed")],
)
def test_only_an_invitation_that_was_not_accepted_is_withdrawn(by_hand: Invited, values: dict[str, Any]) -> None:
    by_hand.be(by_hand.invited[0], **values)
    with pytest.raises(WrongState):
        by_hand.withdraw(by_hand.invited[0])
    assert by_hand.message(by_hand.invited[0]).withdrawal is None


def test_an_invitation_is_withdrawn_once(by_hand: Invited) -> None:
    by_hand.withdraw(by_hand.invited[0])
    with pytest.raises(WrongState):
        by_hand.withdraw(by_hand.invited[0])


def test_a_strangers_people_are_not_found(by_hand: Invited) -> None:
    with by_hand.db.sessions.begin() as session:
        stranger = make.workspace(session, name="other.example")
    with pytest.raises(NotFound):
        by_hand.do(withdrawing.withdraw, stranger.id, by_hand.campaign_id, by_hand.invited[0], now=by_hand.now, by=None)
    with pytest.raises(NotFound):
        by_hand.do(withdrawing.withdraw_all, stranger.id, by_hand.campaign_id, now=by_hand.now, by=None)


def test_all_who_timed_out_are_withdrawn_at_once_and_nobody_who_still_waits(by_hand: Invited) -> None:
    ann, bob, carl = by_hand.invited
    for person in (ann, bob):
        by_hand.be(person, status="timed_out", due_at=None)
    with by_hand.session() as session:
        assert withdrawing.count_timed_out(session, session.get_one(Campaign, by_hand.campaign_id)) == 2
    assert by_hand.withdraw_all() == ["withdrawn", "withdrawn"]
    assert by_hand.message(carl).withdrawal is None
    assert by_hand.withdraw_all() == []


def test_the_provider_is_asked_after_the_commit_and_the_person_leaves_once_it_did(asked: Invited) -> None:
    ann = asked.invited[0]
    assert asked.withdraw(ann) == "asked"
    assert [(bell.job, bell.args) for bell in asked.db.rung] == [("withdrawal", (str(asked.seat_id),))]
    assert asked.prospect(ann).status == "connection_sent"
    assert asked.carry_out()
    assert asked.provider.withdrawn == [("inv0", "id0")]
    assert (asked.message(ann).withdrawal, asked.prospect(ann).status) == ("withdrawn", "timed_out")
    assert not asked.carry_out()
    assert asked.rung() == []


def test_the_tick_rings_until_everything_that_was_asked_is_done(asked: Invited) -> None:
    for person in asked.invited:
        asked.be(person, status="timed_out", due_at=None)
    assert asked.withdraw_all() == ["asked"] * 3
    for _ in range(3):
        assert asked.rung() == [str(asked.seat_id)]
        assert asked.carry_out()
    assert asked.rung() == []
    assert [invitation for invitation, _ in asked.provider.withdrawn] == ["inv0", "inv1", "inv2"]


def test_what_cannot_be_taken_back_is_shown_with_its_reason_and_can_be_asked_again(asked: Invited) -> None:
    ann = asked.invited[0]
    asked.withdraw(ann)
    asked.provider.instead = _raising(Unsent("No such invitation.", lasting=True))
    assert not asked.carry_out()
    message = asked.message(ann)
    assert (message.withdrawal, message.error, message.status) == ("failed", "No such invitation.", "sent")
    assert asked.prospect(ann).status == "connection_sent"
    assert asked.rung() == []
    asked.provider.instead = lambda: None
    assert asked.withdraw(ann) == "asked"
    assert asked.message(ann).error is None
    assert asked.carry_out()


@pytest.mark.parametrize(
    ("failed", "pause"),
    [
        (Unsent("Away.", lasting=False), withdrawing.PAUSE),
        (Unsent("Away.", lasting=False, account=True), withdrawing.PAUSE),
        (Doubtful("Nobody knows."), withdrawing.PAUSE),
        (Limited("Too many."), withdrawing.PAUSE),
        (Limited("Too many.", timedelta(hours=3)), timedelta(hours=3)),
    ],
    ids=["away", "account away", "doubtful", "limit", "limit with an end"],
)
def test_a_provider_that_could_not_be_asked_is_asked_again_after_a_pause(
    asked: Invited, failed: Exception, pause: timedelta
) -> None:
    asked.withdraw(asked.invited[0])
    asked.provider.instead = _raising(failed)
    assert not asked.carry_out()
    asked.provider.instead = lambda: None
    assert asked.message(asked.invited[0]).withdrawal == "asked"
    asked.wait(pause - MINUTE)
    assert (asked.rung(), asked.carry_out()) == ([], False)
    asked.wait(MINUTE)
    assert asked.rung() == [str(asked.seat_id)]
    assert asked.carry_out()


def test_an_account_that_is_signed_out_needs_attention_and_is_asked_once_it_works(asked: Invited) -> None:
    asked.withdraw(asked.invited[0])
    asked.provider.instead = _raising(Unsent("Signed out.", lasting=True, account=True))
    asked.carry_out()
    sender = asked.sender(asked.seat_id)
    assert (sender.status, sender.status_reason) == ("needs_attention", "Signed out.")
    assert (asked.rung(), asked.carry_out()) == ([], False)
    with asked.db.sessions.begin() as session:
        session.execute(update(Sender).values(status="active"))
    asked.provider.instead = lambda: None
    assert asked.rung() == [str(asked.seat_id)]
    assert asked.carry_out()


def test_somebody_who_accepted_while_the_provider_was_asked_stays_connected(asked: Invited) -> None:
    ann = asked.invited[0]
    asked.withdraw(ann)

    def accept() -> None:
        asked.be(ann, status="connected", connected_at=asked.now)
        raise Unsent("It was accepted.", lasting=True)

    asked.provider.instead = accept
    asked.carry_out()
    assert (asked.prospect(ann).status, asked.message(ann).withdrawal) == ("connected", "failed")


def test_somebody_who_is_removed_while_the_provider_is_asked_harms_nobody(asked: Invited) -> None:
    asked.withdraw(asked.invited[0])

    def remove() -> None:
        with asked.db.sessions.begin() as session:
            session.delete(session.get_one(Prospect, asked.invited[0]))

    asked.provider.instead = remove
    assert asked.carry_out()
    assert asked.rung() == []


def test_a_seat_that_lost_its_provider_says_so_and_a_person_does_it(asked: Invited) -> None:
    ann = asked.invited[0]
    asked.withdraw(ann)
    with asked.db.sessions.begin() as session:
        session.execute(update(Sender).values(provider="assisted", seat=None))
    assert asked.rung() == [str(asked.seat_id)]
    withdrawing.carry_out(asked.db.sessions, asked.seat_id, lambda _: Nobody(), asked.clock)
    assert asked.message(ann).withdrawal == "failed"
    assert asked.withdraw(ann) == "withdrawn"


def _raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
