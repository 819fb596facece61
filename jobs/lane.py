"""The job that works one sender's line for a slice of time."""

import logging
import threading
import time
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from campaigns.channels.outgoing import Channel
from campaigns.models import Sender
from campaigns.models.trouble import first_line, trouble_of
from campaigns.rules.links import Links
from campaigns.sending import HEARTBEAT, Lane, open_channel
from jobs import stopping
from jobs.workshop import utcnow, workshop

log = logging.getLogger(__name__)


def lane(sender_id: str) -> int:
    """Send what is due from this account; the number of messages sent."""
    shop = workshop()
    shop.ringer.answer("lane", sender_id)

    work = Lane(
        sessions=shop.sessions,
        reading=shop.reading,
        sender_id=UUID(sender_id),
        open_channel=open_for,
        clock=utcnow,
        wait=_wait,
        stop=stopping.asked,
        links=Links(shop.settings.public_url, shop.settings.secret_key),
    )
    done = threading.Event()
    heart = threading.Thread(target=_beat, args=(work, done), daemon=True)
    heart.start()
    try:
        return work.run()
    finally:
        done.set()
        heart.join()


def open_for(sender: Sender) -> Channel:
    """The channel of an account, with this process's keys. Raises Unsent."""
    shop = workshop()
    key, trap = shop.settings.sealing_key, shop.settings.trap_file
    return open_channel(sender, sealing_key=key, trap_file=trap, sessions=shop.sessions)


def _wait(pause: timedelta) -> None:
    """Whoever asks to stop: gaps waited for here are short, and an outcome that the database did not take yet is
    lost with this process. The supervisor is patient enough (jobs.supervisor.WORKER_STOP_SECONDS)."""
    time.sleep(pause.total_seconds())


def _beat(work: Lane, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT.total_seconds()):
        try:
            work.keep_alive()
        except SQLAlchemyError as away:
            words = "A sign of life was lost, and will be given again: %s"
            log.warning(words, trouble_of(away) or first_line(away), extra={"sender_id": work.sender_id})
