"""`make bench`: the table, as it is measured. ARGS: the numbers of sleepers, e.g. ARGS="1000 10000"."""

import os
import platform
import sys

from tests.bench.stage import DATABASES, stage
from tests.bench.wake_up import Row, measure

SLEEPERS = (1_000, 10_000, 100_000)


def main(sleepers: tuple[int, ...]) -> None:
    """Measure and print, one database after the other."""
    cores = os.cpu_count()
    print(f"Python {platform.python_version()}, {cores} cores. New hours on a running campaign, medians of 3 rounds.")
    print()
    print("| database | sleepers | all re-checked | first message accepted | one RQ job a sleeper | naive / ours |")
    print("|---|---:|---:|---:|---:|---:|")
    for database in DATABASES:
        with stage(database) as played:
            measure(database, played, 100)  # warm everything up
            rows = [measure(database, played, count) for count in sleepers]
        for row in rows:
            print(_line(row), flush=True)
        first, last = rows[0], rows[-1]
        ratio = last.rechecked / first.rechecked
        print(f"| {database} | {last.sleepers:,} / {first.sleepers:,} | {ratio:.2f} x | | | |", flush=True)
    print()
    print("The naive way is run for at most 1,000 jobs with one SimpleWorker, its fastest, and scaled to the rest.")


def _line(row: Row) -> str:
    scaled = "" if row.naive_jobs == row.sleepers else " (scaled)"
    return (
        f"| {row.database} | {row.sleepers:,} | {row.rechecked * 1000:,.0f} ms | {row.first_accepted * 1000:,.0f} ms "
        f"| {row.naive:,.1f} s{scaled} | {row.naive / row.rechecked:,.0f} |"
    )


if __name__ == "__main__":
    main(tuple(int(arg) for arg in sys.argv[1:]) or SLEEPERS)
