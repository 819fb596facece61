"""Signing an account in at Google or Microsoft: there, and back with leave to use it (RFC 6749 section 4.1)."""

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import connecting
from campaigns.channels.oauth import authorize_url, redeem
from campaigns.models.finding import find_sender
from campaigns.models.grant import client_of, read_grant
from campaigns.models.sealing import Unsealable
from campaigns.models.sender import Sender
from campaigns.rules.oauth import PASSWORD, Client, Denied
from campaigns.rules.refusals import Invalid, NotFound
from campaigns.web import errand
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import tell_error, tell_success
from campaigns.web.pages.senders import authorized_url, blueprint

# What the token is signed for.
PURPOSE = "sign in"


@blueprint.get("/<uuid:sender_id>/authorize")
def authorize(sender_id: UUID) -> ResponseReturnValue:
    """Off to Google or Microsoft, to give leave."""
    sender = _find(sender_id)
    if sender.auth == PASSWORD:
        raise NotFound("sign-in: the account has a password")
    try:
        client = _client(sender)
    except Unsealable as lost:
        tell_error(str(lost))
        return _back(sender_id)
    return redirect(
        authorize_url(client, authorized_url(), errand.leave(PURPOSE, sender_id), sender.email_address), 303
    )


@blueprint.get("/authorized")
def authorized() -> ResponseReturnValue:
    """Back from there. No transaction is open while the code is turned into tokens."""
    sender = _find(errand.come_back(PURPOSE, request.args.get("state", "")))
    if "code" not in request.args:
        why = request.args.get("error_description") or request.args.get("error") or "no code came back"
        tell_error(f"Nobody signed in: {why[:300]}")
        return _back(sender.id)
    try:
        _redeem(sender, request.args["code"])
    except (Denied, Invalid, Unsealable) as refused:
        tell_error(str(refused))
    else:
        tell_success(f"Signed in: {sender.label} can be used.")
    return _back(sender.id)


def _find(sender_id: UUID) -> Sender:
    with house().reading() as db:
        return find_sender(db, person().workspace_id, sender_id)


def _back(sender_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("senders.edit", sender_id=sender_id), 303)


def _client(sender: Sender) -> Client:
    return client_of(sender, read_grant(sender, house().settings.sealing_key))


def _redeem(sender: Sender, code: str) -> None:
    who, key = person(), house().settings.sealing_key
    tokens = redeem(_client(sender), code, authorized_url())
    with house().sessions.begin() as db:
        connecting.authorize(db, who.workspace_id, sender.id, tokens, key=key, now=now(), by=who.email)
