"""Bringing the database up to date: a step of `make run`, and of a deployment."""

import os
import sys

from sqlalchemy.exc import DBAPIError

from campaigns import settings
from campaigns.models import connect, schema
from campaigns.models.trouble import first_line, trouble_of


def main() -> None:
    """Run every migration that is still to come; safe for several at a time."""
    engine = connect(settings.load(os.environ).database_url)
    try:
        schema.upgrade(engine)
    except DBAPIError as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        sys.exit(f"{trouble} ({first_line(error)})")
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
