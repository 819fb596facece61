"""The short form of the storm; the long one is `make faults`."""

import pytest

from tests.faults.plan import SHORT, draw
from tests.faults.storm import run

SEED = 4


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nobody_is_written_to_twice_or_forgotten_in_a_storm(database: str) -> None:
    report = run(database, SEED, SHORT, lambda words: print(f"{database}, seed {SEED}: {words}"))
    print(report)
    assert report.findings.violations == []
    assert report.killed > 5
    assert report.accepted > report.people


def test_a_seed_draws_the_same_storm_again() -> None:
    first, second, other = (draw(seed, SHORT) for seed in (1, 1, 2))
    events = [next(first) for _ in range(200)]
    assert events == [next(second) for _ in range(200)]
    assert events != [next(other) for _ in range(200)]
