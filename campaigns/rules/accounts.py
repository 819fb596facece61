"""Reading a sender account as a client sends it: its kinds, its mail servers, what it must have."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from campaigns.rules import lifecycle
from campaigns.rules.kinds import Context, Flag, Kind, Number, Text
from campaigns.rules.oauth import WAYS
from campaigns.rules.people import read_email, read_linkedin_url
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.seats import LEAST_DAYS, MOST_DAYS, PROVIDERS

DAY_SECONDS = 24 * 60 * 60
LEAST_GAP, MOST_GAP = 60, 180  # seconds, of an account that says nothing else
SECURITIES = ("none", "starttls", "tls")
MOST_NAME = 200
NAME = Text(MOST_NAME, nullable=True)
MOST_MESSAGES = 100_000  # a day

# Every plain column that a client may set.
COLUMNS: dict[str, Kind] = {
    "display_name": Text(MOST_NAME, least=1),
    "first_name": NAME,
    "last_name": NAME,
    "is_premium": Flag(),
    "daily_limit": Number(1, MOST_MESSAGES),
    "ramp_start": Number(1, MOST_MESSAGES, nullable=True),
    "ramp_step": Number(0, MOST_MESSAGES, nullable=True),
    "ramp_ceiling": Number(1, MOST_MESSAGES, nullable=True),
    "weekly_connection_limit": Number(0, 1000, nullable=True),
    "weekly_message_limit": Number(0, 1000, nullable=True),
    "min_gap": Number(0, DAY_SECONDS),
    "max_gap": Number(0, DAY_SECONDS),
}
# What only a mailbox has besides.
MAILBOX_COLUMNS: dict[str, Kind] = {"signature": Text(5_000, lines=True, nullable=True)}
# What only a LinkedIn seat has besides.
SEAT_COLUMNS: dict[str, Kind] = {"invitation_days": Number(LEAST_DAYS, MOST_DAYS)}
# A server, and a client that the user registered at Google or Microsoft, as they are sent.
SERVER: dict[str, Kind] = {
    "host": Text(255, least=1),
    "port": Number(1, 65535),
    "username": Text(320, nullable=True),
    "password": Text(1000, nullable=True),
}
CLIENT: dict[str, Kind] = {
    "client_id": Text(500, least=1),
    "client_secret": Text(1000, nullable=True),
    "tenant": Text(200, nullable=True),
    "refresh_token": Text(4000, nullable=True),
}
# An account at a LinkedIn provider.
SEAT: dict[str, Kind] = {
    "base_url": Text(500, least=1),
    "account_id": Text(200, nullable=True),
    "api_key": Text(1000, nullable=True),
}
_CONTEXT = Context("UTC")


@dataclass(frozen=True)
class Server:
    """An SMTP or IMAP server as it was sent. `keep_password`: none was sent, so the stored one stays."""

    settings: dict[str, Any] | None
    password: str | None
    keep_password: bool


@dataclass(frozen=True)
class Registration:
    """A client at Google or Microsoft as it was sent. `keep_secret`: none was sent, so the stored one stays."""

    client_id: str
    tenant: str | None
    secret: str | None
    refresh: str | None
    keep_secret: bool


@dataclass(frozen=True)
class SeatAccount:
    """An account at a LinkedIn provider as it was sent, None of it where none is wanted. `keep_account`, `keep_key`:
    that was not sent, so what is stored stays."""

    base_url: str
    account_id: str | None
    api_key: str | None
    keep_account: bool
    keep_key: bool


def gaps(least: int | None, most: int | None, *, assisted: bool = False) -> tuple[int, int]:
    """The gaps of a new account: the one that was not given never contradicts the other. Where a person does each step,
    they are the pace."""
    if assisted:
        return least or 0, max(most or 0, least or 0)
    low = least if least is not None else min(LEAST_GAP, most if most is not None else LEAST_GAP)
    high = most if most is not None else max(MOST_GAP, low)
    return low, high


def _read_status(raw: object, name: str, _: Context) -> str:
    # A person may put an account back to work, or out of it; that it needs attention is for Cadenza to say.
    if raw not in ("active", "disconnected"):
        raise Problems([Problem(name, "must be active or disconnected")])
    return str(raw)


def _read_server(raw: object, name: str, context: Context) -> Server:
    if raw is None:
        return Server(None, None, keep_password=False)
    if not isinstance(raw, Mapping):
        raise Problems([Problem(name, "must be an object with host, port and security, or null")])
    settings, problems = _read_parts(raw, SERVER, name, context)
    settings["security"] = raw.get("security", "starttls")
    problems.extend(_security_problems(settings, f"{name}.security"))
    if problems:
        raise Problems(problems)
    password = settings.pop("password")
    return Server(settings, password, keep_password="password" not in raw)


def _read_parts(
    raw: Mapping[str, Any], parts: Mapping[str, Kind], name: str, context: Context
) -> tuple[dict[str, Any], list[Problem]]:
    """What can be read of an object, and what is wrong with the rest."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for part, row in parts.items():
        try:
            values[part] = row.parse(raw.get(part), f"{name}.{part}", context)
        except Problems as bad:
            problems.extend(bad.problems)
    return values, problems


