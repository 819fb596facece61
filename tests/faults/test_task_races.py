"""Races for tasks by processes: a team at one page, lanes and ticks at work beside it, on both databases."""

import time
from collections import Counter
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import launching, tasking, ticking
from campaigns.models import Message, Prospect, Sender, SenderDay, SenderUse, Task
from campaigns.models.lanes import lanes_with_work
from campaigns.rules.refusals import Refused
from campaigns.tasking import Filter
from tests import make
from tests.databases import Database, run_together
from tests.faults.test_races import Process, lines, log, process, until, utcnow

__all__ = ["log"]

STEPS = [{"type": "connection_request", "body": "Hello", "include_message": True}, make.END]
EVERY = Filter()


def stage(db: Database, people: int, limit: int) -> tuple[UUID, UUID, UUID]:
    """A running LinkedIn campaign with one seat that people work: workspace, campaign, seat."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        seat = make.sender(session, workspace, type="linkedin", weekly_connection_limit=limit)
        campaign = make.launched(session, workspace, people, type="linkedin", senders=[seat], nodes=STEPS, now=utcnow())
        return workspace.id, campaign.id, seat.id


def statuses(session: Session) -> Counter[str]:
    return Counter(
        {row[0]: row[1] for row in session.execute(select(Message.status, func.count()).group_by(Message.status))}
    )


def is_over(mine: Process, people: int, limit: int) -> bool:
    """Whether everybody's step is settled, or the week is full."""
    with mine.sessions() as session:
        counted = statuses(session)
        settled = sum(counted[status] for status in ("sent", "skipped", "failed"))
        return settled == people or counted["sent"] == limit


# A team at the page ------------------------------------------------------------------------------


def do_tasks(url: str, log: str, workspace: UUID, seat: UUID, by: str, people: int, limit: int) -> None:
    with process(url, log) as mine:
        for _ in until(lambda: is_over(mine, people, limit)):
            mine.lane(seat).run()
            with mine.sessions.begin() as session:
                entry = tasking.take(session, workspace, EVERY, now=utcnow(), by=by)
            if entry is not None:
                mine.write("took", by, entry.message.id)
                with mine.sessions.begin() as session:
                    tasking.settle(session, workspace, entry.message.id, "done", now=utcnow(), by=by)


def test_nobody_of_a_team_gets_a_person_whom_somebody_else_has(db: Database, log: str) -> None:
    people = 40
    workspace, _, seat = stage(db, people, limit=people)
    team = [(db.url, log, workspace, seat, f"p{number}@example.com", people, people) for number in range(3)]
    run_together(do_tasks, team)
    took = lines(log, "took")
    assert len({message for _, message in took}) == len(took) == people
    assert len({by for by, _ in took}) > 1
    with db.sessions() as session:
        assert statuses(session) == {"sent": people}
        assert session.scalar(select(func.count()).select_from(SenderUse)) == people
        assert session.scalars(select(SenderDay.used)).all() == [people]
        assert session.get_one(Sender, seat).ever_sent == people


# One task, several words -------------------------------------------------------------------------


def say_something(url: str, log: str, workspace: UUID, messages: list[UUID], outcome: str) -> None:
    with process(url, log) as mine:
        for message in messages:
            try:
                with mine.sessions.begin() as session:
                    tasking.settle(session, workspace, message, outcome, now=utcnow(), by=f"{outcome}@example.com")
                mine.write("said", message, outcome)
            except Refused:
                mine.write("refused", message, outcome)


def test_of_two_who_say_different_things_of_a_task_one_is_refused(db: Database, log: str) -> None:
    people = 30
    workspace, _, seat = stage(db, people, limit=people)
    with process(db.url, log) as mine:
        mine.lane(seat).run()
    with db.sessions() as session:
        messages = list(session.scalars(select(Task.message_id).order_by(Task.message_id)))
    assert len(messages) == people
    words = ["done", "done", "not_possible"]
    run_together(say_something, [(db.url, log, workspace, messages, word) for word in words])
    said = Counter(message for message, _ in lines(log, "said"))
    with db.sessions() as session:
        counted = statuses(session)
        assert set(counted) <= {"sent", "failed"}
        sent = {str(one) for one in session.scalars(select(Message.id).where(Message.status == "sent"))}
        uses = {str(one) for one in session.scalars(select(SenderUse.id))}
    assert uses == sent
    # Two who say the same are both heard, and it counts once.
    assert all(number == (2 if message in sent else 1) for message, number in said.items())
    assert len(said) == people


