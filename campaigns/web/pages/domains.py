"""The domains that accounts send from, and whether receivers have reason to trust their mail."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from campaigns import inspecting, vouching
from campaigns.channels.lookup import Unanswered
from campaigns.rules.refusals import NotFound
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import is_fragment, tell_error, tell_success

blueprint = Blueprint("domains", __name__, url_prefix="/domains")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """All of them; each is looked at when its card is."""
    return render_template("domains.html", domains=_domains(), checked=None, findings=None)


@blueprint.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    """One of them, looked at now. No transaction is open while the DNS is asked."""
    domain = _find(name)
    findings = [] if domain.provided else inspecting.inspect(domain, house().lookup)
    told = {"findings": findings, "state": inspecting.worst(findings)}
    if is_fragment():
        return render_template("_domain.html", domain=domain, **told)
    return render_template("domains.html", domains=_domains(), checked=name, **told)


@blueprint.post("/<name>/key")
def make_key(name: str) -> ResponseReturnValue:
    """A key to sign the domain's mail with, to be published."""
    with house().sessions.begin() as db:
        vouching.begin(db, person().workspace_id, name, key=house().settings.sealing_key, now=now())
    tell_success("A key is made: publish it as it is shown under DKIM.")
    return _back(name)


@blueprint.post("/<name>/sign")
def sign(name: str) -> ResponseReturnValue:
    """Sign from now on: with a key that receivers find."""
    try:
        published = inspecting.is_published(_find(name), house().lookup)
    except Unanswered as silent:
        tell_error(f"{silent}. Try again later.")
        return _back(name)
    if not published:
        tell_error("The key is not published yet. It can take some hours until what was published is seen.")
        return _back(name)
    with house().sessions.begin() as db:
        vouching.switch_on(db, person().workspace_id, name, now=now())
    tell_success(f"Mail from {name} is signed from now on.")
    return _back(name)


@blueprint.post("/<name>/stop")
def stop(name: str) -> ResponseReturnValue:
    """Sign no more, and forget the key."""
    with house().sessions.begin() as db:
        vouching.end(db, person().workspace_id, name, now=now())
    tell_success(f"Mail from {name} is not signed here any more.")
    return _back(name)


def _back(name: str) -> ResponseReturnValue:
    return redirect(url_for("domains.show", name=name), 303)


def _find(name: str) -> inspecting.Domain:
    for domain in _domains():
        if domain.name == name:
            return domain
    raise NotFound("domain among those of your accounts")


def _domains() -> list[inspecting.Domain]:
    with house().reading() as db:
        return inspecting.domains(db, person().workspace_id)
