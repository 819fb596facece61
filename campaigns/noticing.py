"""Noticing opens: many at once, for the picture itself is answered from memory."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.message import SENT, Message
from campaigns.rules.opens import is_machine

_message: Any = Message.__table__
_count = (
    update(_message)
    .where(_message.c.id == bindparam("own_id"))
    .values(
        opens=_message.c.opens + bindparam("by_people"),
        machine_opens=_message.c.machine_opens + bindparam("by_machines"),
        opened_at=func.coalesce(_message.c.opened_at, bindparam("first", type_=_message.c.opened_at.type)),
    )
)


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
    # In order, so that two who write at once do not wait for each other in a circle.
    found = session.execute(tracked.order_by(Message.id)).all()
    counted = [_counted(message_id, sent_at, by_message[message_id]) for message_id, sent_at in found]
    if counted:
        session.connection().execute(_count, counted)


def _counted(message_id: UUID, sent_at: datetime | None, hits: Sequence[Hit]) -> dict[str, Any]:
    people = [hit.at for hit in hits if not is_machine(hit.agent, hit.at - (sent_at or hit.at))]
    machines = len(hits) - len(people)
    return {"own_id": message_id, "by_people": len(people), "by_machines": machines, "first": min(people, default=None)}
