"""What a channel is handed, and the only ways in which it may fail."""

import re
from typing import Protocol, Self

from campaigns.rules.outgoing import Outgoing

__all__ = ["Channel", "Doubtful", "Outgoing", "Unsent", "readable"]

# Most characters of a server's answer that are kept: it is for people to read.
MOST_WORDS = 500
REPLY_CODE = re.compile(r"(?:^|: )([245]\d\d)\b")


def readable(text: str) -> str:
    """What a server said, in one line of letters: it may say anything, and not every database keeps a NUL."""
    line = " ".join(text[: 2 * MOST_WORDS].split())
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in line)[:MOST_WORDS]


class Unsent(Exception):
    """The message did not leave, for certain.

    `lasting`: no point in trying again. `bounced`: because the address does not exist or refuses mail.
    `account`: the fault is the sender account's, not this message's.
    """

    def __init__(self, reason: str, *, lasting: bool, bounced: bool = False, account: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting
        self.bounced = bounced
        self.account = account

    @property
    def code(self) -> str | None:
        """The three digits of the server's answer (RFC 5321 section 4.2), if it gave one: unlike its words, they quote
        nobody."""
        found = REPLY_CODE.search(self.reason)
        return found[1] if found else None


class Doubtful(Exception):
    """The message was handed over, and no answer came: it may have left. Never to be repeated by a machine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Channel(Protocol):
    """An open connection of one account. Opening it raises Unsent with `account` set."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def ready(self) -> None:
        """Connect, if the connection was lost; a message is looked at once more after that. Raises Unsent."""
        ...

    def send(self, outgoing: Outgoing) -> str:
        """Hand the message over; the provider's receipt. Raises Unsent or Doubtful."""
        ...
