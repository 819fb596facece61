"""Searching a workspace for campaigns and people by a few words."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import case, or_, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.prospect import Prospect
from campaigns.models.words import people_with
from campaigns.rules.people import profile_of

MOST_FOUND = 20
MOST_LETTERS = 200


@dataclass(frozen=True)
class Found:
    """At most MOST_FOUND of each."""

    campaigns: list[Campaign] = field(default_factory=list)
    people: list[tuple[Prospect, Campaign]] = field(default_factory=list)


def search(session: Session, workspace_id: UUID, text: str) -> Found:
    """Campaigns with the text in their name, first those that begin with it; people by words of name, company or
    address, each with the campaign. Of those who are looked at, the ones added last come first."""
    text = " ".join(text.split())[:MOST_LETTERS]
    if not text:
        return Found()
    return Found(_campaigns(session, workspace_id, text), _people(session, workspace_id, text))


def _campaigns(session: Session, workspace_id: UUID, text: str) -> list[Campaign]:
    spellings = _spellings(text)
    has = or_(*(Campaign.name.icontains(one, autoescape=True) for one in spellings))
    begins = or_(*(Campaign.name.istartswith(one, autoescape=True) for one in spellings))
    query = select(Campaign).where(Campaign.workspace_id == workspace_id, has)
    order = (case((begins, 0), else_=1), Campaign.updated_at.desc(), Campaign.id.desc())
    return list(session.scalars(query.order_by(*order).limit(MOST_FOUND)))


def _spellings(text: str) -> set[str]:
    """SQLite knows the two cases of ASCII letters alone; of others we say both."""
    return {text} if text.isascii() else {text, text.lower(), text.upper(), text.title()}


def _people(session: Session, workspace_id: UUID, text: str) -> list[tuple[Prospect, Campaign]]:
    last = people_with(session, workspace_id, profile_of(text) or text)[-MOST_FOUND:]
    query = select(Prospect, Campaign).join(Campaign, Campaign.id == Prospect.campaign_id)
    found = session.execute(query.where(Prospect.id.in_(last)).order_by(Prospect.id.desc()))
    return [(person, campaign) for person, campaign in found]
