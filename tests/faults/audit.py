"""The auditor: the memory of the outside world against the database, by rules written here anew, not taken from the
engine. What is LinkedIn's alone is in audit_linkedin."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models import Campaign, CampaignDay, Message, Prospect, Sender, SenderDay
from campaigns.rules.lifecycle import EMAIL
from tests.faults.crew import Kill
from tests.faults.deeds import Deed, Doubt, name_of
from tests.faults.world import DAYS, Ours, Span

TERMINAL = ("completed", "bounced", "unsubscribed", "failed", "replied", "timed_out", "cancelled")
# Seconds. From looking at the gates, over the durable commit, to the first word to the mail server.
HAND_OVER = 1.0
STEP = 0.02
# Clocks of several processes, and the time that a word takes on the loopback.
CLOCK = 0.01
# No lane has one message in hand for longer: the longest stall, and what the channel waits for.
LONGEST_SEND = 40.0


@dataclass
class Findings:
    """What is wrong, by rule; an empty list is what everybody hopes for."""

    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    latest: float = 0.0

    def add(self, other: "Findings") -> None:
        """What another look has found, too."""
        self.violations += other.violations
        self.counts.update(other.counts)
        self.latest = max(self.latest, other.latest)

    def say(self, rule: str, words: str) -> None:
        self.counts[rule] += 1
        if self.counts[rule] <= 10:
            self.violations.append(f"{rule}: {words}")


@dataclass(frozen=True)
class Evidence:
    """What the auditor has to go by. `again`: account -> how many messages were sent once more by a person's word."""

    deeds: Sequence[Deed]
    doubts: Sequence[Doubt]
    refused: dict[str, str]
    kills: Sequence[Kill]
    ours: Sequence[Ours]
    suppressed: Sequence[str]
    delay_minutes: int
    zone: str
    again: Counter[Any] = field(default_factory=Counter)


def at(instant: float, zone: str = "UTC") -> str:
    return f"{datetime.fromtimestamp(instant, ZoneInfo(zone)):%a %H:%M:%S.%f}"[:-3]


def values_at(spans: Sequence[Span], instant: float) -> list[Any]:
    """What may have been in force: the last value that surely was, and those that were being edited."""
    sure = [span.value for span in spans if span.sure <= instant][-1:]
    return sure + [span.value for span in spans if span.sent <= instant < span.sure]


def is_open(hours: dict[str, Any] | None, instant: float) -> bool:
    """The definition of the contract, word by word: the wall clock lies in a window of its weekday."""
    if hours is None:
        return True
    local = datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo(hours["timezone"]))
    clock = f"{local:%H:%M}"
    return any(window["start"] <= clock < window["end"] for window in hours.get(DAYS[local.weekday()], []))


def was_allowed(ours: Ours, instant: float) -> bool:
    """Whether the campaign may have been active and in its hours."""
    return "active" in values_at(ours.status, instant) and any(
        is_open(hours, instant) for hours in values_at(ours.hours, instant)
    )


def lateness(ours: Ours, began: float) -> float | None:
    """How long before `began` it was last allowed to begin; None if that is longer ago than a hand-over takes."""
    for n in range(round(HAND_OVER / STEP) + 1):
        if was_allowed(ours, began - n * STEP):
            return n * STEP
    return None


@dataclass(frozen=True)
class Books:
    """What the database says."""

    session: Session
    messages: Sequence[Message]
    prospects: dict[Any, Prospect]
    senders: dict[Any, Sender]

    def name(self, message: Message) -> str:
        """What the outside world calls it."""
        return message.rfc_message_id or name_of(self.prospects[message.prospect_id].identity, message.body)

    def account(self, sender_id: Any) -> str:
        """What the outside world calls an account."""
        return called(self.senders[sender_id])


def read_books(session: Session) -> Books:
    """All of it as it is now."""
    people, accounts = session.scalars(select(Prospect)), session.scalars(select(Sender))
    return Books(session, list(session.scalars(select(Message))), by_id(people), by_id(accounts))


def by_id(rows: Iterable[Any]) -> dict[Any, Any]:
    return {row.id: row for row in rows}


def called(sender: Sender) -> str:
    """The address of a mailbox; the profile of a seat."""
    return str(sender.email_address or sender.profile_url)


def audit(books: Books, evidence: Evidence) -> Findings:
    """Everything that the contract promises of sending, checked."""
    found = Findings()
    never_twice(found, evidence.deeds)
    books_are_true(found, evidence, books)
    nobody_skipped(found, evidence, books)
    in_the_hours(found, evidence)
    limits_kept(found, evidence, books)
    gaps_kept(found, books.senders.values(), evidence.deeds)
    delays_kept(found, evidence)
    for deed in evidence.deeds:
        if deed.recipient in evidence.suppressed or deed.recipient.partition("@")[2] in evidence.suppressed:
            found.say("suppressed", f"{deed.recipient} got {deed.subject}")
    unknown_is_unknown(found, evidence, books)
    return found


