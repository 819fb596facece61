"""The auditor of what is LinkedIn's alone: strangers, the weeks of the seats, and what people answered."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from campaigns.models import Message, Prospect, SenderUse
from campaigns.rules.lifecycle import LINKEDIN
from tests.faults.audit import HAND_OVER, Books, Evidence, Findings, at, held_by_limits, most_allowed
from tests.faults.deeds import name_of
from tests.faults.network import STEPS, Network


def audit_linkedin(books: Books, evidence: Evidence, network: Network) -> Findings:
    """Everything that the contract promises of LinkedIn's steps besides, checked."""
    found = Findings()
    names = {ours.id: ours.name for ours in evidence.ours if ours.type == LINKEDIN}
    steps = [deed for deed in evidence.deeds if deed.campaign in names.values()]
    people = [prospect for prospect in books.prospects.values() if str(prospect.campaign_id) in names]
    weeks_kept(found, evidence, network, books, people)
    uses_are_true(found, books, people)
    for name in network.repeated:
        found.say("twice", f"{name} was asked for once more")
    for deed in steps:
        pair = (deed.sender, deed.recipient)
        if deed.step == "2" and network.connected.get(pair, deed.at) >= deed.at:
            found.say("strangers", f"{deed.recipient} got “{deed.subject}” from {deed.sender} and is not connected")
        if deed.began > network.wrote.get(pair, deed.began) + HAND_OVER:
            found.say("answered", f"{deed.recipient} got “{deed.subject}” at {at(deed.began)} and had answered")
        if (deed.campaign, deed.recipient) in network.taken:
            found.say("elsewhere", f"{deed.recipient} got “{deed.subject}” and is in another campaign")
    acceptances_known(found, network, books, people)
    nobody_left_out(found, evidence, network, books, people)
    return found


def weeks_kept(found: Findings, evidence: Evidence, network: Network, books: Books, people: Iterable[Prospect]) -> None:
    """Of each seat and step, what left and what may have left, counted outside: a storm is shorter than 7 days."""
    known = {deed.name for deed in evidence.deeds}
    left = [(deed.sender, STEPS.get(deed.step), deed.began) for deed in evidence.deeds]
    for seat, step, message in gone(books, people):
        if message.status == "unknown" and books.name(message) not in known:
            left.append((seat, step, message.claimed_at.timestamp()))
    for (seat, step), limit in network.weeks.items():
        instants = sorted(instant for whose, kind, instant in left if (whose, kind) == (seat, step))
        for number, instant in enumerate(instants, 1):
            if number > (allowed := most_allowed(limit, instant)):
                found.say("weeks", f"{seat}: {number} times {step} of {allowed} at {at(instant)}")


def gone(books: Books, people: Iterable[Prospect]) -> Iterator[tuple[str, str, Message]]:
    """What left these people, or may have left: seat, kind of step, message."""
    ids = {prospect.id for prospect in people}
    for message in books.messages:
        if message.prospect_id in ids and message.status in ("sent", "unknown"):
            step = STEPS[str(message.body).rpartition(" ")[2]]
            yield books.account(message.sender_account_id), step, message


def used(books: Books) -> Counter[tuple[str, str]]:
    """What the database counts against the weeks, by seat and kind of step."""
    return Counter((books.account(use.sender_id), use.step) for use in books.session.scalars(select(SenderUse)))


def uses_are_true(found: Findings, books: Books, people: Iterable[Prospect]) -> None:
    """What the database counts against the weeks is what left or may have left."""
    counted, left = used(books), Counter((seat, step) for seat, step, _ in gone(books, people))
    for seat, step in counted | left:
        if counted[seat, step] != left[seat, step]:
            found.say("counters", f"{seat}: {counted[seat, step]} times {step} counted, {left[seat, step]} left")


def acceptances_known(found: Findings, network: Network, books: Books, people: Iterable[Prospect]) -> None:
    """Whatever was answered with a 200 is in the database."""
    for prospect in people:
        pair = (seat_of(books, prospect), prospect.identity)
        if pair in network.told and prospect.connected_at is None:
            found.say("told", f"that {prospect.identity} accepted was told at {at(network.told[pair])}, and is unknown")


def nobody_left_out(
    found: Findings, evidence: Evidence, network: Network, books: Books, people: Sequence[Prospect]
) -> None:
    """Everybody came to the end, or stands where LinkedIn, a person, a no, a limit or an unknown outcome holds them."""
    names = {ours.id: ours.name for ours in evidence.ours}
    got = {deed.name for deed in evidence.deeds}
    unknown = {message.prospect_id for message in books.messages if message.status == "unknown"}
    held = held_by_limits(evidence, books) | held_by_weeks(network, books, people)
    for prospect in people:
        name, pair = names[str(prospect.campaign_id)], (seat_of(books, prospect), prospect.identity)
        first, second = (name_of(prospect.identity, f"{name} {number}") for number in STEPS)
        fine = {
            "completed": (first in got or pair in network.connected)
            and (second in got or network.said.get(second) == "skip"),
            "connection_sent": first in got and pair not in network.told,
            "timed_out": first in got and pair not in network.connected,
            "replied": pair in network.wrote,
            "unsubscribed": prospect.identity in evidence.suppressed,
            "cancelled": (name, prospect.identity) in network.taken,
            "failed": "not_possible" in (network.said.get(first), network.said.get(second)),
        }.get(prospect.status, False)
        if not fine and prospect.id not in unknown and prospect.id not in held:
            found.say("skipped", f"{prospect.identity} of {name} is {prospect.status}, due {prospect.due_at}")


def held_by_weeks(network: Network, books: Books, people: Iterable[Prospect]) -> set[Any]:
    """Who is due and waits for a week that is in truth used up."""
    counted = used(books)
    full = {pair for pair, limit in network.weeks.items() if counted[pair] >= limit[-1].value}
    return {
        prospect.id
        for prospect in people
        if prospect.due_at is not None
        and (seat_of(books, prospect), STEPS["1" if prospect.status == "pending" else "2"]) in full
    }


def seat_of(books: Books, prospect: Prospect) -> str:
    """The seat that writes to a person; none to whoever was left out at once."""
    return books.account(prospect.sender_account_id) if prospect.sender_account_id else ""
