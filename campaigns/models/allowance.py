"""What accounts have used of LinkedIn's rolling 7 days, for people to look at."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models.sender import WEEKLY_LIMITS, Sender, SenderUse
from campaigns.models.task import Task
from campaigns.rules.gates import WEEK, place_in_week
from campaigns.rules.lifecycle import LINKEDIN


@dataclass(frozen=True)
class Allowance:
    """Steps of one kind in 7 days. `own`: the limit is not LinkedIn's usual one. `free_at` is when the next place comes
    free, where there is none and that can be known."""

    step: str
    limit: int
    own: bool
    used: int
    tasks: int
    free_at: datetime | None

    @property
    def left(self) -> int:
        """How many more there is room for."""
        return max(self.limit - self.used - self.tasks, 0)


def allowances(session: Session, senders: Collection[Sender], now: datetime) -> dict[UUID, list[Allowance]]:
    """Sender id -> invitations and messages, of the LinkedIn seats among these accounts."""
    seats = [sender for sender in senders if sender.type == LINKEDIN]
    ids = [seat.id for seat in seats]
    uses: defaultdict[tuple[UUID, str], list[datetime]] = defaultdict(list)
    recent = select(SenderUse).where(SenderUse.sender_id.in_(ids), SenderUse.at > now - WEEK)
    for use in session.scalars(recent.order_by(SenderUse.at)):
        uses[use.sender_id, use.step].append(use.at)
    counted = select(Task.sender_id, Task.step, func.count()).where(Task.sender_id.in_(ids))
    tasks = {(row[0], row[1]): row[2] for row in session.execute(counted.group_by(Task.sender_id, Task.step))}
    return {
        seat.id: [_allowance(seat, step, uses[seat.id, step], tasks.get((seat.id, step), 0)) for step in WEEKLY_LIMITS]
        for seat in seats
    }


def _allowance(seat: Sender, step: str, uses: list[datetime], tasks: int) -> Allowance:
    limit = seat.weekly_limit(step) or 0
    own = limit != WEEKLY_LIMITS[step][seat.is_premium]
    return Allowance(step, limit, own, len(uses), tasks, place_in_week(uses, tasks, limit))
