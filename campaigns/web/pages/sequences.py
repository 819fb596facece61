"""The sequence builder: every change posts the whole list and gets it back as the database has it now."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import editing
from campaigns.models.campaign import Campaign
from campaigns.models.finding import nodes_of
from campaigns.rules.fields import BY_NAME, locked_because
from campaigns.rules.refusals import Invalid
from campaigns.web.forms import sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import head, is_fragment, render, tell_success, tell_warning
from campaigns.web.steps import as_body, change_nodes, show_stored, show_typed, typed_nodes

blueprint = Blueprint("sequences", __name__)

FIELD = BY_NAME["sequence_nodes"]


@blueprint.route("/campaigns/<uuid:campaign_id>/sequence", methods=["GET", "POST"])
def edit(campaign_id: UUID) -> ResponseReturnValue:
    """The list; posted, it is changed by the button that was pressed and saved as a whole, or stays on screen."""
    if request.method == "GET":
        return _stored(campaign_id)
    typed = change_nodes(typed_nodes(request.form), request.form)
    who = person()
    try:
        with house().sessions.begin() as db:
            body = {FIELD.name: as_body(typed)}
            _, changes = editing.edit(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)
    except Invalid as refusal:
        nodes, problems = show_typed(typed, refusal.problems)
        return _page(campaign_id, nodes, problems, saved=False), 422
    if changes.ignored and not is_fragment():
        tell_warning(f"Nothing was changed: the sequence {changes.ignored[0]['reason']}.")
    elif not is_fragment():
        tell_success("Saved.")
    if is_fragment():
        return _stored(campaign_id)
    return redirect(url_for("sequences.edit", campaign_id=campaign_id), 303)


def _stored(campaign_id: UUID) -> str:
    return _page(campaign_id, None, [], saved=True)


def _page(campaign_id: UUID, nodes: list[dict[str, Any]] | None, problems: list[str], *, saved: bool) -> str:
    with house().reading() as db:
        shared = head(db, campaign_id, "sequence")
        campaign = shared["campaign"]
        locked = locked_because(FIELD, campaign.type, campaign.status)
        return render(
            "sequence.html",
            "_builder.html",
            **shared,
            nodes=_nodes(db, campaign) if nodes is None or locked else nodes,
            problems=problems,
            saved=saved,
            locked=sentence(f"the sequence {locked}") if locked else None,
        )


def _nodes(db: Session, campaign: Campaign) -> list[dict[str, Any]]:
    return show_stored(nodes_of(db, campaign.id))
