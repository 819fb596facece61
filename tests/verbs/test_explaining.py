"""Why somebody is not being messaged, and whether the engine then does what was said."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns import editing, explaining, launching
from campaigns.explaining import Explanation
from campaigns.models import Campaign, CampaignDay, Prospect, Sender, SenderDay, SenderUse, Workspace
from campaigns.rules.days import local_day
from campaigns.rules.gates import GATES
from campaigns.rules.lifecycle import LINKEDIN, TERMINAL
from campaigns.rules.refusals import NotFound
from campaigns.rules.seats import UNIPILE
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND, Play


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def launched(play: Play, n: int = 1, *, account: dict[str, Any] | None = None, **values: Any) -> Campaign:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, **account or {})
        return make.launched(session, workspace, n, senders=[sender], now=play.now, **values)


def people(play: Play) -> list[UUID]:
    with play.db.sessions() as session:
        return list(session.scalars(select(Prospect.id).order_by(Prospect.id)))


def explain(play: Play, prospect_id: UUID | None = None) -> Explanation:
    with play.db.reading() as session:
        prospect = session.get_one(Prospect, prospect_id or people(play)[0])
        campaign = session.get_one(Campaign, prospect.campaign_id)
        return explaining.explain(session, campaign, prospect.id, play.now)


def test_somebody_next_in_line_is_ready(play: Play) -> None:
    launched(play)
    found = explain(play)
    assert (found.state, found.gate, found.next_at, found.ahead) == ("ready", None, play.now, 0)


def test_a_strangers_prospect_is_not_found(play: Play) -> None:
    launched(play)
    mine = people(play)[0]
    other = launched(play)
    with play.db.reading() as session, pytest.raises(NotFound):
        explaining.explain(session, session.get_one(Campaign, other.id), mine, play.now)


@pytest.mark.parametrize("status", TERMINAL)
def test_whoever_is_through_is_done_with_a_reason(play: Play, status: str) -> None:
    launched(play, people={"status": status})
    found = explain(play)
    assert (found.state, found.gate, found.next_at, found.ahead) == ("done", None, None, 0)
    assert found.reason.endswith(".")


def test_why_somebody_failed_is_told_in_the_words_that_were_kept(play: Play) -> None:
    launched(play, people={"status": "failed", "status_reason": "Email 1: company is missing"})
    assert explain(play).reason == "Email 1: company is missing"


@pytest.mark.parametrize("status", ["draft", "launching", "paused", "completed"])
def test_a_campaign_that_does_not_run_holds_everybody(play: Play, status: str) -> None:
    launched(play, status=status)
    found = explain(play)
    assert (found.gate, found.next_at) == ("status", None)
    assert {"draft": "draft", "launching": "launched", "paused": "paused", "completed": "completed"}[
        status
    ] in found.reason


def test_the_last_delay_is_a_wait_for_nothing_but_time(play: Play) -> None:
    launched(play, nodes=[make.EMAIL_STEP, make.delay(hours=3), make.END])
    play.tick()
    found = explain(play)
    assert (found.state, found.gate, found.next_at) == ("waiting", "delay", play.now + 3 * HOUR)


def close(play: Play, name: str) -> None:
    """Close one gate in front of everybody."""
    with play.db.sessions.begin() as session:
        workspace = session.scalars(select(Workspace)).one()
        sender = session.scalars(select(Sender)).one()
        campaign = session.scalars(select(Campaign)).one()
        person = session.scalars(select(Prospect)).one()
        if name == "delay":
            person.due_at = play.now + 2 * HOUR
        elif name == "status":
            campaign.status = "paused"
        elif name == "suppressed":
            make.suppression(session, workspace, person.identity)
        elif name == "sender_status":
            sender.status = "needs_attention"
        elif name == "campaign_daily_limit":
            session.add(CampaignDay(campaign_id=campaign.id, day=play.now.date(), used=500))
        elif name == "sender_daily_limit":
            session.add(SenderDay(sender_id=sender.id, day=play.now.date(), used=500))
        elif name == "sender_weekly_limit":
            uses = [SenderUse(sender_id=sender.id, step="connection_request", at=play.now - DAY) for _ in range(80)]
            session.add_all(uses)
        elif name == "sender_gap":
            sender.next_send_at = play.now + 7 * MINUTE
    if name == "operating_hours":
        with play.db.sessions.begin() as session:
            body = {"operating_hours": make.week("13:00", "14:00")}
            campaign = session.scalars(select(Campaign)).one()
            editing.edit(session, campaign.workspace_id, campaign.id, body, now=play.now, by=None)


# Of an email campaign or, where these alone have it, of one through a LinkedIn provider.
@pytest.mark.parametrize("name", [name for name, _ in GATES])
def test_each_gate_is_named_and_the_engine_does_as_explained(play: Play, name: str) -> None:
    seat = {"type": LINKEDIN, "provider": UNIPILE}
    launched(play, **({"type": LINKEDIN, "account": seat} if name == "sender_weekly_limit" else {}))
    close(play, name)
    found = explain(play)
    assert found.gate == name
    assert found.state == ("waiting" if name == "delay" else "sleeping")
    play.db.rung.clear()
    if found.next_at is None:
        play.play(play.now + 3 * DAY)
        assert play.sent == []
        return
    play.play(found.next_at - timedelta(microseconds=1))
    assert play.sent == []
    play.play(found.next_at)
    assert [sent.at for sent in play.sent] == [found.next_at]


@pytest.mark.parametrize(
    ("premium", "own", "connections", "messages"),
    [(False, None, 80, 100), (True, None, 100, 150), (True, 7, 7, 7), (False, 0, 0, 0)],
)
def test_weekly_limits_are_linkedins_unless_the_account_says_otherwise(
    play: Play, premium: bool, own: int | None, connections: int, messages: int
) -> None:
    values = {"is_premium": premium, "weekly_connection_limit": own, "weekly_message_limit": own}
    with play.db.sessions.begin() as session:
        sender = make.sender(session, make.workspace(session), type=LINKEDIN, **values)
    assert sender.weekly_limit("connection_request") == connections
    assert sender.weekly_limit("message") == messages
    assert sender.weekly_limit("email") is None


# The instant, in worlds made at random -----------------------------------------------------------


def random_world(play: Play, chance: Random) -> Campaign:
    play.now = make.NOW + timedelta(minutes=chance.randrange(7 * 24 * 60))
    zone = chance.choice(["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Auckland"])
    start = chance.randrange(23)
    end = chance.randrange(start + 1, 25)
    hours = make.week(f"{start:02}:00", f"{end:02}:00", zone, "mtwtfss"[: chance.randint(1, 7)])
    clock = chance.choice(["", "", "Asia/Tokyo", "America/New_York"])
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session, timezone=chance.choice(["UTC", "Asia/Tokyo", "America/Chicago"]))
        sender = make.sender(session, workspace, daily_limit=chance.choice([1, 500]))
        campaign = make.launched(
            session,
            workspace,
            1,
            senders=[sender],
            now=play.now,
            operating_hours=chance.choice([None, hours, hours, hours]),
            prospect_timezone=chance.random() < 0.5,
            daily_limit=chance.choice([1, 500]),
            limits={sender: 1} if chance.random() < 0.3 else None,
            people={"clock": clock},
        )
        day = local_day(play.now, workspace.timezone)
        if chance.random() < 0.4:
            make.sent_today(session, sender, 1, day)
        if chance.random() < 0.4:
            session.add(CampaignDay(campaign_id=campaign.id, day=day, used=1))
        if chance.random() < 0.4:
            sender.next_send_at = play.now + timedelta(seconds=chance.randrange(1, 20_000))
        if chance.random() < 0.5:
            person = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).one()
            person.due_at = play.now + timedelta(minutes=chance.randrange(1, 3000))
    return campaign


@pytest.mark.parametrize("seed", range(12))
def test_a_message_goes_at_the_very_instant_that_was_explained(play: Play, seed: int) -> None:
    campaign = random_world(play, Random(seed))
    found = explain(play)
    assert found.next_at is not None
    began = play.now
    play.play(found.next_at - timedelta(microseconds=1))
    assert play.sent == [], (began, found)
    play.play(found.next_at)
    assert [sent.at for sent in play.sent] == [found.next_at]
    assert play.campaign(campaign.id).status in ("active", "completed")


# The line ----------------------------------------------------------------------------------------


def line(play: Play, *sizes: int, **values: Any) -> list[UUID]:
    """Campaigns of one account with so many people each, mixed with people who were written to before."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace)
        for size in sizes:
            make.launched(session, workspace, size, senders=[sender], **values)
    return people(play)


