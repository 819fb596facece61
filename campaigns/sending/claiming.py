"""Claiming: every gate checked once more, and the message written down before it is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.facts import facts_in
from campaigns.models.gate import roll_gates
from campaigns.models.journey import NOT_ACCEPTED
from campaigns.models.message import SENDING
from campaigns.models.saving import at_once
from campaigns.models.sender import LEASE, Sender
from campaigns.models.usage import count_sender, count_use, reserve
from campaigns.models.writing import compose
from campaigns.rules import lifecycle
from campaigns.rules.gates import Closed, Facts, eligible
from campaigns.rules.links import Links
from campaigns.rules.outgoing import Approach, Outgoing
from campaigns.rules.placeholders import BrokenTemplate, MissingValue
from campaigns.rules.sequence import step_names
from campaigns.sending.account import Account
from campaigns.sending.entrusting import entrust
from campaigns.sending.person import Person, Settled, find, let_leave, take_out, take_turn, words_of, write_message
from campaigns.sending.sparing import spare
from campaigns.sending.steps import Steps

# How often a lane says that it lives, however slow its mail server is: several times within LEASE.
HEARTBEAT = timedelta(seconds=4)
# For how long a lane does not look for a kind of step of which the week is full: a place may be given back before.
LOOK_AGAIN = timedelta(minutes=5)

GapOf = Callable[[Sender], timedelta]


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


class LeaseLost(Exception):
    """Another lane holds this sender's lease now; stop at once."""


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
    sender, person = account.sender, find(session, steps, prospect_id)
    now = clock()
    sender.lease_until = now + LEASE
    if person is None or person.prospect.sender_account_id != sender.id or person.prospect.due_at is None:
        return Settled()
    if person.prospect.status == lifecycle.CONNECTION_SENT and person.prospect.due_at <= now:
        return let_leave(session, person.prospect, lifecycle.TIMED_OUT, NOT_ACCEPTED, now)
    if person.node.type == "end" and person.prospect.due_at <= now:
        return let_leave(session, person.prospect, lifecycle.COMPLETED, None, now)
    facts = facts_in(session, account.timezone, person.campaign, person.prospect, sender, person.node, now)
    closed = eligible(facts, now)
    if closed is None:
        return _write_down(session, steps, person, sender, facts, now, gap_of, links)
    if closed.gate == "sender_weekly_limit":
        sender.look_after(person.node.type, min(closed.opens_at or now + LOOK_AGAIN, now + LOOK_AGAIN))
    if closed.gate == "suppressed":
        return let_leave(session, person.prospect, lifecycle.UNSUBSCRIBED, closed.reason, now)
    if closed.gate == "operating_hours":
        roll_gates(session, person.campaign, now)  # the row said open; hours are the truth
    return closed


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
    spared = spare(session, steps, person, sender, now)
    if spared is not None:
        return spared
    campaign, prospect, node = person.campaign, person.prospect, person.node
    message_id = person.message_id or new_id()
    try:
        outgoing = compose(session, campaign, prospect, sender, node, message_id, now, links)
    except (MissingValue, BrokenTemplate) as hole:
        step = step_names(one.type for one in steps.of(session, campaign.id, campaign.version))[node.position]
        return let_leave(session, prospect, lifecycle.FAILED, f"{step}: {hole}", now)
    if sender.assisted:
        return entrust(session, person, sender, message_id, outgoing, now, gap_of(sender))
    if not facts.counted_today and not reserve(session, campaign, facts.today):
        # Another sender of the campaign took the last place since the gates were read.
        return Closed("campaign_daily_limit", "The campaign's daily limit is reached.", None)
    prospect.due_at, prospect.counted_on, prospect.updated_at = None, facts.today, now
    sender.next_send_at = now + gap_of(sender)
    with at_once(session):
        count_sender(session, sender.id, facts.today, 1)
        if isinstance(outgoing, Approach):
            count_use(session, sender.id, node.type, message_id, now)
        write_message(session, person, sender, message_id, words_of(outgoing) | {"status": SENDING}, now)
        take_out(session, prospect)
        if not prospect.contacted:
            take_turn(session, campaign.id, sender.id, now)
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
