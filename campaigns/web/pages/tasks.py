"""Tasks: the LinkedIn steps that a person does, one after another; and who of those written to accepted or answered."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import marking, overseeing, tasking
from campaigns.marking import ACCEPTED, REPLIED, Marked
from campaigns.models.allowance import allowances
from campaigns.models.campaign import Campaign
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.pasting import links_in
from campaigns.rules.people import profile_link
from campaigns.rules.problems import Problems
from campaigns.rules.refusals import Invalid, Stale, WrongState
from campaigns.rules.sequence import CONNECTION_REQUEST
from campaigns.tasking import Entry, Filter
from campaigns.web.forms import sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import is_fragment, page_number, tell_error, tell_success, tell_warning
from campaigns.web.pages.outlook import outlooks

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")

PAGE = 20
# Campaigns of which it is told why nothing of theirs is to be done, and links of a paste that are named.
MOST_WHYS, MOST_NAMED = 10, 20
FILTERS = ("account", "campaign", "what", "q", "page")
# Who can be looked for, in words.
WAITS_FOR = {ACCEPTED: "An acceptance", REPLIED: "An answer"}
# Outcome, or the name under which it is kept -> what became of the task, in words.
SAID = {
    "done": "Done",
    "already_connected": "Already connected",
    "not_possible": "Not possible",
    "skip": "Skipped",
}
KEPT = {tasking.OUTCOMES[outcome].cause: words.lower() for outcome, words in SAID.items()}


@blueprint.before_request
def refuse_to_be_loaded_ahead() -> ResponseReturnValue | None:
    """Whoever looks at a task keeps it from others; a browser that loads pages ahead looks at nothing yet."""
    return ("", 503) if "prefetch" in request.headers.get("Sec-Purpose", "") else None


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The next task, and below it who is waited for; the task alone for htmx."""
    return _page()


@blueprint.get("/<uuid:message_id>")
def show(message_id: UUID) -> ResponseReturnValue:
    """One task, for whoever comes from its person or its campaign."""
    with house().reading() as db:
        tasking.find_step(db, person().workspace_id, message_id)
    entry = _take(message_id)
    if entry is None:
        tell_warning("This task is not open any more, or somebody else has it before them. Here is the next one.")
        return _back()
    return _page(entry)


def _page(entry: Entry | None = None) -> ResponseReturnValue:
    entry = entry or _take()
    if not is_fragment():
        return _whole(entry, text="", mark=ACCEPTED, marked=None, errors=())
    with house().reading() as db:
        return render_template("_task.html", **_task(db, entry))


def _whole(entry: Entry | None, **paste: Any) -> str:
    with house().reading() as db:
        context = {**_task(db, entry), **_choices(db), **_waiting(db), **_pasting()}
        return render_template("tasks.html", **context, **paste)


def _take(message_id: UUID | None = None) -> Entry | None:
    """The next task, or this one, which nobody else gets meanwhile. As long as nothing is open, nothing is written."""
    who = person()
    with house().reading() as db:
        if not tasking.count(db, who.workspace_id, _wanted(), now()):
            return None
    with house().sessions.begin() as db:
        return tasking.take(db, who.workspace_id, _wanted(), now=now(), by=who.email, message_id=message_id)


def _wanted() -> Filter:
    return Filter(sender_id=_id("account"), campaign_id=_id("campaign"))


def _id(name: str) -> UUID | None:
    """An id of the address; None for anything that is none."""
    with suppress(Problems):
        return parse_uuid(request.args.get(name), name)
    return None


def _kept() -> dict[str, Any]:
    return {name: request.args[name] for name in FILTERS if request.args.get(name)}


def _back() -> ResponseReturnValue:
    return redirect(url_for("tasks.index", **_kept()), 303)


def _task(db: Session, entry: Entry | None, said: str = "", refused: bool = False) -> dict[str, Any]:
    """The context of _task.html."""
    own = person().workspace_id
    left = tasking.count(db, own, _wanted(), now())
    last = tasking.last_settled(db, own, person().email, now())
    return {
        "task": _shown(entry) if entry else None,
        "seat": _seat(db, entry.sender) if entry else None,
        "left": left,
        "whys": _whys(db) if not left else [],
        "said": said,
        "refused": refused,
        "undoable": last and {"number": last[0].id, "words": f"{overseeing.who(last[1])}: {KEPT[last[0].cause]}"},
        "undo_url": url_for("tasks.undo", **_kept()),
        "kept": _kept(),
    }


def _shown(entry: Entry) -> dict[str, Any]:
    prospect, is_invitation = entry.prospect, entry.task.step == CONNECTION_REQUEST
    text = entry.message.body
    bare = "Send an invitation without a note" if is_invitation else "Send this message"
    return {
        "id": entry.message.id,
        "who": overseeing.who(prospect),
        "prospect_id": prospect.id,
        "campaign": entry.campaign,
        "about": [value for value in (prospect.position, prospect.company) if value],
        "headline": prospect.headline,
        "profile": profile_link(prospect.identity),
        "sender": entry.sender.display_name,
        "what": "Send an invitation with this note" if is_invitation and text else bare,
        "text": text,
        "is_invitation": is_invitation,
        "due_at": entry.task.due_at,
    }


def _seat(db: Session, sender: Sender) -> dict[str, Any]:
    """The context of _allowances.html."""
    return {
        "id": sender.id,
        "label": sender.display_name,
        "allowances": allowances(db, [sender], now())[sender.id],
        "limited": sender.limited_steps(now()),
    }


