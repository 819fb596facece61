"""Being asked to stop, and stopping between two pieces of work instead of in the middle of one."""

import signal
import time
from types import FrameType

# Seconds between two looks at the flag while pausing.
LOOK = 0.1
_asked = False


def ask(_signum: int = 0, _frame: FrameType | None = None) -> None:
    """Ask this process to stop; also the signal handler."""
    global _asked
    _asked = True


def asked() -> bool:
    """Whether this process should stop at the next good moment."""
    return _asked


def pause(seconds: float) -> bool:
    """Wait, but no longer than until somebody asks to stop; whether that was so."""
    deadline = time.monotonic() + seconds
    while not _asked and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(LOOK, left))
    return _asked


def listen() -> None:
    """From now on SIGTERM asks instead of killing, and Ctrl-C is left to the supervisor."""
    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
