"""What the API shows: the objects of CONTRACT section 8, and their lists."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, case, func, select
from sqlalchemy.orm import Session, joinedload

from campaigns.models import counts
from campaigns.models.base import grouped
from campaigns.models.campaign import AccountLimit, Campaign, CampaignSender, Node
from campaigns.models.finding import nodes_of
from campaigns.models.gate import Gate
from campaigns.models.mailbox import Mailbox
from campaigns.models.paging import page_of
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.wake_up import WakeUp
from campaigns.models.workspace import Workspace
from campaigns.rules import lifecycle
from campaigns.rules.days import local_day
from campaigns.rules.sequence import NODE_FIELDS

JsonObject = dict[str, Any]
# Active and paused first, then drafts, then completed (CONTRACT section 7).
ORDER = {
    lifecycle.ACTIVE: 0,
    lifecycle.LAUNCHING: 0,
    lifecycle.PAUSED: 0,
    lifecycle.DRAFT: 1,
    lifecycle.COMPLETED: 2,
}

# Built once: building a statement takes longer than running it.
_IDS: BindParameter[UUID] = bindparam("ids", expanding=True)
_CHOICES = (
    select(CampaignSender)
    .options(joinedload(CampaignSender.sender, innerjoin=True))
    .where(CampaignSender.campaign_id.in_(_IDS))
    .order_by(CampaignSender.position)
)
_LIMITS = select(AccountLimit).where(AccountLimit.campaign_id.in_(_IDS)).order_by(AccountLimit.position)


def instant(value: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


def _id(value: UUID | None) -> str | None:
    return str(value) if value else None


def campaign_json(session: Session, campaign: Campaign, now: datetime) -> JsonObject:
    """The campaign object."""
    return campaigns_json(session, [campaign], now)[0]


def campaigns_json(session: Session, campaigns: Sequence[Campaign], now: datetime) -> list[JsonObject]:
    """Campaign objects; the same few statements for any number."""
    ids = [campaign.id for campaign in campaigns]
    return _campaigns_json(session, campaigns, counts.by_status(session, ids), now)


def _campaigns_json(
    session: Session, campaigns: Sequence[Campaign], statuses: counts.Statuses, now: datetime
) -> list[JsonObject]:
    ids = [campaign.id for campaign in campaigns]
    stats = counts.stats_of(session, statuses, now)
    choices = list(session.scalars(_CHOICES, {"ids": ids}))
    accounts = senders_json(session, {choice.sender_id: choice.sender for choice in choices}.values(), now)
    by_id = {account["id"]: account for account in accounts}
    senders = grouped((choice.campaign_id, by_id[str(choice.sender_id)]) for choice in choices)
    limits = grouped((row.campaign_id, _limit_json(row)) for row in session.scalars(_LIMITS, {"ids": ids}))
    return [_campaign(each, stats[each.id], senders[each.id], limits[each.id]) for each in campaigns]


def _limit_json(row: AccountLimit) -> JsonObject:
    return {"account_id": str(row.sender_id), "daily_limit": row.daily_limit}


def _campaign(
    campaign: Campaign, stats: dict[str, int], senders: list[JsonObject], limits: list[JsonObject]
) -> JsonObject:
    return {
        "id": str(campaign.id),
        "workspace_id": str(campaign.workspace_id),
        "type": campaign.type,
        "name": campaign.name,
        "status": campaign.status,
        "version": campaign.version,
        "operating_hours": campaign.operating_hours,
        "prospect_timezone": campaign.prospect_timezone,
        "daily_limit": campaign.daily_limit,
        "stop_on_reply": campaign.stop_on_reply,
        "open_tracking": campaign.open_tracking,
        "signature": campaign.signature,
        "skip_other_campaigns": campaign.skip_other_campaigns,
        "pause_reason": campaign.pause_reason,
        "stats": stats,
        "sender_accounts": senders,
        "account_limits": limits if campaign.type == lifecycle.EMAIL else None,
        "created_at": instant(campaign.created_at),
        "updated_at": instant(campaign.updated_at),
        "launched_at": instant(campaign.launched_at),
        "completed_at": instant(campaign.completed_at),
    }


def campaign_page(session: Session, workspace_id: UUID, *, page: int, limit: int) -> tuple[list[Campaign], int]:
    """One page of a workspace's campaigns, and how many there are."""
    own = [Campaign.workspace_id == workspace_id]
    order = (case(ORDER, value=Campaign.status), Campaign.updated_at.desc(), Campaign.id.desc())
    return page_of(session, Campaign, own, *order, page=page, limit=limit)


