"""Entrusting a step to a person, where nobody else does it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from campaigns.models.message import TASK
from campaigns.models.sender import Sender
from campaigns.models.task import Task
from campaigns.rules.outgoing import Approach, Outgoing
from campaigns.sending.person import Person, Settled, take_out, take_turn, words_of, write_message

_new_task = insert(Task.__table__)  # type: ignore[arg-type]


def entrust(
    session: Session,
    person: Person,
    sender: Sender,
    message_id: UUID,
    outgoing: Outgoing | Approach,
    now: datetime,
    gap: timedelta,
) -> Settled:
    """The step becomes a task. It is counted once it is done; until then it is taken for done where limits are read."""
    campaign, prospect = person.campaign, person.prospect
    write_message(session, person, sender, message_id, words_of(outgoing) | {"status": TASK}, now)
    task = {
        "message_id": message_id,
        "workspace_id": campaign.workspace_id,
        "campaign_id": campaign.id,
        "prospect_id": prospect.id,
        "sender_id": sender.id,
        "step": person.node.type,
        "due_at": prospect.due_at,
        "since": now,
    }
    session.connection().execute(_new_task, task)
    prospect.due_at, prospect.updated_at = None, now
    take_out(session, prospect)
    if not prospect.contacted:
        take_turn(session, campaign.id, sender.id, now)
    sender.next_send_at = now + gap
    return Settled()
