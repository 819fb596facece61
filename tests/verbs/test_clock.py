"""A host clock that jumps an hour back or forward, and a clock that goes on while a lane waits for its locks.

`play.now` is what the host shows; what really passes is said where it differs.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from threading import Event, Thread, current_thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from campaigns import editing, hearing, launching, minding, receiving, ticking
from campaigns.channels.outgoing import Unsent
from campaigns.models import Campaign, CampaignDay, Clock, Mailbox, Prospect, Sender, SenderDay, SenderUse
from campaigns.models.facts import week_uses
from campaigns.rules.gates import WEEK
from campaigns.rules.lifecycle import COMPLETED, DRAFT, LINKEDIN
from campaigns.rules.outgoing import Outgoing
from campaigns.sending import LEASE
from campaigns.sending.lane import RECORD_PAUSES
from jobs import stopping
from jobs.lane import _wait
from jobs.supervisor import WORKER_STOP_SECONDS
from tests import make
from tests.databases import Database
from tests.faults.test_outcomes import Away
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND, Crash, Play

CLOSING = make.NOW.replace(hour=17)
# What is late for no other reason than the clock is so by no more than this (CONTRACT section 4).
PATIENCE = 30 * SECOND


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def launched(play: Play, n: int, account: dict[str, Any] | None = None, **values: Any) -> tuple[Campaign, UUID]:
    """An active campaign from one account with these values."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, **(account or {}))
        return make.launched(session, workspace, n, now=play.now, senders=[sender], **values), sender.id


def put_back(play: Play, by: timedelta = HOUR) -> None:
    """The clock was ahead, and is put right; a second later the timetable looks at it."""
    play.now += SECOND - by
    play.tick()


def ahead(play: Play, by: timedelta = HOUR) -> None:
    """The clock jumps forward, and the timetable goes on."""
    play.tick()
    play.now += by
    play.tick()


def die_in_hand(play: Play, sender: UUID) -> None:
    """A lane whose process dies in the middle of a send: it gives nothing back."""

    def die(_: Outgoing) -> None:
        raise Crash

    play.post.instead = die
    lane = play.lane(sender)
    lane._give_lease_back = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Crash):
        lane.run()
    play.post.instead = lambda _: None


# Waiting for a lock ------------------------------------------------------------------------------