def served_in_order(play: Play) -> list[UUID]:
    """Everybody, in the order in which the engine then writes to them."""
    play.post.afterwards = lambda _: play.wait(SECOND)
    play.tick()
    with play.db.sessions() as session:
        ids = {row.email: row.id for row in session.execute(select(Prospect.email, Prospect.id))}
    return [ids[sent.to] for sent in play.sent]


def test_ahead_is_how_many_are_served_before(play: Play) -> None:
    everybody = line(play, 3, 1, 4)
    chance = Random(3)
    with play.db.sessions.begin() as session:
        for person in session.scalars(select(Prospect)):
            person.contacted = chance.random() < 0.3
            person.due_at = make.NOW - timedelta(minutes=chance.randrange(100))
    ahead = {person: explain(play, person).ahead for person in everybody}
    order = served_in_order(play)
    assert len(order) == 8
    assert [ahead[person] for person in order] == list(range(8))


def test_ahead_is_right_in_the_middle_of_the_turns_too(play: Play) -> None:
    everybody = line(play, 4, 2, 3)
    play.post.afterwards = lambda _: play.wait(SECOND)
    lane = play.lane(next(iter(senders(play))), stop=lambda: len(play.sent) >= 2)
    lane.run()
    play.db.rung.clear()
    already = {sent.to for sent in play.sent}
    with play.db.sessions() as session:
        waiting = set(session.scalars(select(Prospect.id).where(Prospect.email.not_in(already))))
    ahead = {person: explain(play, person).ahead for person in everybody if person in waiting}
    order = served_in_order(play)[2:]
    assert [ahead[person] for person in order] == list(range(7))


def senders(play: Play) -> list[UUID]:
    with play.db.sessions() as session:
        return list(session.scalars(select(Sender.id)))


def test_people_of_a_paused_campaign_are_not_ahead_of_anybody(play: Play) -> None:
    line(play, 2, 2)
    with play.db.sessions.begin() as session:
        first, second = session.scalars(select(Campaign).order_by(Campaign.id)).all()
        launching.pause(session, first.workspace_id, first.id, now=play.now, by=None)
        mine = session.scalars(select(Prospect.id).where(Prospect.campaign_id == second.id).order_by(Prospect.id))
        one, two = mine.all()
    assert [explain(play, person).ahead for person in (one, two)] == [0, 1]


def test_somebody_who_is_not_due_has_nobody_ahead(play: Play) -> None:
    launched(play, 3, nodes=[make.delay(hours=1), make.EMAIL_STEP, make.END])
    assert [explain(play, person).ahead for person in people(play)] == [0, 0, 0]


def test_an_instant_is_in_utc(play: Play) -> None:
    launched(play, operating_hours=make.week("13:00", "14:00", "Asia/Tokyo"))
    assert explain(play).next_at == datetime(2026, 3, 3, 4, 0, tzinfo=UTC)
