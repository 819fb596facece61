"""What monitors ask: `/healthz` and `/metrics` (CONTRACT section 9)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from campaigns import waking
from campaigns.models import Campaign, CampaignDay, Mailbox, Node, Prospect, Sender, WakeUp
from campaigns.models.finding import nodes_of
from campaigns.models.gate import roll_gates
from campaigns.web.exposition import Exposition
from jobs.board import Board, Pulse, QueueView
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, Clock
from tests.web.conftest import build

AWAY = Pulse(redis=False, workers=0, silence=0, ticked_at=None, queues=())


@pytest.fixture
def feel(app: Flask) -> Callable[..., None]:
    """Let the app feel this pulse; what is left out is well."""

    def put(pulse: Pulse | None = None, **values: object) -> None:
        queues = (QueueView("lanes", 3, 1, 0, make.NOW - timedelta(seconds=7)),)
        well = Pulse(redis=True, workers=3, silence=4.0, ticked_at=make.NOW, queues=queues)

        class Felt:
            def pulse(self) -> Pulse:
                return replace(pulse or well, **values)  # type: ignore[arg-type]

        app.extensions["cadenza"] = replace(app.extensions["cadenza"], board=Felt())

    put()
    return put


def health(app: Flask) -> tuple[int, dict[str, object]]:
    answer = app.test_client().get("/healthz")
    assert answer.json is not None
    return answer.status_code, answer.json


def checks(app: Flask) -> tuple[int, list[str]]:
    status, said = health(app)
    return status, [problem["check"] for problem in said["problems"]]  # type: ignore[attr-defined]


def metrics(app: Flask) -> dict[str, float]:
    """Every sample of /metrics by its name and labels."""
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text.endswith("\n")
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    assert len({name for name, _, _ in lines}) == len(lines)
    return {name: float(value) for name, _, value in lines}


@pytest.mark.usefixtures("feel")
def test_all_is_well(app: Flask) -> None:
    assert health(app) == (
        200,
        {
            "status": "ok",
            "database": True,
            "redis": True,
            "workers": 3,
            "workers_unseen_seconds": 4,
            "last_tick_seconds": 0,
            "overdue_seconds": 0,
            "problems": [],
        },
    )


def test_pages_are_served_without_redis_until_nobody_was_seen_for_30_seconds(
    app: Flask, feel: Callable[..., None]
) -> None:
    feel(AWAY, silence=29.9)
    assert checks(app) == (200, ["redis"])
    assert health(app)[1]["status"] == "degraded"
    feel(AWAY, silence=30.0)
    assert checks(app) == (503, ["redis"])
    assert health(app)[1]["status"] == "failing"
    assert "REDIS_URL" in app.test_client().get("/healthz").text


def test_a_monitor_is_told_when_no_worker_was_seen_for_30_seconds(app: Flask, feel: Callable[..., None]) -> None:
    feel(workers=0, silence=29.0)
    assert checks(app) == (200, ["workers"])
    feel(workers=0, silence=31.0)
    assert checks(app) == (503, ["workers"])
    assert "python -m jobs.worker" in app.test_client().get("/healthz").text


def test_a_ticker_that_is_late_is_told_and_pages_are_served(app: Flask, feel: Callable[..., None]) -> None:
    feel(ticked_at=make.NOW - timedelta(seconds=10))
    assert checks(app) == (200, [])
    feel(ticked_at=make.NOW - timedelta(seconds=11))
    assert checks(app) == (200, ["ticker"])
    feel(ticked_at=None)
    assert checks(app) == (200, ["ticker"])
    assert "cadenza_last_tick_age_seconds" not in metrics(app)


@pytest.mark.usefixtures("feel")
def test_without_a_database_nothing_can_be_served(app: Flask) -> None:
    def broken() -> None:
        raise OperationalError("SELECT 1", {}, Exception("the disk is on fire"))

    app.extensions["cadenza"] = replace(app.extensions["cadenza"], reading=broken)
    status, said = health(app)
    assert (status, said["status"], said["database"], said["overdue_seconds"]) == (503, "failing", False, None)
    assert checks(app) == (503, ["database"])
    assert "DATABASE_URL" in str(said)
    assert "fire" not in str(said)
    assert metrics(app)["cadenza_database_up"] == 0


# The board, which looks into a real Redis


def seen(redis: Redis, name: str, clock: Clock) -> None:
    """What a worker leaves in RQ's books when it says that it lives."""
    redis.sadd("rq:workers", f"rq:worker:{name}")
    redis.hset(f"rq:worker:{name}", "last_heartbeat", clock.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def test_a_worker_that_was_killed_stays_in_the_books_and_is_not_counted(redis_url: str, clock: Clock) -> None:
    with Redis.from_url(redis_url) as redis:
        board = Board(redis, clock)
        seen(redis, "ann", clock)
        clock.pass_by(seconds=25)
        seen(redis, "bob", clock)
        assert (board.pulse().workers, board.pulse().silence) == (2, 0)
        clock.pass_by(seconds=10)
        assert (board.pulse().workers, board.pulse().silence) == (1, 10)
        clock.pass_by(seconds=20)
        assert (board.pulse().workers, board.pulse().silence) == (0, 30)


def test_whoever_begins_to_look_gives_the_workers_time(redis_url: str, clock: Clock) -> None:
    with Redis.from_url(redis_url) as redis:
        seen(redis, "somebody of last week", clock)
        clock.pass_by(days=7)
        board = Board(redis, clock)
        assert (board.pulse().workers, board.pulse().silence) == (0, 0)
        clock.pass_by(seconds=20)
        assert (board.pulse().workers, board.pulse().silence) == (0, 20)


def test_a_redis_that_was_emptied_does_not_make_one_forget_who_was_seen(redis_url: str, clock: Clock) -> None:
    with Redis.from_url(redis_url) as redis:
        board = Board(redis, clock)
        clock.pass_by(seconds=100)
        seen(redis, "ann", clock)
        board.pulse()
        redis.flushall()
        clock.pass_by(seconds=8)
        assert (board.pulse().workers, board.pulse().silence) == (0, 8)


def test_the_ticker_leaves_word_and_the_queues_say_how_long_they_wait(redis_url: str, clock: Clock) -> None:
    with Redis.from_url(redis_url) as redis:
        board = Board(redis, clock)
        assert board.pulse().ticked_at is None
        board.note_tick()
        assert board.pulse().ticked_at == clock.now
        redis.rpush("rq:queue:lanes", "first", "second")
        redis.hset("rq:job:first", "enqueued_at", clock.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        lanes = next(queue for queue in board.pulse().queues if queue.name == "lanes")
        assert (lanes.waiting, lanes.oldest_at) == (2, clock.now)


def test_a_pulse_is_felt_without_redis_too(db: Database, tmp_path: Path, clock: Clock) -> None:
    board = build(db, tmp_path, clock).extensions["cadenza"].board
    board.note_tick()
    pulse = board.pulse()
    assert (pulse.redis, pulse.workers, pulse.queues) == (False, 0, ())
    assert pulse.silence < 30


# The numbers


@pytest.fixture
def waiting(alice: Caller, db: Database) -> Campaign:
    """Alice has a campaign whose three people are due."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        return make.launched(session, workspace, daily_limit=2)


@pytest.mark.usefixtures("feel", "waiting")
def test_a_monitor_sees_how_long_the_oldest_step_is_overdue(app: Flask, clock: Clock) -> None:
    clock.pass_by(seconds=90)
    assert health(app)[1]["overdue_seconds"] == 90
    assert metrics(app)["cadenza_overdue_seconds"] == 90


def test_metrics_tell_what_became_of_the_messages_of_each_account(
    app: Flask, db: Database, feel: Callable[..., None], waiting: Campaign
) -> None:
    with db.sessions.begin() as session:
        sender = session.query(Sender).one()
        for outcome, times in {"sent": 3, "refused": 1}.items():
            for _ in range(times):
                sender.count(outcome)
        people = session.query(make.Prospect).all()
        node = nodes_of(session, waiting.id)[0]
        for person, status in zip(people, ("unknown", "unknown", "waiting"), strict=True):
            make.message(session, person, node, status=status)
    found = metrics(app)
    counted = {name: value for name, value in found.items() if name.startswith("cadenza_messages_total")}
    assert counted == {
        f'cadenza_messages_total{{sender_id="{sender.id}",outcome="sent"}}': 3,
        f'cadenza_messages_total{{sender_id="{sender.id}",outcome="refused"}}': 1,
    }
    assert found["cadenza_unknown_outcomes"] == 2
    assert found["cadenza_messages_deferred"] == 1
    assert found["cadenza_messages_being_sent"] == 0
    assert found['cadenza_queue_jobs{queue="lanes",state="waiting"}'] == 3
    assert found['cadenza_queue_oldest_seconds{queue="lanes"}'] == 7


def test_metrics_tell_how_well_answers_are_heard(
    app: Flask, db: Database, feel: Callable[..., None], alice: Caller
) -> None:
    names = ("cadenza_mailboxes", "cadenza_mailboxes_failing", "cadenza_mailbox_oldest_reading_seconds")
    assert [metrics(app)[name] for name in names] == [0, 0, 0]
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        make.sender(session, workspace)  # which has no mailbox
        for minutes, failures, status in ((1, 0, "active"), (20, 3, "active"), (90, 1, "needs_attention")):
            sender = make.sender(session, workspace, imap={"host": "imap.example.com"}, status=status)
            read_at = make.NOW - timedelta(minutes=minutes)
            session.add(Mailbox(sender_account_id=sender.id, read_at=read_at, failures=failures))
    assert [metrics(app)[name] for name in names] == [2, 1, 1200]


def test_metrics_count_wake_ups_by_how_long_they_took(
    app: Flask, db: Database, feel: Callable[..., None], waiting: Campaign
) -> None:
    for took in (5, 10, 400, 40_000):
        with db.sessions.begin() as session:
            made = WakeUp(campaign_id=waiting.id, cause="resume", requested_at=make.NOW)
            session.add(made)
            session.flush()
            waking.finish(made, now=make.NOW + timedelta(milliseconds=took))
            waking.finish(made, now=make.NOW + timedelta(hours=1))  # once is enough
    found = metrics(app)
    name = "cadenza_wake_up_duration_seconds"
    bounds = {"0.01": 2, "0.25": 2, "0.5": 3, "30.0": 3, "+Inf": 4}
    assert {bound: found[f'{name}_bucket{{le="{bound}"}}'] for bound in bounds} == bounds
    assert (found[f"{name}_count"], found[f"{name}_sum"]) == (4, 40.415)


def test_metrics_tell_how_many_campaigns_find_each_gate_closed(
    app: Flask, db: Database, feel: Callable[..., None], alice: Caller, waiting: Campaign
) -> None:
    def closed() -> set[str]:
        found = metrics(app)
        gates = (
            "operating_hours",
            "campaign_daily_limit",
            "sender_status",
            "sender_daily_limit",
            "sender_weekly_limit",
        )
        name = 'cadenza_gate_campaigns{{gate="{}",state="{}"}}'
        states = {gate: [found[name.format(gate, state)] for state in ("open", "closed")] for gate in gates}
        assert all(sum(state) == 1 for state in states.values())
        return {gate for gate, state in states.items() if state == [0, 1]}

    def change(model: type, **values: object) -> None:
        with db.sessions.begin() as session:
            session.execute(update(model).values(**values))

    assert closed() == set()
    change(Sender, daily_limit=1)
    with db.sessions.begin() as session:
        make.sent_today(session, session.query(Sender).one(), 1)
    assert closed() == {"sender_daily_limit"}
    change(Sender, status="needs_attention")
    assert closed() == {"sender_status", "sender_daily_limit", "sender_weekly_limit"}
    with db.sessions.begin() as session:
        session.add(CampaignDay(campaign_id=waiting.id, day=make.NOW.date(), used=2))
    assert "campaign_daily_limit" in closed()
    with db.sessions.begin() as session:
        campaign = session.get_one(Campaign, waiting.id)
        campaign.operating_hours = make.week("11:00", "12:00")
        roll_gates(session, campaign, make.NOW)
    assert "operating_hours" in closed()


@pytest.mark.usefixtures("feel")
def test_metrics_tell_of_linkedin_weeks_that_are_full_and_of_open_tasks(app: Flask, db: Database) -> None:
    with db.sessions.begin() as session:
        make.launched(session, make.workspace(session), 1, type="linkedin")
        [person] = session.query(Prospect)
        node = session.query(Node).filter_by(type="connection_request").one()
        seat = session.query(Sender).one()
        seat.messages_after = make.NOW + timedelta(minutes=5)
    closed = 'cadenza_gate_campaigns{gate="sender_weekly_limit",state="closed"}'
    assert metrics(app)[closed] == 0, "it sends no messages"
    with db.sessions.begin() as session:
        session.merge(seat).invitations_after = make.NOW + timedelta(minutes=5)
        make.message(session, person, node, status="task")
    found = metrics(app)
    assert (found[closed], found["cadenza_tasks_open"]) == (1, 1)


@pytest.mark.usefixtures("feel", "waiting")
def test_metrics_are_text_that_prometheus_reads(app: Flask) -> None:
    lines = app.test_client().get("/metrics").text.splitlines()
    typed = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    told = [line.split()[2] for line in lines if line.startswith("# HELP ")]
    names = {line.partition("{")[0].split()[0] for line in lines if not line.startswith("#")}
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names}
    assert typed == told
    assert families <= set(typed)
    assert len(typed) == len(set(typed)) >= 15


def test_whatever_stands_in_a_label_cannot_break_the_line() -> None:
    text = Exposition()
    text.add("one", "gauge", "A \\ and\nmore", [({"name": 'say "hi"\n\\'}, 1)])
    assert str(text) == '# HELP one A \\\\ and\\nmore\n# TYPE one gauge\none{name="say \\"hi\\"\\n\\\\"} 1\n'
