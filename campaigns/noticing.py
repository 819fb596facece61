"""Noticing opens: many at once, for the picture itself is answered from memory."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.message import SENT, Message
from campaigns.rules.opens import is_machine


@dataclass(frozen=True)
class Hit:
    """The picture of a message was loaded at this instant, by a program that calls itself `agent`."""

    message_id: UUID
    at: datetime
    agent: str


def notice(session: Session, hits: Sequence[Hit]) -> None:
    """Count opens by people and by machines apart. Messages that are gone, and campaigns that do not track, count
    nothing."""
    by_message = defaultdict(list)
    for hit in hits:
        by_message[hit.message_id].append(hit)
    tracked = (
        select(Message.id, Message.sent_at)
        .join(Campaign, Campaign.id == Message.campaign_id)
        .where(Message.id.in_(by_message), Message.status == SENT, Campaign.open_tracking.is_(True))
    )
    for message_id, sent_at in session.execute(tracked.order_by(Message.id)).all():
        own = by_message[message_id]
        people = [hit.at for hit in own if not is_machine(hit.agent, hit.at - (sent_at or hit.at))]
        counted: dict[str, Any] = {
            "opens": Message.opens + len(people),
            "machine_opens": Message.machine_opens + len(own) - len(people),
        }
        if people:
            counted["opened_at"] = func.coalesce(Message.opened_at, min(people))
        session.execute(
            update(Message).where(Message.id == message_id).values(counted),
            execution_options={"synchronize_session": False},
        )
