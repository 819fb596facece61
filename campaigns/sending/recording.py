"""Recording: what became of a message that was handed over, and what follows from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from campaigns.channels.outgoing import Already, Approach, Doubtful, Limited, Receipt, Unsent
from campaigns.models.campaign import Campaign, Node
from campaigns.models.journey import arrive, leave, pass_invitation
from campaigns.models.message import BOUNCED, FAILED, SENDING, SENT, SKIPPED, UNKNOWN, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.saving import Reader, Saver, at_once
from campaigns.models.sender import Sender
from campaigns.models.usage import count_sender, date_use, give_back, uncount_use
from campaigns.rules import lifecycle
from campaigns.sending import account
from campaigns.sending.claiming import Claim, GapOf
from campaigns.sending.steps import Steps

# Pauses after a passing failure of one message; after the last of them it has failed for good.
RETRY_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))

# For how long a kind of step is left alone if the provider's limit is reached, and it does not say.
LIMIT_PAUSE = timedelta(days=1)

Outcome = str | Unsent | Doubtful


class Overtaken(Unsent):
    """It was not handed over: the person left the sequence since it was their turn."""

    def __init__(self, status: str) -> None:
        super().__init__(f"It was not sent: this person is {status} since it was their turn.", lasting=True)


# The campaign before its message, in the order of whoever deletes it: nobody then waits for the other in a circle.
_read = Reader(Message, Prospect)
_handed_over = (
    select(*_read.columns, Campaign.version)
    .select_from(Campaign)
    .join(Message, Message.campaign_id == Campaign.id)
    .join(Prospect, Prospect.id == Message.prospect_id)
    .where(Message.id == bindparam("message_id"))
    .with_for_update(read=True, key_share=True, of=Campaign)
    .suffix_with(text("FOR UPDATE OF message, prospect"), dialect="postgresql")
)
_save_message = Saver(Message, "status", "error", "attempts", "sent_at", "receipt")
_PLACE = ("status", "status_reason", "current_node_id", "contacted", "counted_on", "due_at", "paused_at", "held_due_at")
_save_prospect = Saver(Prospect, *_PLACE, "updated_at", "bounced_at", "connected_at", "provider_id")


@dataclass(frozen=True)
class InHand:
    """A message of which nothing is written down since it was claimed, and its prospect at `node`; locked."""

    message: Message
    prospect: Prospect
    nodes: list[Node]

    @property
    def node(self) -> Node:
        """The step whose message it is."""
        return next(node for node in self.nodes if node.id == self.message.node_id)

    def save(self, session: Session) -> None:
        """Write both down."""
        with at_once(session):
            _save_message(session, self.message)
            _save_prospect(session, self.prospect)


def record(
    session: Session,
    sender: Sender | None,
    steps: Steps,
    claimed: Claim,
    outcome: Outcome,
    now: datetime,
    gap_of: GapOf,
) -> str | None:
    """Write down the outcome, a receipt or a failure, and move the prospect on.

    `sender` is locked, and saved by the caller. Which of OUTCOMES it was; None if there was nothing to write down any
    more, or nothing was handed over.
    """
    if sender is not None:
        sender.next_send_at = now + gap_of(sender)
    hand = _in_hand(session, steps, claimed)
    if hand is None:
        return None
    if isinstance(claimed.outgoing, Approach) and not isinstance(outcome, Unsent):
        date_use(session, claimed.message_id, now)
    if isinstance(outcome, str):
        _sent(session, hand, sender, outcome, now)
    elif isinstance(outcome, Doubtful):
        hand.message.status, hand.message.error = UNKNOWN, outcome.reason
    else:
        _unsent(session, claimed, hand, sender, outcome, now)
    hand.save(session)
    became = _became(hand.message, outcome)
    if sender is not None and became not in (None, "refused"):  # that was counted by whoever blamed the account
        sender.count(became)
    return became


def _in_hand(session: Session, steps: Steps, claimed: Claim) -> InHand | None:
    """None if the campaign was deleted, or a person settled what the tick took for a dead lane's."""
    found = _read(session, _handed_over, {"message_id": claimed.message_id})
    if found is None:
        return None
    message, prospect, version = found
    if message.status not in (SENDING, UNKNOWN):
        return None
    return InHand(message, prospect, steps.of(session, claimed.campaign_id, version))


