"""The inbox: what people answered, and answering them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaigns import answering, corresponding, overseeing
from campaigns.channels import reading
from campaigns.corresponding import ANSWER, LETTER, Entry, Filter, Hearing, Mail
from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign
from campaigns.models.conversation import LABELS, Conversation
from campaigns.models.finding import find_conversation
from campaigns.models.message import BOUNCED, FAILED, SENDING, UNKNOWN, WAITING
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.trouble import trouble_of
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.lifecycle import LINKEDIN
from campaigns.rules.people import profile_link
from campaigns.rules.problems import Problems
from campaigns.rules.refusals import Invalid, Refused, WrongState
from campaigns.web.forms import sentence
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import MOST_PAGE, is_fragment, page_number, tell_error, tell_success

blueprint = Blueprint("inbox", __name__, url_prefix="/inbox")

# Conversations on a page, mails of a thread on a page.
PAGE, MAILS = 25, 20
# Most bytes of one text that a thread shows, and of all of them together; the rest is on a page of its own.
MOST_OF_ONE, MOST_OF_ALL = 5_000, 14_000
FILTERS = ("show", "label", "account", "campaign", "q", "page")
SHOWN = {"": "All", "unread": "Unread", "owes": "To answer"}
# What a letter was taken for -> how it is marked; one that a person wrote is not.
MARKS = {
    reading.AUTO_REPLY: "Automatic reply",
    reading.OUT_OF_OFFICE: "Out of office",
    reading.HARD_BOUNCE: "Came back",
    reading.SOFT_BOUNCE: "Not delivered yet",
    reading.COMPLAINT: "Reported as spam",
}
# How an answer, or a message, is getting on, where it has not simply been sent.
STANDS = {
    WAITING: "Waits to be sent",
    SENDING: "Is being handed over",
    FAILED: "Was not sent",
    BOUNCED: "Refused by the address",
    UNKNOWN: "Nobody knows whether it arrived",
}
NO_SUBJECT = "(no subject)"
SETTLE = {"sent": "It arrived: mark as sent", "again": "Send it again", "skip": "Take it back"}
SETTLED = {"sent": "Marked as sent.", "again": "It is sent again.", "skip": "Taken back: it is not sent."}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The conversations; the list alone where it refreshes itself, beside an `open` one perhaps."""
    with house().reading() as db:
        if is_fragment():
            return render_template("_conversations.html", **_list(db, _id("open")))
        return render_template("inbox.html", **_list(db, None), **_choices(db), talk=None)


@blueprint.get("/<uuid:prospect_id>")
def show(prospect_id: UUID) -> ResponseReturnValue:
    """One conversation beside the list. Whoever opens it has read it; the part that refreshes itself has not."""
    if is_fragment():
        with house().reading() as db:
            return render_template("_mails.html", **_thread(db, prospect_id))
    _mark_read(prospect_id)
    return _page(prospect_id)


def _page(prospect_id: UUID, body: str = "", errors: Sequence[str] = ()) -> str:
    with house().reading() as db:
        context = {**_list(db, prospect_id), **_choices(db), **_thread(db, prospect_id), **_form(db, prospect_id)}
        return render_template("inbox.html", **context, body=body, errors=errors)


def _mark_read(prospect_id: UUID) -> None:
    """A nicety: whoever reads is not refused because nothing can be written."""
    own = person().workspace_id
    with house().reading() as db:
        if not find_conversation(db, own, prospect_id).unread:
            return
    try:
        with house().sessions.begin() as db:
            corresponding.change(db, own, prospect_id, {"unread": False})
    except SQLAlchemyError as error:
        if trouble_of(error) is None:
            raise


def _id(name: str) -> UUID | None:
    """An id of the address; None for anything that is none."""
    with suppress(Problems):
        return parse_uuid(request.args.get(name), name)
    return None


def _wanted() -> Filter:
    args = request.args
    return Filter(
        unread=args.get("show") == "unread",
        owes=args.get("show") == "owes",
        label=args.get("label") if args.get("label") in LABELS else None,
        account_id=_id("account"),
        campaign_id=_id("campaign"),
        words=args.get("q", "").strip()[:200],
    )


