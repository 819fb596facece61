"""Reading from the database what the judge of rules/gates.py needs to know about one prospect."""

from datetime import date, datetime, timedelta
from functools import cache
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, Uuid, bindparam, exists, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import AccountLimit, Campaign, CampaignDay, Node
from campaigns.models.mailbox import Mailbox
from campaigns.models.message import UNSETTLED, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender, SenderDay, SenderUse
from campaigns.models.task import open_tasks
from campaigns.models.workspace import Suppression
from campaigns.rules.days import local_day
from campaigns.rules.gates import WEEK, Facts
from campaigns.rules.lifecycle import CONNECTION_SENT
from campaigns.rules.suppressions import MOST_ABOUT, entries_about

# Follow-ups of an account wait for its mailbox to be read if that was not done for so long.
UNREAD = timedelta(minutes=15)


def sender_used(session: Session, sender_id: UUID, day: date) -> int:
    """What the account sent on `day` over all campaigns."""
    row = session.get(SenderDay, (sender_id, day))
    return row.used if row else 0


def campaign_used(session: Session, campaign_id: UUID, day: date) -> int:
    """How many prospects the campaign messaged on `day`."""
    row = session.get(CampaignDay, (campaign_id, day))
    return row.used if row else 0


def week_uses(session: Session, sender_id: UUID, step: str, now: datetime) -> tuple[datetime, ...]:
    """The instants of an account's LinkedIn sends of one kind in the 7 days before `now`, oldest first."""
    uses = select(SenderUse.at).where(
        SenderUse.sender_id == sender_id, SenderUse.step == step, SenderUse.at > now - WEEK
    )
    return tuple(session.scalars(uses.order_by(SenderUse.at)))


@cache
def _standing() -> Select[Any]:
    """What is used up today, the campaign's own limit for the account, and whether an entry of the workspace's
    suppression list means the person: asked at once, since a lane asks before each message."""
    campaign_id, sender_id, workspace_id = (
        bindparam(name, type_=Uuid()) for name in ("campaign_id", "sender_id", "workspace_id")
    )
    today = bindparam("today", type_=Date())
    names: list[Any] = [bindparam(f"entry_{number}") for number in range(MOST_ABOUT)]
    used = select(CampaignDay.used).where(CampaignDay.campaign_id == campaign_id, CampaignDay.day == today)
    sent = select(SenderDay.used).where(SenderDay.sender_id == sender_id, SenderDay.day == today)
    limit = select(AccountLimit.daily_limit).where(
        AccountLimit.campaign_id == campaign_id, AccountLimit.sender_id == sender_id
    )
    read = select(Mailbox.read_at).where(Mailbox.sender_account_id == sender_id)
    suppressed = exists().where(Suppression.workspace_id == workspace_id, Suppression.value.in_(names))
    return select(
        used.scalar_subquery().label("campaign_used"),
        sent.scalar_subquery().label("sender_used"),
        limit.scalar_subquery().label("limit"),
        suppressed.label("suppressed"),
        read.scalar_subquery().label("read_at"),
    )


def _read_standing(session: Session, campaign: Campaign, prospect: Prospect, sender: Sender | None, today: date) -> Any:
    asked: dict[str, Any] = {
        "campaign_id": campaign.id,
        "sender_id": sender.id if sender else None,
        "workspace_id": prospect.workspace_id,
        "today": today,
    }
    entries = entries_about(prospect.workspace_id, prospect.identity, prospect.email, prospect.linkedin_url)
    asked |= {f"entry_{number}": entry for number, entry in zip_longest(range(MOST_ABOUT), entries)}
    return session.connection().execute(_standing(), asked).one()


def answers_unknown(sender: Sender | None, prospect: Prospect, read_at: datetime | None, now: datetime) -> bool:
    """Whether this person may have answered without our knowing: their account's mailbox was not read for UNREAD."""
    if sender is None or not sender.hears or not prospect.contacted:
        return False
    return read_at is None or read_at <= now - UNREAD


def open_message(session: Session, prospect_id: UUID) -> str | None:
    """`sending`, `task` or `unknown`: the state of a message to this prospect whose outcome is not written down."""
    unsettled = select(Message.status).where(Message.prospect_id == prospect_id, Message.status.in_(UNSETTLED))
    return session.scalar(unsettled.limit(1))


def sender_state(sender: Sender | None) -> tuple[str | None, str | None]:
    """Whether the account can send, and why not."""
    return (sender.status, sender.status_reason) if sender else (None, None)


def read_facts(
    session: Session,
    campaign: Campaign,
    prospect: Prospect,
    sender: Sender | None,
    node: Node | None,
    now: datetime,
) -> Facts:
    """Everything that decides about the prospect's next step, as it stands at `now`."""
    return facts_in(session, campaign.workspace.timezone, campaign, prospect, sender, node, now)


def facts_in(
    session: Session,
    timezone: str,
    campaign: Campaign,
    prospect: Prospect,
    sender: Sender | None,
    node: Node | None,
    now: datetime,
) -> Facts:
    """The same in a workspace of which the time zone is known."""
    today = local_day(now, timezone)
    status, reason = sender_state(sender)
    weekly = sender.weekly_limit(node.type) if sender and node else None
    standing = _read_standing(session, campaign, prospect, sender, today)
    usual = (standing.limit or sender.daily_limit) if sender else None
    limit = sender.limit_on(today, usual) if sender else None
    tasks = open_tasks(session, sender.id) if sender and sender.assisted else {}
    limited = sender.limited_until(node.type) if sender and node else None
    return Facts(
        due_at=prospect.due_at,
        campaign_status=campaign.status,
        pause_reason=campaign.pause_reason,
        hours=campaign.hours,
        clock=campaign.clock_of(prospect.clock),
        timezone=timezone,
        today=today,
        campaign_limit=campaign.daily_limit,
        campaign_used=standing.campaign_used or 0,
        counted_today=prospect.counted_on == today,
        sender_status=status,
        sender_reason=reason,
        sender_limit=limit,
        ramping_up=limit != usual,
        sender_used=standing.sender_used or 0,
        weekly_limit=weekly,
        week_uses=week_uses(session, sender.id, node.type, now) if sender and node and weekly else (),
        next_send_at=sender.next_send_at if sender else None,
        suppressed=standing.suppressed,
        answers_unknown=answers_unknown(sender, prospect, standing.read_at, now),
        read_at=standing.read_at,
        paused=prospect.paused_at is not None,
        open_message=open_message(session, prospect.id) if prospect.due_at is None else None,
        open_tasks=tasks.get(node.type, 0) if node else 0,
        all_tasks=sum(tasks.values()),
        limited_until=limited[0] if limited else None,
        limited_reason=limited[1] if limited else None,
        invited=prospect.status == CONNECTION_SENT,
    )
