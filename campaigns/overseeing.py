"""What a campaign is doing, for people who watch: steps by name, who is next, what has left, what happened.

Polled by open pages, so every query here reads a few rows of an index, however many prospects there are;
only counts go further, and stay within one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from campaigns.models import counts
from campaigns.models.campaign import Campaign, CampaignSender, Node
from campaigns.models.event import Event
from campaigns.models.finding import limits_of, nodes_of, senders_of
from campaigns.models.gate import Gate
from campaigns.models.imports import Import
from campaigns.models.mailbox import Mailbox
from campaigns.models.message import SENT, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender, SenderDay
from campaigns.models.wake_up import WakeUp
from campaigns.models.workspace import Workspace
from campaigns.rules.days import local_day
from campaigns.rules.lifecycle import LINKEDIN
from campaigns.rules.sequence import CONNECTION_REQUEST, MESSAGE, SENDING_TYPES, named


def step_names(nodes: Sequence[Node]) -> dict[UUID, str]:
    """Node id -> what people call the step."""
    return {node.id: name for node, name in named(nodes)}


def who(prospect: Prospect) -> str:
    """What people call a prospect."""
    return prospect.name or prospect.email or prospect.linkedin_url or prospect.identity


@dataclass(frozen=True)
class Stage:
    """One sending step: how many wait at it, how many have it behind them."""

    label: str
    here: int
    past: int


def funnel(session: Session, campaign: Campaign) -> list[Stage]:
    """The sending steps in order. Whoever's next step comes later has this one behind them."""
    nodes = nodes_of(session, campaign.id)
    names, at = step_names(nodes), counts.by_node(session, campaign.id)
    waiting = counts.by_node(session, campaign.id, waiting=True)
    stages = []
    for place, node in enumerate(nodes):
        if node.type in SENDING_TYPES:
            past = sum(at[later.id] for later in nodes[place + 1 :])
            stages.append(Stage(names[node.id], waiting[node.id], past))
    return stages


@dataclass(frozen=True)
class Outreach:
    """People of a LinkedIn campaign: how many were invited, how many of those have accepted, how many got a message."""

    invited: int
    accepted: int
    messaged: int

    @property
    def percent(self) -> int | None:
        """How many of a hundred invitations were accepted."""
        return round(100 * self.accepted / self.invited) if self.invited else None


def outreach(session: Session, campaign: Campaign) -> Outreach | None:
    """The same; None of an email campaign."""
    if campaign.type != LINKEDIN:
        return None
    connected = case((Prospect.connected_at.is_not(None), Prospect.id))
    query = (
        select(Node.type, func.count(Prospect.id.distinct()), func.count(connected.distinct()))
        .select_from(Message)
        .join(Node, Node.id == Message.node_id)
        .join(Prospect, Prospect.id == Message.prospect_id)
        .where(Message.campaign_id == campaign.id, Message.status == SENT)
    )
    found = {row[0]: row[1:] for row in session.execute(query.group_by(Node.type))}
    invited, accepted = found.get(CONNECTION_REQUEST, (0, 0))
    return Outreach(invited, accepted, found.get(MESSAGE, (0, 0))[0])


def next_people(
    session: Session, campaign: Campaign, gates: Sequence[Gate], now: datetime, most: int
) -> list[Prospect]:
    """Who comes next, as far as delays tell: those due, written to before first; then those due soonest.

    A few rows of each clock's index are looked at, not everybody.
    """
    found: list[Prospect] = []
    for gate in gates:
        query = select(Prospect).where(
            Prospect.campaign_id == campaign.id, Prospect.clock == gate.clock, Prospect.due_at.is_not(None)
        )
        found += session.scalars(query.order_by(Prospect.due_at, Prospect.id).limit(most))
    return sorted(found, key=lambda one: _turn(one, now))[:most]


