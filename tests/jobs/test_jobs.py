"""The jobs as workers run them: real Redis, real database, real mail, and processes that are killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import select

from campaigns import editing, importing, launching, settling, ticking
from campaigns.models import Campaign, Message, Prospect, Sender, SenderDay, WakeUp, Workspace
from campaigns.models.sealing import seal
from campaigns.sending import HEARTBEAT, LEASE
from jobs import lane as lane_job
from jobs import tick as tick_job
from jobs.bells import QUEUES
from jobs.workshop import Workshop, utcnow, workshop
from tests import make
from tests.channels.scripted import END, SILENCE, Script, serving
from tests.databases import Database
from tests.jobs.processes import wait_until
from tests.servers import SmtpSink


@dataclass
class Shop:
    """A process's tools, and the means to work off its queues."""

    tools: Workshop
    redis: Redis
    environ: dict[str, str]

    def work(self) -> None:
        """Work off everything that waits, and what is rung for meanwhile."""
        worker = SimpleWorker(list(QUEUES), connection=self.redis, serializer=JSONSerializer)
        worker.work(burst=True, logging_level="WARNING")
        queues = [Queue(name, connection=self.redis, serializer=JSONSerializer) for name in QUEUES]
        assert [queue.failed_job_registry.get_job_ids() for queue in queues] == [[] for _ in queues]

    def do(self, verb: Any, *args: Any, **values: Any) -> Any:
        with self.tools.sessions.begin() as session:
            return verb(session, *args, **values)

    def start(self, code: str) -> subprocess.Popen[bytes]:
        """A process of its own that runs this code."""
        return subprocess.Popen([sys.executable, "-c", code], env=self.environ, start_new_session=True)

    def messages(self) -> list[str]:
        with self.tools.sessions() as session:
            return list(session.scalars(select(Message.status).order_by(Message.id)))


