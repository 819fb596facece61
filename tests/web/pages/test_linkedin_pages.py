"""What pages tell of LinkedIn campaigns: the overview, the list, the plan."""

from uuid import UUID

import pytest

from campaigns.models import Prospect, Workspace
from tests import make
from tests.databases import Database
from tests.verbs.networking import NOTE, Seats, says
from tests.verbs.playing import DAY
from tests.web.callers import Clock
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed


@pytest.fixture
def play(db: Database) -> Seats:
    return Seats(db)


@pytest.fixture
def people(alice: Visitor, play: Seats) -> list[Prospect]:
    """Five people of a campaign, each with an invitation."""
    with play.db.sessions.begin() as session:
        seat = play.seat(session, session.get_one(Workspace, alice.workspace_id))
    return play.launch(5, NOTE, make.delay(days=1), says("Thanks!"), senders=[seat], name="Autumn")


def figures(alice: Visitor, campaign_id: UUID) -> str:
    return squeezed(alice.visit(f"/campaigns/{campaign_id}").text)


def test_the_overview_counts_who_was_invited_who_accepted_and_who_got_a_message(
    alice: Visitor, play: Seats, people: list[Prospect], clock: Clock
) -> None:
    campaign_id = people[0].campaign_id
    assert "Invited 0 Accepted 0 Messaged 0 Replied 0" in figures(alice, campaign_id)
    play.tick()
    for person in people[:2]:
        play.accept(person)
    play.play(make.NOW + 2 * DAY)
    play.reply(people[0])
    clock.now = play.now
    assert "Invited 5 Accepted (40 %) 2 Messaged 2 Replied 1" in figures(alice, campaign_id)
    assert "Under way" not in figures(alice, campaign_id)


def test_an_email_campaign_counts_no_invitations(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        campaign = make.launched(session, session.get_one(Workspace, alice.workspace_id), 1)
    assert "Invited" not in figures(alice, campaign.id)


def test_whoever_waits_for_an_acceptance_is_not_told_to_be_next(
    alice: Visitor, play: Seats, people: list[Prospect]
) -> None:
    play.tick()
    text = figures(alice, people[0].campaign_id)
    assert "The invitation has not been accepted yet. It times out in 21 days." in text
    assert "The next step leaves" not in text
    assert "Everybody was invited, and nobody who accepted waits" in squeezed(alice.visit("/campaigns").text)


def test_the_list_tells_of_tasks(alice: Visitor, play: Seats, people: list[Prospect]) -> None:
    play.at_work = False
    play.tick()
    assert f"{len(people)} tasks wait to be done by hand" in squeezed(alice.visit("/campaigns").text)


def test_the_plan_says_that_what_follows_depends_on_the_acceptance(
    alice: Visitor, play: Seats, people: list[Prospect]
) -> None:
    page = f"/campaigns/{people[0].campaign_id}/plan"
    text = squeezed(alice.visit(page).text)
    assert "5 steps, from" in text
    assert "What follows an invitation depends on its acceptance, and is not foretold here." in text
    assert "message" not in text
    play.tick()
    assert "5 invitations were not accepted yet: what follows depends on that." in squeezed(alice.visit(page).text)
    play.accept(people[0])
    text = squeezed(alice.visit(page).text)
    assert "1 step, from" in text
    assert "not foretold here: 4 invitations were not accepted yet." in text
