"""The job that works through a file of people."""

from uuid import UUID

from campaigns import importing
from jobs import stopping
from jobs.workshop import utcnow, workshop


def imports(import_id: str) -> None:
    """Go through what is left of the file. Cut off anywhere, it goes on there once the tick rings again."""
    shop = workshop()
    shop.ringer.answer("imports", import_id)
    importing.work(shop.sessions, shop.reading, UUID(import_id), clock=utcnow, stop=stopping.asked)
