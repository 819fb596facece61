"""Retrying people who were held back: once what held them back is mended, or past the step that cannot be sent.

A step that failed has certainly not left, so to send it again is no second send. The one row of the person and the
step is used again; any other state of it, sent or unknown, leaves the person alone.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Node
from campaigns.models.finding import find_campaign
from campaigns.models.journey import go_on, message_for, ring_lane
from campaigns.models.log import note
from campaigns.models.message import FAILED, SENT, SKIPPED, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.rules import lifecycle
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid, WrongState
from campaigns.rules.sequence import CONNECTION_REQUEST

AGAIN, SKIP = "again", "skip"
# How many people one transaction moves.
MOST = 500


def retry(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    prospect_ids: Sequence[UUID],
    how: str,
    *,
    now: datetime,
    by: str | None,
) -> int:
    """Let people who failed go on: their step `again`, or `skip` it; how many. Raises NotFound, Invalid, WrongState.

    Whoever did not fail is passed over, so that to ask twice does no harm.
    """
    if how not in (AGAIN, SKIP):
        raise Invalid.of([Problem("how", f"must be {AGAIN} or {SKIP}")])
    if not 1 <= len(prospect_ids) <= MOST:
        raise Invalid.of([Problem("ids", f"must be a list of 1 to {MOST} ids")])
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    if campaign.status not in (lifecycle.ACTIVE, lifecycle.PAUSED):
        raise WrongState(f"This campaign is {campaign.status}: nothing is sent any more.")
    failed = select(Prospect).where(
        Prospect.campaign_id == campaign.id, Prospect.id.in_(prospect_ids), Prospect.status == lifecycle.FAILED
    )
    people = session.scalars(failed.order_by(Prospect.id).with_for_update()).all()
    moved = sum(_retry(session, prospect, how, now) for prospect in people)
    if moved:
        note(session, campaign, "retried", now, by=by, count=moved, how=how)
    return moved


def _retry(session: Session, prospect: Prospect, how: str, now: datetime) -> bool:
    node = session.get(Node, prospect.current_node_id) if prospect.current_node_id else None
    if node is None:
        return False
    message = message_for(session, prospect, node, now)
    if message.status not in (WAITING, FAILED):
        return False
    prospect.status, prospect.status_reason, prospect.updated_at = _status_before(session, prospect), None, now
    if how == SKIP:
        message.status, message.error = SKIPPED, None
        session.add(message)
        go_on(session, prospect, node, now, now)
        return True
    if message.status == FAILED:
        message.status, message.attempts = WAITING, 0
    prospect.wait_until(now)
    ring_lane(session, prospect)
    return True


def _status_before(session: Session, prospect: Prospect) -> str:
    """What the person was before the step that failed: whatever the last message that left made of them."""
    left = (
        select(Node.type)
        .join(Message, Message.node_id == Node.id)
        .where(Message.prospect_id == prospect.id, Message.status == SENT)
        .order_by(Node.position.desc())
    )
    kind = session.scalar(left.limit(1))
    if prospect.connected_at is not None and kind in (None, CONNECTION_REQUEST):
        return lifecycle.CONNECTED
    return lifecycle.STATUS_AFTER[kind] if kind else lifecycle.PENDING
