"""The suppression list: whom no campaign of the workspace writes to."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from campaigns import suppressing
from campaigns.models.suppression import API, IMPORTED
from campaigns.models.workspace import Suppression
from campaigns.reporting import instant
from campaigns.rules.kinds import Context, UuidList
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, NotFound
from campaigns.rules.tables import decode
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import CSV_TYPES, blueprint, page_json, paging, read_object
from campaigns.web.api.describing import PAGING, describe, query
from campaigns.web.house import house, now, person


def suppression_json(entry: Suppression) -> dict[str, Any]:
    """An entry of the list; whoever asked to be forgotten has a hash for a `value`."""
    return {
        "id": str(entry.id),
        "value": entry.value,
        "reason": entry.reason,
        "source": entry.source,
        "created_by": entry.created_by,
        "created_at": instant(entry.created_at),
    }


@blueprint.get("/suppressions")
@describe(
    schemas.page("suppressions", schemas.ref("Suppression")),
    query("q", {"type": "string", "maxLength": suppressing.MOST_WORDS}, "How the entries begin."),
    *PAGING,
)
def list_suppressions() -> ResponseReturnValue:
    """One page of the list, newest first."""
    page, limit = paging()
    words = request.args.get("q", "")
    if len(words) > suppressing.MOST_WORDS:
        raise Invalid.of([Problem("q", f"must be at most {suppressing.MOST_WORDS} characters")])
    with house().reading() as db:
        found, total = suppressing.listed(db, person().workspace_id, words=words, page=page, limit=limit)
        return page_json("suppressions", [suppression_json(each) for each in found], total, page, limit)


@blueprint.post("/suppressions")
@describe(schemas.SUPPRESSED, status=201, body=schemas.NEW_SUPPRESSIONS, csv=schemas.TEXT)
def add_suppressions() -> ResponseReturnValue:
    """1 to 1,000 entries in JSON, or a CSV file; it ends every sequence of theirs at once."""
    if request.mimetype in CSV_TYPES:
        return _add_csv()
    entries = suppressing.read_entries(read_object())
    with house().sessions.begin() as db:
        who = person()
        added = suppressing.add(db, who.workspace_id, entries, API, now=now(), by=who.email)
    return {"added": added.new, "known": added.known}, 201


def _add_csv() -> ResponseReturnValue:
    who = person()
    try:
        text = decode(request.get_data())
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    with house().sessions.begin() as db:
        added = suppressing.add_text(db, who.workspace_id, text, IMPORTED, now=now(), by=who.email)
    invalid = [{"field": problem.field, "message": problem.message} for problem in added.problems]
    return {"added": added.new, "known": added.known, "invalid": invalid}, 201


@blueprint.delete("/suppressions")
@describe(schemas.UNSUPPRESSED, body=schemas.REMOVE_SUPPRESSIONS)
def remove_suppressions() -> ResponseReturnValue:
    """1 to 500 `ids`: they may be written to again. Whom an entry ended stays as they are."""
    body = read_object()
    try:
        ids = UuidList(suppressing.MOST_REMOVED).parse(body.get("ids"), "ids", Context("UTC"))
        if not ids:
            raise Problems([Problem("ids", f"must be a list of 1 to {suppressing.MOST_REMOVED} ids")])
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    return {"removed": _remove(*ids)}


@blueprint.delete("/suppressions/<uuid:suppression_id>")
@describe(None, status=204)
def remove_suppression(suppression_id: UUID) -> ResponseReturnValue:
    """One entry: they may be written to again."""
    if not _remove(suppression_id):
        raise NotFound("entry of the suppression list")
    return "", 204


def _remove(*ids: UUID) -> int:
    with house().sessions.begin() as db:
        who = person()
        return len(suppressing.remove(db, who.workspace_id, ids, now=now(), by=who.email))
