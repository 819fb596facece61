"""Finding things inside a workspace. A stranger's thing is not found: the query looks in one's own only."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload

from campaigns.models.base import grouped
from campaigns.models.campaign import AccountLimit, Campaign, CampaignSender, Node
from campaigns.models.conversation import Conversation
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.workspace import Workspace
from campaigns.rules.refusals import NotFound

# Statements of every request are built once: building one takes longer than running it.
_CAMPAIGN = (
    select(Campaign)
    .options(joinedload(Campaign.workspace, innerjoin=True))
    .where(Campaign.id == bindparam("campaign"), Campaign.workspace_id == bindparam("workspace"))
)
_LOCKED_CAMPAIGN = _CAMPAIGN.with_for_update(of=Campaign, key_share=True)


def find_campaign(session: Session, workspace_id: UUID, campaign_id: UUID, *, lock: bool = False) -> Campaign:
    """The campaign, locked against every other writer if asked. NotFound for a stranger's.

    Rows that only refer to it may be written by others meanwhile: locking these out too would let two edits, one
    of a campaign and one of its sender, wait for each other.
    """
    own = {"campaign": campaign_id, "workspace": workspace_id}
    campaign = session.scalar(_LOCKED_CAMPAIGN if lock else _CAMPAIGN, own)
    if campaign is None:
        raise NotFound("campaign")
    return campaign


def lock_workspace(session: Session, workspace_id: UUID) -> None:
    """Wait until nobody else holds the workspace so, and hold it. Whoever locks a campaign, too, does that before."""
    session.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))


def find_sender(session: Session, workspace_id: UUID, sender_id: UUID, *, lock: bool = False) -> Sender:
    """The sender account, locked as a campaign is if asked. NotFound for a stranger's."""
    query = select(Sender).where(Sender.id == sender_id, Sender.workspace_id == workspace_id)
    sender = session.scalar(query.with_for_update(key_share=True) if lock else query)
    if sender is None:
        raise NotFound("sender account")
    return sender


def find_prospect(session: Session, campaign_id: UUID, prospect_id: UUID, *, lock: bool = False) -> Prospect:
    """The prospect of a campaign that was found already. NotFound for another campaign's."""
    query = select(Prospect).where(Prospect.id == prospect_id, Prospect.campaign_id == campaign_id)
    prospect = session.scalar(query.with_for_update() if lock else query)
    if prospect is None:
        raise NotFound("prospect")
    return prospect


def find_conversation(session: Session, workspace_id: UUID, prospect_id: UUID, *, lock: bool = False) -> Conversation:
    """The conversation with a person, locked if asked, after the person: whoever receives a letter does so in that
    order. NotFound for a stranger's, and for somebody who never answered."""
    query = select(Conversation).where(
        Conversation.prospect_id == prospect_id, Conversation.workspace_id == workspace_id
    )
    if lock:
        person = select(Prospect.id).where(Prospect.id == prospect_id, Prospect.workspace_id == workspace_id)
        session.execute(person.with_for_update(read=True, key_share=True))
        query = query.with_for_update().execution_options(populate_existing=True)
    conversation = session.scalar(query)
    if conversation is None:
        raise NotFound("conversation")
    return conversation


def nodes_of(session: Session, campaign_id: UUID) -> list[Node]:
    """The steps of a campaign in their order."""
    return nodes_by_campaign(session, [campaign_id])[campaign_id]


def nodes_by_campaign(session: Session, campaign_ids: Iterable[UUID]) -> defaultdict[UUID, list[Node]]:
    """The same for several, by the campaign."""
    query = select(Node).where(Node.campaign_id.in_(campaign_ids)).order_by(Node.position)
    return grouped((node.campaign_id, node) for node in session.scalars(query))


def senders_of(session: Session, campaign_id: UUID) -> list[Sender]:
    """The accounts that a campaign sends from, in the order they were chosen."""
    query = select(Sender).join(CampaignSender, CampaignSender.sender_id == Sender.id)
    query = query.where(CampaignSender.campaign_id == campaign_id)
    return list(session.scalars(query.order_by(CampaignSender.position)))


def limits_of(session: Session, campaign_id: UUID) -> list[AccountLimit]:
    """The campaign's own limits for accounts, in the order they were given."""
    query = select(AccountLimit).where(AccountLimit.campaign_id == campaign_id)
    return list(session.scalars(query.order_by(AccountLimit.position)))
