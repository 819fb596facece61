"""How an account stands: at work, or in need of a person. Neither loses a send nor repeats one."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignSender
from campaigns.models.message import SENDING, SENT, UNKNOWN, Message
from campaigns.models.sender import Sender
from campaigns.models.waking import request_wake_up
from campaigns.rules import lifecycle


def need_attention(sender: Sender, reason: str, now: datetime) -> None:
    """It cannot be used before a person did something; one that was put aside is left there."""
    if sender.status == "active":
        sender.status, sender.status_reason, sender.updated_at = "needs_attention", reason, now


def put_to_work(session: Session, sender: Sender) -> None:
    """It can be used, whatever was the matter. The account is locked."""
    if sender.status != "active" or sender.failures:
        sender.next_send_at = _after_gap(session, sender)
    sender.status, sender.status_reason, sender.failures = "active", None, 0


def _after_gap(session: Session, sender: Sender) -> datetime | None:
    """When an account that failed may send again: at once, but for the gap after what did leave."""
    query = select(func.max(Message.claimed_at)).where(
        Message.sender_account_id == sender.id, Message.status.in_((SENT, UNKNOWN, SENDING))
    )
    last = session.scalar(query)
    return last + timedelta(seconds=sender.max_gap) if last else None


def wake_campaigns(session: Session, sender: Sender, now: datetime, by: str | None) -> None:
    """Its running campaigns are looked at anew."""
    running = (
        select(Campaign)
        .join(CampaignSender, CampaignSender.campaign_id == Campaign.id)
        .where(CampaignSender.sender_id == sender.id, Campaign.status == lifecycle.ACTIVE)
    )
    for campaign in session.scalars(running):
        request_wake_up(session, campaign, "senders", now, by=by, old_hours=campaign.operating_hours)
