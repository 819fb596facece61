"""Asking for a wake-up, in the transaction that makes it necessary."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign
from campaigns.models.sessions import ring
from campaigns.models.wake_up import WakeUp


def request_wake_up(
    session: Session,
    campaign: Campaign,
    cause: str,
    now: datetime,
    *,
    by: str | None,
    old_hours: dict[str, Any] | None,
) -> WakeUp:
    """Write the record and ring the bell; the job fills the record in. If the bell is lost, the tick finds it."""
    wake_up = WakeUp(
        id=new_id(),
        campaign_id=campaign.id,
        cause=cause,
        requested_by=by,
        requested_at=now,
        old_operating_hours=old_hours,
        new_operating_hours=campaign.operating_hours,
    )
    session.add(wake_up)
    ring(session, "wake", wake_up.id)
    return wake_up
