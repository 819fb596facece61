"""Withdrawing invitations that nobody accepted: a person takes them back at LinkedIn, or the provider is asked to.

What the provider is asked is a committed state of the message, which a job carries out; the tick rings again while
anything is left. To withdraw twice is to withdraw once, so nothing is written down before the provider is called.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, Self
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.outgoing import Doubtful, Limited, Unsent
from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import find_campaign, find_prospect
from campaigns.models.journey import leave
from campaigns.models.log import note
from campaigns.models.message import ASKED, REFUSED, SENT, WITHDRAWN, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.models.standing import need_attention
from campaigns.rules import lifecycle
from campaigns.rules.refusals import WrongState
from campaigns.rules.seats import WITHDRAWAL
from campaigns.rules.sequence import CONNECTION_REQUEST

REASON = "The invitation was withdrawn."
# For how long the provider is left alone that could not be asked, or takes no more, and does not say for how long.
PAUSE = timedelta(minutes=5)

Sessions = sessionmaker[Session]
Pair = tuple[Message, Prospect]


class Withdrawer(Protocol):
    """The channel of an account that can take an invitation back."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...
    def withdraw(self, invitation: str | None, person_id: str | None, profile_url: str) -> None:
        """The `invitation` is what the provider called it, if it said so. Raises Unsent or Doubtful."""
        ...


# Asking


def withdraw(
    session: Session, workspace_id: UUID, campaign_id: UUID, prospect_id: UUID, *, now: datetime, by: str | None
) -> Message:
    """Take back the invitation of somebody who waits or timed out. Raises NotFound, WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    find_prospect(session, campaign.id, prospect_id)
    found = _lock_all(session, _open_invitations(campaign).where(Prospect.id == prospect_id))
    if not found:
        raise WrongState("No invitation of this person waits to be withdrawn.")
    _withdraw(session, campaign, found, now, by)
    return found[0][0]


def withdraw_all(
    session: Session, workspace_id: UUID, campaign_id: UUID, *, now: datetime, by: str | None
) -> list[Message]:
    """The same for everybody of a campaign who timed out. Raises NotFound."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    found = _lock_all(session, _timed_out(campaign))
    _withdraw(session, campaign, found, now, by)
    return [message for message, _ in found]


def invitation_of(session: Session, campaign: Campaign, prospect: Prospect) -> Message | None:
    """The invitation of somebody who waits or timed out, whatever became of it since."""
    found = session.execute(_invitations(campaign).where(Prospect.id == prospect.id)).first()
    return found[0] if found else None


def count_timed_out(session: Session, campaign: Campaign) -> int:
    """How many `withdraw_all` would take back."""
    return session.scalar(select(func.count()).select_from(_timed_out(campaign).subquery())) or 0


def _invitations(campaign: Campaign) -> Select[Message, Prospect]:
    """Those that left and were not accepted, with whom they went to."""
    return (
        select(Message, Prospect)
        .join(Node, Node.id == Message.node_id)
        .join(Prospect, Prospect.id == Message.prospect_id)
        .where(
            Prospect.campaign_id == campaign.id,
            Prospect.status.in_((lifecycle.TIMED_OUT, lifecycle.CONNECTION_SENT)),
            Prospect.connected_at.is_(None),
            Node.type == CONNECTION_REQUEST,
            Message.status == SENT,
        )
    )


def _open_invitations(campaign: Campaign) -> Select[Message, Prospect]:
    """Those that nobody has taken back, and nobody is about to."""
    return _invitations(campaign).where(or_(Message.withdrawal.is_(None), Message.withdrawal == REFUSED))


def _timed_out(campaign: Campaign) -> Select[Message, Prospect]:
    return _open_invitations(campaign).where(Prospect.status == lifecycle.TIMED_OUT)


def _lock_all(session: Session, invitations: Select[Message, Prospect]) -> list[Pair]:
    locked = invitations.order_by(Prospect.id).with_for_update(of=(Message, Prospect))
    return [(message, prospect) for message, prospect in session.execute(locked)]


