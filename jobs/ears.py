"""Listening to all mailboxes at once, beside the timetable: a thread for each, which mostly sleeps."""

import logging
import threading
import time
from collections.abc import Callable
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from campaigns.channels.imap import ImapMailbox, Unread
from campaigns.models import Sender
from campaigns.models.trouble import first_line, trouble_of
from campaigns.receiving import audible, listen, open_mailbox
from jobs import stopping
from jobs.workshop import Workshop, utcnow

log = logging.getLogger(__name__)

# Seconds between two looks for accounts that nobody listens to, and for which one is left alone whose connection was
# lost, and whose server does not tell of mail.
LOOK, LOST, MUTE = 5.0, 30.0, 600.0


class Ears:
    """Who listens to which account."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._threads: dict[UUID, threading.Thread] = {}
        self._rest: dict[UUID, float] = {}
        self._next_look = 0.0

    def attend(self) -> None:
        """See to it that every mailbox that can be listened to is. Raises SQLAlchemyError."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK
        with self._shop.reading() as session:
            wanted = audible(session, utcnow())
        self._threads = {sender: thread for sender, thread in self._threads.items() if thread.is_alive()}
        for sender in wanted:
            if sender not in self._threads and self._rest.get(sender, 0.0) <= time.monotonic():
                thread = threading.Thread(target=self._listen, args=(sender,), daemon=True, name=f"ear-{sender}")
                self._threads[sender] = thread
                thread.start()

    def _listen(self, sender: UUID) -> None:
        rest = LOST
        try:
            told = listen(self._shop.sessions, sender, self._opener(), utcnow, stopping.asked)
            rest = 0.0 if told else MUTE
        except Unread as lost:
            log.info("Listening for mail ended, and will be tried again: %s", lost.reason, extra={"sender_id": sender})
        except SQLAlchemyError as away:
            words = "Listening for mail ended, and will be tried again: %s"
            log.warning(words, trouble_of(away) or first_line(away), extra={"sender_id": sender})
        self._rest[sender] = time.monotonic() + rest

    def _opener(self) -> Callable[[Sender], ImapMailbox]:
        key, sessions = self._shop.settings.sealing_key, self._shop.sessions
        return lambda sender: open_mailbox(sender, sealing_key=key, sessions=sessions)
