"""Coming in and going out: the first visit, signing in, signing out."""

from datetime import timedelta
from math import ceil

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from campaigns import admitting
from campaigns.models.workspace import User
from campaigns.rules.refusals import Refused
from campaigns.web.brake import Brake, Guesser
from campaigns.web.forms import SignInForm, WelcomeForm
from campaigns.web.guard import admit
from campaigns.web.house import house, now
from campaigns.web.pages.frame import tell_error

blueprint = Blueprint("accounts", __name__)


@blueprint.record_once
def fit_brake(state: BlueprintSetupState) -> None:
    """One brake for each app."""
    state.app.extensions["cadenza_brake"] = Brake()


@blueprint.route("/welcome", methods=["GET", "POST"])
def welcome() -> ResponseReturnValue:
    """The first visit makes the first login and its workspace."""
    with house().reading() as db:
        if not admitting.is_empty(db):
            return redirect(url_for("accounts.sign_in"), 303)
    form = WelcomeForm()
    if request.method == "GET":
        return render_template("welcome.html", form=form)
    try:
        user = _create_first(form)
    except Refused as refusal:
        if message := form.tell(refusal):
            tell_error(message)
        return render_template("welcome.html", form=form), 422
    admit(user)
    return redirect(url_for("campaigns.index"), 303)


def _create_first(form: WelcomeForm) -> User:
    texts = (form.email.data or "", form.password.data or "", (form.timezone.data or "").strip())
    with house().sessions.begin() as db:
        return admitting.create_user(db, *texts, now=now(), first=True)


@blueprint.route("/signin", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Address and password, then on to where the person was going."""
    with house().reading() as db:
        if admitting.is_empty(db):
            return redirect(url_for("accounts.welcome"), 303)
    form = SignInForm()
    if request.method == "GET":
        return render_template("signin.html", form=form, next_url=request.args.get("next", ""))
    guesser: Guesser = ((form.email.data or "").strip().lower(), request.remote_addr or "")
    brake: Brake = current_app.extensions["cadenza_brake"]
    if pause := brake.pause(guesser, now()):
        return _wait(form, pause)
    with house().reading() as db:
        user = admitting.sign_in(db, guesser[0], form.password.data or "")
    if user is None:
        brake.failed(guesser, now())
        return _refuse(form, "This address and password do not belong together."), 422
    brake.succeeded(guesser)
    admit(user)
    return redirect(_destination(request.form.get("next")), 303)


def _refuse(form: SignInForm, message: str) -> str:
    form.password.errors = [message]
    return render_template("signin.html", form=form, next_url=request.form.get("next", ""))


def _wait(form: SignInForm, pause: timedelta) -> ResponseReturnValue:
    seconds = ceil(pause.total_seconds())
    unit = "second" if seconds == 1 else "seconds"
    message = f"Too many wrong passwords for this address: wait {seconds} {unit}, then try again."
    return _refuse(form, message), 429, {"Retry-After": str(seconds)}


def _destination(place: str | None) -> str:
    """A path of ours; anything that a browser could take for another host leads home."""
    plain = place and place.startswith("/") and not place.startswith(("//", "/\\"))
    # Browsers drop tabs and line breaks from addresses, so that "/\t/host" would be "//host".
    return place if place and plain and place.isprintable() else url_for("campaigns.index")


@blueprint.post("/signout")
def sign_out() -> ResponseReturnValue:
    """The cookie is worth nothing from now on."""
    session.clear()
    return redirect(url_for("accounts.sign_in"), 303)
