"""One tick: whatever the bells missed."""

from campaigns import answering, guarding, hearing, minding, receiving, tasking, ticking, withdrawing
from campaigns.models import ring
from jobs.workshop import Workshop, utcnow


def tick(shop: Workshop) -> int:
    """Settle what time has settled, then ring for every lane with work; how many lanes were rung."""
    with shop.sessions.begin() as session:
        minding.mind_clock(session, utcnow)
    with shop.sessions.begin() as session:
        ticking.settle(session, utcnow())
        tasking.sweep(session, utcnow())
        answering.mark_unknown(session, utcnow())
        guarding.guard(session, guarding.Guard(shop.settings.bounce_percent, shop.settings.bounce_least), utcnow())
    with shop.reading.begin() as session:
        for sender_id in receiving.unread(session, utcnow()):
            ring(session, "inbox", sender_id)
        for sender_id in hearing.unheard(session, utcnow()):
            ring(session, "seat", sender_id)
        answering.ring_waiting(session, utcnow())
        withdrawing.ring_asked(session, utcnow())
        return ticking.ring_lanes(session, utcnow())
