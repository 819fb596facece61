"""Watching a workspace: what is stuck, and will not go on by itself.

The page is opened when something is wrong, and its count stands on every page: so all of it is read from the short
ends of indices and from kept counts, whatever the number of people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignSender, Node
from campaigns.models.conversation import Answer
from campaigns.models.facts import UNREAD
from campaigns.models.gate import Gate
from campaigns.models.lanes import Candidate, candidates, lanes_with_work
from campaigns.models.mailbox import Mailbox
from campaigns.models.message import FAILED, UNKNOWN, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender, SenderUse
from campaigns.models.tally import prospect_count, prospect_due
from campaigns.models.task import Task
from campaigns.models.wake_up import WakeUp
from campaigns.models.workspace import Workspace
from campaigns.rules import lifecycle
from campaigns.rules.days import day_began

# One failure of an account may pass; two in a row are worth looking at.
REPEATED = 2
# Work that could leave and does not for this long is not waiting for its turn: nobody works.
PATIENCE = timedelta(minutes=1)
WAKE_UP_PATIENCE = timedelta(seconds=30)
# Tasks are left alone over a weekend.
NEGLECT = timedelta(days=3)
# Lists of a page that is for people to act on. What is left out comes up as the first ones are settled.
MOST_LANES, MOST_ANSWERS, MOST_CAMPAIGNS, MOST_HELD_BACK = 20, 20, 50, 5000

_due, _count = prospect_due.c, prospect_count.c


@dataclass(frozen=True)
class Unsettled:
    """A message whose outcome is unknown, and what a person has to know to say what happened."""

    message: Message
    prospect: Prospect
    campaign: Campaign
    node: Node
    sender: Sender | None


def _unsettled(workspace_id: UUID, *columns: Any) -> Any:
    """ix_message_status gives those of all workspaces: they are few."""
    query = select(*columns).select_from(Message).join(Campaign, Campaign.id == Message.campaign_id)
    return query.where(Message.status == UNKNOWN, Campaign.workspace_id == workspace_id)


def unsettled_count(session: Session, workspace_id: UUID) -> int:
    """How many messages wait for a person's word."""
    return session.scalar(_unsettled(workspace_id, func.count())) or 0


def unsettled(session: Session, workspace_id: UUID, *, page: int, limit: int) -> list[Unsettled]:
    """One page of them, the oldest first."""
    query = (
        _unsettled(workspace_id, Message, Prospect, Campaign, Node, Sender)
        .join(Prospect, Prospect.id == Message.prospect_id)
        .join(Node, Node.id == Message.node_id)
        .outerjoin(Sender, Sender.id == Message.sender_account_id)
        .order_by(Message.claimed_at, Message.id)
    )
    return [Unsettled(*row) for row in session.execute(query.limit(limit).offset((page - 1) * limit))]


def _unsettled_answers(workspace_id: UUID, *columns: Any) -> Any:
    """ix_answer_status gives those of all workspaces: they are few."""
    return select(*columns).where(Answer.status == UNKNOWN, Answer.workspace_id == workspace_id)


def unsettled_answers(session: Session, workspace_id: UUID) -> list[tuple[Answer, Prospect]]:
    """The first answers by hand whose outcome is unknown, and whom they were written to."""
    query = _unsettled_answers(workspace_id, Answer, Prospect).join(Prospect, Prospect.id == Answer.prospect_id)
    rows = session.execute(query.order_by(Answer.claimed_at, Answer.id).limit(MOST_ANSWERS))
    return [(answer, prospect) for answer, prospect in rows]


def waiting_count(session: Session, workspace_id: UUID) -> int:
    """How many things wait for a person: messages and answers to settle, and accounts that cannot be used."""
    answers = session.scalar(_unsettled_answers(workspace_id, func.count(Answer.id))) or 0
    return unsettled_count(session, workspace_id) + answers + failing_count(session, workspace_id)


