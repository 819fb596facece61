"""Sweeping: tasks whose gates have closed go back into the line. A task is a fact as long as all of them are open."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from campaigns.models.facts import sender_used, week_uses
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.task import Task, open_tasks, take_back
from campaigns.models.workspace import Workspace
from campaigns.rules.days import local_day
from campaigns.tasking.queue import ORDER, is_open, joined

# Tasks of an account that one sweep takes back at most, for each reason: a transaction stays short.
MOST_AT_ONCE = 500

# Which tasks of an account, and how many of them there is room for.
Crowd = tuple[ColumnElement[bool], int]


def sweep(session: Session, now: datetime) -> None:
    """Take back every task whose gates are not all open any more, and those for which a limit that was lowered has no
    room. An account or a person that somebody is at work on is left for the next sweep."""
    closed = joined().where(~is_open(session, now)).with_only_columns(Task.sender_id)
    shut = set(session.scalars(closed.distinct()))
    for sender, zone in session.execute(_with_tasks()).all():
        crowds = _crowds(session, sender, zone, now)
        if (sender.id in shut or crowds) and _lock(session, sender):
            _take_back_all(session, sender, joined().where(~is_open(session, now)))
            for which, room in crowds:
                _take_back_all(session, sender, joined().where(which).offset(max(room, 0)))


def _with_tasks() -> Any:
    accounts = select(Sender, Workspace.timezone).join(Workspace, Workspace.id == Sender.workspace_id)
    return accounts.where(Sender.id.in_(select(Task.sender_id)))


def _crowds(session: Session, sender: Sender, zone: str, now: datetime) -> list[Crowd]:
    """Where there are more tasks than a limit has room for: those of a kind in the week, all of them in the day."""
    tasks, today = open_tasks(session, sender.id), local_day(now, zone)
    rooms: list[tuple[ColumnElement[bool], int, int]] = [
        (Task.step == step, number, (sender.weekly_limit(step) or 0) - len(week_uses(session, sender.id, step, now)))
        for step, number in tasks.items()
    ]
    rooms.append((true(), sum(tasks.values()), sender.limit_on(today) - sender_used(session, sender.id, today)))
    return [(which, room) for which, number, room in rooms if number > room]


def _lock(session: Session, sender: Sender) -> bool:
    own = select(Sender).where(Sender.id == sender.id).with_for_update(key_share=True, skip_locked=True)
    return session.scalar(own, execution_options={"populate_existing": True}) is not None


def _take_back_all(session: Session, sender: Sender, tasks: Any) -> None:
    """The tasks of an account, which is locked."""
    own = tasks.where(Task.sender_id == sender.id).order_by(*ORDER).limit(MOST_AT_ONCE)
    locked = own.with_for_update(of=(Task, Message, Prospect), skip_locked=True)
    for task, message, prospect, *_ in session.execute(locked).all():
        take_back(session, task, message, prospect)
        sender.look_after(task.step, None)
    session.flush()
