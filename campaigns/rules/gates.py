"""The only judge of whether a prospect's next step may run (CONTRACT section 4).

The engine asks `eligible` before each send, `explain` shows its answer to people. One row of GATES is one
gate; the first that is closed is the answer, and every gate says when it opens, where that can be foreseen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from campaigns.rules.days import clock_words, local_day, next_day
from campaigns.rules.hours import Hours, is_open, next_open
from campaigns.rules.lifecycle import ACTIVE, COMPLETED, DRAFT, LAUNCHING, PAUSED

WEEK = timedelta(days=7)
# Rounds after which gates that never open together are given up on: each round moves at least to the next
# opening or day, so this looks well over a year ahead.
ROUNDS = 800


@dataclass(frozen=True)
class Facts:
    """All that decides about one prospect's next step, as read at one instant.

    Counts are of `today`, the workspace's calendar day at that instant. `week_uses` holds the instants of the
    account's sends of this step's kind in the rolling 7 days, oldest first; empty where no weekly limit applies.
    `counted_today` says that the prospect was messaged today already, so a further step takes no place of the
    campaign's daily limit. `open_message` is `sending` or `unknown` while a message's outcome is not written down.
    `ramping_up` says that `sender_limit` is below what is set, since the account still ramps up.
    `paused` is about this person alone; `answers_unknown` says that they were written to, and that the mailbox in
    which they would answer was not read lately, but last at `read_at`. Open tasks of the account are in a person's
    hands, and count as sent: `open_tasks` are those of this kind, `all_tasks` those of any. `limited_until` is when
    the provider takes steps of this kind again. `invited` says that an invitation was not accepted yet: `due_at` is
    when it times out.
    """

    due_at: datetime | None
    campaign_status: str
    pause_reason: str | None
    hours: Hours | None
    clock: str | None
    timezone: str
    today: date
    campaign_limit: int | None
    campaign_used: int
    counted_today: bool
    sender_status: str | None
    sender_reason: str | None
    sender_limit: int | None
    sender_used: int
    weekly_limit: int | None
    week_uses: tuple[datetime, ...]
    next_send_at: datetime | None
    suppressed: bool
    answers_unknown: bool = False
    read_at: datetime | None = None
    open_message: str | None = None
    paused: bool = False
    ramping_up: bool = False
    open_tasks: int = 0
    all_tasks: int = 0
    limited_until: datetime | None = None
    limited_reason: str | None = None
    invited: bool = False


@dataclass(frozen=True)
class Closed:
    """A closed gate: its name, why in words, and the instant it opens, None where nobody can know."""

    gate: str
    reason: str
    opens_at: datetime | None


def _delay(facts: Facts, t: datetime) -> Closed | None:
    if facts.invited:
        return Closed("delay", _awaiting(facts, t), None)
    if facts.due_at is None or facts.due_at <= t:
        return None
    return Closed("delay", "The delay before the next step has not passed yet.", facts.due_at)


def _awaiting(facts: Facts, t: datetime) -> str:
    reason = "The invitation has not been accepted yet."
    if facts.due_at is None:
        return reason
    days = -((t - facts.due_at) // timedelta(days=1))  # rounded up, as pages tell how far off it is
    when = "within a day" if days <= 1 else f"in {days} days"
    return f"{reason} It times out {when}."


_STATUS_REASONS = {
    DRAFT: "The campaign is a draft: launch it.",
    LAUNCHING: "The campaign is being launched.",
    PAUSED: "The campaign is paused: resume it.",
    COMPLETED: "The campaign is completed.",
}


def _status(facts: Facts, t: datetime) -> Closed | None:
    if facts.open_message == "sending":
        return Closed("status", "A message is being handed over right now.", None)
    if facts.open_message == "task":
        return Closed("status", "This step is on the tasks page: somebody has to do it, and say so.", None)
    if facts.open_message:
        reason = "Whether the last message arrived is unknown: say so on the overview."
        return Closed("status", reason, None)
    if facts.paused:
        return Closed("status", "This person is paused: resume them.", None)
    if facts.campaign_status == ACTIVE:
        return None
    reason = _STATUS_REASONS[facts.campaign_status]
    if facts.campaign_status == PAUSED and facts.pause_reason:
        reason = f"The campaign is paused ({facts.pause_reason}): resume it."
    return Closed("status", reason, None)


def _suppressed(facts: Facts, t: datetime) -> Closed | None:
    if not facts.suppressed:
        return None
    return Closed("suppressed", "This person is on the workspace's suppression list.", None)


def _unread(facts: Facts) -> str:
    when = f"since {clock_words(facts.read_at, facts.timezone)}" if facts.read_at else "yet"
    return f"The account's answers were not read {when} (its page says why): nothing follows until they are."


def _sender_status(facts: Facts, t: datetime) -> Closed | None:
    if facts.sender_status is None:
        return Closed("sender_status", "No sender account is assigned.", None)
    if facts.sender_status == "active":
        return Closed("sender_status", _unread(facts), None) if facts.answers_unknown else None
    why = facts.sender_reason or facts.sender_status.replace("_", " ")
    return Closed("sender_status", f"The sender account cannot send: {why.removesuffix('.')}.", None)


def _operating_hours(facts: Facts, t: datetime) -> Closed | None:
    if is_open(facts.hours, t, zone=facts.clock):
        return None
    opens = next_open(facts.hours, t, zone=facts.clock)
    return Closed("operating_hours", "Outside the campaign's operating hours.", opens)


def _campaign_daily_limit(facts: Facts, t: datetime) -> Closed | None:
    if facts.campaign_limit is None or local_day(t, facts.timezone) != facts.today:
        return None
    if facts.counted_today or facts.campaign_used < facts.campaign_limit:
        return None
    reason = f"The campaign's daily limit of {facts.campaign_limit} is reached."
    return Closed("campaign_daily_limit", reason, next_day(t, facts.timezone))


def _sender_daily_limit(facts: Facts, t: datetime) -> Closed | None:
    if facts.sender_limit is None:
        return None
    # Tasks take up the places of every day until somebody does them.
    full = 0 < facts.sender_limit <= facts.all_tasks
    if not full and local_day(t, facts.timezone) != facts.today:
        return None
    if facts.sender_used + facts.all_tasks < facts.sender_limit:
        return None
    reason = f"The sender account's daily limit of {facts.sender_limit} is reached{_with_tasks(facts.all_tasks)}."
    if facts.ramping_up:
        reason = f"The sender account is ramping up: its {facts.sender_limit} of today are sent."
    return Closed("sender_daily_limit", reason, None if full else next_day(t, facts.timezone))


def _with_tasks(tasks: int) -> str:
    return ", open tasks included" if tasks else ""


def _sender_weekly_limit(facts: Facts, t: datetime) -> Closed | None:
    if facts.limited_until is not None and t < facts.limited_until:
        reason = facts.limited_reason or "The provider's limit is reached."
        return Closed("sender_weekly_limit", reason, facts.limited_until)
    if facts.weekly_limit is None:
        return None
    used = [use for use in facts.week_uses if use > t - WEEK]
    if len(used) + facts.open_tasks < facts.weekly_limit:
        return None
    reason = f"The sender account's limit of {facts.weekly_limit} in 7 days is reached{_with_tasks(facts.open_tasks)}."
    return Closed("sender_weekly_limit", reason, place_in_week(used, facts.open_tasks, facts.weekly_limit))


def place_in_week(uses: Sequence[datetime], open_tasks: int, limit: int) -> datetime | None:
    """When the next place of a full week comes free, as the `uses` in it, the oldest first, grow old; None where nobody
    can know, and where there is room."""
    over = len(uses) + open_tasks - limit
    return uses[over] + WEEK if limit and 0 <= over < len(uses) else None


def _sender_gap(facts: Facts, t: datetime) -> Closed | None:
    if facts.next_send_at is None or facts.next_send_at <= t:
        return None
    return Closed("sender_gap", "The sender account pauses between two messages.", facts.next_send_at)


GATES: tuple[tuple[str, Callable[[Facts, datetime], Closed | None]], ...] = (
    ("delay", _delay),
    ("status", _status),
    ("suppressed", _suppressed),
    ("sender_status", _sender_status),
    ("operating_hours", _operating_hours),
    ("campaign_daily_limit", _campaign_daily_limit),
    ("sender_daily_limit", _sender_daily_limit),
    ("sender_weekly_limit", _sender_weekly_limit),
    ("sender_gap", _sender_gap),
)


def eligible(facts: Facts, t: datetime) -> Closed | None:
    """The first gate that is closed at `t`, or None: the step may run."""
    for _, gate in GATES:
        closed = gate(facts, t)
        if closed is not None:
            return closed
    return None


def earliest(facts: Facts, t: datetime) -> datetime | None:
    """The least instant from `t` on at which every gate is open together; None where one cannot be foreseen."""
    for _ in range(ROUNDS):
        opens = [closed.opens_at for _, gate in GATES if (closed := gate(facts, t)) is not None]
        if not opens:
            return t
        known = [instant for instant in opens if instant is not None]
        if len(known) < len(opens):
            return None
        t = max(known)
    return None
