"""Links that only we can have made: what they are about, signed for one purpose (the pixel, unsubscribing)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from uuid import UUID

ID_BYTES, SIGNATURE_BYTES = 16, 16
# No token of ours is longer: two ids, an address, a signature, in base64.
LONGEST = 1000
OPEN, UNSUBSCRIBE = "open", "unsubscribe"


def sign(key: str, purpose: str, payload: bytes) -> str:
    """A token that goes into a URL as it is. One of one purpose is worth nothing for another."""
    return urlsafe_b64encode(payload + _signature(key, purpose, payload)).decode().rstrip("=")


def read(key: str, purpose: str, token: str) -> bytes | None:
    """What `sign` made the token of; None for anything else."""
    if len(token) > LONGEST:
        return None
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (Error, ValueError):
        return None
    payload, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    # Another spelling of the same bytes is no token of ours either.
    genuine = hmac.compare_digest(signature, _signature(key, purpose, payload)) and sign(key, purpose, payload) == token
    return payload if genuine else None


def _signature(key: str, purpose: str, payload: bytes) -> bytes:
    return hmac.digest(key.encode(), purpose.encode() + b"\0" + payload, "sha256")[:SIGNATURE_BYTES]


@dataclass(frozen=True)
class Recipient:
    """Whom a message went to. Enough to take a no after the campaign and its people are gone."""

    message_id: UUID
    workspace_id: UUID
    identity: str


@dataclass(frozen=True)
class Links:
    """The links of messages: `base` is the server's public address, `key` its secret."""

    base: str
    key: str

    def pixel(self, message_id: UUID) -> str:
        """The picture whose loading tells of an open."""
        return f"{self.base}/o/{sign(self.key, OPEN, message_id.bytes)}.gif"

    def unsubscribe(self, recipient: Recipient) -> str:
        """The page on which this person says no, and where mail programs do it for them (RFC 8058)."""
        payload = recipient.message_id.bytes + recipient.workspace_id.bytes + recipient.identity.encode()
        return f"{self.base}/u/{sign(self.key, UNSUBSCRIBE, payload)}"


def read_pixel(key: str, token: str) -> UUID | None:
    """The message that a pixel belongs to; None for a link that is not ours."""
    payload = read(key, OPEN, token)
    return UUID(bytes=payload) if payload and len(payload) == ID_BYTES else None


def read_unsubscribe(key: str, token: str) -> Recipient | None:
    """Whom a link to unsubscribe was made for; None for a link that is not ours."""
    payload = read(key, UNSUBSCRIBE, token)
    if payload is None or len(payload) <= 2 * ID_BYTES:
        return None
    message, workspace = UUID(bytes=payload[:ID_BYTES]), UUID(bytes=payload[ID_BYTES : 2 * ID_BYTES])
    return Recipient(message, workspace, payload[2 * ID_BYTES :].decode())
