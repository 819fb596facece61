"""Links that only we can have made: an id, signed for one purpose (the pixel, unsubscribing)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from uuid import UUID

ID_BYTES, SIGNATURE_BYTES = 16, 16


def sign(key: str, purpose: str, what: UUID) -> str:
    """43 characters that go into a URL as they are. A token of one purpose is worth nothing for another."""
    return urlsafe_b64encode(what.bytes + _signature(key, purpose, what)).decode().rstrip("=")


def read(key: str, purpose: str, token: str) -> UUID | None:
    """The id that `sign` made the token of; None for anything else."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (Error, ValueError):
        return None
    if len(raw) != ID_BYTES + SIGNATURE_BYTES:
        return None
    what = UUID(bytes=raw[:ID_BYTES])
    return what if hmac.compare_digest(raw[ID_BYTES:], _signature(key, purpose, what)) else None


def _signature(key: str, purpose: str, what: UUID) -> bytes:
    return hmac.digest(key.encode(), purpose.encode() + b"\0" + what.bytes, "sha256")[:SIGNATURE_BYTES]