def first_people(session: Session, campaign_ids: Sequence[UUID], now: datetime) -> dict[UUID, Prospect]:
    """Campaign id -> the first of its next people, where there is one."""
    first = select(Prospect.id).where(
        Prospect.campaign_id == Gate.campaign_id, Prospect.clock == Gate.clock, Prospect.due_at.is_not(None)
    )
    head = first.order_by(Prospect.due_at, Prospect.id).limit(1).correlate(Gate).scalar_subquery()
    heads = session.scalars(select(head).where(Gate.campaign_id.in_(campaign_ids))).all()
    people = session.scalars(select(Prospect).where(Prospect.id.in_(heads))).all()
    return {one.campaign_id: one for one in sorted(people, key=lambda one: _turn(one, now), reverse=True)}


def _turn(prospect: Prospect, now: datetime) -> tuple[bool, bool, datetime, UUID]:
    due = prospect.due_at or now
    return due > now, due <= now and not prospect.contacted, due, prospect.id


def recent_messages(session: Session, campaign: Campaign, most: int) -> list[tuple[Message, Prospect]]:
    """The latest messages with their people, newest first."""
    query = (
        select(Message, Prospect)
        .join(Prospect, Prospect.id == Message.prospect_id)
        .where(Message.campaign_id == campaign.id)
        .order_by(Message.claimed_at.desc(), Message.id.desc())
    )
    return [(message, prospect) for message, prospect in session.execute(query.limit(most))]


def sent_by_day(session: Session, campaign: Campaign, since: datetime) -> Counter[date]:
    """Day of the workspace -> messages that left on it, from `since` on."""
    query = select(Message.sent_at).where(
        Message.campaign_id == campaign.id, Message.claimed_at >= since, Message.status == SENT
    )
    zone = campaign.workspace.timezone
    return Counter(local_day(sent_at, zone) for sent_at in session.scalars(query) if sent_at)


def messages_of(session: Session, prospect: Prospect) -> list[Message]:
    """Everything that was sent to one person, was meant to be or was skipped, in that order."""
    query = select(Message).where(Message.prospect_id == prospect.id)
    return list(session.scalars(query.order_by(Message.claimed_at, Message.id)))


def waiting_counts(session: Session, campaigns: Sequence[Campaign], status: str) -> Counter[UUID]:
    """Campaign id -> how many messages wait for a person: for a word if they are `unknown`, for hands if `task`."""
    query = select(Message.campaign_id, func.count()).where(
        Message.status == status, Message.campaign_id.in_([campaign.id for campaign in campaigns])
    )
    return Counter({row[0]: row[1] for row in session.execute(query.group_by(Message.campaign_id))})


def recent_events(session: Session, campaign: Campaign, most: int) -> list[Event]:
    """What happened to the campaign, newest first."""
    query = select(Event).where(Event.campaign_id == campaign.id).order_by(Event.id.desc())
    return list(session.scalars(query.limit(most)))


@dataclass(frozen=True)
class Pace:
    """A sender account of a campaign, and how much of today's limit is used."""

    sender: Sender
    used: int
    limit: int


def paces(session: Session, campaign: Campaign, now: datetime) -> list[Pace]:
    """The campaign's accounts, each with the limit that holds in this campaign."""
    limits = {row.sender_id: row.daily_limit for row in limits_of(session, campaign.id)}
    senders = senders_of(session, campaign.id)
    today = local_day(now, campaign.workspace.timezone)
    used = _used_on(session, senders, today)
    return [Pace(one, used.get(one.id, 0), one.limit_on(today, limits.get(one.id))) for one in senders]


def _used_on(session: Session, senders: Sequence[Sender], day: date) -> dict[UUID, int]:
    days = select(SenderDay).where(SenderDay.sender_id.in_([sender.id for sender in senders]), SenderDay.day == day)
    return {row.sender_id: row.used for row in session.scalars(days)}


