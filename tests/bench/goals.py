"""The goals, one row each, and how a measurement is held against them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.bench.figures import count, seconds

Facts = dict[str, Any]
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Verdict:
    """What was measured, in words, and whether that meets the goal."""

    measured: str
    met: bool


@dataclass(frozen=True)
class Goal:
    """One promise about `benchmark`; `judge` gets the facts that it measured."""

    benchmark: str
    words: str
    judge: Callable[[Facts], Verdict]


def _each(rows: Iterable[tuple[str, float]], show: Callable[[float], str], met: Callable[[float], bool]) -> Verdict:
    """The goal must be met by every row; all are shown."""
    found = list(rows)
    words = ", ".join(f"{show(value)} ({name})" if name else show(value) for name, value in found)
    return Verdict(words, bool(found) and all(met(value) for _, value in found))


def _ratio(value: float) -> str:
    return f"{value:.2f}×" if value < 10 else f"{value:,.0f}×"


def _by_database(facts: Facts) -> dict[str, list[Facts]]:
    databases = dict.fromkeys(row["database"] for row in facts["rows"])
    return {name: [row for row in facts["rows"] if row["database"] == name] for name in databases}


def _largest(facts: Facts) -> list[tuple[str, Facts]]:
    """The row with the most sleepers of each database."""
    return [(name, max(rows, key=lambda row: row["sleepers"])) for name, rows in _by_database(facts).items()]


def rechecked(facts: Facts) -> Verdict:
    """PATCH to all re-checked, with the most sleepers."""
    rows = [(f"{name}, {count(row['sleepers'])}", row["rechecked"]["p50"]) for name, row in _largest(facts)]
    return _each(rows, seconds, lambda value: value <= 0.5)


def growth(facts: Facts) -> Verdict:
    """The most sleepers against the fewest."""
    rows = []
    for name, own in _by_database(facts).items():
        ordered = sorted(own, key=lambda row: row["sleepers"])
        rows.append((name, ordered[-1]["rechecked"]["p50"] / ordered[0]["rechecked"]["p50"]))
    return _each(rows, _ratio, lambda value: value <= 3)


def first_message(percent: str, most: float) -> Callable[[Facts], Verdict]:
    """PATCH to the first message accepted, the worst of all sizes."""

    def judge(facts: Facts) -> Verdict:
        worst = [(name, max(row["accepted"][percent] for row in own)) for name, own in _by_database(facts).items()]
        return _each(worst, seconds, lambda value: value <= most)

    return judge


def against_naive(facts: Facts) -> Verdict:
    """One RQ job a sleeper against ours, the least of all sizes."""
    least = [
        (name, min(row["naive"] / row["rechecked"]["p50"] for row in own)) for name, own in _by_database(facts).items()
    ]
    return _each(least, _ratio, lambda value: value >= 100)


def edit(facts: Facts) -> Verdict:
    """Ours against the bare view."""
    rows = [(row["database"], row["ours"]["p50"] / row["bare"]["p50"]) for row in facts["rows"]]
    return _each(rows, _ratio, lambda value: value <= 2)


def one_lane(facts: Facts) -> Verdict:
    """One lane against the plain loop."""
    return _each(
        [(row["database"], row["one"] / row["loop"]) for row in facts["rows"]], _ratio, lambda value: value >= 1
    )


def four_lanes(facts: Facts) -> Verdict:
    """Four lanes against one."""
    rows = [(row["database"], row["four"] / row["one"]) for row in facts["rows"] if "four" in row]
    return _each(rows, _ratio, lambda value: value >= 1.7)


def tick(kind: str) -> Callable[[Facts], Verdict]:
    """A tick with the most people."""

    def judge(facts: Facts) -> Verdict:
        row = max(facts["rows"], key=lambda row: row["people"])
        return _each([(count(row["people"]), row[kind]["p95"])], seconds, lambda value: value <= 1)

    return judge


def tick_growth(facts: Facts) -> Verdict:
    """A tick with the most people against one with the fewest."""
    ordered = sorted(facts["rows"], key=lambda row: row["people"])
    ratio = ordered[-1]["usual"]["p50"] / ordered[0]["usual"]["p50"]
    return _each(
        [(f"{count(ordered[-1]['people'])} / {count(ordered[0]['people'])}", ratio)], _ratio, lambda v: v <= 1.5
    )


def pages(facts: Facts) -> Verdict:
    """The slowest page of each database."""
    worst = []
    for name, own in _by_database(facts).items():
        row = max(own, key=lambda row: row["server"]["p95"])
        worst.append((f"{name}: {row['page']}", row["server"]["p95"]))
    return _each(worst, seconds, lambda value: value <= 0.05)


def idle_memory(facts: Facts) -> Verdict:
    """All processes together."""
    total = sum(one["pss"] for one in facts["idle"]) / MEGABYTE
    return _each([("", total)], lambda value: f"{value:.0f} MB", lambda value: value <= 250)


GOALS = (
    Goal("wake_up", "PATCH to everybody re-checked, with the most sleepers: at most 0.5 s", rechecked),
    Goal("wake_up", "the most sleepers take at most 3 times as long as the fewest", growth),
    Goal("wake_up", "PATCH to the first message accepted, at any size: p50 at most 200 ms", first_message("p50", 0.2)),
    Goal("wake_up", "the same: p99 at most 1 s", first_message("p99", 1.0)),
    Goal("wake_up", "at least 100 times faster than one RQ job a sleeper, at any size", against_naive),
    Goal("edit", "PATCH with 50 nodes: at most 2 times a bare view with the same SQL", edit),
    Goal("lane", "one lane: at least as fast as a plain loop", one_lane),
    Goal("lane", "four lanes on two workers: at least 1.7 times one lane", four_lanes),
    Goal("tick", "a tick with the most prospects: p95 at most 1 s", tick("usual")),
    Goal("tick", "the same when every lane has work at once: at most 1 s", tick("all_at_once")),
    Goal("tick", "not growing with those not due: at most 1.5 times", tick_growth),
    Goal("pages", "every page: p95 at most 50 ms", pages),
    Goal("memory", "the whole stack idle: at most 250 MB", idle_memory),
)
