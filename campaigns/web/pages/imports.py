"""Imports: a file of people, the meaning of its columns, its progress, and the lines that became nobody."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound as NoSuchPage
from werkzeug.exceptions import RequestEntityTooLarge

from campaigns import importing
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign
from campaigns.models.imports import RUNNING, WAITING, Import
from campaigns.rules.mapping import CUSTOM, CUSTOM_PREFIX, FIELDS, KINDS, LINE, REASON, Meaning, identity_field
from campaigns.rules.refusals import Invalid, WrongState
from campaigns.rules.tables import MOST_BYTES, harmless
from campaigns.web import guard
from campaigns.web.forms import sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import head, is_fragment, page_number, render, tell_success

blueprint = Blueprint("imports", __name__, url_prefix="/campaigns/<uuid:campaign_id>/imports")

PAGE = 20
TOO_LARGE = "The file is larger than 10 MB: split it, or leave out columns."
# Lines shown of those that would be left out; all of them can be downloaded once it is over.
MOST_SHOWN = 8
Choices = list[tuple[str, str]]


@blueprint.get("")
def index(campaign_id: UUID) -> ResponseReturnValue:
    """Every file of a campaign, newest first."""
    return _index(campaign_id)


def _index(campaign_id: UUID, *errors: str) -> str:
    page = page_number()
    with house().reading() as db:
        shared = head(db, campaign_id, "prospects")
        found, total = importing.listed(db, campaign_id, page=page, limit=PAGE)
        context = {
            "imports": found,
            "live": any(one.status == RUNNING for one in found),
            "page": page,
            "limit": PAGE,
            "total": total,
            "can_add": shared["campaign"].status in importing.ADDABLE,
            "upload_errors": list(errors),
            "oob": is_fragment(),
        }
        return render("imports.html", "_imports.html", **shared, **context)


@blueprint.post("")
def upload(campaign_id: UUID) -> ResponseReturnValue:
    """Keep a CSV file of up to 10 MB, and ask what its columns mean."""
    with house().reading() as db:
        head(db, campaign_id, "prospects")  # a stranger's campaign is not found, whatever was sent
    file, who = request.files.get("file"), person()
    if file is None or not file.filename:
        return _index(campaign_id, "Choose a file first."), 422
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        return _index(campaign_id, TOO_LARGE), 413
    try:
        with house().sessions.begin() as db:
            one = importing.receive(db, who.workspace_id, campaign_id, file.filename, data, now=now(), by=who.email)
    except (Invalid, WrongState) as refusal:
        return _index(campaign_id, *_sentences(refusal)), 422
    return _to(campaign_id, one.id)


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Refused before it was read, by the CSRF check already: the sentence still stands where the file was chosen."""
    answer = guard.check()
    campaign_id = (request.view_args or {}).get("campaign_id")
    if answer is not None or request.endpoint != "imports.upload" or campaign_id is None:
        return answer or error
    return _index(campaign_id, TOO_LARGE), 413


def _sentences(refusal: Invalid | WrongState) -> list[str]:
    if not isinstance(refusal, Invalid):
        return [refusal.message]
    return [sentence(f"this {one.message}" if one.field == "file" else one.message) for one in refusal.problems]


def _to(campaign_id: UUID, import_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("imports.show", campaign_id=campaign_id, import_id=import_id), 303)


@blueprint.get("/<uuid:import_id>")
def show(campaign_id: UUID, import_id: UUID) -> ResponseReturnValue:
    """The columns of a file that waits; else how far it came."""
    with house().reading() as db:
        shared = head(db, campaign_id, "prospects")
        one = importing.find_import(db, campaign_id, import_id)
        if one.status != WAITING:
            return render("import.html", "_import.html", **shared, one=one, oob=is_fragment())
        chosen = _choices(importing.guessed(db, shared["campaign"], one), one)
        return _wizard(db, shared, one, chosen)


def _choices(meaning: Meaning, one: Import) -> Choices:
    """A meaning as the form has it: the choice for each column, and the name of the custom field it would be."""
    chosen: Choices = []
    for name, means in zip(one.names, meaning, strict=True):
        custom = means is not None and means.startswith(CUSTOM_PREFIX)
        key = means.removeprefix(CUSTOM_PREFIX) if means and custom else name
        chosen.append((CUSTOM if custom else means or "", key))
    return chosen


