"""A Redis in trouble: another program's, with another password, with no memory left. Said once, waited for, mended."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NoConnection
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer, PickleSerializer
from rq.worker import Worker

from campaigns.models import Bell
from jobs import screening
from jobs.bells import QUEUES, Ringer, connect_briefly
from jobs.board import Board
from jobs.embedded import find_server
from tests.jobs.chores import enqueue
from tests.jobs.processes import wait_until
from tests.jobs.test_supervisor import refused
from tests.servers import free_port, short_folder

SOMEBODY = "0190b7a4-0000-7000-8000-000000000000"


@dataclass
class Running:
    """A worker and what it has said."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def wait_for(self, words: str, count: int = 1) -> None:
        wait_until(lambda: self.log.read_text().count(words) >= count, seconds=20)


@contextmanager
def worker(
    url: str, data: Path, *queues: str, database: str = "", module: str = "tests.jobs.chores"
) -> Iterator[Running]:
    environ = {**os.environ, "REDIS_URL": url, "CADENZA_DATA": str(data), "DATABASE_URL": database}
    log = data / f"worker-{uuid4()}.log"
    with (
        log.open("wb") as out,
        subprocess.Popen([sys.executable, "-m", module, *queues], env=environ, stdout=out, stderr=out) as process,
    ):
        try:
            yield Running(process, log)
        finally:
            process.kill()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


@contextmanager
def configured(redis: Redis, name: str, value: str, usual: str) -> Iterator[None]:
    redis.config_set(name, value)
    try:
        yield
    finally:
        redis.config_set(name, usual)


def no_memory(redis: Redis) -> object:
    return configured(redis, "maxmemory", "1", "0")


def queue(redis: Redis, name: str, serializer: type = JSONSerializer) -> Queue:
    return Queue(name, connection=redis, serializer=serializer)


def is_tidy(lines: list[str]) -> bool:
    return not any("Traceback" in line or line.startswith(" ") for line in lines)


# No memory left ----------------------------------------------------------------------------------


