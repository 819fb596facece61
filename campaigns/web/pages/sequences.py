"""The sequence: its builder, which posts the whole list at every change and gets it back as the database has it; the
words of a running campaign; and the versions."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import editing, sequencing
from campaigns.models.campaign import Campaign
from campaigns.models.finding import nodes_of, senders_of
from campaigns.models.version import editions, raw_nodes
from campaigns.rules.differences import differences
from campaigns.rules.fields import BY_NAME, WORDS, locked_because, words_locked_because
from campaigns.rules.lengths import limits
from campaigns.rules.lifecycle import DRAFT
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Conflict, Invalid, Stale, WrongState
from campaigns.rules.sequence import ALL_NODE_TYPES
from campaigns.web.clashes import drawn_from, step_clashes, undo_words
from campaigns.web.forms import sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import head, is_fragment, render, tell_error, tell_success, tell_warning
from campaigns.web.steps import as_body, change_nodes, show_stored, show_typed, typed_nodes

blueprint = Blueprint("sequences", __name__)

FIELD = BY_NAME["sequence_nodes"]
Shown = list[dict[str, Any]]
CAUSES = {
    "edited": "Edited",
    "added": "A step added",
    "moved": "A step moved",
    "removed": "A step removed",
    "words": "Words corrected while it runs",
    "undone": "The change before undone",
    "rolled_back": "Rolled back",
}


@blueprint.route("/campaigns/<uuid:campaign_id>/sequence", methods=["GET", "POST"])
def edit(campaign_id: UUID) -> ResponseReturnValue:
    """The list; posted, it is changed by the button that was pressed and saved as a whole, or stays on screen."""
    if request.method == "GET":
        return _page(campaign_id)
    typed = change_nodes(typed_nodes(request.form), request.form)
    who = person()
    try:
        with house().sessions.begin() as db:
            body = {FIELD.name: as_body(typed)}
            since = drawn_from(request.form)
            _, changes = editing.edit(db, who.workspace_id, campaign_id, body, now=now(), by=who.email, since=since)
    except Invalid as refusal:
        nodes, problems = show_typed(typed, refusal.problems)
        return _page(campaign_id, nodes=nodes, problems=problems, saved=False), 422
    except Stale:
        return _clash_page(campaign_id, typed), 412
    if changes.ignored and not is_fragment():
        tell_warning(f"Nothing was changed: the sequence {changes.ignored[0]['reason']}.")
    elif not is_fragment():
        tell_success("Saved.")
    if is_fragment():
        return _page(campaign_id)
    return redirect(url_for("sequences.edit", campaign_id=campaign_id), 303)


def _clash_page(campaign_id: UUID, typed: Shown) -> str:
    """What was typed, and what is there now. A step that is gone there comes as a new one, if mine is kept."""
    with house().reading() as db:
        campaign = head(db, campaign_id, "sequence")["campaign"]
        theirs = raw_nodes(nodes_of(db, campaign.id))
    mine = [node for node in as_body(typed) if node["type"] in ALL_NODE_TYPES]
    clash = _clash(campaign, mine, theirs)
    there = {node["id"] for node in theirs}
    kept = [node if node.get("id") in there else {**node, "id": ""} for node in typed]
    nodes, _ = show_typed(kept, [])
    return _page(campaign_id, nodes=nodes, saved=False, clash=clash)


def _clash(campaign: Campaign, mine: Shown, theirs: Shown) -> dict[str, Any]:
    return {
        "rows": step_clashes(mine, theirs),
        "over": campaign.version,
        "here": url_for("sequences.edit", campaign_id=campaign.id),
        "node": None,
    }


@blueprint.post("/campaigns/<uuid:campaign_id>/sequence/words/<uuid:node_id>")
def words(campaign_id: UUID, node_id: UUID) -> ResponseReturnValue:
    """The words of one step, of a running campaign too."""
    typed = {name: request.form[name].replace("\r\n", "\n") for name in WORDS if name in request.form}
    who, since = person(), drawn_from(request.form)
    try:
        with house().sessions.begin() as db:
            _, _, changes = sequencing.edit(
                db, who.workspace_id, campaign_id, node_id, typed, now=now(), by=who.email, since=since
            )
    except Invalid as refusal:
        return _words_page(campaign_id, node_id, typed, refusal.problems), 422
    except Stale:
        return _words_page(campaign_id, node_id, typed, (), stale=True), 412
    except WrongState as refusal:
        tell_error(refusal.message)
    else:
        done = "Saved. Whoever has not got this step yet gets the new words."
        tell_success(done if changes.applied else "Nothing was different, so nothing was changed.")
    return redirect(url_for("sequences.edit", campaign_id=campaign_id), 303)


def _words_page(
    campaign_id: UUID, node_id: UUID, typed: dict[str, str], problems: tuple[Problem, ...], *, stale: bool = False
) -> str:
    with house().reading() as db:
        campaign = head(db, campaign_id, "sequence")["campaign"]
        stored = nodes_of(db, campaign.id)
        nodes, theirs = show_stored(stored), raw_nodes(stored)
    for node in nodes:
        if node["id"] == str(node_id):
            node.update(typed)
            for problem in problems:
                name = problem.field.removeprefix("node.")
                node["errors"].setdefault(name, []).append(sentence(problem.message))
    mine = [{**node, **typed} if node["id"] == str(node_id) else node for node in theirs]
    clash = {**_clash(campaign, mine, theirs), "node": str(node_id)} if stale else None
    return _page(campaign_id, words=nodes, clash=clash)


@blueprint.post("/campaigns/<uuid:campaign_id>/sequence/undo")
def undo(campaign_id: UUID) -> ResponseReturnValue:
    """Take back the last edit of a draft, whichever page it was made on."""
    who, number = person(), request.form.get("number", type=int)
    try:
        with house().sessions.begin() as db:
            editing.undo(db, who.workspace_id, campaign_id, number or 0, now=now(), by=who.email)
    except (Invalid, Conflict, Stale, WrongState) as refusal:
        tell_error(refusal.message)
    else:
        tell_success("Undone: it is as it was before.")
    page = "campaigns.settings" if request.args.get("page") == "settings" else "sequences.edit"
    return redirect(url_for(page, campaign_id=campaign_id), 303)


@blueprint.get("/campaigns/<uuid:campaign_id>/sequence/versions")
def versions(campaign_id: UUID) -> ResponseReturnValue:
    """Who changed what of the sequence and when, with a way back."""
    with house().reading() as db:
        shared = head(db, campaign_id, "sequence")
        campaign = shared["campaign"]
        found = editions(db, campaign.id)
        present = raw_nodes(nodes_of(db, campaign.id))
    shown = [
        {
            **asdict(each),
            "changes": differences(each.before, each.nodes),
            "back": _no_way_back(campaign, present, each.nodes),
        }
        for each in found
    ]
    start = found and {"number": found[-1].number - 1, "back": _no_way_back(campaign, present, found[-1].before)}
    return render_template("versions.html", **shared, versions=shown, start=start, causes=CAUSES)


def _no_way_back(campaign: Campaign, present: Shown, nodes: Shown) -> str | None:
    if campaign.status == DRAFT or (
        not words_locked_because(campaign.status) and editing.differs_in_words_only(present, nodes)
    ):
        return None
    return f"It has other steps, and this campaign is {campaign.status}: only words can go back."


@blueprint.post("/campaigns/<uuid:campaign_id>/sequence/roll-back")
def roll_back(campaign_id: UUID) -> ResponseReturnValue:
    """The sequence as it was at a version."""
    who, number = person(), request.form.get("number", type=int)
    try:
        with house().sessions.begin() as db:
            editing.roll_back(db, who.workspace_id, campaign_id, number or 0, now=now(), by=who.email)
    except (Invalid, WrongState) as refusal:
        tell_error(refusal.message)
    else:
        tell_success("Rolled back. What was there before is a version too.")
    return redirect(url_for("sequences.versions", campaign_id=campaign_id), 303)


def _page(
    campaign_id: UUID,
    *,
    nodes: Shown | None = None,
    words: Shown | None = None,
    problems: list[str] | None = None,
    saved: bool = True,
    clash: dict[str, Any] | None = None,
) -> str:
    """The builder, with `nodes` of a draft as they were typed, or the `words` of a running campaign's."""
    with house().reading() as db:
        shared = head(db, campaign_id, "sequence")
        campaign = shared["campaign"]
        locked = locked_because(FIELD, campaign.type, campaign.status)
        typed = words if locked else nodes
        return render(
            "sequence.html",
            "_builder.html",
            **shared,
            nodes=show_stored(nodes_of(db, campaign.id)) if typed is None else typed,
            problems=problems or [],
            saved=saved,
            locked=sentence(f"the sequence {locked}") if locked else None,
            words_open=locked is not None and words_locked_because(campaign.status) is None,
            limits=limits([sender.is_premium for sender in senders_of(db, campaign.id)]),
            version=_version(campaign, typed is not None, clash is not None),
            clash=clash,
            undoable=undoable(db, campaign) if saved else None,
            undo_url=url_for("sequences.undo", campaign_id=campaign.id),
        )


def _version(campaign: Campaign, typed: bool, clashing: bool) -> int:
    """What the form is drawn from: what is typed stays of its version, until a person has chosen."""
    drawn = request.form.get("version", type=int) if clashing else drawn_from(request.form)
    return drawn if typed and drawn is not None else campaign.version


def undoable(db: Session, campaign: Campaign) -> dict[str, Any] | None:
    """The context of _undo.html."""
    row = editing.last_edit(db, campaign)
    if row is None:
        return None
    return {"number": row.number, "words": undo_words(row, raw_nodes(nodes_of(db, campaign.id)))}
