"""What comes back: whom it is about, and what follows from it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import steering
from campaigns.channels.reading import (
    AUTO_REPLY,
    COMPLAINT,
    HARD_BOUNCE,
    OUT_OF_OFFICE,
    REPLY,
    SOFT_BOUNCE,
    Letter,
)
from campaigns.models import Campaign, Conversation, Message, Prospect, Sender, Suppression, Workspace
from campaigns.models import Letter as KeptLetter
from campaigns.models.finding import nodes_of
from campaigns.receiving.mailbox import receive
from campaigns.rules.outgoing import message_id
from tests import make
from tests.make import NOW

STEPS = [make.EMAIL_STEP, make.delay(days=2), make.FOLLOW_UP, make.END]
LATER = NOW + timedelta(hours=1)


class World:
    """A campaign of two steps; Ann and Bob of one company got the first."""

    def __init__(self, session: Session, **values: Any) -> None:
        self.session = session
        self.workspace: Workspace = make.workspace(session)
        self.sender: Sender = make.sender(session, self.workspace)
        self.campaign: Campaign = make.launched(
            session, self.workspace, 0, senders=[self.sender], nodes=STEPS, **values
        )
        self.ann, self.bob = self.written_to("ann@corp.example"), self.written_to("bob@corp.example")

    def written_to(self, address: str, campaign: Campaign | None = None) -> Prospect:
        campaign = campaign or self.campaign
        person = make.prospect(self.session, campaign, email=address)
        make.place(self.session, campaign)
        first, _, second, _ = nodes_of(self.session, campaign.id)
        make.message(self.session, person, first, subject="Your new office")
        person.status, person.contacted, person.current_node_id = "sent", True, second.id
        person.due_at = NOW + timedelta(days=2)
        self.session.flush()
        return person

    def message_to(self, person: Prospect) -> Message:
        return self.session.scalars(select(Message).where(Message.prospect_id == person.id)).one()

    def comes_back(self, kind: str = REPLY, about: Prospect | None = None, **values: Any) -> bool:
        person = about or self.ann
        answers = (message_id(self.message_to(person).id.hex, "sarah@ours.example"),)
        letter = replace(blank(kind), from_address=person.email or "", answers=answers, **values)
        identity = values.get("message_id") or f"<{kind}.{person.id}@corp.example>"
        found = receive(self.session, self.sender, letter, identity, LATER)
        self.session.flush()
        return found


def blank(kind: str) -> Letter:
    return Letter(
        kind=kind,
        from_name="",
        from_address="",
        to=(),
        subject="Re: Your new office",
        sent_at=NOW,
        message_id=None,
        answers=(),
        text="Yes",
        fresh="Yes",
        quoted="",
    )


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def test_whoever_answers_gets_nothing_more(world: World) -> None:
    assert world.comes_back()
    assert (world.ann.status, world.ann.due_at, world.ann.replied_at) == ("replied", None, LATER)
    assert (world.bob.status, world.bob.due_at) == ("sent", NOW + timedelta(days=2))
    conversation = world.session.get_one(Conversation, world.ann.id)
    assert (conversation.unread, conversation.owes, conversation.last_at) == (True, True, LATER)


def test_a_campaign_that_goes_on_after_an_answer_does(session: Session) -> None:
    world = World(session, stop_on_reply=False)
    assert world.comes_back()
    assert (world.ann.status, world.ann.due_at) == ("sent", NOW + timedelta(days=2))
    assert world.ann.replied_at == LATER


def test_the_same_mail_read_twice_changes_nothing_the_second_time(world: World) -> None:
    assert world.comes_back()
    world.session.get_one(Conversation, world.ann.id).unread = False
    assert not world.comes_back()
    assert not world.session.get_one(Conversation, world.ann.id).unread
    assert len(world.session.scalars(select(KeptLetter)).all()) == 1


def test_colleagues_get_nothing_more_if_the_workspace_wants_it(world: World) -> None:
    world.workspace.stop_company = True
    stranger = world.written_to("carla@other.example")
    assert world.comes_back()
    assert (world.bob.status, world.bob.due_at) == ("replied", None)
    assert world.bob.status_reason == "Somebody else at corp.example answered."
    assert stranger.status == "sent"


def test_strangers_at_the_same_mail_provider_are_no_colleagues(world: World) -> None:
    world.workspace.stop_company = True
    dan, eve = world.written_to("dan@gmail.com"), world.written_to("eve@gmail.com")
    assert world.comes_back(about=dan)
    assert (dan.status, eve.status) == ("replied", "sent")


def test_a_hard_bounce_ends_the_sequence_of_that_person(world: World) -> None:
    assert world.comes_back(
        HARD_BOUNCE, status="5.1.1", diagnostic="550 5.1.1 no such user", recipient="ann@corp.example"
    )
    assert (world.ann.status, world.ann.bounced_at, world.ann.due_at) == ("bounced", LATER, None)
    assert world.ann.status_reason == "550 5.1.1 no such user"
    assert world.message_to(world.ann).status == "bounced"


@pytest.mark.parametrize("kind", [SOFT_BOUNCE, AUTO_REPLY])
def test_what_may_pass_or_means_nothing_is_kept_and_changes_nothing(world: World, kind: str) -> None:
    assert world.comes_back(kind)
    assert (world.ann.status, world.ann.due_at) == ("sent", NOW + timedelta(days=2))
    assert world.session.scalars(select(KeptLetter.kind)).all() == [kind]
    assert world.session.get(Conversation, world.ann.id) is None


def test_whoever_is_away_hears_nothing_before_they_are_back(world: World) -> None:
    back = LATER + timedelta(days=10)
    assert world.comes_back(OUT_OF_OFFICE, until=back.date())
    due = world.ann.due_at
    assert due is not None
    assert due.date() == back.date()
    assert world.ann.status == "sent"


def test_whoever_is_away_and_paused_is_resumed_no_sooner_than_they_are_back(world: World) -> None:
    ids = (world.workspace.id, world.campaign.id, world.ann.id)
    steering.pause(world.session, *ids, now=LATER, by=None)
    assert world.comes_back(OUT_OF_OFFICE, until=(LATER + timedelta(days=10)).date())
    steering.resume(world.session, *ids, now=LATER, by=None)
    assert world.ann.due_at == world.ann.not_before
    kept = world.session.scalars(select(KeptLetter)).one()
    assert kept.until == world.ann.not_before


@pytest.mark.parametrize("until", [None, date(2001, 1, 1), date(2099, 1, 1)])
def test_an_absence_without_a_credible_end_lasts_three_days(world: World, until: date | None) -> None:
    assert world.comes_back(OUT_OF_OFFICE, until=until)
    assert world.ann.due_at == LATER + timedelta(days=3)


def test_a_complaint_is_a_no_for_every_campaign(world: World) -> None:
    other = make.launched(world.session, world.workspace, 0, senders=[world.sender], nodes=STEPS)
    again = world.written_to("ann@corp.example", other)
    assert world.comes_back(COMPLAINT)
    assert (world.ann.status, again.status, again.due_at) == ("unsubscribed", "unsubscribed", None)
    listed = world.session.scalars(select(Suppression)).one()
    assert (listed.value, listed.source) == ("ann@corp.example", "complaint")


@pytest.mark.parametrize("words", ["Unsubscribe", "STOP!", "please remove me.", "Bitte abmelden"])
def test_an_answer_that_only_says_no_is_one(world: World, words: str) -> None:
    assert world.comes_back(fresh=f"{words}\n\n-- \nAnn", text=words)
    assert world.ann.status == "unsubscribed"
    assert world.session.scalars(select(Suppression.source)).all() == ["answer"]


def test_an_answer_without_ids_is_known_by_address_and_subject(world: World) -> None:
    letter = replace(blank(REPLY), from_address="ann@corp.example", subject="AW: RE: your new  OFFICE")
    assert receive(world.session, world.sender, letter, "<1@corp.example>", LATER)
    assert world.ann.status == "replied"


@pytest.mark.parametrize(
    ("address", "subject"), [("ann@corp.example", "Lunch?"), ("nobody@corp.example", "Re: Your new office")]
)
def test_other_mail_is_neither_kept_nor_acted_on(world: World, address: str, subject: str) -> None:
    letter = replace(blank(REPLY), from_address=address, subject=subject)
    assert not receive(world.session, world.sender, letter, "<1@corp.example>", LATER)
    assert world.session.scalars(select(KeptLetter)).all() == []
    assert (world.ann.status, world.bob.status) == ("sent", "sent")


def test_an_id_of_a_strangers_message_is_believed_nowhere(world: World) -> None:
    elsewhere = World(world.session)
    answers = (message_id(elsewhere.message_to(elsewhere.ann).id.hex, "x@ours.example"),)
    letter = replace(blank(REPLY), from_address="mallory@evil.example", answers=answers)
    assert not receive(world.session, world.sender, letter, "<1@evil.example>", LATER)
    assert elsewhere.ann.status == "sent"


def test_an_answer_after_the_last_step_counts_as_one(world: World) -> None:
    world.ann.status, world.ann.due_at = "completed", None
    assert world.comes_back()
    assert world.ann.status == "replied"


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "cancelled"])
def test_an_answer_changes_no_other_end(world: World, status: str) -> None:
    world.ann.status, world.ann.due_at = status, None
    assert world.comes_back()
    assert (world.ann.status, world.ann.replied_at) == (status, LATER)
