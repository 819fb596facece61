"""What a channel is handed, and the only ways in which it may fail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self


@dataclass(frozen=True)
class Outgoing:
    """One message, ready to leave. `references` are Message-IDs, the oldest first."""

    from_name: str
    from_address: str
    to_name: str | None
    to_address: str
    subject: str
    body: str
    message_id: str
    date: datetime
    references: tuple[str, ...] = ()


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


class Doubtful(Exception):
    """The message was handed over, and no answer came: it may have left. Never to be repeated by a machine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Channel(Protocol):
    """An open connection of one account. Opening it raises Unsent with `account` set."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def send(self, outgoing: Outgoing) -> str:
        """Hand the message over; the provider's receipt. Raises Unsent or Doubtful."""
        ...
