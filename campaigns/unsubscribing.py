"""Unsubscribing: somebody says no by the link in a message, and hears nothing more from this workspace."""

from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.log import note
from campaigns.models.message import Message
from campaigns.models.suppression import UNSUBSCRIBED, suppress
from campaigns.models.workspace import Workspace
from campaigns.rules.links import Recipient
from campaigns.rules.refusals import NotFound

REASON = "Unsubscribed by the link in a message."


def unsubscribe(session: Session, recipient: Recipient, now: datetime) -> None:
    """Take the no of whom a link was made for, as often as it comes; their campaign may be gone. Raises NotFound if the
    workspace is."""
    if session.get(Workspace, recipient.workspace_id) is None:
        raise NotFound("workspace")
    new = suppress(session, recipient.workspace_id, recipient.identity, REASON, UNSUBSCRIBED, now)
    message = session.get(Message, recipient.message_id)
    campaign = session.get(Campaign, message.campaign_id) if message else None
    if new and message is not None and campaign is not None:
        note(session, campaign, "unsubscribed", now, by=None, prospect_id=str(message.prospect_id))