def _withdraw(session: Session, campaign: Campaign, found: Sequence[Pair], now: datetime, by: str | None) -> None:
    ids = {message.sender_account_id for message, _ in found}
    senders = {sender.id: sender for sender in session.scalars(select(Sender).where(Sender.id.in_(ids)))}
    for message, prospect in found:
        sender = senders.get(message.sender_account_id) if message.sender_account_id else None
        if sender is None or sender.assisted:
            _withdrawn(message, prospect, now)
        else:
            message.withdrawal, message.error = ASKED, None
            ring(session, "withdrawal", sender.id)
    if found:
        note(session, campaign, "withdrawn", now, by=by, count=len(found))


def _withdrawn(message: Message, prospect: Prospect, now: datetime) -> None:
    message.withdrawal, message.error = WITHDRAWN, None
    if prospect.status == lifecycle.CONNECTION_SENT:
        leave(prospect, lifecycle.TIMED_OUT, REASON, now)


# Carrying out


def carry_out(
    sessions: Sessions, sender_id: UUID, open_channel: Callable[[Sender], Withdrawer], clock: Callable[[], datetime]
) -> bool:
    """Ask the provider to take back one invitation of this account; whether it did. The tick rings for the others, so
    that they are asked for one by one, as a person would."""
    with sessions() as session:
        found = session.execute(_asked(sender_id).limit(1)).one_or_none()
    if found is None or _is_resting(found[2], clock()):
        return False
    message, prospect, sender = found
    try:
        with open_channel(sender) as channel:
            channel.withdraw(message.receipt, prospect.provider_id, prospect.linkedin_url or "")
    except (Unsent, Doubtful) as failed:
        with sessions.begin() as session:
            _write_failure(session, message, sender_id, failed, clock())
        return False
    with sessions.begin() as session:
        if own := _lock(session, message):
            _withdrawn(*own, clock())
    return True


def _asked(sender_id: UUID) -> Select[Message, Prospect, Sender]:
    return (
        select(Message, Prospect, Sender)
        .join(Prospect, Prospect.id == Message.prospect_id)
        .join(Sender, Sender.id == Message.sender_account_id)
        .where(Message.sender_account_id == sender_id, Message.withdrawal == ASKED)
        .order_by(Message.id)
    )


def _is_resting(sender: Sender, now: datetime) -> bool:
    """Whether the account cannot be used, or its provider is left alone for a while."""
    limited = sender.limited_until(WITHDRAWAL)
    return sender.status != "active" or (limited is not None and now < limited[0])


def _lock(session: Session, message: Message) -> Pair | None:
    """Both as they are now, after their campaign; None if they were removed."""
    fresh = {"populate_existing": True}
    session.scalar(select(Campaign.id).where(Campaign.id == message.campaign_id).with_for_update(read=True))
    own = session.scalar(select(Message).where(Message.id == message.id).with_for_update(), execution_options=fresh)
    person = select(Prospect).where(Prospect.id == message.prospect_id).with_for_update()
    prospect = session.scalar(person, execution_options=fresh)
    return (own, prospect) if own is not None and prospect is not None else None


def _write_failure(
    session: Session, message: Message, sender_id: UUID, failed: Unsent | Doubtful, now: datetime
) -> None:
    """What cannot be taken back is shown, for a person to ask again; what could not be asked is asked again later."""
    lasting, account = (failed.lasting, failed.account) if isinstance(failed, Unsent) else (False, False)
    if lasting and not account:
        own = _lock(session, message)
        if own and own[0].withdrawal == ASKED:
            own[0].withdrawal, own[0].error = REFUSED, failed.reason
        return
    sender = session.get(Sender, sender_id, with_for_update={"key_share": True})
    if sender is None:
        return
    if lasting:
        need_attention(sender, failed.reason, now)
    else:
        pause = failed.pause if isinstance(failed, Limited) else None
        sender.limit_step(WITHDRAWAL, now + (pause or PAUSE), failed.reason)


def ring_asked(session: Session, now: datetime) -> None:
    """Ring for every account whose provider is to be asked, and can be."""
    asked = select(Message.sender_account_id).where(Message.withdrawal == ASKED)
    for sender in session.scalars(select(Sender).where(Sender.id.in_(asked))):
        if not _is_resting(sender, now):
            ring(session, "withdrawal", sender.id)
