"""Which lanes have work now: the due work of senders, seen through the gates that are facts of rows.

These queries only propose. The judge (rules/gates.py) is asked again at the moment of sending.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import AccountLimit, Campaign, CampaignDay, CampaignSender
from campaigns.models.facts import SENDABLE
from campaigns.models.gate import Gate
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender, SenderDay
from campaigns.models.workspace import Workspace
from campaigns.rules.days import local_day
from campaigns.rules.lifecycle import ACTIVE

Pair = tuple[UUID, str]


@dataclass(frozen=True)
class Candidate:
    """A prospect that a lane may take up, and what its place in the line depends on."""

    prospect_id: UUID
    campaign_id: UUID
    clock: str
    follow_up: bool
    last_turn_at: datetime | None
    due_at: datetime

    @property
    def rank(self) -> tuple[Any, ...]:
        """CONTRACT section 4: written to before come first; new ones by turns of their campaigns."""
        if self.follow_up:
            return (0, self.due_at, self.prospect_id)
        turn = self.last_turn_at.timestamp() if self.last_turn_at else float("-inf")
        return (1, turn, self.due_at, self.prospect_id)


def _open_pairs(workspace_id: UUID, today: date, now: datetime) -> Any:
    """(sender, campaign, clock) whose gates, as far as rows tell, are all open."""
    full = func.coalesce(CampaignDay.used, 0) >= func.coalesce(Campaign.daily_limit, 1_000_000_000)
    limit = func.coalesce(AccountLimit.daily_limit, Sender.daily_limit)
    sender_day = and_(SenderDay.sender_id == Sender.id, SenderDay.day == today)
    campaign_day = and_(CampaignDay.campaign_id == Campaign.id, CampaignDay.day == today)
    own_limit = and_(AccountLimit.campaign_id == Campaign.id, AccountLimit.sender_id == Sender.id)
    return (
        select(
            CampaignSender.sender_id.label("sender_id"),
            Gate.campaign_id.label("campaign_id"),
            Gate.clock.label("clock"),
            CampaignSender.last_turn_at.label("last_turn_at"),
            full.label("full"),
        )
        .select_from(Campaign)
        .join(CampaignSender, CampaignSender.campaign_id == Campaign.id)
        .join(Sender, Sender.id == CampaignSender.sender_id)
        .join(Gate, Gate.campaign_id == Campaign.id)
        .outerjoin(SenderDay, sender_day)
        .outerjoin(CampaignDay, campaign_day)
        .outerjoin(AccountLimit, own_limit)
        .where(
            Campaign.workspace_id == workspace_id,
            Campaign.status == ACTIVE,
            Sender.type.in_(SENDABLE),
            Sender.status == "active",
            Gate.opens_at <= now,
            Gate.closes_at > now,
            func.coalesce(SenderDay.used, 0) < limit,
            or_(Sender.next_send_at.is_(None), Sender.next_send_at <= now),
        )
    )


def due_of(pairs: Any, contacted: bool, now: datetime) -> Select[UUID]:
    """The due prospects of a (sender, campaign, clock), written to before or new: one stretch of the lane's index."""
    return select(Prospect.id).where(
        Prospect.sender_account_id == pairs.c.sender_id,
        Prospect.contacted.is_(contacted),
        Prospect.campaign_id == pairs.c.campaign_id,
        Prospect.clock == pairs.c.clock,
        Prospect.due_at <= now,
    )


def first_due(pairs: Any, contacted: bool, now: datetime) -> Any:
    """The one of them that has been due the longest: one step down the index."""
    due = due_of(pairs, contacted, now).order_by(Prospect.due_at, Prospect.id)
    return due.limit(1).correlate(pairs).scalar_subquery()


def _first_counted(pairs: Any, today: date, now: datetime) -> Any:
    """The same among those messaged today already, who need no further place of the campaign's limit."""
    return (
        select(Prospect.id)
        .where(
            Prospect.campaign_id == pairs.c.campaign_id,
            Prospect.counted_on == today,
            Prospect.due_at <= now,
            Prospect.sender_account_id == pairs.c.sender_id,
            Prospect.clock == pairs.c.clock,
        )
        .order_by(Prospect.due_at, Prospect.id)
        .limit(1)
        .correlate(pairs)
        .scalar_subquery()
    )


def candidates(session: Session, sender: Sender, timezone: str, now: datetime) -> list[Candidate]:
    """The first of each line of this sender, in the order in which the contract serves them."""
    today = local_day(now, timezone)
    pairs = _open_pairs(sender.workspace_id, today, now).where(Sender.id == sender.id).subquery()
    heads = select(
        pairs,
        first_due(pairs, True, now).label("follow_up"),
        first_due(pairs, False, now).label("new"),
    ).where(pairs.c.full.is_(False))
    counted = select(pairs, _first_counted(pairs, today, now).label("follow_up")).where(pairs.c.full.is_(True))
    found: list[tuple[UUID, Any, bool]] = []
    for row in session.execute(heads):
        found += [(row.follow_up, row, True)] if row.follow_up else []
        found += [(row.new, row, False)] if row.new else []
    found += [(row.follow_up, row, True) for row in session.execute(counted) if row.follow_up]
    if not found:
        return []
    due = select(Prospect.id, Prospect.due_at).where(Prospect.id.in_([prospect for prospect, _, _ in found]))
    due_at = {row.id: row.due_at for row in session.execute(due)}
    line = [
        Candidate(prospect, row.campaign_id, row.clock, follow_up, row.last_turn_at, due_at[prospect])
        for prospect, row, follow_up in found
        if prospect in due_at
    ]
    return sorted(line, key=lambda candidate: candidate.rank)


def lanes_with_work(session: Session, now: datetime) -> list[UUID]:
    """The senders that nobody works for now although they have due work and open gates."""
    zones = session.execute(
        select(Workspace.id, Workspace.timezone)
        .join(Campaign, Campaign.workspace_id == Workspace.id)
        .where(Campaign.status == ACTIVE)
        .distinct()
    ).all()
    lanes: dict[UUID, None] = {}
    for workspace_id, timezone in zones:
        today = local_day(now, timezone)
        free = or_(Sender.lease_until.is_(None), Sender.lease_until <= now)
        pairs = _open_pairs(workspace_id, today, now).where(free).subquery()
        due = or_(
            and_(
                pairs.c.full.is_(False),
                or_(
                    first_due(pairs, True, now).is_not(None),
                    first_due(pairs, False, now).is_not(None),
                ),
            ),
            and_(pairs.c.full.is_(True), _first_counted(pairs, today, now).is_not(None)),
        )
        lanes.update(dict.fromkeys(session.scalars(select(pairs.c.sender_id).where(due).distinct())))
    return list(lanes)
