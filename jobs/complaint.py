"""Saying what is wrong: a sentence with what to do, once until it changes, and a word when it is over."""

import logging
import time

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer
from sqlalchemy.exc import SQLAlchemyError

from campaigns.models.trouble import first_line, trouble_of

# Seconds to pause after the first failure in a row, the second, and so on; the last one repeats.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
REFUSALS = (AuthenticationError, NoPermissionError)
AWAY = "Redis does not answer: start it, or correct REDIS_URL."
# Kind of error, how its text begins -> what to say. The first that fits is it.
REDIS_TROUBLES: tuple[tuple[type[RedisError], str, str], ...] = (
    (AuthenticationError, "", "Redis refuses the user name or password: correct REDIS_URL."),
    (NoPermissionError, "", "Redis does not let its user do what is needed: allow it all commands and keys (ACL)."),
    (OutOfMemoryError, "", "Redis has no memory left: raise its maxmemory, or take other data out of it."),
    (ReadOnlyError, "", "Redis is a read-only copy: let REDIS_URL name the primary server."),
    (BusyLoadingError, "", "Redis is still loading its data: wait."),
    (ResponseError, "MISCONF", "Redis cannot write to its disk: make room on it."),
    (
        ResponseError,
        "WRONGTYPE",
        "Redis holds data of another program under names that Cadenza needs: give Cadenza a Redis of its own, or "
        "a database of its own, as in redis://host:6379/1.",
    ),
    (ResponseError, "NOAUTH", "Redis asks for a password: put it into REDIS_URL, as in redis://:password@host."),
    (NoConnection, "", AWAY),
    (NoAnswer, "", AWAY),
)


class Complaint:
    """Something that may be in trouble, and what was last said of it. `over` is what to say when it works again.

    `lull`: seconds without trouble before it is over; a trouble that comes and goes is one trouble.
    """

    def __init__(self, log: logging.Logger, over: str, lull: float = 0.0) -> None:
        self._log = log
        self._over = over
        self._lull = lull
        self._said: str | None = None
        self._last = 0.0
        self._times = 0

    def about(self, sentence: str, detail: object = "") -> None:
        """Once more in trouble. The detail is for whoever looks closer, and makes no new trouble."""
        self._times += 1
        self._last = time.monotonic()
        if sentence != self._said:
            self._said = sentence
            self._log.error("%s (%s)" if detail else "%s%s", sentence, detail)

    def over(self) -> None:
        """It works, this time."""
        if self._said is not None and time.monotonic() - self._last >= self._lull:
            self._said, self._times = None, 0
            self._log.info(self._over)

    @property
    def pause(self) -> float:
        """Seconds to wait before the next try; grows with the failures in a row."""
        return PAUSES[min(max(self._times, 1), len(PAUSES)) - 1]


def redis_trouble(error: RedisError) -> str:
    """What is wrong with Redis, and what to do. It never holds a password: Redis repeats none."""
    said = str(error)
    for kind, beginning, sentence in REDIS_TROUBLES:
        # A pipeline puts which command it was before Redis' own words.
        if isinstance(error, kind) and beginning in said:
            return sentence
    return f"Redis refuses a command: {(said.splitlines() or [''])[0]}"


def trouble_in(error: BaseException | None) -> tuple[str, str] | None:
    """A sentence and its detail for trouble with the database or Redis; None for anything else, which is a bug."""
    if isinstance(error, RedisError):
        return redis_trouble(error), str(error)
    trouble = trouble_of(error)
    if trouble is not None and isinstance(error, SQLAlchemyError):
        return f"{trouble} Work goes on by itself after that.", first_line(error)
    return None
