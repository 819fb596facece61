"""Each step as one person will get it, and a copy of it for whoever asks."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import overseeing, previewing
from campaigns.channels.outgoing import Doubtful, Unsent
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_prospect, nodes_of
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.previewing import Preview
from campaigns.rules.lifecycle import EMAIL
from campaigns.rules.refusals import Invalid, NotFound
from campaigns.web.forms import sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import head, tell_error, tell_success
from campaigns.web.posting import post

blueprint = Blueprint("letters", __name__, url_prefix="/campaigns/<uuid:campaign_id>/sequence/preview")

MOST_PEOPLE = 100


@dataclass(frozen=True)
class Chosen:
    """Whom the preview is for, and who writes; `real` is false where there is nobody yet."""

    prospect: Prospect
    sender: Sender | None
    real: bool


@blueprint.get("")
def index(campaign_id: UUID) -> ResponseReturnValue:
    """The steps for the chosen person, the first one where none was chosen."""
    with house().reading() as db:
        shared = head(db, campaign_id, "sequence")
        campaign = shared["campaign"]
        offered = list(previewing.people(db, campaign, MOST_PEOPLE))
        chosen = _chosen(db, campaign, request.args.get("prospect"), offered)
        names = overseeing.step_names(nodes_of(db, campaign.id))
        found = previewing.preview(db, campaign, chosen.prospect, chosen.sender)
        if chosen.real and chosen.prospect not in offered:
            offered.insert(0, chosen.prospect)
        return render_template(
            "letters.html",
            **shared,
            chosen=chosen.prospect.id if chosen.real else None,
            who=overseeing.who(chosen.prospect),
            address=chosen.prospect.email if campaign.type == EMAIL else chosen.prospect.linkedin_url,
            sender=chosen.sender,
            offered=[{"id": one.id, "who": overseeing.who(one)} for one in offered],
            steps=[_shown(step, names[step.node_id]) for step in found],
        )


def _chosen(db: Session, campaign: Campaign, wanted: str | None, offered: list[Prospect]) -> Chosen:
    """Raises NotFound for somebody who is not in this campaign."""
    if wanted:
        try:
            prospect = find_prospect(db, campaign.id, UUID(wanted))
        except ValueError:
            raise NotFound("prospect in this campaign") from None
    elif offered:
        prospect = offered[0]
    else:
        nobody = previewing.made_up(campaign)
        return Chosen(nobody, previewing.sender_for(db, campaign, nobody), real=False)
    return Chosen(prospect, previewing.sender_for(db, campaign, prospect), real=True)


def _shown(step: Preview, label: str) -> dict[str, Any]:
    return {
        "id": step.node_id,
        "label": label,
        "type": step.type,
        "subject": step.subject,
        "body": step.body,
        "in_thread": step.in_thread,
        "missing": step.missing,
        "problems": [sentence(problem) for problem in step.problems],
        "length": step.length,
        "most": step.most,
        "over": step.most is not None and not step.missing and step.length > step.most,
    }


@blueprint.post("/send")
def send(campaign_id: UUID) -> ResponseReturnValue:
    """One step to the person who asks. No transaction is open while the mail server is spoken to."""
    to, wanted = person().email, request.form.get("prospect") or None
    with house().reading() as db:
        campaign = head(db, campaign_id, "sequence")["campaign"]
        chosen = _chosen(db, campaign, wanted, list(previewing.people(db, campaign, 1)))
        found = previewing.preview(db, campaign, chosen.prospect, chosen.sender)
    step = next((one for one in found if str(one.node_id) == request.form.get("node")), None)
    if step is None:
        raise NotFound("step in this campaign")
    try:
        tell_success(f"Sent to {to}. {_send(step, chosen.sender, to)}")
    except Invalid as refusal:
        tell_error(f"Not sent: this person {'; '.join(problem.message for problem in refusal.problems)}.")
    except (Unsent, Doubtful) as failed:
        tell_error(f"Not sent: {failed.reason}")
    return redirect(url_for("letters.index", campaign_id=campaign_id, prospect=wanted), 303)


def _send(step: Preview, sender: Sender | None, to: str) -> str:
    """Where to look for the copy. Raises Invalid, Unsent or Doubtful."""
    if sender is None:
        raise Unsent("this campaign has no sender account yet: choose one.", lasting=True, account=True)
    return post(sender, previewing.copy_to(step, sender, to, now()))
