"""Writing people into a campaign: whole batches, each person at most once."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
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
_COLUMNS = ("email", "linkedin_url", "first_name", "last_name", "company", "position", "headline")


def check_addable(campaign: Campaign) -> None:
    """Raise WrongState unless people can be added to the campaign as it is now."""
    if campaign.status not in ADDABLE:
        raise WrongState(
            f"This campaign is {campaign.status}: prospects can be added to a draft, active or paused campaign.",
            problems=[Problem("status", f"is {campaign.status}")],
        )


def add_people(session: Session, campaign: Campaign, people: Iterable[Person], source: str, now: datetime) -> set[str]:
    """Add those who are not there yet, and give them their place in a campaign that runs; whom, by identity.

    The campaign is locked by the caller, and addable. Nobody may be in `people` twice.
    """
    rows = [_row(campaign, person, source, now) for person in people]
    added = {identity for batch in _batches(rows) for identity in _insert(session, batch)}
    if added and campaign.status != lifecycle.DRAFT:
        enrol(session, campaign, now)
        for sender in senders_of(session, campaign.id):
            ring(session, "lane", sender.id)
    return added


def _row(campaign: Campaign, person: Person, source: str, now: datetime) -> dict[str, Any]:
    values = dict(person.values)
    return {
        "id": new_id(),
        "workspace_id": campaign.workspace_id,
        "campaign_id": campaign.id,
        "identity": person.identity,
        "status": lifecycle.PENDING,
        "clock": values.pop("timezone", None) or "",
        "custom_fields": values.pop("custom_fields", None) or {},
        "source": values.pop("source", None) or source,
        **{name: values.get(name) for name in _COLUMNS},
        "contacted": False,
        "created_at": now,
        "updated_at": now,
    }


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> Sequence[str]:
    """Insert those whose identity is new to the campaign; their identities."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(Prospect).on_conflict_do_nothing(index_elements=["campaign_id", "identity"])
    return session.scalars(statement.returning(Prospect.identity), rows).all()
