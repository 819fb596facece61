"""What a measurement is played on: a database with sleepers, a real Redis, real workers, a real SMTP sink."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from flask.testing import FlaskClient
from redis import Redis
from rq import Worker
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app import create_app
from campaigns import admitting
from campaigns.models import Campaign, CampaignSender, Node, Prospect, Sender, connect, new_id, schema, session_factory
from campaigns.models.enrolment import enrol
from campaigns.models.sessions import silence
from jobs.embedded import Embedded, find_server, start
from tests.servers import SmtpSink, free_port, running_postgres, running_sink, short_folder

BATCH = 5_000
WORKER_START_SECONDS = 30
DATABASES = ("sqlite", "postgresql")


@dataclass
class Stage:
    """One database with its Redis, its workers and its sink."""

    environ: dict[str, str]
    client: FlaskClient
    headers: dict[str, str]
    redis: Redis
    sink: SmtpSink
    sessions: object
    workspace_id: UUID

    def campaign(self, sleepers: int) -> UUID:
        """A running campaign whose hours are closed, with this many people due."""
        with self.sessions() as session, session.begin():  # type: ignore[operator]
            return _sleepers(session, self.workspace_id, self.sink.port, sleepers)


def closed_hours(now: datetime) -> dict[str, object]:
    """Hours that open in two days only."""
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    opening = days[(now + timedelta(days=2)).weekday()]
    return {"timezone": "UTC", **{day: [] for day in days}, opening: [{"start": "09:00", "end": "17:00"}]}


def _sleepers(session: Session, workspace_id: UUID, port: int, count: int) -> UUID:
    now = datetime.now(UTC)
    times = {"created_at": now, "updated_at": now}
    smtp = {"host": "127.0.0.1", "port": port, "security": "none", "username": None}
    sender = Sender(
        id=new_id(), workspace_id=workspace_id, type="email", display_name="Sarah Chen", smtp=smtp,
        email_address="sarah@example.com", daily_limit=100_000, min_gap=0, max_gap=0, **times,
    )  # fmt: skip
    campaign = Campaign(
        id=new_id(), workspace_id=workspace_id, type="email", name=f"{count} sleepers {new_id()}", status="active",
        operating_hours=closed_hours(now), daily_limit=500, stop_on_reply=True, open_tracking=False,
        launched_at=now, **times,
    )  # fmt: skip
    session.add_all([sender, campaign])
    session.flush()
    session.add(CampaignSender(campaign_id=campaign.id, sender_id=sender.id, position=0))
    session.add_all(
        [
            Node(campaign_id=campaign.id, position=0, type="email", subject="Hi %first_name%", body="Hello."),
            Node(campaign_id=campaign.id, position=1, type="end"),
        ]
    )
    session.flush()
    for first in range(0, count, BATCH):
        session.execute(
            insert(Prospect), [_person(campaign, index, now) for index in range(first, min(count, first + BATCH))]
        )
    enrol(session, campaign, now - timedelta(hours=1))
    return campaign.id


def _person(campaign: Campaign, index: int, now: datetime) -> dict[str, object]:
    address = f"person{index}@example.org"
    return {
        "id": new_id(), "workspace_id": campaign.workspace_id, "campaign_id": campaign.id, "identity": address,
        "email": address, "first_name": f"Person {index}", "status": "pending", "clock": "", "custom_fields": {},
        "contacted": False, "created_at": now, "updated_at": now,
    }  # fmt: skip


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'cadenza.db'}"
        return
    with running_postgres(durable=True) as server:
        server.create("bench")
        yield server.url("bench")


@contextmanager
def _workers(environ: dict[str, str], redis: Redis, commands: list[list[str]]) -> Iterator[None]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "jobs.worker", *queues],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for queues in commands
    ]
    try:
        deadline = time.monotonic() + WORKER_START_SECONDS
        while Worker.count(connection=redis) < len(commands):
            if time.monotonic() > deadline:
                raise RuntimeError("The workers did not start.")
            time.sleep(0.05)
        yield
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()
        process.wait()


@contextmanager
def stage(kind: str) -> Iterator[Stage]:
    """Everything started, and ended afterwards."""
    with ExitStack() as stack:
        folder = stack.enter_context(short_folder())
        url = stack.enter_context(_database(kind, folder))
        process = start(Embedded(folder / "redis.sock", folder, find_server(None)))
        stack.callback(_end, process)
        redis_url = f"unix://{folder / 'redis.sock'}"
        environ = {
            **os.environ, "CADENZA_DATA": str(folder), "DATABASE_URL": url, "REDIS_URL": redis_url,
            "PORT": str(free_port()), "CADENZA_TRAP": "off",
        }  # fmt: skip
        engine = connect(url)
        stack.callback(engine.dispose)
        schema.upgrade(engine)
        sessions = session_factory(engine, silence)
        now = datetime.now(UTC)
        with sessions.begin() as session:
            user = admitting.create_user(session, "bench@example.com", "a long password", "UTC", now=now)
            workspace_id = user.workspace_id
            _, key = admitting.create_key(session, user, "bench", now=now)
        redis = Redis.from_url(redis_url)
        stack.callback(redis.close)
        sink = stack.enter_context(running_sink())
        stack.enter_context(_workers(environ, redis, [["wake"], ["wake", "lanes"]]))
        client = create_app(environ).test_client()
        headers = {"Authorization": f"Bearer {key}"}
        yield Stage(environ, client, headers, redis, sink, sessions, workspace_id)
