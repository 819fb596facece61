"""Who is in another LinkedIn campaign of the workspace, and is left out of this one for it: `skip_other_campaigns`.

A launch asks about everybody at once, and the newcomer yields. People may be added to campaigns that run, so each of
them is asked about again before their first step.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.models.campaign import Campaign
from campaigns.models.enrolment import waiting
from campaigns.models.journey import leave
from campaigns.models.prospect import Prospect
from campaigns.rules.lifecycle import ACTIVE, CANCELLED, FAILED, LAUNCHING, LINKEDIN, PAUSED

RUNNING = (LAUNCHING, ACTIVE, PAUSED)
# Whoever was taken out of a campaign, or is held back by it, is free for others.
FREE = (CANCELLED, FAILED)

_other, _theirs = aliased(Prospect), aliased(Campaign)


def _elsewhere(campaign: Campaign, identity: Any, *columns: Any) -> Select[Any]:
    """Whoever has this identity in other LinkedIn campaigns that run, as `_other` and `_theirs`."""
    return (
        select(*columns)
        .join_from(_other, _theirs, _theirs.id == _other.campaign_id)
        .where(
            _other.workspace_id == campaign.workspace_id,
            _other.identity == identity,
            _other.campaign_id != campaign.id,
            _other.status.not_in(FREE),
            _theirs.type == LINKEDIN,
            _theirs.status.in_(RUNNING),
        )
        .order_by(_other.id)
    )


def _first(campaign: Campaign, column: Any) -> Any:
    """A column of the campaign that a person, of a query for people, has been in for longest."""
    return _elsewhere(campaign, Prospect.identity, column).limit(1).correlate(Prospect).scalar_subquery()


def _taken(campaign: Campaign) -> tuple[ColumnElement[bool], ...]:
    return *waiting(campaign), _elsewhere(campaign, Prospect.identity, _other.id).correlate(Prospect).exists()


def _reason(name: Any) -> Any:
    """In words, of a name or of a column of names."""
    return "Skipped: already in the campaign “" + name + "”."


def foresee(session: Session, campaign: Campaign) -> dict[str, int]:
    """For which campaigns, by name, `skip_taken` would leave out how many people now; the most first."""
    if not campaign.skip_other_campaigns:
        return {}
    people = select(_first(campaign, _theirs.id).label("other")).where(*_taken(campaign)).subquery()
    query = select(Campaign.name, func.count()).join(people, people.c.other == Campaign.id).group_by(Campaign.name)
    return {row[0]: row[1] for row in session.execute(query.order_by(func.count().desc(), Campaign.name))}


def skip_taken(session: Session, campaign: Campaign, now: datetime) -> int:
    """Leave out everybody who has no place in the sequence yet and is in another campaign; how many. Whoever launches
    another campaign at this moment is kept out by the caller."""
    if not campaign.skip_other_campaigns:
        return 0
    people = select(Prospect.id).where(*_taken(campaign)).order_by(Prospect.id).with_for_update()
    values = {
        "status": CANCELLED,
        "status_reason": _first(campaign, _reason(_theirs.name)),
        "skipped_for": _first(campaign, _theirs.id),
        "updated_at": now,
    }
    skip = update(Prospect).where(Prospect.id.in_(people)).values(values)
    result = session.execute(skip, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]


def skipped_people(session: Session, campaign: Campaign, most: int) -> list[tuple[Prospect, Campaign]]:
    """The first of those who are left out, each with the campaign that they are in."""
    query = select(Prospect, Campaign).join(Campaign, Campaign.id == Prospect.skipped_for)
    own = query.where(Prospect.campaign_id == campaign.id, Prospect.status == CANCELLED)
    return [(person, other) for person, other in session.execute(own.order_by(Prospect.id).limit(most))]


def skipped_for(session: Session, people: Iterable[Prospect]) -> set[UUID]:
    """The campaigns for which any of these people are left out, and which are still there."""
    ids = {one.skipped_for for one in people if was_skipped(one)}
    return set(session.scalars(select(Campaign.id).where(Campaign.id.in_(ids)))) if ids else set()


def taken_by_other(session: Session, campaign: Campaign, prospect: Prospect) -> Campaign | None:
    """The campaign that this person, who is locked and about to get the first step of `campaign`, is left to.

    Of two campaigns one goes on: that which has begun, or else the one that they have been in for longer. Whoever came
    later there is waited for: they may be getting their first step at this moment. None, too, for whoever was written
    to before or is to be written to all the same.
    """
    if not campaign.skip_other_campaigns or prospect.contacted or prospect.skipped_for is not None:
        return None
    theirs: Campaign
    for other, theirs in session.execute(_elsewhere(campaign, prospect.identity, _other, _theirs)).all():
        if other.id > prospect.id:
            other = session.get(Prospect, other.id, with_for_update={"read": True}, populate_existing=True)
        if other is not None and _goes_first(other, theirs, campaign, prospect):
            return theirs
    return None


def _goes_first(other: Prospect, theirs: Campaign, campaign: Campaign, prospect: Prospect) -> bool:
    if other.status in FREE or other.skipped_for == campaign.id:  # which is all the same to them
        return False
    in_hand = other.current_node_id is not None and other.due_at is None and other.held_due_at is None
    return other.id < prospect.id or other.contacted or in_hand or not theirs.skip_other_campaigns


def was_skipped(prospect: Prospect) -> bool:
    """Whether they are left out for another campaign. Whoever is written to all the same is so no more, and
    `skipped_for` tells that they are not to be asked about again."""
    return prospect.status == CANCELLED and prospect.skipped_for is not None


def skip(prospect: Prospect, other: Campaign, now: datetime) -> None:
    """Leave one person out, who is in another campaign."""
    leave(prospect, CANCELLED, _reason(other.name), now)
    prospect.skipped_for = other.id
