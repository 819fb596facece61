"""Counting prospects, from the sums that are kept of them; and what was sent, from indices."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, func, select, text
from sqlalchemy.orm import Session

from campaigns.models.base import EPOCH
from campaigns.models.campaign import Campaign, Node
from campaigns.models.message import Message
from campaigns.models.sender import SenderDay, SenderUse
from campaigns.models.tally import prospect_count, prospect_due
from campaigns.rules import lifecycle
from campaigns.rules.gates import WEEK

_count, _due = prospect_count.c, prospect_due.c
# Campaign id -> status -> how many, where there are any.
Statuses = dict[UUID, dict[str, int]]

# What every answer about a campaign counts is built once: building a statement takes longer than running it.
_IDS: BindParameter[UUID] = bindparam("ids", expanding=True)
_BY_STATUS = (
    select(_count.campaign_id, _count.status, func.sum(_count.n))
    .where(_count.campaign_id.in_(_IDS))
    .group_by(_count.campaign_id, _count.status)
)
_BY_NODE = (
    select(_count.current_node_id, func.sum(_count.n))
    .where(_count.campaign_id == bindparam("id"))
    .group_by(_count.current_node_id)
)
_SENT_ON = select(SenderDay.sender_id, SenderDay.used).where(
    SenderDay.sender_id.in_(_IDS), SenderDay.day == bindparam("day")
)
_DUE = (
    select(_due.campaign_id, func.sum(_due.n))
    .where(_due.campaign_id.in_(_IDS), _due.due_at <= bindparam("now"))
    .group_by(_due.campaign_id)
)
_OPENED = (
    select(Message.campaign_id, func.count(Message.prospect_id.distinct()))
    # Not "is not null": SQLite would take that for most of them, and read them all.
    .where(Message.campaign_id.in_(_IDS), Message.opened_at > EPOCH)
    .group_by(Message.campaign_id)
)


def by_status(session: Session, campaign_ids: Sequence[UUID]) -> Statuses:
    """How many prospects each campaign has in each status."""
    counts: Statuses = {campaign_id: {} for campaign_id in campaign_ids}
    for campaign_id, status, count in session.execute(_BY_STATUS, {"ids": campaign_ids}):
        if count:
            counts[campaign_id][status] = count
    return counts


def by_node(session: Session, campaign_id: UUID, *, waiting: bool = False) -> defaultdict[UUID, int]:
    """Node id -> how many prospects are at it; with `waiting` only those whose next step will come by itself.
    NOBODY's are at none."""
    query = _BY_NODE.where(_count.waiting) if waiting else _BY_NODE
    found: defaultdict[UUID, int] = defaultdict(int)
    found.update((row[0], row[1]) for row in session.execute(query, {"id": campaign_id}))
    return found


def total(session: Session, campaign_id: UUID, *, status: str | None = None, node_id: UUID | None = None) -> int:
    """How many prospects a campaign has, in all or in one status, at one step."""
    query = select(func.sum(_count.n)).where(_count.campaign_id == campaign_id)
    query = query.where(_count.status == status) if status else query
    query = query.where(_count.current_node_id == node_id) if node_id else query
    return session.scalar(query) or 0


