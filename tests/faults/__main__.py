"""`make faults`: the long form of the faults suite on both databases; prints the report and writes docs/faults.md."""

import argparse
import os
import secrets
import sys
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from jobs.tether import tie
from tests.faults.plan import LONG, SHORT
from tests.faults.storm import Report, run_aloud

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
SIZES = {size.name: size for size in (SHORT, LONG)}
RULES = (
    "twice", "skipped", "hours", "limits", "counters", "gaps", "delay", "order", "sender", "suppressed", "unknown",
    "books", "late",
)  # fmt: skip
INTRODUCTION = """# Under fire

`make faults` starts Cadenza's processes with real servers and a mail server that forgets nothing. While campaigns run
and people edit hours, pause, resume and change limits, it kills processes with -9 (a lane in the middle of a send, a
worker, the timetable, web, Redis, PostgreSQL, all at once), empties Redis, and has the mail server stall, hang up
before and after its final answer, answer nonsense and say no. Then its memory is compared with the database.
A seed replays the same events: `make faults ARGS="--seed N"`. Written by the last run:

"""


def table(reports: list[Report]) -> str:
    """The verdicts as Markdown."""
    lines = [
        "| database | seed | kills | other events | people | accepted | unknown | slowest restart | violations |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for report in reports:
        other = sum(number for kind, number in report.events.items() if not kind.startswith("kill"))
        slowest = f"{max(report.restarts):.1f} s" if report.restarts else "not timed"
        lines.append(
            f"| {report.database} | {report.seed} | {report.killed} | {other} | {report.people} | {report.accepted} "
            f"| {report.unknown} | {slowest} | {sum(report.findings.counts.values())} |"
        )
    lines += ["", "| what | " + " | ".join(report.database for report in reports) + " |"]
    lines.append("|---|" + "---|" * len(reports))
    for rule in RULES:
        lines.append(f"| {rule} | " + " | ".join(str(report.findings.counts[rule]) for report in reports) + " |")
    for what in sorted({kind for report in reports for kind in report.kills}):
        lines.append(f"| killed: {what} | " + " | ".join(str(report.kills[what]) for report in reports) + " |")
    for what in sorted({kind for report in reports for kind in report.events if not kind.startswith("kill")}):
        lines.append(f"| {what} | " + " | ".join(str(report.events[what]) for report in reports) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """The exit code: 1 if a promise was broken."""
    chosen = _read(arguments)
    seed = chosen.seed if chosen.seed is not None else secrets.randbelow(1_000_000)
    size = SIZES[chosen.size]
    if chosen.kills:
        size = replace(size, kills=chosen.kills)
    databases = chosen.database or ["sqlite", "postgresql"]
    # A process of its own for each: what it starts is tied to its first thread.
    with get_context("spawn").Pool(len(databases) if chosen.together else 1, tie, [os.getpid()]) as pool:
        reports = pool.starmap(run_aloud, [(database, seed, size) for database in databases], chunksize=1)
    text = table(reports)
    print(text)
    for report in reports:
        for violation in report.findings.violations:
            print(f"{report.database}: {violation}")
    if chosen.size == "long" and len(reports) == 2:
        PAGE.write_text(INTRODUCTION + text)
    return int(any(report.findings.counts for report in reports))


def _read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--seed", type=int, help="replay this storm; made up and printed if left out")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--size", choices=tuple(SIZES), default="long")
    parser.add_argument("--kills", type=int, help="processes to kill on each database")
    parser.add_argument("--together", action="store_true", help="both databases at the same time")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
