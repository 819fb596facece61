"""An outcome that is known is written down, although the database is away when it comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from campaigns.models import SenderDay
from campaigns.sending import LEASE
from tests import make
from tests.databases import Database
from tests.verbs.playing import Play


class Away:
    """Sessions of a database that goes away once a message is out: `times` transactions fail, before or after they
    are in."""

    def __init__(self, play: Play, times: int, *, committed: bool) -> None:
        self.play, self.left, self.committed = play, times, committed
        self.waits: list[timedelta] = []

    @contextmanager
    def begin(self) -> Iterator[Any]:
        failing = bool(self.play.sent) and self.left > 0
        if failing:
            self.left -= 1
        if failing and not self.committed:
            raise OperationalError("UPDATE", {}, Exception("the database is away"))
        with self.play.db.sessions.begin() as session:
            yield session
        if failing:
            raise OperationalError("COMMIT", {}, Exception("the connection is gone"))

    def wait(self, time: timedelta) -> None:
        self.waits.append(time)
        self.play.now += time


def work(play: Play, away: Away) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace)
        make.launched(session, workspace, 1, senders=[sender])
    lane = play.lane(sender.id)
    lane.sessions, lane.wait = away, away.wait  # type: ignore[assignment]
    lane.run()


@pytest.mark.parametrize("committed", [False, True])
def test_a_database_that_comes_back_soon_is_told_what_became_of_the_message(db: Database, committed: bool) -> None:
    play = Play(db)
    away = Away(play, 3, committed=committed)
    work(play, away)
    assert [message.status for message in play.messages()] == ["sent"]
    assert len(play.sent) == 1
    assert away.waits == sorted(away.waits)
    assert sum(away.waits, timedelta()) < LEASE
    with db.sessions() as session:
        assert session.scalars(select(SenderDay.used)).all() == [1]


def test_a_database_that_stays_away_leaves_an_unknown_outcome(db: Database) -> None:
    play = Play(db)
    with pytest.raises(OperationalError):
        work(play, Away(play, 1000, committed=False))
    play.now += 2 * LEASE
    play.tick()
    assert [message.status for message in play.messages()] == ["unknown"]
    assert len(play.sent) == 1
