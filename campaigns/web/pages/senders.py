"""Sender accounts: list, add, edit, try out, put back to work, remove."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import connecting, locating, overseeing, trying
from campaigns.channels.oauth import PROVIDERS
from campaigns.channels.outgoing import Doubtful, Unsent
from campaigns.models.allowance import allowances
from campaigns.models.finding import find_sender
from campaigns.models.sender import Sender
from campaigns.rules.lifecycle import LINKEDIN
from campaigns.rules.oauth import PASSWORD
from campaigns.rules.refusals import Conflict, Invalid, NotFound
from campaigns.web.checking import check_connection
from campaigns.web.forms import SenderForm
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import is_fragment, page_number, show_account, tell_error, tell_success
from campaigns.web.pages.seat_form import edit_seat, week
from campaigns.web.posting import post
from campaigns.web.seats import unhook

blueprint = Blueprint("senders", __name__, url_prefix="/senders")

PAGE = 30
SERVER, CLIENT = ("host", "port", "security", "username"), ("client_id", "tenant")
PLAIN = (
    *("email_address", "display_name", "first_name", "last_name", "reply_to", "signature", "auth"),
    *("daily_limit", "ramp_start", "ramp_step", "ramp_ceiling", "min_gap", "max_gap"),
)
SIGN_IN_AT = {key: provider.name for key, provider in PROVIDERS.items()}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """One page of the accounts, each with its limit and what it sent today."""
    page = page_number()
    with house().reading() as db:
        accounts = overseeing.accounts(db, person().workspace_id, now())
        listed = accounts[(page - 1) * PAGE : page * PAGE]
        weeks = allowances(db, [account.sender for account in listed], now())
    shown = [_shown(account) | week(account.sender, weeks) for account in listed]
    return render_template("senders.html", senders=shown, page=page, limit=PAGE, total=len(accounts))


def _shown(account: overseeing.Account) -> dict[str, Any]:
    own = {
        "uses_trap": account.sender.uses_trap,
        "used": account.used,
        "limit": account.limit,
        "campaigns": account.campaigns,
        "has_imap": account.sender.imap is not None,
        "mailbox": account.mailbox,
    }
    return show_account(account.sender) | own


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """A mailbox, or the local mail trap where one runs."""
    form, settings = SenderForm(), house().settings
    form.offer_trap(settings.trap)
    if request.method == "GET":
        return _page(form, None)
    body = {"type": "email", **form.body(exists=False)}
    try:
        with house().sessions.begin() as db:
            sender = connecting.create(
                db, person().workspace_id, body, key=settings.sealing_key, trap=settings.trap, now=now()
            )
    except Invalid as refusal:
        return _page(form, None, problem=form.tell(refusal)), 422
    if sender.auth != PASSWORD and not sender.uses_trap:
        tell_success(f"{sender.label} is added. Now sign in at {SIGN_IN_AT[sender.auth]}.")
        return redirect(url_for("senders.edit", sender_id=sender.id), 303)
    tell_success(f"{sender.label} is added. Send yourself a test message to see that it works.")
    return redirect(url_for("senders.index"), 303)


@blueprint.post("/servers")
def find_servers() -> ResponseReturnValue:
    """Fill in the servers of the address that was typed, or of the mail host that was chosen. Nothing is saved."""
    form = SenderForm()
    sender = _existing(request.form.get("sender", type=UUID))
    form.offer_trap(house().settings.trap or (sender is not None and sender.uses_trap))
    found = locating.locate(form.email_address.data or "", house().lookup, form.preset.data)
    form.enter(found.smtp, found.imap)
    if is_fragment():
        return render_template("_servers.html", form=form, sender=_about(sender), found=found)
    return _page(form, sender, found=found)


def _existing(sender_id: UUID | None) -> Sender | None:
    if sender_id is None:
        return None
    with house().reading() as db:
        return find_sender(db, person().workspace_id, sender_id)


def authorized_url() -> str:
    """Where Google and Microsoft send people back to (pages.sign_ins): it has to be registered there."""
    return house().settings.public_url + url_for("senders.authorized")


def _page(form: SenderForm, sender: Sender | None, **told: Any) -> str:
    context = {"form": form, "sender": _about(sender), "redirect_uri": authorized_url()}
    return render_template("sender_form.html", **context, **told)


def _about(sender: Sender | None) -> dict[str, Any] | None:
    """What the form tells of the account that it changes."""
    if sender is None:
        return None
    return {
        "id": sender.id,
        "label": sender.label,
        "has_password": sender.smtp_sealed is not None,
        "has_imap_password": sender.imap_sealed is not None,
        "has_client": sender.oauth_sealed is not None,
        "ramp_from": sender.ramp_from,
        "sign_in_at": None if sender.auth == PASSWORD or sender.uses_trap else SIGN_IN_AT[sender.auth],
        "signed_in": bool((sender.oauth or {}).get("signed_in")),
    }


@blueprint.route("/<uuid:sender_id>", methods=["GET", "POST"])
def edit(sender_id: UUID) -> ResponseReturnValue:
    """Change an account; an empty password keeps the stored one."""
    with house().reading() as db:
        sender = find_sender(db, person().workspace_id, sender_id)
    if sender.type == LINKEDIN:
        return edit_seat(sender)
    form = SenderForm(data=_values(sender))
    form.offer_trap(house().settings.trap or sender.uses_trap)
    if request.method == "GET":
        return _page(form, sender)
    try:
        _change(sender_id, _changed(form, sender))
    except Invalid as refusal:
        return _page(form, sender, problem=form.tell(refusal)), 422
    return redirect(url_for("senders.index"), 303)


def _values(sender: Sender) -> dict[str, Any]:
    smtp, imap, oauth = sender.smtp or {}, sender.imap or {}, sender.oauth or {}
    if imap.get("username") == smtp.get("username"):
        imap = {name: value for name, value in imap.items() if name != "username"}
    return {
        **{name: getattr(sender, name) for name in PLAIN},
        "transport": "trap" if sender.uses_trap else "smtp",
        **{f"smtp_{name}": smtp[name] for name in SERVER if name in smtp},
        **{f"imap_{name}": imap[name] for name in SERVER if name in imap},
        **{f"oauth_{name}": oauth[name] for name in CLIENT if name in oauth},
    }


def _changed(form: SenderForm, sender: Sender) -> dict[str, Any]:
    """The body, without what is as it was: entering a server or a client puts an account back to work."""
    body = form.body(exists=True)
    for name, parts in (("smtp", SERVER), ("imap", SERVER), ("oauth", CLIENT)):
        stored = getattr(sender, name)
        if name in body and body[name] == (stored and {part: stored.get(part) for part in parts}):
            del body[name]
    if body.get("auth") == sender.auth:
        del body["auth"]
    if body["uses_trap"] != sender.uses_trap:
        body["status"] = "active"
    return body


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


@blueprint.post("/<uuid:sender_id>/try-again")
def try_again(sender_id: UUID) -> ResponseReturnValue:
    """Ask a provider at once that said it takes no more."""
    who, step = person(), request.form.get("step", "")
    with house().sessions.begin() as db:
        sender = connecting.try_again(db, who.workspace_id, sender_id, step, now=now(), by=who.email)
    tell_success(f"{sender.label} tries again now. If its provider still says no, that is shown here again.")
    return redirect(url_for("senders.index"), 303)


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


@blueprint.post("/<uuid:sender_id>/check")
def check(sender_id: UUID) -> ResponseReturnValue:
    """Try the way into the account's servers step by step, as they are saved. Nothing is sent."""
    with house().reading() as db:
        sender = find_sender(db, person().workspace_id, sender_id)
    if sender.type == LINKEDIN:
        raise NotFound("mailbox")
    checked = check_connection(sender)
    if is_fragment():
        return render_template("_connection.html", sender=_about(sender), checked=checked)
    form = SenderForm(formdata=None, data=_values(sender))
    form.offer_trap(house().settings.trap or sender.uses_trap)
    return _page(form, sender, checked=checked)


@blueprint.post("/<uuid:sender_id>/delete")
def delete(sender_id: UUID) -> ResponseReturnValue:
    """Unless a launched campaign sends from it."""
    with house().reading() as db:
        sender = find_sender(db, person().workspace_id, sender_id)
    try:
        with house().sessions.begin() as db:
            connecting.remove(db, person().workspace_id, sender_id)
    except Conflict as refusal:
        tell_error(refusal.message)
        return redirect(url_for("senders.edit", sender_id=sender_id), 303)
    unhook(sender)
    tell_success("The account is removed.")
    return redirect(url_for("senders.index"), 303)
