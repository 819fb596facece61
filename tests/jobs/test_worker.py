"""A worker and its job: asked to stop, killed, and without its Redis for a moment."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq.job import Job, JobStatus
from rq.worker import Worker

from jobs.embedded import Embedded, start
from jobs.worker import forget_the_dead
from tests.jobs.chores import enqueue
from tests.jobs.processes import children_of, ignores, is_alive, wait_until
from tests.servers import short_folder


def started(url: str, data: Path, *queues: str) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "REDIS_URL": url, "CADENZA_DATA": str(data)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.chores", *queues], env=environ, stdout=subprocess.DEVNULL
    )


@pytest.fixture
def worker(redis_url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with started(redis_url, tmp_path, "wake", "lanes") as process:
        yield process
        process.kill()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


def wait_for_horse(process: subprocess.Popen[bytes], job: Job) -> int:
    wait_until(lambda: job.get_status() == JobStatus.STARTED and children_of(process.pid))
    return children_of(process.pid)[0]


def test_a_job_is_worked_off(worker: subprocess.Popen[bytes], redis: Redis) -> None:
    job = enqueue(redis, "greet")
    wait_until(lambda: job.get_status() == JobStatus.FINISHED)
    assert job.return_value() == "hello"


def test_nothing_of_a_job_outlives_a_worker_that_is_killed(worker: subprocess.Popen[bytes], redis: Redis) -> None:
    horse = wait_for_horse(worker, enqueue(redis, "sleep"))
    worker.kill()
    wait_until(lambda: not is_alive(horse))


def test_a_job_that_is_asked_to_stop_ends_well_and_its_worker_with_it(
    worker: subprocess.Popen[bytes], redis: Redis
) -> None:
    job = enqueue(redis, "wait")
    horse = wait_for_horse(worker, job)
    wait_until(lambda: ignores(horse, signal.SIGINT))  # it has set its signals
    worker.terminate()
    assert worker.wait(10) == 0
    assert job.get_status() == JobStatus.FINISHED
    assert job.return_value() is True


def test_a_short_job_is_worked_off_by_the_worker_itself(worker: subprocess.Popen[bytes], redis: Redis) -> None:
    job = enqueue(redis, "look")
    wait_until(lambda: job.get_status() == JobStatus.FINISHED)
    assert job.return_value() == worker.pid


def test_no_open_database_is_passed_on_to_a_job_in_a_process_of_its_own(
    worker: subprocess.Popen[bytes], redis: Redis
) -> None:
    for _ in range(2):
        first, second = enqueue(redis, "look"), enqueue(redis, "inherit")
        wait_until(lambda job=second: job.get_status() == JobStatus.FINISHED)
        assert first.get_status() == JobStatus.FINISHED
        assert second.return_value() == []


def test_a_worker_that_is_asked_to_stop_ends_the_short_job_first(worker: subprocess.Popen[bytes], redis: Redis) -> None:
    job = enqueue(redis, "dawdle")
    wait_until(lambda: job.get_status() == JobStatus.STARTED)
    worker.terminate()
    assert worker.wait(10) == 0
    assert job.get_status() == JobStatus.FINISHED


def test_a_worker_outlives_a_bug_in_a_short_job(worker: subprocess.Popen[bytes], redis: Redis) -> None:
    job, later = enqueue(redis, "trip"), enqueue(redis, "look")
    wait_until(lambda: later.get_status() == JobStatus.FINISHED)
    assert job.get_status() == JobStatus.FAILED
    assert later.return_value() == worker.pid


def test_a_worker_is_seen_and_has_a_name_of_its_own(redis_url: str, redis: Redis, tmp_path: Path) -> None:
    with started(redis_url, tmp_path, "wake") as one, started(redis_url, tmp_path, "wake", "lanes") as two:
        wait_until(lambda: len(Worker.all(connection=redis)) == 2)
        names = {tuple(worker.queue_names()) for worker in Worker.all(connection=redis)}
        assert names == {("wake",), ("wake", "lanes")}
        one.terminate()
        two.terminate()


def test_a_killed_worker_is_not_shown_among_the_living(redis_url: str, redis: Redis, tmp_path: Path) -> None:
    with started(redis_url, tmp_path, "wake") as dead, started(redis_url, tmp_path, "wake") as alive:
        wait_until(lambda: Worker.count(connection=redis) == 2)
        dead.kill()
        dead.wait()
        forget_the_dead(redis)
        assert [worker.pid for worker in Worker.all(connection=redis)] == [alive.pid]
        alive.terminate()


def test_work_goes_on_within_seconds_of_a_restart_of_redis(tmp_path: Path) -> None:
    with short_folder() as folder:
        server = Embedded(folder / "redis.sock", folder / "redis")
        url = f"unix://{server.socket}"
        redis_process = start(server)
        assert redis_process is not None
        with started(url, tmp_path, "lanes") as worker, Redis.from_url(url) as redis:
            wait_until(lambda: Worker.count(connection=redis) == 1)
            redis_process.send_signal(signal.SIGKILL)
            redis_process.wait()
            redis_process = start(server)
            assert redis_process is not None
            job = enqueue(redis, "greet")
            wait_until(lambda: job.get_status() == JobStatus.FINISHED, seconds=5)
            assert worker.poll() is None
            worker.kill()
        redis_process.terminate()
        redis_process.wait()
