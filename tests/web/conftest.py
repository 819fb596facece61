"""The web door on a clean database, and the people who come to it."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from tests.databases import Database
from tests.web.callers import Caller, Clock, somebody

SEALING_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def build(db: Database, folder: Path, clock: Clock, **environ: str) -> Flask:
    """The app over this database: its bells are heard by `db.rung`, its clock is ours, Redis is away."""
    environ = {
        "CADENZA_DATA": str(folder),
        "DATABASE_URL": db.url,
        "REDIS_URL": f"unix://{folder}/nobody.sock",
        "SECRET_KEY": "kept by nobody",
        "CADENZA_SEALING_KEY": SEALING_KEY,
    } | environ
    return fit(create_app(environ), db, clock)


def fit(app: Flask, db: Database, clock: Clock) -> Flask:
    """The same app over another database and clock."""
    own = app.extensions["cadenza"]
    app.extensions["cadenza"] = replace(own, engine=db.engine, sessions=db.sessions, reading=db.reading, clock=clock)
    return app


@pytest.fixture
def clock() -> Clock:
    """The app's clock: a Monday morning, until the test moves it."""
    return Clock()


@pytest.fixture
def app(db: Database, tmp_path: Path, clock: Clock) -> Flask:
    """The app on a clean database, on each kind in turn."""
    return build(db, tmp_path, clock)


@pytest.fixture
def alice(app: Flask, db: Database) -> Caller:
    """Owns a workspace in Berlin."""
    return somebody(app, db, "alice@example.com", timezone="Europe/Berlin")


@pytest.fixture
def bob(app: Flask, db: Database) -> Caller:
    """Owns another workspace."""
    return somebody(app, db, "bob@example.com")


@pytest.fixture
def stranger(app: Flask) -> Caller:
    """Has no key."""
    return Caller(app)