def _became(message: Message, outcome: Outcome) -> str | None:
    if isinstance(outcome, Overtaken | Already):
        return None
    if isinstance(outcome, Unsent) and outcome.account:
        return "refused"
    return "deferred" if message.status == WAITING else message.status


def _sent(session: Session, hand: InHand, sender: Sender | None, receipt: str, now: datetime) -> None:
    hand.message.status, hand.message.sent_at, hand.message.receipt = SENT, now, receipt
    if sender is not None and sender.failures:
        sender.failures, sender.status_reason = 0, None
    if isinstance(receipt, Receipt) and receipt.person_id:
        hand.prospect.provider_id = receipt.person_id
    arrive(session, hand.prospect, hand.node, now, now, hand.nodes)


def _unsent(
    session: Session, claimed: Claim, hand: InHand, sender: Sender | None, failed: Unsent, now: datetime
) -> None:
    message, prospect = hand.message, hand.prospect
    message.error = failed.reason
    _return_places(session, claimed, prospect)
    if isinstance(failed, Overtaken):
        message.status = SKIPPED
        return
    if isinstance(failed, Already):
        message.status = SKIPPED
        prospect.provider_id = failed.person_id or prospect.provider_id
        pass_invitation(session, prospect, hand.node, failed.status, now, hand.nodes)
        return
    if isinstance(failed, Limited):
        _as_before(hand, now)
        if sender is not None:
            sender.limit_step(hand.node.type, now + (failed.pause or LIMIT_PAUSE), failed.reason)
        return
    if failed.account:
        # Not this message's fault: it is due as before, once the account works again.
        _as_before(hand, now)
        if sender is not None:
            blame(sender, failed, now)
        return
    if not failed.lasting and message.attempts <= len(RETRY_PAUSES):
        message.status = WAITING
        _due_again(prospect, now + RETRY_PAUSES[message.attempts - 1], now)
        return
    message.status = BOUNCED if failed.bounced else FAILED
    if prospect.status not in lifecycle.TERMINAL:
        leave(prospect, lifecycle.BOUNCED if failed.bounced else lifecycle.FAILED, failed.reason, now)
        prospect.bounced_at = now if failed.bounced else None


def take_back(session: Session, steps: Steps, claimed: Claim, now: datetime) -> None:
    """A message that was never handed over: its claim came through, if it did, without saying so."""
    hand = _in_hand(session, steps, claimed)
    if hand is not None:
        _return_places(session, claimed, hand.prospect)
        _as_before(hand, now)
        hand.save(session)


def _as_before(hand: InHand, now: datetime) -> None:
    """The message did not leave, and that was no try of it."""
    hand.message.status, hand.message.attempts = WAITING, max(hand.message.attempts - 1, 0)
    _due_again(hand.prospect, now, now)


def _return_places(session: Session, claimed: Claim, prospect: Prospect) -> None:
    count_sender(session, claimed.sender_id, claimed.day, -1)
    if isinstance(claimed.outgoing, Approach):
        uncount_use(session, claimed.message_id)
    if claimed.reserved:
        give_back(session, claimed.campaign_id, claimed.day)
        prospect.counted_on = None


def _due_again(prospect: Prospect, due_at: datetime, now: datetime) -> None:
    if prospect.status not in lifecycle.TERMINAL:
        prospect.wait_until(due_at)
        prospect.updated_at = now


def blame_account(session: Session, sender_id: UUID, failed: Unsent, now: datetime) -> None:
    """The account could not be used at all: see `blame`."""
    found = account.lock_account(session, sender_id)
    if found is not None:
        blame(found.sender, failed, now)
        account.save(session, found.sender)


def blame(sender: Sender, failed: Unsent, now: datetime) -> None:
    """A lasting failure needs a person; a passing one is tried again after a growing pause."""
    sender.failures += 1
    sender.count("refused")
    sender.status_reason = failed.reason
    sender.next_send_at, sender.updated_at = now + sender.failure_pause, now
    if failed.lasting:
        sender.status = "needs_attention"
