"""The suppression list of a workspace: whoever is on it is written to by none of its campaigns."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campaigns.models.event import Event
from campaigns.models.paging import page_of
from campaigns.models.suppression import end_all, put_on_list
from campaigns.models.workspace import Suppression
from campaigns.rules.kinds import Context, Text
from campaigns.rules.people import profile_of
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid
from campaigns.rules.suppressions import LONGEST_REASON, read_entry, read_lines
from campaigns.rules.tables import harmless

# Entries that are written together: domains among them cost a look at everybody of the workspace.
AT_ONCE = 5000
MOST_PROBLEMS = 50
# Entries of one call that adds or removes them, and characters that are searched for.
MOST, MOST_REMOVED, MOST_WORDS = 1000, 500, 300
NO_REASON = "On the suppression list."
EXPORTED = ("value", "reason", "source", "created_by", "created_at")


@dataclass
class Added:
    """What became of a list: entries that are `new`, that were `known`, and what was wrong with others, by line."""

    new: int = 0
    known: int = 0
    invalid: int = 0
    problems: list[Problem] = field(default_factory=list)


def add(
    session: Session, workspace_id: UUID, entries: Mapping[str, str], source: str, *, now: datetime, by: str | None
) -> Added:
    """Put entries (value -> reason) on the list; it ends every sequence of theirs at once."""
    added = Added()
    remaining = iter(sorted(entries))
    while values := list(islice(remaining, AT_ONCE)):
        reasons = {value: entries[value] or NO_REASON for value in values}
        new = put_on_list(session, workspace_id, reasons, source, now, by=by)
        added.new += len(new)
        added.known += len(values) - len(new)
        common = set(reasons.values())
        end_all(session, workspace_id, values, common.pop() if len(common) == 1 else NO_REASON, now)
    return added


def read_entries(body: Mapping[str, Any]) -> dict[str, str]:
    """1 to MOST entries of the API, value -> reason. Raises Invalid with all that is wrong."""
    raw = body.get("suppressions")
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST:
        raise Invalid.of([Problem("suppressions", f"must be a list of 1 to {MOST:,} entries")])
    entries: dict[str, str] = {}
    problems: list[Problem] = []
    for index, item in enumerate(raw):
        field = f"suppressions[{index}]"
        try:
            if not isinstance(item, dict):
                raise Problems([Problem(field, "must be an object")])
            reason = Text(LONGEST_REASON, nullable=True).parse(item.get("reason"), f"{field}.reason", Context("UTC"))
            entries[read_entry(item.get("value"), f"{field}.value")] = reason or ""
        except Problems as bad:
            problems.extend(bad.problems)
    if problems:
        raise Invalid.of(problems)
    return entries


def add_text(
    session: Session, workspace_id: UUID, text: str, source: str, *, reason: str = "", now: datetime, by: str | None
) -> Added:
    """The same for a file or a pasted list, one entry a line, its own reason in a second column."""
    entries: dict[str, str] = {}
    problems: list[Problem] = []
    invalid = 0
    for number, raw, own in read_lines(text):
        try:
            entries[read_entry(raw, f"line {number}")] = own or reason.strip()[:LONGEST_REASON]
        except Problems as bad:
            invalid += 1
            problems.extend(bad.problems[: max(0, MOST_PROBLEMS - len(problems))])
    added = add(session, workspace_id, entries, source, now=now, by=by)
    added.invalid, added.problems = invalid, problems
    return added


def listed(
    session: Session, workspace_id: UUID, *, words: str = "", page: int = 1, limit: int = 50
) -> tuple[list[Suppression], int]:
    """One page of the list, newest first, and how many there are; `words` is how an entry begins."""
    own = [Suppression.workspace_id == workspace_id]
    words = words.strip()
    if words:
        own.append(Suppression.value.startswith(profile_of(words) or words.lower(), autoescape=True))
    order = (Suppression.created_at.desc(), Suppression.id.desc())
    return page_of(session, Suppression, own, *order, page=page, limit=limit)


def remove(session: Session, workspace_id: UUID, ids: Sequence[UUID], *, now: datetime, by: str | None) -> list[str]:
    """Take entries off the list; whom they ended stays as they are. Which entries were there."""
    own = delete(Suppression).where(Suppression.workspace_id == workspace_id, Suppression.id.in_(ids))
    gone = list(session.scalars(own.returning(Suppression.value), execution_options={"synchronize_session": False}))
    if gone:
        event = {"kind": "suppressions_removed", "data": {"count": len(gone)}, "by": by, "at": now}
        session.add(Event(workspace_id=workspace_id, campaign_id=None, **event))
    return gone


def export(session: Session, workspace_id: UUID) -> Iterator[str]:
    """The whole list as CSV, line by line."""
    yield _line(EXPORTED)
    query = select(Suppression).where(Suppression.workspace_id == workspace_id).order_by(Suppression.id)
    for row in session.scalars(query.execution_options(yield_per=AT_ONCE)):
        yield _line([getattr(row, name) for name in EXPORTED])


def _line(cells: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([harmless(str(cell)) if cell is not None else "" for cell in cells])
    return out.getvalue()
