"""The pages that people see: one file a noun, each a blueprint."""

from flask import Flask

from campaigns.web.pages import entry

BLUEPRINTS = (entry.blueprint,)


def register(app: Flask) -> None:
    """Add every page."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
