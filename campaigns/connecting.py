"""Sender accounts: adding, changing, testing and removing them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignSender
from campaigns.models.finding import find_sender
from campaigns.models.grant import Grant, read_grant, seal_grant
from campaigns.models.mailbox import look_anew
from campaigns.models.message import SENDING, Message
from campaigns.models.retiming import retime_invitations
from campaigns.models.sealing import Unsealable, seal
from campaigns.models.seat import NO_ACCOUNT, Keys, check_account, read_keys, seal_keys
from campaigns.models.sender import WEEKLY_LIMITS, Sender
from campaigns.models.standing import put_to_work, wake_campaigns
from campaigns.models.workspace import Workspace
from campaigns.rules import lifecycle, placeholders
from campaigns.rules.accounts import MOST_NAME, Registration, SeatAccount, Server, gaps, read_account, require
from campaigns.rules.days import local_day
from campaigns.rules.hosts import domain_of
from campaigns.rules.oauth import PASSWORD, Tokens
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Conflict, Invalid, WrongState
from campaigns.rules.seats import ASSISTED


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
    sender.provider = values.get("provider", ASSISTED) if kind == lifecycle.LINKEDIN else None
    sender.min_gap, sender.max_gap = gaps(values.get("min_gap"), values.get("max_gap"), assisted=sender.assisted)
    sender.smtp = sender.imap = sender.oauth = None
    sender.auth = PASSWORD
    _write(sender, values, key)
    _check_whole(sender)
    check_account(session, sender)
    _await_sign_in(sender)
    _ramp_up(sender, None, _today(session, workspace_id, now))
    _share_key(session, sender)
    session.add(sender)
    session.flush()
    return sender


def _share_key(session: Session, sender: Sender) -> None:
    """Mail of one domain is signed with one key, whichever account it leaves from."""
    domain = domain_of(sender.email_address or "")
    keyed = select(Sender).where(Sender.workspace_id == sender.workspace_id, Sender.dkim_sealed.is_not(None))
    for other in session.scalars(keyed.order_by(Sender.id)):
        if other.signs_for(domain):
            sender.dkim, sender.dkim_sealed = other.dkim, other.dkim_sealed


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
    if values.get("auth", sender.auth) not in (PASSWORD, sender.auth) and "oauth" not in values:
        problems.append(Problem("oauth", "is missing: the client that you registered there"))
    if problems:
        raise Invalid.of(problems)
    today = _today(session, workspace_id, now)
    room, status, days = _room(sender, today), sender.status, sender.invitation_days
    ramp, mailbox = (sender.ramp_start, sender.ramp_step), _mailbox(sender)
    _guard_leave(sender, values, key)
    _change_way(session, sender, values)
    _write(sender, values, key)
    _check_whole(sender)
    check_account(session, sender)
    _ramp_up(sender, ramp, today)
    if values.keys() & {"smtp", "imap", "auth", "oauth", "provider", "seat", "status"}:
        _set_status(session, sender, values.get("status", "active"))
        look_anew(session, sender, elsewhere=_mailbox(sender) != mailbox)
    sender.updated_at = now
    if sender.invitation_days != days:
        retime_invitations(session, sender.id, sender.invitation_days - days)
    has_more = any(more > less for more, less in zip(_room(sender, today), room, strict=True))
    if sender.status == "active" and (has_more or status != "active"):
        sender.invitations_after = sender.messages_after = None
        wake_campaigns(session, sender, now, by)
    return sender


def _room(sender: Sender, today: date) -> tuple[int, ...]:
    """The most that may leave from it, today and of each kind in 7 days."""
    return sender.limit_on(today), *(sender.weekly_limit(step) or 0 for step in WEEKLY_LIMITS)


def try_again(
    session: Session, workspace_id: UUID, sender_id: UUID, step: str, *, now: datetime, by: str | None
) -> Sender:
    """Whatever the provider of a seat said it takes no more of, it is asked at once. Raises NotFound."""
    sender = find_sender(session, workspace_id, sender_id, lock=True)
    sender.unlimit_step(step)
    sender.updated_at = now
    wake_campaigns(session, sender, now, by)
    return sender


def _mailbox(sender: Sender) -> tuple[Any, ...]:
    """What tells the account's mailbox, or its account at a provider, from any other."""
    imap, seat = sender.imap or {}, sender.seat or {}
    mailbox = imap.get("host"), imap.get("port"), imap.get("username") or sender.email_address
    return *mailbox, seat.get("base_url"), seat.get("account_id")


