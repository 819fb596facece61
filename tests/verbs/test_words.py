"""Words that are corrected while a campaign runs, and who gets them."""

from typing import Any

import pytest
from sqlalchemy import update

from campaigns import editing, sequencing
from campaigns.channels.outgoing import Unsent
from campaigns.models import Campaign, Sender
from campaigns.models.finding import nodes_of
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.refusals import Invalid
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, Play

STEPS = [{**make.EMAIL_STEP, "body": "Old"}, make.delay(days=1), {**make.FOLLOW_UP, "body": "Old again"}, make.END]


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def launched(play: Play, n: int) -> Campaign:
    with play.db.sessions.begin() as session:
        made: Campaign = make.launched(session, make.workspace(session), n, nodes=STEPS)
        return made


def correct(play: Play, campaign: Campaign, place: int, **words: Any) -> None:
    with play.db.sessions.begin() as session:
        node = nodes_of(session, campaign.id)[place]
        sequencing.edit(session, campaign.workspace_id, campaign.id, node.id, words, now=play.now, by="ann")


def test_whoever_has_not_got_the_step_gets_the_new_words(play: Play) -> None:
    campaign = launched(play, 2)
    play.tick()
    correct(play, campaign, 0, body="Too late for the two")
    correct(play, campaign, 2, body="New")
    play.play(make.NOW + 2 * DAY)
    assert sorted(sent.outgoing.body.strip() for sent in play.sent) == ["New", "New", "Old", "Old"]


def test_a_line_that_is_being_worked_off_has_the_new_words_from_the_next_message_on(play: Play) -> None:
    campaign = launched(play, 3)

    def correct_once(_: Outgoing) -> None:
        play.post.afterwards = lambda _: None
        correct(play, campaign, 0, body="New")

    play.post.afterwards = correct_once
    play.tick()
    assert play.post.opened == 1
    assert [sent.outgoing.body.strip() for sent in play.sent] == ["Old", "New", "New"]


def test_a_message_that_waits_for_another_try_is_written_anew(play: Play) -> None:
    campaign = launched(play, 1)
    failures = [Unsent("451", lasting=False)]

    def once(_: Outgoing) -> None:
        if failures:
            raise failures.pop()

    play.post.instead = once
    play.tick()
    assert not play.sent
    correct(play, campaign, 0, subject="New", body="New")
    play.play(make.NOW + HOUR)
    assert [(sent.outgoing.subject, sent.outgoing.body.strip()) for sent in play.sent] == [("New", "New")]
    (message,) = play.messages()
    assert (message.status, message.attempts, message.subject) == ("sent", 2, "New")


def test_words_that_an_account_cannot_fill_are_refused_as_at_launch(play: Play) -> None:
    campaign = launched(play, 1)
    with pytest.raises(Invalid) as caught:
        correct(play, campaign, 2, body="Yours, %sender_first_name% %sender_last_name%")
    (problem,) = caught.value.problems
    assert problem.field == "node.body"
    assert problem.message.startswith("Sarah Chen")
    assert "has no value for %sender_last_name%" in problem.message
    correct(play, campaign, 2, body="Yours, %sender_first_name% %sender_last_name|of Example%")


def test_a_running_sequence_does_not_go_back_to_words_that_an_account_cannot_fill_any_more(play: Play) -> None:
    campaign = launched(play, 1)
    correct(play, campaign, 2, body="Yours, %sender_first_name%")
    correct(play, campaign, 2, body="Yours")
    with play.db.sessions.begin() as session:
        session.execute(update(Sender).values(first_name=None))
        back = session.get_one(Campaign, campaign.id).version - 1
    with pytest.raises(Invalid, match="no value for %sender_first_name%"), play.db.sessions.begin() as session:
        editing.roll_back(session, campaign.workspace_id, campaign.id, back, now=play.now, by="ann")
