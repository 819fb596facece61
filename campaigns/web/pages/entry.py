"""Coming in and going out: the first visit, signing in, signing out."""

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from campaigns import admitting
from campaigns.rules.refusals import Refused
from campaigns.web.guard import admit
from campaigns.web.house import house, now

blueprint = Blueprint("entry", __name__)


@blueprint.route("/welcome", methods=["GET", "POST"])
def welcome() -> ResponseReturnValue:
    """The first visit makes the first login and its workspace."""
    with house().reading() as db:
        if not admitting.is_empty(db):
            return redirect(url_for("entry.signin"), 303)
    if request.method == "GET":
        return render_template("welcome.html", errors={}, form={})
    form = request.form
    try:
        with house().sessions.begin() as db:
            user = admitting.create_user(
                db,
                form.get("email", ""),
                form.get("password", ""),
                form.get("timezone", ""),
                now=now(),
                first=True,
            )
    except Refused as refusal:
        errors = {problem.field: problem.message for problem in refusal.problems}
        return render_template("welcome.html", errors=errors, form=form, message=refusal.message), 422
    admit(user)
    return redirect("/", 303)


@blueprint.route("/signin", methods=["GET", "POST"])
def signin() -> ResponseReturnValue:
    """Address and password, then on to where the person was going."""
    with house().reading() as db:
        if admitting.is_empty(db):
            return redirect(url_for("entry.welcome"), 303)
        if request.method == "POST":
            user = admitting.sign_in(db, request.form.get("email", ""), request.form.get("password", ""))
            if user is not None:
                admit(user)
                return redirect(_destination(request.args.get("next")), 303)
    wrong = request.method == "POST"
    return render_template("signin.html", wrong=wrong, email=request.form.get("email", "")), 422 if wrong else 200


def _destination(place: str | None) -> str:
    """A path of ours; anything that a browser could take for another host leads home."""
    if place and place.startswith("/") and not place.startswith(("//", "/\\")):
        return place
    return "/"


@blueprint.post("/signout")
def signout() -> ResponseReturnValue:
    """The cookie is worth nothing from now on."""
    session.clear()
    return redirect(url_for("entry.signin"), 303)
