"""Memory of each process of `make run`: alone with nothing to do, and while four accounts send."""

import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from campaigns.models import Message
from tests.bench import crowd
from tests.bench.mail import running_fast_sink
from tests.bench.options import Options
from tests.bench.stage import Scene, scene
from tests.jobs.processes import descendants_of, memory_of, wait_until
from tests.stack import Stack, running_stack

SENDERS, PEOPLE = 4, 20_000
WORKING_SECONDS = 8.0
PATIENCE = 30.0
WORKER = "jobs.worker"
# What tells the other processes apart, in their command lines.
NAMES = {
    "jobs.supervisor": "supervisor",
    "jobs.serve": "web",
    "jobs.ticker": "timetable",
    "jobs.trap": "mail trap",
    "valkey": "Redis",
    "redis": "Redis",
}


def measure(options: Options) -> dict[str, Any]:
    """Bytes of the whole stack, mail trap included: `pss` counts a page that two processes share half for each, so
    that the sum is what the machine gives; `rss` counts it twice."""
    with running_fast_sink() as port, scene("sqlite") as made, running_stack(DATABASE_URL=made.url) as stack:
        time.sleep(options.idle)  # being idle is what is measured
        idle = _processes(stack)
        _work(made, port)
        return {"idle": idle, "working": _largest(stack)}


def _work(made: Scene, port: int) -> None:
    with made.sessions.begin() as session:
        made.campaign(session, "Busy", [made.sender(session, port) for _ in range(SENDERS)])
    crowd.fill(made.engine, PEOPLE // SENDERS, crowd.ASLEEP)
    reading = made.engine.execution_options(readonly=True)

    def begun() -> bool:
        with reading.connect() as connection:
            return bool(connection.scalar(select(func.count()).select_from(Message)))

    wait_until(begun, PATIENCE)


def _largest(stack: Stack) -> list[dict[str, Any]]:
    """The moment at which all of them together had the most."""
    until = time.monotonic() + WORKING_SECONDS
    seen = []
    while time.monotonic() < until:
        seen.append(_processes(stack))
        time.sleep(0.1)  # between two looks at the same seconds of work
    return max(seen, key=lambda processes: sum(int(one["pss"]) for one in processes))


def _processes(stack: Stack) -> list[dict[str, Any]]:
    found = []
    for pid in [stack.pid, *descendants_of(stack.pid)]:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            sizes = memory_of(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # a job that has ended meanwhile
        found.append({"pid": pid, "process": name_of(words), **sizes})
    return sorted(found, key=lambda one: -one["pss"])


def name_of(command: str) -> str:
    """What people call the process with this command line; a worker's job has that of its worker."""
    if WORKER in command:
        return f"worker of {', '.join(command.partition(WORKER)[2].split())}"
    return next((name for words, name in NAMES.items() if words in command), command.strip() or "a job")
