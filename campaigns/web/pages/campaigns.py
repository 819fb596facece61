"""Campaigns: the list, a new one, the sample, and the moves of one: launch, pause, resume, delete."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import editing, launching, overseeing, reporting, sampling, settling
from campaigns.models import counts
from campaigns.models.campaign import Campaign
from campaigns.models.template import Template, find_template, templates_of
from campaigns.rules.lifecycle import FAILED
from campaigns.rules.refusals import Conflict, Invalid, NotFound, WrongState
from campaigns.web.forms import NewCampaignForm, by_field
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import page_number, render, show_account, sum_up, tell_error, tell_success
from campaigns.web.pages.outlook import outlooks

blueprint = Blueprint("campaigns", __name__)

PAGE = 20


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """The campaigns are the first page."""
    return redirect(url_for("campaigns.index"), 303)


@blueprint.get("/campaigns")
def index() -> ResponseReturnValue:
    """Status, progress, what happens next and when."""
    page, workspace_id = page_number(), person().workspace_id
    with house().reading() as db:
        found, total = reporting.campaign_page(db, workspace_id, page=page, limit=PAGE)
        context = {
            "campaigns": _shown(db, found),
            "page": page,
            "limit": PAGE,
            "total": total,
            "sample_offered": sampling.is_offered(db, workspace_id),
        }
    return render("campaigns.html", "_campaigns.html", **context)


def _shown(db: Session, campaigns: list[Campaign]) -> list[dict[str, Any]]:
    stats = counts.stats(db, campaigns, now())
    shown = []
    for each, (words, at) in zip(campaigns, outlooks(db, campaigns, now()), strict=True):
        plain = {"id": each.id, "name": each.name, "type": each.type, "status": each.status}
        shown.append({**plain, "stats": sum_up(stats[each.id]), "next": words, "next_at": at})
    return shown


@blueprint.route("/campaigns/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """A draft with one empty step, or what a template holds; on to its sequence."""
    form, chosen = NewCampaignForm(), request.form.getlist("sender_account_ids")
    if request.method == "GET":
        return _new_page(form, chosen, [])
    template = request.form.get("template_id")
    start = {"template_id": template} if template else {"type": form.type.data}
    fitting = chosen if template else _fitting(chosen, form.type.data)
    body = {**start, "name": form.name.data or "", "sender_account_ids": fitting}
    who = person()
    try:
        with house().sessions.begin() as db:
            campaign, _ = editing.create(db, who.workspace_id, body, now=now(), by=who.email)
    except (Invalid, Conflict) as refusal:
        form.tell(refusal)
        return _new_page(form, chosen, by_field(refusal.problems).get("sender_account_ids", [])), 422
    return redirect(url_for("sequences.edit", campaign_id=campaign.id), 303)


def _fitting(chosen: list[str], kind: str) -> list[str]:
    """Without accounts of the other kind, which were ticked before the kind was chosen and are not shown any more."""
    with house().reading() as db:
        senders = overseeing.senders_for(db, person().workspace_id)
    others = {str(sender.id) for sender in senders if sender.type != kind}
    return [one for one in chosen if one not in others]


def _new_page(form: NewCampaignForm, chosen: list[str], errors: list[str]) -> str:
    own = person().workspace_id
    with house().reading() as db:
        template = _template(db, request.form.get("template_id") or request.args.get("template"))
        context = {
            "template": template,
            "templates": templates_of(db, own),
            "sample_offered": sampling.is_offered(db, own),
            "senders": [
                show_account(each)
                for each in overseeing.senders_for(db, own)
                if template is None or each.type == template.type
            ],
        }
    return render_template("campaign_new.html", form=form, chosen=chosen, sender_errors=errors, **context)


def _template(db: Session, text: str | None) -> Template | None:
    if not text:
        return None
    try:
        return find_template(db, person().workspace_id, UUID(text))
    except ValueError as bad:
        raise NotFound("template") from bad


@blueprint.post("/campaigns/sample")
def sample() -> ResponseReturnValue:
    """The sample campaign, ready for a first launch."""
    who = person()
    with house().sessions.begin() as db:
        campaign = sampling.load(db, who.workspace_id, trap=house().settings.trap, now=now(), by=who.email)
    return redirect(url_for("campaigns.overview", campaign_id=campaign.id), 303)


def _move(
    verb: Callable[..., Campaign],
    campaign_id: UUID,
    done: str,
    more: Callable[[Session, Campaign], str] = lambda *_: "",
) -> ResponseReturnValue:
    who = person()
    try:
        with house().sessions.begin() as db:
            campaign = verb(db, who.workspace_id, campaign_id, now=now(), by=who.email)
            db.flush()
            done += more(db, campaign)
    except (Invalid, Conflict, WrongState) as refusal:
        tell_error(refusal.message)
    else:
        tell_success(done)
    return redirect(url_for("campaigns.overview", campaign_id=campaign_id), 303)


@blueprint.post("/campaigns/<uuid:campaign_id>/launch")
def launch(campaign_id: UUID) -> ResponseReturnValue:
    """Draft to launching; a job makes it active."""
    done = "Launching: it begins as soon as the hours are open."
    return _move(launching.launch, campaign_id, done, _skipped)


def _skipped(db: Session, campaign: Campaign) -> str:
    count = launching.skipped(db, campaign).count
    words = f"{count:,} {'person is' if count == 1 else 'people are'} skipped, being in other campaigns already"
    return f" {words}: they are listed under Prospects, as cancelled." if count else ""


@blueprint.post("/campaigns/<uuid:campaign_id>/pause")
def pause(campaign_id: UUID) -> ResponseReturnValue:
    """Active to paused."""
    return _move(launching.pause, campaign_id, "Paused. Nothing more leaves, and everybody keeps their place.")


@blueprint.post("/campaigns/<uuid:campaign_id>/resume")
def resume(campaign_id: UUID) -> ResponseReturnValue:
    """Paused to active."""
    return _move(launching.resume, campaign_id, "Resumed. Whoever is due is being looked at again.")


@blueprint.post("/campaigns/<uuid:campaign_id>/copy")
def copy(campaign_id: UUID) -> ResponseReturnValue:
    """A draft like this one, with nobody in it."""
    who = person()
    with house().sessions.begin() as db:
        made = editing.copy(db, who.workspace_id, campaign_id, now=now(), by=who.email)
        place, name = url_for("campaigns.settings", campaign_id=made.id), made.name
    tell_success(f"“{name}” is a draft with the same settings, senders and steps, and nobody in it yet.")
    return redirect(place, 303)


@blueprint.post("/campaigns/<uuid:campaign_id>/copy-held-back")
def copy_held_back(campaign_id: UUID) -> ResponseReturnValue:
    """A draft like this one, with everybody in it who was held back before anything was sent to them."""
    who = person()
    with house().sessions.begin() as db:
        made = editing.copy_held_back(db, who.workspace_id, campaign_id, now=now(), by=who.email)
        place, people = url_for("prospects.index", campaign_id=made.id), counts.total(db, made.id)
        left = counts.total(db, campaign_id, status=FAILED) - people
    rest = f" {left:,} had been written to before, and would get everything anew: they are left out." if left else ""
    tell_success(f"{people:,} {'person is' if people == 1 else 'people are'} in this new draft.{rest}")
    return redirect(place, 303)


@blueprint.post("/campaigns/<uuid:campaign_id>/delete")
def delete(campaign_id: UUID) -> ResponseReturnValue:
    """Gone with all that belongs to it; an active one is stopped by that."""
    who = person()
    name = launching.remove(house().sessions, who.workspace_id, campaign_id, now=now(), by=who.email)
    tell_success(f"“{name}” is deleted.")
    return redirect(url_for("campaigns.index"), 303)


@blueprint.post("/campaigns/<uuid:campaign_id>/messages/<uuid:message_id>/settle")
def settle(campaign_id: UUID, message_id: UUID) -> ResponseReturnValue:
    """What a person says of a message whose outcome is unknown."""
    who, said = person(), request.form.get("settlement", "")
    try:
        with house().sessions.begin() as db:
            settling.settle(db, who.workspace_id, campaign_id, message_id, said, now=now(), by=who.email)
    except (Invalid, WrongState) as refusal:
        tell_error(refusal.message)
    else:
        tell_success("Settled, and the sequence goes on.")
    return redirect(url_for("campaigns.overview", campaign_id=campaign_id), 303)