def completed(found: Findings, books: Books) -> None:
    """Once everything was settled and no limit is left: nobody waits, and nothing is unknown."""
    for prospect in books.prospects.values():
        if prospect.status in TERMINAL:
            continue
        found.say("skipped", f"{prospect.identity} is {prospect.status} at the very end, due {prospect.due_at}")
    for message in books.messages:
        if message.status == "unknown":
            found.say("skipped", f"message {message.id} is unknown at the very end: {message.error}")
    for campaign in books.session.scalars(select(Campaign).where(Campaign.status != "completed")):
        found.say("skipped", f"the campaign {campaign.name} is {campaign.status} at the very end")


def never_twice(found: Findings, deeds: Iterable[Deed]) -> None:
    """By person and step, from the outside alone: a subject names campaign and step."""
    for (recipient, subject), count in Counter((deed.recipient, deed.subject) for deed in deeds).items():
        if count > 1:
            found.say("twice", f"{recipient} got “{subject}” {count} times")


def books_are_true(found: Findings, evidence: Evidence, books: Books) -> None:
    """Sent in the database is taken outside; what was taken is sent, or unknown."""
    taken = {deed.name for deed in evidence.deeds}
    recorded = {books.name(message): message for message in books.messages}
    for name, message in recorded.items():
        if message.status == "sent" and name not in taken:
            found.say("books", f"message {message.id} ({name}) is sent, but nobody ever took it")
        if message.status == "sending":
            found.say("books", f"message {message.id} is still being sent")
    for deed in evidence.deeds:
        record = recorded.get(deed.name)
        if record is None or record.status not in ("sent", "unknown"):
            found.say("books", f"{deed.recipient} got “{deed.subject}”, and the books say {record and record.status}")


def nobody_skipped(found: Findings, evidence: Evidence, books: Books) -> None:
    """Everybody came to the end with both mails, or stands where a no, a limit or an unknown outcome holds them."""
    got: dict[Any, set[str]] = defaultdict(set)
    for mail in evidence.deeds:
        got[mail.recipient].add(mail.subject)
    unknown = {message.prospect_id for message in books.messages if message.status == "unknown"}
    names = {ours.id: ours.name for ours in evidence.ours if ours.type == EMAIL}
    held = held_by_limits(evidence, books)
    for prospect in books.prospects.values():
        name, address = names.get(str(prospect.campaign_id)), str(prospect.email)
        if name is None:
            continue
        both = {f"{name} 1", f"{name} 2"} <= got[address]
        no = address in evidence.suppressed or address.partition("@")[2] in evidence.suppressed
        fine = {
            "completed": both,
            "bounced": evidence.refused.get(address) == "550",
            "unsubscribed": no,
        }.get(prospect.status, False)
        if not fine and prospect.id not in unknown and prospect.id not in held:
            found.say("skipped", f"{address} of {name} is {prospect.status}, due {prospect.due_at}, got {got[address]}")


def held_by_limits(evidence: Evidence, books: Books) -> set[Any]:
    """Who is due and waits for a limit that is in truth used up."""
    limits = {ours.id: ours.limit[-1].value for ours in evidence.ours}
    days = books.session.scalars(select(CampaignDay))
    spent = {day.campaign_id for day in days if day.used >= limits[str(day.campaign_id)]}
    days_of_senders = books.session.scalars(select(SenderDay))
    tired = {day.sender_id for day in days_of_senders if day.used >= books.senders[day.sender_id].daily_limit}
    return {
        prospect.id
        for prospect in books.prospects.values()
        if prospect.due_at is not None
        and (prospect.sender_account_id in tired or (prospect.campaign_id in spent and prospect.counted_on is None))
    }


def in_the_hours(found: Findings, evidence: Evidence) -> None:
    """Nothing was begun while its campaign was closed or paused, but for what was in hand."""
    names = {ours.name: ours for ours in evidence.ours}
    for deed in evidence.deeds:
        ours = names[deed.campaign]
        late = lateness(ours, deed.began)
        if late is None:
            found.say("hours", f"“{deed.subject}” to {deed.recipient} at {at(deed.began, ours.zone)} {ours.zone}")
        else:
            found.latest = max(found.latest, late)


