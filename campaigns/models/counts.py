"""Counting prospects, from indices."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, Node
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import SenderDay, SenderUse
from campaigns.rules import lifecycle
from campaigns.rules.gates import WEEK


def by_status(session: Session, campaign_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Campaign id -> status -> how many."""
    query = (
        select(Prospect.campaign_id, Prospect.status, func.count())
        .where(Prospect.campaign_id.in_(campaign_ids))
        .group_by(Prospect.campaign_id, Prospect.status)
    )
    counts: dict[UUID, dict[str, int]] = {campaign_id: {} for campaign_id in campaign_ids}
    for campaign_id, status, count in session.execute(query):
        counts[campaign_id][status] = count
    return counts


def by_node(session: Session, nodes: Iterable[Node]) -> dict[UUID, int]:
    """Node id -> how many prospects are at it."""
    ids = [node.id for node in nodes]
    query = select(Prospect.current_node_id, func.count()).where(Prospect.current_node_id.in_(ids))
    found = {row[0]: row[1] for row in session.execute(query.group_by(Prospect.current_node_id))}
    return {node_id: found.get(node_id, 0) for node_id in ids}


def nodes(session: Session, campaign_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Campaign id -> how many steps it has."""
    query = select(Node.campaign_id, func.count()).where(Node.campaign_id.in_(campaign_ids))
    found = {row[0]: row[1] for row in session.execute(query.group_by(Node.campaign_id))}
    return {campaign_id: found.get(campaign_id, 0) for campaign_id in campaign_ids}


def sent_on(session: Session, sender_ids: Sequence[UUID], day: date) -> dict[UUID, int]:
    """Sender id -> what it sent on `day` over all campaigns, where it sent anything."""
    query = select(SenderDay.sender_id, SenderDay.used).where(SenderDay.sender_id.in_(sender_ids))
    return {row[0]: row[1] for row in session.execute(query.where(SenderDay.day == day))}


def sent_in_week(session: Session, sender_ids: Sequence[UUID], now: datetime) -> dict[tuple[UUID, str], int]:
    """Sender id and LinkedIn step -> how many left in the 7 days before `now`, where any did."""
    query = (
        select(SenderUse.sender_id, SenderUse.step, func.count())
        .where(SenderUse.sender_id.in_(sender_ids), SenderUse.at > now - WEEK)
        .group_by(SenderUse.sender_id, SenderUse.step)
    )
    return {(row[0], row[1]): row[2] for row in session.execute(query)}


def due(session: Session, campaign_ids: Sequence[UUID], now: datetime) -> dict[UUID, int]:
    """Campaign id -> how many prospects are due: whoever of them is not being sent to sleeps."""
    query = (
        select(Prospect.campaign_id, func.count())
        .where(Prospect.campaign_id.in_(campaign_ids), Prospect.due_at <= now)
        .group_by(Prospect.campaign_id)
    )
    found = {row[0]: row[1] for row in session.execute(query)}
    return {campaign_id: found.get(campaign_id, 0) for campaign_id in campaign_ids}


def opened(session: Session, campaign_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Campaign id -> how many prospects opened a message."""
    query = (
        select(Message.campaign_id, func.count(Message.prospect_id.distinct()))
        .where(Message.campaign_id.in_(campaign_ids), Message.opened_at.is_not(None))
        .group_by(Message.campaign_id)
    )
    found = {row[0]: row[1] for row in session.execute(query)}
    return {campaign_id: found.get(campaign_id, 0) for campaign_id in campaign_ids}


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
    ids = [campaign.id for campaign in campaigns]
    statuses, asleep, read = by_status(session, ids), due(session, ids, now), opened(session, ids)
    return {
        campaign_id: {
            "total": sum(statuses[campaign_id].values()),
            **{name: statuses[campaign_id].get(name, 0) for name in STATS},
            "sleeping": asleep[campaign_id],
            "opened": read[campaign_id],
        }
        for campaign_id in ids
    }