# Limits, while everything moves ------------------------------------------------------------------


def tick(mine: Process) -> None:
    with mine.sessions.begin() as session:
        ticking.settle(session, utcnow())
        tasking.sweep(session, utcnow())
    with mine.reading() as session:
        rung = lanes_with_work(session, utcnow())
    for sender in rung:
        mine.lane(sender).run()


def pause_and_tick(url: str, log: str, workspace: UUID, campaign: UUID, people: int, limit: int) -> None:
    with process(url, log) as mine:
        for n, _ in enumerate(until(lambda: is_over(mine, people, limit))):
            if n % 4 == 0:
                verb = launching.resume if n % 8 else launching.pause
                try:
                    with mine.sessions.begin() as session:
                        verb(session, workspace, campaign, now=utcnow(), by=None)
                except Refused:
                    pass  # it is so already, or completed
            tick(mine)


def change_ones_mind(url: str, log: str, workspace: UUID, by: str, people: int, limit: int) -> None:
    chance = Random(by)
    with process(url, log) as mine:
        for _ in until(lambda: is_over(mine, people, limit)):
            with mine.sessions.begin() as session:
                entry = tasking.take(session, workspace, EVERY, now=utcnow(), by=by)
            if entry is None:
                continue
            try:
                say_or_take_back(mine, workspace, entry.message.id, by, chance)
            except Refused:
                mine.write("refused", by)


def say_or_take_back(mine: Process, workspace: UUID, message: UUID, by: str, chance: Random) -> None:
    outcome = chance.choice(["done", "done", "skip", "not_possible"])
    with mine.sessions.begin() as session:
        tasking.settle(session, workspace, message, outcome, now=utcnow(), by=by)
    if chance.random() < 0.4:
        time.sleep(0.3 * chance.random())  # others may have the place by now
        with mine.sessions.begin() as session:
            last = tasking.last_settled(session, workspace, by, utcnow())
            if last is not None:
                tasking.undo(session, workspace, last[0].id, now=utcnow(), by=by)
                mine.write("undone", by)


def watch_the_limit(url: str, log: str, seat: UUID, people: int, limit: int) -> None:
    with process(url, log) as mine:
        for _ in until(lambda: is_over(mine, people, limit)):
            with mine.reading() as session:
                both = select(
                    select(func.count()).where(SenderUse.sender_id == seat).scalar_subquery()
                    + select(func.count()).where(Task.sender_id == seat).scalar_subquery()
                )
                mine.write("used", session.scalar(both))


def play_a_part(part: str, *arguments: Any) -> None:
    globals()[part](*arguments)


def test_a_limit_is_never_overrun_while_a_team_a_lane_and_a_pause_are_at_work(db: Database, log: str) -> None:
    people, limit = 40, 25
    workspace, campaign, seat = stage(db, people, limit)
    run_together(
        play_a_part,
        [
            ("pause_and_tick", db.url, log, workspace, campaign, people, limit),
            ("change_ones_mind", db.url, log, workspace, "ann@example.com", people, limit),
            ("change_ones_mind", db.url, log, workspace, "bob@example.com", people, limit),
            ("watch_the_limit", db.url, log, seat, people, limit),
        ],
    )
    used = [int(row[0]) for row in lines(log, "used")]
    assert used
    assert max(used) <= limit
    assert lines(log, "undone")
    with db.sessions() as session:
        messages = session.scalars(select(Message)).all()
        sent = {one.id for one in messages if one.status == "sent"}
        assert sent == set(session.scalars(select(SenderUse.id)))
        assert len(sent) <= limit
        assert sum(session.scalars(select(SenderDay.used))) == len(sent)
        # Nobody is lost: each waits in the line, is a task, or is settled.
        tasks = set(session.scalars(select(Task.prospect_id)))
        for one in session.scalars(select(Prospect)):
            waits = one.due_at is not None or one.id in tasks
            assert waits or one.status in ("completed", "failed", "connection_sent", "timed_out"), vars(one)
        assert tasks == {one.prospect_id for one in messages if one.status == "task"}
