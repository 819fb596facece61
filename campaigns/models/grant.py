"""What an account keeps of its sign-in at Google or Microsoft: the client of the user, and the leave that was given."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models.sealing import seal, unseal
from campaigns.models.sender import Sender
from campaigns.rules.oauth import ANY_TENANT, PASSWORD, Client, Denied, Tokens


@dataclass(frozen=True)
class Grant:
    """The client's secret, and what gets fresh tokens; None before anybody signed in."""

    client_secret: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)


def read_grant(sender: Sender, key: str) -> Grant:
    """What is sealed with the account. Raises Unsealable."""
    return Grant(**json.loads(unseal(key, sender.oauth_sealed) or '{"client_secret": ""}'))


def seal_grant(grant: Grant, key: str) -> str | None:
    """The same as it is stored."""
    return seal(key, json.dumps(vars(grant)))


def client_of(sender: Sender, grant: Grant) -> Client:
    """The client that the account signs in through."""
    told = sender.oauth or {}
    return Client(sender.auth, told.get("client_id", ""), grant.client_secret, told.get("tenant") or ANY_TENANT)


def access_token(
    sender: Sender, key: str, renew: Callable[[Client, str], Tokens], sessions: sessionmaker[Session] | None
) -> str | None:
    """What the account signs in with now; None if that is its password. Microsoft gives a new refresh token each time,
    of which any works for 90 days: where there are `sessions`, it is kept. Raises Denied, Unsealable."""
    if sender.auth == PASSWORD:
        return None
    grant = read_grant(sender, key)
    if grant.refresh is None:
        raise Denied("Nobody has signed in yet: do so on the account's page.", lasting=True)
    tokens = renew(client_of(sender, grant), grant.refresh)
    if sessions and tokens.refresh not in (None, grant.refresh):
        _keep(sessions, sender.id, sender.oauth_sealed, seal_grant(replace(grant, refresh=tokens.refresh), key))
    return tokens.access


def _keep(sessions: sessionmaker[Session], sender_id: UUID, before: str | None, sealed: str | None) -> None:
    """Store what replaces `before`, unless somebody has signed in anew meanwhile."""
    row = update(Sender).where(Sender.id == sender_id, Sender.oauth_sealed == before)
    with sessions.begin() as session:
        session.execute(row.values(oauth_sealed=sealed), execution_options={"synchronize_session": False})
