"""Vouching for the mail of a domain: the key that Cadenza signs with, made here and published by its owner."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.channels.signing import make_key
from campaigns.models.sealing import seal
from campaigns.models.sender import Sender
from campaigns.rules.refusals import NotFound


def begin(session: Session, workspace_id: UUID, domain: str, *, key: str, now: datetime) -> None:
    """Make a key for the accounts at this domain, unless they have one. Nothing is signed yet: it has to be published
    first. `key` seals the private half. Raises NotFound."""
    senders = _senders_at(session, workspace_id, domain)
    known = next((one for one in senders if one.signs_for(domain)), None)
    if known is not None:
        told, sealed = known.dkim, known.dkim_sealed
    else:
        private, record = make_key()
        told = {"domain": domain, "selector": f"cadenza{now:%Y%m%d}", "record": record, "on": False}
        sealed = seal(key, private)
    for sender in senders:
        sender.dkim, sender.dkim_sealed, sender.updated_at = told, sealed, now


def switch_on(session: Session, workspace_id: UUID, domain: str, *, now: datetime) -> None:
    """Sign everything from now on. Raises NotFound if there is no key."""
    senders = [one for one in _senders_at(session, workspace_id, domain) if one.signs_for(domain)]
    if not senders:
        raise NotFound("key of this domain")
    for sender in senders:
        told: dict[str, Any] = sender.dkim or {}
        sender.dkim, sender.updated_at = {**told, "on": True}, now


def end(session: Session, workspace_id: UUID, domain: str, *, now: datetime) -> None:
    """Sign no more, and forget the key. Raises NotFound."""
    for sender in _senders_at(session, workspace_id, domain):
        sender.dkim, sender.dkim_sealed, sender.updated_at = None, None, now


def _senders_at(session: Session, workspace_id: UUID, domain: str) -> Sequence[Sender]:
    query = select(Sender).where(
        Sender.workspace_id == workspace_id, func.lower(Sender.email_address).like(f"%@{_plain(domain)}", escape="\\")
    )
    found = session.scalars(query.order_by(Sender.id).with_for_update()).all()
    if not found:
        raise NotFound("domain among those of your accounts")
    return found


def _plain(text: str) -> str:
    """The text for LIKE, without any letter that stands for others."""
    return text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
