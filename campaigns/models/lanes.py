"""Which lanes have work now: the due work of senders, seen through the gates that are facts of rows.

These queries only propose. The judge (rules/gates.py) is asked again at the moment of sending.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, Uuid, and_, bindparam, case, false, func, null, or_, select
from sqlalchemy.orm import Session

from campaigns.models.base import UTCDateTime
from campaigns.models.campaign import AccountLimit, Campaign, CampaignDay, CampaignSender, Node
from campaigns.models.facts import UNREAD
from campaigns.models.gate import Gate
from campaigns.models.limits import has_room
from campaigns.models.mailbox import Mailbox
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender, SenderDay
from campaigns.models.task import Task
from campaigns.models.workspace import Workspace
from campaigns.rules.days import local_day
from campaigns.rules.lifecycle import ACTIVE, LINKEDIN
from campaigns.rules.sequence import CONNECTION_REQUEST, MESSAGE, SENDING_TYPES

# What a statement is asked with. A lane asks before each message, so the statements are made once.
WORKSPACE, SENDER = bindparam("workspace_id", type_=Uuid()), bindparam("sender_id", type_=Uuid())
TODAY, NOW = bindparam("today", type_=Date()), bindparam("now", type_=UTCDateTime())
LATELY = bindparam("lately", type_=UTCDateTime())


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
    def line(self) -> tuple[UUID, str, bool]:
        """What it is the first of."""
        return (self.campaign_id, self.clock, self.follow_up)

    @property
    def rank(self) -> tuple[Any, ...]:
        """CONTRACT section 4: written to before come first; new ones by turns of their campaigns."""
        if self.follow_up:
            return (0, self.due_at, self.prospect_id)
        turn = self.last_turn_at.timestamp() if self.last_turn_at else float("-inf")
        return (1, turn, self.due_at, self.prospect_id)


# Whether follow-ups of an account wait because its answers were not read lately (models.facts.answers_unknown).
_deaf = and_(Sender.hears, or_(Mailbox.read_at.is_(None), Mailbox.read_at <= LATELY))
_used = func.coalesce(SenderDay.used, 0)


def _open_pairs(kind: str) -> Any:
    """(sender, campaign, clock) whose gates, as far as rows tell, are all open; of campaigns of one kind."""
    full = func.coalesce(CampaignDay.used, 0) >= func.coalesce(Campaign.daily_limit, 1_000_000_000)
    sender_day = and_(SenderDay.sender_id == Sender.id, SenderDay.day == TODAY)
    campaign_day = and_(CampaignDay.campaign_id == Campaign.id, CampaignDay.day == TODAY)
    own_limit = and_(AccountLimit.campaign_id == Campaign.id, AccountLimit.sender_id == Sender.id)
    used, *barred = _weeks() if kind == LINKEDIN else (_used, _deaf, false(), null())
    return (
        select(
            CampaignSender.sender_id.label("sender_id"),
            Gate.campaign_id.label("campaign_id"),
            Gate.clock.label("clock"),
            CampaignSender.last_turn_at.label("last_turn_at"),
            full.label("full"),
            *(column.label(name) for column, name in zip(barred, ("deaf", "barred", "shut"), strict=True)),
        )
        .select_from(Campaign)
        .join(CampaignSender, CampaignSender.campaign_id == Campaign.id)
        .join(Sender, Sender.id == CampaignSender.sender_id)
        .join(Gate, Gate.campaign_id == Campaign.id)
        .outerjoin(SenderDay, sender_day)
        .outerjoin(CampaignDay, campaign_day)
        .outerjoin(AccountLimit, own_limit)
        .outerjoin(Mailbox, Mailbox.sender_account_id == Sender.id)
        .where(
            Campaign.workspace_id == WORKSPACE,
            Campaign.type == kind,
            Campaign.status == ACTIVE,
            Sender.status == "active",
            Gate.opens_at <= NOW,
            Gate.closes_at > NOW,
            has_room(used, TODAY),
            or_(Sender.next_send_at.is_(None), Sender.next_send_at <= NOW),
        )
    )


def _weeks() -> tuple[Any, Any, Any, Any]:
    """What limits leave of a LinkedIn seat: what it has sent, and has in a person's hands; whether it need not look for
    follow-ups, nor for new people; and the kind of step for which its week has no room.

    Follow-ups are messages, nearly always, and whoever is new gets the first step of the sequence. The others are left
    out one by one, so that nobody waits behind them.
    """
    tasks = select(func.count()).where(Task.sender_id == Sender.id).scalar_subquery()
    first = (
        select(Node.type)
        .where(Node.campaign_id == Campaign.id, Node.type.in_(SENDING_TYPES))
        .order_by(Node.position)
        .limit(1)
        .scalar_subquery()
    )
    messages, invitations = _later(Sender.messages_after), _later(Sender.invitations_after)
    new = case((first == CONNECTION_REQUEST, invitations), else_=messages)
    return _used + tasks, or_(_deaf, messages), new, case((messages, MESSAGE), (invitations, CONNECTION_REQUEST))


def _later(hint: Any) -> Any:
    return func.coalesce(hint > NOW, false())


def due_of(pairs: Any, contacted: bool) -> Select[UUID]:
    """The due prospects of a (sender, campaign, clock), written to before or new: one stretch of the lane's index."""
    return select(Prospect.id).where(
        Prospect.sender_account_id == pairs.c.sender_id,
        Prospect.contacted.is_(contacted),
        Prospect.campaign_id == pairs.c.campaign_id,
        Prospect.clock == pairs.c.clock,
        Prospect.due_at <= NOW,
    )


