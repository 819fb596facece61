"""Hearing: what a provider tells of a seat, by webhook or asked: who accepted, who wrote, how the account stands.

To hear it five times, late or in another order is to hear it once.
"""

from campaigns.hearing.acting import TROUBLES, hear
from campaigns.hearing.opening import open_seat
from campaigns.hearing.polling import Poll, unheard

__all__ = ["TROUBLES", "Poll", "hear", "open_seat", "unheard"]
