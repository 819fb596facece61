"""`make run`: everything on one machine, under one supervisor."""

import errno
import fcntl
import http.client
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from redis.exceptions import RedisError

from campaigns import settings
from campaigns.settings import BadSetting, Settings
from jobs import forking
from jobs.bells import connect_briefly
from jobs.child import Child
from jobs.complaint import REFUSALS, redis_trouble
from jobs.embedded import Embedded, NoServer
from jobs.keeping import Keeper, StartFailed
from jobs.logbook import Logbook
from jobs.tether import tie

ROOT = Path(__file__).resolve().parents[1]
# `make run` passes this, so that a killed make does not leave the stack behind.
WITH_PARENT = "--with-parent"
# A worker that is asked to stop ends between two messages, within a second or so. This is for the one whose database is
# away: longer than it goes on trying to write down what became of the last one (campaigns.sending.lane.RECORD_PAUSES).
WORKER_STOP_SECONDS = 45.0
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class CannotRun(Exception):
    """Something in the way of a start; the message says what to do about it."""


def children(config: Settings) -> list[Child]:
    """The processes of `make run`, stage by stage: what comes later needs what comes before."""
    redis = [_redis(config)] if config.embedded_redis else []
    trap = [Child("trap", _command("jobs.trap", str(config.trap_file)), stage=2)] if config.trap else []
    # One of them takes files too, before its lanes, so that these are not put off for ever; the others never do, so
    # that neither lanes nor wake-ups wait for a file. Mailboxes have a worker of their own: a mail server that hangs
    # holds up whoever asks it for as long as it is waited for.
    queues = [("wake", "asked", "imports", "lanes"), *[("wake", "asked", "lanes")] * (config.workers - 1)]
    senders = [_worker(f"send-{number}", *names) for number, names in enumerate(queues, 1)]
    return [
        *redis,
        Child("migrate", _command("jobs.migrating"), stage=1, fork=forking.POSSIBLE, once=True),
        *trap,
        Child("ticker", _command("jobs.ticker"), stage=3, fork=forking.POSSIBLE),
        _worker("wake", "wake"),
        _worker("read", "inbox"),
        *senders,
        Child("web", _command("jobs.serve"), stage=5, fork=forking.POSSIBLE, ready=lambda: _web_answers(config)),
    ]


def _command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _redis(config: Settings) -> Child:
    assert config.redis_socket is not None  # noqa: S101
    server = Embedded(config.redis_socket, config.data / "redis", config.redis_server)
    server.prepare()
    return Child("redis", server.command(), stage=0, ready=server.answers, attach=server.answers)


def _worker(name: str, *queues: str) -> Child:
    command = _command("jobs.worker", *queues)
    return Child(name, command, stage=4, fork=forking.POSSIBLE, stop_seconds=WORKER_STOP_SECONDS)


def address(config: Settings) -> tuple[str, int]:
    """Where a browser on this machine finds the pages."""
    return ANYWHERE.get(config.host, config.host), config.port


def url(config: Settings) -> str:
    """The address to open in a browser on this machine."""
    host, port = address(config)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _web_answers(config: Settings) -> bool:
    """Whether there is any answer at all: not being healthy is something the pages can say."""
    line = http.client.HTTPConnection(*address(config), timeout=1.0)
    try:
        line.request("GET", "/healthz")
        line.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
    return True


def check_port(config: Settings) -> None:
    """Raise CannotRun if nobody could listen there, before a server fails in more words."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise CannotRun(_port_trouble(config, error)) from error


def _port_trouble(config: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {config.port} is in use by another program; "
            f"choose another one, for example: PORT={config.port % 65535 + 1} make run"
        )
    if error.errno == errno.EACCES:
        return f"Port {config.port} may not be opened by this user; choose one above 1023 with PORT."
    return f"The web server cannot listen on {config.host}, port {config.port}: {error.strerror}."


def check_redis(config: Settings) -> None:
    """Raise CannotRun if the Redis that was named lets nobody in, before every process says so.

    One that is merely away may come: the workers wait for it, and the pages do without.
    """
    if config.embedded_redis:
        return
    try:
        with connect_briefly(config.redis_url) as redis:
            redis.ping()
    except ValueError as error:
        raise CannotRun(f"REDIS_URL cannot be understood ({error}).") from error
    except REFUSALS as error:
        raise CannotRun(redis_trouble(error)) from error
    except RedisError:
        pass


@contextmanager
def sole_owner(config: Settings) -> Iterator[None]:
    """Hold the data folder; raises CannotRun if another supervisor does. A killed one lets go of it."""
    path = config.data / "supervisor.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            where = os.pread(lock, 200, 0).decode("utf-8", "replace").strip() or "address not known"
            raise CannotRun(
                f"Cadenza already runs on the data in {config.data} ({where}); "
                "stop that one first, or set CADENZA_DATA to another folder."
            ) from held
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()}, {url(config)}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def run(config: Settings, log: Logbook) -> None:
    """Run everything until a signal. Raises CannotRun, NoServer or StartFailed, with everything stopped."""
    with sole_owner(config):
        check_port(config)
        check_redis(config)
        environ = {
            **os.environ,
            "CADENZA_DATA": str(config.data),
            "PYTHONUNBUFFERED": "1",
        }
        if forking.POSSIBLE:
            forking.preload(config.database_url)
        keeper = Keeper(children(config), log, cwd=ROOT, environ=environ)
        keeper.run(lambda: log.say(f"Cadenza is ready: {url(config)}   (Ctrl-C ends it)"))


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 after a stop that was asked for, 1 with a sentence otherwise."""
    if WITH_PARENT in arguments:
        tie(os.getppid(), signal.SIGTERM)
    try:
        config = settings.load(os.environ)
        log = Logbook(sys.stdout, config.log_format)
        run(config, log)
    except (BadSetting, CannotRun, NoServer, StartFailed) as reason:
        print(f"Cadenza cannot run. {reason}", file=sys.stderr)
        return 1
    log.say("Cadenza has stopped.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
