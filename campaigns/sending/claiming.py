"""Claiming: every gate checked once more, and the message written down before it is sent."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, insert, select, text, update
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, CampaignSender, Node
from campaigns.models.elsewhere import skip, taken_by_other
from campaigns.models.facts import facts_in
from campaigns.models.gate import roll_gates
from campaigns.models.journey import NOT_ACCEPTED, known_as, leave, pass_invitation
from campaigns.models.message import SENDING, SKIPPED, TASK, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.saving import Reader, Saver, at_once
from campaigns.models.sender import LEASE, Sender
from campaigns.models.task import Task
from campaigns.models.usage import count_sender, count_use, reserve
from campaigns.models.writing import compose
from campaigns.rules import lifecycle
from campaigns.rules.gates import Closed, Facts, eligible
from campaigns.rules.links import Links
from campaigns.rules.outgoing import Approach, Outgoing
from campaigns.rules.placeholders import BrokenTemplate, MissingValue
from campaigns.rules.sequence import CONNECTION_REQUEST, step_names
from campaigns.sending.account import Account
from campaigns.sending.steps import Steps

log = logging.getLogger(__name__)

# How often a lane says that it lives, however slow its mail server is: several times within LEASE.
HEARTBEAT = timedelta(seconds=4)
# For how long a lane does not look for a kind of step of which the week is full: a place may be given back before.
LOOK_AGAIN = timedelta(minutes=5)

GapOf = Callable[[Sender], timedelta]

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
_new_task = insert(Task.__table__)  # type: ignore[arg-type]
_take_out = Saver(Prospect, "due_at", "counted_on", "updated_at")
_let_go = Saver(Prospect, "status", "status_reason", "skipped_for", "due_at", "paused_at", "held_due_at", "updated_at")
_pass_by = Saver(
    Prospect, "status", "status_reason", "current_node_id", "contacted", "connected_at", "due_at", "updated_at"
)


@dataclass(frozen=True)
class Claim:
    """A message about to be handed over, committed as `sending` at the instant `at`. `reserved`: it took a place of the
    campaign's daily limit on `day`."""

    message_id: UUID
    campaign_id: UUID
    sender_id: UUID
    prospect_id: UUID
    outgoing: Outgoing | Approach
    day: date
    reserved: bool
    at: datetime

    @property
    def ids(self) -> dict[str, UUID]:
        """What it is about (rules.tracing)."""
        return {
            "campaign_id": self.campaign_id,
            "sender_id": self.sender_id,
            "prospect_id": self.prospect_id,
            "message_id": self.message_id,
        }


class Settled:
    """The prospect needs no message now: it moved on, left, is held back, or somebody else has it in hand."""


class LeaseLost(Exception):
    """Another lane holds this sender's lease now; stop at once."""


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


def claim(
    session: Session,
    account: Account,
    steps: Steps,
    prospect_id: UUID,
    clock: Callable[[], datetime],
    gap_of: GapOf,
    links: Links | None = None,
) -> Claim | Closed | Settled:
    """Claim the prospect's next step for sending, or say which gate is closed after all.

    `account` is locked, and saved by the caller. Whoever is locked by somebody else is left alone, not waited for:
    where that is wanted, `wait_for` comes before. Only then it looks at the clock: a gate may close while it waits.
    """
    sender, person = account.sender, _find(session, steps, prospect_id)
    now = clock()
    sender.lease_until = now + LEASE
    if person is None or person.prospect.sender_account_id != sender.id or person.prospect.due_at is None:
        return Settled()
    if person.prospect.status == lifecycle.CONNECTION_SENT and person.prospect.due_at <= now:
        return _leave(session, person.prospect, lifecycle.TIMED_OUT, NOT_ACCEPTED, now)
    if person.node.type == "end" and person.prospect.due_at <= now:
        return _leave(session, person.prospect, lifecycle.COMPLETED, None, now)
    facts = facts_in(session, account.timezone, person.campaign, person.prospect, sender, person.node, now)
    closed = eligible(facts, now)
    if closed is None:
        return _write_down(session, steps, person, sender, facts, now, gap_of, links)
    if closed.gate == "sender_weekly_limit":
        sender.look_after(person.node.type, min(closed.opens_at or now + LOOK_AGAIN, now + LOOK_AGAIN))
    if closed.gate == "suppressed":
        return _leave(session, person.prospect, lifecycle.UNSUBSCRIBED, closed.reason, now)
    if closed.gate == "operating_hours":
        roll_gates(session, person.campaign, now)  # the row said open; hours are the truth
    return closed


def _find(session: Session, steps: Steps, prospect_id: UUID) -> Person | None:
    found = _read(session, _free, {"prospect_id": prospect_id})
    if found is None:
        return None
    campaign, prospect, message_id, status, attempts = found
    nodes = steps.of(session, campaign.id, campaign.version)
    node = next((node for node in nodes if node.id == prospect.current_node_id), None)
    return Person(campaign, prospect, node, message_id, status, attempts or 0) if node else None


