"""What every view needs: settings, sessions, the clock, the board of workers; and who is asking."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

from flask import current_app, g
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.lookup import Lookup
from campaigns.settings import Settings


class Board(Protocol):
    """The workers, their queues and jobs, as the worker door tells of them. None of it raises."""

    def overview(self) -> Any:
        """Everything that the workers page shows; None if Redis is away."""

    def pulse(self) -> Any:
        """Signs of life of the processes, as jobs.board.Pulse has them."""

    def retry(self, job_id: str) -> bool:
        """Queue a failed job again; whether there was one."""

    def cancel(self, job_id: str) -> bool:
        """Take a waiting or failed job off; whether there was one."""


@dataclass(frozen=True)
class House:
    """The tools of the web door. `sessions` write, `reading` sessions never do."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    reading: sessionmaker[Session]
    clock: Callable[[], datetime]
    board: Board
    lookup: Lookup


@dataclass(frozen=True)
class Person:
    """Who is asking, and for which workspace."""

    user_id: UUID
    workspace_id: UUID
    email: str
    timezone: str
    is_owner: bool


def house() -> House:
    """The tools of the app that answers this request, or those that this request alone was given."""
    return cast(House, g.get("house") or current_app.extensions["cadenza"])


def now() -> datetime:
    """One instant a request: everything that happens in it happens then."""
    if "now" not in g:
        g.now = house().clock()
    return cast(datetime, g.now)


def person() -> Person:
    """Who is asking. The guard has seen to it that there is somebody."""
    return cast(Person, g.person)
