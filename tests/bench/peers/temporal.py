"""Temporal: a workflow for each sleeper, which waits for its opening or for a signal; the edit is a signal to each.

Counted once the workflow's own code has looked at the new hours in the worker. ADDRESS is a file, or `memory`.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.bench.peers.job import free_port, hours, opening, report

QUEUE = "sleepers"
# Calls to the server that are under way at a time: more did not make it faster.
AT_ONCE = 200
# The development server's own limits are far below what it can do.
LIMITS = ("frontend.rps", "frontend.namespaceRPS", "history.rps", "matching.rps", "history.persistenceMaxQPS",
          "matching.persistenceMaxQPS", "frontend.persistenceMaxQPS")  # fmt: skip

asleep: set[str] = set()
rechecked: set[str] = set()


@workflow.defn
class Sleeper:
    """One person who waits for the hours to open."""

    def __init__(self) -> None:
        self._hours: dict[str, Any] | None = None

    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:
        """Sleep until the opening; look again whenever the hours change."""
        seen = asleep
        while True:
            now = workflow.now()
            seen.add(workflow.info().workflow_id)
            self._hours = given
            try:
                await workflow.wait_condition(partial(self._is_other, given), timeout=opening(given, now) - now)
            except TimeoutError:
                return
            assert self._hours is not None
            given, seen = self._hours, rechecked

    def _is_other(self, given: dict[str, Any]) -> bool:
        return self._hours is not given

    @workflow.signal
    def edit(self, given: dict[str, Any]) -> None:
        """The hours have changed."""
        self._hours = given


async def together(calls: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """All of them, AT_ONCE at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(call: Coroutine[Any, Any, Any]) -> None:
        async with room:
            await call

    await asyncio.gather(*[one(call) for call in calls])


async def until(seen: set[str], count: int) -> None:
    """Return once so many have been seen."""
    while len(seen) < count:
        await asyncio.sleep(0.01)


async def connect(port: int) -> Client:
    """A client, once the server answers."""
    while True:
        try:
            return await Client.connect(f"127.0.0.1:{port}")
        except RuntimeError:
            await asyncio.sleep(0.1)


async def measure(port: int, count: int) -> None:
    """Put them to sleep, edit, and wait."""
    client = await connect(port)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Sleeper],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=count + 1000,
        max_concurrent_workflow_tasks=AT_ONCE,
        max_concurrent_workflow_task_polls=20,
    )
    ids = [f"sleeper-{number}" for number in range(count)]
    async with worker:
        began = time.monotonic()
        await together(client.start_workflow(Sleeper.run, hours(3), id=one, task_queue=QUEUE) for one in ids)
        await until(asleep, count)
        start, began = time.monotonic() - began, time.monotonic()
        edited = hours(2)
        await together(client.get_workflow_handle(one).signal(Sleeper.edit, edited) for one in ids)
        await until(rechecked, count)
        report(start, time.monotonic() - began)


def main(count: int, store: str) -> None:
    """Start a server of its own, and measure."""
    port = free_port()
    server = [str(Path(sys.executable).with_name("temporal")), "server", "start-dev", "--headless", "--port", str(port)]
    server += ["--log-level", "never"] + (["--db-filename", store] if store != "memory" else [])
    for name in LIMITS:
        server += ["--dynamic-config-value", f"{name}=1000000"]
    process = subprocess.Popen(server, stdout=subprocess.DEVNULL)
    try:
        asyncio.run(measure(port, count))
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
