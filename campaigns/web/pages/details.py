"""What is known of a person, to be edited; and another try for whoever was held back for want of it."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import overseeing, previewing, retrying, rostering
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_prospect
from campaigns.models.prospect import Prospect
from campaigns.rules.lifecycle import UNSUBSCRIBED
from campaigns.rules.liquid_subset import KEYED
from campaigns.rules.people import PERSON_FIELDS
from campaigns.rules.refusals import Conflict, Invalid, Refused, WrongState
from campaigns.web.forms import PersonForm, sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import head, tell_error, tell_success, tell_warning
from campaigns.web.pages.people import blueprint, can_retry

RETRIED = {retrying.AGAIN: "The step is tried again.", retrying.SKIP: "The step is left out."}


@blueprint.route("/edit", methods=["GET", "POST"])
def edit(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """The same as PATCH; its button `how` tries the step again that was held back."""
    if request.method == "GET":
        return _page(campaign_id, prospect_id)
    who, body = person(), {**PersonForm().body(), KEYED: _typed()}
    try:
        with house().sessions.begin() as db:
            prospect = rostering.edit(db, who.workspace_id, campaign_id, prospect_id, body, now=now())
            moved = _retry(db, campaign_id, prospect_id) if "how" in request.form else 0
    except (Invalid, Conflict, WrongState) as refusal:
        return _page(campaign_id, prospect_id, refusal), 422
    if prospect.status == UNSUBSCRIBED:
        tell_warning(f"Saved, but on the suppression list: nothing is sent to them. {prospect.status_reason}")
    else:
        tell_success(f"Saved. {RETRIED[_how()] if moved else ''}".strip())
    return _back(campaign_id, prospect_id)


@blueprint.post("/retry")
def retry(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Let somebody who was held back go on: the step again, or past it."""
    try:
        with house().sessions.begin() as db:
            moved = _retry(db, campaign_id, prospect_id)
    except (Invalid, WrongState) as refusal:
        tell_error(refusal.message)
    else:
        tell_success(RETRIED[_how()] if moved else "This person is not held back any more.")
    return _back(campaign_id, prospect_id)


def _retry(db: Session, campaign_id: UUID, prospect_id: UUID) -> int:
    who = person()
    return retrying.retry(db, who.workspace_id, campaign_id, [prospect_id], _how(), now=now(), by=who.email)


def _how() -> str:
    return request.form.get("how", retrying.AGAIN)


def _back(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("people.index", campaign_id=campaign_id, prospect_id=prospect_id), 303)


def _typed() -> dict[str, str]:
    """The custom fields as they were typed; an empty one is none."""
    pairs = zip(request.form.getlist("key"), request.form.getlist("value"), strict=False)
    return {key.strip(): value for key, value in pairs if value.strip()}


def _page(campaign_id: UUID, prospect_id: UUID, refusal: Refused | None = None) -> str:
    with house().reading() as db:
        shared = head(db, campaign_id, "prospects")
        campaign = shared["campaign"]
        prospect = find_prospect(db, campaign.id, prospect_id)
        form = PersonForm(data={name: getattr(prospect, name) for name in PERSON_FIELDS})
        missing = _missing(db, campaign, prospect)
        return render_template(
            "person_edit.html",
            **shared,
            prospect={"id": prospect.id, "who": overseeing.who(prospect), "status": prospect.status},
            form=form,
            problem=form.tell(refusal) if refusal else None,
            custom=_custom(prospect, missing, refusal),
            missing=missing,
            can_retry=can_retry(campaign, prospect),
        )


def _missing(db: Session, campaign: Campaign, prospect: Prospect) -> list[str]:
    """The placeholders that steps have no value for, each once; those of the sender are not this person's."""
    steps = previewing.preview(db, campaign, prospect, previewing.sender_for(db, campaign, prospect))
    names = dict.fromkeys(name for step in steps for name in step.missing)
    return [name for name in names if not name.startswith("%sender_")]


def _custom(prospect: Prospect, missing: list[str], refusal: Refused | None) -> list[dict[str, Any]]:
    """The custom fields there are and those that a step asks for, as they are kept or as they were typed."""
    start = f"%{KEYED}."
    asked = [name.removeprefix(start).removesuffix("%") for name in missing if name.startswith(start)]
    values = dict.fromkeys(asked, "") | prospect.custom_fields
    if refusal is not None:
        values |= dict.fromkeys(values, "") | _typed()
    errors = {problem.field: [sentence(problem.message)] for problem in (refusal.problems if refusal else ())}
    return [{"key": key, "value": value, "errors": errors.get(f"{KEYED}.{key}", [])} for key, value in values.items()]
