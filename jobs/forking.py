"""Starting Cadenza's own programs as forks of the supervisor, which share the memory of all that it has imported.

A program is `main` of a module of ours. From inside and from outside its process looks as if the command line
`python -m module …` had been started (docs/decisions/0012-one-parent-that-forks.md).
"""

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from setproctitle import setproctitle

from jobs.tether import tie

# The system's libraries on macOS do not bear a fork without an exec.
POSSIBLE = sys.platform == "linux"
PROGRAMS = ("jobs.migrating", "jobs.ticker", "jobs.worker", "jobs.serve")
# What the parent listens to, and a program that was started by itself would not.
HEARD = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def preload(database_url: str) -> None:
    """Import what the programs need, before the first fork. Connects nothing, and starts no thread."""
    for module in PROGRAMS:
        import_module(module)
    from campaigns.models import connect
    from jobs.worker import import_jobs

    import_jobs()
    connect(database_url)  # only for the driver that it imports
    gc.collect()
    gc.freeze()  # a collection would write to all that lives, and so end the sharing of it


class Fork:
    """The program of a command line, started. It is used as a subprocess.Popen is."""

    def __init__(self, command: Sequence[str], cwd: Path, environ: Mapping[str, str], output: int) -> None:
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_become, args=(command, cwd, environ, output, os.getpid()), daemon=True)
        # Whoever asks the child to stop before it has taken off its parent's handlers is heard afterwards.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None  # noqa: S101
        return self._process.pid

    def poll(self) -> int | None:
        """None while it runs; negative for the signal that killed it."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Nothing if it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def _become(command: Sequence[str], cwd: Path, environ: Mapping[str, str], output: int, parent: int) -> None:
    tie(parent)
    os.setsid()
    _take_off_handlers()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, source in enumerate((nothing, output, output)):
        os.dup2(source, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(cwd)
    setproctitle(" ".join(command))  # before the environment is replaced: it looks for the old one in memory
    os.environ.clear()
    os.environ.update(environ)
    _run(*command[2:])


def _take_off_handlers() -> None:
    signal.set_wakeup_fd(-1)
    for number in HEARD:
        if signal.getsignal(number) != signal.SIG_IGN:  # that is meant for children too (nohup)
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


def _run(module: str, *arguments: str) -> None:
    try:
        import_module(module).main(*arguments)
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)  # as the program has set it: it keeps addresses out
        raise SystemExit(1) from None
