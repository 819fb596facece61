"""An account that ramps up: a little more each day, whatever else it may do."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from campaigns import connecting, explaining, metering
from campaigns.models import Campaign, Prospect, Sender, WakeUp, Workspace
from campaigns.models.lanes import lanes_with_work
from campaigns.rules.ramp import Ramp, limit_on
from campaigns.rules.refusals import Invalid
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, Play

RAMP = {"ramp_start": 2, "ramp_step": 3, "ramp_from": make.NOW.date()}
KEY = "not used: no password is set"


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def launched(play: Play, n: int, *, limit: int | None = None, **account: Any) -> Campaign:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, **account)
        limits = {sender: limit} if limit else None
        return make.launched(session, workspace, n, senders=[sender], limits=limits, now=play.now)


def by_day(play: Play) -> list[int]:
    return [count for _, count in sorted(Counter(sent.at.date() for sent in play.sent).items())]


@pytest.mark.parametrize(
    ("limit", "more", "expected"),
    [
        (None, {}, [2, 5, 8, 11, 4]),
        (None, {"ramp_ceiling": 6}, [2, 5, 6, 6, 6, 5]),
        (None, {"daily_limit": 7}, [2, 5, 7, 7, 7, 2]),
        (4, {"daily_limit": 7}, [2, 4, 4, 4, 4, 4, 4, 4]),
    ],
    ids=["as far as there are people", "its ceiling", "its own limit", "the campaign's limit for it"],
)
def test_each_day_a_little_more_leaves_up_to(
    play: Play, limit: int | None, more: dict[str, int], expected: list[int]
) -> None:
    launched(play, 30, limit=limit, **RAMP, **more)
    play.play(play.now + 10 * DAY)
    assert by_day(play) == expected


def test_whoever_waits_for_the_ramp_is_told_so_and_until_when(play: Play) -> None:
    campaign = launched(play, 3, **RAMP)
    play.tick()
    with play.db.reading() as session:
        waiting = session.scalars(select(Prospect).where(Prospect.contacted.is_(False))).one()
        found = explaining.explain(session, session.get_one(Campaign, campaign.id), waiting.id, play.now)
        assert not lanes_with_work(session, play.now), "nobody is called for work that may not be done"
        assert metering.gates(session, play.now)["sender_daily_limit"] == (0, 1)
    assert (found.gate, found.reason) == (
        "sender_daily_limit",
        "The sender account is ramping up: its 2 of today are sent.",
    )
    assert found.next_at == (play.now + DAY).replace(hour=0, minute=0)


def test_a_limit_that_the_ramp_has_grown_past_is_called_by_its_name(play: Play) -> None:
    campaign = launched(play, 3, daily_limit=2, **RAMP)
    play.tick()
    with play.db.reading() as session:
        waiting = session.scalars(select(Prospect).where(Prospect.contacted.is_(False))).one()
        found = explaining.explain(session, session.get_one(Campaign, campaign.id), waiting.id, play.now)
    assert found.reason == "The sender account's daily limit of 2 is reached."


def changed(play: Play, body: dict[str, Any]) -> Sender:
    with play.db.sessions.begin() as session:
        sender = session.scalars(select(Sender)).one()
        return connecting.change(session, sender.workspace_id, sender.id, body, key=KEY, now=play.now, by=None)


def test_a_ramp_counts_from_the_day_on_which_it_was_set(play: Play) -> None:
    with play.db.sessions.begin() as session:
        make.sender(session, make.workspace(session, timezone="Pacific/Auckland"))
    today = make.NOW.date()
    assert changed(play, {"ramp_start": 5, "ramp_step": 2}).ramp_from == today
    play.wait(timedelta(hours=1))  # midnight in Auckland
    assert changed(play, {"ramp_ceiling": 50}).ramp_from == today, "only the ceiling was changed"
    assert changed(play, {"ramp_step": 3}).ramp_from == today + DAY
    off = changed(play, {"ramp_start": None})
    assert (off.ramp_step, off.ramp_ceiling, off.ramp_from) == (None, None, None)


def test_a_ramp_that_is_taken_off_lets_people_go_at_once(play: Play) -> None:
    launched(play, 5, **RAMP)
    play.tick()
    assert len(play.sent) == 2
    changed(play, {"ramp_start": None})
    with play.db.reading() as session:
        assert session.scalars(select(WakeUp.cause)).all() == ["senders"]
    play.tick()
    assert len(play.sent) == 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ramp_start": 5}, "ramp_step"),
        ({"ramp_start": 5, "ramp_step": 1, "ramp_ceiling": 4}, "ramp_ceiling"),
        ({"ramp_start": 0}, "ramp_start"),
        ({"signature": "%nobody%"}, "signature"),
        ({"reply_to": "nobody"}, "reply_to"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(play: Play, body: dict[str, Any], field: str) -> None:
    launched(play, 0)
    before = play.db.dump()["sender_account"]
    with pytest.raises(Invalid) as refused:
        changed(play, body)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert play.db.dump()["sender_account"] == before


def test_the_first_day_counts_although_the_workspace_moves_west() -> None:
    ramp = Ramp(5, 2, None, make.NOW.date())
    assert ramp.most(make.NOW.date() - DAY) == 5
    assert limit_on(make.NOW.date(), 3, ramp) == 3
    assert limit_on(make.NOW.date(), 30, None) == 30


def test_queries_count_the_days_as_the_judge_does(play: Play) -> None:
    launched(play, 1, **{**RAMP, "ramp_from": make.NOW.date() + DAY})
    with play.db.sessions.begin() as session:
        sender = session.scalars(select(Sender)).one()
        make.sent_today(session, sender, 1)
        assert session.get_one(Workspace, sender.workspace_id).timezone == "UTC"
    with play.db.reading() as session:
        assert lanes_with_work(session, play.now) == [sender.id], "one of the two of the first day is left"
