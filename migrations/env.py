"""How Alembic runs here: on the connection it is given, or on the database of the settings."""

import os
from typing import Any

from alembic import context
from sqlalchemy import Connection

from campaigns import settings
from campaigns.models import Base, connect
from campaigns.models.base import UTCDateTime
from campaigns.models.schema import is_modelled


def render(kind: str, item: Any, _autogen: Any) -> str | bool:
    """Migrations name the types of the database, not ours, which may change."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


def run(connection: Connection) -> None:
    """Batch mode, since SQLite alters a table by rebuilding it."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=render,
        include_name=is_modelled,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with connect(settings.load(os.environ).database_url).begin() as opened:
        run(opened)