def _list(db: Session, current: UUID | None) -> dict[str, Any]:
    """The context of _conversations.html."""
    own, page = person().workspace_id, page_number()
    found, total = corresponding.listed(db, own, _wanted(), page=page, limit=PAGE)
    kept = _kept()
    return {
        "entries": [_entry(one) for one in found],
        "current": current,
        "kept": kept,
        "others": {name: value for name, value in kept.items() if name not in ("show", "page")},
        "unread": corresponding.unread_count(db, own),
        "shown": SHOWN,
        "page": page,
        "limit": PAGE,
        "total": total,
        "accounts": [_hearing(one) for one in corresponding.hearing(db, own)],
    }


def _entry(one: Entry) -> dict[str, Any]:
    conversation = one.conversation
    return {
        "id": one.prospect.id,
        "who": overseeing.who(one.prospect),
        "company": one.prospect.company,
        "campaign": one.campaign.name,
        "subject": one.subject or ("" if one.campaign.type == LINKEDIN else NO_SUBJECT),
        "beginning": one.beginning,
        "at": conversation.last_at,
        "unread": conversation.unread,
        "owes": conversation.owes,
        "label": LABELS.get(conversation.label or ""),
    }


def _hearing(one: Hearing) -> dict[str, Any]:
    return {"id": one.sender.id, "label": one.sender.label, "has_mailbox": one.has_mailbox, "error": one.error}


def _choices(db: Session) -> dict[str, Any]:
    """What else the filters of a whole page offer."""
    own = person().workspace_id
    return {
        "account_choices": [(one.sender.id, one.sender.label) for one in corresponding.hearing(db, own)],
        "campaign_choices": [(one.id, one.name) for one in corresponding.campaigns_with(db, own)],
        "labels": LABELS,
    }


def _thread(db: Session, prospect_id: UUID) -> dict[str, Any]:
    """The context of _mails.html, too. Raises NotFound."""
    context = _head(db, prospect_id)
    part = min(max(request.args.get("part", 1, int), 1), MOST_PAGE)
    mails, total = corresponding.thread(db, prospect_id, page=part, limit=MAILS)
    return context | {
        "mails": _mails(mails, context["talk"]["sender"]),
        "part": part,
        "mail_limit": MAILS,
        "mail_total": total,
        "settle": SETTLE,
    }


def _head(db: Session, prospect_id: UUID) -> dict[str, Any]:
    """The context of _talk_head.html. Raises NotFound."""
    conversation = find_conversation(db, person().workspace_id, prospect_id)
    prospect, campaign = db.get_one(Prospect, prospect_id), db.get_one(Campaign, conversation.campaign_id)
    sender = db.get(Sender, conversation.sender_account_id) if conversation.sender_account_id else None
    return {"talk": _talk(conversation, prospect, campaign, sender), "labels": LABELS, "kept": _kept()}


def _talk(conversation: Conversation, prospect: Prospect, campaign: Campaign, sender: Sender | None) -> dict[str, Any]:
    return {
        "id": prospect.id,
        "who": overseeing.who(prospect),
        "address": prospect.email,
        "profile": profile_link(prospect.identity) if campaign.type == LINKEDIN else None,
        "company": prospect.company,
        "campaign": campaign,
        "sender": sender.label if sender else "an account that is gone",
        "unread": conversation.unread,
        "owes": conversation.owes,
        "label": conversation.label,
    }


def _mails(mails: Sequence[Mail], sender: str) -> list[dict[str, Any]]:
    """As much of each as there is room for: the latest first. Open are the last letter that a person wrote and what we
    said after it."""
    left, shown = MOST_OF_ALL, []
    is_open = True
    for mail in reversed(mails):
        one = _mail(mail, sender, min(left, MOST_OF_ONE))
        left -= len(f"{one['text']}{one['quoted']}".encode())
        shown.append(one | {"open": is_open and one["mark"] is None})
        is_open = is_open and one["by_hand"] is False
    return shown[::-1]


def _cut(text: str, most: int | None) -> str:
    return text if most is None else text.encode()[:most].decode(errors="ignore")


def _mail(mail: Mail, sender: str, most: int | None = None) -> dict[str, Any]:
    """What is shown of a mail: at most so many bytes of its text and what it quotes."""
    one, theirs = mail.mail, mail.kind == LETTER
    text, quoted = (one.fresh, one.quoted) if theirs else (one.body or "", "")
    text_shown = _cut(text, most)
    quoted_shown = _cut(quoted, most and most - len(text_shown.encode()))
    status = None if theirs else one.status
    return {
        "id": one.id,
        "kind": mail.kind,
        "at": mail.at,
        "by": one.from_name or one.from_address or "Somebody" if theirs else sender,
        "address": one.from_address if theirs else None,
        "person": one.created_by if mail.kind == ANSWER else None,
        "subject": one.subject,
        "text": text_shown,
        "quoted": quoted_shown,
        "cut": len(text) + len(quoted) > len(text_shown) + len(quoted_shown),
        "mark": MARKS.get(one.kind) if theirs else None,
        "by_hand": theirs and one.kind == reading.REPLY,
        "status": status,
        "stands": STANDS.get(status or ""),
        "error": one.diagnostic if theirs else one.error,
        "link": one.link if theirs else None,
        "ways": [how for how, states in answering.SETTLEMENTS.items() if mail.kind == ANSWER and status in states],
    }


