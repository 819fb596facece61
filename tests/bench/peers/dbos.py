"""DBOS: a workflow for each sleeper, which waits for a message with its opening as the time limit; the edit is one bulk
send to all. Counted once the workflow's own code has looked at the new hours. ADDRESS is a database."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import Any

from dbos import DBOS, SendMessage, SetWorkflowID

from tests.bench.peers.job import hours, opening, report

TOPIC = "hours"
POOL = 20

asleep: set[str] = set()
rechecked: set[str] = set()


@DBOS.workflow()
async def sleeper(name: str, given: dict[str, Any]) -> None:
    """Sleep until the opening; look again whenever the hours change."""
    seen = asleep
    while True:
        now = datetime.now(UTC)
        left = (opening(given, now) - now).total_seconds()
        seen.add(name)
        changed = await DBOS.recv_async(TOPIC, timeout_seconds=left)
        if changed is None:
            return
        given, seen = changed, rechecked


async def put_to_sleep(names: list[str]) -> None:
    """Start a workflow for each."""
    given = hours(3)
    for name in names:
        with SetWorkflowID(name):
            await DBOS.start_workflow_async(sleeper, name, given)
    while len(asleep) < len(names):
        await asyncio.sleep(0.01)


async def measure(count: int) -> None:
    """Put them to sleep, edit, and wait."""
    names = [f"sleeper-{number}" for number in range(count)]
    began = time.monotonic()
    await put_to_sleep(names)
    start, began = time.monotonic() - began, time.monotonic()
    edited = hours(2)
    await DBOS.send_bulk_async([SendMessage(name, edited, TOPIC) for name in names])
    while len(rechecked) < count:
        await asyncio.sleep(0.01)
    report(start, time.monotonic() - began)


def main(count: int, url: str) -> None:
    """Measure on an empty database."""
    DBOS(config={"name": "sleepers", "system_database_url": url, "sys_db_pool_size": POOL, "log_level": "ERROR"})
    DBOS.launch()
    asyncio.run(measure(count))
    sys.stdout.flush()


if __name__ == "__main__":
    import os

    main(int(sys.argv[1]), sys.argv[2])
    os._exit(0)  # thousands of workflows are still asleep, and would be waited for
