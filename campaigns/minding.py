"""Minding the clock: a host whose clock was ahead, and is put right, must not wait for instants that it made up.

Every instant is written down by somebody's clock. What an ahead clock wrote lies in the future once it is put
back, and whoever waits for it (an account for its gap, a person for a delay, a lane for a dead one's lease, a gate
for its opening) would wait as long as the clock was ahead. So the timetable keeps a mark of the latest instant it
has seen, and when the clock shows less, mends the rows once. Everybody else may go on believing them.
"""

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.models.campaign import Campaign, CampaignDay, CampaignSender
from campaigns.models.clock import ONLY, Clock, earlier
from campaigns.models.gate import Gate, roll_gates
from campaigns.models.imports import Import
from campaigns.models.mailbox import Mailbox
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import LEASE, Sender, SenderDay, SenderUse
from campaigns.models.task import Task
from campaigns.models.usage import count_campaign, count_sender
from campaigns.models.wake_up import WakeUp
from campaigns.models.workspace import Workspace
from campaigns.rules import lifecycle
from campaigns.rules.days import local_day

log = logging.getLogger(__name__)

# How old the mark may be, and by how much the clock may go back unnoticed (clocks of several hosts differ a
# little). Nobody waits for longer than both together, which is less than the 30 s of CONTRACT section 4.
MARK_EVERY = timedelta(seconds=10)
UNNOTICED = timedelta(seconds=15)

# Instants at which something happened, all of them past: what lies in the future was written by an ahead clock.
PAST: tuple[InstrumentedAttribute[Any], ...] = (
    Message.claimed_at,
    Message.sent_at,
    SenderUse.at,
    Task.taken_at,
    Mailbox.read_at,
    CampaignSender.last_turn_at,
    Campaign.launching_since,
    WakeUp.requested_at,
    Import.moved_at,
)


def mind_clock(session: Session, clock: Callable[[], datetime]) -> timedelta:
    """Mend what an ahead clock has written, if the clock was put back since the last look; by how much it was."""
    mark = session.scalar(select(Clock).with_for_update())
    now = clock()  # only now: somebody else's mark must not seem to lie ahead because this one had to wait
    if mark is None:
        session.add(Clock(id=ONLY, seen_at=now))
        return timedelta()
    back = mark.seen_at - now
    if back > UNNOTICED:
        log.warning("The clock was put back by about %s: what it wrote while it was ahead is mended.", back)
        _mend(session, now, back)
    elif back > -MARK_EVERY:
        return timedelta()
    mark.seen_at = now
    return max(back, timedelta())


def _mend(session: Session, now: datetime, back: timedelta) -> None:
    # The accounts first: every lane that claims or records holds its own, so none of them is half done below.
    _shorten_pauses(session, now)
    _listen_again(session)
    _roll_all_gates(session, now)
    _move_people(session, now, back)
    for column in PAST:
        _execute(session, update(column.class_).where(column > now).values({column: earlier(session, column, back)}))
    _count_for_today(session, now)


def _shorten_pauses(session: Session, now: datetime) -> None:
    """No lease is longer than LEASE and no pause longer than the account's longest, from now on."""
    for sender in session.scalars(select(Sender).order_by(Sender.id).with_for_update(key_share=True)):
        if sender.lease_until is not None:
            sender.lease_until = min(sender.lease_until, now + LEASE)
        if sender.next_send_at is not None:
            sender.next_send_at = min(sender.next_send_at, now + sender.longest_pause)
        sender.invitations_after = sender.messages_after = None


def _listen_again(session: Session) -> None:
    """What comes back is read at once, and nobody is taken to listen; whoever reads goes on with their lease."""
    _execute(session, update(Mailbox).values(lease_until=None, heard_until=None, try_at=None, relations_at=None))


def _roll_all_gates(session: Session, now: datetime) -> None:
    """A gate that was rolled ahead seems closed although its hours are not over yet."""
    gated = Campaign.id.in_(select(Gate.campaign_id))
    running = select(Campaign).where(gated, Campaign.status != lifecycle.COMPLETED).order_by(Campaign.id)
    for campaign in session.scalars(running.with_for_update(of=Campaign, key_share=True)):
        roll_gates(session, campaign, now)


def _move_people(session: Session, now: datetime, back: timedelta) -> None:
    """Whose row was written ahead was given a due time as far ahead: by a delay, a retry or a launch."""
    ahead = update(Prospect).where(Prospect.updated_at > now)
    columns = (Prospect.due_at, Prospect.held_due_at, Prospect.updated_at)
    _execute(session, ahead.values({column: earlier(session, column, back) for column in columns}))


def _count_for_today(session: Session, now: datetime) -> None:
    """What was counted for a day that has not come was sent today: so neither day's limit is overrun."""
    of_senders = select(SenderDay, Workspace.timezone).join(Sender, Sender.id == SenderDay.sender_id)
    of_senders = of_senders.join(Workspace, Workspace.id == Sender.workspace_id)
    for row, today in _days_to_come(session, of_senders, SenderDay.day, now):
        count_sender(session, row.sender_id, today, row.used)
        session.delete(row)
    of_campaigns = select(CampaignDay, Workspace.timezone).join(Campaign, Campaign.id == CampaignDay.campaign_id)
    of_campaigns = of_campaigns.join(Workspace, Workspace.id == Campaign.workspace_id)
    for row, today in _days_to_come(session, of_campaigns, CampaignDay.day, now):
        count_campaign(session, row.campaign_id, today, row.used)
        counted = update(Prospect).where(Prospect.campaign_id == row.campaign_id, Prospect.counted_on == row.day)
        _execute(session, counted.values(counted_on=today))
        session.delete(row)


def _days_to_come(session: Session, rows: Any, day: InstrumentedAttribute[date], now: datetime) -> list[Any]:
    """Rows of a day that has not begun in their workspace, each with what the day is there."""
    near = rows.where(day > now.date() - timedelta(days=2))  # wherever on earth
    found = [(row, local_day(now, zone)) for row, zone in session.execute(near)]
    return [(row, today) for row, today in found if row.day > today]


def _execute(session: Session, statement: Any) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})
