"""The timetable, as a process: `python -m jobs.ticker`. Two of them do no harm."""

import logging
import signal
import time

from sqlalchemy.exc import SQLAlchemyError

from jobs import stopping
from jobs.tick import tick
from jobs.workshop import workshop

log = logging.getLogger(__name__)

# Seconds. What the bells miss is found within this time.
EVERY = 1.0
LONGEST_PAUSE = 15.0


def main() -> None:
    """Tick until SIGTERM; a database that is away is waited for with growing pauses."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signal.signal(signal.SIGTERM, stopping.ask)
    shop = workshop()
    failures = 0
    while not stopping.asked():
        began = time.monotonic()
        try:
            tick(shop)
            failures = 0
        except SQLAlchemyError as error:
            failures += 1
            log.error("The tick failed, and will be tried again: %s", str(error).splitlines()[0])
        pause = min(EVERY * 2**failures, LONGEST_PAUSE)
        stopping.pause(max(0.05, pause - (time.monotonic() - began)))


if __name__ == "__main__":
    main()
