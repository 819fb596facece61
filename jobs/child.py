"""One child process: what it is, and the process that runs it at the moment."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.forking import Fork
from jobs.tether import tether

READ_BYTES = 65536
# A longer line than this is passed on in pieces.
LINE_BYTES = 8192


@dataclass(frozen=True)
class Child:
    """One process to keep. `stage`: the lowest is started first and stopped last.

    `fork`: it is a program of ours that was preloaded, and shares the memory of this process.
    `once`: has to end well before the next stage begins, and is not started again.
    `ready`: whether it may be relied upon; the next stage waits for that.
    `attach`: whether somebody else runs this already, in which case it is not started.
    `stop_seconds`: how long it may take to stop when asked; then it is killed.
    """

    name: str
    command: Sequence[str]
    stage: int = 1
    fork: bool = False
    once: bool = False
    ready: Callable[[], bool] | None = None
    attach: Callable[[], bool] | None = None
    stop_seconds: float = 5.0


class Running:
    """A started child. It leads a session of its own, so that a terminal's Ctrl-C does not reach it."""

    def __init__(self, child: Child, cwd: Path, environ: Mapping[str, str]) -> None:
        read, write = os.pipe()
        try:
            self._process = (Fork if child.fork else _execute)(child.command, cwd, environ, write)
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        os.set_blocking(read, False)
        self.started = time.monotonic()
        self.pipe = read
        self.silent = False
        self._rest = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that killed it."""
        return self._process.poll()

    def hear(self) -> list[str]:
        """The lines said since the last call; `silent` once there can be no more."""
        try:
            said = os.read(self.pipe, READ_BYTES)
        except BlockingIOError:
            return []
        self.silent = not said
        *lines, self._rest = (self._rest + said).split(b"\n")
        if self.silent or len(self._rest) > LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        return [line.decode("utf-8", "replace") for line in lines]

    def close(self) -> list[str]:
        """Its last words, whoever else may still hold the other end of the pipe."""
        last: list[str] = []
        while not self.silent and (lines := self.hear()):
            last += lines
        os.close(self.pipe)
        return [*last, self._rest.decode("utf-8", "replace")]

    def ask_to_stop(self) -> None:
        """SIGTERM to the child alone, which knows how to end what it has started."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the child and its process group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _execute(command: Sequence[str], cwd: Path, environ: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=tether(),
    )
