"""An outcome that is known is written down, although the database is away when it comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from campaigns.models import CampaignDay, Sender, SenderDay
from campaigns.sending import LEASE, claiming
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


def work(play: Play, away: Away, people: int = 1) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace)
        make.launched(session, workspace, people, senders=[sender])
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


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("committed", [False, True])
def test_the_next_message_is_neither_lost_nor_sent_twice_when_its_claim_came_through_without_saying_so(
    db: Database, times: int, committed: bool
) -> None:
    """The outcome of one message and the claim of the next are one transaction: in or not, nobody says."""
    play = Play(db)
    work(play, Away(play, times, committed=committed), people=3)
    play.tick()
    assert [(message.status, message.attempts) for message in play.messages()] == [("sent", 1)] * 3
    assert len(set(play.people)) == len(play.sent) == 3
    with db.sessions() as session:
        assert session.scalars(select(SenderDay.used)).all() == [3]
        assert session.scalars(select(CampaignDay.used)).all() == [3]


class TakenOver(Away):
    """And meanwhile another lane takes the lease."""

    @contextmanager
    def begin(self) -> Iterator[Any]:
        if self.play.sent and not self.left:
            with self.play.db.sessions.begin() as session:
                session.scalars(select(Sender)).one().lease_token = "somebody else"
        with super().begin() as session:
            yield session


def test_a_claim_that_went_astray_is_left_to_whoever_took_the_lease_over(db: Database) -> None:
    """They may have it in hand by now: only a person can say."""
    play = Play(db)
    work(play, TakenOver(play, 1, committed=True), people=2)
    assert [message.status for message in play.messages()] == ["sent", "sending"]
    assert len(play.sent) == 1


def test_an_outcome_is_written_down_although_the_next_claim_breaks(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = Play(db)
    judge = claiming.eligible

    def breaking(*asked: Any) -> Any:
        return 1 // (not play.sent) and judge(*asked)

    monkeypatch.setattr(claiming, "eligible", breaking)
    with pytest.raises(ZeroDivisionError):
        work(play, Away(play, 0, committed=False), people=2)
    assert [message.status for message in play.messages()] == ["sent"]
