"""Whom nobody writes to: the suppression list, added to by hand or from a file, and exported."""

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import suppressing
from campaigns.models.suppression import HAND, IMPORTED
from campaigns.web.forms import SuppressionForm
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import page_number, read_ids, tell_error, tell_success, tell_warning

blueprint = Blueprint("suppressions", __name__, url_prefix="/suppressions")

PAGE = 30
# How an entry came onto the list, in words.
SOURCES = {
    "hand": "added by hand",
    "import": "imported",
    "unsubscribe": "unsubscribed",
    "answer": "said so in an answer",
    "complaint": "reported spam",
    "erasure": "erased",
    "api": "added over the API",
}


@blueprint.get("")
def index() -> str:
    """The list, newest first."""
    return _page(SuppressionForm())


def _page(form: SuppressionForm) -> str:
    words, page = request.args.get("q", "").strip()[: suppressing.MOST_WORDS], page_number()
    with house().reading() as db:
        entries, total = suppressing.listed(db, person().workspace_id, words=words, page=page, limit=PAGE)
    return render_template(
        "suppressions.html", entries=entries, sources=SOURCES, form=form, q=words, page=page, limit=PAGE, total=total
    )


@blueprint.post("")
def add() -> ResponseReturnValue:
    """Add what was pasted or is in a file; what is wrong comes back to be mended."""
    form = SuppressionForm()
    file = request.files.get("file")
    uploaded = file.read().decode("utf-8-sig", "replace") if file and file.filename else ""
    text = uploaded or request.form.get("entries", "")
    if not text.strip():
        form.entries.errors = ["Enter at least one address, domain or LinkedIn profile, or choose a file."]
        return _page(form), 422
    reason = request.form.get("reason", "")
    source = IMPORTED if uploaded else HAND
    with house().sessions.begin() as db:
        own, by = person().workspace_id, person().email
        added = suppressing.add_text(db, own, text.replace("\x00", ""), source, reason=reason, now=now(), by=by)
    _tell(added)
    return redirect(url_for("suppressions.index"), 303)


def _tell(added: suppressing.Added) -> None:
    if added.new or added.known:
        known = f", {added.known} had been on it" if added.known else ""
        tell_success(f"{added.new} added to the list{known}. It took effect at once.")
    if added.invalid:
        shown = "; ".join(f"{problem.field}: {problem.message}" for problem in added.problems[:3])
        (tell_warning if added.new or added.known else tell_error)(f"{added.invalid} left out. {shown}")


@blueprint.post("/remove")
def remove() -> ResponseReturnValue:
    """Take ticked entries, or one, off the list."""
    with house().sessions.begin() as db:
        gone = suppressing.remove(
            db, person().workspace_id, read_ids(request.form.getlist("entry")), now=now(), by=person().email
        )
    if gone:
        tell_success(f"{', '.join(gone[:3])}{' and others' if len(gone) > 3 else ''} may be written to again.")
    else:
        tell_error("No entry was ticked.")
    return redirect(url_for("suppressions.index"), 303)


@blueprint.get("/export")
def export() -> Response:
    """The whole list as a file."""
    with house().reading() as db:
        lines = "".join(suppressing.export(db, person().workspace_id))
    answer = Response(lines, mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=suppressions.csv"
    return answer