def _form(db: Session, prospect_id: UUID) -> dict[str, Any]:
    """Whom an answer goes to and from where; or why none can be sent."""
    conversation, prospect = db.get_one(Conversation, prospect_id), db.get_one(Prospect, prospect_id)
    _name, address = answering.recipient(prospect, answering.latest_letter(db, prospect_id))
    try:
        answering.writer(db, conversation)
        refusal = answering.SUPPRESSED if answering.is_suppressed(db, prospect) else None
    except WrongState as refused:
        refusal = refused.message
    stranger = address.lower() != (prospect.email or "").lower()
    return {"to": address or overseeing.who(prospect), "stranger": stranger, "refusal": refusal, "number": new_id()}


@blueprint.get("/<uuid:prospect_id>/mails/<uuid:mail_id>")
def mail(prospect_id: UUID, mail_id: UUID) -> ResponseReturnValue:
    """One mail, all of it."""
    with house().reading() as db:
        context = _head(db, prospect_id)
        found = corresponding.find_mail(db, prospect_id, mail_id)
        return render_template("mail.html", **context, mail=_mail(found, context["talk"]["sender"]))


@blueprint.post("/<uuid:prospect_id>/mark")
def mark(prospect_id: UUID) -> ResponseReturnValue:
    """Unread or read, owing an answer or not, and the label: the head of the conversation for htmx, so that an answer
    that is being written stays as it is."""
    form = request.form
    body: dict[str, Any] = {name: form[name] == "true" for name in ("unread", "owes") if name in form}
    if "label" in form:
        body["label"] = form["label"] or None
    try:
        with house().sessions.begin() as db:
            corresponding.change(db, person().workspace_id, prospect_id, body)
    except Invalid as refusal:
        tell_error(refusal.message)
    kept = _kept()
    if body.get("unread"):
        place = url_for("inbox.index", **kept)
        return ("", 204, {"HX-Redirect": place}) if is_fragment() else redirect(place, 303)
    if not is_fragment():
        return redirect(url_for("inbox.show", prospect_id=prospect_id, **kept), 303)
    with house().reading() as db:
        return render_template("_talk_head.html", **_head(db, prospect_id))


def _kept() -> dict[str, Any]:
    return {name: request.args[name] for name in FILTERS if request.args.get(name)}


@blueprint.post("/<uuid:prospect_id>/answers")
def answer(prospect_id: UUID) -> ResponseReturnValue:
    """Write an answer; what cannot be sent comes back as it was typed."""
    who, body = person(), request.form.get("body", "")
    number = request.form.get("number", type=UUID)
    try:
        with house().sessions.begin() as db:
            answering.write(db, who.workspace_id, prospect_id, body, now=now(), by=who.email, answer_id=number)
    except (Invalid, WrongState) as refusal:
        return _page(prospect_id, body, _sentences(refusal)), 422
    tell_success("Your answer is on its way.")
    return redirect(url_for("inbox.show", prospect_id=prospect_id, **_kept()), 303)


def _sentences(refusal: Refused) -> list[str]:
    if not refusal.problems:
        return [refusal.message]
    return [sentence(f"the answer {problem.message}") for problem in refusal.problems]


@blueprint.post("/<uuid:prospect_id>/answers/<uuid:answer_id>/settle")
def settle(prospect_id: UUID, answer_id: UUID) -> ResponseReturnValue:
    """What a person says of an answer that did not leave for certain."""
    how = request.form.get("settlement", "")
    try:
        with house().sessions.begin() as db:
            answering.settle(db, person().workspace_id, prospect_id, answer_id, how, now=now())
        tell_success(SETTLED[how])
    except (Invalid, WrongState) as refusal:
        tell_error(refusal.message)
    return redirect(url_for("inbox.show", prospect_id=prospect_id, **_kept()), 303)
