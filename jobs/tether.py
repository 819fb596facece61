"""Ending with the parent, even when the parent is killed with -9."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
# Loaded before any fork: the child of a fork should do as little as it can.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def tie(parent: int, ending: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process `ending` once its `parent` is gone; nothing on other systems.

    It outlasts an exec. "Gone" means the thread that forked: start children from a thread that stays.
    """
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, int(ending), 0, 0, 0)
    if os.getppid() != parent:  # it went before the call
        os.kill(os.getpid(), ending)


def tether(ending: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn` that ties a child to the process that calls this."""
    parent = os.getpid()
    return lambda: tie(parent, ending)