def _leave(session: Session, prospect: Prospect, status: str, reason: str | None, now: datetime) -> Settled:
    leave(prospect, status, reason, now)
    _let_go(session, prospect)
    return Settled()


def _write_down(
    session: Session,
    steps: Steps,
    person: Person,
    sender: Sender,
    facts: Facts,
    now: datetime,
    gap_of: GapOf,
    links: Links | None,
) -> Claim | Closed | Settled:
    campaign, prospect, node = person.campaign, person.prospect, person.node
    if person.status not in (None, WAITING):
        # The pair was sent, skipped or is unknown: whatever led here, it is not sent again.
        return _pass_over(session, person, sender)
    if (other := taken_by_other(session, campaign, prospect)) is not None:
        skip(prospect, other, now)
        _let_go(session, prospect)
        return Settled()
    if node.type == CONNECTION_REQUEST and (known := known_as(session, prospect)):
        return _skip_invitation(session, steps, person, sender, known, now)
    message_id = person.message_id or new_id()
    try:
        outgoing = compose(session, campaign, prospect, sender, node, message_id, now, links)
    except (MissingValue, BrokenTemplate) as hole:
        step = step_names(one.type for one in steps.of(session, campaign.id, campaign.version))[node.position]
        return _leave(session, prospect, lifecycle.FAILED, f"{step}: {hole}", now)
    if sender.assisted:
        return _entrust(session, person, sender, outgoing, now, gap_of)
    if not facts.counted_today and not reserve(session, campaign, facts.today):
        # Another sender of the campaign took the last place since the gates were read.
        return Closed("campaign_daily_limit", "The campaign's daily limit is reached.", None)
    prospect.due_at, prospect.counted_on, prospect.updated_at = None, facts.today, now
    sender.next_send_at = now + gap_of(sender)
    with at_once(session):
        count_sender(session, sender.id, facts.today, 1)
        if isinstance(outgoing, Approach):
            count_use(session, sender.id, node.type, message_id, now)
        _write_message(session, person, sender, message_id, _words(outgoing) | {"status": SENDING}, now)
        _take_out(session, prospect)
        if not prospect.contacted:
            _take_turn(session, campaign.id, sender.id, now)
    return Claim(
        message_id,
        campaign.id,
        sender.id,
        prospect.id,
        outgoing,
        day=facts.today,
        reserved=not facts.counted_today,
        at=now,
    )


def _pass_over(session: Session, person: Person, sender: Sender) -> Settled:
    person.prospect.due_at = None
    _take_out(session, person.prospect)
    ids = {"campaign_id": person.campaign.id, "sender_id": sender.id, "prospect_id": person.prospect.id}
    log.error("This person came up again for step %d, and is left alone.", person.node.position + 1, extra=ids)
    return Settled()


def _skip_invitation(
    session: Session, steps: Steps, person: Person, sender: Sender, known: str, now: datetime
) -> Settled:
    """They are connected with the account already, or have an invitation of it from another campaign."""
    prospect = person.prospect
    _write_message(session, person, sender, person.message_id or new_id(), {"status": SKIPPED}, now)
    nodes = steps.of(session, person.campaign.id, person.campaign.version)
    pass_invitation(session, prospect, person.node, known, now, nodes)
    _pass_by(session, prospect)
    return Settled()


def _entrust(
    session: Session, person: Person, sender: Sender, outgoing: Outgoing | Approach, now: datetime, gap_of: GapOf
) -> Settled:
    """The step becomes a task. It is counted once it is done; until then it is taken for done where limits are read."""
    campaign, prospect, message_id = person.campaign, person.prospect, person.message_id or new_id()
    _write_message(session, person, sender, message_id, _words(outgoing) | {"status": TASK}, now)
    task = {
        "message_id": message_id,
        "workspace_id": campaign.workspace_id,
        "campaign_id": campaign.id,
        "prospect_id": prospect.id,
        "sender_id": sender.id,
        "step": person.node.type,
        "due_at": prospect.due_at,
        "since": now,
    }
    session.connection().execute(_new_task, task)
    prospect.due_at, prospect.updated_at = None, now
    _take_out(session, prospect)
    if not prospect.contacted:
        _take_turn(session, campaign.id, sender.id, now)
    sender.next_send_at = now + gap_of(sender)
    return Settled()


def _words(outgoing: Outgoing | Approach) -> dict[str, Any]:
    if isinstance(outgoing, Approach):
        return {"body": outgoing.text}
    return {"rfc_message_id": outgoing.message_id, "subject": outgoing.subject, "body": outgoing.body}


def _write_message(
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


def _take_turn(session: Session, campaign_id: UUID, sender_id: UUID, now: datetime) -> None:
    whose = {"of_campaign": campaign_id, "of_sender": sender_id}
    session.connection().execute(_turn, whose | {"last_turn_at": now})
