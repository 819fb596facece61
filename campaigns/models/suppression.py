"""Putting somebody on the suppression list: it ends every sequence of theirs at once (CONTRACT section 4)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.prospect import Prospect
from campaigns.models.workspace import Suppression
from campaigns.rules import lifecycle

# How somebody came onto the list.
HAND, IMPORTED, UNSUBSCRIBED, ANSWERED, COMPLAINED, ERASED = (
    "hand",
    "import",
    "unsubscribe",
    "answer",
    "complaint",
    "erasure",
)


def suppress(
    session: Session, workspace_id: UUID, value: str, reason: str, source: str, now: datetime, *, by: str | None = None
) -> bool:
    """Never write to `value` again: an identity, or a domain. Whether it is new on the list."""
    known = select(Suppression.id).where(Suppression.workspace_id == workspace_id, Suppression.value == value)
    new = session.scalar(known) is None
    if new:
        session.add(
            Suppression(
                id=new_id(),
                workspace_id=workspace_id,
                value=value,
                reason=reason,
                source=source,
                created_by=by,
                created_at=now,
            )
        )
        session.flush()
    end_all(session, workspace_id, theirs(value), reason, now)
    return new


def theirs(value: str) -> ColumnElement[bool]:
    """The people whom an entry of the list means."""
    if "@" in value or "/" in value:
        return Prospect.identity == value
    return Prospect.identity.endswith(f"@{value}", autoescape=True)


def end_all(session: Session, workspace_id: UUID, who: ColumnElement[bool], reason: str, now: datetime) -> None:
    """Everybody of the workspace whom `who` means has said no: nothing more is due for them."""
    running = (Prospect.workspace_id == workspace_id, who, Prospect.status.not_in(lifecycle.TERMINAL))
    session.execute(
        update(Prospect)
        .where(*running)
        .values(
            status=lifecycle.UNSUBSCRIBED,
            status_reason=reason,
            due_at=None,
            paused_at=None,
            held_due_at=None,
            updated_at=now,
        ),
        execution_options={"synchronize_session": "fetch"},
    )
