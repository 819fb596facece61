"""What follows from what a provider told."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.channels.reading import REPLY
from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign
from campaigns.models.conversation import converse
from campaigns.models.journey import answered, connect, ring_lane
from campaigns.models.log import note
from campaigns.models.mailbox import Letter
from campaigns.models.message import SENDING, SENT, UNKNOWN, Message
from campaigns.models.profiles import lock_person, people_linked
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.models.standing import need_attention, put_to_work, wake_campaigns
from campaigns.models.suppression import ANSWERED, suppress
from campaigns.rules.correspondence import asks_to_stop
from campaigns.rules.people import profile_of
from campaigns.rules.provider import DISCONNECTED, ERRORED, PAUSED, RUNNING, Accepted, Heard, Standing, Wrote

# How far the provider's clock may be behind ours: whoever wrote before we did has not answered.
SKEW = timedelta(minutes=5)
ASKED = "Asked in an answer to get no more messages."
# How an account may stand that cannot be used, in words.
TROUBLES = {
    DISCONNECTED: "LinkedIn signed the account out: reconnect it.",
    PAUSED: "The account is paused at the provider: set it going there.",
    ERRORED: "The provider has trouble with the account, and tries to mend it.",
}


def hear(session: Session, sender: Sender, heard: Heard, now: datetime) -> None:
    """Do what follows. What is told of another account than the seat's is not for it."""
    if heard.account_id == (sender.seat or {}).get("account_id"):
        ACTIONS[type(heard)](session, sender, heard, now)


def _accepted(session: Session, sender: Sender, heard: Accepted, now: datetime) -> None:
    for prospect in _meant(session, sender, heard):
        campaign = lock_person(session, prospect)
        if campaign is None or prospect.connected_at is not None:
            continue
        prospect.provider_id = prospect.provider_id or heard.person_id
        connect(session, prospect, heard.at or now, now)
        note(session, campaign, "accepted", now, by=None, prospect_id=str(prospect.id))
        ring_lane(session, prospect)


def _meant(session: Session, sender: Sender, heard: Accepted | Wrote) -> list[Prospect]:
    """The people of this seat who are meant, in the order in which they are locked."""
    identity = profile_of(heard.profile_url or "")
    return people_linked(
        session, sender.workspace_id, [identity] if identity else [], [heard.person_id], sender_id=sender.id
    )


def _wrote(session: Session, sender: Sender, heard: Wrote, now: datetime) -> None:
    """They answered all that the account wrote to them: a person has one conversation with it, whatever the campaigns.
    It comes up in the inbox with the campaign that wrote last."""
    people = [(lock_person(session, one), one) for one in _meant(session, sender, heard)]
    written = _written_to(session, [one.id for campaign, one in people if campaign], heard.at)
    if not written or _is_known(session, sender, heard):
        return
    for campaign, prospect in people:
        if campaign is not None and prospect.id in written:
            _replied(session, campaign, prospect, heard, now)
    _keep(session, sender, heard, written[max(written, key=lambda one: written[one].claimed_at)], now)


def _written_to(session: Session, prospect_ids: Sequence[UUID], at: datetime) -> dict[UUID, Message]:
    """Prospect id -> the last message that left for them before `at`, as far as is known."""
    sent = select(Message).where(
        Message.prospect_id.in_(prospect_ids),
        Message.status.in_((SENT, SENDING, UNKNOWN)),
        Message.claimed_at <= at + SKEW,
    )
    return {message.prospect_id: message for message in session.scalars(sent.order_by(Message.claimed_at))}


def _is_known(session: Session, sender: Sender, heard: Wrote) -> bool:
    """Asked with the people locked, so that a webhook and a look at the same message wait for each other."""
    same = select(Letter.id).where(Letter.sender_account_id == sender.id, Letter.rfc_message_id == _identity(heard))
    return session.scalar(same) is not None


def _identity(heard: Wrote) -> str:
    """What tells this message from all others of the account."""
    if heard.message_id is not None:
        return heard.message_id
    return hashlib.sha256(f"{heard.person_id} {heard.at.isoformat()}".encode()).hexdigest()


def _replied(session: Session, campaign: Campaign, prospect: Prospect, heard: Wrote, now: datetime) -> None:
    prospect.provider_id = prospect.provider_id or heard.person_id
    note(session, campaign, "replied", now, by=None, prospect_id=str(prospect.id))
    if asks_to_stop(heard.text):
        prospect.replied_at = prospect.replied_at or min(heard.at, now)
        suppress(session, prospect.workspace_id, prospect.identity, ASKED, ANSWERED, now)
    else:
        answered(prospect, heard.at, now)


def _keep(session: Session, sender: Sender, heard: Wrote, message: Message, now: datetime) -> None:
    prospect = session.get_one(Prospect, message.prospect_id)
    session.add(
        Letter(
            id=new_id(),
            workspace_id=sender.workspace_id,
            sender_account_id=sender.id,
            prospect_id=prospect.id,
            message_id=message.id,
            kind=REPLY,
            rfc_message_id=_identity(heard),
            from_name=heard.name or prospect.name,
            fresh=heard.text,
            link=heard.link,
            sent_at=heard.at,
            received_at=now,
        )
    )
    converse(session, prospect, now)


def _stands(session: Session, sender: Sender, heard: Standing, now: datetime) -> None:
    """Believed at once, and looked at: events may be late, and come in another order."""
    account = session.scalar(
        select(Sender).where(Sender.id == sender.id).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    )
    if account is None:
        return
    if heard.status == RUNNING:
        recover(session, account, now)
    elif heard.status != ERRORED:
        need_attention(account, TROUBLES[heard.status], now)
    ring(session, "seat", sender.id)


def recover(session: Session, sender: Sender, now: datetime) -> None:
    """The account can be used again: what waited for it goes on. It is locked."""
    if sender.status == "needs_attention":
        put_to_work(session, sender)
        sender.updated_at = now
        wake_campaigns(session, sender, now, None)


ACTIONS: dict[type, Callable[[Session, Sender, Any, datetime], None]] = {
    Accepted: _accepted,
    Wrote: _wrote,
    Standing: _stands,
}
