"""`make faults`: the long form of the faults suite on both databases; prints the report and writes docs/faults.md."""

import argparse
import os
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from jobs.tether import tie
from tests.bench.machine import describe
from tests.faults.plan import LONG, SHORT
from tests.faults.storm import Report, run_aloud
from tests.faults.timing import slowest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
SIZES = {size.name: size for size in (SHORT, LONG)}
RULES = (
    "twice", "skipped", "hours", "limits", "counters", "gaps", "delay", "order", "sender", "suppressed", "unknown",
    "books", "late", "orphans",
)  # fmt: skip
INTRODUCTION = """# Under fire

`make faults` starts Cadenza as `make run` does, with real servers and a mail server that forgets nothing. While
campaigns run and people edit hours, pause, resume and change limits, it kills processes with -9 (a lane in the middle
of a send, a worker, the timetable, web, Redis, PostgreSQL, the supervisor alone, all at once), empties Redis, and has
the mail server stall, hang up before and after its final answer, answer nonsense and say no. Then its memory is
compared with the database. At last somebody looks into every mailbox, settles each unknown outcome on the page *What
is stuck* and lifts the limits, all campaigns come to their end, and the two are compared again.

Each restart is timed, from the kill (where the supervisor starts the process again) or from the start of what the test
starts, until the next mail is begun; time in which nobody was to be written to does not count. 30 s are promised.

A seed replays the same events: `make faults ARGS="--seed N"`. Written by the last run:

"""


def table(reports: list[Report]) -> str:
    """The verdicts as Markdown."""
    lines = [
        "| database | seed | kills | other events | people | mails | minutes | violations |",
        "|---|---|---|---|---|---|---|---|",
        *(_verdict(report) for report in reports),
        "",
        "| database | restarts timed | slowest | 95 of 100 within | unknown outcomes | had arrived | sent again |",
        "|---|---|---|---|---|---|---|",
        *(_recovery(report) for report in reports),
        "",
        *_head("killed", reports),
        *(_row(what, [_killed(one, what) for one in reports]) for what in _kinds([one.kills for one in reports])),
        "",
        *_head("what else happened", reports),
        *(_row(what, [one.other[what] for one in reports]) for what in _kinds([one.other for one in reports])),
        "",
        *_head("violations", reports),
        *(_row(rule, [one.findings.counts[rule] for one in reports]) for rule in RULES),
    ]
    return "\n".join(lines) + "\n"


def _kinds(counts: list[Counter[str]]) -> list[str]:
    return sorted({kind for one in counts for kind in one})


def _head(what: str, reports: list[Report]) -> list[str]:
    return [_row(what, [report.database for report in reports]), "|---|" + "---|" * len(reports)]


def _row(name: str, cells: Sequence[object]) -> str:
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


def _verdict(one: Report) -> str:
    cells = [
        one.seed, one.killed, one.other.total(), one.people, one.accepted, round(one.seconds / 60),
        one.findings.counts.total(),
    ]  # fmt: skip
    return _row(one.database, cells)


def _recovery(one: Report) -> str:
    seconds = [pause.seconds for pause in one.restarts]
    times = [f"{slowest(seconds):.1f} s", f"{slowest(seconds, 0.95):.1f} s"]
    return _row(one.database, [len(seconds), *times, one.unknown, one.arrived, one.unknown - one.arrived])


def _killed(one: Report, what: str) -> str:
    longest = slowest([pause.seconds for pause in one.restarts if pause.what == what])
    return f"{one.kills[what]}, work went on within {longest:.1f} s" if one.kills[what] else "0"


def page(reports: list[Report]) -> str:
    """The report page: the verdicts, and what they were found on."""
    machine = describe()
    size = f"{machine['cores']} cores and {machine['memory'] / 2**30:.0f} GiB of memory ({machine['processor']})"
    stamp = f"Run on {machine['date']} at commit {machine['commit']}, with {size}.\n\n"
    return INTRODUCTION + stamp + table(reports)


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
        PAGE.write_text(page(reports))
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