def _wizard(
    db: Session, shared: dict[str, Any], one: Import, chosen: Choices, refusal: Invalid | WrongState | None = None
) -> str:
    """The form, what is wrong with it, and what would come of the first lines."""
    campaign: Campaign = shared["campaign"]
    foresight = None
    try:
        foresight = importing.foresee(db, campaign, one, importing.meaning_of(campaign, one, chosen))
    except Invalid as unclear:
        refusal = refusal or (unclear if request.method == "POST" else None)
    errors = {problem.field: sentence(problem.message) for problem in refusal.problems} if refusal else {}
    samples = importing.samples(db, one)
    columns = [
        {
            "name": name,
            "choice": choice,
            "key": key,
            "samples": [row[place] for row in samples if place < len(row) and row[place].strip()][:3],
            "errors": [errors[f"columns[{place}]"]] if f"columns[{place}]" in errors else [],
        }
        for place, (name, (choice, key)) in enumerate(zip(one.names, chosen, strict=True))
    ]
    general = (
        [refusal.message] if isinstance(refusal, WrongState) else [errors["columns"]] if "columns" in errors else []
    )
    return render_template(
        "_import_foresight.html" if is_fragment() else "import_columns.html",
        **shared,
        one=one,
        columns=columns,
        fields=FIELDS,
        needed=identity_field(campaign.type),
        errors=general,
        foresight=foresight,
        shown=foresight.left_out[:MOST_SHOWN] if foresight else [],
    )


def _posted(one: Import) -> Choices:
    form = request.form
    places = range(len(one.names))
    return [(form.get(f"column-{place}", ""), form.get(f"key-{place}", "").replace("\x00", "")) for place in places]


@blueprint.post("/<uuid:import_id>/foresee")
def foresee(campaign_id: UUID, import_id: UUID) -> ResponseReturnValue:
    """What would come of the first lines with the columns as they are chosen now."""
    with house().reading() as db:
        shared = head(db, campaign_id, "prospects")
        one = importing.find_import(db, campaign_id, import_id)
        if one.status != WAITING:
            return _to(campaign_id, import_id)
        return _wizard(db, shared, one, _posted(one))


@blueprint.post("/<uuid:import_id>/start")
def start(campaign_id: UUID, import_id: UUID) -> ResponseReturnValue:
    """Give the columns their meaning, and let the job begin."""
    who = person()
    try:
        with house().sessions.begin() as db:
            campaign = find_campaign(db, who.workspace_id, campaign_id)
            chosen = _posted(importing.find_import(db, campaign.id, import_id))
            importing.start(db, who.workspace_id, campaign_id, import_id, chosen, now=now())
    except (Invalid, WrongState) as refusal:
        return _refused(campaign_id, import_id, chosen, refusal)
    return _to(campaign_id, import_id)


def _refused(campaign_id: UUID, import_id: UUID, chosen: Choices, refusal: Invalid | WrongState) -> ResponseReturnValue:
    with house().reading() as db:
        shared = head(db, campaign_id, "prospects")
        one = importing.find_import(db, campaign_id, import_id)
        if one.status != WAITING:  # somebody else was quicker
            return _to(campaign_id, import_id)
        return _wizard(db, shared, one, chosen, refusal), 422


@blueprint.post("/<uuid:import_id>/cancel")
def cancel(campaign_id: UUID, import_id: UUID) -> ResponseReturnValue:
    """Stop it; who is in stays. A file that was not started is forgotten."""
    with house().sessions.begin() as db:
        one = importing.cancel(db, person().workspace_id, campaign_id, import_id, now=now())
    if one is not None:
        return _to(campaign_id, import_id)
    tell_success("The file is forgotten; nobody was imported.")
    return redirect(url_for("prospects.index", campaign_id=campaign_id), 303)


@blueprint.get("/<uuid:import_id>/<kind>.csv")
def download(campaign_id: UUID, import_id: UUID, kind: str) -> ResponseReturnValue:
    """The lines that became nobody for one reason, with the reason, as a table to be mended and imported again."""
    if kind not in KINDS:
        raise NoSuchPage
    with house().reading() as db:
        head(db, campaign_id, "prospects")
        names = importing.find_import(db, campaign_id, import_id).names
    reading = house().reading  # the request is over when the last lines are written

    def rows() -> Iterator[str]:
        with reading() as db:
            # The mark tells spreadsheets that this is UTF-8.
            yield "\ufeff" + _line([LINE, REASON, *names])
            for left in importing.left_out(db, import_id, kind):
                yield _line([str(left.line), left.reason, *left.cells])

    headers = {"Content-Disposition": f'attachment; filename="{kind.replace("_", "-")}.csv"'}
    return Response(rows(), mimetype="text/csv", headers=headers)


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([harmless(cell) for cell in cells])
    return out.getvalue()
