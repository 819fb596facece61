"""What is stuck: everything that waits for a person, each with the way out."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import overseeing, retrying, settling, watching
from campaigns.models.conversation import Answer
from campaigns.models.finding import find_campaign, nodes_of
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.lifecycle import EMAIL, LINKEDIN, TERMINAL
from campaigns.rules.problems import Problems
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import page_number, read_ids, show_account, tell_error, tell_success, tell_warning

blueprint = Blueprint("stuck", __name__, url_prefix="/stuck")

PAGE = 25
# What the buttons say; the values are those of settling.SETTLEMENTS.
SETTLE = {"sent": "Mark as sent", "again": "Send again", "skip": "Skip"}
SETTLED = {"sent": "marked as sent", "again": "to be sent again", "skip": "skipped"}
RETRIED = {retrying.AGAIN: "tried again", retrying.SKIP: "moved past the step"}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Unknown outcomes, failing accounts, overdue work, people held back."""
    own, page = person().workspace_id, page_number()
    with house().reading() as db:
        total = watching.unsettled_count(db, own)
        page = min(page, max(1, -(-total // PAGE)))
        return render_template(
            "stuck.html",
            unknown=_unknown(db, own, page),
            answers=[_answer(*one) for one in watching.unsettled_answers(db, own)],
            settle=SETTLE,
            ticked=request.args.get("tick") == "all",
            page=page,
            limit=PAGE,
            total=total,
            senders=[_failing(one) for one in watching.failing(db, own, now())],
            overdue=_overdue(db, own),
            held_back=[_held_back(one) for one in watching.held_back(db, own)],
            most=retrying.MOST,
        )


def _unknown(db: Session, own: UUID, page: int) -> list[dict[str, Any]]:
    found = watching.unsettled(db, own, page=page, limit=PAGE)
    campaigns = {one.campaign.id for one in found}
    names = {campaign_id: overseeing.step_names(nodes_of(db, campaign_id)) for campaign_id in campaigns}
    return [
        {
            "id": one.message.id,
            "prospect_id": one.prospect.id,
            "who": overseeing.who(one.prospect),
            "over": one.prospect.status in TERMINAL,
            "campaign": one.campaign,
            "step": names[one.campaign.id][one.node.id],
            "sender": one.sender.label if one.sender else "An account that is gone",
            "at": one.message.claimed_at,
            "answer": one.message.error,
        }
        for one in found
    ]


def _answer(answer: Answer, prospect: Prospect) -> dict[str, Any]:
    """One by hand: it is settled where it was written."""
    return {
        "who": overseeing.who(prospect),
        "by": answer.created_by,
        "at": answer.claimed_at,
        "error": answer.error,
        "url": url_for("inbox.show", prospect_id=prospect.id, _anchor=f"mail-{answer.id}"),
    }


def _failing(one: watching.Failing) -> dict[str, Any]:
    own = {"failures": one.sender.failures, "next_try_at": _next_try(one.sender)}
    return show_account(one.sender) | own | {"people": one.people, "campaigns": one.campaigns}


def _next_try(sender: Sender) -> Any:
    """When the account is tried again by itself; None where only a person can put it back to work."""
    return sender.next_send_at if sender.status == "active" else None


def _overdue(db: Session, own: UUID) -> list[dict[str, Any]]:
    """What could go on and does not: in words, since when, and where to look."""
    return [
        *(_halted(one) for one in watching.halted(db, own, now())),
        *(
            {
                "title": one.sender.label,
                "what": f"{_people(one.people)} could be written to, and no worker takes it up.",
                "since": one.since,
                "way_out": ("See the workers", url_for("workers.index")),
            }
            for one in watching.idle(db, own, now())
        ),
        *(_deaf(one) for one in watching.deaf(db, own, now())),
        *(_untouched(one) for one in watching.untouched(db, own, now())),
        *(
            {
                "title": campaign.name,
                "what": "A wake-up was asked for, and no worker carries it out.",
                "since": wake_up.requested_at,
                "way_out": ("See the workers", url_for("workers.index")),
            }
            for wake_up, campaign in watching.late_wake_ups(db, own, now())
        ),
    ]


def _deaf(one: watching.Deaf) -> dict[str, Any]:
    """Nobody knows who answered."""
    if one.error:
        what = f"Its {_ear(one)} cannot be read, and follow-ups wait until it is: {one.error}"
        way_out = ("Edit the account", url_for("senders.edit", sender_id=one.sender.id))
    else:
        what = f"Its {_ear(one)} is not read, follow-ups wait until it is, and no worker takes it up."
        way_out = ("See the workers", url_for("workers.index"))
    return {"title": one.sender.label, "what": what, "since": one.read_at, "way_out": way_out}


def _ear(one: watching.Deaf) -> str:
    return "LinkedIn inbox" if one.sender.type == LINKEDIN else "mailbox"


def _untouched(one: watching.Untouched) -> dict[str, Any]:
    words = "task waits" if one.tasks == 1 else "tasks wait"
    return {
        "title": one.sender.label,
        "what": f"{one.tasks:,} {words} to be done by hand, and nobody has done any for days.",
        "since": one.since,
        "way_out": ("Do the tasks", url_for("tasks.index", account=one.sender.id)),
    }


def _halted(one: watching.Halted) -> dict[str, Any]:
    if one.accounts:
        why, label, place = "none of its accounts can send", "See the accounts", url_for("senders.index")
    else:
        why, label = "it has no account to send from any more", "Open the campaign"
        place = url_for("campaigns.overview", campaign_id=one.campaign.id)
    return {
        "title": one.campaign.name,
        "what": f"{_people(one.people)} {'is' if one.people == 1 else 'are'} due, and {why}.",
        "since": None,
        "way_out": (label, place),
    }


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


_REFUSED = {EMAIL: "A mail server refused the message.", LINKEDIN: "It was not possible at LinkedIn."}


def _held_back(one: watching.HeldBack) -> dict[str, Any]:
    return {
        "campaign": one.campaign,
        "reason": one.reason,
        "people": one.people,
        "words": one.reason or _REFUSED[one.campaign.type],
    }


@blueprint.post("/settle")
def settle() -> ResponseReturnValue:
    """One message, by its own button, or all that are ticked."""
    how, ids = _chosen()
    if how not in SETTLE:
        tell_error("Press one of the buttons.")
    elif not ids:
        tell_warning("Tick a message first.")
    else:
        _settle(how, ids)
    return _back()


def _chosen() -> tuple[str, list[UUID]]:
    """How, and which: a row's own button names both (`again:ID`)."""
    how, _, single = request.form.get("settlement", "").partition(":")
    given = [single] if single else request.form.getlist("message")[: PAGE * 4]
    return how, read_ids(given)


def _settle(how: str, ids: list[UUID]) -> None:
    """Each in a transaction of its own: one that somebody else has settled meanwhile holds up no other."""
    who, done, refused = person(), 0, []
    with house().reading() as db:
        campaigns = watching.campaigns_of(db, who.workspace_id, ids)
    for message_id, campaign_id in campaigns.items():
        try:
            with house().sessions.begin() as db:
                settling.settle(db, who.workspace_id, campaign_id, message_id, how, now=now(), by=who.email)
            done += 1
        except (Invalid, NotFound, WrongState) as refusal:
            refused.append(refusal.message)
    if done:
        tell_success(f"{done:,} {'message' if done == 1 else 'messages'} {SETTLED[how]}.")
    for message in dict.fromkeys(refused):
        tell_error(message)
    if not campaigns:
        tell_warning("Nothing was there to be settled any more.")


@blueprint.post("/retry")
def retry() -> ResponseReturnValue:
    """Let the people of one group go on: the step again, or past it."""
    form, who = request.form, person()
    try:
        campaign_id = parse_uuid(form.get("campaign"), "campaign")
    except Problems as bad:
        raise NotFound("campaign") from bad
    reason = form.get("reason") if "refused" not in form else None
    with house().reading() as db:
        find_campaign(db, who.workspace_id, campaign_id)
        ids = watching.people_held_back(db, campaign_id, reason, retrying.MOST)
    try:
        with house().sessions.begin() as db:
            moved = (
                retrying.retry(db, who.workspace_id, campaign_id, ids, form.get("how", ""), now=now(), by=who.email)
                if ids
                else 0
            )
    except (Invalid, WrongState) as refusal:
        tell_error(refusal.message)
    else:
        tell_success(f"{_people(moved)} {RETRIED[form['how']]}." if moved else "Nobody was held back any more.")
    return _back()


def _back() -> ResponseReturnValue:
    page = request.form.get("page", "")
    return redirect(url_for("stuck.index", page=page if page.isdigit() and page != "1" else None), 303)
