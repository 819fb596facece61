"""Templates: a campaign kept as one, the list of them, other names, and deleting."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import editing
from campaigns.models.template import templates_of
from campaigns.rules.refusals import Conflict, Invalid
from campaigns.web.forms import TemplateForm, by_field
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import head, tell_success

blueprint = Blueprint("templates", __name__)


@blueprint.get("/templates")
def index() -> ResponseReturnValue:
    """All templates, by name."""
    return _page()


def _page(refused: UUID | None = None, errors: list[str] | None = None) -> str:
    """With the name that was `refused` as it was typed, and why."""
    with house().reading() as db:
        templates = templates_of(db, person().workspace_id)
    typed = request.form.get("name", "")
    return render_template("templates.html", templates=templates, refused=refused, typed=typed, name_errors=errors)


@blueprint.route("/campaigns/<uuid:campaign_id>/template", methods=["GET", "POST"])
def new(campaign_id: UUID) -> ResponseReturnValue:
    """Keep this campaign as a template; on to the list of them."""
    form, who = TemplateForm(), person()
    with house().reading() as db:
        shared = head(db, campaign_id, "overview")
    if request.method == "GET":
        form.name.data = shared["campaign"].name
        return render_template("template_new.html", form=form, **shared)
    try:
        with house().sessions.begin() as db:
            made = editing.save_template(db, who.workspace_id, campaign_id, form.name.data, now=now(), by=who.email)
    except (Invalid, Conflict) as refusal:
        form.tell(refusal)
        return render_template("template_new.html", form=form, **shared), 422
    tell_success(f"“{made.name}” is kept as a template: a new campaign can start from it.")
    return redirect(url_for("templates.index"), 303)


@blueprint.post("/templates/<uuid:template_id>/rename")
def rename(template_id: UUID) -> ResponseReturnValue:
    """Another name."""
    try:
        with house().sessions.begin() as db:
            template = editing.rename_template(db, person().workspace_id, template_id, request.form.get("name", ""))
    except (Invalid, Conflict) as refusal:
        return _page(template_id, by_field(refusal.problems)["name"]), 422
    tell_success(f"It is called “{template.name}” now.")
    return redirect(url_for("templates.index"), 303)


@blueprint.post("/templates/<uuid:template_id>/delete")
def delete(template_id: UUID) -> ResponseReturnValue:
    """Campaigns that were made from it stay as they are."""
    with house().sessions.begin() as db:
        name = editing.delete_template(db, person().workspace_id, template_id).name
    tell_success(f"The template “{name}” is deleted. Campaigns that were made from it stay.")
    return redirect(url_for("templates.index"), 303)
