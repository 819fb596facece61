"""What every job and the ticker need: settings, database sessions, the ringer, the clock. Made once a process,
connected on first use, so that a worker may fork in between."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy.orm import Session, sessionmaker

from campaigns import settings
from campaigns.models import connect, session_factory
from campaigns.settings import Settings
from jobs.bells import Ringer, connect_briefly


@dataclass(frozen=True)
class Workshop:
    """The tools of a process."""

    settings: Settings
    sessions: sessionmaker[Session]
    reading: sessionmaker[Session]
    ringer: Ringer

    def disconnect(self) -> None:
        """Close the connections to the database that nobody uses now; whoever needs one next opens it anew."""
        self.sessions.kw["bind"].dispose()


@lru_cache(maxsize=1)
def workshop() -> Workshop:
    """This process's tools."""
    config = settings.load(os.environ)
    engine = connect(config.database_url)
    ringer = Ringer(connect_briefly(config.redis_url))
    return Workshop(
        config,
        session_factory(engine, ringer),
        session_factory(engine, ringer, readonly=True),
        ringer,
    )


def utcnow() -> datetime:
    """The clock of the worker door; below it, now is an argument."""
    return datetime.now(UTC)
