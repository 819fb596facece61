"""How long it took until work went on after each restart, not counting when there was nothing to do."""

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil, inf
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from tests.faults.audit import was_allowed
from tests.faults.crew import Start
from tests.faults.world import World

# Seconds between two looks at whether there is anything to do.
EVERY = 0.25


@dataclass(frozen=True)
class Pause:
    """Seconds from a restart of `what` until a mail was begun that went out.

    `timed`: one was, nothing was stopped altogether before it, and at every moment there was something to do.
    """

    what: str
    seconds: float
    timed: bool = True


def pauses(
    starts: Iterable[Start],
    begun: Iterable[float],
    idle: Sequence[tuple[float, float]],
    stops: Iterable[float],
    until: float,
) -> list[Pause]:
    """One for each start: to the next of the mails `begun` or, if all was stopped before it, to the next of `stops`,
    or to the end of the observation.

    `idle` are stretches of time in which nothing was to be done.
    """
    mails, stops = sorted(begun), sorted(stops)
    found = []
    for start in starts:
        mail, stop = _next(mails, start.at), _next(stops, start.at)
        end = min(mail, stop, until)
        nothing = sum(max(0.0, min(end, last) - max(start.at, first)) for first, last in idle)
        found.append(Pause(start.what, end - start.at - nothing, mail == end and not nothing))
    return found


def _next(instants: Sequence[float], after: float) -> float:
    n = bisect_right(instants, after)
    return instants[n] if n < len(instants) else inf


def slowest(seconds: Sequence[float], part: float = 1.0) -> float:
    """The longest of this part of them, the shortest first; 0 of none."""
    return sorted(seconds)[ceil(len(seconds) * part) - 1] if seconds else 0.0


@dataclass
class Watch:
    """Looks now and then, beside the storm, whether there is somebody to write to. Where it cannot see, there is."""

    world: World
    idle: list[tuple[float, float]] = field(default_factory=list)
    _over: Event = field(default_factory=Event)

    def begin(self) -> None:
        """Look from now on."""
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """Look no more; the instant of that."""
        self._over.set()
        self._thread.join()
        return time.time()

    def _look(self) -> None:
        since: float | None = None
        while not self._over.is_set():
            nothing = self._nothing_to_do()
            now = time.time()
            if since is not None:
                self.idle.append((since, now))
            since = now if nothing else None
            self._over.wait(EVERY)

    def _nothing_to_do(self) -> bool:
        with suppress(SQLAlchemyError), self.world.sessions() as session:
            now = time.time()
            allowed = [ours.id for ours in self.world.ours if was_allowed(ours, now)]
            return not self.world.is_anybody_due(session, allowed)
        return False
