"""Adding people in the request itself: from the API, from pasted lines, from a small table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.models.adding import add_people, check_addable
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign
from campaigns.models.log import note
from campaigns.models.suppression import who_said_no
from campaigns.rules import lifecycle
from campaigns.rules.people import Person, read_person
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid
from campaigns.rules.tables import Row, read_table

MOST_AT_ONCE = 1000


@dataclass
class Imported:
    """What became of a list of people: how many are new, were there already, have said no, or could not be read and
    why."""

    imported: int = 0
    duplicates: int = 0
    suppressed: int = 0
    problems: list[Problem] = field(default_factory=list)

    def to_json(self) -> dict[str, int]:
        """The answer of `POST …/prospects`."""
        told = {"imported": self.imported, "duplicates": self.duplicates}
        return told | ({"suppressed": self.suppressed} if self.suppressed else {})


def add(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    body: Any,
    *,
    now: datetime,
    by: str | None,
) -> Imported:
    """Add 1 to 1,000 people; all of them or, raising Invalid, none. Raises NotFound, WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    raw = body.get("prospects") if isinstance(body, dict) else None
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_AT_ONCE:
        problem = Problem("prospects", f"must be a list of 1 to {MOST_AT_ONCE:,} people")
        raise Invalid.of([problem])
    people: list[Person] = []
    problems: list[Problem] = []
    for index, item in enumerate(raw):
        try:
            people.append(read_person(item, f"prospects[{index}]", campaign.type))
        except Problems as bad:
            problems.extend(bad.problems)
    if problems:
        raise Invalid.of(problems)
    return _store(session, campaign, people, "api", now, by)


def add_table(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    text: str,
    *,
    source: str,
    now: datetime,
    by: str | None,
) -> Imported:
    """Add the people of a table; lines that cannot be read are left out and told. Raises Invalid, WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    needed = "email" if campaign.type == lifecycle.EMAIL else "linkedin_url"
    people: list[Person] = []
    problems: list[Problem] = []
    try:
        for row in read_table(text, needed):
            _read_row(row, campaign.type, people, problems)
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    done = _store(session, campaign, people, source, now, by)
    done.problems = problems
    return done


def _read_row(row: Row, campaign_type: str, people: list[Person], problems: list[Problem]) -> None:
    try:
        people.append(read_person(row.values, f"line {row.line}", campaign_type))
    except Problems as bad:
        problems.extend(bad.problems)


def _store(
    session: Session, campaign: Campaign, people: Sequence[Person], source: str, now: datetime, by: str | None
) -> Imported:
    check_addable(campaign)
    distinct: dict[str, Person] = {}
    for person in people:
        distinct.setdefault(person.identity, person)
    no = who_said_no(session, campaign.workspace_id, distinct.values())
    welcome = [person for identity, person in distinct.items() if identity not in no]
    imported = len(add_people(session, campaign, welcome, source, now))
    if imported:
        note(session, campaign, "prospects_added", now, by=by, count=imported, source=source)
    return Imported(imported, len(people) - imported - len(no), len(no))
