"""An account's own signature: under whose emails it stands, and what is checked of it."""

from typing import Any

import pytest

from campaigns import launching
from campaigns.models import Campaign
from tests import make
from tests.databases import Database
from tests.verbs.playing import Play


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def prepared(play: Play, step: dict[str, Any] | None = None, **values: Any) -> tuple[Campaign, list[str]]:
    """A draft with one email, and what keeps it from being launched."""
    account = {"signature": "-- \n%sender_last_name%", "reply_to": "team@example.com", **values.pop("account", {})}
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, **account)
        nodes = [make.EMAIL_STEP | (step or {}), make.END]
        campaign = make.campaign(session, workspace, senders=[sender], nodes=nodes, **values)
        make.prospect(session, campaign)
        problems = [problem.message for problem in launching.validate(session, campaign).errors]
        return campaign, problems


def test_a_value_that_the_signature_lacks_is_told_before_the_launch(play: Play) -> None:
    _, (problem,) = prepared(play)
    assert "has no value for %sender_last_name%" in problem


@pytest.mark.parametrize(
    "values",
    [
        {"signature": "The campaign's"},
        {"step": {"signature": "The step's"}},
        {"step": {"signature": ""}},
        {"account": {"last_name": "Chen"}},
    ],
    ids=["the campaign has one", "the step has one", "the step has none on purpose", "there is a value"],
)
def test_a_signature_that_no_email_takes_is_no_problem(play: Play, values: dict[str, Any]) -> None:
    assert prepared(play, **values)[1] == []


@pytest.mark.parametrize(
    ("values", "ending"),
    [
        ({}, "\n\n-- \nChen\n"),
        ({"signature": "The campaign's"}, "\n\nThe campaign's\n"),
        ({"signature": "The campaign's", "step": {"signature": "The step's"}}, "\n\nThe step's\n"),
        ({"step": {"signature": ""}}, "!\n"),
    ],
)
def test_the_steps_goes_before_the_campaigns_and_that_before_the_accounts(
    play: Play, values: dict[str, Any], ending: str
) -> None:
    campaign, problems = prepared(play, **values, account={"last_name": "Chen"})
    assert problems == []
    play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by=None)
    play.answer_all()
    (sent,) = play.sent
    assert sent.outgoing.body.endswith(ending)
    assert sent.outgoing.reply_to == "team@example.com"