@pytest.fixture
def shop(db: Database, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    ours = {"DATABASE_URL": db.url, "REDIS_URL": redis_url, "CADENZA_DATA": str(tmp_path / "data")}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    workshop.cache_clear()
    with Redis.from_url(redis_url) as redis:
        yield Shop(workshop(), redis, {**os.environ, **ours})
    workshop().sessions.kw["bind"].dispose()
    workshop().ringer._redis.close()
    workshop.cache_clear()


def draft(shop: Shop, port: int, n: int, **account: Any) -> Campaign:
    """A campaign that is ready to be launched from an account at this port."""
    smtp = {"host": "127.0.0.1", "port": port, "security": "none", "username": None}
    with shop.tools.sessions.begin() as session:
        sender = make.sender(session, make.workspace(session), **{"smtp": smtp} | account)
        workspace = session.get_one(Workspace, sender.workspace_id)
        campaign = make.campaign(session, workspace, senders=[sender])
        make.prospects(session, campaign, n)
        return campaign


def launched(shop: Shop, port: int, n: int, **account: Any) -> tuple[Campaign, UUID]:
    campaign = draft(shop, port, n, **account)
    shop.do(launching.launch, campaign.workspace_id, campaign.id, now=utcnow(), by=None)
    shop.redis.flushall()
    shop.do(launching.start, campaign.id, now=utcnow(), by=None)
    shop.redis.flushall()
    with shop.tools.sessions() as session:
        return campaign, session.scalars(select(Sender.id)).one()


# A worker's day ----------------------------------------------------------------------------------


def test_a_launch_goes_all_the_way_to_the_mail_server(shop: Shop, smtp_sink: SmtpSink) -> None:
    campaign = draft(shop, smtp_sink.port, 3)
    shop.do(launching.launch, campaign.workspace_id, campaign.id, now=utcnow(), by="ann")
    shop.work()
    assert len(smtp_sink.wait_for(3)) == len(set(smtp_sink.recipients)) == 3
    with shop.tools.sessions() as session:
        (record,) = session.scalars(select(WakeUp)).all()
        assert session.get_one(Campaign, campaign.id).status == "active"
    assert (record.cause, record.requested_by, record.sleeping, record.resumed) == ("launch", "ann", 3, 3)
    assert record.job_id
    assert record.finished_at
    assert record.duration_ms is not None
    tick_job.tick(shop.tools)
    with shop.tools.sessions() as session:
        assert session.get_one(Campaign, campaign.id).status == "completed"


def test_new_hours_wake_sleepers_through_the_queue(shop: Shop, smtp_sink: SmtpSink) -> None:
    campaign, _ = launched(shop, smtp_sink.port, 2)
    closed = {"operating_hours": window(utcnow() + timedelta(hours=3))}
    shop.do(editing.edit, campaign.workspace_id, campaign.id, closed, now=utcnow(), by=None)
    shop.work()
    assert smtp_sink.accepted == []
    shop.do(editing.edit, campaign.workspace_id, campaign.id, {"operating_hours": None}, now=utcnow(), by=None)
    shop.work()
    assert len(smtp_sink.wait_for(2)) == 2


def window(t: datetime) -> dict[str, Any]:
    """Hours of one hour on the day of `t`, `t` in the first minute."""
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    end = "24:00" if t.hour == 23 else f"{t.hour + 1:02}:00"
    return {"timezone": "UTC", days[t.weekday()]: [{"start": f"{t.hour:02}:00", "end": end}]}


def test_with_redis_emptied_the_tick_finds_the_work(shop: Shop, smtp_sink: SmtpSink) -> None:
    campaign = draft(shop, smtp_sink.port, 2)
    asked = utcnow() - ticking.PATIENCE
    shop.do(launching.launch, campaign.workspace_id, campaign.id, now=asked, by=None)
    shop.redis.flushall()
    tick_job.tick(shop.tools)
    shop.redis.flushall()
    tick_job.tick(shop.tools)
    shop.work()  # the launch
    shop.redis.flushall()
    tick_job.tick(shop.tools)
    shop.work()
    assert len(smtp_sink.wait_for(2)) == 2


def test_a_tick_rings_each_lane_once_however_often_it_comes(shop: Shop, smtp_sink: SmtpSink) -> None:
    launched(shop, smtp_sink.port, 2)
    assert [tick_job.tick(shop.tools) for _ in range(3)] == [1, 1, 1]
    assert len(Queue("lanes", connection=shop.redis, serializer=JSONSerializer)) == 1


def test_jobs_of_what_is_gone_do_nothing(shop: Shop) -> None:
    from jobs.lane import lane
    from jobs.launch import launch
    from jobs.wake import wake

    nobody = str(make.new_id())
    assert (lane(nobody), launch(nobody), wake(nobody)) == (0, False, None)


def test_a_sealed_password_signs_in(shop: Shop, smtp_sink: SmtpSink) -> None:
    smtp = {"host": "127.0.0.1", "port": smtp_sink.port, "security": "none", "username": smtp_sink.username}
    sealed = seal(shop.tools.settings.sealing_key, smtp_sink.password)
    _, sender = launched(shop, 0, 1, smtp=smtp, smtp_sealed=sealed)
    assert lane_job.lane(str(sender)) == 1


def test_a_password_that_cannot_be_unsealed_needs_a_person(shop: Shop, smtp_sink: SmtpSink) -> None:
    _, sender = launched(shop, smtp_sink.port, 1, smtp_sealed="of another key")
    assert lane_job.lane(str(sender)) == 0
    with shop.tools.sessions() as session:
        account = session.get_one(Sender, sender)
    assert account.status == "needs_attention"
    assert "enter it again" in str(account.status_reason)


def test_an_account_of_the_mail_trap_waits_until_the_trap_runs(shop: Shop) -> None:
    _, sender = launched(shop, 0, 1, smtp=None, uses_trap=True)
    assert lane_job.lane(str(sender)) == 0
    with shop.tools.sessions() as session:
        account = session.get_one(Sender, sender)
    assert (account.status, account.failures) == ("active", 1)
    assert "trap" in str(account.status_reason)


# Processes ---------------------------------------------------------------------------------------


def test_a_process_that_is_killed_in_the_middle_of_a_send_leaves_it_unknown(shop: Shop, smtp_sink: SmtpSink) -> None:
    script = Script({END: SILENCE})
    with serving(script) as port:
        campaign, sender = launched(shop, port, 2)
        process = shop.start(f"from jobs.lane import lane; lane({str(sender)!r})")
        wait_until(lambda: script.messages, seconds=30)
        process.kill()
        process.wait()
    killed_at = utcnow()
    assert shop.messages() == ["sending"]
    assert lane_job.lane(str(sender)) == 0  # the lease is not over
    shop.do(ticking.settle, killed_at)
    assert shop.messages() == ["sending"]
    shop.do(ticking.settle, killed_at + LEASE)
    assert shop.messages() == ["unknown"]
    with shop.tools.sessions.begin() as session:
        account = session.get_one(Sender, sender)
        account.smtp = {**(account.smtp or {}), "port": smtp_sink.port}
        account.lease_until = killed_at  # as if the 20 seconds had passed
    assert lane_job.lane(str(sender)) == 1
    assert shop.messages() == ["unknown", "sent"]
    assert lane_job.lane(str(sender)) == 0
    with shop.tools.sessions() as session:
        message = session.scalars(select(Message).where(Message.status == "unknown")).one()
    shop.do(settling.settle, campaign.workspace_id, campaign.id, message.id, "again", now=utcnow(), by="ann")
    assert lane_job.lane(str(sender)) == 1
    assert shop.messages() == ["sent", "sent"]
    assert len(set(smtp_sink.recipients)) == 2


def test_the_lease_and_the_tick_bring_work_back_within_thirty_seconds() -> None:
    assert LEASE + timedelta(seconds=2) < timedelta(seconds=30)
    assert 3 * HEARTBEAT < LEASE


def test_processes_on_one_lane_write_to_everybody_once(shop: Shop, smtp_sink: SmtpSink) -> None:
    _, sender = launched(shop, smtp_sink.port, 20)
    code = f"from jobs.lane import lane\nfor _ in range(6): lane({str(sender)!r})"
    processes = [shop.start(code) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    while lane_job.lane(str(sender)):
        pass
    assert len(smtp_sink.recipients) == len(set(smtp_sink.recipients)) == 20
    assert smtp_sink.connections <= 21


def test_two_accounts_do_not_overrun_the_limit_of_their_campaign(shop: Shop, smtp_sink: SmtpSink) -> None:
    campaign = draft(shop, smtp_sink.port, 1)
    with shop.tools.sessions.begin() as session:
        workspace = session.get_one(Workspace, campaign.workspace_id)
        smtp = {"host": "127.0.0.1", "port": smtp_sink.port, "security": "none", "username": None}
        senders = [make.sender(session, workspace, smtp=smtp) for _ in range(3)]
        make.launched(session, workspace, 15, senders=senders, daily_limit=6, now=utcnow())
        ids = [str(sender.id) for sender in senders]
    processes = [shop.start(f"from jobs.lane import lane; lane({one!r}); lane({one!r})") for one in ids]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(smtp_sink.recipients) == 6
    with shop.tools.sessions() as session:
        assert sum(session.scalars(select(SenderDay.used))) == 6
        waiting = session.scalars(select(Prospect).where(Prospect.due_at.is_not(None))).all()
        assert len(waiting) == 9


def test_a_lane_gives_signs_of_life_while_it_waits_for_a_server(
    shop: Shop, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sender = launched(shop, smtp_sink.port, 1)
    monkeypatch.setattr(lane_job, "HEARTBEAT", timedelta(milliseconds=20))
    smtp_sink.pause = 0.5
    seen: set[datetime | None] = set()
    beat = lane_job.Lane.keep_alive

    def watched(self: Any) -> None:
        beat(self)
        with shop.tools.sessions() as session:
            seen.add(session.get_one(Sender, sender).lease_until)

    monkeypatch.setattr(lane_job.Lane, "keep_alive", watched)
    assert lane_job.lane(str(sender)) == 1
    assert len(seen) >= 3
    with shop.tools.sessions() as session:
        assert session.get_one(Sender, sender).lease_until is None


def test_a_heart_survives_a_database_that_is_away_for_a_moment(
    shop: Shop, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    _, sender = launched(shop, smtp_sink.port, 1)
    monkeypatch.setattr(lane_job, "HEARTBEAT", timedelta(milliseconds=20))
    smtp_sink.pause = 0.4
    beats: list[int] = []

    def away(_: Any) -> None:
        beats.append(1)
        raise OperationalError("UPDATE", {}, Exception("away"))

    monkeypatch.setattr(lane_job.Lane, "keep_alive", away)
    assert lane_job.lane(str(sender)) == 1
    assert len(beats) >= 3


def test_a_table_of_people_may_be_added_while_a_lane_works(shop: Shop, smtp_sink: SmtpSink) -> None:
    campaign, sender = launched(shop, smtp_sink.port, 5)
    process = shop.start(f"from jobs.lane import lane; lane({str(sender)!r})")
    for start in range(0, 15, 5):
        people = {"prospects": [{"email": f"late{n}@corp.example"} for n in range(start, start + 5)]}
        shop.do(importing.add, campaign.workspace_id, campaign.id, people, now=utcnow(), by=None)
    assert process.wait(60) == 0
    shop.work()
    assert len(smtp_sink.recipients) == len(set(smtp_sink.recipients)) == 20


def test_the_clock_of_the_jobs_is_in_utc() -> None:
    assert utcnow().tzinfo is UTC
