"""One tick: whatever the bells missed."""

from campaigns import minding, ticking
from jobs.workshop import Workshop, utcnow


def tick(shop: Workshop) -> int:
    """Settle what time has settled, then ring for every lane with work; how many lanes were rung."""
    with shop.sessions.begin() as session:
        minding.mind_clock(session, utcnow)
    with shop.sessions.begin() as session:
        ticking.settle(session, utcnow())
    with shop.reading.begin() as session:
        return ticking.ring_lanes(session, utcnow())
