"""The auditor: the sink's memory against the database, by rules written here anew, not taken from the engine."""

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
from tests.faults.crew import Kill
from tests.faults.sink import Doubt, Mail
from tests.faults.world import DAYS, Ours, Span

TERMINAL = ("completed", "bounced", "unsubscribed", "failed")
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

    mails: Sequence[Mail]
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


def audit(session: Session, evidence: Evidence) -> Findings:
    """Everything that the contract promises of sending, checked."""
    found = Findings()
    messages = list(session.scalars(select(Message)))
    prospects = {prospect.id: prospect for prospect in session.scalars(select(Prospect))}
    never_twice(found, evidence.mails)
    books_are_true(found, evidence, messages)
    nobody_skipped(found, session, evidence, messages, prospects)
    in_the_hours(found, evidence)
    limits_kept(found, session, evidence, messages)
    senders = {sender.id: sender for sender in session.scalars(select(Sender))}
    gaps_kept(found, senders.values(), evidence.mails)
    delays_kept(found, evidence)
    for mail in evidence.mails:
        if mail.recipient in evidence.suppressed or mail.recipient.partition("@")[2] in evidence.suppressed:
            found.say("suppressed", f"{mail.recipient} got {mail.subject}")
    addresses = {sender.id: str(sender.email_address) for sender in senders.values()}
    unknown_is_unknown(found, evidence, messages, addresses)
    return found


def completed(found: Findings, session: Session) -> None:
    """Once everything was settled and no limit is left: nobody waits, and nothing is unknown."""
    for prospect in session.scalars(select(Prospect).where(Prospect.status.not_in(TERMINAL))):
        found.say("skipped", f"{prospect.email} is {prospect.status} at the very end, due {prospect.due_at}")
    for message in session.scalars(select(Message).where(Message.status == "unknown")):
        found.say("skipped", f"message {message.id} is unknown at the very end: {message.error}")
    for campaign in session.scalars(select(Campaign).where(Campaign.status != "completed")):
        found.say("skipped", f"the campaign {campaign.name} is {campaign.status} at the very end")


def never_twice(found: Findings, mails: Iterable[Mail]) -> None:
    """By person and step, from the sink alone: a subject names campaign and step."""
    for (recipient, subject), count in Counter((mail.recipient, mail.subject) for mail in mails).items():
        if count > 1:
            found.say("twice", f"{recipient} got “{subject}” {count} times")


def books_are_true(found: Findings, evidence: Evidence, messages: Sequence[Message]) -> None:
    """Sent in the database is taken by the sink; what the sink took is sent, or unknown."""
    taken = {mail.message_id for mail in evidence.mails}
    by_id = {message.rfc_message_id: message for message in messages}
    for message in messages:
        if message.status == "sent" and message.rfc_message_id not in taken:
            found.say("books", f"message {message.id} is sent, but the sink never took it")
        if message.status == "sending":
            found.say("books", f"message {message.id} is still being sent")
    for mail in evidence.mails:
        record = by_id.get(mail.message_id)
        if record is None or record.status not in ("sent", "unknown"):
            found.say("books", f"{mail.recipient} got “{mail.subject}”, and the books say {record and record.status}")


def nobody_skipped(
    found: Findings, session: Session, evidence: Evidence, messages: Sequence[Message], prospects: dict[Any, Prospect]
) -> None:
    """Everybody came to the end with both mails, or stands where a no, a limit or an unknown outcome holds them."""
    got: dict[Any, set[str]] = defaultdict(set)
    for mail in evidence.mails:
        got[mail.recipient].add(mail.subject)
    unknown = {message.prospect_id for message in messages if message.status == "unknown"}
    names = {ours.id: ours.name for ours in evidence.ours}
    held = _held_by_limits(session, evidence)
    for prospect in prospects.values():
        name, address = names[str(prospect.campaign_id)], str(prospect.email)
        both = {f"{name} 1", f"{name} 2"} <= got[address]
        no = address in evidence.suppressed or address.partition("@")[2] in evidence.suppressed
        fine = {
            "completed": both,
            "bounced": evidence.refused.get(address) == "550",
            "unsubscribed": no,
        }.get(prospect.status, False)
        if not fine and prospect.id not in unknown and prospect.id not in held:
            found.say("skipped", f"{address} of {name} is {prospect.status}, due {prospect.due_at}, got {got[address]}")


def _held_by_limits(session: Session, evidence: Evidence) -> set[Any]:
    """Who is due and waits for a limit that is in truth used up."""
    spent_senders = select(SenderDay.sender_id).join(Sender).where(SenderDay.used >= Sender.daily_limit)
    limits = {ours.id: ours.limit[-1].value for ours in evidence.ours}
    spent = {
        str(row.campaign_id) for row in session.scalars(select(CampaignDay)) if row.used >= limits[str(row.campaign_id)]
    }
    tired = set(session.scalars(spent_senders))
    waiting = session.scalars(select(Prospect).where(Prospect.due_at.is_not(None)))
    return {
        prospect.id
        for prospect in waiting
        if prospect.sender_account_id in tired or (str(prospect.campaign_id) in spent and prospect.counted_on is None)
    }


def in_the_hours(found: Findings, evidence: Evidence) -> None:
    """No mail was begun while its campaign was closed or paused, but for the one that was in hand."""
    names = {ours.name: ours for ours in evidence.ours}
    for mail in evidence.mails:
        ours = names[mail.subject.rpartition(" ")[0]]
        late = lateness(ours, mail.began)
        if late is None:
            found.say("hours", f"“{mail.subject}” to {mail.recipient} at {at(mail.began, ours.zone)} {ours.zone}")
        else:
            found.latest = max(found.latest, late)


