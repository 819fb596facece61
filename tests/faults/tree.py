"""Cadenza's processes, looked at from outside: who is who by the command line, and whom each is connected to."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.jobs.processes import children_of, is_alive, is_condemned

GONE = (FileNotFoundError, ProcessLookupError)
LANES, WAKE_UPS, READER = "worker of lanes", "worker of wake-ups", "worker of mailboxes"
# What a command line holds -> what the process is. A worker is called by its queues.
ROLES = {
    "redis.sock": "redis",
    "jobs.ticker": "ticker",
    "jobs.serve": "web",
    " lanes ": LANES,
    "jobs.worker inbox": READER,
    "jobs.worker": WAKE_UPS,
}
STOP_SECONDS = 2.0


def children(pid: int) -> list[int]:
    """The children of a process that may end meanwhile, or one of its threads."""
    while is_alive(pid):
        with suppress(*GONE):
            return children_of(pid)
    return []


def descendants(pid: int) -> list[int]:
    """All below a process of which any may be gone."""
    below = children(pid)
    return below + [late for child in below for late in descendants(child)]


def role_of(pid: int) -> str | None:
    """What a process is; None if it is none of the parts, or not yet."""
    line = command_of(pid)
    return next((role for words, role in ROLES.items() if words in line), None)


def command_of(pid: int) -> str:
    """The command line of a process, or what it says to be; empty once it is gone."""
    with suppress(*GONE):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def parts_of(supervisor: int) -> dict[int, str]:
    """Process id -> what it is, of all that a supervisor keeps, but not of what these start for a job."""
    found: dict[int, str] = {}
    for pid in children(supervisor):
        role = role_of(pid)
        found |= {pid: role} if role else parts_of(pid)
    return found


def ports_of(pid: int) -> set[int]:
    """The ports of 127.0.0.1 that a process holds."""
    with suppress(*GONE):
        open_files = {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()}
        rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        return {int(row[1].partition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in open_files}
    return set()


@contextmanager
def held_still(roots: Iterable[int]) -> Iterator[None]:
    """These processes and all below them stand still, so that it is known what each was doing when it was killed."""
    held: list[int] = []
    to_hold = list(roots)
    while to_hold:
        pid = to_hold.pop()
        _stop(pid)
        held.append(pid)
        to_hold += children(pid)
    try:
        yield
    finally:
        for pid in held:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _stop(pid: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    with suppress(*GONE):
        os.kill(pid, signal.SIGSTOP)
        # It may wait for the disk, and has to come back from there first.
        while is_alive(pid) and _state(pid) != "T":
            assert time.monotonic() < deadline, f"process {pid} does not stop"


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def all_end(pids: Iterable[int], seconds: float) -> list[int]:
    """Wait for so long at most until all have ended; those that have not, and could do something yet."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return [pid for pid in left if not is_condemned(pid)]
