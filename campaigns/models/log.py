"""Writing events down."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.event import Event


def note(session: Session, campaign: Campaign, kind: str, now: datetime, *, by: str | None, **data: Any) -> None:
    """One more thing that happened to the campaign; part of the caller's transaction."""
    session.add(Event(workspace_id=campaign.workspace_id, campaign_id=campaign.id, kind=kind, data=data, by=by, at=now))
