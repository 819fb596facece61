"""The timetable as a process: it ticks, outlives a database that is away, and stops when asked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import select

from campaigns import ticking
from campaigns.models import Campaign, Gate
from jobs import complaint, ticker
from jobs.workshop import utcnow
from tests import make
from tests.databases import Database
from tests.jobs.processes import wait_until


def started(database_url: str, data: Path) -> subprocess.Popen[str]:
    environ = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": f"unix://{data / 'none.sock'}",  # away, all the time
        "CADENZA_DATA": str(data),
    }
    command = [sys.executable, "-m", "jobs.ticker"]
    return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def ticking_process(db: Database, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with started(db.url, tmp_path / "data") as process:
        yield process
        process.kill()


def status(db: Database, campaign: Campaign) -> str:
    with db.sessions() as session:
        return session.get_one(Campaign, campaign.id).status


def test_it_does_what_time_has_made_necessary_although_redis_is_away(
    db: Database, ticking_process: subprocess.Popen[str]
) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        done = make.launched(session, workspace, 0, now=utcnow())
        passed = make.launched(session, workspace, 1, operating_hours=make.week(), now=utcnow() - timedelta(days=9))
    wait_until(lambda: status(db, done) == "completed", seconds=30)
    with db.sessions() as session:
        gate = session.scalars(select(Gate).where(Gate.campaign_id == passed.id)).one()
    assert gate.closes_at > utcnow()


def test_it_stops_when_it_is_asked_to(db: Database, ticking_process: subprocess.Popen[str]) -> None:
    with db.sessions.begin() as session:
        done = make.launched(session, make.workspace(session), 0, now=utcnow())
    wait_until(lambda: status(db, done) == "completed", seconds=30)
    ticking_process.send_signal(signal.SIGTERM)
    assert ticking_process.wait(10) == 0


def line_with(stream: IO[str] | None, words: str) -> str:
    assert stream is not None
    for line in stream:
        if words in line:
            return line
    raise AssertionError(f"it never said {words!r}")


def test_it_waits_for_a_database_that_is_not_ready(tmp_path: Path) -> None:
    file = tmp_path / "late.db"
    with started(f"sqlite:///{file}", tmp_path / "data") as process:
        try:
            assert "upgrade-database" in line_with(process.stderr, "no such table")
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_what_the_bells_miss_is_found_within_thirty_seconds() -> None:
    assert ticker.EVERY + ticking.PATIENCE.total_seconds() < 30
    assert complaint.PAUSES[-1] < 30
