"""The tick: whatever the bells missed. Safe at any time and any number of times.

It rolls gates that have passed, settles what dead processes left behind, finishes what has nothing left to
do, and rings for every lane that has work. With it, an emptied Redis costs seconds and loses nothing.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, Node
from campaigns.models.enrolment import expel
from campaigns.models.gate import Gate
from campaigns.models.imports import RUNNING, Import
from campaigns.models.journey import NOT_ACCEPTED
from campaigns.models.lanes import lanes_with_work
from campaigns.models.log import note
from campaigns.models.message import SENDING, UNKNOWN, UNSETTLED, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.models.tally import fold
from campaigns.models.undo import forget_people, waits_for_undo
from campaigns.models.wake_up import WakeUp
from campaigns.rules import lifecycle

log = logging.getLogger(__name__)

LAUNCH_LIMIT = timedelta(seconds=lifecycle.LAUNCH_LIMIT_SECONDS)
# Whatever waits for its job longer than this has lost its bell.
PATIENCE = timedelta(seconds=2)
# A part of a file takes some tenths of a second; on a busy machine more.
IMPORT_PATIENCE = timedelta(seconds=5)
# People who finish in one tick: a statement stays short, however many there are.
MOST_AT_ONCE = 5000
DIED = "The sending process ended before the outcome was written down."


def settle(session: Session, now: datetime) -> None:
    """Everything of a tick that writes rows: gates, dead lanes, finished people and campaigns, lost launches; what can
    be undone no more; and the kept counts, brought together."""
    roll_passed_gates(session, now)
    mark_unknown(session, now)
    finish_people(session, now)
    time_out_people(session, now)
    forget_people(session, now)
    complete_campaigns(session, now)
    tend_launches(session, now)
    fold(session, now)


def ring_lanes(session: Session, now: datetime) -> int:
    """Ring for every lane with due work and open gates, and for what nobody carries out; how many lanes."""
    lanes = lanes_with_work(session, now)
    for sender_id in lanes:
        ring(session, "lane", sender_id)
    lost = select(WakeUp.id).where(WakeUp.finished_at.is_(None), WakeUp.requested_at <= now - PATIENCE)
    for wake_up_id in session.scalars(lost):
        ring(session, "wake", wake_up_id)
    halted = select(Import.id).where(Import.status == RUNNING, Import.moved_at <= now - IMPORT_PATIENCE)
    for import_id in session.scalars(halted):
        ring(session, "imports", import_id)
    return len(lanes)


def roll_passed_gates(session: Session, now: datetime) -> None:
    """Move every gate whose opening is over to the next one."""
    passed = (
        select(Gate, Campaign)
        .join(Campaign, Campaign.id == Gate.campaign_id)
        .where(Gate.closes_at <= now, Campaign.status != lifecycle.COMPLETED)
    )
    # Both rows: whoever edits the hours holds the campaign, and rolls its gates himself.
    locked = passed.with_for_update(of=(Gate, Campaign), key_share=True, skip_locked=True)
    for gate, campaign in session.execute(locked):
        gate.roll(campaign, now)


def mark_unknown(session: Session, now: datetime) -> None:
    """Messages left `sending` by a lane whose lease is over: nobody can know; a person has to say."""
    alive = exists().where(Sender.id == Message.sender_account_id, Sender.lease_until > now)
    left = select(Message.id).where(Message.status == SENDING, ~alive).with_for_update(of=Message, skip_locked=True)
    dead = update(Message).where(Message.id.in_(left)).values(status=UNKNOWN, error=DIED)
    ids = (Message.id, Message.campaign_id, Message.sender_account_id, Message.prospect_id)
    for row in session.execute(dead.returning(*ids), execution_options={"synchronize_session": False}):
        fields = ("message_id", "campaign_id", "sender_id", "prospect_id")
        log.warning("%s Only a person can say whether it arrived.", DIED, extra=dict(zip(fields, row, strict=True)))


def finish_people(session: Session, now: datetime) -> None:
    """People whose last delay is over have completed the sequence; the end needs no gate."""
    ends = session.scalars(
        select(Node.id)
        .join(Campaign, Campaign.id == Node.campaign_id)
        .where(Node.type == "end", Campaign.status == lifecycle.ACTIVE)
    ).all()
    # Asked by their values, so that the planner knows how few are there. Whoever is being removed or recorded at
    # this moment is left for the next tick, and so are those above the most.
    ready = select(Prospect.id).where(
        Prospect.current_node_id.in_(ends), Prospect.due_at <= now, Prospect.status != lifecycle.CONNECTION_SENT
    )
    people = session.scalars(ready.limit(MOST_AT_ONCE).with_for_update(skip_locked=True)).all() if ends else []
    if people:
        session.execute(
            update(Prospect)
            .where(Prospect.id.in_(people))
            .values(status=lifecycle.COMPLETED, due_at=None, updated_at=now),
            execution_options={"synchronize_session": False},
        )


def time_out_people(session: Session, now: datetime) -> None:
    """People who did not accept their invitation in time."""
    active = select(Campaign.id).where(Campaign.type == lifecycle.LINKEDIN, Campaign.status == lifecycle.ACTIVE)
    late = select(Prospect.id).where(
        Prospect.campaign_id.in_(active), Prospect.status == lifecycle.CONNECTION_SENT, Prospect.due_at <= now
    )
    people = late.limit(MOST_AT_ONCE).with_for_update(skip_locked=True)
    session.execute(
        update(Prospect)
        .where(Prospect.id.in_(people))
        .values(status=lifecycle.TIMED_OUT, status_reason=NOT_ACCEPTED, due_at=None, updated_at=now),
        execution_options={"synchronize_session": False},
    )


def complete_campaigns(session: Session, now: datetime) -> None:
    """Active campaigns with nobody left who is due, paused, under way, to be settled, still to be imported, or who can
    be brought back."""
    waiting = exists().where(Prospect.campaign_id == Campaign.id, Prospect.due_at.is_not(None))
    paused = exists().where(Prospect.campaign_id == Campaign.id, Prospect.paused_at.is_not(None))
    unsettled = exists().where(
        Message.campaign_id == Campaign.id,
        Message.status.in_(UNSETTLED),
        Message.prospect_id.is_not(None),
    )
    coming = exists().where(Import.campaign_id == Campaign.id, Import.status == RUNNING)
    idle = select(Campaign).where(
        Campaign.status == lifecycle.ACTIVE, ~waiting, ~paused, ~unsettled, ~coming, ~waits_for_undo
    )
    locked = session.scalars(idle.with_for_update(of=Campaign, key_share=True, skip_locked=True)).all()
    if not locked:
        return
    # Looked at once more under the lock: people may have been added since the statement began.
    for campaign in session.scalars(idle.where(Campaign.id.in_([campaign.id for campaign in locked]))):
        campaign.status = lifecycle.move("complete").target
        campaign.completed_at = campaign.updated_at = now
        campaign.version += 1
        note(session, campaign, "completed", now, by=None)


def tend_launches(session: Session, now: datetime) -> None:
    """Launches whose job was lost are rung for again; one that is stuck for too long goes back to draft."""
    launching = select(Campaign).where(
        Campaign.status == lifecycle.LAUNCHING, Campaign.launching_since <= now - PATIENCE
    )
    for campaign in session.scalars(launching.with_for_update(of=Campaign, skip_locked=True)):
        if campaign.launching_since and campaign.launching_since <= now - LAUNCH_LIMIT:
            if expel(session, campaign, MOST_AT_ONCE, now):
                continue  # whoever had a place already: the next tick looks for more of them
            campaign.status = lifecycle.move("fall_back").target
            campaign.launching_since, campaign.updated_at = None, now
            campaign.version += 1
            note(session, campaign, "launch_failed", now, by=None)
        else:
            ring(session, "launch", campaign.id, "")
