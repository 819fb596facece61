"""Programs for a supervisor to fork; what they find is printed."""

import os
import signal
import sys
import time
from pathlib import Path

SECRET = "zebediah@hollow-oak.example"


def main(what: str) -> None:
    """Do what the test needs."""
    {"look": _look, "refuse": _refuse, "stumble": _stumble, "rest": _rest}[what]()


def _look() -> None:
    facts = {
        "open": sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1],  # the last one lists them
        "command": Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0")[0].split()[1:],
        "leads": os.getsid(0) == os.getpid(),
        "term": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "hangup": signal.getsignal(signal.SIGHUP) == signal.SIG_DFL,
        "held": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "told": os.environ["TOLD"],
        "input": os.read(0, 1),
    }
    for name, fact in facts.items():
        print(f"{name}={fact}")


def _refuse() -> None:
    sys.exit("Not today.")


def _stumble() -> None:
    sys.excepthook = lambda kind, _error, _place: print(f"met {kind.__name__}")
    raise ValueError(SECRET)


def _rest() -> None:
    print("rests", flush=True)
    time.sleep(1000)
