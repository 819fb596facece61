"""Versions: what every edit of a campaign has replaced, so that it can be told, compared and put back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import Base
from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import nodes_of
from campaigns.rules.refusals import Stale
from campaigns.rules.sequence import NODE_FIELDS

# Most versions that a campaign keeps; older ones are dropped.
MOST_VERSIONS = 100
SEQUENCE = "sequence_nodes"

Nodes = list[dict[str, Any]]


class Version(Base):
    """One edit. `number` is the campaign's version since then, `before` each field that changed, as a client would
    have sent it to have what was there before."""

    __tablename__ = "campaign_version"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cause: Mapped[str] = mapped_column(String(32))
    by: Mapped[str | None] = mapped_column(String(320))
    at: Mapped[datetime]
    before: Mapped[dict[str, Any]]


# Built once: building a statement takes longer than running it.
_NUMBERS = select(Version.number).where(Version.campaign_id == bindparam("campaign")).order_by(Version.number.desc())
_FORGET = (
    delete(Version)
    .where(
        Version.campaign_id == bindparam("campaign"),
        Version.number <= _NUMBERS.offset(MOST_VERSIONS).limit(1).scalar_subquery(),
    )
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True)
class Edition:
    """A sequence as it was from one version on, and what it was just before."""

    number: int
    cause: str
    by: str | None
    at: datetime
    before: Nodes
    nodes: Nodes


def raw_nodes(nodes: Sequence[Node]) -> Nodes:
    """Stored nodes as a client would send them."""
    return [
        {"id": str(node.id), "type": node.type, **{name: getattr(node, name) for name in NODE_FIELDS}} for node in nodes
    ]


def keep_version(
    session: Session, campaign: Campaign, cause: str, now: datetime, *, by: str | None, before: Mapping[str, Any]
) -> None:
    """Write down an edit that has just raised the campaign's version; part of the caller's transaction."""
    session.add(
        Version(campaign_id=campaign.id, number=campaign.version, cause=cause, by=by, at=now, before=dict(before))
    )
    session.execute(_FORGET, {"campaign": campaign.id})


def versions_of(session: Session, campaign_id: UUID, *, since: int = -1) -> list[Version]:
    """The versions after `since`, newest first."""
    query = select(Version).where(Version.campaign_id == campaign_id, Version.number > since)
    return list(session.scalars(query.order_by(Version.number.desc())))


def changed_since(session: Session, campaign: Campaign, number: int) -> set[str] | None:
    """The fields that were edited after the version `number`; None if that is too long ago to know."""
    rows = versions_of(session, campaign.id, since=number)
    if len(rows) == MOST_VERSIONS or number > campaign.version:
        return None
    return {name for row in rows for name in row.before}


def check_version(campaign: Campaign, versions: Collection[int] | None) -> None:
    """Raise Stale unless the campaign, which the caller has locked, is at one of `versions`; None is any."""
    if versions is not None and campaign.version not in versions:
        raise Stale("The campaign was edited meanwhile: read it again, then decide what to change.")


def check_unedited(session: Session, campaign: Campaign, names: Collection[str], since: int) -> None:
    """Raise Stale if any of these fields was edited after the version `since`, which a form was drawn from."""
    edited = changed_since(session, campaign, since)
    if edited is None or not edited.isdisjoint(names):
        raise Stale("This was edited elsewhere since you opened it, so nothing was saved.")


def editions(session: Session, campaign_id: UUID) -> list[Edition]:
    """Every sequence that is known, the present one first. Each row holds what it replaced, so what it brought is
    what the next one replaced, or what is there now."""
    found: list[Edition] = []
    nodes = raw_nodes(nodes_of(session, campaign_id))
    for row in versions_of(session, campaign_id):
        if SEQUENCE in row.before:
            before = row.before[SEQUENCE]
            found.append(Edition(row.number, row.cause, row.by, row.at, before, nodes))
            nodes = before
    return found


def sequence_at(session: Session, campaign_id: UUID, number: int) -> Nodes | None:
    """The sequence as it was at the version `number`, None if that is not known (any more)."""
    rows = versions_of(session, campaign_id)
    later = [row.before[SEQUENCE] for row in rows if row.number > number and SEQUENCE in row.before]
    if later and number < rows[-1].number - 1:
        return None
    return later[-1] if later else raw_nodes(nodes_of(session, campaign_id))
