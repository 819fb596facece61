"""Searching a workspace for campaigns and people by a few words.

A million people are never read through: addresses are found by how they begin, in an index, among everybody; names,
companies and parts of addresses among those who were added last to the latest campaigns.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from campaigns.models import counts
from campaigns.models.campaign import Campaign
from campaigns.models.prospect import Prospect
from campaigns.rules.people import linkedin_identity

MOST_FOUND = 20
MOST_WORDS = 200
# Addresses read from the index: after those that begin with the words, some databases sort in others between.
MOST_NEAR = 200
# People whose names are read, and campaigns that they are read from.
MOST_READ = 10_000
MOST_CAMPAIGNS = 100


@dataclass(frozen=True)
class Found:
    """At most MOST_FOUND of each, first those that begin with the words. `everybody` says whether everyone's name was
    read, not only the latest."""

    campaigns: list[Campaign] = field(default_factory=list)
    people: list[tuple[Prospect, Campaign]] = field(default_factory=list)
    everybody: bool = True


def search(session: Session, workspace_id: UUID, text: str) -> Found:
    """Campaigns by name; people by name, company or address, each with the campaign."""
    words = " ".join(text.split())[:MOST_WORDS]
    if not words:
        return Found()
    named, everybody = _by_name(session, workspace_id, words)
    ids = list(dict.fromkeys([*_by_address(session, workspace_id, words), *named]))[:MOST_FOUND]
    return Found(_campaigns(session, workspace_id, words), _people(session, ids), everybody)


def _campaigns(session: Session, workspace_id: UUID, words: str) -> list[Campaign]:
    query = select(Campaign).where(Campaign.workspace_id == workspace_id, _any_contains([Campaign.name], words))
    order = (_any_begins([Campaign.name], words), Campaign.updated_at.desc(), Campaign.id.desc())
    return list(session.scalars(query.order_by(*order).limit(MOST_FOUND)))


def _people(session: Session, ids: Sequence[UUID]) -> list[tuple[Prospect, Campaign]]:
    """Those people, in this order; but for whoever was removed meanwhile."""
    query = select(Prospect, Campaign).join(Campaign, Campaign.id == Prospect.campaign_id)
    found = {one.id: (one, campaign) for one, campaign in session.execute(query.where(Prospect.id.in_(ids)))}
    return [found[prospect_id] for prospect_id in ids if prospect_id in found]


def _by_address(session: Session, workspace_id: UUID, words: str) -> list[UUID]:
    """Everybody whose address begins so."""
    start = words.lower()
    if "/" in start:
        with suppress(ValueError):
            start = linkedin_identity(words).replace("\0", "")  # which an escape can hide, and no database takes
    near = select(Prospect.id, Prospect.identity).where(
        Prospect.workspace_id == workspace_id, Prospect.identity >= start
    )
    rows = session.execute(near.order_by(Prospect.identity).limit(MOST_NEAR))
    return [row.id for row in rows if row.identity.startswith(start)][:MOST_FOUND]


def _by_name(session: Session, workspace_id: UUID, words: str) -> tuple[list[UUID], bool]:
    """Who has the words in name, company or address, those that begin with them first; and whether all were read."""
    latest = select(Campaign.id).where(Campaign.workspace_id == workspace_id)
    latest = latest.order_by(Campaign.updated_at.desc(), Campaign.id.desc()).limit(MOST_CAMPAIGNS + 1)
    campaigns = list(session.scalars(latest))
    sizes = counts.by_status(session, campaigns)
    found: list[tuple[int, UUID]] = []
    left = MOST_READ
    for campaign_id in campaigns[:MOST_CAMPAIGNS]:
        size = sum(sizes[campaign_id].values())
        if size and left > 0:
            found += [(rank, person) for person, rank in session.execute(_named(campaign_id, words, min(size, left)))]
        left -= size
    found.sort(key=lambda one: one[0])
    return [person for _, person in found], left >= 0 and len(campaigns) <= MOST_CAMPAIGNS


def _named(campaign_id: UUID, words: str, most: int) -> Select[UUID, int]:
    """Of the `most` people who were added last to a campaign, those who match: id, and 0 if something begins so."""
    name = func.coalesce(Prospect.first_name, "") + " " + func.coalesce(Prospect.last_name, "")
    columns = (Prospect.id, Prospect.identity, Prospect.last_name, Prospect.company, name.label("name"))
    # Between, not equal: for this order PostgreSQL then needs the index of the campaign's people, and cannot walk back
    # through everybody else's instead, however many were added since.
    own = select(*columns).where(Prospect.campaign_id.between(campaign_id, campaign_id))
    read = own.order_by(Prospect.campaign_id.desc(), Prospect.id.desc()).limit(most).subquery()
    texts = [read.c.name, read.c.last_name, read.c.company, read.c.identity]
    rank = _any_begins(texts, words)
    return select(read.c.id, rank).where(_any_contains(texts, words)).order_by(rank, read.c.id.desc()).limit(MOST_FOUND)


def _any_contains(texts: Sequence[Any], words: str) -> ColumnElement[bool]:
    return or_(*(text.icontains(one, autoescape=True) for text in texts for one in _spellings(words)))


def _any_begins(texts: Sequence[Any], words: str) -> ColumnElement[int]:
    """0 for what begins with the words, else 1: to sort by."""
    begins = or_(*(text.istartswith(one, autoescape=True) for text in texts for one in _spellings(words)))
    return case((begins, 0), else_=1)


def _spellings(words: str) -> set[str]:
    """SQLite knows the two cases of ASCII letters alone; of others we say both."""
    return {words} if words.isascii() else {words, words.lower(), words.upper(), words.title()}
