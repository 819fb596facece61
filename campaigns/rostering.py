"""The roster of a campaign: listing and editing its prospects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.models import counts
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign, find_prospect
from campaigns.models.gate import ensure_gates
from campaigns.models.journey import leave
from campaigns.models.paging import page_by_index
from campaigns.models.prospect import Prospect
from campaigns.models.suppression import who_said_no
from campaigns.models.words import people_with
from campaigns.rules import lifecycle
from campaigns.rules.people import PERSON_FIELDS, Person, identity_of, read_fields
from campaigns.rules.problems import Problems
from campaigns.rules.refusals import Conflict, Invalid


@dataclass(frozen=True)
class Filter:
    """Which prospects to list. `search` are words that each begin a word of name, company or address."""

    status: str | None = None
    node_id: UUID | None = None
    search: str | None = None


def listed(
    session: Session, campaign: Campaign, wanted: Filter, *, page: int, limit: int
) -> tuple[list[Prospect], int]:
    """One page of the roster, and how many match in all; of those who have the words, the first `words.MOST_FOUND` are
    looked at. In the order people were added; at one step, by status first.
    """
    if wanted.search:
        return _searched(session, campaign, wanted, page, limit)
    own: list[ColumnElement[bool]] = [Prospect.campaign_id == campaign.id]
    by_status: tuple[InstrumentedAttribute[str], ...] = ()
    if wanted.node_id:  # which is of one campaign alone, as the count knows
        own, by_status = [Prospect.current_node_id == wanted.node_id], (Prospect.status,)
    if wanted.status:
        own.append(Prospect.status == wanted.status)
    total = counts.total(session, campaign.id, status=wanted.status, node_id=wanted.node_id)
    return page_by_index(session, Prospect, own, *by_status, Prospect.id, total=total, page=page, limit=limit), total


def _searched(
    session: Session, campaign: Campaign, wanted: Filter, page: int, limit: int
) -> tuple[list[Prospect], int]:
    found = people_with(session, campaign.id, wanted.search or "")
    others = {Prospect.status: wanted.status, Prospect.current_node_id: wanted.node_id}
    own = [column == value for column, value in others.items() if value]
    if own:
        found = list(session.scalars(select(Prospect.id).where(Prospect.id.in_(found), *own).order_by(Prospect.id)))
    shown = Prospect.id.in_(found[(page - 1) * limit : page * limit])
    return list(session.scalars(select(Prospect).where(shown).order_by(Prospect.id))), len(found)


def edit(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    prospect_id: UUID,
    body: Mapping[str, Any],
    *,
    now: datetime,
) -> Prospect:
    """Change what is known of a person; whoever is on the suppression list by a new address gets nothing more. Raises
    NotFound, Invalid, and Conflict if the address is another's."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    prospect = find_prospect(session, campaign.id, prospect_id, lock=True)
    try:
        values = read_fields(body, "")
        whole = {name: getattr(prospect, name) for name in PERSON_FIELDS} | values
        identity = identity_of(whole, "", campaign.type)
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    if identity != prospect.identity:
        _check_identity(session, campaign, identity)
        # What was known of somebody else at LinkedIn.
        prospect.provider_id = prospect.connected_at = None
    _write(session, campaign, prospect, values | {"identity": identity}, now)
    _heed(session, prospect, now)
    return prospect


def _check_identity(session: Session, campaign: Campaign, identity: str) -> None:
    taken = select(Prospect.id).where(Prospect.campaign_id == campaign.id, Prospect.identity == identity)
    if session.scalar(taken) is not None:
        raise Conflict(f"{identity} is in this campaign already.", code="duplicate_prospect")


def _heed(session: Session, prospect: Prospect, now: datetime) -> None:
    """End the way of somebody whom an entry of the list means, as it was ended for everybody when the entry came."""
    if prospect.status in lifecycle.TERMINAL and prospect.status != lifecycle.FAILED:
        return
    who = Person(prospect.identity, {"email": prospect.email, "linkedin_url": prospect.linkedin_url})
    for reason in who_said_no(session, prospect.workspace_id, [who]).values():
        leave(prospect, lifecycle.UNSUBSCRIBED, reason, now)


def _write(session: Session, campaign: Campaign, prospect: Prospect, values: dict[str, Any], now: datetime) -> None:
    if "timezone" in values:
        prospect.clock = values.pop("timezone") or ""
        if campaign.status != lifecycle.DRAFT:
            ensure_gates(session, campaign, [prospect.clock], now)
    for name, value in values.items():
        setattr(prospect, name, value)
    prospect.updated_at = now
