"""Keeping children alive: start them, pass on what they say, start the dead again, stop them in order."""

import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from jobs.child import Child, Running
from jobs.logbook import Logbook

# Seconds before a dead child is started again: at once, then slower if it keeps dying.
PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
# A child that lived this long is forgiven its earlier deaths.
SOUND_SECONDS = 20.0
# Seconds between two looks at what gives no sign of its own; the same for what somebody else runs.
LOOK_SECONDS = 0.05
ATTACHED_SECONDS = 1.0
# One Ctrl-C may arrive twice at once (make passes signals on); a person needs longer to say it again.
SECOND_SIGNAL_SECONDS = 0.4
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartFailed(Exception):
    """The stack cannot start; the message says which part did not."""


@dataclass
class _Kept:
    """A child and what is happening to it."""

    child: Child
    running: Running | None = None
    attached: bool = False
    deaths: int = 0
    start_at: float | None = None


class Keeper:
    """Runs children from one thread, since "with the parent" means with the thread that forked."""

    def __init__(self, children: Sequence[Child], log: Logbook, *, cwd: Path, environ: Mapping[str, str]) -> None:
        self._kept = [_Kept(child) for child in children]
        self._log = log
        self._cwd = cwd
        self._environ = environ
        self._selector = selectors.DefaultSelector()
        self._stop_asked: float | None = None
        self._kill_asked = False

    def run(self, on_ready: Callable[[], None], *, patience: float = 60.0) -> None:
        """Start all within `patience` seconds, keep them until SIGINT, SIGTERM or SIGHUP, stop them.

        Raises StartFailed, with everything stopped.
        """
        self._listen()
        try:
            self._start(time.monotonic() + patience)
            if not self._stopping:
                on_ready()
            while not self._stopping:
                self._turn()
        finally:
            self._stop()

    @property
    def _stopping(self) -> bool:
        return self._stop_asked is not None

    def _listen(self) -> None:
        """Have every signal, that of a child's death too, end the wait for the next event."""
        self._wakeup, write = socket.socketpair()
        self._wakeup_write = write
        self._wakeup.setblocking(False)
        write.setblocking(False)
        signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for ending in ENDINGS:
            # Who starts us with nohup wants us to outlive the terminal.
            if not (ending == signal.SIGHUP and signal.getsignal(ending) == signal.SIG_IGN):
                signal.signal(ending, self._asked_to_stop)

    def _asked_to_stop(self, signum: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._stop_asked is None:
            self._stop_asked = now
        elif signum == signal.SIGINT and now - self._stop_asked > SECOND_SIGNAL_SECONDS:
            self._kill_asked = True

    def _stages(self) -> list[list[_Kept]]:
        stages = sorted({kept.child.stage for kept in self._kept})
        return [[kept for kept in self._kept if kept.child.stage == stage] for stage in stages]

    def _start(self, deadline: float) -> None:
        for team in self._stages():
            for kept in team:
                self._spawn(kept)
            while not self._stopping and (late := [kept for kept in team if not _settled(kept)]):
                if time.monotonic() > deadline:
                    names = ", ".join(kept.child.name for kept in late)
                    raise StartFailed(f"Gave up waiting for: {names}.")
                self._turn(LOOK_SECONDS)

    def _spawn(self, kept: _Kept) -> None:
        kept.start_at = None
        kept.attached = kept.child.attach is not None and kept.child.attach()
        if kept.attached:
            kept.start_at = time.monotonic() + ATTACHED_SECONDS  # look again: it may go away
            return
        try:
            kept.running = Running(kept.child, self._cwd, self._environ)
        except OSError as error:
            raise StartFailed(f"{kept.child.command[0]} cannot be started ({error.strerror}).") from error
        self._selector.register(kept.running.pipe, selectors.EVENT_READ, kept)

    def _turn(self, longest: float | None = None) -> None:
        """Wait for the next event, `longest` seconds at most, and deal with all that has happened."""
        for key, _ in self._selector.select(self._wait(longest)):
            if key.data is None:
                with suppress(BlockingIOError):
                    self._wakeup.recv(4096)
            else:
                self._hear(key.data)
        for kept in self._kept:
            if kept.running is not None and kept.running.exit_code is not None:
                self._bury(kept, kept.running, kept.running.exit_code)
            elif kept.start_at is not None and not self._stopping and kept.start_at <= time.monotonic():
                self._spawn(kept)

    def _wait(self, longest: float | None) -> float | None:
        waits = [] if longest is None else [longest]
        if not self._stopping:
            now = time.monotonic()
            waits += [max(0.0, kept.start_at - now) for kept in self._kept if kept.start_at is not None]
        return min(waits, default=None)

    def _hear(self, kept: _Kept) -> None:
        if kept.running is None:
            return
        for line in kept.running.hear():
            self._log.note(kept.child.name, line)
        if kept.running.silent:
            self._selector.unregister(kept.running.pipe)

    def _bury(self, kept: _Kept, running: Running, code: int) -> None:
        """Pass on a dead child's last words, and see to it that it is started again."""
        with suppress(KeyError):
            self._selector.unregister(running.pipe)
        for line in running.close():
            self._log.note(kept.child.name, line)
        kept.running = None
        if self._stopping:
            return
        if not kept.child.once:
            self._plan_restart(kept, time.monotonic() - running.started, code)
        elif code:
            raise StartFailed(f"The step “{kept.child.name}” failed; its last words are above.")

    def _plan_restart(self, kept: _Kept, lived: float, code: int) -> None:
        kept.deaths = 1 if lived > SOUND_SECONDS else kept.deaths + 1
        pause = PAUSES[min(kept.deaths, len(PAUSES)) - 1]
        kept.start_at = time.monotonic() + pause
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended ({code})"
        self._log.note(kept.child.name, f"It {how} and is started again in {pause:g} s.")

    def _stop(self) -> None:
        """Stop stage by stage, the last started first; what is too slow is killed."""
        if self._stop_asked is None:
            self._stop_asked = time.monotonic()
        for team in reversed(self._stages()):
            self._stop_team([kept for kept in team if kept.running is not None])
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._wakeup.close()
        self._wakeup_write.close()

    def _stop_team(self, team: Sequence[_Kept]) -> None:
        asked = time.monotonic()
        for kept in team:
            if kept.running is not None:
                kept.running.ask_to_stop()
        while any(kept.running is not None for kept in team):
            waited = time.monotonic() - asked
            for kept in team:
                if kept.running is not None and (self._kill_asked or waited > kept.child.stop_seconds):
                    kept.running.kill()
            self._turn(LOOK_SECONDS)


def _settled(kept: _Kept) -> bool:
    """Whether the next stage need not wait for this child."""
    if kept.child.once:
        return kept.running is None
    if kept.child.ready is None:
        return True
    return (kept.attached or kept.running is not None) and kept.child.ready()
