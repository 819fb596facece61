"""Trying an account out: one message to the person who asks, past campaigns, limits and gaps."""

from datetime import datetime

from campaigns.models.sender import Sender
from campaigns.models.writing import compose_alone
from campaigns.rules.outgoing import Outgoing

SUBJECT = "A test message from Cadenza"
BODY = """Hello,

this is a test message from the account {label}. It has arrived, so messages of your campaigns can leave from it.

Cadenza
"""


def compose_test(sender: Sender, to: str, now: datetime) -> Outgoing:
    """The test message of this account."""
    return compose_alone(sender, to, SUBJECT, BODY.format(label=sender.label), now)