def nodes(session: Session, campaign_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Campaign id -> how many steps it has."""
    query = select(Node.campaign_id, func.count()).where(Node.campaign_id.in_(campaign_ids))
    found = {row[0]: row[1] for row in session.execute(query.group_by(Node.campaign_id))}
    return {campaign_id: found.get(campaign_id, 0) for campaign_id in campaign_ids}


def sent_on(session: Session, sender_ids: Sequence[UUID], day: date) -> dict[UUID, int]:
    """Sender id -> what it sent on `day` over all campaigns, where it sent anything."""
    return {row[0]: row[1] for row in session.execute(_SENT_ON, {"ids": sender_ids, "day": day})}


def sent_in_week(session: Session, sender_ids: Sequence[UUID], now: datetime) -> dict[tuple[UUID, str], int]:
    """Sender id and LinkedIn step -> how many left in the 7 days before `now`, where any did."""
    if not sender_ids:
        return {}
    query = (
        select(SenderUse.sender_id, SenderUse.step, func.count())
        .where(SenderUse.sender_id.in_(sender_ids), SenderUse.at > now - WEEK)
        .group_by(SenderUse.sender_id, SenderUse.step)
    )
    return {(row[0], row[1]): row[2] for row in session.execute(query)}


def due(session: Session, campaign_ids: Sequence[UUID], now: datetime) -> dict[UUID, int]:
    """Campaign id -> how many prospects are due: whoever of them is not being sent to sleeps."""
    found = {row[0]: row[1] for row in session.execute(_DUE, {"ids": campaign_ids, "now": now})}
    return {campaign_id: found.get(campaign_id, 0) for campaign_id in campaign_ids}


def due_by_clock(session: Session, campaign_ids: Sequence[UUID], now: datetime) -> dict[UUID, dict[str, int]]:
    """Campaign id -> clock -> how many prospects of it are due, where any are."""
    query = select(_due.campaign_id, _due.clock, func.sum(_due.n))
    query = query.where(_due.campaign_id.in_(campaign_ids), _due.due_at <= now)
    found: dict[UUID, dict[str, int]] = {campaign_id: {} for campaign_id in campaign_ids}
    for campaign_id, clock, people in session.execute(query.group_by(_due.campaign_id, _due.clock)):
        if people:
            found[campaign_id][clock] = people
    return found


def due_in_line(session: Session, sender_id: UUID, contacted: bool, now: datetime) -> int:
    """How many prospects of an account are due in active campaigns: those written to before, or the new ones."""
    query = (
        select(func.sum(_due.n))
        .join(Campaign, Campaign.id == _due.campaign_id)
        .where(
            _due.sender_account_id == sender_id,
            _due.contacted.is_(contacted),
            _due.due_at <= now,
            Campaign.status == lifecycle.ACTIVE,
        )
    )
    return session.scalar(query) or 0


def opened(session: Session, campaign_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Campaign id -> how many prospects opened a message."""
    found = {row[0]: row[1] for row in session.execute(_OPENED, {"ids": campaign_ids})}
    return {campaign_id: found.get(campaign_id, 0) for campaign_id in campaign_ids}


def by_machines(session: Session, campaign_id: UUID) -> int:
    """For how many prospects of a campaign a machine loaded the picture of a message."""
    # In the words of its index, or SQLite would not see that it holds them all.
    loaded = (Message.campaign_id == campaign_id, text("machine_opens > 0"))
    return session.scalar(select(func.count(Message.prospect_id.distinct())).where(*loaded)) or 0


STATS = (
    lifecycle.PENDING,
    "sleeping",
    lifecycle.SENT,
    "opened",
    lifecycle.REPLIED,
    lifecycle.BOUNCED,
    lifecycle.UNSUBSCRIBED,
    lifecycle.COMPLETED,
    lifecycle.TIMED_OUT,
    lifecycle.FAILED,
    lifecycle.CONNECTION_SENT,
    lifecycle.CONNECTED,
    lifecycle.MESSAGE_SENT,
)


def stats(session: Session, campaigns: Sequence[Campaign], now: datetime) -> dict[UUID, dict[str, int]]:
    """`stats` of CONTRACT section 8 for each campaign: people by status, and two counts across statuses."""
    return stats_of(session, by_status(session, [campaign.id for campaign in campaigns]), now)


def stats_of(session: Session, statuses: Statuses, now: datetime) -> dict[UUID, dict[str, int]]:
    """The same for campaigns whose people are counted by status already."""
    ids = list(statuses)
    asleep, read = due(session, ids, now), opened(session, ids)
    return {
        campaign_id: {
            "total": sum(statuses[campaign_id].values()),
            **{name: statuses[campaign_id].get(name, 0) for name in STATS},
            "sleeping": asleep[campaign_id],
            "opened": read[campaign_id],
        }
        for campaign_id in ids
    }
