"""The queue: which tasks are open, whose turn it is, and who has which before them."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import find_campaign, find_sender
from campaigns.models.gate import Gate
from campaigns.models.journey import acquainted
from campaigns.models.message import TASK, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.suppression import domain_in
from campaigns.models.task import Task
from campaigns.models.workspace import Suppression
from campaigns.models.writing import compose
from campaigns.rules import lifecycle
from campaigns.rules.outgoing import Approach
from campaigns.rules.placeholders import BrokenTemplate, MissingValue
from campaigns.rules.refusals import NotFound
from campaigns.rules.seats import ASSISTED
from campaigns.rules.sequence import CONNECTION_REQUEST

# For so long a task is before one person alone.
HELD_FOR = timedelta(minutes=10)
# Those who were written to before come first, then whoever has been due the longest.
ORDER = (Prospect.contacted.desc(), Task.due_at, Task.message_id)


@dataclass(frozen=True)
class Filter:
    """Which tasks: those of an account, those of a campaign."""

    sender_id: UUID | None = None
    campaign_id: UUID | None = None


EVERY = Filter()


@dataclass(frozen=True)
class Entry:
    """A task, and all that somebody needs who does it."""

    task: Task
    message: Message
    prospect: Prospect
    campaign: Campaign
    sender: Sender


def joined() -> Select[Task, Message, Prospect, Campaign, Sender]:
    """Tasks with all they are about."""
    return (
        select(Task, Message, Prospect, Campaign, Sender)
        .select_from(Task)
        .join(Message, Message.id == Task.message_id)
        .join(Prospect, Prospect.id == Task.prospect_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(Sender, Sender.id == Task.sender_id)
    )


def is_open(session: Session, now: datetime) -> ColumnElement[bool]:
    """Whether every gate of a task is open, in a query of those that are `joined`. Limits are not asked: an open task
    has its place in them since it was made."""
    hours = exists().where(
        Gate.campaign_id == Task.campaign_id, Gate.clock == Prospect.clock, Gate.opens_at <= now, Gate.closes_at > now
    )
    # The list itself ends only whom it knows by their profile.
    email = func.lower(Prospect.email)
    names = (Prospect.identity, email, domain_in(session, email))
    suppressed = exists().where(Suppression.workspace_id == Task.workspace_id, Suppression.value.in_(names))
    return and_(
        Message.status == TASK,
        Campaign.status == lifecycle.ACTIVE,
        Sender.status == "active",
        Sender.provider == ASSISTED,
        Prospect.status.not_in(lifecycle.TERMINAL),
        Prospect.paused_at.is_(None),
        hours,
        ~suppressed,
        or_(Task.step != CONNECTION_REQUEST, ~acquainted(Prospect).correlate(Prospect).exists()),
    )


def _wanted(
    session: Session, workspace_id: UUID, wanted: Filter, now: datetime
) -> Select[Task, Message, Prospect, Campaign, Sender]:
    """Raises NotFound for a stranger's account or campaign."""
    query = joined().where(Task.workspace_id == workspace_id, is_open(session, now))
    if wanted.sender_id:
        query = query.where(Task.sender_id == find_sender(session, workspace_id, wanted.sender_id).id)
    if wanted.campaign_id:
        query = query.where(Task.campaign_id == find_campaign(session, workspace_id, wanted.campaign_id).id)
    return query


def listed(
    session: Session, workspace_id: UUID, wanted: Filter, now: datetime, *, page: int, limit: int
) -> tuple[list[Entry], int]:
    """One page of the queue, and how many tasks are open. Raises NotFound for a stranger's account or campaign."""
    query = _wanted(session, workspace_id, wanted, now).order_by(*ORDER)
    rows = session.execute(query.limit(limit).offset((page - 1) * limit))
    return [Entry(*row) for row in rows], count(session, workspace_id, wanted, now)


def count(session: Session, workspace_id: UUID, wanted: Filter, now: datetime) -> int:
    """How many tasks are open, whoever has them before them. Raises NotFound as `listed` does."""
    query: Select[Any] = _wanted(session, workspace_id, wanted, now).with_only_columns(func.count())
    return session.scalar(query) or 0


def open_count(session: Session, workspace_id: UUID, now: datetime) -> int | None:
    """The same of the whole workspace; None where there can be none: neither a seat that a person works nor a LinkedIn
    campaign is there."""
    seat = exists().where(Sender.workspace_id == workspace_id, Sender.provider == ASSISTED)
    campaign = exists().where(Campaign.workspace_id == workspace_id, Campaign.type == lifecycle.LINKEDIN)
    used = session.scalar(select(or_(seat, campaign)))
    return count(session, workspace_id, EVERY, now) if used else None


def find_step(session: Session, workspace_id: UUID, message_id: UUID) -> Message:
    """The message of a LinkedIn step that is, was or may be a task. Raises NotFound, for a stranger's too."""
    own = select(Message).join(Campaign, Campaign.id == Message.campaign_id)
    own = own.where(Campaign.workspace_id == workspace_id, Campaign.type == lifecycle.LINKEDIN)
    message = session.scalar(own.where(Message.id == message_id))
    if message is None:
        raise NotFound("task")
    return message


def task_of(session: Session, prospect_id: UUID) -> UUID | None:
    """The task of a person, where there is one: the id of its message."""
    return session.scalar(select(Task.message_id).where(Task.prospect_id == prospect_id))


def take(
    session: Session,
    workspace_id: UUID,
    wanted: Filter,
    *,
    now: datetime,
    by: str,
    message_id: UUID | None = None,
) -> Entry | None:
    """Put the next task before somebody, or `message_id`'s: nobody else gets it within HELD_FOR. The one that they had
    before them comes first, and any other one is let go. None if nothing is open and free. Raises NotFound."""
    mine = Task.taken_by == by
    free = or_(Task.taken_by.is_(None), mine, Task.taken_at <= now - HELD_FOR)
    query = _wanted(session, workspace_id, wanted, now).where(free)
    if message_id is not None:
        query = query.where(Task.message_id == message_id)
    first = query.order_by(case((mine, 0), else_=1), *ORDER).limit(1)
    row = session.execute(first.with_for_update(of=(Task, Message), skip_locked=True)).first()
    if row is None:
        return None
    entry = Entry(*row)
    _fill_in(session, entry, now)
    entry.task.taken_by, entry.task.taken_at = by, now
    others = update(Task).where(mine, Task.message_id != entry.task.message_id)
    session.execute(others.values(taken_by=None, taken_at=None), execution_options={"synchronize_session": False})
    return entry


def _fill_in(session: Session, entry: Entry, now: datetime) -> None:
    """The words as they are now: a task may have waited for days, and a step or a name been corrected since. What
    cannot be filled in any more stays as it was."""
    node, message = session.get_one(Node, entry.message.node_id), entry.message
    with suppress(MissingValue, BrokenTemplate):
        approach = compose(session, entry.campaign, entry.prospect, entry.sender, node, message.id, now)
        if isinstance(approach, Approach):
            message.body = approach.text