def limits_kept(found: Findings, session: Session, evidence: Evidence, messages: Sequence[Message]) -> None:
    """Senders and campaigns, counted at the sink; and the counters of the database, which must not leak either way."""
    senders = {sender.email_address: sender for sender in session.scalars(select(Sender))}
    for address, count in Counter(mail.sender for mail in evidence.mails).items():
        if count > senders[address].daily_limit:
            found.say("limits", f"{address} sent {count} of {senders[address].daily_limit}")
    for ours in evidence.ours:
        _campaign_limit(found, ours, [mail for mail in evidence.mails if mail.subject.startswith(f"{ours.name} ")])
    gone = [message for message in messages if message.status in ("sent", "unknown")]
    by_sender = Counter(message.sender_account_id for message in gone) + evidence.again
    for day in session.scalars(select(SenderDay)):
        if day.used != by_sender[day.sender_id]:
            found.say("counters", f"sender {day.sender_id}: {day.used} counted, {by_sender[day.sender_id]} left")
    people = {ours.id: {m.prospect_id for m in gone if str(m.campaign_id) == ours.id} for ours in evidence.ours}
    for row in session.scalars(select(CampaignDay)):
        if row.used != len(people[str(row.campaign_id)]):
            found.say(
                "counters", f"campaign {row.campaign_id}: {row.used} counted, {len(people[str(row.campaign_id)])}"
            )


def _campaign_limit(found: Findings, ours: Ours, mails: Sequence[Mail]) -> None:
    seen: set[str] = set()
    for mail in sorted(mails, key=lambda one: one.began):
        if mail.recipient in seen:
            continue
        seen.add(mail.recipient)
        allowed = max(values_at(ours.limit, mail.began) + values_at(ours.limit, mail.began - HAND_OVER))
        if len(seen) > allowed:
            found.say("limits", f"{ours.name}: {len(seen)} people of {allowed} at {at(mail.began)}")


def gaps_kept(found: Findings, senders: Iterable[Sender], mails: Sequence[Mail]) -> None:
    """Between two mails of one account lies its least gap."""
    gaps = {sender.email_address: sender.min_gap for sender in senders}
    last: dict[str, float] = {}
    for mail in sorted(mails, key=lambda one: one.at):
        gap = mail.at - last.get(mail.sender, 0.0)
        if gap < gaps[mail.sender] - CLOCK:
            found.say("gaps", f"{mail.sender}: {gap:.3f} s before {at(mail.at)}")
        last[mail.sender] = mail.at


def delays_kept(found: Findings, evidence: Evidence) -> None:
    """The second mail of a person comes after the first, by the same account, once the delay is over."""
    first = {
        (mail.recipient, mail.subject.rpartition(" ")[0]): mail
        for mail in evidence.mails
        if mail.subject.endswith(" 1")
    }
    for mail in evidence.mails:
        if not mail.subject.endswith(" 2"):
            continue
        before = first.get((mail.recipient, mail.subject.rpartition(" ")[0]))
        if before is None:
            found.say("order", f"{mail.recipient} got “{mail.subject}” first")
        elif mail.began < before.at + evidence.delay_minutes * 60 - CLOCK:
            found.say("delay", f"{mail.recipient}: {mail.began - before.at:.1f} s")
        elif mail.sender != before.sender:
            found.say("sender", f"{mail.recipient}: {before.sender}, then {mail.sender}")


def unknown_is_unknown(
    found: Findings, evidence: Evidence, messages: Iterable[Message], addresses: dict[Any, str]
) -> None:
    """Each has a reason of its own: its answer never came, or a kill cut off the lane that had it in hand."""
    doubts = {doubt.message_id for doubt in evidence.doubts}
    cuts = [(kill.at, Counter(kill.senders)) for kill in sorted(evidence.kills, key=lambda kill: kill.at)]
    claims: dict[Any, list[float]] = defaultdict(list)
    for message in sorted(messages, key=lambda one: one.claimed_at):
        claims[message.sender_account_id].append(message.claimed_at.timestamp())
    for message in sorted(messages, key=lambda one: one.claimed_at):
        if message.status != "unknown" or message.rfc_message_id in doubts:
            continue
        claimed, own = message.claimed_at.timestamp(), claims[message.sender_account_id]
        later = [*own[bisect_right(own, claimed) :], claimed + LONGEST_SEND][0]
        address = addresses[message.sender_account_id]
        # A lane that had not said yet whose it is can only have just claimed.
        if not (_cut(cuts, address, claimed, later) or _cut(cuts, None, claimed, min(later, claimed + HAND_OVER))):
            near = [(round(when - claimed, 2), [*who]) for when, who in cuts if abs(when - claimed) < LONGEST_SEND]
            found.say("unknown", f"message {message.id} of {address}: {message.error} Cut off near it: {near}")


def _cut(cuts: Sequence[tuple[float, Counter[str | None]]], whose: str | None, claimed: float, until: float) -> bool:
    """Whether a lane was cut off between a claim and the next one of its account, which no lane makes that has not
    written down what became of the first. It excuses no other message then."""
    for killed, lanes in cuts:
        if lanes[whose] and claimed <= killed <= until:
            lanes[whose] -= 1
            return True
    return False
