"""`make faults`: the long form of the faults suite; prints the report and writes docs/faults.md."""

import argparse
import os
import secrets
import sys
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
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
RULES = {
    "twice": "somebody got a step twice",
    "skipped": "somebody was forgotten: not through although nothing holds them, or not through at the very end",
    "hours": "something was begun outside the hours, or in a pause",
    "limits": "an account or a campaign went over its daily limit",
    "weeks": "a LinkedIn seat went over a limit of its 7 days; what may have left counts",
    "counters": "what is counted against a limit differs from what left",
    "gaps": "two steps of an account were too close",
    "delay": "a delay was cut short",
    "order": "a second step came before the first",
    "sender": "two accounts wrote to one person",
    "suppressed": "somebody who wants to hear nothing was written to",
    "strangers": "somebody got a LinkedIn message who was not connected",
    "answered": "somebody got a LinkedIn message although it was known that they had answered",
    "elsewhere": "somebody got a step of a campaign that leaves them to another one",
    "told": "an acceptance that was answered with a 200 is not in the database",
    "unknown": "an outcome is unknown although it was known: nothing was dropped, and its lane was not killed",
    "books": "the database and the outside world differ about a step",
    "tasks": "what a person said of a task was refused",
    "late": "work did not go on within 30 s of a restart, or not at all",
    "orphans": "a process outlived the supervisor or the worker that had started it",
}
INTRODUCTION = """# Under fire

`make faults` starts Cadenza as `make run` does, with real servers, a mail server and a provider of LinkedIn seats that
forget nothing. While campaigns run and people edit hours, pause, resume and change limits, it kills processes with -9
(a lane in the middle of a send, a worker, the timetable, web, Redis, PostgreSQL, the supervisor alone, all at once),
empties Redis, and has the mail server and the provider stall, hang up before and after they did it, answer nonsense
and say no. Meanwhile people at LinkedIn accept and answer, of which webhooks tell late, twice and out of order; the
provider signs seats out; a script does the tasks of another seat as a person would; limits of 7 days are set near to
what is used of them. Then what the outside world remembers is compared with the database. At last somebody looks into
every mailbox and at every profile, settles each unknown outcome on the page *What is stuck* and lifts the limits, all
campaigns come to their end, and the two are compared again.

Each restart is timed: from the kill, or from the start of what the test itself starts again, until the next mail is
begun. Where there was nobody to write to in between, or all was stopped once more, it is not. 30 s are promised.

A seed replays the same events. Each section was written by the last run on its database.
"""


def section(one: Report) -> str:
    """One storm as Markdown: the verdict, and what it was found on."""
    machine = describe()
    size = f"{machine['cores']} cores and {machine['memory'] / 2**30:.0f} GiB of memory ({machine['processor']})"
    seconds = [pause.seconds for pause in one.restarts]
    lines = [
        f"## {NAMES[one.database]}",
        "",
        f'`make faults ARGS="--database {one.database} --seed {one.seed}"`, on {machine["date"]} at commit '
        f"{machine['commit']}, with {size}, in {one.seconds / 60:.0f} minutes.",
        "",
        *_table("kills", "other events", "people", "mails", "steps at LinkedIn", "violations"),
        _row(one.killed, one.other.total(), one.people, one.accepted, one.steps, one.findings.counts.total()),
        "",
        *_table("restarts timed", "slowest", "95 of 100 within", "unknown outcomes", "had arrived", "sent again"),
        _row(
            len(seconds), f"{slowest(seconds):.1f} s", f"{slowest(seconds, 0.95):.1f} s",
            one.unknown, one.arrived, one.unknown - one.arrived,
        ),
        "",
        *_table("killed", "processes", "work went on within"),
        *(_row(what, number, _longest(one, what)) for what, number in sorted(one.kills.items())),
        "",
        *_table("what else happened", "times"),
        *(_row(what, number) for what, number in sorted(one.other.items())),
        "",
        *_table("rule", "what would break it", "violations"),
        *(_row(rule, words, one.findings.counts[rule]) for rule, words in RULES.items()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _table(*heads: str) -> list[str]:
    return [_row(*heads), "|" + "---|" * len(heads)]


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _longest(one: Report, what: str) -> str:
    timed = [pause.seconds for pause in one.restarts if pause.what == what]
    return f"{slowest(timed):.1f} s" if timed else "not timed"


def page(before: str, section: str) -> str:
    """The report page with this section instead of the one on the same database."""
    parts = [*before.split("\n## ")[1:], section.removeprefix("## ")]
    latest = {part.partition("\n")[0]: part.rstrip() for part in parts}
    kept = [latest[name] for name in NAMES.values() if name in latest]
    return "\n## ".join([INTRODUCTION, *(f"{part}\n" for part in kept)])


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
    for report in reports:
        print(section(report))
        for violation in report.findings.violations:
            print(f"{report.database}: {violation}")
        if size == LONG:
            PAGE.write_text(page(PAGE.read_text(), section(report)))
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
