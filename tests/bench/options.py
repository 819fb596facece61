"""What a run of the benchmarks may be told."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.bench.stage import DATABASES


@dataclass(frozen=True)
class Options:
    """Sizes of a run. `narrowed` says that it is not the whole measurement: its figures are not published."""

    databases: tuple[str, ...] = DATABASES
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    rounds: int = 50
    naive_jobs: int = 1_000
    edits: int = 200
    messages: int = 2_000
    runs: int = 3
    tick_rows: tuple[int, ...] = (1_000_000, 10_000_000)
    tick_senders: int = 10_000
    people: int = 1_000_000
    requests: int = 100
    idle: float = 10.0
    narrowed: bool = False


FULL = Options()
QUICK = Options(
    sizes=(1_000, 10_000), rounds=5, naive_jobs=100, edits=30, messages=120, runs=1, tick_rows=(100_000, 500_000),
    tick_senders=1_000, people=20_000, requests=10, idle=3.0, narrowed=True,
)  # fmt: skip


def read(arguments: Sequence[str], names: Sequence[str]) -> tuple[list[str], Options]:
    """The benchmarks to run, all of `names` if none is named, and how."""
    parser = argparse.ArgumentParser(prog="make bench", description="Each in full is published in docs/benchmarks.md.")
    parser.add_argument("benchmark", nargs="*", help=f"of {', '.join(names)}; all if left out")
    parser.add_argument("--quick", action="store_true", help="small sizes, two minutes in all; not published")
    parser.add_argument("--database", choices=DATABASES, help="this one only; not published")
    parser.add_argument("--sizes", type=numbers, help="sleepers of wake_up, as 1000,1000000; not published")
    parser.add_argument("--tick-rows", type=numbers, help="prospects of tick; not published")
    parser.add_argument("--people", type=int, help="prospects of pages; not published")
    parser.add_argument("--rounds", type=int, help="of wake_up; not published")
    given = parser.parse_args(arguments)
    if unknown := set(given.benchmark) - set(names):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = {
        "databases": (given.database,) if given.database else None,
        "sizes": given.sizes,
        "tick_rows": given.tick_rows,
        "people": given.people,
        "rounds": given.rounds,
    }
    narrowing = {name: value for name, value in chosen.items() if value}
    options = replace(QUICK if given.quick else FULL, **narrowing)
    return given.benchmark or list(names), replace(options, narrowed=given.quick or bool(narrowing))


def numbers(text: str) -> tuple[int, ...]:
    """Numbers with commas between them, the smallest first."""
    found = tuple(sorted(int(one) for one in text.split(",")))
    if not found or found[0] < 1:
        raise argparse.ArgumentTypeError(f"{text}: whole numbers above 0 with commas between them")
    return found
