"""Prospects of a campaign: the roster, adding by pasting, removing, and why somebody is not written to."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from campaigns import explaining, importing, overseeing, removing, rostering, tasking, withdrawing
from campaigns.models.campaign import Campaign
from campaigns.models.elsewhere import skipped_for
from campaigns.models.finding import find_prospect, nodes_of, senders_of
from campaigns.models.message import ASKED
from campaigns.models.prospect import Prospect
from campaigns.models.words import MOST_FOUND
from campaigns.rules.lifecycle import CONNECTION_SENT, EMAIL, LINKEDIN, PROSPECT_STATUSES
from campaigns.rules.pasting import as_table
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid, Stale, WrongState
from campaigns.web import guard
from campaigns.web.filters import words
from campaigns.web.forms import sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import head, is_fragment, page_number, render, tell_error, tell_success, tell_warning

blueprint = Blueprint("prospects", __name__, url_prefix="/campaigns/<uuid:campaign_id>/prospects")

PAGE = 30
# Imports that the roster shows; the page of imports has all of them.
LATEST = 3


@blueprint.get("")
def index(campaign_id: UUID) -> ResponseReturnValue:
    """One page of the roster, filtered."""
    return _page(campaign_id)


def _page(campaign_id: UUID, **extra: Any) -> str:
    wanted, page = _filter(request.args), page_number()
    with house().reading() as db:
        shared = head(db, campaign_id, "prospects")
        campaign = shared["campaign"]
        found, total = rostering.listed(db, campaign, wanted, page=page, limit=PAGE)
        context = {
            "prospects": _rows(db, campaign, found),
            "statuses": PROSPECT_STATUSES,
            "q": wanted.search or "",
            "status": wanted.status or "",
            "page": page,
            "limit": PAGE,
            "total": total,
            "most": MOST_FOUND,
            "can_add": campaign.status in importing.ADDABLE,
            "pasted": "",
            "paste_errors": [],
            "imports": importing.listed(db, campaign_id, page=1, limit=LATEST)[0],
            "imported": None,
            "oob": is_fragment(),
            "undoable": _undoable(db, campaign),
            "undo_url": url_for("prospects.undo", campaign_id=campaign_id),
            "withdrawable": withdrawing.count_timed_out(db, campaign) if campaign.type == LINKEDIN else 0,
            "ways": {sender.provider for sender in senders_of(db, campaign.id)},
        }
        return render("prospects.html", "_prospects.html", **shared, **{**context, **extra})


def _undoable(db: Session, campaign: Campaign) -> dict[str, Any] | None:
    kept = removing.last_removal(db, campaign, now())
    return {"number": kept.id, "words": f"{_people(len(kept.people))} removed"} if kept else None


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _filter(source: Mapping[str, str]) -> rostering.Filter:
    """`q` and `status` of the address, or of a form that leads back here; a status that is none is no filter."""
    status = source.get("status")
    search = source.get("q", "").replace("\x00", "").strip()
    return rostering.Filter(status if status in PROSPECT_STATUSES else None, None, search or None)


def _rows(db: Session, campaign: Campaign, people: list[Prospect]) -> list[dict[str, Any]]:
    names = overseeing.step_names(nodes_of(db, campaign.id))
    others = skipped_for(db, people)
    return [
        {
            "id": one.id,
            "who": overseeing.who(one),
            "address": one.email if campaign.type == EMAIL else one.linkedin_url,
            "company": one.company,
            "status": one.status,
            "status_reason": one.status_reason,
            "other": one.skipped_for if one.skipped_for in others else None,
            "step": _next_step(one, names),
            "due_at": one.due_at,
        }
        for one in people
    ]


def _next_step(prospect: Prospect, names: Mapping[UUID, str]) -> str | None:
    """What comes for somebody at their `due_at`."""
    if prospect.due_at is None or prospect.current_node_id is None:
        return None
    return "The invitation times out" if prospect.status == CONNECTION_SENT else names.get(prospect.current_node_id)


@blueprint.post("/paste")
def paste(campaign_id: UUID) -> ResponseReturnValue:
    """Lines or a table that somebody pasted."""
    text = request.form.get("people", "")
    table, lines = as_table(text)
    try:
        done = _add(campaign_id, table, "paste")
    except (Invalid, WrongState) as refusal:
        return _page(campaign_id, pasted=text, paste_errors=_sentences(refusal)), 422
    return _told(campaign_id, done, text, lines)


def _readable(problem: Problem) -> Problem:
    """`line 2.email` as people say it."""
    place, _, field = problem.field.partition(".")
    return Problem(f"{place.capitalize()}{f', {words(field)}' if field else ''}", problem.message)


def _left(done: importing.Imported, lines: list[str]) -> str:
    """The plain lines that could not be read, to be mended where they were pasted. Line 1 is our heading."""
    numbers = [int(problem.field.split()[1].partition(".")[0]) for problem in done.problems]
    return "\n".join(dict.fromkeys(lines[number - 2] for number in numbers))


def _without_place(problem: Problem) -> Problem:
    """What is wrong with a plain line, which is quoted in the message or stands in the box again."""
    return Problem("Not read", problem.message)


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Refused before it was read, by the CSRF check already: the sentence still stands where the file was chosen."""
    answer = guard.check()
    campaign_id = (request.view_args or {}).get("campaign_id")
    if answer is not None or campaign_id is None:
        return answer or error
    return _page(campaign_id, paste_errors=["This is more than 2 MB: upload it as a file."]), 413


