"""Metering: the numbers behind `/metrics`.

Asked for every few seconds, of any installation: so nothing here counts people or messages that are done with. What
happened is added up as it happens (models.sender, models.meter); what is the case is read from the short ends of
indices, or from rows that are as many as there are campaigns and accounts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import AccountLimit, Campaign, CampaignDay, CampaignSender, Node
from campaigns.models.gate import Gate
from campaigns.models.limits import has_room
from campaigns.models.mailbox import Mailbox
from campaigns.models.message import SENDING, TASK, UNKNOWN, WAITING, Message
from campaigns.models.meter import BEYOND, BOUNDS, WakeUpMeter
from campaigns.models.sender import HINTS, OUTCOMES, Sender, SenderDay
from campaigns.models.workspace import Workspace
from campaigns.rules.days import local_day
from campaigns.rules.lifecycle import ACTIVE, CAMPAIGN_STATUSES

# Messages that are not done with.
OPEN = (SENDING, WAITING, UNKNOWN, TASK)


@dataclass(frozen=True)
class Histogram:
    """Upper bound in seconds, None for none -> how many took no longer; how many, and seconds, in all."""

    upto: tuple[tuple[float | None, int], ...]
    count: int
    seconds: float


def wake_ups(session: Session) -> Histogram:
    """How long wake-ups took since the first one, from the edit to the end of the re-check. A dozen rows."""
    rows = {row.upto_ms: row for row in session.scalars(select(WakeUpMeter))}
    upto: list[tuple[float | None, int]] = []
    so_far = 0
    for bound in (*BOUNDS, BEYOND):
        so_far += rows[bound].n if bound in rows else 0
        upto.append((bound / 1000 if bound != BEYOND else None, so_far))
    return Histogram(tuple(upto), so_far, sum(row.total_ms for row in rows.values()) / 1000)


def outcomes(session: Session) -> Iterator[tuple[UUID, str, int]]:
    """Account, one of OUTCOMES, how often since the account was added. One row an account."""
    columns = [getattr(Sender, f"ever_{outcome}") for outcome in OUTCOMES]
    for sender_id, *counts in session.execute(select(Sender.id, *columns).order_by(Sender.id)):
        yield from ((sender_id, outcome, count) for outcome, count in zip(OUTCOMES, counts, strict=True) if count)


def open_messages(session: Session) -> dict[str, int]:
    """Status -> how many messages are not done with: short stretches of ix_message_status."""
    query = select(Message.status, func.count()).where(Message.status.in_(OPEN)).group_by(Message.status)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {status: found.get(status, 0) for status in OPEN}


def senders_by_status(session: Session) -> dict[str, int]:
    """Status -> how many accounts."""
    return {row[0]: row[1] for row in session.execute(select(Sender.status, func.count()).group_by(Sender.status))}


@dataclass(frozen=True)
class Mailboxes:
    """Of the accounts in use that have a mailbox: how many; how many cannot be read now; and since when the one is not
    read that was read the longest ago."""

    known: int
    failing: int
    oldest: datetime | None


def mailboxes(session: Session) -> Mailboxes:
    """How well answers are heard. One row an account."""
    failing = func.sum(case((Mailbox.failures > 0, 1), else_=0))
    query = (
        select(func.count(), failing, func.min(func.coalesce(Mailbox.read_at, Sender.created_at)))
        .select_from(Sender)
        .outerjoin(Mailbox, Mailbox.sender_account_id == Sender.id)
        .where(Sender.hears, Sender.status == "active")
    )
    known, failed, oldest = session.execute(query).one()
    return Mailboxes(known, int(failed or 0), oldest)


def campaigns_by_status(session: Session) -> dict[str, int]:
    """Status -> how many campaigns: ix_campaign_status, from end to end."""
    query = select(Campaign.status, func.count()).group_by(Campaign.status)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {status: found.get(status, 0) for status in CAMPAIGN_STATUSES}


def gates(session: Session, now: datetime) -> dict[str, tuple[int, int]]:
    """Gate -> how many active campaigns find it open, and closed.

    A campaign's hours are open if they are on any of its clocks; its senders' gates, if they are for any sender. By
    keys of campaigns, gates, accounts and of today's counts.
    """
    active = select(Workspace.timezone).join(Campaign, Campaign.workspace_id == Workspace.id)
    zones = session.scalars(active.where(Campaign.status == ACTIVE).distinct()).all()
    states = dict.fromkeys(GATES, (0, 0))
    for zone in zones:
        total, *opened = session.execute(_gates_in(zone, now)).one()
        for name, count in zip(GATES, opened, strict=True):
            before = states[name]
            states[name] = (before[0] + int(count or 0), before[1] + total - int(count or 0))
    return states


GATES = ("operating_hours", "campaign_daily_limit", "sender_status", "sender_daily_limit", "sender_weekly_limit")


def _gates_in(zone: str, now: datetime) -> Any:
    """How many campaigns are active where the day is that of `zone`, and for how many each of GATES is open."""
    today = local_day(now, zone)
    hours = exists().where(Gate.campaign_id == Campaign.id, Gate.opens_at <= now, Gate.closes_at > now)
    able = (
        select(CampaignSender.sender_id)
        .join(Sender, Sender.id == CampaignSender.sender_id)
        .where(CampaignSender.campaign_id == Campaign.id, Sender.status == "active")
    )
    own_limit = and_(AccountLimit.campaign_id == Campaign.id, AccountLimit.sender_id == Sender.id)
    with_room = (
        able.outerjoin(SenderDay, and_(SenderDay.sender_id == Sender.id, SenderDay.day == today))
        .outerjoin(AccountLimit, own_limit)
        .where(has_room(SenderDay.used, today))
    )
    in_week = able.where(*(_week_has_room(step, now) for step in HINTS))
    day = and_(CampaignDay.campaign_id == Campaign.id, CampaignDay.day == today)
    room = or_(Campaign.daily_limit.is_(None), func.coalesce(CampaignDay.used, 0) < Campaign.daily_limit)
    is_open_now = (hours, room, able.exists(), with_room.exists(), in_week.exists())
    counted = [func.sum(case((is_open, 1), else_=0)) for is_open in is_open_now]
    return (
        select(func.count(), *counted)
        .select_from(Campaign)
        .join(Workspace, Workspace.id == Campaign.workspace_id)
        .outerjoin(CampaignDay, day)
        .where(Campaign.status == ACTIVE, Workspace.timezone == zone)
    )


def _week_has_room(step: str, now: datetime) -> Any:
    """Whether an account's week has room for a kind of step, or the campaign has none of it. As lanes know it, who take
    no more than a few minutes to find out."""
    hint = getattr(Sender, HINTS[step])
    needed = exists().where(Node.campaign_id == Campaign.id, Node.type == step)
    return or_(hint.is_(None), hint <= now, ~needed)
