"""Handing over one message for whoever asks: past campaigns, limits and gaps, with no transaction open."""

from campaigns.models.sender import Sender
from campaigns.rules.outgoing import Outgoing
from campaigns.sending import open_channel
from campaigns.web.house import house


def post(sender: Sender, outgoing: Outgoing) -> str:
    """Send it from this account; where to look for it, in words. Raises Unsent or Doubtful."""
    settings = house().settings
    key, trap = settings.sealing_key, settings.trap_file
    with open_channel(sender, sealing_key=key, trap_file=trap, sessions=house().sessions) as channel:
        receipt = channel.send(outgoing)
    return "It is on the mail trap's page." if sender.uses_trap else f"The server said: {receipt}"