def _add(campaign_id: UUID, text: str, source: str) -> importing.Imported:
    who = person()
    with house().sessions.begin() as db:
        return importing.add_table(db, who.workspace_id, campaign_id, text, source=source, now=now(), by=who.email)


def _sentences(refusal: Invalid | WrongState) -> list[str]:
    if not isinstance(refusal, Invalid):
        return [refusal.message]
    return [sentence(f"{'this' if one.field == 'file' else one.field} {one.message}") for one in refusal.problems]


def _told(
    campaign_id: UUID, done: importing.Imported, pasted: str = "", lines: list[str] | None = None
) -> ResponseReturnValue:
    """Lines that could not be read are listed, which a redirect could not carry; else back to the roster."""
    if done.problems:
        left = pasted if lines is None else _left(done, lines)
        told = _readable if lines is None else _without_place
        done.problems = [told(problem) for problem in done.problems]
        return _page(campaign_id, imported=done, pasted=left), 200 if done.imported else 422
    again = (
        f" {done.duplicates:,} {'was' if done.duplicates == 1 else 'were'} there already." if done.duplicates else ""
    )
    no = f" {_people(done.suppressed)} left out: on the suppression list." if done.suppressed else ""
    tell_success(f"{_people(done.imported)} added.{again}{no}")
    return redirect(url_for("prospects.index", campaign_id=campaign_id), 303)


@blueprint.post("/remove")
def remove(campaign_id: UUID) -> ResponseReturnValue:
    """The chosen ones, or all."""
    form = request.form
    body = {"all": True} if form.get("all") == "true" else {"ids": form.getlist("id")}
    if body.get("ids") == []:
        tell_warning("Choose somebody first.")
        return _back(campaign_id)
    try:
        gone = _remove(campaign_id, body)
    except Invalid as refusal:
        tell_error(refusal.message)
        return _back(campaign_id)
    kept = f" {gone['cancelled']:,} of them had been written to and stay as cancelled." if gone["cancelled"] else ""
    tell_success(f"{gone['removed']:,} removed.{kept}")
    return _back(campaign_id)


def _remove(campaign_id: UUID, body: dict[str, Any]) -> dict[str, int]:
    who = person()
    if removing.is_all(body):
        return removing.remove_all(house().sessions, who.workspace_id, campaign_id, now=now(), by=who.email)
    with house().sessions.begin() as db:
        return removing.remove(db, who.workspace_id, campaign_id, body, now=now(), by=who.email, undoable=True)


@blueprint.post("/withdraw")
def withdraw(campaign_id: UUID) -> ResponseReturnValue:
    """Take back the invitations of everybody who timed out."""
    who = person()
    with house().sessions.begin() as db:
        found = withdrawing.withdraw_all(db, who.workspace_id, campaign_id, now=now(), by=who.email)
        asked = sum(message.withdrawal == ASKED for message in found)
    told = [f"{len(found) - asked:,} marked as withdrawn."] if len(found) > asked else []
    told += [f"The provider is asked to take back {asked:,}, one by one."] if asked else []
    tell_success(" ".join(told) or "No invitation is left to withdraw.")
    return redirect(url_for("prospects.index", campaign_id=campaign_id), 303)


@blueprint.post("/undo")
def undo(campaign_id: UUID) -> ResponseReturnValue:
    """Bring back whom the last removal took away."""
    who, place = person(), url_for("prospects.index", campaign_id=campaign_id)
    number = request.form.get("number", default=UUID(int=0), type=UUID)
    try:
        with house().sessions.begin() as db:
            done = removing.undo(db, who.workspace_id, campaign_id, number, now=now(), by=who.email)
    except (Stale, WrongState) as refusal:
        tell_error(refusal.message)
        return redirect(place, 303)
    gone = f" {_people(done['gone'])} could not be: they are here again, or something has happened to them since."
    tell_success(f"{_people(done['back'])} brought back.{gone if done['gone'] else ''}")
    return redirect(place, 303)


def _back(campaign_id: UUID) -> ResponseReturnValue:
    wanted = _filter(request.form)
    page = request.form.get("page", "")
    place = url_for(
        "prospects.index",
        campaign_id=campaign_id,
        q=wanted.search,
        status=wanted.status,
        page=page if page.isdigit() and page != "1" else None,
    )
    return redirect(place, 303)


@blueprint.get("/<uuid:prospect_id>/explain")
def explain(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Why this person is not being messaged now, and when they will be."""
    with house().reading() as db:
        shared = head(db, campaign_id, "prospects")
        prospect = find_prospect(db, shared["campaign"].id, prospect_id)
        explanation = explaining.explain(db, shared["campaign"], prospect_id, now())
        who = {"id": prospect.id, "who": overseeing.who(prospect), "status": prospect.status}
        about = {"explanation": explanation, "task_id": tasking.task_of(db, prospect_id)}
        return render("explain.html", "_explain.html", **shared, **about, prospect=who)
