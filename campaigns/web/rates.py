"""How many calls an API key may make: a bucket of a minute's calls, which fills up as steadily as they are allowed.

Kept in this process, as the brake on passwords is: to ask Redis would cost every call a round trip, and a Redis that is
away would either stop the API or let everybody pass. Several web processes count each for itself. There are never more
buckets than keys, since a key is known before it is counted.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from flask import Flask, Response, current_app, g
from werkzeug.exceptions import TooManyRequests

from campaigns.web.house import house, now

MINUTE, NONE = timedelta(minutes=1), timedelta()


@dataclass(frozen=True)
class Allowance:
    """What one call was told. `wait` is how long until the next call is there, none if this one was; `full_in` how
    long until as many as ever are."""

    limit: int
    left: int
    wait: timedelta
    full_in: timedelta


@dataclass
class Rates:
    """The buckets of all keys: when each is full again."""

    _full_at: dict[UUID, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: UUID, limit: int, now: datetime) -> Allowance:
        """One call out of the key's bucket, `limit` of which flow into it a minute, if there is one."""
        step = MINUTE // limit
        with self._lock:
            before = self._full_at.get(key, now)
            if not now <= before <= now + MINUTE:  # full since then, or the clock was put back: that is nobody's fault
                before = now
            after = before + step
            wait = max(after - MINUTE - now, NONE)
            self._full_at[key] = full_at = before if wait else after
        return Allowance(limit, min((now + MINUTE - full_at) // step, limit), wait, full_at - now)


def register(app: Flask) -> None:
    """Tell with each answer how many calls are left."""
    app.extensions["cadenza_rates"] = Rates()
    app.after_request(tell)


def count(key: UUID) -> None:
    """One call with this key. Raises TooManyRequests past its rate."""
    limit = house().settings.api_rate
    if not limit:
        return
    rates: Rates = current_app.extensions["cadenza_rates"]
    g.allowance = allowance = rates.take(key, limit, now())
    if allowance.wait:
        message = f"This API key may make {limit:,} calls a minute, and has: wait a moment."
        raise TooManyRequests(message, retry_after=ceil(allowance.wait.total_seconds()))


def tell(response: Response) -> Response:
    """The headers that client libraries look for (draft-ietf-httpapi-ratelimit-headers, as of its version 6)."""
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        response.headers["RateLimit-Limit"] = str(allowance.limit)
        response.headers["RateLimit-Remaining"] = str(allowance.left)
        response.headers["RateLimit-Reset"] = str(ceil(allowance.full_in.total_seconds()))
    return response
