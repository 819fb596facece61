"""Linking: a seat, and the account at its provider that its steps leave from."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.models.finding import find_sender
from campaigns.models.mailbox import look_anew
from campaigns.models.seat import check_account
from campaigns.models.sender import Sender
from campaigns.models.standing import put_to_work, wake_campaigns
from campaigns.rules.refusals import WrongState


def connect(
    session: Session,
    workspace_id: UUID,
    sender_id: UUID,
    account_id: str,
    name: str | None,
    *,
    now: datetime,
    by: str | None,
) -> Sender:
    """Somebody chose this account of the provider, or signed it in again: the seat works with it from now on. Raises
    NotFound, WrongState, and Invalid if it has another seat."""
    sender = find_sender(session, workspace_id, sender_id, lock=True)
    if sender.seat is None:
        raise WrongState(
            "Say first that the steps leave through Unipile, and enter the address and the key of its API."
        )
    elsewhere = sender.seat["account_id"] != account_id
    sender.seat = {**sender.seat, "account_id": account_id, "name": name}
    check_account(session, sender)
    put_to_work(session, sender)
    look_anew(session, sender, elsewhere=elsewhere)
    sender.updated_at = now
    wake_campaigns(session, sender, now, by)
    return sender
