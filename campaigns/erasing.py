"""Erasing: everything about a person is forgotten (GDPR article 17), but for a hash that keeps them from being written
to again.

What was sent to them still counts against the limits of accounts and campaigns: those are numbers of days, not of
people. A message that is being handed over leaves, and nothing is written down about it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from campaigns.models.call import Call
from campaigns.models.campaign import Campaign
from campaigns.models.conversation import Answer
from campaigns.models.event import Event
from campaigns.models.mailbox import Letter
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
from campaigns.models.suppression import ERASED, put_on_list
from campaigns.models.traces import parts_about, prospects_of, read_address, undoables_about
from campaigns.models.workspace import Suppression, User
from campaigns.rules.suppressions import FORGOTTEN, hashed, mentions


@dataclass(frozen=True)
class Erased:
    """How much is gone."""

    people: int
    messages: int
    letters: int
    answers: int
    import_lines: int

    def to_json(self) -> dict[str, int]:
        """The answer of `POST /api/people/erase`."""
        return asdict(self)


def erase(session: Session, workspace_id: UUID, address: object, *, now: datetime, by: str | None) -> Erased:
    """Forget whoever has this address, in all campaigns of the workspace; nobody writes to them again. Raises Invalid.

    Whoever adds people waits: the campaigns are locked first, then messages and people, in the order of lanes.
    """
    identity = read_address(address)
    own = select(Campaign.id).where(Campaign.workspace_id == workspace_id).order_by(Campaign.id)
    session.execute(own.with_for_update(key_share=True)).all()
    people = prospects_of(session, workspace_id, identity)
    erased = Erased(
        **_forget_people(session, [one.id for one in people]),
        import_lines=_forget_lines(session, workspace_id, identity),
    )
    _forget_undoables(session, workspace_id, identity)
    _forget_calls(session, workspace_id)
    _keep_hashes(session, workspace_id, {identity, *(one.identity for one in people)}, now, by)
    event = {"kind": "person_erased", "data": erased.to_json(), "by": by, "at": now}
    session.add(Event(workspace_id=workspace_id, campaign_id=None, **event))
    return erased


def _forget_people(session: Session, ids: Sequence[UUID]) -> dict[str, int]:
    """They and all that hangs on them."""
    messages = select(Message.id).where(Message.prospect_id.in_(ids)).order_by(Message.id)
    people = select(Prospect.id).where(Prospect.id.in_(ids)).order_by(Prospect.id)
    for locked in (messages, people):
        session.execute(locked.with_for_update()).all()
    hanging: dict[str, Any] = {"messages": Message, "letters": Letter, "answers": Answer}
    counts = {
        name: session.scalar(select(func.count()).select_from(model).where(model.prospect_id.in_(ids))) or 0
        for name, model in hanging.items()
    }
    session.execute(delete(Prospect).where(Prospect.id.in_(ids)), execution_options={"synchronize_session": False})
    return {"people": len(ids), **counts}


def _forget_lines(session: Session, workspace_id: UUID, identity: str) -> int:
    """Empty the lines of files in which they stand; how many. A line that was not gone through becomes nobody."""
    about, count = mentions(identity), 0
    for _, part in parts_about(session, workspace_id, identity):
        for name in ("lines", "left_out"):
            rows = getattr(part, name) or []
            telling = [any(map(about, row[-1])) for row in rows]
            if any(telling):
                count += sum(telling)
                setattr(part, name, [_emptied(row) if tells else row for row, tells in zip(rows, telling, strict=True)])
    session.flush()
    return count


def _emptied(row: list[Any]) -> list[Any]:
    """A line as models.imports.ImportPart has it, without its cells, and without the reason that may quote them."""
    *place, cells = row
    reason = [FORGOTTEN] if len(place) > 1 else []
    return [*place[:2], *reason, [""] * len(cells)]


def _forget_undoables(session: Session, workspace_id: UUID, identity: str) -> None:
    for kept, others in undoables_about(session, workspace_id, identity):
        kept.people = others
        if not others:
            session.delete(kept)


def _forget_calls(session: Session, workspace_id: UUID) -> None:
    """Answers that are kept for repeated calls are sealed, whomever they speak of. One that still runs has none yet."""
    users = select(User.id).where(User.workspace_id == workspace_id)
    kept = delete(Call).where(Call.user_id.in_(users), Call.answer.is_not(None))
    session.execute(kept, execution_options={"synchronize_session": False})


def _keep_hashes(session: Session, workspace_id: UUID, identities: set[str], now: datetime, by: str | None) -> None:
    plain = (Suppression.workspace_id == workspace_id, Suppression.value.in_(identities))
    session.execute(delete(Suppression).where(*plain), execution_options={"synchronize_session": False})
    hashes = {hashed(workspace_id, one): FORGOTTEN for one in identities}
    put_on_list(session, workspace_id, hashes, ERASED, now, by=by)
