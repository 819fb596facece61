"""Somebody's data: what is kept about a person, as a file for them, and forgotten at their wish.

Whose it is goes by POST alone: an address of a page is kept by browsers and in logs.
"""

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import disclosing, erasing
from campaigns.rules.refusals import Invalid
from campaigns.web.forms import AddressForm, sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import tell_success

blueprint = Blueprint("rights", __name__, url_prefix="/data")


@blueprint.get("")
def index() -> str:
    """Whose data?"""
    return _page(AddressForm())


def _page(form: AddressForm, found: dict[str, Any] | None = None) -> str:
    return render_template("rights.html", form=form, found=found)


def _disclosed() -> dict[str, Any]:
    with house().reading() as db:
        return disclosing.disclose(db, person().workspace_id, request.form.get("address", ""))


def _refused(refusal: Invalid) -> ResponseReturnValue:
    form = AddressForm()
    form.address.errors = [sentence(problem.message) for problem in refusal.problems]
    return _page(form), 422


@blueprint.post("")
def look() -> ResponseReturnValue:
    """How much there is, and what can be done with it."""
    try:
        return _page(AddressForm(), _disclosed())
    except Invalid as refusal:
        return _refused(refusal)


@blueprint.post("/export")
def export() -> ResponseReturnValue:
    """All of it as a file."""
    try:
        answer: Response = jsonify(_disclosed())
    except Invalid as refusal:
        return _refused(refusal)
    answer.headers["Content-Disposition"] = "attachment; filename=data.json"
    return answer


@blueprint.post("/erase")
def erase() -> ResponseReturnValue:
    """Forget them; whom, is not told by the notice either, for a cookie carries it."""
    who = person()
    try:
        with house().sessions.begin() as db:
            gone = erasing.erase(db, who.workspace_id, request.form.get("address", ""), now=now(), by=who.email)
    except Invalid as refusal:
        return _refused(refusal)
    places = "campaign" if gone.people == 1 else "campaigns"
    tell_success(f"Erased from {gone.people:,} {places}. A hash alone is kept, so that nobody writes to them again.")
    return redirect(url_for("rights.index"), 303)
