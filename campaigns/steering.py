"""Steering one person: pause, resume, skip a step and take that back, write to whoever was left out.

Whatever is being handed over still leaves.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, Node
from campaigns.models.elsewhere import was_skipped
from campaigns.models.enrolment import enrol
from campaigns.models.finding import find_campaign, find_prospect
from campaigns.models.journey import go_on, message_for, ring_lane
from campaigns.models.log import note
from campaigns.models.message import SENDING, SKIPPED, TASK, UNKNOWN, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.undo import PASSED, Undoable, find_undoable, keep_people, kept_people, put_back
from campaigns.rules import lifecycle
from campaigns.rules.refusals import WrongState


def pause(
    session: Session, workspace_id: UUID, campaign_id: UUID, prospect_id: UUID, *, now: datetime, by: str | None
) -> Prospect:
    """Hold this person alone until they are resumed; their delays run on. Raises NotFound, WrongState."""
    campaign, prospect = _find(session, workspace_id, campaign_id, prospect_id)
    if prospect.paused_at is not None:
        raise WrongState("This person is paused already.")
    prospect.paused_at, prospect.held_due_at = now, prospect.due_at
    prospect.due_at, prospect.updated_at = None, now
    _note(session, campaign, prospect, "person_paused", now, by)
    return prospect


def resume(
    session: Session, workspace_id: UUID, campaign_id: UUID, prospect_id: UUID, *, now: datetime, by: str | None
) -> Prospect:
    """Let a paused person go on where they were. Raises NotFound, WrongState."""
    campaign, prospect = _find(session, workspace_id, campaign_id, prospect_id)
    if prospect.paused_at is None:
        raise WrongState("This person is not paused.")
    prospect.due_at, prospect.paused_at, prospect.held_due_at = prospect.held_due_at, None, None
    prospect.updated_at = now
    ring_lane(session, prospect)
    _note(session, campaign, prospect, "person_resumed", now, by)
    return prospect


def skip(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    prospect_id: UUID,
    *,
    now: datetime,
    by: str | None,
    undoable: bool = False,
) -> Prospect:
    """Leave out the step that comes next; the delays after it count from now. If it is `undoable`, `undo_skip` takes
    it back for some minutes, in which the campaign does not complete. Raises NotFound, WrongState."""
    campaign, prospect = _find(session, workspace_id, campaign_id, prospect_id)
    node = session.get(Node, prospect.current_node_id)
    if node is None or node.type == "end":
        raise WrongState("No step is left to skip: only the last delay is running.")
    message = message_for(session, prospect, node, now)
    if message.status in (SENDING, UNKNOWN):
        raise WrongState("This step is being sent, or its outcome is unknown: settle that first.")
    if message.status == TASK:
        raise WrongState("This step is a task by now: skip it on the tasks page.")
    message.status, message.error = SKIPPED, None
    session.add(message)
    if undoable:
        keep_people(session, campaign, PASSED, [prospect], now, by)
    go_on(session, prospect, node, now, now)
    _note(session, campaign, prospect, "step_skipped", now, by)
    return prospect


def undoable_skip(session: Session, prospect: Prospect, now: datetime) -> Undoable | None:
    """The skip that `undo_skip` would take back now: the last one, if nothing has happened to the person since."""
    last = (Undoable.prospect_id == prospect.id, Undoable.at == prospect.updated_at)
    return find_undoable(session, prospect.campaign_id, PASSED, now, *last)


def undo_skip(
    session: Session, workspace_id: UUID, campaign_id: UUID, prospect_id: UUID, *, now: datetime, by: str | None
) -> Prospect:
    """Let the step that was skipped last come after all, when it would have. Raises NotFound, WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    prospect = find_prospect(session, campaign.id, prospect_id, lock=True)
    kept = undoable_skip(session, prospect, now)
    if kept is None or campaign.status not in (lifecycle.ACTIVE, lifecycle.PAUSED):
        raise WrongState("This cannot be undone any more: something has happened since.")
    put_back(prospect, kept, kept_people(kept)[0], now)
    session.delete(kept)
    _unskip(session, prospect)
    ring_lane(session, prospect)
    _note(session, campaign, prospect, "skip_undone", now, by)
    return prospect


def _unskip(session: Session, prospect: Prospect) -> None:
    """The step may be sent again: one that was tried before waits as it did, one that never was has no message."""
    pair = select(Message).where(Message.prospect_id == prospect.id, Message.node_id == prospect.current_node_id)
    message = session.scalars(pair.with_for_update()).one()
    if message.attempts:
        message.status = WAITING
    else:
        session.delete(message)


def can_insist(campaign: Campaign, prospect: Prospect) -> bool:
    """Whether `insist` would have this person written to."""
    return was_skipped(prospect) and campaign.status in (lifecycle.ACTIVE, lifecycle.PAUSED)


def insist(
    session: Session, workspace_id: UUID, campaign_id: UUID, prospect_id: UUID, *, now: datetime, by: str | None
) -> Prospect:
    """Write all the same to somebody who was skipped for another campaign: they begin now, and are not skipped again.
    Raises NotFound, WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    prospect = find_prospect(session, campaign.id, prospect_id, lock=True)
    if not can_insist(campaign, prospect):
        raise WrongState("This person was not skipped, or the campaign does not run.")
    prospect.status, prospect.status_reason, prospect.current_node_id = lifecycle.PENDING, None, None
    session.flush()
    enrol(session, campaign, now)
    session.refresh(prospect)
    ring_lane(session, prospect)
    _note(session, campaign, prospect, "insisted", now, by)
    return prospect


def _find(session: Session, workspace_id: UUID, campaign_id: UUID, prospect_id: UUID) -> tuple[Campaign, Prospect]:
    """The person, locked. Raises NotFound; WrongState for whoever has no place in the sequence, or left it."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    prospect = find_prospect(session, campaign.id, prospect_id, lock=True)
    if prospect.status in lifecycle.TERMINAL:
        raise WrongState(f"This person is {prospect.status}: nothing is sent any more.")
    if prospect.current_node_id is None:
        raise WrongState("This person has no place in the sequence yet: launch the campaign first, or remove them.")
    return campaign, prospect


def _note(session: Session, campaign: Campaign, prospect: Prospect, kind: str, now: datetime, by: str | None) -> None:
    note(session, campaign, kind, now, by=by, prospect_id=str(prospect.id))
