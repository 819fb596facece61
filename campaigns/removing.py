"""Removing people from a campaign, and bringing back those who were removed by a slip."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, or_, select, true, update
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models.adding import ADDABLE
from campaigns.models.campaign import Campaign, Node
from campaigns.models.enrolment import enrol
from campaigns.models.finding import find_campaign, senders_of
from campaigns.models.gate import ensure_gates
from campaigns.models.log import note
from campaigns.models.message import BOUNCED, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.models.task import Task, take_back
from campaigns.models.undo import REMOVED, Row, Undoable, find_undoable, keep_people, kept_people, put_back
from campaigns.rules import lifecycle
from campaigns.rules.kinds import Context, UuidList
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, Stale, WrongState

MOST_REMOVED = 500
# People who are removed in one transaction.
MOST_AT_ONCE = 5000


def remove(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    body: Any,
    *,
    now: datetime,
    by: str | None,
    undoable: bool = False,
) -> dict[str, int]:
    """Remove 1 to 500 people by id, or all. Raises NotFound, Invalid.

    Whoever was written to stays on the list as cancelled: what was sent is a fact, and would be sent again if
    the person came back. Ids of other campaigns are passed over. If it is `undoable`, `undo` brings them back for
    some minutes, in which the campaign does not complete.
    """
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    chosen = _chosen(campaign, body)
    if undoable:
        people = session.scalars(select(Prospect).where(*chosen).order_by(Prospect.id).with_for_update()).all()
        _take_tasks_back(session, people)
        keep_people(session, campaign, REMOVED, people, now, by)
        session.flush()
    removed = _remove(session, chosen, now)
    _tell(session, campaign, removed, now, by)
    return removed.to_json()


def _take_tasks_back(session: Session, people: Sequence[Prospect]) -> None:
    """So that whoever is brought back stands where their task came from; but for one that somebody settles at this
    moment, who waits for the person."""
    known = {one.id: one for one in people}
    tasks = select(Task, Message).join(Message, Message.id == Task.message_id).where(Task.prospect_id.in_(known))
    for task, message in session.execute(tasks.with_for_update(of=(Task, Message), skip_locked=True)).all():
        take_back(session, task, message, known[task.prospect_id])


def remove_all(
    sessions: sessionmaker[Session], workspace_id: UUID, campaign_id: UUID, *, now: datetime, by: str | None
) -> dict[str, int]:
    """Remove everybody as `remove` does, in as many short transactions as it takes: a million people hold up nobody
    else's lane. Raises NotFound."""
    removed, last = Removed(), None
    while True:
        with sessions.begin() as session:
            campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
            left = (Prospect.campaign_id == campaign.id, Prospect.id > last if last else true())
            people = session.scalars(select(Prospect.id).where(*left).order_by(Prospect.id).limit(MOST_AT_ONCE)).all()
            if not people:
                _tell(session, campaign, removed, now, by)
                return removed.to_json()
            last = people[-1]
            removed += _remove(session, (*left, Prospect.id <= last), now)


def is_all(body: Any) -> bool:
    """Whether a body asks for everybody to be removed; not if it names some of them, too."""
    return isinstance(body, dict) and body.get("all") is True and body.get("ids") is None


@dataclass(frozen=True)
class Removed:
    """How many are gone, and how many stay as cancelled."""

    deleted: int = 0
    cancelled: int = 0

    def __add__(self, more: "Removed") -> "Removed":
        return Removed(self.deleted + more.deleted, self.cancelled + more.cancelled)

    def to_json(self) -> dict[str, int]:
        """The answer of `DELETE …/prospects`."""
        return {"removed": self.deleted + self.cancelled, "deleted": self.deleted, "cancelled": self.cancelled}


def _tell(session: Session, campaign: Campaign, removed: Removed, now: datetime, by: str | None) -> None:
    if removed.deleted or removed.cancelled:
        note(session, campaign, "prospects_removed", now, by=by, count=removed.deleted + removed.cancelled)


def _remove(session: Session, chosen: Sequence[ColumnElement[bool]], now: datetime) -> Removed:
    written_to = exists().where(Message.prospect_id == Prospect.id)
    options = {"synchronize_session": False}
    going = (*chosen, written_to, Prospect.status.not_in(lifecycle.TERMINAL))
    leave = (
        update(Prospect)
        .where(*going)
        .values(status=lifecycle.CANCELLED, due_at=None, paused_at=None, held_due_at=None, updated_at=now)
    )
    cancelled = session.execute(leave, execution_options=options).rowcount  # type: ignore[attr-defined]
    gone = session.execute(delete(Prospect).where(*chosen, ~written_to), execution_options=options)
    deleted = gone.rowcount  # type: ignore[attr-defined]
    session.expire_all()
    return Removed(deleted, cancelled)


