"""Marking people accepted or replied, by hand: one alone, or all whose profile links somebody pastes.

At LinkedIn nobody tells an assisted seat what came back; a person looks there, and says it here.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign, find_prospect, find_sender
from campaigns.models.journey import answered, connect, ring_lane
from campaigns.models.log import note
from campaigns.models.paging import page_of
from campaigns.models.profiles import lock_person, people_linked
from campaigns.models.prospect import Prospect
from campaigns.models.words import people_with
from campaigns.rules import lifecycle
from campaigns.rules.people import linkedin_identity, read_linkedin_url
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, WrongState

ACCEPTED, REPLIED = "accepted", "replied"
# What people are marked as, and in which statuses that is what they are waited for.
WAITS_IN = {ACCEPTED: (lifecycle.CONNECTION_SENT,), REPLIED: (lifecycle.CONNECTED, lifecycle.MESSAGE_SENT)}
# Links of one paste: all of them are marked in one transaction.
MOST_LINKS = 2000


@dataclass
class Marked:
    """What became of links: how many people were `marked`, and how many were `already`; which links are of `nobody` in
    a LinkedIn campaign, and which are no `profile` at all."""

    marked: int = 0
    already: int = 0
    nobody: list[str] = field(default_factory=list)
    no_profile: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The answer of `POST /linkedin/marks`."""
        return dict(vars(self))


def mark(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    prospect_id: UUID,
    what: object,
    *,
    now: datetime,
    by: str | None,
) -> bool:
    """Mark one person; False if they were already. Whoever accepted did so in every campaign of the same account.
    Raises NotFound, Invalid, WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id)
    prospect = find_prospect(session, campaign.id, prospect_id)
    _check(what)
    if campaign.type != lifecycle.LINKEDIN:
        raise WrongState("This is a campaign of emails: answers to these are read in the mailbox.")
    account = prospect.sender_account_id
    same = [prospect]
    if what == ACCEPTED and account is not None:
        same = people_linked(session, workspace_id, [prospect.identity], sender_id=account)
    return sum(_mark(session, one, str(what), now, by) for one in same) > 0


def mark_links(
    session: Session, workspace_id: UUID, what: object, links: object, *, now: datetime, by: str | None
) -> Marked:
    """Mark everybody whose profile is among these links, in every LinkedIn campaign of the workspace. Raises Invalid.

    All are marked or, should anything go wrong, nobody.
    """
    _check(what)
    result, profiles = Marked(), dict[str, str]()
    for link in _read(links):
        identity = _identity(link)
        if identity is None:
            result.no_profile.append(link)
        else:
            profiles.setdefault(identity, link)
    found: dict[str, bool] = {}
    for prospect in people_linked(session, workspace_id, profiles):
        new = _mark(session, prospect, str(what), now, by)
        found[prospect.identity] = new or found.get(prospect.identity, False)
    result.marked, result.already = sum(found.values()), len(found) - sum(found.values())
    result.nobody = [link for identity, link in profiles.items() if identity not in found]
    return result


def _read(links: object) -> list[str]:
    if not isinstance(links, list):
        raise Invalid.of([Problem("links", "must be a list of links")])
    if not 1 <= len(links) <= MOST_LINKS:
        raise Invalid.of([Problem("links", f"must be 1 to {MOST_LINKS:,}, not {len(links):,}")])
    if wrong := [number for number, link in enumerate(links) if not isinstance(link, str)]:
        raise Invalid.of(Problem(f"links[{number}]", "must be text") for number in wrong)
    return links


def _identity(link: str) -> str | None:
    try:
        profile = read_linkedin_url(link, "links")
    except Problems:
        return None
    return linkedin_identity(profile) if profile else None


def _check(what: object) -> None:
    if what not in (ACCEPTED, REPLIED):
        raise Invalid.of([Problem("what", f"must be {ACCEPTED} or {REPLIED}")])


def _mark(session: Session, prospect: Prospect, what: str, now: datetime, by: str | None) -> bool:
    campaign = lock_person(session, prospect)
    known = prospect.connected_at if what == ACCEPTED else prospect.replied_at
    if campaign is None or known is not None:
        return False
    if what == ACCEPTED:
        connect(session, prospect, now, now)
    else:
        answered(prospect, now, now)
    note(session, campaign, what, now, by=by, prospect_id=str(prospect.id))
    ring_lane(session, prospect)
    return True


def possible(prospect: Prospect) -> list[str]:
    """What somebody may be marked as."""
    if prospect.status in WAITS_IN[ACCEPTED]:
        return [ACCEPTED, REPLIED]
    return [REPLIED] if prospect.status in WAITS_IN[REPLIED] else []


@dataclass(frozen=True)
class Filter:
    """Who waits to be marked as `what`: those of an account, of a campaign, with names that begin with `words`."""

    what: str = ACCEPTED
    sender_id: UUID | None = None
    campaign_id: UUID | None = None
    words: str = ""


def waiting(
    session: Session, workspace_id: UUID, wanted: Filter, *, page: int, limit: int
) -> tuple[list[tuple[Prospect, Campaign]], int]:
    """One page of those of whom we would like to hear, who wait the shortest for their time-out first; and how many.
    Raises NotFound for a stranger's account or campaign."""
    campaigns = {one.id: one for one in running(session, workspace_id)}
    if wanted.campaign_id:
        chosen = find_campaign(session, workspace_id, wanted.campaign_id)
        campaigns = {chosen.id: chosen}
    own: list[ColumnElement[bool]] = [Prospect.campaign_id.in_(campaigns), Prospect.status.in_(WAITS_IN[wanted.what])]
    if wanted.sender_id:
        own.append(Prospect.sender_account_id == find_sender(session, workspace_id, wanted.sender_id).id)
    if wanted.words.strip():
        own.append(Prospect.id.in_(people_with(session, wanted.campaign_id or workspace_id, wanted.words)))
    people, total = page_of(session, Prospect, own, Prospect.due_at, Prospect.id, page=page, limit=limit)
    return [(one, campaigns[one.campaign_id]) for one in people], total


def running(session: Session, workspace_id: UUID) -> list[Campaign]:
    """The LinkedIn campaigns of a workspace that run or are paused, the one that was launched last first."""
    query = select(Campaign).where(
        Campaign.workspace_id == workspace_id,
        Campaign.type == lifecycle.LINKEDIN,
        Campaign.status.in_((lifecycle.ACTIVE, lifecycle.PAUSED)),
    )
    return list(session.scalars(query.order_by(Campaign.launched_at.desc(), Campaign.id)))
