"""Sender accounts: adding, changing, testing and removing them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignSender
from campaigns.models.finding import find_sender
from campaigns.models.message import SENDING, SENT, UNKNOWN, Message
from campaigns.models.sealing import seal
from campaigns.models.sender import Sender
from campaigns.models.waking import request_wake_up
from campaigns.rules import lifecycle
from campaigns.rules.accounts import MOST_NAME, Server, gaps, read_account, require
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Conflict, Invalid


def create(session: Session, workspace_id: UUID, body: Any, *, key: str, trap: bool, now: datetime) -> Sender:
    """Add an account. `key` seals its passwords, `trap` says that a local mail trap runs. Raises Invalid."""
    if not isinstance(body, Mapping):
        raise Invalid.of([Problem("body", "must be an object")])
    problems: list[Problem] = []
    kind = body.get("type")
    if kind not in lifecycle.CAMPAIGN_TYPES:
        raise Invalid.of([Problem("type", "must be email or linkedin")])
    values = read_account(body, kind, problems)
    require(values, kind, problems, trap=trap)
    if problems:
        raise Invalid.of(problems)
    address = str(values.get("email_address") or values.get("profile_url"))
    values.setdefault("display_name", address[:MOST_NAME])
    sender = Sender(workspace_id=workspace_id, type=kind, created_at=now, updated_at=now)
    sender.min_gap, sender.max_gap = gaps(values.get("min_gap"), values.get("max_gap"))
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
    values = read_account(body, sender.type, problems)
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