@dataclass(frozen=True)
class Account:
    """A sender account of the workspace: what it sent today and the most it may, how many campaigns send from it, and
    its mailbox, once that was looked into."""

    sender: Sender
    used: int
    limit: int
    campaigns: int
    mailbox: Mailbox | None


def accounts(session: Session, workspace_id: UUID, now: datetime) -> list[Account]:
    """All sender accounts of a workspace, the oldest first."""
    senders = senders_for(session, workspace_id)
    today = local_day(now, session.get_one(Workspace, workspace_id).timezone)
    used = _used_on(session, senders, today)
    query = select(CampaignSender.sender_id, func.count()).where(
        CampaignSender.sender_id.in_([sender.id for sender in senders])
    )
    busy = {row[0]: row[1] for row in session.execute(query.group_by(CampaignSender.sender_id))}
    boxes = _mailboxes(session, senders)
    return [
        Account(one, used.get(one.id, 0), one.limit_on(today), busy.get(one.id, 0), boxes.get(one.id))
        for one in senders
    ]


def _mailboxes(session: Session, senders: Sequence[Sender]) -> dict[UUID, Mailbox]:
    query = select(Mailbox).where(Mailbox.sender_account_id.in_([sender.id for sender in senders]))
    return {one.sender_account_id: one for one in session.scalars(query)}


def senders_for(
    session: Session, workspace_id: UUID, kind: str | None = None, among: Sequence[UUID] | None = None
) -> list[Sender]:
    """The sender accounts of a workspace, those of one type or `among` some ids if asked; the oldest first."""
    query = select(Sender).where(Sender.workspace_id == workspace_id)
    query = query.where(Sender.type == kind) if kind else query
    query = query.where(Sender.id.in_(among)) if among is not None else query
    return list(session.scalars(query.order_by(Sender.id)))


def senders_of_people(session: Session, people: Sequence[Prospect]) -> dict[UUID, Sender]:
    """Id -> sender account, of those that these people are written to from."""
    ids = {one.sender_account_id for one in people if one.sender_account_id}
    return {sender.id: sender for sender in session.scalars(select(Sender).where(Sender.id.in_(ids)))}


@dataclass(frozen=True)
class Subject:
    """What a job is about."""

    noun: str
    id: UUID
    name: str


def subjects(session: Session, workspace_id: UUID, jobs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Subject]:
    """(kind, id) of jobs -> the campaign or sender of this workspace that each is about; strangers' are left out."""
    of_senders = ("lane", "inbox", "seat", "withdrawal")
    wanted: dict[str, list[UUID]] = {kind: [] for kind in ("wake", "launch", "imports", *of_senders)}
    for kind, text in jobs:
        if kind in wanted and (job_subject := _uuid(text)):
            wanted[kind].append(job_subject)
    of_workspace = Campaign.workspace_id == workspace_id
    named = select(WakeUp.id, Campaign.id, Campaign.name).join(Campaign, Campaign.id == WakeUp.campaign_id)
    found: dict[tuple[str, str], Subject] = {}
    for wake_up_id, campaign_id, name in session.execute(named.where(WakeUp.id.in_(wanted["wake"]), of_workspace)):
        found["wake", str(wake_up_id)] = Subject("campaign", campaign_id, name)
    filed = select(Import.id, Campaign.id, Campaign.name).join(Campaign, Campaign.id == Import.campaign_id)
    for import_id, campaign_id, name in session.execute(filed.where(Import.id.in_(wanted["imports"]), of_workspace)):
        found["imports", str(import_id)] = Subject("campaign", campaign_id, name)
    for campaign in session.scalars(select(Campaign).where(Campaign.id.in_(wanted["launch"]), of_workspace)):
        found["launch", str(campaign.id)] = Subject("campaign", campaign.id, campaign.name)
    for kind in of_senders:
        for sender in senders_for(session, workspace_id, among=wanted[kind]):
            found[kind, str(sender.id)] = Subject("sender", sender.id, sender.label)
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