def first_due(pairs: Any, contacted: bool, what: Any = Prospect.id) -> Any:
    """The one of them that has been due the longest, or what is asked of it: one step down the index."""
    return _first(pairs, due_of(pairs, contacted), what)


def _first(pairs: Any, due: Select[UUID], what: Any) -> Any:
    first = due.order_by(Prospect.due_at, Prospect.id).limit(1)
    return first.with_only_columns(what).correlate(pairs).scalar_subquery()


def _first_able(pairs: Any, contacted: bool, kind: str, what: Any = Prospect.id) -> Any:
    """The first of them whose step is none for which the week of a seat has no room."""
    due = due_of(pairs, contacted)
    if kind == LINKEDIN:
        shut = select(Node.id).where(Node.campaign_id == pairs.c.campaign_id, Node.type == pairs.c.shut)
        due = due.where(or_(pairs.c.shut.is_(None), Prospect.current_node_id.not_in(shut.correlate(pairs))))
    return _first(pairs, due, what)


def _first_counted(pairs: Any, what: Any = Prospect.id) -> Any:
    """The same among those messaged today already, who need no further place of the campaign's limit."""
    due = select(Prospect.id).where(
        Prospect.campaign_id == pairs.c.campaign_id,
        Prospect.counted_on == TODAY,
        Prospect.due_at <= NOW,
        Prospect.sender_account_id == pairs.c.sender_id,
        Prospect.clock == pairs.c.clock,
    )
    return _first(pairs, due, what)


@cache
def _heads(kind: str) -> Select[Any]:
    """The first of each line of one sender. A campaign that is full today has none but those it counted already."""
    pairs = _open_pairs(kind).where(Sender.id == SENDER).subquery()

    def follow_up(what: Any) -> Any:
        first = case((pairs.c.full, _first_counted(pairs, what)), else_=_first_able(pairs, True, kind, what))
        return case((pairs.c.deaf, null()), else_=first)

    def new(what: Any) -> Any:
        return case((or_(pairs.c.full, pairs.c.barred), null()), else_=_first_able(pairs, False, kind, what))

    return select(
        pairs.c.campaign_id,
        pairs.c.clock,
        pairs.c.last_turn_at,
        follow_up(Prospect.id).label("follow_up"),
        follow_up(Prospect.due_at).label("follow_up_due_at"),
        new(Prospect.id).label("new"),
        new(Prospect.due_at).label("new_due_at"),
    )


def _asked(workspace_id: UUID, timezone: str, now: datetime) -> dict[str, Any]:
    return {"workspace_id": workspace_id, "today": local_day(now, timezone), "now": now, "lately": now - UNREAD}


def candidates(session: Session, sender: Sender, timezone: str, now: datetime) -> list[Candidate]:
    """The first of each line of this sender, in the order in which the contract serves them."""
    asked = _asked(sender.workspace_id, timezone, now) | {"sender_id": sender.id}
    line: list[Candidate] = []
    for row in session.connection().execute(_heads(sender.type), asked):
        heads = ((row.follow_up, row.follow_up_due_at, True), (row.new, row.new_due_at, False))
        line += [
            Candidate(prospect, row.campaign_id, row.clock, follow_up, row.last_turn_at, due_at)
            for prospect, due_at, follow_up in heads
            if prospect
        ]
    return sorted(line, key=lambda candidate: candidate.rank)


@cache
def _with_work(kind: str) -> Select[Any]:
    """The senders of a workspace that have somebody to write to in campaigns of a kind, and no lane at work."""
    free = or_(Sender.lease_until.is_(None), Sender.lease_until <= NOW)
    pairs = _open_pairs(kind).where(free).subquery()
    hears = pairs.c.deaf.is_(False)
    new = and_(pairs.c.barred.is_(False), _first_able(pairs, False, kind).is_not(None))
    anybody = or_(and_(hears, _first_able(pairs, True, kind).is_not(None)), new)
    counted = and_(hears, _first_counted(pairs).is_not(None))
    due = or_(and_(pairs.c.full.is_(False), anybody), and_(pairs.c.full.is_(True), counted))
    return select(pairs.c.sender_id).where(due).distinct()


def lanes_with_work(session: Session, now: datetime) -> list[UUID]:
    """The senders that nobody works for now although they have due work and open gates."""
    zones = session.execute(
        select(Workspace.id, Workspace.timezone, Campaign.type)
        .join(Campaign, Campaign.workspace_id == Workspace.id)
        .where(Campaign.status == ACTIVE)
        .distinct()
    ).all()
    lanes: dict[UUID, None] = {}
    for workspace_id, timezone, kind in zones:
        asked = _asked(workspace_id, timezone, now)
        lanes.update(dict.fromkeys(session.scalars(_with_work(kind), asked)))
    return list(lanes)
