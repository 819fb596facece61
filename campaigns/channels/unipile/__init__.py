"""LinkedIn seats through Unipile: the API, the channel, and what it tells of by webhook."""

from campaigns.channels.unipile.channel import Seat, UnipileChannel
from campaigns.channels.unipile.client import DEFAULT_ADDRESS, Account, Invitation, Profile, Unipile, Webhook
from campaigns.channels.unipile.meanings import Fault
from campaigns.channels.unipile.webhooks import Unheard, Unsigned, read_event

__all__ = [
    "DEFAULT_ADDRESS",
    "Account",
    "Fault",
    "Invitation",
    "Profile",
    "Seat",
    "Unheard",
    "Unipile",
    "UnipileChannel",
    "Unsigned",
    "Webhook",
    "read_event",
]
