"""The account of a lane, locked: whoever holds it is the only one who writes from it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from campaigns.models.saving import Reader, Saver
from campaigns.models.sender import HINTS, OUTCOMES, Sender
from campaigns.models.workspace import Workspace

_read = Reader(Sender)
_account = (
    select(*_read.columns, Workspace.timezone)
    .join(Workspace, Workspace.id == Sender.workspace_id)
    .where(Sender.id == bindparam("sender_id"))
    .with_for_update(key_share=True, of=Sender)
)
_counters = tuple(f"ever_{outcome}" for outcome in OUTCOMES)
_STATE = ("status", "status_reason", "next_send_at", "failures", "lease_until", "updated_at", "limited")
save = Saver(Sender, *_STATE, *HINTS.values(), *_counters)


@dataclass(frozen=True)
class Account:
    """An account and the time zone of its workspace."""

    sender: Sender
    timezone: str


def lock_account(session: Session, sender_id: UUID) -> Account | None:
    """The account, until the end of the transaction; None if it is gone. `save` writes what is changed of it."""
    found = _read(session, _account, {"sender_id": sender_id})
    return Account(*found) if found else None
