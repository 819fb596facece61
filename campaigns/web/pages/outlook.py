"""What happens next in a campaign, in words: for the list and for the overview."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns import explaining, launching, overseeing, waking
from campaigns.explaining import Explanation
from campaigns.models.campaign import Campaign
from campaigns.models.finding import nodes_of
from campaigns.models.gate import gates_of
from campaigns.models.prospect import Prospect
from campaigns.rules import lifecycle
from campaigns.rules.hours import describe

# Gates that hold everybody of a campaign, and not this person alone; the gap between two messages is no sleep.
HOLDING = ("campaign_daily_limit", "sender_daily_limit", "sender_weekly_limit", "sender_status")


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


def next_up(db: Session, campaign: Campaign, now: datetime, most: int = 5) -> list[Upcoming]:
    """The next people of a campaign that runs or is paused."""
    if campaign.status not in (lifecycle.ACTIVE, lifecycle.PAUSED):
        return []
    names = overseeing.step_names(nodes_of(db, campaign.id))
    people = overseeing.next_people(db, campaign, now, most)
    return [_upcoming(one, names, explaining.explain(db, campaign, one.id, now), now) for one in people]


def _upcoming(prospect: Prospect, names: dict[UUID, str], found: Explanation, now: datetime) -> Upcoming:
    # Whoever is not the first in line waits for the others more than for the pause that is running now.
    in_line = found.ahead > 0 and found.gate in (None, "sender_gap")
    step = names.get(prospect.current_node_id, "") if prospect.current_node_id else ""
    reason = f"In line: {found.ahead:,} come{'s' if found.ahead == 1 else ''} before." if in_line else found.reason
    return Upcoming(
        prospect_id=prospect.id,
        who=overseeing.who(prospect),
        step=step,
        at=None if in_line else found.next_at,
        reason=None if found.gate == "delay" else reason,
        gate=found.gate,
        due=prospect.due_at is not None and prospect.due_at <= now,
    )


def sleep(db: Session, campaign: Campaign, upcoming: list[Upcoming], now: datetime) -> Sleep | None:
    """Who sleeps in an active campaign; None where nobody does."""
    if campaign.status != lifecycle.ACTIVE:
        return None
    count = waking.count_sleepers(db, campaign, gates_of(db, campaign.id), now)
    return _by_hours(campaign, count) or _held(count, upcoming)


def _by_hours(campaign: Campaign, count: waking.Count) -> Sleep | None:
    asleep = count.sleeping - count.resumed
    reason = f"Its hours: {describe(campaign.hours)}."
    return Sleep(asleep, count.next_open_at, reason, "operating_hours") if asleep else None


def _held(count: waking.Count, upcoming: list[Upcoming]) -> Sleep | None:
    """By another gate than the hours: it holds the first in line, and so everybody."""
    held = upcoming[0] if upcoming and upcoming[0].due and upcoming[0].gate in HOLDING else None
    return Sleep(count.sleeping, held.at, held.reason or "", held.gate or "") if held else None


def outlook(db: Session, campaign: Campaign, now: datetime) -> tuple[str, datetime | None]:
    """One short sentence and, where it has one, its instant."""
    if campaign.status == lifecycle.DRAFT:
        errors = launching.validate(db, campaign).errors
        return (errors[0].message if errors else "Ready to be launched"), None
    if campaign.status == lifecycle.LAUNCHING:
        return "Being launched", None
    if campaign.status == lifecycle.COMPLETED:
        return "Nobody is left", None
    if unknown := overseeing.unknown_count(db, campaign):
        return f"{unknown} {'message waits' if unknown == 1 else 'messages wait'} for your word", None
    if campaign.status == lifecycle.PAUSED:
        return "Paused: everybody keeps their place", None
    return _running(db, campaign, now)


def _running(db: Session, campaign: Campaign, now: datetime) -> tuple[str, datetime | None]:
    count = waking.count_sleepers(db, campaign, gates_of(db, campaign.id), now)
    if asleep := _by_hours(campaign, count):
        return f"{_sleep(asleep.count)} until the hours open", asleep.until
    upcoming = next_up(db, campaign, now, most=1)
    if held := _held(count, upcoming):
        return f"{_sleep(held.count)}: {held.reason}", held.until
    if not upcoming:
        return "The last messages are under way", None
    return f"{upcoming[0].step} to {upcoming[0].who}", upcoming[0].at


def _sleep(people: int) -> str:
    return f"{people:,} {'sleeps' if people == 1 else 'sleep'}"
