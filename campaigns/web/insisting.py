"""Writing down what is told but once, again if somebody else was at the same people."""

from collections.abc import Callable

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from campaigns.web.errors import is_collision
from campaigns.web.house import house

# How often.
TRIES = 5


def insist(write: Callable[[Session], object]) -> None:
    """`write`, in a transaction of its own, tried again after a collision with others."""
    for tries_left in reversed(range(TRIES)):
        try:
            with house().sessions.begin() as session:
                write(session)
            return
        except DBAPIError as error:
            if not (is_collision(error) and tries_left):
                raise
