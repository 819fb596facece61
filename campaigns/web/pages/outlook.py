"""What happens next in a campaign, in words: for the list and for the overview."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns import explaining, launching, overseeing, waking
from campaigns.explaining import Explanation
from campaigns.models import counts
from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import nodes_by_campaign
from campaigns.models.gate import Gate, gates_by_campaign
from campaigns.models.message import TASK, UNKNOWN
from campaigns.models.prospect import Prospect
from campaigns.rules import lifecycle
from campaigns.rules.hours import describe

# Gates that hold everybody of a campaign, and not this person alone; the gap between two messages is no sleep.
HOLDING = ("campaign_daily_limit", "sender_daily_limit", "sender_weekly_limit", "sender_status")


Outlook = tuple[str, datetime | None]


@dataclass(frozen=True)
class Upcoming:
    """Who comes next, with which step, when, and what keeps it until then."""

    prospect_id: UUID
    who: str
    step: str
    at: datetime | None
    reason: str | None
    gate: str | None
    due: bool


@dataclass(frozen=True)
class Sleep:
    """How many are due and held by a gate, until when, and why."""

    count: int
    until: datetime | None
    reason: str
    gate: str


def next_up(
    db: Session, campaign: Campaign, gates: Sequence[Gate], nodes: Sequence[Node], now: datetime, most: int = 5
) -> list[Upcoming]:
    """The next people of a campaign that runs or is paused."""
    if campaign.status not in (lifecycle.ACTIVE, lifecycle.PAUSED):
        return []
    people = overseeing.next_people(db, campaign, gates, now, most)
    return _upcoming(db, [(campaign, one, nodes) for one in people], now)


def _upcoming(
    db: Session, people: Sequence[tuple[Campaign, Prospect, Sequence[Node]]], now: datetime
) -> list[Upcoming]:
    """What is told of people, each with their campaign and its steps."""
    senders = overseeing.senders_of_people(db, [one for _, one, _ in people])
    shown = []
    for campaign, one, nodes in people:
        sender = senders.get(one.sender_account_id) if one.sender_account_id else None
        found = explaining.explain_person(db, campaign, one, sender, now)
        shown.append(_words(one, overseeing.step_names(nodes), found, now))
    return shown


def _words(prospect: Prospect, names: dict[UUID, str], found: Explanation, now: datetime) -> Upcoming:
    # Whoever is not the first in line waits for the others more than for the pause that is running now.
    in_line = found.ahead > 0 and found.gate in (None, "sender_gap")
    step = names.get(prospect.current_node_id, "") if prospect.current_node_id else ""
    reason = f"In line: {found.ahead:,} come{'s' if found.ahead == 1 else ''} before." if in_line else found.reason
    return Upcoming(
        prospect_id=prospect.id,
        who=overseeing.who(prospect),
        step=step,
        at=None if in_line else found.next_at,
        reason=None if found.gate == "delay" and found.next_at else reason,
        gate=found.gate,
        due=prospect.due_at is not None and prospect.due_at <= now,
    )


def sleep(db: Session, campaign: Campaign, gates: list[Gate], upcoming: list[Upcoming], now: datetime) -> Sleep | None:
    """Who sleeps in an active campaign; None where nobody does."""
    if campaign.status != lifecycle.ACTIVE:
        return None
    count = waking.count_sleepers(db, campaign, gates, now)
    return _by_hours(campaign, count) or _held(count, upcoming)


def _by_hours(campaign: Campaign, count: waking.Count) -> Sleep | None:
    asleep = count.sleeping - count.resumed
    reason = f"Its hours: {describe(campaign.hours)}."
    return Sleep(asleep, count.next_open_at, reason, "operating_hours") if asleep else None


def _held(count: waking.Count, upcoming: list[Upcoming]) -> Sleep | None:
    """By another gate than the hours: it holds the first in line, and so everybody."""
    held = upcoming[0] if upcoming and upcoming[0].due and upcoming[0].gate in HOLDING else None
    return Sleep(count.sleeping, held.at, held.reason or "", held.gate or "") if held else None


def outlooks(db: Session, campaigns: Sequence[Campaign], now: datetime) -> list[Outlook]:
    """For each campaign one short sentence and, where it has one, its instant. What can be asked for all of them at
    once is: the list is asked for every two seconds."""
    unknown = overseeing.waiting_counts(db, campaigns, UNKNOWN)
    told: dict[UUID, Outlook] = {}
    for each in campaigns:
        if words := _standing(db, each, unknown[each.id]):
            told[each.id] = words, None
    told |= _running(db, [each for each in campaigns if each.id not in told], now)
    return [told[each.id] for each in campaigns]


def _standing(db: Session, campaign: Campaign, unknown: int) -> str | None:
    """Why nothing leaves by itself, if nothing does."""
    if campaign.status == lifecycle.DRAFT:
        errors = launching.validate(db, campaign).errors
        return errors[0].message if errors else "Ready to be launched"
    if campaign.status == lifecycle.LAUNCHING:
        return "Being launched"
    if campaign.status == lifecycle.COMPLETED:
        return "Nobody is left"
    if unknown:
        return f"{unknown} {'message waits' if unknown == 1 else 'messages wait'} for your word"
    return "Paused: everybody keeps their place" if campaign.status == lifecycle.PAUSED else None


def _running(db: Session, campaigns: Sequence[Campaign], now: datetime) -> dict[UUID, Outlook]:
    ids = [each.id for each in campaigns]
    gates, due = gates_by_campaign(db, ids), counts.due_by_clock(db, ids, now)
    counted = {each.id: waking.sort_by_gate(each, gates[each.id], due[each.id], now) for each in campaigns}
    told: dict[UUID, Outlook] = {}
    for each in campaigns:
        if asleep := _by_hours(each, counted[each.id]):
            told[each.id] = f"{_sleep(asleep.count)} until the hours open", asleep.until
    seats = [each for each in campaigns if each.type == lifecycle.LINKEDIN and each.id not in told]
    for campaign_id, tasks in (overseeing.waiting_counts(db, seats, TASK) if seats else {}).items():
        told[campaign_id] = f"{tasks:,} {'task waits' if tasks == 1 else 'tasks wait'} to be done by hand", None
    awake = [each for each in campaigns if each.id not in told]
    coming = _first_up(db, awake, now)
    return told | {each.id: _awake(counted[each.id], coming.get(each.id)) for each in awake}


def _first_up(db: Session, campaigns: Sequence[Campaign], now: datetime) -> dict[UUID, Upcoming]:
    ids = [each.id for each in campaigns]
    first, nodes = overseeing.first_people(db, ids, now), nodes_by_campaign(db, ids)
    people = [(each, first[each.id], nodes[each.id]) for each in campaigns if each.id in first]
    return {each.id: up for (each, _, _), up in zip(people, _upcoming(db, people, now), strict=True)}


def _awake(count: waking.Count, coming: Upcoming | None) -> Outlook:
    if coming is None:
        return "Nobody else is due: it completes by itself", None
    if coming.gate == "delay" and coming.at is None:
        return "Everybody was invited, and nobody who accepted waits", None
    if held := _held(count, [coming]):
        return f"{_sleep(held.count)}: {held.reason}", held.until
    return f"{coming.step} to {coming.who}", coming.at


def _sleep(people: int) -> str:
    return f"{people:,} {'sleeps' if people == 1 else 'sleep'}"