def authorize(
    session: Session, workspace_id: UUID, sender_id: UUID, tokens: Tokens, *, key: str, now: datetime, by: str | None
) -> Sender:
    """Somebody signed in at Google or Microsoft: the account works with that leave from now on. Raises NotFound, and
    Invalid if it is no lasting one."""
    sender = find_sender(session, workspace_id, sender_id, lock=True)
    if tokens.refresh is None or sender.oauth is None:
        raise Invalid.of([Problem("oauth", "is no lasting leave: sign in again")])
    sender.oauth_sealed = seal_grant(replace(_grant(sender, key), refresh=tokens.refresh), key)
    sender.oauth = {**sender.oauth, "signed_in": True}
    put_to_work(session, sender)
    look_anew(session, sender, elsewhere=False)
    sender.updated_at = now
    wake_campaigns(session, sender, now, by)
    return sender


def _change_way(session: Session, sender: Sender, values: dict[str, Any]) -> None:
    """A seat whose steps leave in another way from now on keeps nothing of the old one, and gaps that nobody set are
    those of the new one. Open tasks go back into the line (tasking.sweep). Raises WrongState."""
    provider = values.get("provider", sender.provider)
    if provider == sender.provider:
        return
    handing = select(Message.id).where(Message.sender_account_id == sender.id, Message.status == SENDING)
    if session.scalar(handing.limit(1)) is not None:
        raise WrongState("A step is being handed over at this moment: try again when that is done.")
    if (sender.min_gap, sender.max_gap) == gaps(None, None, assisted=sender.assisted):
        least, most = gaps(values.get("min_gap"), values.get("max_gap"), assisted=provider == ASSISTED)
        values |= {"min_gap": least, "max_gap": most}
    if provider == ASSISTED:
        values["seat"] = None
    sender.limited = sender.invitations_after = sender.messages_after = None


def _set_status(session: Session, sender: Sender, status: str) -> None:
    if status == "active":
        put_to_work(session, sender)
    else:
        sender.status, sender.status_reason, sender.failures = status, None, 0
    _await_sign_in(sender)


def _await_sign_in(sender: Sender) -> None:
    """An account that signs in without a password, or a seat through a provider, is of no use before somebody did
    that."""
    if sender.type == lifecycle.LINKEDIN:
        if not sender.assisted and not sender.hears and sender.status != "disconnected":
            sender.status, sender.status_reason = "needs_attention", "No LinkedIn account is connected yet."
        return
    signed_in = sender.auth == PASSWORD or sender.uses_trap or (sender.oauth or {}).get("signed_in")
    if not signed_in and sender.status != "disconnected":
        sender.status = "needs_attention"
        sender.status_reason = f"nobody has signed in at {sender.auth.capitalize()} for it yet"


def _grant(sender: Sender, key: str) -> Grant:
    try:
        return read_grant(sender, key)
    except Unsealable:
        return Grant("")


def _today(session: Session, workspace_id: UUID, now: datetime) -> date:
    return local_day(now, session.get_one(Workspace, workspace_id).timezone)


def _ramp_up(sender: Sender, before: tuple[int | None, int | None] | None, today: date) -> None:
    """Days of a ramp count from the one on which it was set, or set anew."""
    if sender.ramp_start is None:
        sender.ramp_step = sender.ramp_ceiling = sender.ramp_from = None
    elif before != (sender.ramp_start, sender.ramp_step):
        sender.ramp_from = today


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
    problems: list[Problem] = []
    if sender.min_gap > sender.max_gap:
        problems.append(Problem("min_gap", f"must not be above max_gap, which is {sender.max_gap}"))
    problems += _ramp_problems(sender)
    problems += [Problem("signature", message) for message in placeholders.check(sender.signature or "")]
    if sender.seat is not None and sender.assisted:
        problems.append(Problem("seat", "is for a seat whose provider is unipile"))
    if sender.seat is not None and sender.seat_sealed is None:
        problems.append(Problem("seat.api_key", "is missing"))
    if sender.type == lifecycle.EMAIL and not sender.email_address:
        problems.append(Problem("email_address", "is missing"))
    if sender.auth != PASSWORD and sender.oauth is None:
        problems.append(Problem("oauth.client_id", "is missing: register a client there, and enter its id and secret"))
    if sender.type == lifecycle.EMAIL and not sender.uses_trap and sender.smtp is None:
        problems.append(Problem("smtp", "is missing: host, port and security of the mail server"))
    if problems:
        raise Invalid.of(problems)


