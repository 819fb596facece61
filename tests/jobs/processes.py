"""Looking at processes from outside."""

import signal
import time
from collections.abc import Callable
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether the process is there, and not merely waiting to be buried by a parent that is slow."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_condemned(pid: int) -> bool:
    """Whether SIGKILL was delivered to the process: it does nothing more, though the kernel may have to finish a write
    to the disk before it is gone."""
    try:
        masks = [line.split()[1] for line in _status(pid) if line.startswith(("SigPnd:", "ShdPnd:"))]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return any(int(mask, 16) >> (signal.SIGKILL - 1) & 1 for mask in masks)


def ignores(pid: int, what: signal.Signals) -> bool:
    """Whether the process has chosen to ignore this signal."""
    (mask,) = (line.split()[1] for line in _status(pid) if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (what - 1) & 1)


def _status(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/status").read_text().splitlines()


def children_of(pid: int) -> list[int]:
    """The process ids of all children, whichever thread has started them."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


def descendants_of(pid: int) -> list[int]:
    """The process ids of all children, of theirs, and so on."""
    children = children_of(pid)
    return children + [late for child in children for late in descendants_of(child)]


def memory_of(pid: int) -> dict[str, int]:
    """Bytes: `rss`, and `pss`, in which a page that several processes share counts in parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = dict(line.split(":", 1) for line in lines)
    return {name.lower(): int(sizes[name].split()[0]) * 1024 for name in ("Pss", "Rss")}


def wait_until(what: Callable[[], object], seconds: float = 10.0) -> None:
    """Return once it is so; an AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)
