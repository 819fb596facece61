"""Bells on a real Redis: rung once until they are answered, and nobody's trouble when Redis is away."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from campaigns.models import Bell
from jobs.bells import KINDS, PATIENCE_SECONDS, QUEUES, RUNG_SECONDS, Ringer, connect_briefly
from tests.servers import free_port

LANE, OTHER = Bell("lane", ("a",)), Bell("lane", ("b",))


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect_briefly(redis_url) as client:
        yield client


@pytest.fixture
def ringer(redis: Redis) -> Ringer:
    return Ringer(redis)


def waiting(redis: Redis, name: str) -> list[tuple[str, tuple[str, ...]]]:
    """What waits on a queue: function and arguments."""
    queue = Queue(name, connection=redis, serializer=JSONSerializer)
    return [(job.func_name, tuple(job.args)) for job in queue.get_jobs()]


def test_a_bell_becomes_a_job_on_its_queue(ringer: Ringer, redis: Redis) -> None:
    ringer([Bell("wake", ("1",)), Bell("launch", ("2", "ann")), LANE])
    assert waiting(redis, "wake") == [("jobs.wake.wake", ("1",)), ("jobs.launch.launch", ("2", "ann"))]
    assert waiting(redis, "lanes") == [("jobs.lane.lane", ("a",))]


def test_every_kind_of_job_can_be_imported_and_has_a_queue_that_workers_know() -> None:
    from importlib import import_module

    for kind in KINDS.values():
        module, _, name = kind.function.rpartition(".")
        assert callable(getattr(import_module(module), name))
        assert kind.queue in QUEUES
        assert kind.timeout > 0


def test_a_thousand_bells_take_a_few_ways_to_redis(redis: Redis) -> None:
    pool, ways = redis.connection_pool, []

    class Counted(pool.connection_class):  # type: ignore[name-defined,misc]
        def send_packed_command(self, *args: object, **values: object) -> None:
            ways.append(args)
            super().send_packed_command(*args, **values)

    pool.connection_class = Counted
    bells = [Bell("lane", (str(number),)) for number in range(1000)]
    Ringer(redis)([*bells, Bell("wake", ("1",)), *bells[:10]])
    assert 0 < len(ways) < 20
    assert waiting(redis, "lanes") == [("jobs.lane.lane", bell.args) for bell in bells]
    assert waiting(redis, "wake") == [("jobs.wake.wake", ("1",))]


def test_a_bell_that_rings_already_is_not_rung_again(ringer: Ringer, redis: Redis) -> None:
    for _ in range(3):
        ringer([LANE, OTHER])
    assert [args for _, args in waiting(redis, "lanes")] == [("a",), ("b",)]


def test_another_ringer_hears_that_it_rings(ringer: Ringer, redis: Redis, redis_url: str) -> None:
    ringer([LANE])
    with connect_briefly(redis_url) as second:
        Ringer(second)([LANE])
    assert len(waiting(redis, "lanes")) == 1


def test_once_it_is_answered_it_can_be_rung_again(ringer: Ringer, redis: Redis) -> None:
    ringer([LANE])
    ringer.answer("lane", "a")
    ringer([LANE])
    assert len(waiting(redis, "lanes")) == 2


def test_a_bell_whose_job_was_lost_is_silent_for_seconds_only(ringer: Ringer, redis: Redis) -> None:
    ringer([LANE])
    (mark,) = redis.keys("cadenza:rung:*")
    assert 0 < redis.ttl(mark) <= RUNG_SECONDS < 30


def test_an_emptied_redis_takes_new_bells_at_once(ringer: Ringer, redis: Redis) -> None:
    ringer([LANE])
    redis.flushall()
    ringer([LANE])
    assert len(waiting(redis, "lanes")) == 1


def test_jobs_are_plain_json_that_outlives_an_upgrade(ringer: Ringer, redis: Redis) -> None:
    ringer([LANE])
    (job,) = Queue("lanes", connection=redis, serializer=JSONSerializer).get_jobs()
    assert job.to_dict()["data"]
    assert job.func_name == "jobs.lane.lane"
    assert (job.timeout, job.failure_ttl) == (KINDS["lane"].timeout, 7 * 24 * 60 * 60)


# Redis away --------------------------------------------------------------------------------------


@contextmanager
def deaf_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def seconds_to_ring(url: str) -> float:
    began = time.monotonic()
    with connect_briefly(url) as client:
        ringer = Ringer(client)
        ringer([LANE, OTHER, Bell("wake", ("1",))])
        ringer.answer("lane", "a")
    return time.monotonic() - began


def test_a_redis_that_is_not_there_is_noted_and_not_waited_for(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.WARNING):
        assert seconds_to_ring(f"redis://127.0.0.1:{free_port()}") < PATIENCE_SECONDS
        assert seconds_to_ring(f"unix://{tmp_path / 'none.sock'}") < PATIENCE_SECONDS
    assert sum("ticker will find" in record.message for record in caplog.records) == 2


def test_a_redis_that_says_nothing_is_waited_for_a_second(caplog: pytest.LogCaptureFixture) -> None:
    with deaf_server() as port, caplog.at_level(logging.WARNING):
        took = seconds_to_ring(f"redis://127.0.0.1:{port}")
    assert took < 2 * PATIENCE_SECONDS + 1.5  # once to ring, once to answer
    assert any("ticker will find" in record.message for record in caplog.records)


def test_a_commit_stands_although_redis_is_away(sqlite_url: str, tmp_path: Path) -> None:
    from sqlalchemy import select

    from campaigns.models import Workspace, connect, ring, session_factory
    from tests import make

    engine = connect(sqlite_url)
    with connect_briefly(f"unix://{tmp_path / 'none.sock'}") as client:
        sessions = session_factory(engine, Ringer(client))
        with sessions.begin() as session:
            make.workspace(session)
            ring(session, "lane", "a")
        with sessions() as session:
            assert session.scalars(select(Workspace.name)).all() == ["example.com"]
    engine.dispose()
