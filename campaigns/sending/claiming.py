"""Claiming: every gate checked once more, and the message written down before it is sent."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, CampaignSender, Node
from campaigns.models.facts import read_facts
from campaigns.models.gate import roll_gates
from campaigns.models.journey import leave
from campaigns.models.message import SENDING, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import LEASE, Sender
from campaigns.models.usage import count_sender, reserve
from campaigns.models.writing import compose
from campaigns.rules import lifecycle
from campaigns.rules.gates import Closed, Facts, eligible
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.placeholders import BrokenTemplate, MissingValue

log = logging.getLogger(__name__)

# How often a lane says that it lives, however slow its mail server is: several times within LEASE.
HEARTBEAT = timedelta(seconds=4)

GapOf = Callable[[Sender], timedelta]


@dataclass(frozen=True)
class Claim:
    """A message about to be handed over, committed as `sending`. `reserved` says that it took a place of the
    campaign's daily limit on `day`."""

    message_id: UUID
    campaign_id: UUID
    sender_id: UUID
    prospect_id: UUID
    outgoing: Outgoing
    day: date
    reserved: bool


class Settled:
    """The prospect needs no message now: it moved on, left, or is held back."""


class LeaseLost(Exception):
    """Another lane holds this sender's lease now; stop at once."""


def claim(
    session: Session,
    sender_id: UUID,
    token: str,
    prospect_id: UUID,
    clock: Callable[[], datetime],
    gap_of: GapOf,
) -> Claim | Closed | Settled:
    """Claim the prospect's next step for sending, or say which gate is closed after all.

    Raises LeaseLost. Locks the sender, then the campaign (shared, so that lanes of one campaign do not wait for
    each other), then the prospect. Only then it looks at the clock: a gate may close while it waits for them.
    """
    sender = session.scalar(select(Sender).where(Sender.id == sender_id).with_for_update(key_share=True))
    if sender is None or sender.lease_token != token:
        raise LeaseLost
    found = _lock(session, prospect_id)
    now = clock()
    sender.lease_until = now + LEASE
    if found is None:
        return Settled()
    campaign, prospect, node = found
    if prospect.sender_account_id != sender_id or prospect.due_at is None or node is None:
        return Settled()
    if node.type == "end" and prospect.due_at <= now:
        leave(prospect, lifecycle.COMPLETED, None, now)
        return Settled()
    facts = read_facts(session, campaign, prospect, sender, node, now)
    closed = eligible(facts, now)
    if closed is None:
        return _write_down(session, campaign, prospect, sender, node, facts, now, gap_of)
    if closed.gate == "suppressed":
        leave(prospect, lifecycle.UNSUBSCRIBED, closed.reason, now)
        return Settled()
    if closed.gate == "operating_hours":
        roll_gates(session, campaign, now)  # the row said open; hours are the truth
    return closed


def _lock(session: Session, prospect_id: UUID) -> tuple[Campaign, Prospect, Node | None] | None:
    its_campaign = select(Prospect.campaign_id).where(Prospect.id == prospect_id).scalar_subquery()
    query = select(Campaign).where(Campaign.id == its_campaign).options(joinedload(Campaign.workspace))
    campaign = session.scalar(query.with_for_update(read=True, of=Campaign))
    step = select(Prospect, Node).outerjoin(Node, Node.id == Prospect.current_node_id).where(Prospect.id == prospect_id)
    found = session.execute(step.with_for_update(of=Prospect)).one_or_none()
    return (campaign, found[0], found[1]) if campaign and found else None


def _write_down(
    session: Session,
    campaign: Campaign,
    prospect: Prospect,
    sender: Sender,
    node: Node,
    facts: Facts,
    now: datetime,
    gap_of: GapOf,
) -> Claim | Closed | Settled:
    message = _message(session, prospect, node, now)
    if message is None:
        # The pair was sent, skipped or is unknown: whatever led here, it is not sent again.
        prospect.due_at = None
        ids = {"campaign_id": campaign.id, "sender_id": sender.id, "prospect_id": prospect.id}
        log.error("This person came up again for step %d, and is left alone.", node.position + 1, extra=ids)
        return Settled()
    try:
        outgoing = compose(session, campaign, prospect, sender, node, message.id, now)
    except (MissingValue, BrokenTemplate) as hole:
        leave(prospect, lifecycle.FAILED, f"Step {node.position + 1}: {hole}", now)
        return Settled()
    if not facts.counted_today and not reserve(session, campaign, facts.today):
        # Another sender of the campaign took the last place since the gates were read.
        return Closed("campaign_daily_limit", "The campaign's daily limit is reached.", None)
    count_sender(session, sender.id, facts.today, 1)
    message.status, message.claimed_at, message.error = SENDING, now, None
    message.attempts += 1
    message.sender_account_id, message.rfc_message_id = sender.id, outgoing.message_id
    message.subject, message.body = outgoing.subject, outgoing.body
    session.add(message)
    prospect.due_at, prospect.counted_on, prospect.updated_at = None, facts.today, now
    sender.next_send_at = now + gap_of(sender)
    if not prospect.contacted:
        _take_turn(session, campaign.id, sender.id, now)
    return Claim(
        message.id, campaign.id, sender.id, prospect.id, outgoing, day=facts.today, reserved=not facts.counted_today
    )


def _message(session: Session, prospect: Prospect, node: Node, now: datetime) -> Message | None:
    """The one row of this prospect and node: a new one, or one that waits for another try; None for any other."""
    pair = select(Message).where(Message.prospect_id == prospect.id, Message.node_id == node.id)
    message = session.scalar(pair)
    if message is None:
        return Message(
            id=new_id(),
            campaign_id=prospect.campaign_id,
            prospect_id=prospect.id,
            node_id=node.id,
            attempts=0,
        )
    return message if message.status == WAITING else None


def _take_turn(session: Session, campaign_id: UUID, sender_id: UUID, now: datetime) -> None:
    turn = update(CampaignSender).where(
        CampaignSender.campaign_id == campaign_id, CampaignSender.sender_id == sender_id
    )
    session.execute(turn.values(last_turn_at=now), execution_options={"synchronize_session": False})
