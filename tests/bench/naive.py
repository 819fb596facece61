"""The naive way, for comparison: what a job for one sleeper has to do."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from campaigns.models import Campaign, Prospect, connect, session_factory, silence
from campaigns.rules.hours import is_open, next_open

_factory: list[sessionmaker[Session]] = []


def prepare(url: str) -> None:
    """Connect once, so that the jobs do not pay for it."""
    _factory[:] = [session_factory(connect(url), silence)]


def recheck(prospect_id: str) -> bool:
    """Load one sleeper and its campaign, look at the hours, put it to sleep again or make it due."""
    now = datetime.now(UTC)
    with _factory[0].begin() as session:
        prospect = session.get_one(Prospect, UUID(prospect_id))
        campaign = session.get_one(Campaign, prospect.campaign_id)
        opened = is_open(campaign.hours, now)
        prospect.due_at = now if opened else next_open(campaign.hours, now)
        return opened
