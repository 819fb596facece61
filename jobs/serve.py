"""The web server of `make run`: waitress, with the app of app.py."""

import os
import signal

import waitress

from app import create_app
from campaigns import settings
from jobs import lines

THREADS = 8
# The app refuses bodies long before this, in its own words; here it only bounds what is kept on disk.
MOST_BODY_BYTES = 64 * 1024 * 1024


def _end(*_: object) -> None:
    raise SystemExit  # waitress finishes the requests it has, then returns


def main() -> None:
    """Serve until SIGTERM. The terminal's Ctrl-C is for the supervisor."""
    config = settings.load(os.environ)
    lines.begin(config.log_format)
    app = create_app()
    signal.signal(signal.SIGTERM, _end)
    waitress.serve(
        app,
        host=config.host,
        port=config.port,
        threads=THREADS,
        max_request_body_size=MOST_BODY_BYTES,
        ident="Cadenza",
        _quiet=True,
    )


if __name__ == "__main__":
    main()
