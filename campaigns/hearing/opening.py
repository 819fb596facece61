"""Opening the provider's API for a seat."""

from campaigns.channels.unipile import Fault, Unipile
from campaigns.channels.unipile.meanings import ACCOUNT
from campaigns.models.sealing import Unsealable
from campaigns.models.seat import NO_ACCOUNT, read_keys
from campaigns.models.sender import Sender


def open_seat(sender: Sender, *, sealing_key: str) -> Unipile:
    """The API that the seat's key opens. Raises Fault."""
    try:
        keys = read_keys(sender, sealing_key)
    except Unsealable as wrong:
        raise Fault(ACCOUNT, str(wrong)) from wrong
    return Unipile((sender.seat or NO_ACCOUNT)["base_url"], keys.api_key)