def _whys(db: Session) -> list[dict[str, Any]]:
    """Why nothing of these campaigns is to be done, and until when."""
    campaigns = [one for one in marking.running(db, person().workspace_id) if _id("campaign") in (None, one.id)]
    told = zip(campaigns, outlooks(db, campaigns[:MOST_WHYS], now()), strict=False)
    return [{"campaign": one, "words": words, "at": at} for one, (words, at) in told]


def _choices(db: Session) -> dict[str, Any]:
    """What else the filters of a whole page offer."""
    own = person().workspace_id
    seats = [one for one in overseeing.senders_for(db, own, "linkedin") if one.assisted]
    return {
        "account_choices": [(one.id, one.display_name) for one in seats],
        "campaign_choices": [(one.id, one.name) for one in marking.running(db, own)],
    }


def _waiting(db: Session) -> dict[str, Any]:
    """The context of _task_waiting.html."""
    what = request.args.get("what", ACCEPTED)
    what, words, page = what if what in WAITS_FOR else ACCEPTED, request.args.get("q", "").strip()[:200], page_number()
    wanted = marking.Filter(what, _id("account"), _id("campaign"), words)
    found, total = marking.waiting(db, person().workspace_id, wanted, page=page, limit=PAGE)
    return {
        "waits_for": WAITS_FOR,
        "what": what,
        "q": words,
        "entries": [_entry(prospect, campaign) for prospect, campaign in found],
        "page": page,
        "limit": PAGE,
        "total": total,
    }


def _entry(prospect: Prospect, campaign: Campaign) -> dict[str, Any]:
    return {
        "id": prospect.id,
        "who": overseeing.who(prospect),
        "company": prospect.company,
        "campaign": campaign,
        "profile": profile_link(prospect.identity),
        "until": prospect.due_at,
        "marks": marking.possible(prospect),
    }


def _pasting() -> dict[str, Any]:
    """What _task_paste.html needs, whatever was pasted."""
    return {"most": MOST_NAMED, "kept": _kept()}


@blueprint.post("/<uuid:message_id>")
def settle(message_id: UUID) -> ResponseReturnValue:
    """What came of a task; htmx gets the next one."""
    who, outcome, reason = person(), request.form.get("outcome", ""), request.form.get("reason", "").strip()
    try:
        with house().sessions.begin() as db:
            message = tasking.settle(db, who.workspace_id, message_id, outcome, reason=reason, now=now(), by=who.email)
            name = overseeing.who(db.get_one(Prospect, message.prospect_id))
    except (Invalid, WrongState) as refusal:
        return _next(refusal.message, refused=True)
    return _next(f"{SAID[outcome]}: {name}.")


@blueprint.post("/undo")
def undo() -> ResponseReturnValue:
    """Take back what the same person said last."""
    who, number = person(), request.form.get("number", type=UUID)
    try:
        with house().sessions.begin() as db:
            if number is None:
                raise Stale("There is nothing to undo any more.")
            prospect = tasking.undo(db, who.workspace_id, number, now=now(), by=who.email)
            waits = tasking.task_of(db, prospect.id) is None
    except Stale as refusal:
        return _next(refusal.message, refused=True)
    place = "They wait in the line again." if waits else "They are before you again."
    return _next(f"Undone: {overseeing.who(prospect)}. {place}")


def _next(said: str, *, refused: bool = False) -> ResponseReturnValue:
    if not is_fragment():
        (tell_error if refused else tell_success)(said)
        return _back()
    entry = _take()
    with house().reading() as db:
        return render_template("_task.html", **_task(db, entry, said, refused))


@blueprint.get("/waiting")
def waiting() -> ResponseReturnValue:
    """Those who are waited for, as somebody types their name; on the page of tasks without a script."""
    if not is_fragment():
        return _back()
    with house().reading() as db:
        return render_template("_task_waiting.html", **_waiting(db), kept=_kept(), said="")


@blueprint.post("/people/<uuid:campaign_id>/<uuid:prospect_id>")
def mark(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """One person accepted, or answered."""
    who, what = person(), request.form.get("what", "")
    try:
        with house().sessions.begin() as db:
            new = marking.mark(db, who.workspace_id, campaign_id, prospect_id, what, now=now(), by=who.email)
            name = overseeing.who(db.get_one(Prospect, prospect_id))
    except (Invalid, WrongState) as refusal:
        said, new = refusal.message, False
    else:
        said = f"{name} is marked as {what}{'' if new else ' already'}."
    if is_fragment():
        with house().reading() as db:
            return render_template("_task_waiting.html", **_waiting(db), kept=_kept(), said=said)
    (tell_success if new else tell_warning)(said)
    if "from_person" in request.form:
        return redirect(url_for("people.index", campaign_id=campaign_id, prospect_id=prospect_id), 303)
    return _back()


@blueprint.post("/marks")
def mark_pasted() -> ResponseReturnValue:
    """Everybody whose profile link stands in a pasted text; what is wrong comes back to be mended."""
    who, text, what = person(), request.form.get("text", ""), request.form.get("mark", "")
    links = links_in(text)
    if not links:
        return _pasted(text, what, errors=["There is no link in this text."]), 422
    try:
        with house().sessions.begin() as db:
            marked = marking.mark_links(db, who.workspace_id, what, links, now=now(), by=who.email)
    except Invalid as refusal:
        return _pasted(text, what, errors=[sentence(f"{one.field} {one.message}") for one in refusal.problems]), 422
    return _pasted("", what, marked=marked)


def _pasted(text: str, what: str, *, marked: Marked | None = None, errors: Sequence[str] = ()) -> str:
    paste = {"text": text, "mark": what, "marked": marked, "errors": errors}
    return render_template("_task_paste.html", **paste, **_pasting()) if is_fragment() else _whole(_take(), **paste)
