"""LinkedIn as people use it: what each of them does, and what a storm's auditor has to know of it."""

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from tests.faults.world import Span

# A seat and a person, by the identities of their profiles.
Pair = tuple[str, str]
# The number of a step in the texts of a storm -> its kind.
STEPS = {"1": "connection_request", "2": "message"}


@dataclass(frozen=True)
class Character:
    """What somebody does. `accepts` and `answers` are seconds after an invitation and after a message, None for never.
    Whoever is `connected` has been so before."""

    connected: bool
    accepts: float | None
    answers: float | None


def character(person: str) -> Character:
    """The same for the same person, always."""
    chance = Random(person)
    accepts, answers = chance.uniform(0.2, 3), chance.uniform(0, 1)
    return Character(
        connected=chance.random() < 0.08,
        accepts=accepts if chance.random() < 0.8 else None,
        answers=answers if chance.random() < 0.25 else None,
    )


@dataclass
class Network:
    """What LinkedIn knows, and what Cadenza was told of it. Instants are wall-clock seconds.

    `connected` since when, `told` when it was answered with a 200 that they are; `wrote` when it was answered that they
    wrote, inf before. `weeks`: seat and kind of step -> its limit. `taken`: a campaign, and who is to get nothing from
    it since they are in another one. `said`: the name of a task -> what became of it, if it was not done. `repeated`:
    the names of invitations of people who had been invited.
    """

    connected: dict[Pair, float] = field(default_factory=dict)
    told: dict[Pair, float] = field(default_factory=dict)
    wrote: dict[Pair, float] = field(default_factory=dict)
    weeks: dict[tuple[str, str], list[Span]] = field(default_factory=lambda: defaultdict(list))
    taken: set[Pair] = field(default_factory=set)
    said: dict[str, str] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
