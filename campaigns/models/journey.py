"""A prospect's way through the sequence: on to the next step, or out of it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import nodes_of
from campaigns.models.message import SENDING, SENT, SKIPPED, UNKNOWN, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.rules import lifecycle
from campaigns.rules.seats import DEFAULT_INVITATION_DAYS
from campaigns.rules.sequence import CONNECTION_REQUEST, END, following

# Why somebody timed out.
NOT_ACCEPTED = "The invitation was not accepted in time."
# Whoever answers after the last step is shown as that.
STILL_TELLING = (*lifecycle.IN_FLIGHT, lifecycle.PENDING, lifecycle.COMPLETED, lifecycle.TIMED_OUT)


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
    """To whatever follows `node`, its delays counted from `since`. Somebody who left stays where they are, and whoever
    has not accepted an invitation goes on waiting for that. `nodes` are the steps of the campaign, where they are known
    already."""
    prospect.updated_at = now
    if prospect.status in lifecycle.TERMINAL:
        return
    following_node, delay = following(nodes or nodes_of(session, prospect.campaign_id), node.position)
    prospect.current_node_id = following_node.id
    if prospect.status != lifecycle.CONNECTION_SENT:
        _reach(prospect, following_node, since + delay, now)


def _reach(prospect: Prospect, node: Node, due_at: datetime, now: datetime) -> None:
    if node.type == END and due_at <= now:
        leave(prospect, lifecycle.COMPLETED, None, now)
    else:
        prospect.wait_until(due_at)


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
        prospect.status = _status_after(prospect, node)
    go_on(session, prospect, node, sent_at, now, nodes)
    if prospect.status == lifecycle.CONNECTION_SENT:
        _await_acceptance(session, prospect, sent_at)


def _status_after(prospect: Prospect, node: Node) -> str:
    """An invitation may have been accepted before it was written down that it left."""
    if node.type == CONNECTION_REQUEST and prospect.connected_at is not None:
        return lifecycle.CONNECTED
    return lifecycle.STATUS_AFTER[node.type]


def _await_acceptance(session: Session, prospect: Prospect, since: datetime) -> None:
    days = session.scalar(select(Sender.invitation_days).where(Sender.id == prospect.sender_account_id))
    prospect.wait_until(since + timedelta(days=days or DEFAULT_INVITATION_DAYS))


def pass_invitation(
    session: Session,
    prospect: Prospect,
    node: Node,
    status: str,
    now: datetime,
    nodes: Sequence[Node] | None = None,
) -> None:
    """The invitation of `node` need not leave: they are connected already, or (connection_sent) one is pending that did
    not come from here."""
    prospect.contacted = True
    if status == lifecycle.CONNECTED:
        prospect.connected_at = prospect.connected_at or now
    if prospect.status not in lifecycle.TERMINAL:
        prospect.status = lifecycle.CONNECTED if prospect.connected_at else status
    go_on(session, prospect, node, now, now, nodes)
    if prospect.status == lifecycle.CONNECTION_SENT:
        _await_acceptance(session, prospect, now)


def connect(session: Session, prospect: Prospect, at: datetime, now: datetime) -> None:
    """They are connected with the account since `at`: what follows their invitation goes on. To say so twice is to say
    it once. The person is locked by the caller."""
    if prospect.sender_account_id is None:
        return  # which account will write to them, and so whether it is this one, the launch decides
    if prospect.connected_at is None:
        prospect.connected_at, prospect.updated_at = min(at, now), now
    if prospect.status == lifecycle.CONNECTION_SENT or _was_in_time(session, prospect):
        _accepted(session, prospect, now)
    elif prospect.status not in lifecycle.TERMINAL:
        _connected_before(session, prospect, now)


def _was_in_time(session: Session, prospect: Prospect) -> bool:
    """Whether somebody who timed out had accepted by then, which was heard only now, while their campaign goes on."""
    if prospect.status_reason != NOT_ACCEPTED or prospect.connected_at is None:
        return False
    invited = (
        select(Message.sent_at, Sender.invitation_days)
        .join(Node, Node.id == Message.node_id)
        .join(Sender, Sender.id == Message.sender_account_id)
        .join(Campaign, Campaign.id == Message.campaign_id)
        .where(
            Message.prospect_id == prospect.id,
            Node.type == CONNECTION_REQUEST,
            Campaign.status.in_((lifecycle.ACTIVE, lifecycle.PAUSED)),
        )
    )
    ends = [at + timedelta(days=days) for at, days in session.execute(invited) if at is not None]
    return bool(ends) and prospect.connected_at < max(ends)


def _accepted(session: Session, prospect: Prospect, now: datetime) -> None:
    """Delays count from when the invitation left, or was found to be needless, if they have not passed by then
    (CONTRACT section 4); so they do from a step that was skipped meanwhile."""
    prospect.status, prospect.status_reason, prospect.updated_at = lifecycle.CONNECTED, None, now
    nodes = nodes_of(session, prospect.campaign_id)
    current = next(node for node in nodes if node.id == prospect.current_node_id)
    due_at = prospect.connected_at or now
    before = (
        select(func.coalesce(Message.sent_at, Message.claimed_at), Node.position)
        .join(Node, Node.id == Message.node_id)
        .where(Message.prospect_id == prospect.id, Node.position < current.position)
        .order_by(Node.position.desc())
    )
    for left_at, position in session.execute(before.limit(1)):
        due_at = max(due_at, left_at + following(nodes, position)[1])
    _reach(prospect, current, due_at, now)


def _connected_before(session: Session, prospect: Prospect, now: datetime) -> None:
    node = session.get(Node, prospect.current_node_id) if prospect.current_node_id else None
    if node is None or node.type != CONNECTION_REQUEST:
        return
    message = message_for(session, prospect, node, now)
    if message.status == SENDING:
        return  # whoever writes down that it left sees that they are connected
    if message.status == UNKNOWN:
        message.status, message.sent_at = SENT, message.claimed_at
        arrive(session, prospect, node, message.claimed_at, now)
        return
    message.status, message.error = SKIPPED, None  # an open task of it is the sweep's, which holds the account
    session.add(message)
    pass_invitation(session, prospect, node, lifecycle.CONNECTED, now)


def acquainted(prospect: Prospect | type[Prospect]) -> Select[Any]:
    """Since when a person, or each one of a query for people, is connected with their account, as far as is known from
    all campaigns; an empty instant where an invitation is waiting to be accepted."""
    other = aliased(Prospect)
    invited = other.status == lifecycle.CONNECTION_SENT
    return select(other.connected_at).where(
        other.workspace_id == prospect.workspace_id,
        other.identity == prospect.identity,
        other.sender_account_id == prospect.sender_account_id,
        or_(other.connected_at.is_not(None), and_(invited, other.id != prospect.id)),
    )


def known_as(session: Session, prospect: Prospect) -> str | None:
    """What this person is to their account without an invitation from here: `connected`, or `connection_sent` if one is
    waiting to be accepted."""
    found = session.scalars(acquainted(prospect)).all()
    if not found:
        return None
    return lifecycle.CONNECTED if any(found) else lifecycle.CONNECTION_SENT


def answered(prospect: Prospect, at: datetime, now: datetime) -> None:
    """They answered at an instant: nothing follows. The person is locked by the caller."""
    prospect.replied_at = prospect.replied_at or min(at, now)
    prospect.updated_at = now
    if prospect.status in STILL_TELLING:
        leave(prospect, lifecycle.REPLIED, None, now)


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
