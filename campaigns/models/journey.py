"""A prospect's way through the sequence: on to the next step, or out of it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Node
from campaigns.models.finding import nodes_of
from campaigns.models.message import WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sessions import ring
from campaigns.rules import lifecycle
from campaigns.rules.sequence import following


def leave(prospect: Prospect, status: str, reason: str | None, now: datetime) -> None:
    """Out of the sequence for good, with the reason where there is one to tell."""
    prospect.status, prospect.status_reason = status, reason
    prospect.due_at = prospect.paused_at = prospect.held_due_at = None
    prospect.updated_at = now


def leave_all(session: Session, who: Collection[ColumnElement[bool]], status: str, reason: str, now: datetime) -> None:
    """The same for everybody whom `who` means and who is still on the way; locked in order, as by everybody else who
    takes several people."""
    running = select(Prospect.id).where(*who, Prospect.status.not_in(lifecycle.TERMINAL))
    session.execute(
        update(Prospect)
        .where(Prospect.id.in_(running.order_by(Prospect.id).with_for_update()))
        .values(
            status=status,
            status_reason=reason,
            due_at=None,
            paused_at=None,
            held_due_at=None,
            updated_at=now,
        ),
        execution_options={"synchronize_session": "fetch"},
    )


def go_on(
    session: Session,
    prospect: Prospect,
    node: Node,
    since: datetime,
    now: datetime,
    nodes: Sequence[Node] | None = None,
) -> None:
    """To whatever follows `node`, its delays counted from `since`. Somebody who left stays where they are.
    `nodes` are the steps of the campaign, where they are known already."""
    prospect.updated_at = now
    if prospect.status in lifecycle.TERMINAL:
        return
    following_node, delay = following(nodes or nodes_of(session, prospect.campaign_id), node.position)
    prospect.current_node_id = following_node.id
    if following_node.type == "end" and not delay:
        leave(prospect, lifecycle.COMPLETED, None, now)
    else:
        prospect.wait_until(since + delay)


def arrive(
    session: Session,
    prospect: Prospect,
    node: Node,
    sent_at: datetime,
    now: datetime,
    nodes: Sequence[Node] | None = None,
) -> None:
    """The message of `node` left at `sent_at`: written to, and on to what follows."""
    prospect.contacted = True
    if prospect.status not in lifecycle.TERMINAL:
        prospect.status = lifecycle.STATUS_AFTER[node.type]
    go_on(session, prospect, node, sent_at, now, nodes)


def ring_lane(session: Session, prospect: Prospect) -> None:
    """Let the account that writes to this person look at once, after the commit."""
    if prospect.sender_account_id is not None:
        ring(session, "lane", prospect.sender_account_id)


def message_for(session: Session, prospect: Prospect, node: Node, now: datetime) -> Message:
    """The one row of this person and step, locked, made where there is none: it is what makes a later send impossible.
    The caller adds it."""
    pair = select(Message).where(Message.prospect_id == prospect.id, Message.node_id == node.id)
    found = session.scalar(pair.with_for_update())
    return found or Message(
        id=new_id(),
        campaign_id=prospect.campaign_id,
        prospect_id=prospect.id,
        node_id=node.id,
        sender_account_id=prospect.sender_account_id,
        status=WAITING,
        attempts=0,
        claimed_at=now,
    )
