"""The job that asks an account's provider to take an invitation back."""

from typing import cast
from uuid import UUID

from campaigns import withdrawing
from campaigns.models import Sender
from jobs.lane import open_for
from jobs.workshop import utcnow, workshop


def withdrawal(sender_id: str) -> bool:
    """Ask for one; the tick rings for the next."""
    shop = workshop()
    shop.ringer.answer("withdrawal", sender_id)
    return withdrawing.carry_out(shop.sessions, UUID(sender_id), _open, utcnow)


def _open(sender: Sender) -> withdrawing.Withdrawer:
    return cast(withdrawing.Withdrawer, open_for(sender))  # a seat's; no mailbox has sent an invitation
