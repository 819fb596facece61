"""Sending: one sender, one line.

What makes a second send impossible is the order of things: the message row (unique for prospect and node) is
committed as `sending` before the channel is called, and no transaction is open during the call. A lane that
dies in between leaves `sending`, which no machine repeats (CONTRACT section 4, "never twice").
"""

from campaigns.models.sender import LEASE
from campaigns.sending.claiming import HEARTBEAT
from campaigns.sending.lane import SLICE, Lane
from campaigns.sending.opening import open_channel, smtp_endpoint

__all__ = ["HEARTBEAT", "LEASE", "SLICE", "Lane", "open_channel", "smtp_endpoint"]
