"""The page that `make faults` writes."""

from collections import Counter

from tests.faults.__main__ import page, section
from tests.faults.storm import Report
from tests.faults.timing import Pause


def report(database: str, seed: int) -> Report:
    restarts = [Pause("lane", 1.0), Pause("lane", 21.5), Pause("web", 3.0)]
    return Report(
        database, seed, "long", 600, Counter(lane=2, web=1), Counter({"kill lane": 2, "stall": 4}),
        people=9, accepted=17, steps=5, unknown=3, arrived=1, restarts=restarts,
    )  # fmt: skip


def test_a_storm_is_told_with_what_replays_it_and_how_slow_it_was() -> None:
    told = section(report("sqlite", 13))
    assert '`make faults ARGS="--database sqlite --seed 13"`' in told
    assert "| 3 | 4 | 9 | 17 | 5 | 0 |" in told
    assert "| 3 | 21.5 s | 21.5 s | 3 | 1 | 2 |" in told
    assert "| lane | 2 | 21.5 s |" in told
    assert "kill lane" not in told


def test_a_run_replaces_its_own_section_and_no_other() -> None:
    both = page(page("# Old\n", section(report("postgresql", 11))), section(report("sqlite", 13)))
    again = page(both, section(report("sqlite", 14)))
    assert [line for line in again.splitlines() if line.startswith("## ")] == ["## SQLite", "## PostgreSQL"]
    assert "--seed 11" in again
    assert "--seed 13" not in again
    assert again.replace("--seed 14", "--seed 13") == both
