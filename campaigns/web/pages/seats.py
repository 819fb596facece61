"""LinkedIn seats and their accounts at a provider: choose one, sign in at LinkedIn, see that it works."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import linking
from campaigns.channels.unipile import Account, Fault
from campaigns.hearing import TROUBLES
from campaigns.models.finding import find_sender
from campaigns.models.sender import Sender
from campaigns.rules.provider import RUNNING
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from campaigns.web import errand
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import is_fragment, tell_error, tell_success
from campaigns.web.pages.seat_form import about, add_seat, form_of, seat_page
from campaigns.web.pages.senders import blueprint
from campaigns.web.seats import account_of, accounts_of, api_of, check_seat

# What the token is signed for that comes back with whoever signs in at LinkedIn.
PURPOSE = "link"


@blueprint.route("/new/seat", methods=["GET", "POST"])
def new_seat() -> ResponseReturnValue:
    """A LinkedIn seat."""
    return add_seat()


@blueprint.post("/<uuid:sender_id>/accounts")
def find_accounts(sender_id: UUID) -> ResponseReturnValue:
    """The accounts that the seat's key sees, to choose from."""
    sender = _find(sender_id)
    try:
        return _show(sender, accounts=accounts_of(sender))
    except Fault as fault:
        return _show(sender, fault=fault.reason)


@blueprint.post("/<uuid:sender_id>/check-seat")
def check_account(sender_id: UUID) -> ResponseReturnValue:
    """Go step by step to where the seat sends and hears. Nothing is sent."""
    sender = _find(sender_id)
    return _show(sender, checked=check_seat(sender))


def _show(sender: Sender, **told: Any) -> str:
    if is_fragment():
        return render_template("_seat.html", sender=about(sender), **told)
    return seat_page(form_of(sender), sender, **told)


@blueprint.post("/<uuid:sender_id>/account")
def choose_account(sender_id: UUID) -> ResponseReturnValue:
    """Let the seat's steps leave from one of the accounts that its key sees."""
    return _connect(_find(sender_id), request.form.get("account_id", ""))


@blueprint.get("/<uuid:sender_id>/link")
def link(sender_id: UUID) -> ResponseReturnValue:
    """Off to sign in at LinkedIn, on a page of the provider's: for the first time, or once more."""
    sender = _find(sender_id)
    back = house().settings.public_url + url_for("senders.linked")
    try:
        place = api_of(sender).link(
            back=back,
            state=errand.leave(PURPOSE, sender.id),
            expires_at=now() + errand.AWAY,
            account_id=account_of(sender),
        )
    except Fault as fault:
        tell_error(fault.reason)
        return _back(sender.id)
    return redirect(place, 303)


@blueprint.get("/linked")
def linked() -> ResponseReturnValue:
    """Back from there."""
    sender = _find(errand.come_back(PURPOSE, request.args.get("state", "")))
    if "account_id" not in request.args:
        tell_error(f"Nobody signed in: {request.args.get('error_title', 'no account came back')[:300]}")
        return _back(sender.id)
    return _connect(sender, request.args["account_id"])


def _connect(sender: Sender, account_id: str) -> ResponseReturnValue:
    """With an account that the seat's own key sees, whatever came with the request."""
    try:
        account = api_of(sender).account(account_id)
        _keep(sender, account)
    except Fault as fault:
        tell_error(fault.reason)
    except (Invalid, WrongState) as refusal:
        tell_error(refusal.problems[0].message.capitalize() if refusal.problems else refusal.message)
    return _back(sender.id)


def _keep(sender: Sender, account: Account) -> None:
    who = person()
    with house().sessions.begin() as db:
        linking.connect(db, who.workspace_id, sender.id, account.id, account.name, now=now(), by=who.email)
    if account.status == RUNNING:
        tell_success(f"{sender.display_name} is connected with {account.name}.")
    else:
        tell_error(TROUBLES[account.status])


def _find(sender_id: UUID) -> Sender:
    """A seat through a provider. Raises NotFound."""
    with house().reading() as db:
        sender = find_sender(db, person().workspace_id, sender_id)
    if sender.seat is None:
        raise NotFound("seat through Unipile: say first that its steps leave so")
    return sender


def _back(sender_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("senders.edit", sender_id=sender_id, _anchor="seat"), 303)
