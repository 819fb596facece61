"""Whose turn it may be: the person, the campaign and the message of their step, locked, and what is written of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, insert, select, text, update
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignSender, Node
from campaigns.models.journey import leave
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
from campaigns.models.saving import Reader, Saver
from campaigns.models.sender import Sender
from campaigns.rules.outgoing import Approach, Outgoing
from campaigns.sending.steps import Steps

_PERSON: Any = bindparam("prospect_id")
_its_campaign = (
    select(Campaign.id)
    .where(Campaign.id == select(Prospect.campaign_id).where(Prospect.id == _PERSON).scalar_subquery())
    .with_for_update(read=True)
)
_itself = select(Prospect.id).where(Prospect.id == _PERSON).with_for_update()
_read = Reader(Campaign, Prospect)
_free = (
    select(*_read.columns, Message.id, Message.status, Message.attempts)
    .select_from(Campaign)
    .join(Prospect, Prospect.campaign_id == Campaign.id)
    .outerjoin(Message, and_(Message.prospect_id == Prospect.id, Message.node_id == Prospect.current_node_id))
    .where(Prospect.id == _PERSON)
    .with_for_update(read=True, of=Campaign, skip_locked=True)
    .suffix_with(text("FOR UPDATE OF prospect SKIP LOCKED"), dialect="postgresql")
)
_pair: Any = CampaignSender.__table__
_turn = update(_pair).where(
    CampaignSender.campaign_id == bindparam("of_campaign"), CampaignSender.sender_id == bindparam("of_sender")
)
_message: Any = Message.__table__
_new_message = insert(_message)
_another_try = update(_message).where(Message.id == bindparam("own_id"))
take_out = Saver(Prospect, "due_at", "counted_on", "updated_at")
let_go = Saver(Prospect, "status", "status_reason", "skipped_for", "due_at", "paused_at", "held_due_at", "updated_at")
pass_by = Saver(
    Prospect, "status", "status_reason", "current_node_id", "contacted", "connected_at", "due_at", "updated_at"
)


class Settled:
    """The prospect needs no message now: it moved on, left, is held back, or somebody else has it in hand."""


@dataclass(frozen=True)
class Person:
    """Somebody whose turn it may be, locked after their campaign; and the message of their step, if there is one, its
    status and how often it was tried."""

    campaign: Campaign
    prospect: Prospect
    node: Node
    message_id: UUID | None
    status: str | None
    attempts: int


def wait_for(session: Session, prospect_id: UUID) -> None:
    """Lock the campaign (shared, so that lanes of one campaign do not wait for each other), then the prospect."""
    session.execute(_its_campaign, {"prospect_id": prospect_id})
    session.execute(_itself, {"prospect_id": prospect_id})


def find(session: Session, steps: Steps, prospect_id: UUID) -> Person | None:
    """Lock the person and their campaign; None where they are gone, have no step, or are locked by somebody else."""
    found = _read(session, _free, {"prospect_id": prospect_id})
    if found is None:
        return None
    campaign, prospect, message_id, status, attempts = found
    nodes = steps.of(session, campaign.id, campaign.version)
    node = next((node for node in nodes if node.id == prospect.current_node_id), None)
    return Person(campaign, prospect, node, message_id, status, attempts or 0) if node else None


def let_leave(session: Session, prospect: Prospect, status: str, reason: str | None, now: datetime) -> Settled:
    """Out of the sequence."""
    leave(prospect, status, reason, now)
    let_go(session, prospect)
    return Settled()


def words_of(outgoing: Outgoing | Approach) -> dict[str, Any]:
    """What a message row keeps of it."""
    if isinstance(outgoing, Approach):
        return {"body": outgoing.text}
    return {"rfc_message_id": outgoing.message_id, "subject": outgoing.subject, "body": outgoing.body}


def write_message(
    session: Session, person: Person, sender: Sender, message_id: UUID, words: dict[str, Any], now: datetime
) -> None:
    """The one row of this prospect and node: a new one, or the one that waits for another try."""
    written = {
        "claimed_at": now,
        "error": None,
        "attempts": person.attempts + 1,
        "sender_account_id": sender.id,
    } | words
    if person.message_id is not None:
        session.connection().execute(_another_try, {"own_id": message_id} | written)
        return
    ids = {"id": message_id, "campaign_id": person.campaign.id, "prospect_id": person.prospect.id}
    session.connection().execute(_new_message, ids | {"node_id": person.node.id} | written)


def take_turn(session: Session, campaign_id: UUID, sender_id: UUID, now: datetime) -> None:
    """A campaign has had its turn with a new person of this account."""
    whose = {"of_campaign": campaign_id, "of_sender": sender_id}
    session.connection().execute(_turn, whose | {"last_turn_at": now})
