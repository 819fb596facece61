"""Trying an account out: one message to the person who asks, past campaigns, limits and gaps."""

from datetime import datetime

from campaigns.channels.outgoing import Channel, Outgoing
from campaigns.models.base import new_id
from campaigns.models.sender import Sender
from campaigns.rules.outgoing import message_id

SUBJECT = "A test message from Cadenza"
BODY = """Hello,

this is a test message from the account {label}. It has arrived, so messages of your campaigns can leave from it.

Cadenza
"""


def compose_test(sender: Sender, to: str, now: datetime) -> Outgoing:
    """The test message of this account."""
    address = sender.email_address or ""
    return Outgoing(
        from_name=sender.display_name,
        from_address=address,
        to_name=None,
        to_address=to,
        subject=SUBJECT,
        body=BODY.format(label=sender.label),
        message_id=message_id(new_id().hex, address),
        date=now,
    )


def send_test(channel: Channel, sender: Sender, to: str, now: datetime) -> str:
    """Hand the test message over; the server's receipt. Raises Unsent or Doubtful. No transaction may be open."""
    with channel as connected:
        return connected.send(compose_test(sender, to, now))
