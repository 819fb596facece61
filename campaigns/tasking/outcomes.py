"""What a person says of a task: that it is done, or why it will not be; and taking that back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, Node
from campaigns.models.facts import read_facts
from campaigns.models.finding import find_sender
from campaigns.models.journey import arrive, connect, go_on, leave, ring_lane
from campaigns.models.log import note
from campaigns.models.message import FAILED, SENT, SKIPPED, TASK, WAITING, Message
from campaigns.models.profiles import lock_person
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.task import Task, take_back
from campaigns.models.undo import KEPT_FOR, Undoable, keep_people, kept_people, put_back
from campaigns.models.usage import count_sender, count_use, uncount_use
from campaigns.rules import lifecycle
from campaigns.rules.days import local_day
from campaigns.rules.gates import eligible
from campaigns.rules.kinds import Context, Text
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, NotFound, Stale, WrongState
from campaigns.rules.sequence import CONNECTION_REQUEST
from campaigns.tasking.queue import find_step

REASON = Text(200, nullable=True)
NO_REASON = "Could not be done on LinkedIn."


@dataclass(frozen=True)
class Hand:
    """A step that was or is a task, with all it is about, locked."""

    campaign: Campaign
    sender: Sender | None
    prospect: Prospect
    node: Node
    message: Message


@dataclass(frozen=True)
class Outcome:
    """What may come of a task: what its message is then, and the name under which it is kept for being taken back."""

    status: str
    cause: str
    carry_out: Callable[[Session, Hand, str | None, datetime, str], None]


def _done(session: Session, hand: Hand, reason: str | None, now: datetime, by: str) -> None:
    message = hand.message
    message.status, message.sent_at, message.receipt = SENT, now, f"Done by {by}."
    message.attempts += 1
    if hand.sender is not None:
        count_use(session, hand.sender.id, hand.node.type, message.id, now)
        count_sender(session, hand.sender.id, local_day(now, hand.campaign.workspace.timezone), 1)
        hand.sender.count("sent")
    arrive(session, hand.prospect, hand.node, now, now)


def _already_connected(session: Session, hand: Hand, reason: str | None, now: datetime, by: str) -> None:
    if hand.node.type != CONNECTION_REQUEST:
        raise WrongState("Only an invitation can be found to be needless: this step is a message.")
    connect(session, hand.prospect, now, now)
    note(session, hand.campaign, "connected_already", now, by=by, prospect_id=str(hand.prospect.id))


def _not_possible(session: Session, hand: Hand, reason: str | None, now: datetime, by: str) -> None:
    hand.message.status, hand.message.error = FAILED, reason or NO_REASON
    if hand.prospect.status not in lifecycle.TERMINAL:
        leave(hand.prospect, lifecycle.FAILED, hand.message.error, now)
    note(session, hand.campaign, "not_possible", now, by=by, prospect_id=str(hand.prospect.id))


def _skip(session: Session, hand: Hand, reason: str | None, now: datetime, by: str) -> None:
    hand.message.status = SKIPPED
    go_on(session, hand.prospect, hand.node, now, now)
    note(session, hand.campaign, "step_skipped", now, by=by, prospect_id=str(hand.prospect.id))


OUTCOMES = {
    "done": Outcome(SENT, "task_done", _done),
    "already_connected": Outcome(SKIPPED, "task_connected", _already_connected),
    "not_possible": Outcome(FAILED, "task_failed", _not_possible),
    "skip": Outcome(SKIPPED, "task_skipped", _skip),
}


def settle(
    session: Session,
    workspace_id: UUID,
    message_id: UUID,
    outcome: object,
    *,
    reason: object = None,
    now: datetime,
    by: str,
) -> Message:
    """Carry out what somebody says of a task. Said twice, by whomever, it is said once. A task that was taken back into
    the line meanwhile is settled all the same: what was done at LinkedIn is done. Raises NotFound, Invalid, WrongState.
    """
    hand = _lock(session, workspace_id, message_id)
    chosen, words = _read(outcome, reason)
    if hand.message.status not in (TASK, WAITING):
        _check_same(hand, chosen)
        return hand.message
    take_back(session, session.get(Task, message_id), hand.message, hand.prospect)
    keep_people(session, hand.campaign, chosen.cause, [hand.prospect], now, by)
    chosen.carry_out(session, hand, words, now, by)
    _call_lane(session, hand)
    return hand.message


def _call_lane(session: Session, hand: Hand) -> None:
    """A place in a limit may be free again."""
    if hand.sender is not None:
        hand.sender.look_after(hand.node.type, None)
    ring_lane(session, hand.prospect)


def _read(outcome: object, reason: object) -> tuple[Outcome, str | None]:
    if not isinstance(outcome, str) or outcome not in OUTCOMES:
        raise Invalid.of([Problem("outcome", f"must be one of {', '.join(OUTCOMES)}")])
    try:
        return OUTCOMES[outcome], REASON.parse(reason, "reason", Context("UTC")) or None
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad


def _check_same(hand: Hand, chosen: Outcome) -> None:
    """Raises WrongState if something else was said before."""
    if hand.message.status != chosen.status:
        state = _STATES.get(hand.message.status, hand.message.status)
        raise WrongState(f"Somebody was faster: this step is {state} already.")


_STATES = {SENT: "done", FAILED: "marked as not possible"}


def _lock(session: Session, workspace_id: UUID, message_id: UUID) -> Hand:
    """The account first, as lanes have it: whoever counts against its limits waits. Raises NotFound."""
    message = find_step(session, workspace_id, message_id)
    account = message.sender_account_id
    sender = find_sender(session, workspace_id, account, lock=True) if account else None
    prospect = session.get_one(Prospect, message.prospect_id)
    campaign = lock_person(session, prospect)
    if campaign is None:
        raise NotFound("task")
    session.refresh(message, with_for_update=True)
    return Hand(campaign, sender, prospect, session.get_one(Node, message.node_id), message)


def last_settled(session: Session, workspace_id: UUID, by: str, now: datetime) -> tuple[Undoable, Prospect] | None:
    """What `undo` would take back now: the last that somebody said of a task, if nothing has happened to the person
    since."""
    query = (
        select(Undoable, Prospect)
        .join(Prospect, Prospect.id == Undoable.prospect_id)
        .where(
            Prospect.workspace_id == workspace_id,
            Undoable.cause.in_([outcome.cause for outcome in OUTCOMES.values()]),
            Undoable.by == by,
            Undoable.at > now - KEPT_FOR,
            Undoable.at == Prospect.updated_at,
        )
    )
    row = session.execute(query.order_by(Undoable.id.desc()).limit(1)).first()
    return (row[0], row[1]) if row else None


def undo(session: Session, workspace_id: UUID, number: UUID, *, now: datetime, by: str) -> Prospect:
    """Take back what was said of a task. It is before the same person again if its gates are open, else it waits in the
    line as it did. Raises Stale."""
    last = last_settled(session, workspace_id, by, now)
    if last is None or last[0].id != number:
        raise Stale("This cannot be undone any more: something has happened since.")
    kept = last[0]
    row = kept_people(kept)[0]
    hand = _lock(session, workspace_id, _message_id(session, row["id"], row["current_node_id"]))
    if hand.campaign.status not in (lifecycle.ACTIVE, lifecycle.PAUSED) or not put_back(hand.prospect, kept, row, now):
        raise Stale("This cannot be undone any more: something has happened since.")
    session.delete(kept)
    _unsettle(session, hand)
    _put_before(session, hand, now, by)
    note(session, hand.campaign, "task_undone", now, by=by, prospect_id=str(hand.prospect.id))
    _call_lane(session, hand)
    return hand.prospect


def _message_id(session: Session, prospect_id: UUID, node_id: UUID) -> UUID:
    pair = select(Message.id).where(Message.prospect_id == prospect_id, Message.node_id == node_id)
    return session.scalars(pair).one()


def _unsettle(session: Session, hand: Hand) -> None:
    """The step waits in the line again, and what was counted for it is given back."""
    message = hand.message
    if message.sent_at is not None:
        message.attempts -= 1
        if hand.sender is not None:
            uncount_use(session, message.id)
            count_sender(session, hand.sender.id, local_day(message.sent_at, hand.campaign.workspace.timezone), -1)
    message.status, message.sent_at, message.receipt, message.error = WAITING, None, None, None


def _put_before(session: Session, hand: Hand, now: datetime, by: str) -> None:
    """The task is back where it was, unless a gate has closed, or others have had the place in a limit since."""
    campaign, sender, prospect, node, message = hand.campaign, hand.sender, hand.prospect, hand.node, hand.message
    if sender is None or not sender.assisted or prospect.due_at is None:
        return
    if eligible(read_facts(session, campaign, prospect, sender, node, now), now) is not None:
        return
    task = Task(
        message_id=message.id,
        workspace_id=campaign.workspace_id,
        campaign_id=campaign.id,
        prospect_id=prospect.id,
        sender_id=sender.id,
        step=node.type,
        due_at=prospect.due_at,
        since=now,
        taken_by=by,
        taken_at=now,
    )
    session.add(task)
    message.status, prospect.due_at = TASK, None
    message.attempts += 1
