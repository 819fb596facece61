"""Every process of Cadenza, each to be killed with -9 and started again by the driver."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from redis import Redis
from redis.exceptions import RedisError

from campaigns import settings
from jobs.embedded import Embedded
from jobs.tether import tether
from tests.jobs.processes import children_of, descendants_of, is_alive
from tests.servers import START_SECONDS, Postgres, _unprivileged, free_port, running_postgres, short_folder

ROOT = Path(__file__).resolve().parents[2]
SENDING_WORKERS = 3


@dataclass(frozen=True)
class Kill:
    """What was killed, when (wall-clock seconds), and how many lanes may have been cut off by it."""

    at: float
    what: str
    processes: int
    lanes: int


@dataclass
class Part:
    """One process; `start_at` is when it is to be started again (monotonic seconds)."""

    name: str
    command: list[str]
    options: dict[str, object] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    start_at: float | None = None

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Crew:
    """The processes of one Cadenza. All of it in one thread, to which the processes are tied."""

    def __init__(self, folder: Path, environ: dict[str, str], port: int, postgres: Postgres | None) -> None:
        self.environ = environ
        self.port = port
        self.kills: list[Kill] = []
        self.restarts: list[tuple[float, str]] = []
        self._log_file = folder / "log"
        self._log = self._log_file.open("ab")
        self._config = settings.load(environ)
        self._postgres = postgres
        self.parts = {part.name: part for part in self._parts()}

    def _parts(self) -> list[Part]:
        python = [sys.executable, "-m"]
        server = self._embedded()
        server.prepare()
        return [
            *([self._postgres_part(self._postgres)] if self._postgres else []),
            Part("redis", server.command()),
            Part("ticker", [*python, "jobs.ticker"]),
            Part("wake", [*python, "jobs.worker", "wake"]),
            *(Part(f"send-{n}", [*python, "jobs.worker", "wake", "lanes"]) for n in range(SENDING_WORKERS)),
            Part("web", [*python, "jobs.serve"]),
        ]

    def _embedded(self) -> Embedded:
        assert self._config.redis_socket is not None
        return Embedded(self._config.redis_socket, self._config.data / "redis")

    def _postgres_part(self, postgres: Postgres) -> Part:
        """The one that runs already, by the command line that it was started with."""
        pid = _postmaster(postgres)
        command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        return Part("postgres", command, {"cwd": postgres.folder, **_unprivileged()})

    @property
    def workers(self) -> list[str]:
        return [name for name in self.parts if name.startswith(("send-", "wake"))]

    def start_all(self) -> None:
        """Start whatever does not run."""
        for name in self.parts:
            if not self._runs(name):
                self._start(name)

    def _runs(self, name: str) -> bool:
        return self.parts[name].runs or self._pid(name) is not None

    def _pid(self, name: str) -> int | None:
        if name == "postgres":
            assert self._postgres is not None
            pid = _postmaster(self._postgres)
            return pid if pid and is_alive(pid) else None
        process = self.parts[name].process
        return process.pid if process and process.poll() is None else None

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
        self.restarts.append((time.time(), name))

    def pump(self) -> None:
        """Start whatever is due to start again, and whatever ended by itself."""
        now = time.monotonic()
        for name, part in self.parts.items():
            if part.start_at is not None:
                if part.start_at <= now:
                    self._start(name)
            elif not self._runs(name):
                # A worker that lost Redis for too long leaves; PostgreSQL refuses while the killed one's rest ends.
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

    def state(self) -> str:
        """What runs, and what was said last: for whoever wants to know why nobody answers."""
        runs = ", ".join(name for name in self.parts if self._runs(name))
        return f"running: {runs}; log:\n{self._log_file.read_text()[-3000:]}"

    def lanes(self) -> list[int]:
        """The forked processes that work on a job now."""
        found: list[int] = []
        for name in self.workers:
            pid = self._pid(name)
            with suppress(FileNotFoundError, ProcessLookupError):
                found += children_of(pid) if pid else []
        return found

    def kill_lane(self, choice: Random) -> bool:
        """Kill a process that is at work on a lane, and leave its worker; whether there was one."""
        lanes = self.lanes()
        if not lanes:
            return False
        return self._shoot([choice.choice(lanes)], "lane", 1)

    def kill(self, name: str, down: float) -> bool:
        """Kill a part, to be started again after so many seconds; whether it ran."""
        pid = self._pid(name)
        if pid is None:
            return False
        affected = len(self.lanes()) if name in ("postgres", "redis") else self._lanes_of(name, pid)
        self.parts[name].start_at = time.monotonic() + down
        return self._shoot([pid], name, affected)

    def _lanes_of(self, name: str, pid: int) -> int:
        with suppress(FileNotFoundError, ProcessLookupError):
            return len(children_of(pid)) if name in self.workers else 0
        return 0

    def kill_everything(self, down: float) -> bool:
        """What a dead supervisor or a lost machine looks like: all at once, and all back after a while."""
        pids = {name: pid for name in self.parts if (pid := self._pid(name))}
        rest = [child for pid in pids.values() for child in descendants_of(pid)]
        lanes = len(self.lanes())
        for name in pids:
            self.parts[name].start_at = time.monotonic() + down
        return self._shoot([*pids.values(), *rest], "everything", lanes, len(pids))

    def kill_backend(self, choice: Random) -> bool:
        """Kill one of PostgreSQL's own processes; it throws everybody out and recovers."""
        pid = self._pid("postgres") if "postgres" in self.parts else None
        children = children_of(pid) if pid else []
        if not children:
            return False
        return self._shoot([choice.choice(children)], "a process of postgres", len(self.lanes()))

    def _shoot(self, pids: list[int], what: str, lanes: int, count: int = 1) -> bool:
        at = time.time()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kills.append(Kill(at, what, count, lanes))
        return True

    def flush_redis(self) -> bool:
        """Empty Redis; whether it was there."""
        with suppress(RedisError), Redis.from_url(self._config.redis_url, socket_timeout=1) as client:
            return bool(client.flushall())
        return False

    def dismiss(self) -> None:
        """End everything that may still write to the database; no kill of the storm."""
        for name in (*self.workers, "ticker", "web"):
            part = self.parts[name]
            if part.process:
                part.process.kill()
                part.process.wait()

    def stop(self) -> None:
        """End everything that was started."""
        pids = [pid for name in self.parts if (pid := self._pid(name))]
        pids += [child for parent in pids for child in descendants_of(parent)]
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
def running_crew(kind: str) -> Iterator[Crew]:
    """A Cadenza with nothing in it, on SQLite or on a PostgreSQL that waits for the disk."""
    with short_folder() as folder:
        port = free_port()
        environ = {**os.environ, "CADENZA_DATA": str(folder / "data"), "PORT": str(port), "CADENZA_TRAP": "off"}
        environ.pop("REDIS_URL", None)
        environ.pop("DATABASE_URL", None)
        if kind == "sqlite":
            with _crew(folder, environ, port, None) as crew:
                yield crew
            return
        with running_postgres(durable=True) as postgres:
            environ["DATABASE_URL"] = postgres.create("faults")
            with _crew(folder, environ, port, postgres) as crew:
                yield crew


@contextmanager
def _crew(folder: Path, environ: dict[str, str], port: int, postgres: Postgres | None) -> Iterator[Crew]:
    migrate = [sys.executable, "-m", "jobs.migrating"]
    subprocess.run(migrate, cwd=ROOT, env=environ, check=True, timeout=START_SECONDS * 2)
    crew = Crew(folder, environ, port, postgres)
    try:
        crew.start_all()
        yield crew
    finally:
        crew.stop()
