"""Bringing the database up to date: a step of `make run`, and of a deployment."""

import os
import sys

from sqlalchemy.exc import OperationalError

from campaigns import settings
from campaigns.models import connect, schema


def main() -> None:
    """Run every migration that is still to come; safe for several at a time."""
    engine = connect(settings.load(os.environ).database_url)
    try:
        schema.upgrade(engine)
    except OperationalError as error:
        sys.exit(f"The database cannot be used: {str(error.orig).splitlines()[0]}")
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