def _ramp_problems(sender: Sender) -> list[Problem]:
    if sender.ramp_start is None:
        return []
    if sender.ramp_step is None:
        return [Problem("ramp_step", "is missing: how many more each day")]
    if sender.ramp_ceiling is not None and sender.ramp_ceiling < sender.ramp_start:
        return [Problem("ramp_ceiling", f"must not be below ramp_start, which is {sender.ramp_start}")]
    return []


def _kept_password_problems(sender: Sender, values: Mapping[str, Any]) -> list[Problem]:
    """A stored password goes to no other host than the one it was given for, so that nobody can have it sent to
    a host of theirs."""
    problems = []
    seat, base_url = values.get("seat"), (sender.seat or {}).get("base_url")
    if seat is not None and seat.keep_key and seat.base_url != base_url:
        words = f"must be sent again: the stored one is for {base_url}" if base_url else "is missing"
        problems.append(Problem("seat.api_key", words))
    for name in ("smtp", "imap"):
        server, old = values.get(name), getattr(sender, name)
        if server is None or server.settings is None or not server.keep_password:
            continue
        if getattr(sender, f"{name}_sealed") and old["host"] != server.settings["host"]:
            problems.append(Problem(f"{name}.password", f"must be sent again: the stored one is for {old['host']}"))
    return problems


def _guard_leave(sender: Sender, values: Mapping[str, Any], key: str) -> None:
    """A leave that was given goes to no other host either: whoever enters one has to sign in anew."""
    known = {server["host"] for server in (sender.smtp, sender.imap) if server}
    entered = [values[name].settings for name in ("smtp", "imap") if name in values and values[name].settings]
    if sender.oauth and any(server["host"] not in known for server in entered):
        sender.oauth = {**sender.oauth, "signed_in": False}
        sender.oauth_sealed = seal_grant(replace(_grant(sender, key), refresh=None), key)


def _write(sender: Sender, values: dict[str, Any], key: str) -> None:
    auth = sender.auth
    for name, value in values.items():
        if name == "oauth":
            _register(sender, value, key, anew=sender.auth != auth)
        elif name == "seat":
            _link(sender, value, key)
        elif isinstance(value, Server):
            setattr(sender, name, value.settings)
            if not value.keep_password:
                setattr(sender, f"{name}_sealed", seal(key, value.password))
        elif name != "status" or value is not None:
            setattr(sender, name, value)


def _register(sender: Sender, client: Registration | None, key: str, *, anew: bool) -> None:
    """A leave that was given holds for the client that it was given to, and its secret goes to no other."""
    if client is None:
        sender.oauth = sender.oauth_sealed = None
        return
    known = sender.oauth is not None and not anew and sender.oauth["client_id"] == client.client_id
    kept = _grant(sender, key) if known else Grant("")
    secret = kept.client_secret if client.keep_secret else client.secret or ""
    refresh = client.refresh or kept.refresh
    sender.oauth = {"client_id": client.client_id, "tenant": client.tenant, "signed_in": refresh is not None}
    sender.oauth_sealed = seal_grant(Grant(secret, refresh), key)


def _link(sender: Sender, seat: SeatAccount | None, key: str) -> None:
    if seat is None:
        sender.seat = sender.seat_sealed = None
        return
    known = sender.seat if sender.seat and sender.seat["base_url"] == seat.base_url else NO_ACCOUNT
    account_id = known["account_id"] if seat.keep_account else seat.account_id
    name = known["name"] if account_id == known["account_id"] else None
    sender.seat = {**known, "base_url": seat.base_url, "account_id": account_id, "name": name}
    if not seat.keep_key:
        kept = _seat_keys(sender, key)
        sender.seat_sealed = seal_keys(replace(kept, api_key=seat.api_key), key) if seat.api_key else None


def _seat_keys(sender: Sender, key: str) -> Keys:
    try:
        return read_keys(sender, key)
    except Unsealable:
        return Keys("")
