"""Deleting a campaign, some people at a time."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from campaigns import importing, launching
from campaigns.models import Campaign, Event, Node, Prospect, counts
from campaigns.models.finding import nodes_of
from campaigns.models.tally import prospect_count, prospect_due
from campaigns.rules import lifecycle
from campaigns.rules.refusals import NotFound, WrongState
from tests import make
from tests.databases import Database
from tests.verbs.playing import Play

NOW = make.NOW + make.minutes(5)
PEOPLE, AT_ONCE = 10, 4


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "MOST_AT_ONCE", AT_ONCE)


def made(db: Database, status: str) -> Campaign:
    with db.sessions.begin() as session:
        campaign: Campaign = make.launched(session, make.workspace(session), PEOPLE, status=status)
        for person in session.scalars(select(Prospect).limit(3)):
            make.message(session, person, nodes_of(session, campaign.id)[0])
        return campaign


def remove(db: Database, campaign: Campaign) -> str:
    return launching.remove(db.sessions, campaign.workspace_id, campaign.id, now=NOW, by="ann")


def test_no_transaction_of_a_deletion_holds_up_others_for_long(db: Database) -> None:
    """None takes more people than may be; nobody else's are touched, and nothing is left."""
    campaign, other = made(db, lifecycle.ACTIVE), made(db, lifecycle.ACTIVE)
    taken: list[int] = []

    def look(session: Session) -> None:
        taken.append(session.scalar(select(func.count()).where(Prospect.campaign_id == campaign.id)) or 0)

    event.listen(db.sessions, "before_commit", look)
    assert remove(db, campaign) == campaign.name
    assert taken == [10, 6, 2, 0, 0]
    with db.sessions() as session:
        assert session.scalars(select(Campaign.id)).all() == [other.id]
        assert counts.by_status(session, [other.id]) == {other.id: {"pending": PEOPLE}}
        for table in (Prospect.campaign_id, Node.campaign_id, prospect_count.c.campaign_id, prospect_due.c.campaign_id):
            assert set(session.scalars(select(table))) == {other.id}


def cut_short(db: Database, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die in the transaction after the first people are gone."""
    usual: Callable[..., bool] = launching._empty
    left = [usual]

    def once(*those: Any) -> bool:
        return left.pop()(*those)

    with monkeypatch.context() as patch:
        patch.setattr(launching, "_empty", once)
        with pytest.raises(IndexError):
            remove(db, campaign)


@pytest.mark.parametrize("status", lifecycle.CAMPAIGN_STATUSES)
def test_a_deletion_that_is_cut_short_leaves_what_never_runs_again(
    db: Database, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = made(db, status)
    cut_short(db, campaign, monkeypatch)
    with db.sessions() as session:
        assert session.get_one(Campaign, campaign.id).status == lifecycle.COMPLETED
        assert counts.total(session, campaign.id) == PEOPLE - AT_ONCE
        assert session.scalars(select(Event.by).where(Event.kind == "deletion_begun")).all() == ["ann"]
    for verb in (launching.launch, launching.resume):
        with pytest.raises(WrongState), db.sessions.begin() as session:
            verb(session, campaign.workspace_id, campaign.id, now=NOW, by=None)
    with db.sessions.begin() as session:
        assert not launching.start(session, campaign.id, now=NOW, by=None)
    body = {"prospects": [{"email": "new@corp.example"}]}
    with pytest.raises(WrongState), db.sessions.begin() as session:
        importing.add(session, campaign.workspace_id, campaign.id, body, now=NOW, by=None)
    play = Play(db)
    play.play(make.NOW + make.minutes(60))
    assert play.sent == []


def test_a_deletion_that_was_cut_short_is_finished_by_the_next(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = made(db, lifecycle.ACTIVE)
    cut_short(db, campaign, monkeypatch)
    remove(db, campaign)
    with pytest.raises(NotFound):
        remove(db, campaign)
    with db.sessions() as session:
        assert session.scalars(select(Prospect)).all() == []