def _read_auth(raw: object, name: str, _: Context) -> str:
    if raw not in WAYS:
        raise Problems([Problem(name, "must be password, google or microsoft")])
    return str(raw)


def _read_client(raw: object, name: str, context: Context) -> Registration | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        raise Problems([Problem(name, "must be an object with client_id and client_secret, or null")])
    values, problems = _read_parts(raw, CLIENT, name, context)
    if problems:
        raise Problems(problems)
    return Registration(
        values["client_id"],
        values["tenant"],
        values["client_secret"],
        values["refresh_token"],
        keep_secret="client_secret" not in raw,
    )


def _read_provider(raw: object, name: str, _: Context) -> str:
    if raw not in PROVIDERS:
        raise Problems([Problem(name, f"must be {' or '.join(PROVIDERS)}")])
    return str(raw)


def _read_seat(raw: object, name: str, context: Context) -> SeatAccount | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        raise Problems([Problem(name, "must be an object with base_url and api_key, or null")])
    values, problems = _read_parts(raw, SEAT, name, context)
    base_url = read_origin(values.get("base_url", ""))
    if base_url is None and "base_url" in values:
        problems.append(Problem(f"{name}.base_url", "must be an https address, such as api.unipile.com"))
    if problems:
        raise Problems(problems)
    return SeatAccount(
        base_url or "",
        values["account_id"],
        values["api_key"],
        keep_account="account_id" not in raw,
        keep_key="api_key" not in raw,
    )


def read_origin(text: str) -> str | None:
    """The beginning of all addresses of an API; None for what is no such address. Without a scheme it is https, which
    only this machine needs not speak."""
    try:
        parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    beyond = parts.path.strip("/") not in ("", "v2") or parts.query or parts.fragment
    if not host or not safe or parts.username is not None or beyond:
        return None
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def _security_problems(settings: Mapping[str, Any], field: str) -> list[Problem]:
    if settings["security"] not in SECURITIES:
        return [Problem(field, "must be none, starttls or tls")]
    if settings["security"] == "none" and "host" in settings and not is_loopback(settings["host"]):
        return [Problem(field, "none is for servers on this machine only: choose starttls or tls")]
    return []


def _read_address(raw: object, name: str, _: Context) -> str | None:
    return read_email(raw, name)


_COMMON: dict[str, Any] = {**{name: row.parse for name, row in COLUMNS.items()}, "status": _read_status}
# Kind -> the readers of what only such an account has.
_OWN: dict[str, dict[str, Any]] = {
    lifecycle.LINKEDIN: {
        **{name: row.parse for name, row in SEAT_COLUMNS.items()},
        "profile_url": lambda raw, name, _: read_linkedin_url(raw, name),
        "provider": _read_provider,
        "seat": _read_seat,
    },
    lifecycle.EMAIL: {
        **{name: row.parse for name, row in MAILBOX_COLUMNS.items()},
        "email_address": _read_address,
        "reply_to": _read_address,
        "smtp": _read_server,
        "imap": _read_server,
        "auth": _read_auth,
        "oauth": _read_client,
        "uses_trap": Flag().parse,
    },
}


def read_account(body: Mapping[str, Any], kind: str, problems: list[Problem]) -> dict[str, Any]:
    """Every known field of `body` that applies to this kind, parsed; what is wrong, in the others too, goes to
    `problems`."""
    values: dict[str, Any] = {}
    for owner, readers in ((kind, _COMMON), *_OWN.items()):
        for name in [name for name in readers if name in body]:
            try:
                value = readers[name](body[name], name, _CONTEXT)
            except Problems as bad:
                problems.extend(bad.problems)
                continue
            if owner == kind:
                values[name] = value
    return values


def is_loopback(host: object) -> bool:
    """Whether a host name or address means this machine for certain."""
    if not isinstance(host, str):
        return False
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require(values: dict[str, Any], kind: str, problems: list[Problem], *, trap: bool) -> None:
    """What a new account must come with; what is missing goes to `problems`, unless it is there already."""
    named = {problem.field for problem in problems}
    if kind == lifecycle.LINKEDIN:
        if not values.get("display_name") and not values.get("profile_url") and not named:
            problems.append(Problem("display_name", "is missing"))
        return
    if not values.get("email_address") and "email_address" not in named:
        problems.append(Problem("email_address", "is missing"))
    if values.get("uses_trap") and not trap:
        problems.append(Problem("uses_trap", "no mail trap runs on this server"))
    smtp = values.get("smtp")
    has_server = values.get("uses_trap") or (smtp is not None and smtp.settings is not None)
    if not has_server and not any(field.startswith("smtp") for field in named):
        problems.append(Problem("smtp", "is missing: host, port and security of the mail server"))
