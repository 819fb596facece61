"""The roster of a campaign: listing, editing and removing its prospects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, select, true, update
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models import counts
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign, find_prospect
from campaigns.models.gate import ensure_gates
from campaigns.models.log import note
from campaigns.models.message import Message
from campaigns.models.paging import page_by_index, page_of
from campaigns.models.prospect import Prospect
from campaigns.models.words import people_with
from campaigns.rules import lifecycle
from campaigns.rules.kinds import Context, UuidList
from campaigns.rules.people import PERSON_FIELDS, identity_of, read_fields
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Conflict, Invalid

MOST_REMOVED = 500
# People who are removed in one transaction.
MOST_AT_ONCE = 5000


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
    own, order = [Prospect.campaign_id == campaign.id], [Prospect.id]
    if wanted.node_id:  # which is of one campaign alone, as the count knows
        own, order = [Prospect.current_node_id == wanted.node_id], [Prospect.status, Prospect.id]
    if wanted.status:
        own.append(Prospect.status == wanted.status)
    total = counts.total(session, campaign.id, status=wanted.status, node_id=wanted.node_id)
    return page_by_index(session, Prospect, own, *order, total=total, page=page, limit=limit), total


def _searched(
    session: Session, campaign: Campaign, wanted: Filter, page: int, limit: int
) -> tuple[list[Prospect], int]:
    own = [Prospect.id.in_(people_with(session, campaign.id, wanted.search or ""))]
    if wanted.status:
        own.append(Prospect.status == wanted.status)
    if wanted.node_id:
        own.append(Prospect.current_node_id == wanted.node_id)
    return page_of(session, Prospect, own, Prospect.id, page=page, limit=limit)


def edit(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    prospect_id: UUID,
    body: Mapping[str, Any],
    *,
    now: datetime,
) -> Prospect:
    """Change what is known of a person. Raises NotFound, Invalid, and Conflict if the address is another's."""
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
    _write(session, campaign, prospect, values | {"identity": identity}, now)
    return prospect


def _check_identity(session: Session, campaign: Campaign, identity: str) -> None:
    taken = select(Prospect.id).where(Prospect.campaign_id == campaign.id, Prospect.identity == identity)
    if session.scalar(taken) is not None:
        raise Conflict(f"{identity} is in this campaign already.", code="duplicate_prospect")


def _write(session: Session, campaign: Campaign, prospect: Prospect, values: dict[str, Any], now: datetime) -> None:
    if "timezone" in values:
        prospect.clock = values.pop("timezone") or ""
        if campaign.status != lifecycle.DRAFT:
            ensure_gates(session, campaign, [prospect.clock], now)
    for name, value in values.items():
        setattr(prospect, name, value)
    prospect.updated_at = now


def remove(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    body: Any,
    *,
    now: datetime,
    by: str | None,
) -> dict[str, int]:
    """Remove 1 to 500 people by id, or all. Raises NotFound, Invalid.

    Whoever was written to stays on the list as cancelled: what was sent is a fact, and would be sent again if
    the person came back. Ids of other campaigns are passed over.
    """
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    removed = _remove(session, _chosen(campaign, body), now)
    _tell(session, campaign, removed, now, by)
    return removed.to_json()


def remove_all(
    sessions: sessionmaker[Session], workspace_id: UUID, campaign_id: UUID, *, now: datetime, by: str | None
) -> dict[str, int]:
    """Remove everybody as `remove` does, in as many short transactions as it takes: a million people hold up nobody
    else's lane. Raises NotFound."""
    removed, last = Removed(), None
    while True:
        with sessions.begin() as session:
            campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
            left = (Prospect.campaign_id == campaign.id, Prospect.id > last if last else true())
            people = session.scalars(select(Prospect.id).where(*left).order_by(Prospect.id).limit(MOST_AT_ONCE)).all()
            if not people:
                _tell(session, campaign, removed, now, by)
                return removed.to_json()
            last = people[-1]
            removed += _remove(session, (*left, Prospect.id <= last), now)


def is_all(body: Any) -> bool:
    """Whether a body asks for everybody to be removed."""
    return isinstance(body, dict) and body.get("all") is True


@dataclass(frozen=True)
class Removed:
    """How many are gone, and how many stay as cancelled."""

    deleted: int = 0
    cancelled: int = 0

    def __add__(self, more: "Removed") -> "Removed":
        return Removed(self.deleted + more.deleted, self.cancelled + more.cancelled)

    def to_json(self) -> dict[str, int]:
        """The answer of `DELETE …/prospects`."""
        return {"removed": self.deleted + self.cancelled, "deleted": self.deleted, "cancelled": self.cancelled}


def _tell(session: Session, campaign: Campaign, removed: Removed, now: datetime, by: str | None) -> None:
    if removed.deleted or removed.cancelled:
        note(session, campaign, "prospects_removed", now, by=by, count=removed.deleted + removed.cancelled)


def _remove(session: Session, chosen: Sequence[ColumnElement[bool]], now: datetime) -> Removed:
    written_to = exists().where(Message.prospect_id == Prospect.id)
    options = {"synchronize_session": False}
    going = (*chosen, written_to, Prospect.status.not_in(lifecycle.TERMINAL))
    leave = (
        update(Prospect)
        .where(*going)
        .values(status=lifecycle.CANCELLED, due_at=None, paused_at=None, held_due_at=None, updated_at=now)
    )
    cancelled = session.execute(leave, execution_options=options).rowcount  # type: ignore[attr-defined]
    gone = session.execute(delete(Prospect).where(*chosen, ~written_to), execution_options=options)
    deleted = gone.rowcount  # type: ignore[attr-defined]
    session.expire_all()
    return Removed(deleted, cancelled)


def _chosen(campaign: Campaign, body: Any) -> Sequence[ColumnElement[bool]]:
    own = Prospect.campaign_id == campaign.id
    if is_all(body):
        return (own,)
    ids = body.get("ids") if isinstance(body, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_REMOVED:
        problem = Problem("ids", f'must be a list of 1 to {MOST_REMOVED} ids; or send {{"all": true}}')
        raise Invalid.of([problem])
    return (own, Prospect.id.in_(_parse_ids(ids)))


def _parse_ids(ids: list[object]) -> tuple[UUID, ...]:
    try:
        return UuidList(MOST_REMOVED).parse(ids, "ids", Context("UTC"))
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