def campaigns_of(session: Session, workspace_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Message id -> campaign id, for those of this workspace."""
    # Not joined: SQLite would start from the workspace's campaigns and read all of their messages.
    own = select(Campaign.id).where(Campaign.workspace_id == workspace_id)
    query = select(Message.id, Message.campaign_id).where(Message.id.in_(message_ids), Message.campaign_id.in_(own))
    return {row[0]: row[1] for row in session.execute(query)}


@dataclass(frozen=True)
class Failing:
    """An account that cannot be used, and how many people in how many running campaigns are due and wait for it."""

    sender: Sender
    people: int
    campaigns: int


def _is_failing(workspace_id: UUID) -> ColumnElement[bool]:
    """Accounts that need a person, that failed again and again, or that were put aside while campaigns need them."""
    needed = exists().where(
        CampaignSender.sender_id == Sender.id,
        Campaign.id == CampaignSender.campaign_id,
        Campaign.status == lifecycle.ACTIVE,
    )
    aside = and_(Sender.status == "disconnected", needed)
    broken = or_(Sender.status == "needs_attention", Sender.failures >= REPEATED, aside)
    return and_(Sender.workspace_id == workspace_id, broken)


def failing_count(session: Session, workspace_id: UUID) -> int:
    """How many accounts cannot be used."""
    return session.scalar(select(func.count()).select_from(Sender).where(_is_failing(workspace_id))) or 0


def failing(session: Session, workspace_id: UUID, now: datetime) -> list[Failing]:
    """The accounts that cannot be used, the oldest first."""
    senders = session.scalars(select(Sender).where(_is_failing(workspace_id)).order_by(Sender.id)).all()
    held = _due_by_sender(session, [sender.id for sender in senders], now)
    return [Failing(sender, *held.get(sender.id, (0, 0))) for sender in senders]


def _due_by_sender(session: Session, sender_ids: Sequence[UUID], now: datetime) -> dict[UUID, tuple[int, int]]:
    """Sender id -> people who are due in active campaigns, and those campaigns."""
    if not sender_ids:
        return {}
    by_campaign = (
        select(_due.sender_account_id, func.sum(_due.n).label("people"))
        .join(Campaign, Campaign.id == _due.campaign_id)
        .where(_due.sender_account_id.in_(sender_ids), _due.due_at <= now, Campaign.status == lifecycle.ACTIVE)
        .group_by(_due.sender_account_id, _due.campaign_id)
        .having(func.sum(_due.n) > 0)
        .subquery()
    )
    people = func.sum(by_campaign.c.people)
    query = select(by_campaign.c.sender_account_id, people, func.count()).group_by(by_campaign.c.sender_account_id)
    return {row[0]: (int(row[1]), row[2]) for row in session.execute(query)}


@dataclass(frozen=True)
class Idle:
    """An account with work that could have left since an instant, and that no worker takes up."""

    sender: Sender
    people: int
    since: datetime


def idle(session: Session, workspace_id: UUID, now: datetime) -> list[Idle]:
    """Lanes whose first in line finds every gate open, and has done so for longer than PATIENCE."""
    workspace = session.get_one(Workspace, workspace_id)
    quiet = now - PATIENCE
    # As the tick finds them: due work, every gate open as far as rows tell, nobody at it.
    waiting = (
        select(Sender)
        .where(
            Sender.workspace_id == workspace_id,
            Sender.id.in_(lanes_with_work(session, now)),
            or_(Sender.next_send_at.is_(None), Sender.next_send_at <= quiet),
        )
        .order_by(Sender.id)
        .limit(MOST_LANES)
    )
    midnight = day_began(now, workspace.timezone)
    since: dict[UUID, datetime] = {}
    senders = session.scalars(waiting).all()
    for sender in senders:
        line = candidates(session, sender, workspace.timezone, now)
        since[sender.id] = max(midnight, _ready_since(session, sender, line[0])) if line else now
    late = [sender for sender in senders if since[sender.id] <= quiet]
    people = _due_by_sender(session, [sender.id for sender in late], now)
    return [Idle(sender, people.get(sender.id, (1, 1))[0], since[sender.id]) for sender in late]


def _ready_since(session: Session, sender: Sender, head: Candidate) -> datetime:
    """Since when every gate of the first in line is open, or later: limits and statuses change by edits."""
    own = (Gate.campaign_id == head.campaign_id, Gate.clock == head.clock, Campaign.id == Gate.campaign_id)
    opened, edited = session.execute(select(Gate.opens_at, Campaign.updated_at).where(*own)).one()
    return max(head.due_at, opened, edited, sender.updated_at, sender.next_send_at or opened)


@dataclass(frozen=True)
class Deaf:
    """An account whose follow-ups wait for its mailbox to be read; `error` says why it is not, where that is known."""

    sender: Sender
    read_at: datetime | None
    error: str | None


def deaf(session: Session, workspace_id: UUID, now: datetime) -> list[Deaf]:
    """The accounts that could send, and whose mailbox was not read lately, the oldest first."""
    new = and_(Mailbox.read_at.is_(None), Sender.updated_at <= now - PATIENCE)
    query = (
        select(Sender, Mailbox.read_at, Mailbox.error)
        .outerjoin(Mailbox, Mailbox.sender_account_id == Sender.id)
        .where(
            Sender.workspace_id == workspace_id,
            Sender.status == "active",
            Sender.hears,
            or_(new, Mailbox.read_at <= now - UNREAD),
        )
        .order_by(Sender.id)
    )
    return [Deaf(*row) for row in session.execute(query.limit(MOST_LANES))]


@dataclass(frozen=True)
class Untouched:
    """A seat whose tasks nobody does, since an instant."""

    sender: Sender
    tasks: int
    since: datetime


def untouched(session: Session, workspace_id: UUID, now: datetime) -> list[Untouched]:
    """Seats with open tasks of which nothing was done for NEGLECT, since the first of their campaigns was launched."""
    last = select(func.max(SenderUse.at)).where(SenderUse.sender_id == Sender.id).scalar_subquery()
    query = (
        select(Sender, func.count(), func.min(Campaign.launched_at), last)
        .join(Task, Task.sender_id == Sender.id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .where(Task.workspace_id == workspace_id)
        .group_by(Sender.id)
        .order_by(Sender.id)
    )
    found = [
        Untouched(sender, tasks, max(filter(None, (launched, used)), default=now))
        for sender, tasks, launched, used in session.execute(query)
    ]
    return [one for one in found if one.since <= now - NEGLECT][:MOST_LANES]


@dataclass(frozen=True)
class Halted:
    """A running campaign whose people are due, and which no account can send for."""

    campaign: Campaign
    people: int
    accounts: int


def halted(session: Session, workspace_id: UUID, now: datetime) -> list[Halted]:
    """Active campaigns with people due and no account that can send."""
    own = select(func.count()).where(CampaignSender.campaign_id == Campaign.id).scalar_subquery()
    able = exists().where(
        CampaignSender.campaign_id == Campaign.id,
        Sender.id == CampaignSender.sender_id,
        Sender.status == "active",
    )
    people = func.sum(_due.n)
    query = (
        select(Campaign, people, own)
        .join(prospect_due, _due.campaign_id == Campaign.id)
        .where(Campaign.workspace_id == workspace_id, Campaign.status == lifecycle.ACTIVE, _due.due_at <= now, ~able)
        .group_by(Campaign.id)
        .having(people > 0)
        .order_by(Campaign.id)
    )
    return [Halted(row[0], int(row[1]), row[2]) for row in session.execute(query.limit(MOST_CAMPAIGNS))]


def late_wake_ups(session: Session, workspace_id: UUID, now: datetime) -> list[tuple[WakeUp, Campaign]]:
    """Wake-ups that nobody carries out, the oldest first: those of ix_wake_up_finished_at that are not finished."""
    query = (
        select(WakeUp, Campaign)
        .join(Campaign, Campaign.id == WakeUp.campaign_id)
        .where(
            WakeUp.finished_at.is_(None),
            WakeUp.requested_at <= now - WAKE_UP_PATIENCE,
            Campaign.workspace_id == workspace_id,
        )
        .order_by(WakeUp.id)
    )
    return [(wake_up, campaign) for wake_up, campaign in session.execute(query.limit(MOST_CAMPAIGNS))]


@dataclass(frozen=True)
class HeldBack:
    """People of a running campaign who failed: for a `reason` before anything was handed over, for instance a missing
    value; or, without one, because a mail server refused the message."""

    campaign: Campaign
    reason: str | None
    people: int


def _reason() -> ColumnElement[str | None]:
    refused = exists().where(
        Message.prospect_id == Prospect.id, Message.node_id == Prospect.current_node_id, Message.status == FAILED
    )
    return case((refused, None), else_=func.coalesce(Prospect.status_reason, ""))


def held_back(session: Session, workspace_id: UUID) -> list[HeldBack]:
    """Who failed, by campaign and reason; of very many the first MOST_HELD_BACK of each campaign are looked at."""
    with_failed = (
        select(_count.campaign_id)
        .where(_count.status == lifecycle.FAILED)
        .group_by(_count.campaign_id)
        .having(func.sum(_count.n) > 0)
    )
    running = select(Campaign).where(
        Campaign.workspace_id == workspace_id,
        Campaign.status.in_((lifecycle.ACTIVE, lifecycle.PAUSED)),
        Campaign.id.in_(with_failed),
    )
    found = []
    for campaign in session.scalars(running.order_by(Campaign.id)):
        first = (
            select(_reason().label("reason"))
            .where(Prospect.campaign_id == campaign.id, Prospect.status == lifecycle.FAILED)
            .limit(MOST_HELD_BACK)
            .subquery()
        )
        grouped = select(first.c.reason, func.count()).group_by(first.c.reason).order_by(func.count().desc())
        found += [HeldBack(campaign, row[0], row[1]) for row in session.execute(grouped)]
    return found


def people_held_back(session: Session, campaign_id: UUID, reason: str | None, most: int) -> list[UUID]:
    """The first people of one group of `held_back`."""
    own = (Prospect.campaign_id == campaign_id, Prospect.status == lifecycle.FAILED)
    same = _reason().is_(None) if reason is None else _reason() == reason
    return list(session.scalars(select(Prospect.id).where(*own, same).order_by(Prospect.id).limit(most)))
