"""The brake on guessing passwords: whoever guesses wrong often has to wait, a little longer each time.

Counted for one login from one address, so that nobody elsewhere can shut the right person out, and kept in
this process: it needs neither Redis nor the database. Several web processes brake each for itself.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

# Wrong passwords that cost nothing; after them each pause is twice the one before.
FREE_FAILURES = 5
LONGEST_PAUSE = timedelta(minutes=1)
FORGOTTEN_AFTER = timedelta(minutes=15)
# Guessing at more logins than this lets the oldest go, so that memory stays bounded.
MOST_KEPT = 10_000

Guesser = tuple[str, str]


@dataclass
class Failures:
    """How often one guesser was wrong in a row, and when last."""

    count: int
    last: datetime

    @property
    def free_at(self) -> datetime:
        """When the next try is heard."""
        over = self.count - FREE_FAILURES
        pause = timedelta(seconds=2 ** min(over, 10)) if over >= 0 else timedelta()
        return self.last + min(pause, LONGEST_PAUSE)


@dataclass
class Brake:
    """The failures of all guessers."""

    _failures: OrderedDict[Guesser, Failures] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pause(self, guesser: Guesser, now: datetime) -> timedelta:
        """How long this guesser has to wait before the next try; zero for most."""
        with self._lock:
            known = self._failures.get(guesser)
        return max(known.free_at - now, timedelta()) if known else timedelta()

    def failed(self, guesser: Guesser, now: datetime) -> None:
        """One more wrong guess."""
        with self._lock:
            known = self._failures.pop(guesser, None)
            forgotten = known is None or known.last < now - FORGOTTEN_AFTER
            self._failures[guesser] = Failures(1 if forgotten or known is None else known.count + 1, now)
            if len(self._failures) > MOST_KEPT:
                self._failures.popitem(last=False)

    def succeeded(self, guesser: Guesser) -> None:
        """The right person is in: all is forgiven."""
        with self._lock:
            self._failures.pop(guesser, None)
