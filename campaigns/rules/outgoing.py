"""A message that is ready to leave, whatever channel it leaves by."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import idna

# What RFC 5321 lets stand in an address without quotation marks, and nothing that could end it early.
_ADDRESS = re.compile(r'[^\s\x00-\x20\x7f()<>\[\]:;@\\,"]+@[^\s\x00-\x20\x7f()<>\[\]:;@\\,"]+')


@dataclass(frozen=True)
class Outgoing:
    """One message, ready to leave. `references` are Message-IDs, the oldest first. `unsubscribe` is the address of the
    page that takes a no (RFC 8058), `pixel` that of the picture that tells of an open: both are this message's alone.
    """

    from_name: str
    from_address: str
    to_name: str | None
    to_address: str
    subject: str
    body: str
    message_id: str
    date: datetime
    references: tuple[str, ...] = ()
    reply_to: str | None = None
    unsubscribe: str | None = None
    pixel: str | None = None


@dataclass(frozen=True)
class Approach:
    """One LinkedIn step, ready to leave: an invitation, bare where `text` is None, or a message. `person_id` is what
    the provider calls the person, where that is known; `key` is the message's own."""

    step: str
    profile_url: str
    person_id: str | None
    text: str | None
    key: UUID


def wire_address(address: str) -> str:
    """The address with its domain in ASCII; the part before the @ stays as it is. Raises ValueError."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address!r} is not an address")
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"


def message_id(key: str, address: str) -> str:
    """The Message-ID of a mail from `address`; `key` makes it unique."""
    try:
        domain = wire_address(address).rpartition("@")[2]
    except ValueError:
        domain = "localhost"  # the channel will refuse the address, and say why
    return f"<{key}@{domain}>"
