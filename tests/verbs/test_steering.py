"""Steering one person: paused, resumed and skipped, each alone, and never to a second message."""

from typing import Any
from uuid import UUID

import pytest

from campaigns import explaining, removing, steering
from campaigns.channels.outgoing import Unsent
from campaigns.models import Campaign, Prospect
from campaigns.rules.refusals import WrongState
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, Play

NODES = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def two_people(play: Play, **values: Any) -> tuple[UUID, UUID, UUID]:
    """An active campaign, and two people in it."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, min_gap=0, max_gap=0)
        campaign = make.launched(session, workspace, 0, senders=[sender], nodes=NODES, now=play.now, **values)
        first, second = make.prospects(session, campaign, 2)
        make.place(session, campaign, play.now)
        return campaign.id, first.id, second.id


def steer(play: Play, verb: Any, campaign_id: UUID, prospect_id: UUID) -> Prospect:
    with play.db.sessions.begin() as session:
        workspace_id = session.get_one(Campaign, campaign_id).workspace_id
        found: Prospect = verb(session, workspace_id, campaign_id, prospect_id, now=play.now, by="a@example.com")
        return found


def reason(play: Play, campaign_id: UUID, prospect_id: UUID) -> tuple[str, str | None, str]:
    with play.db.reading() as session:
        found = explaining.explain(session, session.get_one(Campaign, campaign_id), prospect_id, play.now)
        return found.state, found.gate, found.reason


def test_somebody_who_is_paused_gets_nothing_and_the_others_do(play: Play) -> None:
    campaign, first, second = two_people(play)
    steer(play, steering.pause, campaign, first)
    play.play(play.now + 3 * DAY)
    assert set(play.people) == {play.prospect(second).email}
    assert reason(play, campaign, first) == ("waiting", "status", "This person is paused: resume them.")
    assert play.campaign(campaign).status == "active"  # somebody is left


def test_somebody_who_is_resumed_goes_on_at_once_and_gets_everything_once(play: Play) -> None:
    campaign, first, _ = two_people(play)
    steer(play, steering.pause, campaign, first)
    play.play(play.now + 3 * DAY)
    steer(play, steering.resume, campaign, first)
    resumed = play.now
    play.answer_all()
    own = [sent.at for sent in play.sent if sent.to == play.prospect(first).email]
    assert own == [resumed]
    play.play(play.now + 3 * DAY)
    own = [sent.at for sent in play.sent if sent.to == play.prospect(first).email]
    assert own == [resumed, resumed + DAY]
    assert play.campaign(campaign).status == "completed"


def test_a_delay_runs_on_while_somebody_is_paused(play: Play) -> None:
    campaign, first, _ = two_people(play)
    play.tick()
    due = play.prospect(first).due_at
    play.wait(HOUR)
    steer(play, steering.pause, campaign, first)
    play.wait(HOUR)
    steer(play, steering.resume, campaign, first)
    assert play.prospect(first).due_at == due


def test_a_pause_during_a_send_holds_the_next_step(play: Play) -> None:
    campaign, first, _ = two_people(play)
    address = play.prospect(first).email

    def pause_now(outgoing: Any) -> None:
        if outgoing.to_address == address:
            steer(play, steering.pause, campaign, first)

    play.post.afterwards = pause_now
    play.tick()
    play.play(play.now + 3 * DAY)
    assert play.people.count(str(address)) == 1
    held = play.prospect(first)
    assert held.paused_at is not None
    assert held.held_due_at == held.paused_at + DAY
    steer(play, steering.resume, campaign, first)
    play.answer_all()
    assert play.people.count(str(address)) == 2


def test_a_skipped_step_is_never_sent_and_the_next_one_is(play: Play) -> None:
    campaign, first, _ = two_people(play)
    steer(play, steering.skip, campaign, first)
    start = play.now
    play.play(play.now + 3 * DAY)
    own = [sent for sent in play.sent if sent.to == play.prospect(first).email]
    assert [sent.at for sent in own] == [start + DAY]
    assert play.prospect(first).status == "completed"
    statuses = [message.status for message in play.messages() if message.prospect_id == first]
    assert sorted(statuses) == ["sent", "skipped"]


def test_whoever_is_paused_can_be_removed_and_is_not_waited_for(play: Play) -> None:
    campaign, first, second = two_people(play)
    play.tick()
    steer(play, steering.pause, campaign, first)
    with play.db.sessions.begin() as session:
        workspace_id = session.get_one(Campaign, campaign).workspace_id
        removing.remove(session, workspace_id, campaign, {"ids": [str(first)]}, now=play.now, by=None)
    play.play(play.now + 3 * DAY)
    assert play.prospect(first).status == "cancelled"
    assert play.campaign(campaign).status == "completed"
    assert play.prospect(second).status == "completed"


def test_what_cannot_be_steered_says_why(play: Play) -> None:
    campaign, first, _ = two_people(play)
    with pytest.raises(WrongState, match="not paused"):
        steer(play, steering.resume, campaign, first)
    steer(play, steering.pause, campaign, first)
    with pytest.raises(WrongState, match="paused already"):
        steer(play, steering.pause, campaign, first)
    steer(play, steering.resume, campaign, first)
    play.play(play.now + 3 * DAY)
    for verb in (steering.pause, steering.resume, steering.skip):
        with pytest.raises(WrongState, match="completed: nothing is sent"):
            steer(play, verb, campaign, first)
    with play.db.sessions.begin() as session:
        draft = make.campaign(session, make.workspace(session), nodes=NODES)
        person = make.prospect(session, draft)
    with pytest.raises(WrongState, match="no place in the sequence yet"):
        steer(play, steering.pause, draft.id, person.id)


def test_a_step_whose_outcome_is_unknown_is_not_skipped(play: Play) -> None:
    campaign, first, _ = two_people(play)
    with play.db.sessions.begin() as session:
        prospect = session.get_one(Prospect, first)
        node = session.get_one(make.Node, prospect.current_node_id)
        make.message(session, prospect, node, status="unknown")
        prospect.due_at = None
    with pytest.raises(WrongState, match="settle that first"):
        steer(play, steering.skip, campaign, first)


def test_a_retry_of_somebody_paused_waits_for_them(play: Play) -> None:
    campaign, first, _ = two_people(play)
    address = play.prospect(first).email

    def refuse(outgoing: Any) -> None:
        if outgoing.to_address == address:
            steer(play, steering.pause, campaign, first)
            raise Unsent("later", lasting=False)

    play.post.instead = refuse
    play.tick()
    play.post.instead = lambda _: None
    play.play(play.now + HOUR)
    assert address not in play.people
    steer(play, steering.resume, campaign, first)
    play.answer_all()
    assert play.people.count(str(address)) == 1