def _chosen(campaign: Campaign, body: Any) -> Sequence[ColumnElement[bool]]:
    own = Prospect.campaign_id == campaign.id
    if is_all(body):
        return (own,)
    ids = body.get("ids") if isinstance(body, dict) else None
    if ids is not None and body.get("all") is True:
        raise Invalid.of([Problem("ids", 'must not be sent together with {"all": true}: send one of both')])
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_REMOVED:
        problem = Problem("ids", f'must be a list of 1 to {MOST_REMOVED} ids; or send {{"all": true}}')
        raise Invalid.of([problem])
    return (own, Prospect.id.in_(_parse_ids(ids)))


def _parse_ids(ids: list[object]) -> tuple[UUID, ...]:
    try:
        return UuidList(MOST_REMOVED).parse(ids, "ids", Context("UTC"))
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad


def last_removal(session: Session, campaign: Campaign, now: datetime) -> Undoable | None:
    """The removal that `undo` would take back now."""
    return find_undoable(session, campaign.id, REMOVED, now) if campaign.status in ADDABLE else None


def undo(
    session: Session, workspace_id: UUID, campaign_id: UUID, undoable_id: UUID, *, now: datetime, by: str | None
) -> dict[str, int]:
    """Bring back whom a removal took away, each to where they were; how many are `back`, and how many not: somebody
    was added again, or something has happened to them since. Raises NotFound, WrongState, Stale."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    if campaign.status not in ADDABLE:
        raise WrongState(f"This campaign is {campaign.status}: nobody can be brought back.")
    kept = find_undoable(session, campaign.id, REMOVED, now, Undoable.id == undoable_id)
    if kept is None:
        raise Stale("This cannot be undone any more.")
    rows = kept_people(kept)
    back = _cancelled_back(session, kept, rows, now) + _deleted_back(session, campaign, rows, now)
    session.delete(kept)
    if back:
        note(session, campaign, "prospects_brought_back", now, by=by, count=back)
    return {"back": back, "gone": len(rows) - back}


def _cancelled_back(session: Session, kept: Undoable, rows: Sequence[Row], now: datetime) -> int:
    """Whoever was written to. A person whose message was being handed over has nothing to go on with, and stays; so
    does one whose message came back meanwhile."""
    waited = {row["id"]: row for row in rows if row["due_at"] or row["held_due_at"]}
    came_back = exists().where(Message.prospect_id == Prospect.id, Message.status == BOUNCED)
    there = select(Prospect).where(Prospect.id.in_(waited), Prospect.status == lifecycle.CANCELLED, ~came_back)
    people = session.scalars(there.order_by(Prospect.id).with_for_update()).all()
    return sum(put_back(one, kept, waited[one.id], now) for one in people)


def _deleted_back(session: Session, campaign: Campaign, rows: Sequence[Row], now: datetime) -> int:
    own = Prospect.campaign_id == campaign.id
    taken = or_(Prospect.id.in_([row["id"] for row in rows]), Prospect.identity.in_([row["identity"] for row in rows]))
    there = session.execute(select(Prospect.id, Prospect.identity).where(own, taken)).all()
    known = {value for row in there for value in row}
    missing = [row for row in rows if row["id"] not in known and row["identity"] not in known]
    nodes = set(session.scalars(select(Node.id).where(Node.campaign_id == campaign.id)))
    senders = set(session.scalars(select(Sender.id).where(Sender.workspace_id == campaign.workspace_id)))
    for row in missing:
        # What is gone by now is nobody's next step and nobody's account.
        place = row["current_node_id"] if row["current_node_id"] in nodes else None
        account = row["sender_account_id"] if row["sender_account_id"] in senders else None
        session.add(Prospect(**{**row, "current_node_id": place, "sender_account_id": account, "updated_at": now}))
    session.flush()
    if missing and campaign.status != lifecycle.DRAFT:
        _set_going(session, campaign, {row["clock"] for row in missing}, now)
    return len(missing)


def _set_going(session: Session, campaign: Campaign, clocks: set[str], now: datetime) -> None:
    """A campaign that was launched meanwhile gives them their place; one that runs looks at them at once."""
    ensure_gates(session, campaign, sorted(clocks), now)
    enrol(session, campaign, now)
    for sender in senders_of(session, campaign.id):
        ring(session, "lane", sender.id)
