"""What happens during a storm, drawn from a seed: the same seed, the same events in the same order."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Event:
    """One thing that happens `after` so many seconds from the one before. `choice` draws what remains to be drawn."""

    after: float
    kind: str
    down: float = 0.0
    choice: int = 0


@dataclass(frozen=True)
class Size:
    """How large a storm is. `kills`: how many processes are to die; `seconds`: when it ends at the latest.

    `people`, `limited`, `gapped`: prospects of the three campaigns. `senders` of the first one, some of them with gaps.
    `longest`: seconds between two events at most. `lull_every`: kills from one lull to the next. `linked`, `skipping`,
    `by_hand`: prospects of the three campaigns at LinkedIn; `week`: the limit of each seat and kind of step at first,
    `day`: that of one seat.
    """

    name: str
    kills: int
    seconds: float
    longest: float
    people: int
    limited: int
    limit: int
    gapped: int
    sender_limit: int
    senders: int
    gapped_senders: int
    delay_minutes: int
    pause: float
    lull_every: int
    linked: int
    skipping: int
    by_hand: int
    week: int
    day: int


SHORT = Size("short", 20, 25, 0.6, people=110, limited=30, limit=24, gapped=8, sender_limit=13, senders=8,
             gapped_senders=0, delay_minutes=0, pause=0.15, lull_every=10,
             linked=18, skipping=12, by_hand=8, week=6, day=10)  # fmt: skip
LONG = Size("long", 520, 1200, 0.85, people=1000, limited=300, limit=200, gapped=60, sender_limit=80, senders=24,
            gapped_senders=12, delay_minutes=1, pause=0.3, lull_every=60,
            linked=160, skipping=80, by_hand=90, week=25, day=100)  # fmt: skip

# Kind -> how often, relative to the others.
KILLS = {
    "kill lane": 34,
    "kill worker": 14,
    "kill ticker": 7,
    "kill web": 5,
    "kill redis": 5,
    "kill supervisor": 5,
    "kill postgres": 4,
    "kill backend": 3,
    "kill everything": 1,
}
TROUBLES = {
    "flush redis": 4,
    "stall": 3,
    "drop before": 3,
    "drop after": 3,
    "nonsense": 2,
    "451": 3,
    "550": 3,
    "drop at mail": 1,
}
# Of the provider of LinkedIn seats. It is told to go on with these, by the driver, after a while.
OUTAGES = {
    "provider: stall": 2,
    "provider: drop before": 3,
    "provider: drop after": 3,
    "provider: 500": 2,
    "provider: 503": 2,
    "provider: 429": 2,
    "provider: 401": 2,
}
EDITS = {"hours": 14, "pause": 4, "resume": 10, "limit": 5, "week": 8, "add people": 2}
# Not in the short form: what they cause is waited out for too long.
LONG_ONLY = ("451", "drop at mail", "add people")


def draw(seed: int, size: Size) -> Iterator[Event]:
    """The events of a storm, without end. The driver stops when it has had enough of them."""
    chance = Random(seed)
    weights = KILLS | TROUBLES | OUTAGES | EDITS
    if size.name == "short":
        weights = {kind: weight for kind, weight in weights.items() if kind not in LONG_ONLY}
    kinds = list(weights)
    while True:
        (kind,) = chance.choices(kinds, list(weights.values()))
        yield Event(
            after=chance.uniform(0.05, size.longest),
            kind=kind,
            down=chance.choice((0.0, 0.1, 0.3, 0.8, 2.0)),
            choice=chance.getrandbits(32),
        )
