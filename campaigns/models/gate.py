"""Gates: a campaign's operating hours on one clock, as the two instants that matter now.

Hours are evaluated once a gate, never once a person; so new hours cost the same for ten sleepers and for a
million.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import EPOCH, FOREVER, Base, grouped, new_id
from campaigns.models.campaign import Campaign
from campaigns.rules.hours import Hours, is_open, next_close, next_open


class Gate(Base):
    """Open while opens_at <= now < closes_at. `clock` is '' for the campaign's zone, or a prospect's zone."""

    __tablename__ = "gate"
    __table_args__ = (
        UniqueConstraint("campaign_id", "clock"),
        Index("ix_gate_closes_at", "closes_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"))
    clock: Mapped[str] = mapped_column(String(64))
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]

    def is_open(self, now: datetime) -> bool:
        """Whether the hours are open on this clock at `now`."""
        return self.opens_at <= now < self.closes_at

    def roll(self, campaign: Campaign, now: datetime) -> None:
        """Set both instants from the campaign's hours as they are at `now`."""
        self.opens_at, self.closes_at = span(campaign.hours, campaign.clock_of(self.clock), now)


def span(hours: Hours | None, zone: str | None, now: datetime) -> tuple[datetime, datetime]:
    """The opening that holds `now`, or else the next one."""
    opens = EPOCH if is_open(hours, now, zone=zone) else next_open(hours, now, zone=zone)
    closes = next_close(hours, max(opens, now), zone=zone)
    return opens, FOREVER if closes is None else closes


def gates_of(session: Session, campaign_id: UUID) -> list[Gate]:
    """Every gate of a campaign, the campaign's own clock first."""
    return gates_by_campaign(session, [campaign_id])[campaign_id]


def gates_by_campaign(session: Session, campaign_ids: Iterable[UUID]) -> defaultdict[UUID, list[Gate]]:
    """The same for several, by the campaign."""
    query = select(Gate).where(Gate.campaign_id.in_(campaign_ids)).order_by(Gate.clock)
    return grouped((gate.campaign_id, gate) for gate in session.scalars(query))


def roll_gates(session: Session, campaign: Campaign, now: datetime) -> list[Gate]:
    """Rewrite all gates of a campaign for its hours as they are now; the number of clocks, not of people.

    Locked and read anew, so that a tick that rolls one at the same moment cannot leave half of it behind.
    """
    query = select(Gate).where(Gate.campaign_id == campaign.id).order_by(Gate.clock).with_for_update()
    gates = list(session.scalars(query, execution_options={"populate_existing": True}))
    for gate in gates:
        gate.roll(campaign, now)
    return gates


def ensure_gates(session: Session, campaign: Campaign, clocks: Iterable[str], now: datetime) -> None:
    """Add the gates that are missing for `clocks`."""
    have = {gate.clock for gate in gates_of(session, campaign.id)}
    for clock in sorted(set(clocks) - have):
        gate = Gate(campaign_id=campaign.id, clock=clock)
        gate.roll(campaign, now)
        session.add(gate)
    session.flush()
