"""The RQ dashboard, mounted behind our login for owners: for the depth that the workers page leaves out."""

import rq_dashboard
from flask import Flask, Response, abort, request
from flask_wtf.csrf import generate_csrf
from rq.serializers import JSONSerializer

from campaigns.settings import Settings

PATH = "/ops/rq"
# Its pages have inline scripts and styles. On its own path alone.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def mount(app: Flask, settings: Settings) -> None:
    """Add the dashboard at PATH. Signing in and being an owner is seen to by the app's guard."""
    app.config["RQ_DASHBOARD_REDIS_URL"] = settings.redis_url
    rq_dashboard.web.config.serializer = JSONSerializer
    rq_dashboard.web.setup_rq_connection(app)
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=PATH)
    app.before_request(refuse_acting_links)
    app.after_request(relax)


def _is_ours() -> bool:
    return request.path == PATH or request.path.startswith(f"{PATH}/")


def refuse_acting_links() -> None:
    """The dashboard requeues on GET, which any page on the web could make a browser do."""
    if _is_ours() and request.method == "GET" and request.endpoint == "rq_dashboard.requeue_all":
        abort(405)


def relax(response: Response) -> Response:
    """Its own content policy, and the cookie from which its script takes the CSRF token."""
    if _is_ours():
        response.headers["Content-Security-Policy"] = POLICY
        response.set_cookie("_csrf_token", generate_csrf(), path=PATH, samesite="Lax")
    return response
