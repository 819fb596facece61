"""Putting somebody on the suppression list: it ends every sequence of theirs at once (CONTRACT section 4)."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign
from campaigns.models.enrolment import waiting
from campaigns.models.journey import leave_all
from campaigns.models.prospect import Prospect
from campaigns.models.workspace import Suppression
from campaigns.rules import lifecycle
from campaigns.rules.people import Person
from campaigns.rules.suppressions import FORGOTTEN, HASH, entries_about, hashed, is_person, spellings

# How somebody came onto the list.
HAND, IMPORTED, UNSUBSCRIBED, ANSWERED, COMPLAINED, ERASED, API = (
    "hand",
    "import",
    "unsubscribe",
    "answer",
    "complaint",
    "erasure",
    "api",
)
# People who are looked up together: each may be meant by five entries.
BATCH = 2000


def suppress(
    session: Session, workspace_id: UUID, value: str, reason: str, source: str, now: datetime, *, by: str | None = None
) -> bool:
    """Never write to `value` again: an identity, or a domain. Whether it is new on the list."""
    new = put_on_list(session, workspace_id, {value: reason}, source, now, by=by)
    end_all(session, workspace_id, [value], reason, now)
    return bool(new)


def put_on_list(
    session: Session, workspace_id: UUID, entries: Mapping[str, str], source: str, now: datetime, *, by: str | None
) -> set[str]:
    """Write down those of `entries` (value -> reason) that are not on the list; which they were. Whoever asked to be
    forgotten is on it by a hash, and is not written down again."""
    hashes = {hashed(workspace_id, value): value for value in entries if is_person(value)}
    listed = select(Suppression.value).where(Suppression.workspace_id == workspace_id, Suppression.value.in_(hashes))
    forgotten = {hashes[value] for value in session.scalars(listed)}
    common = {"workspace_id": workspace_id, "source": source, "created_by": by, "created_at": now}
    # In order, so that two who add the same do not wait for each other in a circle.
    rows = [
        {"id": new_id(), "value": value, "reason": reason, **common}
        for value, reason in sorted(entries.items())
        if value not in forgotten
    ]
    if not rows:
        return set()
    table: Any = Suppression.__table__
    made: Any = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert(table)
    made = made.on_conflict_do_nothing(index_elements=["workspace_id", "value"]).returning(table.c.value)
    return set(session.scalars(made, rows))


def end_all(session: Session, workspace_id: UUID, values: Collection[str], reason: str, now: datetime) -> None:
    """Everybody of the workspace whom an entry means has said no: nothing more is due for them."""
    _end(session, (Prospect.workspace_id == workspace_id, _meant(session, values)), reason, now)


def _meant(session: Session, values: Collection[str]) -> ColumnElement[bool]:
    people = [value for value in values if is_person(value)]
    domains = {spelling for value in values if not is_person(value) for spelling in spellings(value)}
    meant = [Prospect.identity.in_(people)] if people else []
    if domains:
        meant.append(domain_in(session, Prospect.identity).in_(domains))
    return or_(*meant)


def domain_in(session: Session, address: Any) -> ColumnElement[str]:
    """The SQL for the domain of a column of addresses."""
    place = func.instr if session.get_bind().dialect.name == "sqlite" else func.strpos
    return func.substr(address, place(address, "@") + 1)


def _end(session: Session, who: Collection[ColumnElement[bool]], reason: str, now: datetime) -> None:
    leave_all(session, who, lifecycle.UNSUBSCRIBED, reason, now)


def end_suppressed(session: Session, campaign: Campaign, now: datetime) -> None:
    """Whoever of a campaign is on the list gets nothing of it. Only who said no since they were added, and in ways that
    the list did not see, is found here: the doors of a campaign ask the list, and the list ends whom it means."""
    own = Prospect.campaign_id == campaign.id
    listed = select(Suppression.value).where(Suppression.workspace_id == campaign.workspace_id)
    meant = or_(Prospect.identity.in_(listed), domain_in(session, Prospect.identity).in_(listed))
    _end(session, (own, meant), "On the suppression list.", now)


def end_forgotten(session: Session, campaign: Campaign, now: datetime, *, most: int | None = None) -> int:
    """The same for those who asked to be forgotten, among the first `most` people without a place in the sequence: how
    many. Each has to be looked at, for no database can be asked for a hash."""
    listed = select(Suppression.value).where(Suppression.workspace_id == campaign.workspace_id)
    hashes = set(session.scalars(listed.where(Suppression.value.startswith(HASH))))
    if not hashes:
        return 0
    people = select(Prospect.id, Prospect.identity).where(*waiting(campaign)).order_by(Prospect.id).limit(most)
    found = session.execute(people).all()
    forgotten = [one.id for one in found if hashed(campaign.workspace_id, one.identity) in hashes]
    _end(session, (Prospect.id.in_(forgotten),), FORGOTTEN, now)
    return len(forgotten)


def who_said_no(session: Session, workspace_id: UUID, people: Iterable[Person]) -> dict[str, str]:
    """Those of `people` whom an entry of the list means: identity -> why."""
    found: dict[str, str] = {}
    remaining = iter(people)
    while batch := list(islice(remaining, BATCH)):
        about = {
            person.identity: entries_about(
                workspace_id, person.identity, person.values.get("email"), person.values.get("linkedin_url")
            )
            for person in batch
        }
        values = {value for entries in about.values() for value in entries}
        listed = select(Suppression.value, Suppression.reason).where(
            Suppression.workspace_id == workspace_id, Suppression.value.in_(values)
        )
        reasons = {row.value: _words(row.value, row.reason) for row in session.execute(listed)}
        for identity, entries in about.items():
            if value := next((one for one in entries if one in reasons), None):
                found[identity] = reasons[value]
    return found


def _words(value: str, reason: str) -> str:
    return FORGOTTEN if value.startswith(HASH) else f"{value}: {reason}"
