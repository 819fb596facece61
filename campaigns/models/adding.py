"""Writing people into a campaign: whole batches, each person at most once."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, String, bindparam, cast, column, func, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.models.base import Base, new_id
from campaigns.models.campaign import Campaign
from campaigns.models.enrolment import enrol
from campaigns.models.finding import senders_of
from campaigns.models.prospect import Prospect
from campaigns.models.sessions import ring
from campaigns.rules import lifecycle
from campaigns.rules.people import Person
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import WrongState

ADDABLE = (lifecycle.DRAFT, lifecycle.ACTIVE, lifecycle.PAUSED)
# Rows handed to the database at a time.
BATCH = 1000
_OPTIONAL = ("email", "linkedin_url", "first_name", "last_name", "company", "position", "headline")
# Columns that differ from person to person, and those that are the same for all who are added together.
_OWN = ("id", "identity", "clock", "custom_fields", "source", *_OPTIONAL)
_SHARED = ("workspace_id", "campaign_id", "status", "contacted", "created_at", "updated_at")


def check_addable(campaign: Campaign) -> None:
    """Raise WrongState unless people can be added to the campaign as it is now."""
    if campaign.status not in ADDABLE:
        raise WrongState(
            f"This campaign is {campaign.status}: prospects can be added to a draft, active or paused campaign.",
            problems=[Problem("status", f"is {campaign.status}")],
        )


def add_people(
    session: Session,
    campaign: Campaign,
    people: Iterable[Person],
    source: str,
    now: datetime,
    *,
    created_at: datetime | None = None,
) -> set[str]:
    """Add those who are not there yet, and give them their place in a campaign that runs; whom, by identity.

    The campaign is locked by the caller, and addable. Nobody may be in `people` twice.
    """
    rows = [_row(person, source) for person in people]
    shared = {
        "workspace_id": campaign.workspace_id,
        "campaign_id": campaign.id,
        "status": lifecycle.PENDING,
        "contacted": False,
        "created_at": created_at or now,
        "updated_at": created_at or now,
    }
    added = {identity for batch in _batches(rows) for identity in _insert(session, batch, shared)}
    if added and campaign.status != lifecycle.DRAFT:
        enrol(session, campaign, now)
        for sender in senders_of(session, campaign.id):
            ring(session, "lane", sender.id)
    return added


def _row(person: Person, source: str) -> dict[str, Any]:
    values = dict(person.values)
    return {
        "id": new_id().hex,
        "identity": person.identity,
        "clock": values.pop("timezone", None) or "",
        "custom_fields": values.pop("custom_fields", None) or {},
        "source": values.pop("source", None) or source,
        **{name: values.get(name) for name in _OPTIONAL},
    }


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _insert(session: Session, rows: list[dict[str, Any]], shared: dict[str, Any]) -> Sequence[str]:
    """Insert those whose identity is new to the campaign; their identities."""
    statement = _statement(session.get_bind().dialect.name)
    return session.scalars(statement, {"rows": json.dumps(rows), **shared}).all()


@lru_cache
def _statement(dialect: str) -> Any:
    """All rows as one JSON text: as values of their own they cost more than all the rest of an import."""
    table = Base.metadata.tables[Prospect.__tablename__]
    columns = table.c
    rows = bindparam("rows", type_=String())
    if dialect == "sqlite":
        each = func.json_each(rows).table_valued("value")
        own: list[Any] = [func.json_extract(each.c.value, f"$.{name}") for name in _OWN]
    else:
        typed = [column(name, columns[name].type) for name in _OWN]
        each = func.json_to_recordset(cast(rows, JSON)).table_valued(*typed).render_derived(with_types=True)
        own = [each.c[name] for name in _OWN]
    shared = [bindparam(name, type_=columns[name].type) for name in _SHARED]
    chosen = select(*own, *shared).where(true())  # without a condition SQLite takes ON CONFLICT for a join
    made: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    made = made.from_select([*_OWN, *_SHARED], chosen, include_defaults=False)
    return made.on_conflict_do_nothing(index_elements=["campaign_id", "identity"]).returning(columns.identity)
