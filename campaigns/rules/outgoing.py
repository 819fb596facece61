"""A message that is ready to leave, whatever channel it leaves by."""

from dataclasses import dataclass
from datetime import datetime


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
