"""Sender accounts: adding, changing, testing and removing them."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import AccountLimit, Campaign, CampaignSender
from campaigns.models.finding import find_sender
from campaigns.models.message import SENDING, SENT, UNKNOWN, Message
from campaigns.models.sealing import seal
from campaigns.models.sender import Sender
from campaigns.models.waking import request_wake_up
from campaigns.rules import lifecycle
from campaigns.rules.kinds import Context, Flag, Kind, Number, Text
from campaigns.rules.people import read_email, read_linkedin_url
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Conflict, Invalid

DAY_SECONDS = 24 * 60 * 60
LEAST_GAP, MOST_GAP = 60, 180  # seconds, of an account that says nothing else
SECURITIES = ("none", "starttls", "tls")
MOST_NAME = 200
NAME = Text(MOST_NAME, nullable=True)

# Every plain column that a client may set.
COLUMNS: dict[str, Kind] = {
    "display_name": Text(MOST_NAME, least=1),
    "first_name": NAME,
    "last_name": NAME,
    "is_premium": Flag(),
    "daily_limit": Number(1, 100_000),
    "weekly_connection_limit": Number(0, 1000, nullable=True),
    "weekly_message_limit": Number(0, 1000, nullable=True),
    "min_gap": Number(0, DAY_SECONDS),
    "max_gap": Number(0, DAY_SECONDS),
}
_CONTEXT = Context("UTC")


@dataclass(frozen=True)
class Server:
    """An SMTP or IMAP server as it was sent. `keep_password`: none was sent, so the stored one stays."""

    settings: dict[str, Any] | None
    password: str | None
    keep_password: bool


def create(session: Session, workspace_id: UUID, body: Any, *, key: str, trap: bool, now: datetime) -> Sender:
    """Add an account. `key` seals its passwords, `trap` says that a local mail trap runs. Raises Invalid."""
    if not isinstance(body, Mapping):
        raise Invalid.of([Problem("body", "must be an object")])
    problems: list[Problem] = []
    kind = body.get("type")
    if kind not in lifecycle.CAMPAIGN_TYPES:
        raise Invalid.of([Problem("type", "must be email or linkedin")])
    values = _read(body, kind, problems)
    _require(values, kind, body, problems, trap)
    if problems:
        raise Invalid.of(problems)
    address = str(values.get("email_address") or values.get("profile_url"))
    values.setdefault("display_name", address[:MOST_NAME])
    sender = Sender(workspace_id=workspace_id, type=kind, created_at=now, updated_at=now)
    sender.min_gap, sender.max_gap = _gaps(values.get("min_gap"), values.get("max_gap"))
    sender.smtp = sender.imap = None
    _write(sender, values, key)
    _check_whole(sender)
    session.add(sender)
    session.flush()
    return sender


def change(
    session: Session,
    workspace_id: UUID,
    sender_id: UUID,
    body: Any,
    *,
    key: str,
    now: datetime,
    by: str | None,
) -> Sender:
    """Change an account; its running campaigns are woken if it can send more than before. Raises NotFound, Invalid."""
    sender = find_sender(session, workspace_id, sender_id, lock=True)
    if not isinstance(body, Mapping):
        raise Invalid.of([Problem("body", "must be an object")])
    problems: list[Problem] = []
    values = _read(body, sender.type, problems)
    if body.get("type", sender.type) != sender.type:
        problems.append(Problem("type", "cannot be changed: add another account"))
    problems.extend(_kept_password_problems(sender, values))
    if problems:
        raise Invalid.of(problems)
    before = (sender.daily_limit, sender.status)
    _write(sender, values, key)
    _check_whole(sender)
    if values.keys() & {"smtp", "imap", "status"}:
        sender.status, sender.status_reason = values.get("status", "active"), None
        if sender.status == "active" and (before[1] != "active" or sender.failures):
            sender.next_send_at = _after_gap(session, sender)
        sender.failures = 0
    sender.updated_at = now
    if sender.status == "active" and (sender.daily_limit > before[0] or before[1] != "active"):
        _wake_campaigns(session, sender, now, by)
    return sender


def _gaps(least: int | None, most: int | None) -> tuple[int, int]:
    """The gaps of a new account: the one that was not given never contradicts the other."""
    low = least if least is not None else min(LEAST_GAP, most if most is not None else LEAST_GAP)
    high = most if most is not None else max(MOST_GAP, low)
    return low, high


def _after_gap(session: Session, sender: Sender) -> datetime | None:
    """When an account that failed may send again: at once, but for the gap after what did leave."""
    query = select(func.max(Message.claimed_at)).where(
        Message.sender_account_id == sender.id, Message.status.in_((SENT, UNKNOWN, SENDING))
    )
    last = session.scalar(query)
    return last + timedelta(seconds=sender.max_gap) if last else None


def _wake_campaigns(session: Session, sender: Sender, now: datetime, by: str | None) -> None:
    running = (
        select(Campaign)
        .join(CampaignSender, CampaignSender.campaign_id == Campaign.id)
        .where(CampaignSender.sender_id == sender.id, Campaign.status == lifecycle.ACTIVE)
    )
    for campaign in session.scalars(running):
        request_wake_up(session, campaign, "senders", now, by=by, old_hours=campaign.operating_hours)


def remove(session: Session, workspace_id: UUID, sender_id: UUID) -> None:
    """Remove an account that no launched campaign sends from. Raises NotFound, Conflict naming the campaigns."""
    sender = find_sender(session, workspace_id, sender_id, lock=True)
    using = (
        select(Campaign.name)
        .join(CampaignSender, CampaignSender.campaign_id == Campaign.id)
        .where(
            CampaignSender.sender_id == sender.id,
            Campaign.status.in_((lifecycle.LAUNCHING, lifecycle.ACTIVE, lifecycle.PAUSED)),
        )
    )
    names = list(session.scalars(using.order_by(Campaign.name)))
    if names:
        words = ", ".join(f"“{name}”" for name in names[:5])
        raise Conflict(f"{sender.label} sends for {words}: delete or finish that first.", code="sender_in_use")
    session.delete(sender)


def campaigns_of(session: Session, sender: Sender) -> list[Campaign]:
    """The campaigns that send from this account."""
    query = select(Campaign).join(CampaignSender, CampaignSender.campaign_id == Campaign.id)
    return list(session.scalars(query.where(CampaignSender.sender_id == sender.id).order_by(Campaign.name)))


def limits_for(session: Session, sender: Sender) -> dict[UUID, int]:
    """Campaign id -> the limit that it sets for this account."""
    query = select(AccountLimit).where(AccountLimit.sender_id == sender.id)
    return {row.campaign_id: row.daily_limit for row in session.scalars(query)}


# Reading


def _read(body: Mapping[str, Any], kind: str, problems: list[Problem]) -> dict[str, Any]:
    """Every known field of `body`, parsed; what is wrong goes to `problems`."""
    readers: dict[str, Any] = {name: row.parse for name, row in COLUMNS.items()}
    readers["status"] = _read_status
    if kind == lifecycle.LINKEDIN:
        readers["profile_url"] = lambda raw, name, _: read_linkedin_url(raw, name)
    if kind == lifecycle.EMAIL:
        readers["email_address"] = lambda raw, name, _: read_email(raw, name)
        readers["smtp"] = readers["imap"] = _read_server
        readers["uses_trap"] = Flag().parse
    values: dict[str, Any] = {}
    for name, reader in readers.items():
        if name in body:
            try:
                values[name] = reader(body[name], name, _CONTEXT)
            except Problems as bad:
                problems.extend(bad.problems)
    return values


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
    problems: list[Problem] = []
    settings: dict[str, Any] = {}
    fields: dict[str, Kind] = {
        "host": Text(255, least=1),
        "port": Number(1, 65535),
        "username": Text(320, nullable=True),
        "password": Text(1000, nullable=True),
    }
    for field, row in fields.items():
        try:
            settings[field] = row.parse(raw.get(field), f"{name}.{field}", context)
        except Problems as bad:
            problems.extend(bad.problems)
    settings["security"] = raw.get("security", "starttls")
    problems.extend(_security_problems(settings, f"{name}.security"))
    if problems:
        raise Problems(problems)
    password = settings.pop("password")
    return Server(settings, password, keep_password="password" not in raw)


def _security_problems(settings: Mapping[str, Any], field: str) -> list[Problem]:
    if settings["security"] not in SECURITIES:
        return [Problem(field, "must be none, starttls or tls")]
    if settings["security"] == "none" and not is_loopback(settings.get("host")):
        return [Problem(field, "none is for servers on this machine only: choose starttls or tls")]
    return []


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


def _require(values: dict[str, Any], kind: str, body: Mapping[str, Any], problems: list[Problem], trap: bool) -> None:
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


def _check_whole(sender: Sender) -> None:
    """What must hold of an account at all times. Raises Invalid."""
    problems = []
    if sender.min_gap > sender.max_gap:
        problems.append(Problem("min_gap", f"must not be above max_gap, which is {sender.max_gap}"))
    if sender.type == lifecycle.EMAIL and not sender.email_address:
        problems.append(Problem("email_address", "is missing"))
    if sender.type == lifecycle.EMAIL and not sender.uses_trap and sender.smtp is None:
        problems.append(Problem("smtp", "is missing: host, port and security of the mail server"))
    if problems:
        raise Invalid.of(problems)


def _kept_password_problems(sender: Sender, values: Mapping[str, Any]) -> list[Problem]:
    """A stored password goes to no other host than the one it was given for, so that nobody can have it sent to
    a host of theirs."""
    problems = []
    for name in ("smtp", "imap"):
        server, old = values.get(name), getattr(sender, name)
        if server is None or server.settings is None or not server.keep_password:
            continue
        if getattr(sender, f"{name}_sealed") and old["host"] != server.settings["host"]:
            problems.append(Problem(f"{name}.password", f"must be sent again: the stored one is for {old['host']}"))
    return problems


def _write(sender: Sender, values: dict[str, Any], key: str) -> None:
    for name, value in values.items():
        if isinstance(value, Server):
            setattr(sender, name, value.settings)
            if not value.keep_password:
                setattr(sender, f"{name}_sealed", seal(key, value.password))
        elif name != "status" or value is not None:
            setattr(sender, name, value)
