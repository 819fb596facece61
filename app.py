"""The web door: reads the settings, connects, and registers the pages and the API."""

import os
from collections.abc import Mapping

from flask import Flask

from campaigns import settings as campaign_settings
from campaigns import web
from campaigns.channels.lookup import Lookup
from campaigns.models import connect, session_factory
from campaigns.web.house import House
from jobs import lines
from jobs.bells import Ringer, connect_briefly
from jobs.board import Board
from jobs.dashboard import mount
from jobs.workshop import utcnow


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """The app for this environment. Connects on first use, so that a server may fork in between."""
    settings = campaign_settings.load(os.environ if environ is None else environ)
    lines.begin(settings.log_format)
    engine = connect(settings.database_url)
    redis = connect_briefly(settings.redis_url)
    ringer = Ringer(redis)
    house = House(
        settings=settings,
        engine=engine,
        sessions=session_factory(engine, ringer),
        reading=session_factory(engine, ringer, readonly=True),
        clock=utcnow,
        board=Board(redis),
        lookup=Lookup(settings.dns),
    )
    app = Flask(__name__)
    web.register(app, house)
    mount(app, settings)
    return app