def waits_for(db: Database, waiting: Event) -> Iterator[None]:
    """`waiting` is set when another thread asks for what the holder of the campaign has."""
    asks = "BEGIN IMMEDIATE" if db.kind == "sqlite" else "FROM campaign "
    lane = "lane"

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        locks = db.kind == "sqlite" or "FOR SHARE" in statement or "FOR UPDATE" in statement
        if current_thread().name == lane and asks in statement.replace("\n", "") and locks:
            waiting.set()

    event.listen(db.engine, "before_cursor_execute", listen)
    yield
    event.remove(db.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("held", [Campaign, Prospect])
def test_a_gate_that_closes_while_a_lane_waits_for_its_locks_is_closed(play: Play, held: type[Any]) -> None:
    """Somebody edits for a while: the minute of closing passes between the lane's choice and its turn."""
    play.now = CLOSING - SECOND
    _, sender = launched(play, 2, operating_hours=make.week("09:00", "17:00"))
    chosen, is_held, waiting = Event(), Event(), Event()

    def opening(_: Sender) -> None:  # the lane has chosen, and has not claimed yet
        chosen.set()
        assert is_held.wait(10)

    play.post.on_opening = opening
    lane = Thread(target=play.lane(sender).run, name="lane")
    lane.start()
    assert chosen.wait(10)
    with play.db.sessions.begin() as session:
        session.scalars(select(held).with_for_update(of=held)).all()
        for _ in waits_for(play.db, waiting):
            is_held.set()
            assert waiting.wait(10)
            play.now = CLOSING
    lane.join(10)
    assert (play.sent, play.messages()) == ([], [])
    play.play(play.now + 16 * HOUR)
    assert len(play.sent) == 2


# Being asked to stop -----------------------------------------------------------------------------


def test_an_outcome_is_waited_for_although_the_process_is_asked_to_stop(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for a moment, just as the worker is told to end: nobody else knows the outcome."""
    monkeypatch.setattr(stopping, "_asked", False)
    _, sender = launched(play, 3)
    play.post.afterwards = lambda _: stopping.ask()
    lane = play.lane(sender, stop=stopping.asked)
    lane.sessions, lane.wait = Away(play, 3, committed=False), _wait  # type: ignore[assignment]
    began = time.monotonic()
    assert lane.run() == 1
    assert time.monotonic() - began >= sum(RECORD_PAUSES[:3], timedelta()).total_seconds()
    assert [message.status for message in play.messages()] == ["sent"]


def test_what_is_written_down_late_left_when_it_left(play: Play) -> None:
    """Delays count from then (CONTRACT section 4), however long the database was away."""
    _, sender = launched(play, 1, nodes=[make.EMAIL_STEP, make.delay(hours=1), make.FOLLOW_UP, make.END])
    lane = play.lane(sender)
    lane.sessions = Away(play, 8, committed=False)  # type: ignore[assignment]
    assert lane.run() == 1
    assert play.now > make.NOW + 10 * SECOND
    assert play.messages()[0].sent_at == make.NOW
    with play.session() as session:
        assert session.scalars(select(Prospect.due_at)).all() == [make.NOW + HOUR]


def test_the_supervisor_waits_for_longer_than_an_outcome_is_tried_to_be_written_down() -> None:
    assert sum(RECORD_PAUSES, timedelta()).total_seconds() + 10 < WORKER_STOP_SECONDS


# Put back ----------------------------------------------------------------------------------------


def test_after_a_clock_that_was_ahead_the_next_message_leaves_after_one_gap(play: Play) -> None:
    launched(play, 4, {"min_gap": 60, "max_gap": 180})
    ahead(play)
    assert len(play.sent) == 2
    put_back(play)
    assert len(play.sent) == 2  # the gap is not forgotten either
    play.play(play.now + 180 * SECOND)
    assert len(play.sent) == 3
    gaps = [later.at - earlier.at for earlier, later in pairwise([*play.sent[:1], play.sent[2]])]
    assert gaps[0] >= 60 * SECOND


def test_a_long_gap_is_not_made_shorter_by_a_clock_that_is_put_back(play: Play) -> None:
    _, sender = launched(play, 4, {"min_gap": 7200, "max_gap": 7200})
    ahead(play, 30 * MINUTE)
    put_back(play, 30 * MINUTE)
    assert len(play.sent) == 1
    assert play.sender(sender).next_send_at == make.NOW + 2 * HOUR


def test_an_account_that_failed_ahead_is_tried_again_after_its_pause(play: Play) -> None:
    _, sender = launched(play, 2)

    def refuse(_: Sender) -> None:
        raise Unsent("421 try later", lasting=False, account=True)

    play.post.on_opening = refuse
    ahead(play)
    assert play.sender(sender).failures == 2
    play.post.on_opening = lambda _: None
    put_back(play)
    play.play(play.now + 30 * SECOND)
    assert len(play.sent) == 2


def test_a_lane_that_died_ahead_is_known_for_dead_within_half_a_minute(play: Play) -> None:
    _, sender = launched(play, 2)
    play.now += HOUR
    play.do(minding.mind_clock, play.clock)
    die_in_hand(play, sender)
    put_back(play)
    assert [message.status for message in play.messages()] == ["sending"]  # for all we know it is still at it
    play.play(play.now + LEASE)
    assert [message.status for message in play.messages()] == ["unknown", "sent"]
    assert len(play.sent) == 1


def test_a_clock_that_is_put_back_in_the_middle_of_a_send_loses_nothing(play: Play) -> None:
    campaign, sender = launched(play, 3)
    play.now += HOUR
    play.do(minding.mind_clock, play.clock)

    def jump(_: Outgoing) -> None:
        play.post.afterwards = lambda _: None
        play.now += SECOND - HOUR
        play.do(minding.mind_clock, play.clock)
        play.do(ticking.settle, play.now)
        assert play.lane(sender).run() == 0  # the lane holds its lease on

    play.post.afterwards = jump
    assert play.lane(sender).run() == 1  # and gives its worker back, instead of staying for an hour
    play.play(play.now + SECOND)
    assert Counter(play.people) == dict.fromkeys(play.statuses(), 1)
    assert {message.status for message in play.messages()} == {"sent"}
    assert all(message.sent_at and message.sent_at <= play.now for message in play.messages())
    assert play.campaign(campaign.id).status == COMPLETED


def test_a_delay_that_began_ahead_is_no_hour_longer(play: Play) -> None:
    nodes = [make.EMAIL_STEP, make.delay(hours=3), make.FOLLOW_UP, make.END]
    play.tick()
    play.now += HOUR
    launched(play, 1, nodes=nodes)
    play.tick()
    put_back(play)  # a second after it left
    left = make.NOW
    (message,) = play.messages()
    assert message.sent_at is not None
    assert left <= message.claimed_at <= message.sent_at <= left + PATIENCE
    play.play(left + 3 * HOUR - SECOND)
    assert len(play.sent) == 1
    play.play(left + 3 * HOUR + PATIENCE)
    assert len(play.sent) == 2


def test_a_delay_that_began_before_is_no_minute_shorter(play: Play) -> None:
    launched(play, 1, nodes=[make.EMAIL_STEP, make.delay(hours=3), make.FOLLOW_UP, make.END])
    ahead(play)
    put_back(play)
    play.play(make.NOW + 3 * HOUR - SECOND)
    assert len(play.sent) == 1
    play.play(make.NOW + 3 * HOUR)
    assert len(play.sent) == 2


def test_a_message_that_failed_ahead_is_tried_again_after_its_pause(play: Play) -> None:
    launched(play, 1)

    def fail(_: Outgoing) -> None:
        raise Unsent("450 greylisted", lasting=False)

    play.now += HOUR
    play.post.instead = fail
    play.tick()
    play.post.instead = lambda _: None
    put_back(play)
    play.play(make.NOW + MINUTE + PATIENCE)
    assert len(play.sent) == 1


def test_people_who_were_launched_ahead_are_written_to_at_once(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, status="needs_attention")
        campaign = make.campaign(session, workspace, senders=[sender], status=DRAFT)
        make.prospects(session, campaign, 3)
    play.tick()
    play.now += HOUR
    with play.db.sessions.begin() as session:
        session.get_one(Sender, sender.id).status = "active"
    play.do(launching.launch, workspace.id, campaign.id, now=play.now, by=None)
    play.do(launching.start, campaign.id, now=play.now, by=None)
    play.db.rung.clear()
    play.do(minding.mind_clock, play.clock)
    put_back(play)
    play.play(play.now + PATIENCE)
    assert len(play.sent) == 3


def test_a_launch_and_a_wake_up_that_lost_their_bells_ahead_are_rung_for(play: Play) -> None:
    campaign, _ = launched(play, 1, operating_hours=make.week("01:00", "02:00"))
    with play.db.sessions.begin() as session:
        other = make.campaign(session, session.get_one(Campaign, campaign.id).workspace, senders=[])
        other.status = "launching"
        other.launching_since = play.now + HOUR
    play.tick()
    play.now += HOUR
    body = {"operating_hours": make.week("02:00", "03:00")}
    play.do(editing.edit, campaign.workspace_id, campaign.id, body, now=play.now, by=None)
    play.do(minding.mind_clock, play.clock)
    play.db.rung.clear()
    play.answer_all = lambda: None  # type: ignore[method-assign]
    put_back(play)
    play.now += PATIENCE
    play.tick()
    assert {bell.job for bell in play.db.rung} == {"launch", "wake"}


def test_hours_that_seemed_over_are_open_again_until_they_are(play: Play) -> None:
    play.now = CLOSING - 30 * MINUTE
    launched(play, 3, {"min_gap": 60, "max_gap": 60}, operating_hours=make.week("09:00", "17:00"))
    ahead(play)
    assert len(play.sent) == 1
    put_back(play)
    play.play(CLOSING + HOUR)
    assert len(play.sent) == 3
    assert play.sent[-1].at < CLOSING


def test_hours_that_had_seemed_to_begin_have_not(play: Play) -> None:
    opening = make.NOW.replace(hour=9)
    play.now = opening - 30 * MINUTE
    launched(play, 9, {"min_gap": 60, "max_gap": 60}, operating_hours=make.week("09:00", "17:00"))
    ahead(play)
    assert len(play.sent) == 1
    put_back(play)
    play.play(opening - SECOND)
    assert len(play.sent) == 1
    play.play(opening + 9 * MINUTE)
    assert len(play.sent) == 9
    assert play.sent[1].at == opening


@pytest.mark.parametrize("whose", ["account", "campaign"])
def test_what_was_sent_on_a_day_that_had_not_come_counts_today(play: Play, whose: str) -> None:
    play.now = make.NOW.replace(hour=23, minute=30)
    limits = ({"daily_limit": 5}, {}) if whose == "account" else ({}, {"daily_limit": 5})
    launched(play, 30, limits[0], **limits[1])
    ahead(play)
    assert len(play.sent) == 10  # five of today, and five that seemed to be of tomorrow
    put_back(play)
    play.play(make.NOW.replace(hour=23, minute=59, second=59))
    assert len(play.sent) == 10
    play.play(play.now + DAY - MINUTE)
    assert len(play.sent) == 15
    model: Any = SenderDay if whose == "account" else CampaignDay
    with play.session() as session:
        assert sorted(session.scalars(select(model.used))) == [5, 10]


def test_a_linkedin_send_of_an_ahead_clock_counts_for_seven_days_and_no_hour_longer(play: Play) -> None:
    with play.db.sessions.begin() as session:
        seat = make.sender(session, make.workspace(session), type=LINKEDIN).id

    def use(session: Session) -> None:
        session.add(SenderUse(sender_id=seat, step="connection_request", at=play.now))

    def counted(now: datetime) -> int:
        return len(play.do(week_uses, seat, "connection_request", now))

    play.tick()
    play.do(use)
    play.now += HOUR
    play.tick()
    play.do(use)
    put_back(play)  # a second after the last one
    assert counted(make.NOW + WEEK - SECOND) == 2
    assert counted(make.NOW + WEEK) == 1  # the one that was sent before is as old as it was
    assert counted(make.NOW + WEEK + PATIENCE) == 0


def test_campaigns_go_on_taking_turns_after_a_clock_that_was_ahead(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, min_gap=60, max_gap=60)
        both = [make.launched(session, workspace, 20, senders=[sender]) for _ in range(2)]
    play.tick()
    play.now += HOUR
    play.tick()
    put_back(play)
    play.play(play.now + 10 * MINUTE)
    turns = Counter(message.campaign_id for message in play.messages())
    assert abs(turns[both[0].id] - turns[both[1].id]) <= 1


def test_clocks_of_several_hosts_that_differ_a_little_change_nothing(play: Play) -> None:
    launched(play, 3, {"min_gap": 60, "max_gap": 60})
    play.tick()
    before = play.db.dump()
    play.now -= minding.UNNOTICED
    assert play.do(minding.mind_clock, play.clock) == timedelta()
    assert play.db.dump() == before
    play.now -= SECOND
    assert play.do(minding.mind_clock, play.clock) == minding.UNNOTICED + SECOND


def test_the_mark_is_written_now_and_then_and_not_every_second(play: Play) -> None:
    seen = set()
    for _ in range(60):
        play.do(minding.mind_clock, play.clock)
        with play.session() as session:
            seen.add(session.scalars(select(Clock.seen_at)).one())
        play.now += SECOND
    assert len(seen) == 60 * SECOND / minding.MARK_EVERY


# Forward -----------------------------------------------------------------------------------------


def test_a_clock_that_jumps_ahead_in_the_middle_of_a_send_makes_no_second_one(play: Play) -> None:
    """The lane seems dead, its message unknown, and another lane takes over: whoever lives reports all the same."""
    campaign, sender = launched(play, 3)
    others: list[int] = []

    def jump(_: Outgoing) -> None:
        play.post.afterwards = lambda _: None
        play.now += HOUR
        play.do(minding.mind_clock, play.clock)
        play.do(ticking.settle, play.now)
        assert [message.status for message in play.messages()] == ["unknown"]
        others.append(play.lane(sender, stop=lambda: len(play.sent) > 1).run())

    play.post.afterwards = jump
    assert play.lane(sender).run() >= 1
    assert others == [1]
    play.play(play.now + SECOND)
    assert Counter(play.people) == dict.fromkeys(play.statuses(), 1)
    assert {message.status for message in play.messages()} == {"sent"}
    assert play.campaign(campaign.id).status == COMPLETED


def test_a_lane_that_lost_its_lease_to_a_jump_sends_nothing_more_beside_the_new_one(play: Play) -> None:
    _, sender = launched(play, 3)
    inner: list[Any] = []

    def jump(_: Outgoing) -> None:
        play.post.afterwards = lambda _: None
        play.now += HOUR
        inner.append(play.lane(sender))
        assert inner[0]._take_lease()

    play.post.afterwards = jump
    # What it had in hand is recorded; but it is stopped at its next claim, even if its time were not over.
    assert play.lane(sender).run(2 * HOUR) == 0
    assert [message.status for message in play.messages()] == ["sent"]
    assert play.sender(sender).lease_token == inner[0].token


def test_a_jump_ahead_between_two_sends_lets_the_next_one_go(play: Play) -> None:
    launched(play, 2, {"min_gap": 60, "max_gap": 180})
    play.tick()
    play.now += HOUR
    play.tick()
    assert len(play.sent) == 2


# Both, again and again ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1])
def test_a_clock_that_jumps_all_the_time_costs_minutes_and_nobody_their_message(play: Play, seed: int) -> None:
    chance = Random(seed)
    nodes = [make.EMAIL_STEP, make.delay(minutes=10), make.FOLLOW_UP, make.END]
    campaign, _ = launched(play, 6, {"min_gap": 20, "max_gap": 40}, nodes=nodes)
    offset, jumps = 0, 0

    def jump(_: Any = None) -> None:
        nonlocal offset, jumps
        target = chance.choice([hours for hours in (-1, 0, 1) if hours != offset])
        play.now += (target - offset) * HOUR
        offset, jumps = target, jumps + 1

    def now_and_then(_: Outgoing) -> None:
        if chance.random() < 0.3:
            jump()

    play.post.afterwards = now_and_then
    for half_minute in range(100):
        play.tick()
        if play.campaign(campaign.id).status == COMPLETED:
            break
        if half_minute % 8 == 7:
            jump()
        play.now += 30 * SECOND
    assert jumps > 3
    # Without a jump this is a matter of about 18 minutes. A jump ahead makes nobody wait.
    assert play.campaign(campaign.id).status == COMPLETED
    assert Counter(play.people) == dict.fromkeys(play.statuses(), 2)
    assert {message.status for message in play.messages()} == {"sent"}


@pytest.mark.parametrize("kind", ["email", LINKEDIN])
def test_answers_are_read_again_after_a_clock_that_was_ahead(play: Play, kind: str) -> None:
    """Whoever seems to have been read in the future would be written to, and not be heard."""
    with play.db.sessions.begin() as session:
        at = {"base_url": "https://api.example.com", "account_id": "account", "name": "Sarah"}
        hears = {"provider": "unipile", "seat": at} if kind == LINKEDIN else {"imap": {"host": "imap.example.com"}}
        account = make.sender(session, make.workspace(session), type=kind, **hears).id
    play.tick()
    play.now += DAY
    with play.db.sessions.begin() as session:
        soon = play.now + HOUR
        read = Mailbox(sender_account_id=account, read_at=play.now, relations_at=soon, lease_until=soon, try_at=soon)
        session.add(read)
    play.tick()
    put_back(play, DAY)
    play.now += HOUR
    ears = {"email": receiving.unread, LINKEDIN: hearing.unheard}
    assert play.do(ears[kind], play.now) == [account]
    mailbox = play.do(lambda session: session.get_one(Mailbox, account))
    assert mailbox.relations_at is None, "who accepted is asked again, too"