def limits_kept(found: Findings, evidence: Evidence, books: Books) -> None:
    """Senders and campaigns, counted outside; and the counters of the database, which must not leak either way."""
    limits = {called(sender): sender.daily_limit for sender in books.senders.values()}
    for account, count in Counter(deed.sender for deed in evidence.deeds).items():
        if count > limits[account]:
            found.say("limits", f"{account} sent {count} of {limits[account]}")
    for ours in evidence.ours:
        _campaign_limit(found, ours, [deed for deed in evidence.deeds if deed.campaign == ours.name])
    gone = [message for message in books.messages if message.status in ("sent", "unknown")]
    by_sender = Counter(message.sender_account_id for message in gone) + evidence.again
    for day in books.session.scalars(select(SenderDay)):
        if day.used != by_sender[day.sender_id]:
            found.say("counters", f"sender {day.sender_id}: {day.used} counted, {by_sender[day.sender_id]} left")
    people = {ours.id: {m.prospect_id for m in gone if str(m.campaign_id) == ours.id} for ours in evidence.ours}
    for row in books.session.scalars(select(CampaignDay)):
        if row.used != len(people[str(row.campaign_id)]):
            found.say(
                "counters", f"campaign {row.campaign_id}: {row.used} counted, {len(people[str(row.campaign_id)])}"
            )


def _campaign_limit(found: Findings, ours: Ours, deeds: Sequence[Deed]) -> None:
    seen: set[str] = set()
    for deed in sorted(deeds, key=lambda one: one.began):
        if deed.recipient in seen:
            continue
        seen.add(deed.recipient)
        allowed = most_allowed(ours.limit, deed.began)
        if len(seen) > allowed:
            found.say("limits", f"{ours.name}: {len(seen)} people of {allowed} at {at(deed.began)}")


def most_allowed(limit: Sequence[Span], instant: float) -> int:
    """The largest limit that may have been in force when the gates were looked at."""
    return max(values_at(limit, instant) + values_at(limit, instant - HAND_OVER))


def gaps_kept(found: Findings, senders: Iterable[Sender], deeds: Sequence[Deed]) -> None:
    """Between two deeds of one account lies its least gap."""
    gaps = {called(sender): sender.min_gap for sender in senders}
    last: dict[str, float] = {}
    for deed in sorted(deeds, key=lambda one: one.at):
        gap = deed.at - last.get(deed.sender, 0.0)
        if gap < gaps[deed.sender] - CLOCK:
            found.say("gaps", f"{deed.sender}: {gap:.3f} s before {at(deed.at)}")
        last[deed.sender] = deed.at


def delays_kept(found: Findings, evidence: Evidence) -> None:
    """The second step of a person comes after the first, by the same account, once the delay is over."""
    first = {(deed.recipient, deed.campaign): deed for deed in evidence.deeds if deed.step == "1"}
    mails = {ours.name for ours in evidence.ours if ours.type == EMAIL}
    for deed in evidence.deeds:
        if deed.step != "2":
            continue
        before = first.get((deed.recipient, deed.campaign))
        if before is None:
            # Whoever is connected gets a LinkedIn message without an invitation.
            if deed.campaign in mails:
                found.say("order", f"{deed.recipient} got “{deed.subject}” first")
        elif deed.began < before.at + evidence.delay_minutes * 60 - CLOCK:
            found.say("delay", f"{deed.recipient}: {deed.began - before.at:.1f} s")
        elif deed.sender != before.sender:
            found.say("sender", f"{deed.recipient}: {before.sender}, then {deed.sender}")


def unknown_is_unknown(found: Findings, evidence: Evidence, books: Books) -> None:
    """Each has a reason of its own: its answer never came, or a kill cut off the lane that had it in hand."""
    doubts = {doubt.name for doubt in evidence.doubts}
    cuts = [(kill.at, Counter(kill.senders)) for kill in sorted(evidence.kills, key=lambda kill: kill.at)]
    claims: dict[Any, list[float]] = defaultdict(list)
    messages = sorted(books.messages, key=lambda one: one.claimed_at)
    for message in messages:
        claims[message.sender_account_id].append(message.claimed_at.timestamp())
    for message in messages:
        if message.status != "unknown" or books.name(message) in doubts:
            continue
        claimed, own = message.claimed_at.timestamp(), claims[message.sender_account_id]
        later = [*own[bisect_right(own, claimed) :], claimed + LONGEST_SEND][0]
        account = books.account(message.sender_account_id)
        # A lane that had not said yet whose it is can only have just claimed.
        if not (_cut(cuts, account, claimed, later) or _cut(cuts, None, claimed, min(later, claimed + HAND_OVER))):
            near = [(round(when - claimed, 2), [*who]) for when, who in cuts if abs(when - claimed) < LONGEST_SEND]
            found.say("unknown", f"message {message.id} of {account}: {message.error} Cut off near it: {near}")


def _cut(cuts: Sequence[tuple[float, Counter[str | None]]], whose: str | None, claimed: float, until: float) -> bool:
    """Whether a lane was cut off between a claim and the next one of its account, which no lane makes that has not
    written down what became of the first. It excuses no other message then."""
    for killed, lanes in cuts:
        if lanes[whose] and claimed <= killed <= until:
            lanes[whose] -= 1
            return True
    return False
