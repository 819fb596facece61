"""Reading what a forecast is played from: campaigns, accounts and people as they stand at one instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from campaigns.models import counts
from campaigns.models.campaign import AccountLimit, Campaign, CampaignSender, Node
from campaigns.models.facts import campaign_used, sender_state, sender_used, week_uses
from campaigns.models.finding import nodes_of, senders_of
from campaigns.models.prospect import Prospect
from campaigns.models.sender import WEEKLY_LIMITS, Sender
from campaigns.models.task import open_tasks
from campaigns.rules.days import local_day
from campaigns.rules.forecast import Account, Course, Forecast, Stop, Traveller, Week, play
from campaigns.rules.lifecycle import ACTIVE, CONNECTION_SENT, LINKEDIN, PENDING
from campaigns.rules.sequence import following

# People of one campaign that a forecast plays; of more, the first of them show the rate.
MOST_PEOPLE = 20_000


@dataclass(frozen=True)
class Scene:
    """All that a forecast needs, apart from any session. `left_out` counts people above MOST_PEOPLE, `invited` those
    who have an invitation that is not accepted yet: what they will get, and when, is theirs to say."""

    campaign_id: UUID
    timezone: str
    now: datetime
    courses: tuple[Course, ...]
    accounts: tuple[Account, ...]
    people: tuple[Traveller, ...]
    left_out: int
    invited: int

    def play(self) -> Forecast:
        """Everybody played forward."""
        return play(self.courses, self.accounts, self.people, timezone=self.timezone, now=self.now)


def read_courses(session: Session, campaign: Campaign, now: datetime) -> tuple[tuple[Course, ...], tuple[Account, ...]]:
    """The campaign and whatever else its senders work for, and those senders."""
    senders = senders_of(session, campaign.id)
    shared = (
        select(Campaign)
        .join(CampaignSender, CampaignSender.campaign_id == Campaign.id)
        .where(
            Campaign.workspace_id == campaign.workspace_id,
            CampaignSender.sender_id.in_([sender.id for sender in senders]),
            Campaign.status == ACTIVE,
            Campaign.id != campaign.id,
        )
        .distinct()
    )
    campaigns = [campaign, *session.scalars(shared)]
    return (
        tuple(_course(session, each, now) for each in campaigns),
        tuple(_account(session, sender, campaign.workspace.timezone, now) for sender in senders),
    )


def _course(session: Session, campaign: Campaign, now: datetime) -> Course:
    turns = select(CampaignSender.sender_id, CampaignSender.last_turn_at).where(
        CampaignSender.campaign_id == campaign.id, CampaignSender.last_turn_at.is_not(None)
    )
    return Course(
        id=campaign.id,
        hours=campaign.hours,
        prospect_timezone=campaign.prospect_timezone,
        daily_limit=campaign.daily_limit,
        used=campaign_used(session, campaign.id, local_day(now, campaign.workspace.timezone)),
        nodes=tuple(
            Stop(node.position, node.type, node.delay_days, node.delay_hours, node.delay_minutes)
            for node in nodes_of(session, campaign.id)
        ),
        turns={row.sender_id: row.last_turn_at for row in session.execute(turns)},
    )


def _account(session: Session, sender: Sender, timezone: str, now: datetime) -> Account:
    own = select(AccountLimit.campaign_id, AccountLimit.daily_limit).where(AccountLimit.sender_id == sender.id)
    status, reason = sender_state(sender)
    tasks = open_tasks(session, sender.id) if sender.assisted else {}
    kinds = WEEKLY_LIMITS if sender.type == LINKEDIN else ()
    return Account(
        id=sender.id,
        status=status or "",
        reason=reason,
        daily_limit=sender.daily_limit,
        limits={row.campaign_id: row.daily_limit for row in session.execute(own)},
        used=sender_used(session, sender.id, local_day(now, timezone)) + sum(tasks.values()),
        next_send_at=sender.next_send_at,
        gap=timedelta(seconds=(sender.min_gap + sender.max_gap) / 2),
        ramp=sender.ramp,
        weeks={kind: _week(session, sender, kind, tasks.get(kind, 0), now) for kind in kinds},
    )


def _week(session: Session, sender: Sender, kind: str, tasks: int, now: datetime) -> Week:
    """Open tasks are taken for done now."""
    uses = (*week_uses(session, sender.id, kind, now), *[now] * tasks)
    limited = sender.limited_until(kind)
    return Week(sender.weekly_limit(kind) or 0, uses, limited[0] if limited else None)


def read_scene(session: Session, campaign: Campaign, now: datetime, *, most: int = MOST_PEOPLE) -> Scene:
    """Everything a forecast of this campaign depends on. In a draft everybody stands at the start."""
    courses, accounts = read_courses(session, campaign, now)
    people: list[Traveller] = []
    for course in courses:
        people += _travellers(session, course, accounts, most)
    if campaign.status != ACTIVE:
        people += _newcomers(session, campaign, courses[0], accounts, now, most)
    waiting = select(func.count()).where(
        Prospect.campaign_id == campaign.id,
        or_(Prospect.due_at.is_not(None), (Prospect.status == PENDING) & Prospect.current_node_id.is_(None)),
        Prospect.status != CONNECTION_SENT,
    )
    played = sum(person.campaign_id == campaign.id for person in people)
    left_out = (session.scalar(waiting) or 0) - played if played >= most else 0
    invited = counts.total(session, campaign.id, status=CONNECTION_SENT)
    return Scene(campaign.id, campaign.workspace.timezone, now, courses, accounts, tuple(people), left_out, invited)


def _travellers(session: Session, course: Course, accounts: Sequence[Account], most: int) -> list[Traveller]:
    query = (
        select(
            Prospect.id,
            Prospect.campaign_id,
            Prospect.sender_account_id,
            Prospect.clock,
            Node.position,
            Prospect.due_at,
            Prospect.contacted,
            Prospect.counted_on,
        )
        .join(Node, Node.id == Prospect.current_node_id)
        .where(
            Prospect.campaign_id == course.id,
            Prospect.due_at.is_not(None),
            Prospect.status != CONNECTION_SENT,
            Prospect.sender_account_id.in_([account.id for account in accounts]),
            Node.type != "end",
        )
        .order_by(Prospect.due_at, Prospect.id)
    )
    rows: Sequence[Any] = session.execute(query.limit(most)).all()
    return [Traveller(*row) for row in rows]


def _newcomers(
    session: Session, campaign: Campaign, course: Course, accounts: Sequence[Account], now: datetime, most: int
) -> list[Traveller]:
    """People without a place in the sequence yet, given their accounts by turns as a launch does."""
    if not accounts or not course.nodes:
        return []
    first, delay = following(course.nodes, -1)
    query = select(Prospect.id, Prospect.clock).where(
        Prospect.campaign_id == campaign.id, Prospect.status == PENDING, Prospect.current_node_id.is_(None)
    )
    if first.type == "end":
        return []
    return [
        Traveller(
            row.id,
            campaign.id,
            accounts[turn % len(accounts)].id,
            row.clock,
            first.position,
            now + delay,
            contacted=False,
            counted_on=None,
        )
        for turn, row in enumerate(session.execute(query.order_by(Prospect.id).limit(most)))
    ]
