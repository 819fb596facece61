"""Ramping up: a new account sends a little more each day, so that mail providers come to trust it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Ramp:
    """`start` messages on the day `since`, `step` more on each day after it, and never more than `ceiling`."""

    start: int
    step: int
    ceiling: int | None
    since: date

    def most(self, day: date) -> int:
        """Most messages on `day`; on one before `since` as on the first."""
        reached = self.start + self.step * max((day - self.since).days, 0)
        return reached if self.ceiling is None else min(reached, self.ceiling)


def limit_on(day: date, limit: int, ramp: Ramp | None) -> int:
    """Most messages of an account on `day`: its `limit`, or as much of it as it has ramped up to."""
    return limit if ramp is None else min(limit, ramp.most(day))
