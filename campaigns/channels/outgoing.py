"""What a channel is handed, and the only ways in which it may fail."""

import re
from datetime import timedelta
from typing import Any, Protocol, Self

from campaigns.rules.outgoing import Approach, Outgoing

__all__ = [
    "Already",
    "Approach",
    "Channel",
    "Doubtful",
    "Limited",
    "Nobody",
    "Outgoing",
    "Receipt",
    "Unsent",
    "readable",
]

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


class Limited(Unsent):
    """It did not leave, since the provider takes no more steps of its kind from this account for `pause`; None where it
    does not say for how long."""

    def __init__(self, reason: str, pause: timedelta | None = None) -> None:
        super().__init__(reason, lasting=False)
        self.pause = pause


class Already(Unsent):
    """An invitation that need not leave: the person is `status` already, connected or (an invitation is pending)
    connection_sent. `person_id` is what the provider calls them."""

    def __init__(self, reason: str, status: str, person_id: str | None = None) -> None:
        super().__init__(reason, lasting=True)
        self.status = status
        self.person_id = person_id


class Receipt(str):
    """What a provider calls the message it took, and the person who gets it."""

    def __new__(cls, receipt: str, person_id: str | None = None) -> Self:
        """`person_id` is None where the provider did not say."""
        made = super().__new__(cls, receipt)
        made.person_id = person_id
        return made

    person_id: str | None


class Doubtful(Exception):
    """The message was handed over, and no answer came: it may have left. Never to be repeated by a machine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Nobody:
    """The channel of an account whose steps a person does: nothing is ever handed over."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def ready(self) -> None:
        """Nothing to connect."""

    def send(self, outgoing: Any) -> str:
        """Never comes to it."""
        raise Unsent("This account's steps are tasks for a person.", lasting=False, account=True)

    def withdraw(self, invitation: str | None, person_id: str | None, profile_url: str) -> None:
        """The account had a provider when this was asked for."""
        raise Unsent("This account has no provider any more: ask again, and do it at LinkedIn.", lasting=True)


class Channel(Protocol):
    """An open connection of one account. Opening it raises Unsent with `account` set."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def ready(self) -> None:
        """Connect, if the connection was lost; a message is looked at once more after that. Raises Unsent."""
        ...

    def send(self, outgoing: Any) -> str:
        """Hand over an Outgoing or an Approach, whichever the channel takes; the provider's receipt. Raises Unsent or
        Doubtful."""
        ...
