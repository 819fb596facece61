"""People of LinkedIn campaigns, found by what LinkedIn or a provider calls them."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.message import UNSETTLED, Message
from campaigns.models.prospect import Prospect
from campaigns.rules.lifecycle import LINKEDIN


def people_linked(
    session: Session,
    workspace_id: UUID,
    identities: Collection[str],
    provider_ids: Collection[str] = (),
    sender_id: UUID | None = None,
) -> list[Prospect]:
    """Everybody in the workspace's LinkedIn campaigns, or those of one account, whom these profile identities or
    provider ids mean; the oldest first."""
    query = (
        select(Prospect)
        .join(Campaign, Campaign.id == Prospect.campaign_id)
        .where(
            Prospect.workspace_id == workspace_id,
            or_(Prospect.identity.in_(identities), Prospect.provider_id.in_(provider_ids)),
            Campaign.type == LINKEDIN,
        )
    )
    if sender_id is not None:
        query = query.where(Prospect.sender_account_id == sender_id)
    return list(session.scalars(query.order_by(Prospect.id)))


def lock_person(session: Session, prospect: Prospect) -> Campaign | None:
    """Lock the campaign (shared), the message in hand and the person as lanes do, and read them again: what was known
    of them may have changed meanwhile. The campaign; None if they were removed."""
    fresh = {"populate_existing": True}
    own = select(Campaign).where(Campaign.id == prospect.campaign_id)
    campaign = session.scalar(own.with_for_update(read=True, key_share=True), execution_options=fresh)
    in_hand = select(Message).where(Message.prospect_id == prospect.id, Message.status.in_(UNSETTLED))
    session.scalars(in_hand.order_by(Message.id).with_for_update(), execution_options=fresh).all()
    person = session.scalar(
        select(Prospect).where(Prospect.id == prospect.id).with_for_update(), execution_options=fresh
    )
    return campaign if person is not None else None