def listed_json(session: Session, campaigns: Sequence[Campaign], now: datetime) -> list[JsonObject]:
    """Campaign objects with `node_count`, as `GET /api/campaigns` lists them."""
    nodes = counts.nodes(session, [campaign.id for campaign in campaigns])
    found = campaigns_json(session, campaigns, now)
    return [{**shown, "node_count": nodes[campaign.id]} for campaign, shown in zip(campaigns, found, strict=True)]


def whole_json(session: Session, campaign: Campaign, now: datetime) -> JsonObject:
    """The answer of `GET /api/campaigns/{id}`."""
    statuses = counts.by_status(session, [campaign.id])
    at = counts.by_node(session, campaign.id)
    return {
        "campaign": _campaigns_json(session, [campaign], statuses, now)[0],
        "sequence_nodes": [node_json(node) for node in campaign.nodes],
        "prospects_by_status": {status: statuses[campaign.id].get(status, 0) for status in lifecycle.PROSPECT_STATUSES},
        "prospects_by_node": {str(node.id): at[node.id] for node in campaign.nodes},
    }


def node_json(node: Node) -> JsonObject:
    """The sequence node object; fields of other types are null."""
    return {
        "id": str(node.id),
        "campaign_id": str(node.campaign_id),
        "position": node.position,
        "type": node.type,
        **{name: getattr(node, name) for name in NODE_FIELDS},
    }


def nodes_json(session: Session, campaign_id: UUID) -> list[JsonObject]:
    """All nodes of a campaign, in their order."""
    return [node_json(node) for node in nodes_of(session, campaign_id)]


def _server_json(settings: dict[str, Any] | None) -> JsonObject | None:
    return settings and {name: settings.get(name) for name in ("host", "port", "security", "username")}


def sender_json(session: Session, sender: Sender, now: datetime) -> JsonObject:
    """The sender account object, without secrets."""
    return senders_json(session, [sender], now)[0]


def senders_json(session: Session, senders: Collection[Sender], now: datetime) -> list[JsonObject]:
    """Sender account objects, all of one workspace; the same few statements for any number."""
    if not senders:
        return []
    ids = [sender.id for sender in senders]
    workspace = session.get_one(Workspace, next(iter(senders)).workspace_id)
    today = counts.sent_on(session, ids, local_day(now, workspace.timezone))
    week = counts.sent_in_week(session, [one.id for one in senders if one.type == lifecycle.LINKEDIN], now)
    return [
        _sender(
            sender,
            {
                "today": today.get(sender.id, 0),
                "week_connections": week.get((sender.id, "connection_request"), 0),
                "week_messages": week.get((sender.id, "message"), 0),
            },
        )
        for sender in senders
    ]


def _sender(sender: Sender, usage: JsonObject) -> JsonObject:
    linkedin = sender.type == lifecycle.LINKEDIN
    return {
        "id": str(sender.id),
        "type": sender.type,
        "display_name": sender.display_name,
        "first_name": sender.first_name,
        "last_name": sender.last_name,
        "email_address": sender.email_address,
        "profile_url": sender.profile_url,
        "status": sender.status,
        "status_reason": sender.status_reason,
        "is_premium": sender.is_premium if linkedin else None,
        "daily_limit": sender.daily_limit,
        "weekly_connection_limit": sender.weekly_limit("connection_request") if linkedin else None,
        "weekly_message_limit": sender.weekly_limit("message") if linkedin else None,
        "min_gap": sender.min_gap,
        "max_gap": sender.max_gap,
        "smtp": _server_json(sender.smtp),
        "imap": _server_json(sender.imap),
        "usage": usage,
        "next_send_at": instant(sender.next_send_at),
    }


def sender_settings_json(session: Session, sender: Sender, now: datetime) -> JsonObject:
    """What is set of an account besides CONTRACT section 8's object, without secrets, and whether its mailbox is
    read."""
    today = local_day(now, session.get_one(Workspace, sender.workspace_id).timezone)
    oauth = sender.oauth or {}
    return {
        "daily_limit_today": sender.limit_on(today),
        "ramp_start": sender.ramp_start,
        "ramp_step": sender.ramp_step,
        "ramp_ceiling": sender.ramp_ceiling,
        "ramp_from": sender.ramp_from.isoformat() if sender.ramp_from else None,
        "reply_to": sender.reply_to,
        "signature": sender.signature,
        "uses_trap": sender.uses_trap,
        "auth": sender.auth,
        "oauth": {name: oauth.get(name) for name in ("client_id", "tenant", "signed_in")} if oauth else None,
        "mailbox": _mailbox_json(session.get(Mailbox, sender.id)),
        "provider": sender.provider,
        **_seat_json(sender, now),
    }


