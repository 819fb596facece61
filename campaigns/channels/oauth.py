"""Signing in by OAuth 2 (RFC 6749) at Google and Microsoft, as a client that the user registered there."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from campaigns.channels.outgoing import readable
from campaigns.rules.hosts import GOOGLE, MICROSOFT
from campaigns.rules.oauth import Client, Denied, Tokens

# Seconds to wait for an answer, and the most bytes of one that are read.
PATIENCE, MOST_BYTES = 10.0, 65_536
# Errors of RFC 6749 (section 5.2 and 4.1.2.1) after which the same request may work later.
PASSING = ("temporarily_unavailable", "server_error")


@dataclass(frozen=True)
class Provider:
    """Where people give their leave, and where that is turned into tokens. `%s` stands for a tenant."""

    name: str
    authorize: str
    token: str
    scope: str
    asked: dict[str, str]


PROVIDERS = {
    GOOGLE: Provider(
        "Google",
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "https://mail.google.com/",
        # Without being asked each time, Google gives no refresh token the second time.
        {"access_type": "offline", "prompt": "consent"},
    ),
    MICROSOFT: Provider(
        "Microsoft",
        "https://login.microsoftonline.com/%s/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/%s/oauth2/v2.0/token",
        "offline_access https://outlook.office.com/SMTP.Send https://outlook.office.com/IMAP.AccessAsUser.All",
        {},
    ),
}


def authorize_url(client: Client, redirect_uri: str, state: str, address: str | None) -> str:
    """Where the person gives leave to use the mailbox; `state` comes back with the answer."""
    provider = PROVIDERS[client.provider]
    asked = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": redirect_uri,
        "scope": provider.scope,
        "state": state,
        **provider.asked,
        **({"login_hint": address} if address else {}),
    }
    return f"{_at(provider.authorize, client)}?{urlencode(asked)}"


def redeem(client: Client, code: str, redirect_uri: str) -> Tokens:
    """The tokens for what the person brought back. Raises Denied."""
    return _ask(client, grant_type="authorization_code", code=code, redirect_uri=redirect_uri)


def renew(client: Client, refresh: str) -> Tokens:
    """Fresh tokens; with a new refresh token where the provider gives one. Raises Denied."""
    return _ask(client, grant_type="refresh_token", refresh_token=refresh)


def _at(address: str, client: Client) -> str:
    return address % quote(client.tenant, safe="") if "%s" in address else address


def _ask(client: Client, **grant: str) -> Tokens:
    provider = PROVIDERS[client.provider]
    form = urlencode({"client_id": client.id, "client_secret": client.secret, **grant}).encode()
    request = Request(_at(provider.token, client), form, {"Accept": "application/json"})  # noqa: S310 the address is ours
    try:
        with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            found = _read(answer.read(MOST_BYTES))
    except HTTPError as refused:
        with refused:
            raise _denied(provider, refused.code, _read(refused.read(MOST_BYTES))) from refused
    except (OSError, ValueError) as failed:
        raise Denied(f"{provider.name} did not answer: {readable(str(failed))}", lasting=False) from failed
    access, refresh = found.get("access_token"), found.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise Denied(f"{provider.name} answered without a token.", lasting=False)
    return Tokens(access, refresh if isinstance(refresh, str) else None)


def _read(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _denied(provider: Provider, status: int, answer: dict[str, Any]) -> Denied:
    error = answer.get("error")
    words = readable(str(answer.get("error_description") or error or f"status {status}"))
    lasting = isinstance(error, str) and 400 <= status < 500 and error not in PASSING
    return Denied(f"{provider.name} refused to sign in: {words}", lasting=lasting)
