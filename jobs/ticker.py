"""The timetable, as a process, with ears for mail: `python -m jobs.ticker`. Two of them do no harm."""

import logging
import signal
import time

from sqlalchemy.exc import SQLAlchemyError

from campaigns.models.trouble import first_line
from jobs import lines, stopping
from jobs.bells import connect_briefly
from jobs.board import Board
from jobs.complaint import Complaint, trouble_in
from jobs.ears import Ears
from jobs.tick import tick
from jobs.workshop import Workshop, workshop

log = logging.getLogger(__name__)

# Seconds. What the bells miss is found within this time.
EVERY = 1.0
UNKNOWN = "The tick failed, and will be tried again."


def run(shop: Workshop) -> None:
    """Tick until somebody asks to stop; a database in trouble is waited for with growing pauses."""
    board = Board(connect_briefly(shop.settings.redis_url))
    ears = Ears(shop)
    complaint = Complaint(log, "The database works again.")
    while not stopping.asked():
        began = time.monotonic()
        pause = EVERY
        try:
            tick(shop)
            ears.attend()
            board.note_tick()
            complaint.over()
        except SQLAlchemyError as error:
            complaint.about(*(trouble_in(error) or (UNKNOWN, first_line(error))))
            pause = complaint.pause
        stopping.pause(max(0.05, pause - (time.monotonic() - began)))


def main() -> None:
    """The process, until SIGTERM."""
    shop = workshop()
    lines.begin(shop.settings.log_format)
    signal.signal(signal.SIGTERM, stopping.ask)
    run(shop)


if __name__ == "__main__":
    main()
