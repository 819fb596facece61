"""What monitors ask: `/healthz` and `/metrics` (CONTRACT section 9)."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, Clock
from tests.web.conftest import build


def test_without_redis_and_workers_pages_are_served_and_a_monitor_is_told(app: Flask) -> None:
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 200
    expected = {"status": "degraded", "database": True, "redis": False, "workers": 0, "overdue_seconds": 0}
    assert answer.json == expected


def test_with_redis_the_workers_are_counted(db: Database, tmp_path: Path, clock: Clock, redis_url: str) -> None:
    app = build(db, tmp_path, clock, REDIS_URL=redis_url)
    assert app.test_client().get("/healthz").json["redis"] is True
    own = app.extensions["cadenza"]

    class Busy:
        def worker_count(self) -> int:
            return 3

    app.extensions["cadenza"] = replace(own, board=Busy())
    answer = app.test_client().get("/healthz").json
    assert (answer["status"], answer["workers"]) == ("ok", 3)


def test_without_a_database_nothing_can_be_served(app: Flask) -> None:
    def broken() -> None:
        raise OperationalError("SELECT 1", {}, Exception("the disk is on fire"))

    app.extensions["cadenza"] = replace(app.extensions["cadenza"], reading=broken)
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.json["status"], answer.json["database"]) == (503, "degraded", False)
    assert "fire" not in answer.text
    assert "cadenza_database_up 0" in app.test_client().get("/metrics").text


@pytest.fixture
def waiting(alice: Caller, db: Database) -> None:
    """Alice has a campaign whose people are due, and one message that was sent."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        campaign = make.launched(session, workspace)
        person = make.prospect(session, campaign)
        make.message(session, person, nodes_of(session, campaign.id)[0])


def test_a_monitor_sees_how_long_the_oldest_step_is_overdue(app: Flask, waiting: None, clock: Clock) -> None:
    clock.pass_by(seconds=90)
    assert app.test_client().get("/healthz").json["overdue_seconds"] == 90
    assert "cadenza_overdue_seconds 90\n" in app.test_client().get("/metrics").text


def test_metrics_are_text_that_prometheus_reads(app: Flask, waiting: None) -> None:
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text.endswith("\n")
    sample = re.compile(r'[a-z_]+(\{[a-z_]+="[a-z_]+"\})? [0-9.]+')
    lines = answer.text.splitlines()
    typed = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    samples = [line for line in lines if not line.startswith("#")]
    assert all(sample.fullmatch(line) for line in samples)
    assert {re.split("[{ ]", line)[0] for line in samples} <= set(typed)
    assert len(typed) == len(set(typed)) >= 5
    assert 'cadenza_messages{status="sent"} 1' in samples
