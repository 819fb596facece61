"""The job that carries out a launch."""

from uuid import UUID

from campaigns import launching
from jobs.workshop import utcnow, workshop


def launch(campaign_id: str, by: str = "") -> bool:
    """Give everybody a sender and a first step, and make the campaign active."""
    shop = workshop()
    shop.ringer.answer("launch", campaign_id, by)
    more = True
    while more:
        with shop.sessions.begin() as session:
            more = launching.place(session, UUID(campaign_id), now=utcnow())
    with shop.sessions.begin() as session:
        return launching.start(session, UUID(campaign_id), now=utcnow(), by=by or None)
