"""The pages that people see: one file a noun, each a blueprint."""

from flask import Flask

from campaigns.web import filters
from campaigns.web.pages import (
    accounts,
    assets,
    campaigns,
    chart,
    details,
    domains,
    frame,
    imports,
    inbox,
    keys,
    letters,
    outside,
    overview,
    people,
    plan,
    prospects,
    rights,
    search,
    seats,
    senders,
    sequences,
    settings,
    sign_ins,
    stuck,
    suppressions,
    tasks,
    templates,
    trap,
    wake_ups,
    workers,
)

BLUEPRINTS = (
    accounts.blueprint,
    assets.blueprint,
    campaigns.blueprint,
    domains.blueprint,
    imports.blueprint,
    inbox.blueprint,
    keys.blueprint,
    letters.blueprint,
    outside.blueprint,
    people.blueprint,
    prospects.blueprint,
    rights.blueprint,
    search.blueprint,
    senders.blueprint,
    sequences.blueprint,
    stuck.blueprint,
    suppressions.blueprint,
    tasks.blueprint,
    templates.blueprint,
    trap.blueprint,
    wake_ups.blueprint,
    workers.blueprint,
)
# Further pages of the campaigns' and the people's blueprints, here so that their routes are there.
PARTS = (chart, details, overview, plan, seats, settings, sign_ins)


def register(app: Flask) -> None:
    """Add every page."""
    filters.register(app)
    frame.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
