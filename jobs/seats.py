"""The job that asks what is new at one LinkedIn seat."""

from uuid import UUID

from campaigns.hearing import Poll
from jobs import stopping
from jobs.workshop import utcnow, workshop


def seat(sender_id: str) -> int:
    """Act on what is new; how much that was. Cut off anywhere, the next one finds the rest."""
    shop = workshop()
    shop.ringer.answer("seat", sender_id)
    settings = shop.settings
    return Poll(
        shop.sessions, UUID(sender_id), settings.sealing_key, settings.public_url, clock=utcnow, stop=stopping.asked
    ).run()
