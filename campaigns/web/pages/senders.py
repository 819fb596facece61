"""Sender accounts: list, add, edit, try out, put back to work, remove."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import connecting, overseeing, trying
from campaigns.channels.outgoing import Doubtful, Unsent
from campaigns.models.finding import find_sender
from campaigns.models.sender import Sender
from campaigns.rules.lifecycle import LINKEDIN
from campaigns.rules.refusals import Conflict, Invalid
from campaigns.web.forms import SeatForm, SenderForm
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import is_fragment, page_number, show_account, tell_error, tell_success
from campaigns.web.posting import post

blueprint = Blueprint("senders", __name__, url_prefix="/senders")

PAGE = 30
SERVER = ("host", "port", "security", "username")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """One page of the accounts, each with its limit and what it sent today."""
    page = page_number()
    with house().reading() as db:
        accounts = overseeing.accounts(db, person().workspace_id, now())
    shown = [_shown(account) for account in accounts[(page - 1) * PAGE : page * PAGE]]
    return render_template("senders.html", senders=shown, page=page, limit=PAGE, total=len(accounts))


def _shown(account: overseeing.Account) -> dict[str, Any]:
    own = {
        "uses_trap": account.sender.uses_trap,
        "used": account.used,
        "limit": account.limit,
        "campaigns": account.campaigns,
    }
    return show_account(account.sender) | own


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """A mailbox, or the local mail trap where one runs."""
    form, settings = SenderForm(), house().settings
    form.offer_trap(settings.trap)
    if request.method == "GET":
        return _page("sender_form.html", form, None)
    body = {"type": "email", **form.body(exists=False)}
    try:
        with house().sessions.begin() as db:
            sender = connecting.create(
                db, person().workspace_id, body, key=settings.sealing_key, trap=settings.trap, now=now()
            )
    except Invalid as refusal:
        return _page("sender_form.html", form, None, problem=form.tell(refusal)), 422
    tell_success(f"{sender.label} is added. Send yourself a test message to see that it works.")
    return redirect(url_for("senders.index"), 303)


def _page(template: str, form: SenderForm | SeatForm, sender: Sender | None, problem: str | None = None) -> str:
    shown = sender and {"id": sender.id, "label": sender.label, "has_password": sender.smtp_sealed is not None}
    return render_template(template, form=form, sender=shown, problem=problem)


@blueprint.route("/<uuid:sender_id>", methods=["GET", "POST"])
def edit(sender_id: UUID) -> ResponseReturnValue:
    """Change an account; an empty password keeps the stored one."""
    with house().reading() as db:
        sender = find_sender(db, person().workspace_id, sender_id)
    if sender.type == LINKEDIN:
        return _edit_seat(sender)
    form = SenderForm(data=_values(sender))
    form.offer_trap(house().settings.trap or sender.uses_trap)
    if request.method == "GET":
        return _page("sender_form.html", form, sender)
    try:
        _change(sender_id, _changed(form, sender))
    except Invalid as refusal:
        return _page("sender_form.html", form, sender, problem=form.tell(refusal)), 422
    return redirect(url_for("senders.index"), 303)


def _values(sender: Sender) -> dict[str, Any]:
    smtp = sender.smtp or {}
    plain = ("email_address", "display_name", "first_name", "last_name", "daily_limit", "min_gap", "max_gap")
    return {
        **{name: getattr(sender, name) for name in plain},
        "transport": "trap" if sender.uses_trap else "smtp",
        **{f"smtp_{name}": smtp[name] for name in SERVER if name in smtp},
    }


def _changed(form: SenderForm, sender: Sender) -> dict[str, Any]:
    """The body, without a mail server that is as it was: entering one puts an account back to work."""
    body = form.body(exists=True)
    if body.get("smtp") == {name: (sender.smtp or {}).get(name) for name in SERVER}:
        del body["smtp"]
    if body["uses_trap"] != sender.uses_trap:
        body["status"] = "active"
    return body


def _edit_seat(sender: Sender) -> ResponseReturnValue:
    names = ("display_name", "first_name", "last_name", "profile_url", "daily_limit", "min_gap", "max_gap")
    form = SeatForm(data={name: getattr(sender, name) for name in names})
    if request.method == "GET":
        return _page("seat_form.html", form, sender)
    try:
        _change(sender.id, form.body())
    except Invalid as refusal:
        return _page("seat_form.html", form, sender, problem=form.tell(refusal)), 422
    return redirect(url_for("senders.index"), 303)


def _change(sender_id: UUID, body: dict[str, Any]) -> None:
    who, key = person(), house().settings.sealing_key
    with house().sessions.begin() as db:
        sender = connecting.change(db, who.workspace_id, sender_id, body, key=key, now=now(), by=who.email)
    tell_success(f"{sender.label} is saved.")


@blueprint.post("/<uuid:sender_id>/status")
def set_status(sender_id: UUID) -> ResponseReturnValue:
    """Put an account back to work."""
    try:
        _change(sender_id, {"status": request.form.get("status", "active")})
    except Invalid as refusal:
        tell_error(refusal.message)
    return redirect(url_for("stuck.index" if request.form.get("from") == "stuck" else "senders.index"), 303)


@blueprint.post("/<uuid:sender_id>/test")
def test(sender_id: UUID) -> ResponseReturnValue:
    """One message to the person who asks. No transaction is open while the mail server is spoken to."""
    with house().reading() as db:
        sender = find_sender(db, person().workspace_id, sender_id)
    result = _try(sender)
    if is_fragment():
        return render_template("_sender_test.html", sender=sender, result=result)
    (tell_success if result["ok"] else tell_error)(f"{sender.label}: {result['message']}")
    return redirect(url_for("senders.index"), 303)


def _try(sender: Sender) -> dict[str, Any]:
    to = person().email
    try:
        place = post(sender, trying.compose_test(sender, to, now()))
    except (Unsent, Doubtful) as failed:
        return {"ok": False, "message": failed.reason}
    return {"ok": True, "message": f"To {to}. {place}"}


@blueprint.post("/<uuid:sender_id>/delete")
def delete(sender_id: UUID) -> ResponseReturnValue:
    """Unless a launched campaign sends from it."""
    try:
        with house().sessions.begin() as db:
            connecting.remove(db, person().workspace_id, sender_id)
    except Conflict as refusal:
        tell_error(refusal.message)
        return redirect(url_for("senders.edit", sender_id=sender_id), 303)
    tell_success("The account is removed.")
    return redirect(url_for("senders.index"), 303)
