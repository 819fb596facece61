"""Who may pass: a session cookie for pages, a bearer key for the API. Everything not listed as public is guarded."""

from uuid import UUID

from flask import Flask, abort, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest, Unauthorized

from campaigns import admitting
from campaigns.models.trouble import trouble_of
from campaigns.models.workspace import User
from campaigns.web import rates
from campaigns.web.house import Person, house, now

# What the way in needs too, and tells nothing of anybody.
ASSETS = ("assets.favicon", "assets.timezones")
# What messages link to.
OUTSIDE = ("outside.ask", "outside.unsubscribe", "outside.picture")
# What providers of LinkedIn seats tell.
HOOKS = ("hooks.unipile",)
# Endpoints that need nobody to be signed in.
PUBLIC = frozenset(
    {
        "static",
        "health.healthz",
        "health.metrics",
        "accounts.welcome",
        "accounts.sign_in",
        "api.openapi",
        *ASSETS,
        *OUTSIDE,
        *HOOKS,
    }
)
# Where a signed-in person of a workspace is not enough: the owner's.
OWNERS_ONLY = ("rq_dashboard.",)


def register(app: Flask) -> None:
    """Check every request before its view runs."""
    app.before_request(check)


def is_api() -> bool:
    """Whether this request is for the API, so that it is answered in JSON."""
    return request.path == "/api" or request.path.startswith("/api/")


def check() -> ResponseReturnValue | None:
    """Let the request pass, send the person to sign in, or refuse."""
    if any("\x00" in value for values in request.args.lists() for value in values[1]):
        raise BadRequest("The address holds a NUL character.")
    if request.endpoint in PUBLIC:
        return None
    if is_api():
        check_key()
        return None
    if request.endpoint is None:
        return None  # the error handler answers with 404 or 405
    return check_session()


def check_key() -> None:
    """Who holds the key of this request. Raises Unauthorized for a missing, wrong or revoked one, TooManyRequests."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthorized("Send an API key: Authorization: Bearer cdz_…")
    with house().reading() as db:
        found = admitting.user_of_key(db, text.strip())
        if found is None:
            raise Unauthorized("This API key is not known, or was revoked.")
        user, key = found
        g.person = as_person(user)
        stale = key.last_used_at is None or key.last_used_at < now() - admitting.USE_NOTED_EVERY
    rates.count(key.id)
    if stale:
        _note_use(key.id)


def _note_use(key_id: UUID) -> None:
    """A nicety: whoever reads is not refused because nothing can be written."""
    try:
        with house().sessions.begin() as db:
            admitting.note_use(db, key_id, now())
    except SQLAlchemyError as error:
        if trouble_of(error) is None:
            raise


def check_session() -> ResponseReturnValue | None:
    """Who the cookie says is asking; else off to sign in, or to the first visit's page."""
    with house().reading() as db:
        user = db.get(User, UUID(session["user_id"])) if "user_id" in session else None
        if user is not None:
            g.person = as_person(user)
            if request.endpoint and request.endpoint.startswith(OWNERS_ONLY) and not user.is_owner:
                abort(403)
            return None
        first_visit = admitting.is_empty(db)
    session.clear()
    place = url_for("accounts.welcome") if first_visit else url_for("accounts.sign_in", next=_next())
    if request.headers.get("HX-Request"):
        return "", 204, {"HX-Redirect": place}
    return redirect(place, 303)


def _next() -> str | None:
    return request.full_path.rstrip("?") if request.method == "GET" and request.path != "/" else None


def as_person(user: User) -> Person:
    """The person behind a login."""
    return Person(user.id, user.workspace_id, user.email, user.workspace.timezone, user.is_owner)


def admit(user: User) -> None:
    """Start a session for this person; whatever the old cookie held is gone."""
    session.clear()
    session.permanent = True
    session["user_id"] = str(user.id)
