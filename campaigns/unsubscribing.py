"""Unsubscribing: somebody says no by the link in a message, and hears nothing more from this workspace."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.log import note
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
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
    found = (
        select(Prospect, Campaign)
        .join(Message, Message.prospect_id == Prospect.id)
        .join(Campaign, Campaign.id == Prospect.campaign_id)
        .where(Message.id == recipient.message_id, Prospect.workspace_id == recipient.workspace_id)
    )
    prospect, campaign = session.execute(found).one_or_none() or (None, None)
    # Their address may have been corrected since the message left: they mean themselves, wherever we write to.
    identities = sorted({recipient.identity} | ({prospect.identity} if prospect else set()))
    new = [suppress(session, recipient.workspace_id, one, REASON, UNSUBSCRIBED, now) for one in identities]
    if any(new) and prospect is not None and campaign is not None:
        note(session, campaign, "unsubscribed", now, by=None, prospect_id=str(prospect.id))
