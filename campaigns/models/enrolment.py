"""Giving prospects their sender, their first step and the instant it is due: one statement for any number."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from campaigns.models import counts
from campaigns.models.campaign import Campaign
from campaigns.models.finding import nodes_of, senders_of
from campaigns.models.gate import ensure_gates
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.tally import NOBODY
from campaigns.rules.lifecycle import CANCELLED, PENDING
from campaigns.rules.sequence import following


def waiting(campaign: Campaign) -> tuple[ColumnElement[bool], ...]:
    """Who has no place in the sequence yet, in a query for people."""
    return (
        Prospect.campaign_id == campaign.id,
        Prospect.status == PENDING,
        Prospect.current_node_id.is_(None),
    )


def _known_sender(campaign: Campaign, senders: Sequence[Sender]) -> Any:
    """The account that wrote to this person in another campaign, if it is among `senders`."""
    earlier = aliased(Prospect)
    query = select(earlier.sender_account_id).where(
        earlier.workspace_id == campaign.workspace_id,
        earlier.identity == Prospect.identity,
        earlier.contacted,
        earlier.sender_account_id.in_([sender.id for sender in senders]),
    )
    return query.order_by(earlier.id.desc()).limit(1).correlate(Prospect).scalar_subquery()


def _assigned(session: Session, campaign: Campaign) -> int:
    placed = counts.by_node(session, campaign.id)
    return sum(placed.values()) - placed[NOBODY]


def enrol(session: Session, campaign: Campaign, now: datetime, *, most: int | None = None) -> int:
    """Put every prospect that has no place in the sequence yet at its start, or the first `most` of them; how many.

    Senders by turns, an existing conversation first (DESIGN, lanes). Whoever is there already is left alone,
    so this may run twice.
    """
    senders = senders_of(session, campaign.id)
    first, delay = following(nodes_of(session, campaign.id), -1)
    people = select(Prospect.id, Prospect.clock).where(*waiting(campaign)).order_by(Prospect.id).limit(most).subquery()
    clocks = session.scalars(select(people.c.clock).distinct())
    ensure_gates(session, campaign, [*clocks, ""], now)

    place = func.row_number().over(order_by=people.c.id) - 1 + _assigned(session, campaign)
    turns = select(people.c.id, (place % len(senders)).label("turn")).subquery()
    by_turn = case({turn: sender.id for turn, sender in enumerate(senders)}, value=turns.c.turn)
    statement = (
        update(Prospect)
        .where(Prospect.id == turns.c.id)
        .values(
            sender_account_id=func.coalesce(_known_sender(campaign, senders), by_turn),
            current_node_id=first.id,
            due_at=now + delay,
            updated_at=now,
        )
    )
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]


def expel(session: Session, campaign: Campaign, most: int, now: datetime) -> int:
    """Take back the place of at most `most` people of a campaign that was never active, and let those wait again whom
    its launch had left out; how many."""
    placed = and_(Prospect.status == PENDING, Prospect.current_node_id.is_not(None))
    gone = or_(placed, Prospect.status == CANCELLED)
    people = select(Prospect.id).where(Prospect.campaign_id == campaign.id, gone).limit(most).scalar_subquery()
    statement = update(Prospect).where(Prospect.id.in_(people))
    place: dict[str, Any] = dict.fromkeys(("sender_account_id", "current_node_id", "due_at"))
    values = {"status": PENDING, "status_reason": None, "skipped_for": None, **place, "updated_at": now}
    result = session.execute(statement.values(values), execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]
