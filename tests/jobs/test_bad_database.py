"""A database in trouble while the engine runs: said once, waited for; nobody is written to twice, and nobody lost."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis import Redis
from rq.job import JobStatus
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from campaigns import settings, ticking
from campaigns.channels.outgoing import Channel, Outgoing
from campaigns.channels.smtp import Endpoint, SmtpChannel
from campaigns.models import Campaign, Message
from campaigns.models.sender import LEASE
from campaigns.models.trouble import trouble_of
from campaigns.sending import Lane
from jobs import stopping, ticker
from jobs.bells import Ringer, connect_briefly
from jobs.workshop import Workshop, utcnow
from tests import make
from tests.databases import Database
from tests.jobs.processes import wait_until
from tests.jobs.test_bad_redis import SOMEBODY, is_tidy, queue, worker
from tests.servers import SmtpSink
from tests.stack import ROOT
from tests.troubles import TOO_MUCH, TROUBLES, read_only

WORDS = {"database_full": "The database is full: make room", "database_read_only": "The database takes no changes: "}


# The lane ----------------------------------------------------------------------------------------


@pytest.fixture
def campaign(db: Database) -> Campaign:
    """Somebody is due a long letter."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        letter = {"type": "email", "subject": "Hello", "body": TOO_MUCH}
        return make.launched(session, workspace, 1, nodes=[letter, make.END], now=utcnow() - timedelta(minutes=1))


class Sending(SmtpChannel):
    """A channel after whose every message something happens."""

    def __init__(self, port: int, then: Callable[[], object]) -> None:
        super().__init__(Endpoint("127.0.0.1", port, "none"))
        self._then = then

    def send(self, outgoing: Outgoing) -> str:
        receipt = super().send(outgoing)
        self._then()
        return receipt


def line(db: Database, sink: SmtpSink, then: Callable[[], object] = int, wait: Any = lambda _: None) -> Lane:
    with db.reading() as session:
        sender = session.scalars(select(make.Sender.id)).one()
    opened: Callable[[object], Channel] = lambda _: Sending(sink.port, then)  # noqa: E731
    return Lane(db.sessions, db.reading, sender, opened, utcnow, wait)


def statuses(db: Database) -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(Message.status)))


@pytest.mark.parametrize("code", TROUBLES)
def test_nothing_is_sent_that_cannot_be_written_down_before(
    db: Database, campaign: Campaign, smtp_sink: SmtpSink, code: str
) -> None:
    with TROUBLES[code](db), pytest.raises(DBAPIError) as caught:
        line(db, smtp_sink).run()
    trouble = trouble_of(caught.value)
    assert trouble is not None
    assert trouble.code == code
    assert (smtp_sink.accepted, statuses(db)) == ([], [])
    later = line(db, smtp_sink)
    later.clock = lambda: utcnow() + LEASE  # a lane that could not say that it left is missed after this long
    assert later.run() == 1
    assert (len(smtp_sink.accepted), statuses(db)) == (1, ["sent"])


