"""A forecast says what the engine then does: both are played, and compared message by message."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns import editing, foreseeing, launching
from campaigns.models import Campaign, Prospect
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, Play

SATURDAY = datetime(2026, 3, 28, 10, tzinfo=UTC)  # the night after it Berlin's clocks go forward


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db, SATURDAY)


def campaigns_of(play: Play, n: int = 2, **values: Any) -> list[UUID]:
    """`n` campaigns that share two accounts, each with its own steps, and people on three clocks."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session, timezone="Europe/Berlin")
        pace = {"min_gap": 60, "max_gap": 60, **values.pop("ramp", {})}
        senders = [
            make.sender(session, workspace, daily_limit=limit, **pace) for limit in values.pop("limits", (7, 11))
        ]
        made = []
        for number in range(n):
            nodes = [make.EMAIL_STEP, make.delay(hours=20 + number), make.FOLLOW_UP, make.delay(minutes=5), make.END]
            campaign = make.launched(session, workspace, 0, senders=senders, nodes=nodes, now=play.now, **values)
            for clock in ("", "Asia/Kathmandu", "America/New_York"):
                make.prospects(session, campaign, 7, clock=clock)
            make.place(session, campaign, play.now)
            made.append(campaign.id)
        return made


def foreseen(play: Play, campaign_id: UUID) -> list[tuple[datetime, str]]:
    """Instant and address of everything that is foreseen, of all campaigns that share the accounts."""
    with play.db.reading() as session:
        campaign = session.get_one(Campaign, campaign_id)
        scene = foreseeing.scene(session, campaign, play.now)
        addresses = dict(session.execute(select(Prospect.id, Prospect.email)).all())
    return [(departure.at, addresses[departure.prospect_id] or "") for departure in scene.play().departures]


def done(play: Play) -> list[tuple[datetime, str]]:
    return [(sent.at, sent.to) for sent in play.sent]


WEEK = make.week("09:00", "12:00", zone="Europe/Berlin", days="mtwtfs")
RAMP = {"ramp_start": 1, "ramp_step": 1, "ramp_from": SATURDAY.date()}


@pytest.mark.parametrize(
    "settings",
    [
        {"daily_limit": 9, "operating_hours": WEEK},
        {"daily_limit": 500, "operating_hours": WEEK, "prospect_timezone": True},
        {"daily_limit": 6, "operating_hours": None},
        {"daily_limit": 500, "operating_hours": None, "limits": (500, 500)},
        {"daily_limit": 500, "operating_hours": WEEK, "ramp": RAMP},
        {"daily_limit": 500, "operating_hours": WEEK, "limits": (500, 2), "ramp": {**RAMP, "ramp_ceiling": 5}},
    ],
    ids=["limits of a campaign", "clocks of people", "always open", "nothing but gaps", "a ramp", "a ramp's ceiling"],
)
def test_what_is_foreseen_is_what_happens(play: Play, settings: dict[str, Any]) -> None:
    first, _ = campaigns_of(play, **settings)
    expected = foreseen(play, first)
    play.play(play.now + 40 * DAY)
    assert len(expected) == 2 * 2 * 21
    assert sorted(expected) == sorted(done(play))


def test_a_campaign_is_foreseen_from_the_middle_of_its_way(play: Play) -> None:
    first, _ = campaigns_of(play, daily_limit=9, operating_hours=WEEK)
    play.play(play.now + 3 * DAY)
    before = len(play.sent)
    expected = foreseen(play, first)
    play.play(play.now + 40 * DAY)
    assert 0 < before < 2 * 2 * 21
    assert sorted(expected) == sorted(done(play)[before:])


def test_a_draft_is_foreseen_as_its_launch_would_make_it(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session, timezone="Europe/Berlin")
        senders = [make.sender(session, workspace, min_gap=30, max_gap=30, daily_limit=4) for _ in range(2)]
        nodes = [make.EMAIL_STEP, make.delay(days=2), make.FOLLOW_UP, make.END]
        campaign = make.campaign(session, workspace, senders=senders, nodes=nodes, operating_hours=WEEK)
        make.prospects(session, campaign, 12)
    expected = foreseen(play, campaign.id)
    play.do(_start, campaign.id, play.now)
    play.play(play.now + 20 * DAY)
    assert len(expected) == 24
    assert sorted(expected) == sorted(done(play))


def _start(session: Any, campaign_id: UUID, now: datetime) -> None:
    campaign = session.get_one(Campaign, campaign_id)
    launching.launch(session, campaign.workspace_id, campaign_id, now=now, by=None)


def test_an_account_that_cannot_send_is_foreseen_to_send_nothing(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        broken = make.sender(session, workspace, status="needs_attention", status_reason="refused the password")
        campaign = make.launched(session, workspace, 3, senders=[broken], now=play.now)
    assert foreseen(play, campaign.id) == []


def test_the_calendar_counts_days_and_steps_and_names_the_bottleneck(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session, timezone="Europe/Berlin")
        senders = [
            make.sender(session, workspace, min_gap=0, max_gap=0, daily_limit=5),
            make.sender(session, workspace, min_gap=0, max_gap=0, daily_limit=50),
        ]
        nodes = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.delay(days=1), make.END]
        campaign = make.launched(session, workspace, 20, senders=senders, nodes=nodes, now=play.now)
    with play.db.reading() as session:
        calendar = foreseeing.calendar(foreseeing.scene(session, session.get_one(Campaign, campaign.id), play.now))
    assert calendar.total == 40
    assert calendar.days[play.now.date()] == {0: 15}
    assert calendar.span.bottleneck == (senders[0].id, "sender_daily_limit")
    assert calendar.span.last is not None
    assert calendar.ends_at == calendar.span.last + timedelta(days=1)
    assert not calendar.span.estimated


def test_an_edit_is_tried_on_the_same_people(play: Play) -> None:
    first, _ = campaigns_of(play, daily_limit=9, operating_hours=WEEK)
    with play.db.reading() as session:
        before = foreseeing.scene(session, session.get_one(Campaign, first), play.now)
    with play.db.sessions() as session:
        campaign = session.get_one(Campaign, first)
        body = {"operating_hours": None, "daily_limit": 500}
        editing.edit(session, campaign.workspace_id, first, body, now=play.now, by=None)
        session.flush()
        after = foreseeing.edited_scene(session, before, campaign)
        session.rollback()
    old, new = foreseeing.calendar(before).span, foreseeing.calendar(after).span
    assert old.last is not None
    assert new.last is not None
    assert new.last < old.last
    assert new.first == play.now
