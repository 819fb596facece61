"""Celery: a task with an ETA for each sleeper, which the worker keeps in its memory.

An ETA cannot be changed, so the edit revokes all of them by one broadcast, and sends a task to each sleeper, which
looks at the new hours and sends the next one with an ETA. Counted in Redis. ADDRESS is a Redis.
"""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from redis import Redis

from tests.bench.peers.job import hours, opening, report

ADDRESS = os.environ.get("PEER_ADDRESS", sys.argv[-1])
COUNTER = "rechecked"
WEEK = 7 * 86_400

app = Celery("sleepers", broker=ADDRESS)
app.conf.update(
    # Longer than anybody sleeps: Redis gives a task to somebody else after this time.
    broker_transport_options={"visibility_timeout": 2 * WEEK},
    worker_prefetch_multiplier=64,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
)
redis = Redis(unix_socket_path=ADDRESS.removeprefix("redis+socket://"))


@app.task(name="sleeper")
def sleeper(name: str, given: dict[str, Any]) -> None:
    """Look at the hours, and sleep until they open."""
    sleeper.apply_async((name, given), eta=opening(given, datetime.now(UTC)))
    redis.incr(COUNTER)


def start_worker() -> subprocess.Popen[bytes]:
    """A worker with a process for each core."""
    command = [sys.executable, "-m", "celery", "-A", __spec__.name, "worker", "-c", "2", "-l", "CRITICAL"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    environ = {**os.environ, "PEER_ADDRESS": ADDRESS}
    return subprocess.Popen([*command, *quiet], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def put_to_sleep(names: list[str]) -> list[str]:
    """The ids of the tasks, once the worker has taken all of them."""
    given = hours(3)
    eta = opening(given, datetime.now(UTC))
    with app.producer_pool.acquire() as producer:
        ids = [sleeper.apply_async((name, given), eta=eta, producer=producer).id for name in names]
    while redis.llen("celery"):
        time.sleep(0.01)  # Celery tells nobody that a worker took a task
    return ids


def measure(count: int) -> None:
    """Put them to sleep, edit, and wait."""
    names = [f"sleeper-{number}" for number in range(count)]
    began = time.monotonic()
    ids = put_to_sleep(names)
    start, began = time.monotonic() - began, time.monotonic()
    app.control.revoke(ids)
    edited = hours(2)
    with app.producer_pool.acquire() as producer:
        for name in names:
            sleeper.apply_async((name, edited), producer=producer)
    while int(redis.get(COUNTER) or 0) < count:
        time.sleep(0.01)  # nor that the last one ran
    report(start, time.monotonic() - began)


def main(count: int) -> None:
    """Start a worker, and measure."""
    worker = start_worker()
    try:
        while not app.control.ping(timeout=0.5):
            assert worker.poll() is None, "the worker has ended"
        measure(count)
    finally:
        worker.kill()
        worker.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