def test_a_worker_waits_for_memory_and_goes_on_by_itself(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with worker(redis_url, tmp_path, "wake", "lanes") as running:
        wait_until(lambda: Worker.count(connection=redis) == 1)
        wait_until(lambda: waiting_clients(redis))
        with no_memory(redis):
            for client in waiting_clients(redis):
                redis.client_unblock(client)
            running.wait_for("Redis has no memory left: raise its maxmemory")
        job = enqueue(redis, "greet")
        wait_until(lambda: job.get_status() == JobStatus.FINISHED, seconds=20)
        assert sum("no memory" in line for line in running.lines) == 1
        assert sum("Redis works again." in line for line in running.lines) == 1
        assert is_tidy(running.lines)
        assert running.process.poll() is None


def waiting_clients(redis: Redis) -> list[int]:
    return [int(client["id"]) for client in redis.client_list() if client["cmd"] == "blpop"]


def test_a_worker_that_starts_without_memory_waits_too(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with worker(redis_url, tmp_path, "lanes") as running:
        with no_memory(redis):
            running.wait_for("Redis has no memory left")
        job = enqueue(redis, "greet")
        wait_until(lambda: job.get_status() == JobStatus.FINISHED, seconds=20)
        assert is_tidy(running.lines)
        assert Worker.count(connection=redis) == 1


def test_a_job_that_runs_when_memory_ends_comes_to_its_end(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with worker(redis_url, tmp_path, "lanes") as running:
        job = enqueue(redis, "wait")
        wait_until(lambda: job.get_status() == JobStatus.STARTED)
        with no_memory(redis):
            running.process.terminate()
            assert running.process.wait(20) == 0
        assert "ended well" in running.lines
        assert is_tidy(running.lines)


def test_a_bell_that_finds_no_memory_is_said_once_and_rings_again_after_it(
    redis: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with connect_briefly(redis_url) as client, caplog.at_level("INFO"):
        ringer = Ringer(client)
        with no_memory(redis):
            for _ in range(3):
                ringer([Bell("lane", (SOMEBODY,))])
        ringer([Bell("lane", (SOMEBODY,))])
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "Redis has no memory left",
        "Redis works again.",
    ]
    assert queue(redis, "lanes").count == 1


# Another program's data --------------------------------------------------------------------------


def test_a_key_of_another_program_in_our_place_is_said_once_and_left_alone(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    redis.set("rq:queue:lanes", "somebody's")
    with worker(redis_url, tmp_path, "wake", "lanes") as running:
        running.wait_for("Redis holds data of another program under names that Cadenza needs")
        assert redis.get("rq:queue:lanes") == b"somebody's"
        redis.delete("rq:queue:lanes")
        job = enqueue(redis, "greet")
        wait_until(lambda: job.get_status() == JobStatus.FINISHED, seconds=20)
        assert sum("another program" in line for line in running.lines) == 1
        assert is_tidy(running.lines)


def test_a_bell_that_cannot_be_hung_up_leaves_nothing_behind(redis: Redis, redis_url: str) -> None:
    redis.set("rq:queue:lanes", "somebody's")
    with connect_briefly(redis_url) as client:
        Ringer(client)([Bell("lane", (SOMEBODY,))])
    assert redis.keys("rq:job:*") == []
    assert redis.keys("cadenza:rung:*") == []
    redis.delete("rq:queue:lanes")


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (os.mkdir, (str(self.path),))


def bombs(redis: Redis, at: Path) -> list[Job]:
    """Jobs of other programs, each of which makes a folder in `at` if any part of it is trusted."""
    lanes, wake = queue(redis, "lanes"), queue(redis, "wake")
    pickled = queue(redis, "lanes", PickleSerializer).enqueue(os.mkdir, str(at / "pickled"))
    redis.hset(pickled.key, "data", pickle.dumps(("os.mkdir", None, (Bomb(at / "data"),), {})))
    redis.hset(pickled.key, "meta", pickle.dumps(Bomb(at / "meta")))
    called_back = wake.enqueue("jobs.wake.wake", SOMEBODY)
    redis.hset(called_back.key, "success_callback_name", "tests.jobs.bomb.explode")
    redis.hset(called_back.key, "failure_callback_name", "tests.jobs.bomb.explode")
    return [pickled, lanes.enqueue("os.mkdir", str(at / "json")), lanes.enqueue("os.system", f"mkdir {at / 'system'}")]


def test_jobs_of_another_program_are_never_run_and_ours_are(
    redis: Redis, redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "crater").mkdir()
    foreign = bombs(redis, tmp_path / "crater")
    redis.set("rq:job:no-hash", "x")
    redis.hset("rq:job:no-job", "color", "blue")
    redis.hset("rq:job:no-time", mapping={"data": b"[]", "created_at": "yesterday"})
    redis.rpush("rq:queue:lanes", "no-hash", "no-job", "no-time", "nobody")
    for queues in (("wake", "lanes"), ("lanes",)):
        redis.rpush("rq:queue:lanes", "no-hash")
        foreign.append(queue(redis, "lanes").enqueue("os.mkdir", str(tmp_path / "crater" / "again")))
        with worker(redis_url, tmp_path, *queues, database=sqlite_url) as running:
            job = enqueue(redis, "greet")
            wait_until(lambda job=job: job.get_status() == JobStatus.FINISHED, seconds=20)
            assert is_tidy(running.lines)
            assert sum("of another program" in line for line in running.lines) == 1
            assert running.process.poll() is None
    assert list((tmp_path / "crater").iterdir()) == []
    failed = queue(redis, "lanes").failed_job_registry.get_job_ids()
    assert sorted(job.id for job in foreign) == sorted(failed)  # theirs to look at, and to run
    assert redis.get("rq:job:no-hash") == b"x"
    assert redis.keys("rq:queue:*") == []
    for job in foreign[1:]:
        assert "give Cadenza a Redis database of its own" in str(job.latest_result().exc_string)


def test_the_workers_page_can_show_what_cannot_be_read(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    bombs(redis, tmp_path)
    overview = Board(redis).overview()
    assert overview is not None
    assert {job.kind for job in overview.jobs} >= {"wake", "mkdir", "of another program"}
    assert list(tmp_path.iterdir()) == []


# Jobs of another version, and of what is gone ----------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("jobs.inbox.read", [SOMEBODY]),
        ("jobs.lane.lane", []),
        ("jobs.lane.lane", [SOMEBODY, "more"]),
        ("jobs.lane.lane", [7]),
        ("jobs.lane.lane", ["not an id"]),
        ("jobs.wake.wake", [{"id": SOMEBODY}]),
        ("jobs.wake", [SOMEBODY]),
    ],
)
def test_a_job_of_another_version_is_dropped_with_a_word(
    redis: Redis, caplog: pytest.LogCaptureFixture, function: str, args: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "_told", set())
    old = queue(redis, "lanes").enqueue(function, args=args)
    queue(redis, "lanes").enqueue(function, args=args)
    ours = queue(redis, "lanes").enqueue("jobs.lane.lane", SOMEBODY)
    lanes = screening.OwnQueue("lanes", connection=redis, serializer=JSONSerializer)
    found, _ = screening.OwnQueue.dequeue_any([lanes], None, redis, serializer=JSONSerializer)
    assert found.id == ours.id
    (record,) = caplog.records
    assert record.message.startswith("A job of another version of Cadenza was on the queue 'lanes'; what it was to do")
    assert old.id in queue(redis, "lanes").failed_job_registry
    assert screening.OwnQueue.dequeue_any([lanes], None, redis, serializer=JSONSerializer) is None


def test_jobs_of_what_is_gone_end_quietly(redis: Redis, redis_url: str, sqlite_url: str, tmp_path: Path) -> None:
    functions = {"wake": "wake", "launch": "wake", "lane": "lanes"}
    jobs = [queue(redis, where).enqueue(f"jobs.{name}.{name}", SOMEBODY) for name, where in functions.items()]
    with worker(redis_url, tmp_path, *QUEUES, database=sqlite_url) as running:
        for job in jobs:
            wait_until(lambda job=job: job.get_status() == JobStatus.FINISHED, seconds=20)
        running.wait_for(" took ", count=3)
        assert len(running.lines) == 4
        assert is_tidy(running.lines)


# Letting nobody in -------------------------------------------------------------------------------


@pytest.fixture
def locked_redis(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis with a password, without the password."""
    port = free_port()
    with short_folder() as folder:
        flags = ["--port", str(port), "--dir", str(folder), "--save", "", "--requirepass", "right"]
        with subprocess.Popen([find_server(None), *flags], stdout=subprocess.DEVNULL) as server:
            with Redis(port=port, password="right") as client:
                wait_until(lambda: answers(client))
            yield f"127.0.0.1:{port}"
            server.terminate()


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except NoConnection:
        return False


@pytest.mark.parametrize("password", ["", ":wrong@"])
def test_a_wrong_password_is_one_sentence_and_no_start(locked_redis: str, tmp_path: Path, password: str) -> None:
    told = refused(tmp_path, REDIS_URL=f"redis://{password}{locked_redis}")
    assert told.startswith("Cadenza cannot run. Redis ")
    assert "password" in told
    assert "REDIS_URL" in told
    assert "wrong" not in told


def test_an_address_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    assert "REDIS_URL cannot be understood" in refused(tmp_path, REDIS_URL="redis://host:port")


def test_a_worker_says_once_that_it_is_not_let_in_and_works_once_it_is(locked_redis: str, tmp_path: Path) -> None:
    with (
        Redis.from_url(f"redis://:right@{locked_redis}") as redis,
        worker(f"redis://:wrong@{locked_redis}", tmp_path, "lanes") as running,
    ):
        running.wait_for("Redis refuses the user name or password: correct REDIS_URL.")
        redis.config_set("requirepass", "wrong")
        job = enqueue(redis, "greet")
        wait_until(lambda: job.get_status() == JobStatus.FINISHED, seconds=20)
        assert [line for line in running.lines if "wrong" in line] == []
        assert sum("refuses" in line for line in running.lines) == 1
        assert is_tidy(running.lines)


# Emptied -----------------------------------------------------------------------------------------


def test_a_worker_that_an_emptied_redis_forgot_is_seen_again(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with worker(redis_url, tmp_path, "wake", "lanes") as running:
        wait_until(lambda: Worker.count(connection=redis) == 1)
        redis.flushall()
        enqueue(redis, "greet")
        wait_until(lambda: Worker.count(connection=redis) == 1, seconds=20)
        (seen,) = Worker.all(connection=redis)
        assert seen.pid == running.process.pid
