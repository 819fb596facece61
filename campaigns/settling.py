"""Settling messages whose outcome is unknown: only a person may, and only in these ways."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import find_campaign, find_prospect
from campaigns.models.journey import arrive, go_on, ring_lane
from campaigns.models.log import note
from campaigns.models.message import SENT, SKIPPED, UNKNOWN, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.usage import uncount_use
from campaigns.rules import lifecycle
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid, NotFound, WrongState

# How a person may settle it, in the words of the buttons.
SETTLEMENTS = {
    "sent": "It arrived: mark as sent",
    "again": "It did not arrive: send it again",
    "skip": "Leave it: skip this step",
}


def settle(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    message_id: UUID,
    settlement: str,
    *,
    now: datetime,
    by: str | None,
) -> Message:
    """Carry out what a person said of an unknown outcome. Raises NotFound, Invalid, WrongState."""
    if settlement not in SETTLEMENTS:
        words = ", ".join(SETTLEMENTS)
        raise Invalid.of([Problem("settlement", f"must be one of {words}")])
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    query = select(Message).where(Message.id == message_id, Message.campaign_id == campaign.id)
    message = session.scalar(query.with_for_update())
    if message is None:
        raise NotFound("message")
    if message.status != UNKNOWN:
        raise WrongState(f"This message is {message.status}: only an unknown outcome can be settled.")
    prospect = find_prospect(session, campaign.id, message.prospect_id, lock=True)
    node = session.get_one(Node, message.node_id)
    if settlement == "again" and prospect.status in lifecycle.TERMINAL:
        raise WrongState(f"This person is {prospect.status}: nothing is sent any more. Mark it as sent, or skip it.")
    _carry_out(session, message, prospect, node, settlement, now)
    note(session, campaign, "settled", now, by=by, settlement=settlement, prospect_id=str(prospect.id))
    return message


def _carry_out(
    session: Session, message: Message, prospect: Prospect, node: Node, settlement: str, now: datetime
) -> None:
    if settlement == "sent":
        # Delays count from when it left, which is when it was handed over.
        message.status, message.sent_at = SENT, message.claimed_at
        arrive(session, prospect, node, message.claimed_at, now)
    elif settlement == "again":
        message.status = WAITING
        uncount_use(session, message.id)
        prospect.wait_until(now)
        prospect.updated_at = now
        ring_lane(session, prospect)
    else:
        message.status = SKIPPED
        go_on(session, prospect, node, now, now)


def unsettled(session: Session, campaign: Campaign) -> list[tuple[Message, Prospect]]:
    """The messages of a campaign whose outcome only a person can tell, oldest first."""
    query = (
        select(Message, Prospect)
        .join(Prospect, Prospect.id == Message.prospect_id)
        .where(Message.campaign_id == campaign.id, Message.status == UNKNOWN)
        .order_by(Message.claimed_at)
    )
    return [(message, prospect) for message, prospect in session.execute(query)]
