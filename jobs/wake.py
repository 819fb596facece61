"""The job that carries out a wake-up."""

import logging
from uuid import UUID

from rq import get_current_job

from campaigns import waking
from jobs.workshop import utcnow, workshop

log = logging.getLogger(__name__)


def wake(wake_up_id: str) -> dict[str, int | None] | None:
    """Re-check every sleeping prospect of a campaign, and fill in the record."""
    shop = workshop()
    shop.ringer.answer("wake", wake_up_id)
    job = get_current_job()
    with shop.sessions.begin() as session:
        record = waking.wake(session, UUID(wake_up_id), now=utcnow(), job_id=job.id if job else None)
        if record is None:
            return None
        waking.finish(record, now=utcnow())
    words = "Woke up: %s were sleeping, %s go on, %s sleep again; %s ms after it was asked for."
    counts = (record.sleeping, record.resumed, record.slept_again, record.duration_ms)
    log.info(words, *counts, extra={"campaign_id": record.campaign_id})
    return {"sleeping": record.sleeping, "resumed": record.resumed, "slept_again": record.slept_again}
