"""`make run` under fire: its supervisor and PostgreSQL, and all below them, each to be killed with -9."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from redis import Redis
from redis.exceptions import RedisError

from campaigns import settings
from jobs.tether import tether
from tests.faults.tree import (
    LANES,
    READER,
    WAKE_UPS,
    all_end,
    children,
    command_of,
    descendants,
    held_still,
    parts_of,
    ports_of,
    role_of,
)
from tests.jobs.processes import is_alive
from tests.servers import START_SECONDS, Postgres, _unprivileged, free_port, running_postgres, short_folder

ROOT = Path(__file__).resolve().parents[2]
SENDING_WORKERS = 3
COMPLETE = Counter({LANES: SENDING_WORKERS, WAKE_UPS: 1, READER: 1, "redis": 1, "ticker": 1, "web": 1})
# What the provider of LinkedIn seats takes for an address that it can reach.
PUBLIC_URL = "https://cadenza.test"
DATABASE = "faults"
# Without these nothing goes on at all.
VITAL = ("supervisor", "everything", "postgres", "a process of postgres")
# The kernel ends the children of a killed process at once; it may be busy.
TETHER_SECONDS = 5.0

Whose = Callable[[int], str | None]


@dataclass(frozen=True)
class Kill:
    """What was killed, when (wall-clock seconds), and how many processes.

    `senders`: for whom the lanes that it cut off were at work, as far as they had said so to a server.
    """

    at: float
    what: str
    processes: int
    senders: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Start:
    """From this instant on (wall-clock seconds) everything that goes on by itself again after `what` can do so."""

    at: float
    what: str


@dataclass
class Part:
    """What the driver starts itself; `start_at` is when it is to be started again (monotonic seconds), after `what`."""

    name: str
    command: list[str]
    options: dict[str, object] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    start_at: float | None = None
    what: str | None = None


class Crew:
    """The processes of one Cadenza. All of it in one thread, to which the processes are tied.

    `given_up`: how often the supervisor ended by itself. `orphans`: what outlived its parent.
    """

    def __init__(
        self, folder: Path, environ: dict[str, str], port: int, postgres: Postgres | None, whose: Whose
    ) -> None:
        self.environ = environ
        self.port = port
        self.kills: list[Kill] = []
        self.starts: list[Start] = []
        self.orphans: list[str] = []
        self.given_up = 0
        self._log_file = folder / "log"
        self._log = self._log_file.open("ab")
        self._config = settings.load(environ)
        self._postgres = postgres
        self._whose = whose
        self._at_work: dict[int, str] = {}
        supervisor = Part("supervisor", [sys.executable, "-m", "jobs.supervisor"])
        self.parts = {part.name: part for part in [*self._postgres_parts(), supervisor]}

    def _postgres_parts(self) -> list[Part]:
        """The one that runs already, by the command line that it was started with."""
        if self._postgres is None:
            return []
        command = Path(f"/proc/{_postmaster(self._postgres)}/cmdline").read_text().rstrip("\0").split("\0")
        return [Part("postgres", command, {"cwd": self._postgres.folder, **_unprivileged()})]

    @property
    def killed(self) -> int:
        return sum(kill.processes for kill in self.kills)

    def _pid(self, name: str) -> int | None:
        """The process id of what the driver starts, if it runs. The first PostgreSQL was started elsewhere."""
        process = self.parts[name].process
        if process is None and name == "postgres":
            assert self._postgres is not None
            pid = _postmaster(self._postgres)
            return pid if pid and is_alive(pid) else None
        return process.pid if process and process.poll() is None else None

    def _running(self, *roles: str) -> list[int]:
        """The processes of the supervisor that are one of these."""
        pid = self._pid("supervisor")
        return [part for part, role in parts_of(pid).items() if role in roles] if pid else []

    @property
    def workers(self) -> list[int]:
        """Of wake-ups, of lanes and of mailboxes."""
        return self._running(LANES, WAKE_UPS, READER)

    def lanes(self) -> list[int]:
        """The forked processes that work on a job of a lane now, or on a wake-up before it."""
        return [child for worker in self._running(LANES) for child in children(worker)]

    # Starting.

    def start_all(self) -> None:
        """Start whatever does not run."""
        for name in self.parts:
            if self._pid(name) is None:
                self._start(name)

    def _start(self, name: str) -> None:
        part = self.parts[name]
        part.start_at = None
        if name == "postgres" and self._postgres and (killed := _postmaster(self._postgres)):
            # The first one was started elsewhere, and as long as it is not buried it counts as running.
            with suppress(ChildProcessError):
                os.waitpid(killed, os.WNOHANG)
        if part.process:
            part.process.wait()  # it is dead; only to bury it
        options: dict[str, object] = {"cwd": ROOT, "env": self.environ, "preexec_fn": tether(), **part.options}
        part.process = subprocess.Popen(
            part.command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            **options,
        )
        if part.what:
            self.starts.append(Start(time.time(), part.what))
            part.what = None

    def pump(self) -> None:
        """Start whatever is due to start again, and whatever ended by itself."""
        now = time.monotonic()
        for name, part in self.parts.items():
            if part.start_at is not None:
                if part.start_at <= now:
                    self._start(name)
            elif self._pid(name) is None:
                # PostgreSQL refuses while the killed one's rest ends, the supervisor while PostgreSQL is away.
                self.given_up += name == "supervisor"
                part.start_at = now + 0.3

    def rest(self, seconds: float) -> None:
        """Let time pass, with restarts as they become due."""
        self.rest_until(lambda: False, seconds)

    def rest_until(self, what: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until it is so; whether it came to that."""
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() >= deadline:
                return False
            self.pump()
            time.sleep(0.02)
        return True

    def all_up(self) -> bool:
        """Whether nothing waits to be started again by the driver."""
        return all(part.start_at is None for part in self.parts.values())

    def answers(self) -> bool:
        """Whether the pages are there."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def is_complete(self) -> bool:
        """Whether every part is known by its command line."""
        return Counter(parts_of(self._pid("supervisor") or 0).values()) == COMPLETE

    def state(self) -> str:
        """What runs, and what was said last: for whoever wants to know why nobody answers."""
        supervisor = self._pid("supervisor")
        runs = ", ".join(parts_of(supervisor).values()) if supervisor else "no supervisor"
        return f"running: {runs}; log:\n{self._log_file.read_text()[-3000:]}"

    # Killing. Each says whether there was something to kill.

    def kill_lane(self, choice: Random, accounts: Collection[str] = ()) -> bool:
        """A process that is at work on a lane, of one of these accounts if there is any; its worker stays."""
        lanes = self.lanes()
        lanes = [lane for lane in lanes if self._at_work.get(lane) in accounts] or lanes
        if not lanes:
            return False
        lane = choice.choice(lanes)
        with held_still([lane]):
            return self._shoot([lane], "lane", [lane])

    def kill_worker(self, choice: Random) -> bool:
        """A worker, and its job with it."""
        workers = self.workers
        if not workers:
            return False
        worker = choice.choice(workers)
        with held_still([worker]):
            below = children(worker)
            self._shoot([worker], "worker", below if worker in self._running(LANES) else [])
            untied = all_end(below, TETHER_SECONDS)
        self._see_end(untied)
        return True

    def kill_part(self, role: str) -> bool:
        """Another process of the supervisor, which cuts off no lane."""
        pids = self._running(role)
        return bool(pids) and self._shoot(pids[:1], role, [])

    def kill_postgres(self, down: float) -> bool:
        """All of PostgreSQL, to be started again after so many seconds."""
        pid = self._pid("postgres") if "postgres" in self.parts else None
        if pid is None:
            return False
        self._plan("postgres", "postgres", down)
        with held_still(self.workers):
            return self._shoot([pid], "postgres", self.lanes(), starts_itself=False)

    def kill_backend(self, choice: Random) -> bool:
        """A process of PostgreSQL that serves somebody; it throws everybody out and recovers."""
        pid = self._pid("postgres") if "postgres" in self.parts else None
        # Not one without which PostgreSQL itself may wait for ever in the middle of recovering.
        backends = [child for child in children(pid) if f" {DATABASE} " in command_of(child)] if pid else []
        if not backends:
            return False
        with held_still(self.workers):
            return self._shoot([choice.choice(backends)], "a process of postgres", self.lanes())

    def kill_supervisor(self, down: float) -> bool:
        """The supervisor alone: whatever it has started has to end with it."""
        pid = self._pid("supervisor")
        if pid is None:
            return False
        self._plan("supervisor", "supervisor", down)
        with held_still([pid]):
            below = descendants(pid)
            self._shoot([pid], "supervisor", self.lanes(), starts_itself=False)
            untied = all_end(below, TETHER_SECONDS)
        self._see_end(untied)
        return True

    def _see_end(self, untied: Iterable[int]) -> None:
        """What a killed process had started ends with it, though it is held still; but for what was held between its
        fork and its first line (jobs.tether). That is not tied to anybody yet, and has to end as soon as it may."""
        roles = {pid: role_of(pid) for pid in untied}
        self.orphans += [
            f"{roles[left]}, process {left}, outlived its parent" for left in all_end(roles, TETHER_SECONDS)
        ]

    def kill_everything(self, down: float) -> bool:
        """What a lost machine looks like: all at once, and all back after a while."""
        pids = {name: pid for name in self.parts if (pid := self._pid(name))}
        for name in pids:
            self._plan(name, "everything", down)
        with held_still([pids["supervisor"]] if "supervisor" in pids else []):
            below = descendants(pids["supervisor"]) if "supervisor" in pids else []
            return self._shoot([*pids.values(), *below], "everything", self.lanes(), starts_itself=False)

    def _plan(self, name: str, what: str, down: float) -> None:
        part = self.parts[name]
        part.start_at, part.what = time.monotonic() + down, what

    def _shoot(self, victims: Iterable[int], what: str, cut: Iterable[int], *, starts_itself: bool = True) -> bool:
        senders = tuple(self._at_work_for(lane) for lane in cut)
        at, count = time.time(), 0
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                count += 1
        self.kills.append(Kill(at, what, count, senders))
        if starts_itself:
            self.starts.append(Start(at, what))
        return True

    def notice(self, port: int, account: str) -> None:
        """Somebody who is connected from this port, and waits for an answer, is at work for this account: if it is a
        lane, it is for as long as it lives."""
        self._at_work |= dict.fromkeys((lane for lane in self.lanes() if port in ports_of(lane)), account)

    def _at_work_for(self, lane: int) -> str | None:
        return self._at_work.get(lane) or next(filter(None, map(self._whose, ports_of(lane))), None)

    def flush_redis(self) -> bool:
        """Empty Redis; whether it was there."""
        with suppress(RedisError), Redis.from_url(self._config.redis_url, socket_timeout=1) as client:
            client.flushall()
            self.starts.append(Start(time.time(), "flush redis"))
            return True
        return False

    # After the storm.

    def dismiss(self) -> None:
        """End everything that may still write to the database; no kill of the storm."""
        supervisor = self.parts["supervisor"]
        if supervisor.process:
            below = descendants(supervisor.process.pid)
            supervisor.process.kill()
            supervisor.process.wait()
            all_end(below, TETHER_SECONDS)

    def stop(self) -> None:
        """End everything that was started."""
        pids = [pid for name in self.parts if (pid := self._pid(name))]
        pids += [child for parent in pids for child in descendants(parent)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for part in self.parts.values():
            if part.process:
                part.process.wait()
        self._log.close()


def _postmaster(postgres: Postgres) -> int | None:
    with suppress(FileNotFoundError, IndexError, ValueError):
        return int((postgres.folder / "data" / "postmaster.pid").read_text().split()[0])
    return None


@contextmanager
def running_crew(kind: str, whose: Whose) -> Iterator[Crew]:
    """A Cadenza with nothing in it, on SQLite or on a PostgreSQL that waits for the disk."""
    with short_folder() as folder:
        port = free_port()
        environ = {**os.environ, "CADENZA_DATA": str(folder / "data"), "PORT": str(port), "CADENZA_TRAP": "off"}
        environ |= {"CADENZA_WORKERS": str(SENDING_WORKERS), "PUBLIC_URL": PUBLIC_URL}
        environ.pop("REDIS_URL", None)
        environ.pop("DATABASE_URL", None)
        if kind == "sqlite":
            with _crew(Crew(folder, environ, port, None, whose)) as crew:
                yield crew
            return
        with running_postgres(durable=True) as postgres:
            environ["DATABASE_URL"] = postgres.create(DATABASE)
            with _crew(Crew(folder, environ, port, postgres, whose)) as crew:
                yield crew


@contextmanager
def _crew(crew: Crew) -> Iterator[Crew]:
    try:
        crew.start_all()
        assert crew.rest_until(lambda: crew.answers() and crew.is_complete(), START_SECONDS * 2), crew.state()
        yield crew
    finally:
        crew.stop()