def test_an_outcome_is_written_down_once_the_database_takes_it(
    db: Database, campaign: Campaign, smtp_sink: SmtpSink, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as trouble:
        waits: list[timedelta] = []

        def wait(pause: timedelta) -> None:
            waits.append(pause)
            if len(waits) == 3:
                trouble.close()

        assert line(db, smtp_sink, lambda: trouble.enter_context(read_only(db)), wait).run() == 1
    assert waits == sorted(waits)
    assert len(waits) == 3
    assert (len(smtp_sink.accepted), statuses(db)) == (1, ["sent"])


def test_an_outcome_that_could_not_be_written_down_is_unknown_and_never_sent_again(
    db: Database, campaign: Campaign, smtp_sink: SmtpSink
) -> None:
    with ExitStack() as trouble, pytest.raises(DBAPIError):
        line(db, smtp_sink, lambda: trouble.enter_context(read_only(db))).run()
    assert statuses(db) == ["sending"]
    later = utcnow() + LEASE + timedelta(seconds=1)
    with db.sessions.begin() as session:
        ticking.settle(session, later)
    again = line(db, smtp_sink)
    again.clock = lambda: later
    assert again.run() == 0
    assert (len(smtp_sink.accepted), statuses(db)) == (1, ["unknown"])


# The timetable -----------------------------------------------------------------------------------


@pytest.fixture
def shop(db: Database, tmp_path: Path) -> Iterator[Workshop]:
    config = settings.load({"CADENZA_DATA": str(tmp_path), "REDIS_URL": f"unix://{tmp_path}/none.sock"})
    with connect_briefly(config.redis_url) as redis:
        yield Workshop(config, db.sessions, db.reading, Ringer(redis))


@pytest.fixture
def ticking_thread(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Thread]:
    monkeypatch.setattr(stopping, "_asked", False)
    monkeypatch.setattr(ticker, "EVERY", 0.05)
    thread = threading.Thread(target=ticker.run, args=(shop,))
    yield thread
    stopping.ask()
    thread.join(20)
    assert not thread.is_alive()


def test_the_timetable_says_once_what_is_wrong_and_ticks_on_once_it_is_mended(
    db: Database, ticking_thread: threading.Thread, caplog: pytest.LogCaptureFixture
) -> None:
    with db.sessions.begin() as session:
        done = make.launched(session, make.workspace(session), 0, now=utcnow())

    def said(words: str) -> int:
        return sum(words in record.getMessage() for record in caplog.records if record.name == "jobs.ticker")

    with caplog.at_level("INFO"):
        with read_only(db):
            ticking_thread.start()
            wait_until(lambda: said(WORDS["database_read_only"]))
            ticking_thread.join(2)  # several tries
        wait_until(lambda: said("The database works again."), seconds=20)
        wait_until(lambda: status(db, done.id) == "completed")
    assert said("") == 2
    assert not any(record.exc_info for record in caplog.records)


def status(db: Database, campaign: UUID) -> str:
    with db.reading() as session:
        return session.get_one(Campaign, campaign).status


# The worker --------------------------------------------------------------------------------------


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


def test_jobs_that_meet_a_database_in_trouble_are_one_line_and_a_pause(
    postgres_db: Database, redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    with worker(redis_url, tmp_path, "lanes", database=postgres_db.url) as running:
        with read_only(postgres_db):
            jobs = [queue(redis, "lanes").enqueue("jobs.lane.lane", SOMEBODY) for _ in range(3)]
            for job in jobs:
                wait_until(lambda job=job: job.get_status() == JobStatus.FAILED, seconds=20)
            running.wait_for(WORDS["database_read_only"])
        job = queue(redis, "lanes").enqueue("jobs.lane.lane", SOMEBODY)
        wait_until(lambda: job.get_status() == JobStatus.FINISHED, seconds=20)
        assert sum(WORDS["database_read_only"] in said for said in running.lines) == 1
        assert is_tidy(running.lines)
    ended = [job.latest_result().created_at for job in jobs]
    assert ended[2] - ended[0] > timedelta(seconds=1.5)  # half a second, and a whole one
    assert "read-only" in str(jobs[0].latest_result().exc_string)  # for the workers page


# make run ----------------------------------------------------------------------------------------


def refused(data: Path, url: str) -> str:
    """What `make run` says that cannot start."""
    command = [sys.executable, "-m", "jobs.supervisor"]
    environ = {"CADENZA_DATA": str(data), "DATABASE_URL": url, "CADENZA_TRAP": "off", "PORT": "18439"}
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr == "Cadenza cannot run. The step “migrate” failed; its last words are above.\n"
    (told,) = [line.partition(" | ")[2] for line in ended.stdout.splitlines() if " migrate | " in line]
    return told


def test_a_start_without_a_usable_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "new.db").touch()
    read_only_file = f"sqlite:///file:{tmp_path}/new.db?mode=ro&uri=true"
    assert refused(tmp_path / "a", read_only_file).startswith("The database takes no changes: make its file, folder")
    assert refused(tmp_path / "b", f"sqlite:///{tmp_path}/none/x.db").startswith("The database cannot be opened: ")
    (tmp_path / "letter.db").write_text("Dear reader, this is no database at all. " * 99)
    assert "restore the last backup" in refused(tmp_path / "c", f"sqlite:///{tmp_path}/letter.db")
    nowhere = "postgresql://sarah:secret@127.0.0.1:1/cadenza"
    told = refused(tmp_path / "d", nowhere)
    assert told.startswith("The database does not answer: start it, or correct DATABASE_URL.")
    assert "secret" not in told
