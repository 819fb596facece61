"""Recording: what became of a message that was handed over, and what follows from it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.channels.outgoing import Doubtful, Unsent
from campaigns.models.campaign import Campaign, Node
from campaigns.models.journey import arrive, leave
from campaigns.models.message import BOUNCED, FAILED, SENDING, SENT, UNKNOWN, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.usage import count_sender, give_back
from campaigns.rules import lifecycle
from campaigns.sending.claiming import Claim, GapOf

# Pauses after a passing failure of one message; after the last of them it has failed for good.
RETRY_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))

Outcome = str | Unsent | Doubtful


def record(session: Session, claimed: Claim, outcome: Outcome, now: datetime, gap_of: GapOf) -> str | None:
    """Write down the outcome, a receipt or a failure, and move the prospect on, in one transaction.

    Which of OUTCOMES it was; None if there was nothing to write down any more.
    """
    sender = session.scalar(select(Sender).where(Sender.id == claimed.sender_id).with_for_update(key_share=True))
    if sender is not None:
        sender.next_send_at = now + gap_of(sender)
    # Before its message, in the order of whoever deletes it: nobody then waits for the other in a circle.
    session.execute(
        select(Campaign.id).where(Campaign.id == claimed.campaign_id).with_for_update(read=True, key_share=True)
    )
    message = session.scalar(select(Message).where(Message.id == claimed.message_id).with_for_update())
    if message is None or message.status not in (SENDING, UNKNOWN):
        return None  # the campaign was deleted, or a person settled what the tick took for a dead lane's
    step = select(Prospect, Node).join(Node, Node.id == message.node_id).where(Prospect.id == message.prospect_id)
    found = session.execute(step.with_for_update(of=Prospect)).one_or_none()
    if found is None:
        return None
    prospect, node = found
    if isinstance(outcome, str):
        _sent(session, message, prospect, node, sender, outcome, now)
    elif isinstance(outcome, Doubtful):
        message.status, message.error = UNKNOWN, outcome.reason
    else:
        _unsent(session, claimed, message, prospect, sender, outcome, now)
    became = _became(message, outcome)
    if sender is not None and became != "refused":  # that was counted by whoever blamed the account
        sender.count(became)
    return became


def _became(message: Message, outcome: Outcome) -> str:
    if isinstance(outcome, Unsent) and outcome.account:
        return "refused"
    return "deferred" if message.status == WAITING else message.status


def _sent(
    session: Session,
    message: Message,
    prospect: Prospect,
    node: Node,
    sender: Sender | None,
    receipt: str,
    now: datetime,
) -> None:
    message.status, message.sent_at, message.receipt = SENT, now, receipt
    if sender is not None and sender.failures:
        sender.failures, sender.status_reason = 0, None
    arrive(session, prospect, node, now, now)


def _unsent(
    session: Session,
    claimed: Claim,
    message: Message,
    prospect: Prospect,
    sender: Sender | None,
    failed: Unsent,
    now: datetime,
) -> None:
    message.error = failed.reason
    _return_places(session, claimed, prospect)
    if failed.account:
        # Not this message's fault: it is due as before, once the account works again.
        message.status, message.attempts = WAITING, max(message.attempts - 1, 0)
        _due_again(prospect, now, now)
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


def _return_places(session: Session, claimed: Claim, prospect: Prospect) -> None:
    count_sender(session, claimed.sender_id, claimed.day, -1)
    if claimed.reserved:
        give_back(session, claimed.campaign_id, claimed.day)
        prospect.counted_on = None


def _due_again(prospect: Prospect, due_at: datetime, now: datetime) -> None:
    if prospect.status not in lifecycle.TERMINAL:
        prospect.wait_until(due_at)
        prospect.updated_at = now


def blame_account(session: Session, sender_id: UUID, failed: Unsent, now: datetime) -> None:
    """The account could not be used at all: see `blame`."""
    sender = session.scalar(select(Sender).where(Sender.id == sender_id).with_for_update(key_share=True))
    if sender is not None:
        blame(sender, failed, now)


def blame(sender: Sender, failed: Unsent, now: datetime) -> None:
    """A lasting failure needs a person; a passing one is tried again after a growing pause."""
    sender.failures += 1
    sender.count("refused")
    sender.status_reason = failed.reason
    sender.next_send_at, sender.updated_at = now + sender.failure_pause, now
    if failed.lasting:
        sender.status = "needs_attention"