def _seat_json(sender: Sender, now: datetime) -> JsonObject:
    """What only a LinkedIn seat has; null of any other account."""
    if sender.type != lifecycle.LINKEDIN:
        return {"invitation_days": None, "limited": None, "seat": None}
    limited = [one | {"until": instant(one["until"])} for one in sender.limited_steps(now)]
    seat = {name: sender.seat[name] for name in ("base_url", "account_id", "name")} if sender.seat else None
    return {"invitation_days": sender.invitation_days, "limited": limited, "seat": seat}


def _mailbox_json(mailbox: Mailbox | None) -> JsonObject | None:
    """How far a mailbox was read, and why it is not; None if nobody ever looked into it."""
    if mailbox is None:
        return None
    return {"read_at": instant(mailbox.read_at), "error": mailbox.error, "try_at": instant(mailbox.try_at)}


def sender_page(session: Session, workspace_id: UUID, *, page: int, limit: int) -> tuple[list[Sender], int]:
    """One page of a workspace's sender accounts, oldest first, and how many there are."""
    return page_of(session, Sender, [Sender.workspace_id == workspace_id], Sender.id, page=page, limit=limit)


def prospect_json(prospect: Prospect) -> JsonObject:
    """The prospect object."""
    return {
        "id": str(prospect.id),
        "campaign_id": str(prospect.campaign_id),
        "status": prospect.status,
        "email": prospect.email,
        "linkedin_url": prospect.linkedin_url,
        "first_name": prospect.first_name,
        "last_name": prospect.last_name,
        "name": prospect.name,
        "company": prospect.company,
        "position": prospect.position,
        "headline": prospect.headline,
        "timezone": prospect.timezone,
        "custom_fields": prospect.custom_fields,
        "sender_account_id": _id(prospect.sender_account_id),
        "current_node_id": _id(prospect.current_node_id),
        "due_at": instant(prospect.due_at),
        "source": prospect.source,
        "created_at": instant(prospect.created_at),
        "updated_at": instant(prospect.updated_at),
        "replied_at": instant(prospect.replied_at),
        "bounced_at": instant(prospect.bounced_at),
    }


def wake_up_json(wake_up: WakeUp) -> JsonObject:
    """The wake-up object."""
    return {
        "id": str(wake_up.id),
        "campaign_id": str(wake_up.campaign_id),
        "cause": wake_up.cause,
        "requested_by": wake_up.requested_by,
        "requested_at": instant(wake_up.requested_at),
        "finished_at": instant(wake_up.finished_at),
        "duration_ms": wake_up.duration_ms,
        "sleeping": wake_up.sleeping,
        "resumed": wake_up.resumed,
        "slept_again": wake_up.slept_again,
        "next_open_at": instant(wake_up.next_open_at),
        "old_operating_hours": wake_up.old_operating_hours,
        "new_operating_hours": wake_up.new_operating_hours,
        "job_id": wake_up.job_id,
    }


def wake_up_page(session: Session, campaign_id: UUID, *, page: int, limit: int) -> tuple[list[WakeUp], int]:
    """One page of a campaign's wake-ups, newest first, and how many there are."""
    return page_of(session, WakeUp, [WakeUp.campaign_id == campaign_id], WakeUp.id.desc(), page=page, limit=limit)


def overdue_seconds(session: Session, now: datetime) -> int:
    """How long ago the open gates' longest waiting step became due; limits and gaps make some wait."""
    first = (
        select(func.min(Prospect.due_at))
        .where(Prospect.campaign_id == Gate.campaign_id, Prospect.clock == Gate.clock, Prospect.due_at <= now)
        .correlate(Gate)
        .scalar_subquery()
    )
    query = (
        select(func.min(first))
        .select_from(Gate)
        .join(Campaign, Campaign.id == Gate.campaign_id)
        .where(Campaign.status == lifecycle.ACTIVE, Gate.opens_at <= now, Gate.closes_at > now)
    )
    oldest = session.scalar(query)
    return round((now - oldest).total_seconds()) if oldest else 0
