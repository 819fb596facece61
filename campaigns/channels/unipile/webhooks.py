"""Reading what Unipile sends by webhook: signed, maybe late, twice, out of order, or not from Unipile at all."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from campaigns.channels.unipile.client import Json, read_id, read_instant, read_message, read_relation
from campaigns.channels.unipile.meanings import read_object
from campaigns.rules.provider import DISCONNECTED, ERRORED, RUNNING, Accepted, Heard, Standing

SIGNATURE = "unipile-signature"
# How far the instant of a signature may be from ours.
TOLERANCE = timedelta(minutes=5)
_INSTANT = re.compile(r"\d{1,11}", re.ASCII)
STANDINGS = {
    "account.status.running": RUNNING,
    "account.status.disconnected": DISCONNECTED,
    "account.status.errored": ERRORED,
    "account.remove": DISCONNECTED,
}


class Unheard(Exception):
    """Not from Unipile, as far as can be told, or not to be understood; why, without quoting it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unsigned(Unheard):
    """Its signature is missing, wrong or of another time."""


def read_event(body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> list[Heard]:
    """What a webhook tells of; nothing, if that does not matter here. Raises Unheard, which is Unsigned if
    that is why, and nothing else."""
    _check(body, headers, secret, now)
    event = read_object(body)
    account_id, kind, payload = read_id(event.get("account_id")), event.get("type"), event.get("payload")
    if account_id is None or not isinstance(kind, str) or not isinstance(payload, dict):
        raise Unheard("The body is not an event of Unipile's.")
    heard = _heard(account_id, kind, payload, read_instant(event.get("created_at")) or now)
    return [] if heard is None else [heard]


def _heard(account_id: str, kind: str, payload: Json, at: datetime) -> Heard | None:
    if kind == "relation.new":
        return _relation(account_id, payload, at)
    if kind == "message.new":
        return read_message(account_id, payload)
    if kind in STANDINGS:
        return Standing(account_id, STANDINGS[kind], read_instant(payload.get("timestamp")) or at)
    return None


def _relation(account_id: str, payload: Json, at: datetime) -> Accepted:
    relation = read_relation(account_id, payload)
    if relation is None:
        raise Unheard("The event does not say who was connected.")
    return replace(relation, at=relation.at or at)


def _check(body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> None:
    """`t=…,v0=…`: seconds since 1970, and the HMAC-SHA256 of these, a dot and the body."""
    said = next((value for name, value in headers.items() if name.lower() == SIGNATURE), "")
    pairs = [part.strip().partition("=") for part in said.split(",")]
    instants = [value for name, _, value in pairs if name == "t" and _INSTANT.fullmatch(value)]
    if not secret or not instants:
        raise Unsigned("The signature is missing.")
    expected = hmac.digest(secret.encode(), f"{instants[0]}.".encode() + body, "sha256").hex()
    signatures = [value.lower().encode("ascii", "replace") for name, _, value in pairs if name == "v0"]
    if not any(hmac.compare_digest(expected.encode(), signature) for signature in signatures):
        raise Unsigned("The signature is wrong.")
    if abs(now.timestamp() - int(instants[0])) > TOLERANCE.total_seconds():
        raise Unsigned("The signature is of another time.")
