"""Errands at a page of somebody else: who went there for which account, lately (RFC 6749 section 10.12)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from campaigns.rules.links import ID_BYTES, read, sign
from campaigns.rules.refusals import NotFound
from campaigns.web.house import house, now, person

# How long somebody may be away.
AWAY = timedelta(minutes=15)


def leave(purpose: str, sender_id: UUID) -> str:
    """What comes back with this person, from an errand of this purpose."""
    until = int((now() + AWAY).timestamp())
    payload = sender_id.bytes + person().user_id.bytes + until.to_bytes(8, "big")
    return sign(house().settings.secret_key, purpose, payload)


def come_back(purpose: str, state: str) -> UUID:
    """The account that the errand was for. Raises NotFound."""
    payload = read(house().settings.secret_key, purpose, state) or b""
    who, until = payload[ID_BYTES : 2 * ID_BYTES], int.from_bytes(payload[2 * ID_BYTES :], "big")
    if who != person().user_id.bytes or datetime.fromtimestamp(until, UTC) < now():
        raise NotFound("sign-in under way: begin it again on the account's page")
    return UUID(bytes=payload[:ID_BYTES])
