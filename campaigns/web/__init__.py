"""The web door's rooms: pages and API over the same verbs. The only package that imports Flask."""

from datetime import timedelta

from flask import Flask
from flask_compress import Compress
from flask_wtf import CSRFProtect

from campaigns.web import api, commands, errors, guard, headers, health, hooks, pages, rates, tracing
from campaigns.web.encoding import Json
from campaigns.web.house import House

csrf = CSRFProtect()
compress = Compress()


def register(app: Flask, house: House) -> None:
    """Give the app its settings, its guards and its routes."""
    app.extensions["cadenza"] = house
    app.config.update(
        SECRET_KEY=house.settings.secret_key,
        SESSION_COOKIE_NAME="cadenza",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=house.settings.public_url.startswith("https:"),
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        WTF_CSRF_TIME_LIMIT=None,
        # A page that was left open is told so by the table, not by an expired token.
        WTF_CSRF_SSL_STRICT=False,
        # Not the API's: its clients send back an ETag as it is, and one that names an encoding is another one.
        COMPRESS_MIMETYPES=["text/html", "text/css", "text/javascript"],
    )
    app.json = Json(app)
    csrf.init_app(app)
    compress.init_app(app)
    csrf.exempt(api.blueprint)
    csrf.exempt(pages.outside.blueprint)  # mail programs post there, and what they post is signed
    csrf.exempt(hooks.blueprint)  # and so is what providers post
    for module in (tracing, guard, rates, headers, errors, commands):
        module.register(app)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(hooks.blueprint)
    app.register_blueprint(api.blueprint)
    api.idempotency.register(app)
    pages.register(app)
