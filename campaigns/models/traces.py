"""Where there is anything about a person in a workspace: whatever shows it or forgets it begins here.

Nothing else is kept about people: events and logs name them by ids alone.
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.models.campaign import Campaign
from campaigns.models.imports import Import, ImportPart
from campaigns.models.prospect import Prospect
from campaigns.models.undo import Row, Undoable
from campaigns.models.workspace import Suppression
from campaigns.rules.problems import Problems
from campaigns.rules.refusals import Invalid
from campaigns.rules.suppressions import entries_about, read_identity


def read_address(raw: object) -> str:
    """Who is asked about, by an address or a LinkedIn profile. Raises Invalid."""
    try:
        return read_identity(raw, "address")
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad


def prospects_of(session: Session, workspace_id: UUID, identity: str) -> list[Prospect]:
    """This person in all campaigns: as who they are there, or by the other address that is known of them."""
    if "@" in identity:
        other = func.lower(Prospect.email) == identity
    else:
        other = _holds(Prospect.linkedin_url, _hint(identity))
    probable = select(Prospect).where(Prospect.workspace_id == workspace_id, or_(Prospect.identity == identity, other))
    found = session.scalars(probable.order_by(Prospect.id))
    return [one for one in found if _is_meant(workspace_id, identity, one.identity, one.email, one.linkedin_url)]


def _is_meant(workspace_id: UUID, identity: str, own: str, email: str | None, linkedin_url: str | None) -> bool:
    return identity in entries_about(workspace_id, own, email, linkedin_url)


def parts_about(session: Session, workspace_id: UUID, identity: str) -> Iterator[tuple[Import, ImportPart]]:
    """The parts of files in which this person may be mentioned: lines that were not gone through or left out."""
    parts = (
        select(Import, ImportPart)
        .join(ImportPart, ImportPart.import_id == Import.id)
        .join(Campaign, Campaign.id == Import.campaign_id)
        .where(Campaign.workspace_id == workspace_id)
        .order_by(ImportPart.import_id, ImportPart.number)
    )
    hint = _hint(identity)
    parts = parts.where(or_(_holds(ImportPart.lines, hint), _holds(ImportPart.left_out, hint)))
    for row in session.execute(parts.execution_options(yield_per=10)):
        yield row[0], row[1]


def _hint(identity: str) -> str:
    """What is in every spelling of an address or a profile, in lower case: the first plain letters of its name. There
    may be none, for others are written in more ways than one."""
    if "/" not in identity:
        return identity if identity.isascii() else ""
    return re.split("[^a-z0-9]", identity.rpartition("/")[2].lower(), maxsplit=1)[0]


def _holds(column: InstrumentedAttribute[Any], hint: str) -> ColumnElement[bool]:
    return func.lower(cast(column, Text)).contains(hint, autoescape=True)


def undoables_about(
    session: Session, workspace_id: UUID, identity: str
) -> Iterator[tuple[Undoable, list[dict[str, Any]]]]:
    """Changes that can be taken back which hold this person, locked, each with the people that are left without
    them."""
    kept = select(Undoable).join(Campaign, Campaign.id == Undoable.campaign_id)
    own = kept.where(Campaign.workspace_id == workspace_id).order_by(Undoable.id)
    for one in session.scalars(own.with_for_update(of=Undoable)).all():
        others = [row for row in one.people if not _is_kept(workspace_id, identity, row)]
        if len(others) < len(one.people):
            yield one, others


def _is_kept(workspace_id: UUID, identity: str, row: Row) -> bool:
    return _is_meant(workspace_id, identity, row["identity"], row["email"], row["linkedin_url"])


def suppressions_about(session: Session, workspace_id: UUID, identity: str) -> list[Suppression]:
    """The entries of the suppression list that mean this person."""
    email, profile = (identity, None) if "@" in identity else (None, identity)
    about = entries_about(workspace_id, identity, email, profile)
    listed = select(Suppression).where(Suppression.workspace_id == workspace_id, Suppression.value.in_(about))
    return list(session.scalars(listed.order_by(Suppression.id)))
