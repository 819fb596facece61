"""procrastinate: a job for each sleeper with the opening as its time.

The edit is one UPDATE of those times, and a NOTIFY. The job looks at the new hours and defers the next one. Counted by
the jobs that succeeded. ADDRESS is a database.
"""

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime

from procrastinate import App, PsycopgConnector

from tests.bench.peers.job import hours, opening, report

WORKERS, CONCURRENCY = 2, 10
BATCH = 1_000
EDIT = "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"
NOTIFY = """SELECT pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}')"""
DONE = "SELECT count(*) AS done FROM procrastinate_jobs WHERE status = 'succeeded'"

app = App(connector=PsycopgConnector(conninfo=sys.argv[-1], min_size=1, max_size=CONCURRENCY + 5))


@app.task(name="sleeper")
async def sleeper(name: str) -> None:
    """Look at the hours, and sleep until they open."""
    await sleeper.configure(schedule_at=opening(hours(2), datetime.now(UTC))).defer_async(name=name)


async def work() -> None:
    """One worker process."""
    async with app.open_async():
        await app.run_worker_async(concurrency=CONCURRENCY, fetch_job_polling_interval=0.1)


async def measure(count: int) -> None:
    """Put them to sleep, edit, and wait."""
    async with app.open_async():
        began = time.monotonic()
        asleep = sleeper.configure(schedule_at=opening(hours(3), datetime.now(UTC)))
        for first in range(0, count, BATCH):
            people = range(first, min(count, first + BATCH))
            await asleep.batch_defer_async(*[{"name": f"sleeper-{number}"} for number in people])
        start, began = time.monotonic() - began, time.monotonic()
        await app.connector.execute_query_async(EDIT)
        await app.connector.execute_query_async(NOTIFY)
        while (await app.connector.execute_query_one_async(DONE))["done"] < count:
            await asyncio.sleep(0.05)
        report(start, time.monotonic() - began)


async def prepare() -> None:
    """Make its tables."""
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


def main(count: int, url: str) -> None:
    """Start workers of its own, and measure."""
    asyncio.run(prepare())
    command = [sys.executable, "-m", __spec__.name, "work", url]
    workers = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(WORKERS)]
    try:
        time.sleep(1.5)  # they have nothing to do yet, and say nothing when they are ready
        asyncio.run(measure(count))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


if __name__ == "__main__":
    asyncio.run(work()) if sys.argv[1] == "work" else main(int(sys.argv[1]), sys.argv[2])
