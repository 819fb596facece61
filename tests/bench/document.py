"""docs/benchmarks.md, made from the results and from nothing else."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.bench import plot
from tests.bench.figures import count, seconds
from tests.bench.goals import GOALS, MEGABYTE
from tests.bench.machine import ROOT
from tests.bench.results import Results

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "benchmarks-wake-up.svg"
Facts = dict[str, Any]
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

INTRODUCTION = """# Benchmarks

Written by `make bench` and `make bench-peers` from what they measured. Every figure stands beside the naive or
the bare way, run on the same machine in the same run: read the ratios, since seconds depend on the machine. The
databases wait for the disk at every commit, as in production, and have their default settings.
"""


def write(results: Results) -> None:
    """Write the page and its picture."""
    PAGE.write_text(page(results))
    if picture := draw(results):
        PICTURE.write_text(picture)


def page(results: Results) -> str:
    """The whole page."""
    parts = [INTRODUCTION, _machines(results), "## Goals\n", goals(results)]
    for name, (title, section) in SECTIONS.items():
        if name in results:
            parts += [f"## {title}\n", section(results[name]["facts"]), _stamp(results[name]["machine"])]
    return "\n".join(parts)


def goals(results: Results) -> str:
    """Each goal, what was measured, and whether it is met."""
    rows = []
    for goal in GOALS:
        if goal.benchmark not in results:
            rows.append([goal.words, "not measured yet", ""])
            continue
        verdict = goal.judge(results[goal.benchmark]["facts"])
        rows.append([goal.words, verdict.measured, "yes" if verdict.met else "**no**"])
    return _table(["goal", "measured", "met"], rows, left=3)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """The first `left` columns hold words, the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)) + "\n"


def _machines(results: Results) -> str:
    own = [one["machine"] for one in results.values()]
    return "".join(f"{words}\n" for words in dict.fromkeys(_machine(one) for one in own))


def _machine(one: dict[str, Any]) -> str:
    return (
        f"Machine: {one['cores']} cores ({one['processor'] or 'unknown'}), {one['memory'] / 2**30:.0f} GiB of memory, "
        f"{one['system']}; Python {one['python']}, SQLite {one['sqlite']}, PostgreSQL {one['postgresql']}, "
        f"Valkey {one['valkey']}."
    )


def _stamp(one: dict[str, Any]) -> str:
    return f"Measured on {one['date']} at commit {one['commit']}.\n"


def _wake_up(facts: Facts) -> str:
    head = [
        "database", "sleepers", "PATCH answered", "all re-checked p50", "p99", "first message p50", "p99",
        "one RQ job a sleeper", "naive / ours",
    ]  # fmt: skip
    rows = [
        [
            DATABASES[row["database"]],
            count(row["sleepers"]),
            seconds(row["answered"]["p50"]),
            seconds(row["rechecked"]["p50"]),
            seconds(row["rechecked"]["p99"]),
            seconds(row["accepted"]["p50"]),
            seconds(row["accepted"]["p99"]),
            seconds(row["naive"]) + ("" if row["naive_jobs"] == row["sleepers"] else " (scaled)"),
            f"{row['naive'] / row['rechecked']['p50']:,.0f}×",
        ]
        for row in facts["rows"]
    ]
    first = facts["rows"][0]
    rounds, jobs = first["rechecked"]["rounds"], max(row["naive_jobs"] for row in facts["rows"])
    return f"""New hours are sent to a running campaign by the API of a whole `make run`, {rounds} times for each
number of sleepers, which take turns. Timed from the request: until the wake-up's record says that all
were re-checked, and until the mail server has accepted the first message. The naive way, a job for each
sleeper that loads the person and looks at the hours, is run for at most {jobs:,} jobs by one
SimpleWorker, RQ's fastest, and scaled to the rest.

![Seconds until all have re-checked, by sleepers]({PICTURE.name})

{_table(head, rows)}"""


def _edit(facts: Facts) -> str:
    rows = [
        [
            DATABASES[row["database"]],
            str(row["statements"]),
            seconds(row["ours"]["p50"]),
            seconds(row["bare"]["p50"]),
            f"{row['ours']['p50'] / row['bare']['p50']:.2f}×",
            f"{row['ours']['p95'] / row['bare']['p95']:.2f}×",
        ]
        for row in facts["rows"]
    ]
    return f"""Every text of {facts["nodes"]} nodes of a draft is changed by one PATCH, and the statements that reach
the driver are recorded. A bare Flask view then reads the same body, runs the same statements in the
same transactions straight on the driver, and answers the same JSON; both are timed inside of WSGI, by
turns.

{_table(["database", "statements", "our PATCH p50", "bare view p50", "ours / bare", "at p95"], rows)}"""


def _lane(facts: Facts) -> str:
    rows = []
    for row in facts["rows"]:
        four = (f"{row['four']:,.0f}", f"{row['four'] / row['one']:.2f}×") if "four" in row else ("", "")
        one = [f"{row['one']:,.0f}", f"{row['loop']:,.0f}", f"{row['one'] / row['loop']:.2f}×"]
        rows.append([DATABASES[row["database"]], *one, *four])
    head = ["database", "one lane", "plain loop", "lane / loop", "four lanes", "four / one"]
    return f"""Messages a second into postfix's smtp-sink with no gap, {facts["messages"]:,} of them, the best of
{facts["runs"]} runs by turns. The plain loop makes an EmailMessage for each person, and commits the
message as `sending` before smtplib hands it over and as `sent` afterwards, in the same tables of the
same database; it picks nobody, and checks no hours, limits, pauses or suppressions. Four lanes are
worked by the two workers of `make run`, on PostgreSQL, since SQLite has one writer at a time.

{_table(head, rows)}"""


def _tick(facts: Facts) -> str:
    rows = [
        [
            count(row["people"]),
            seconds(row["usual"]["p50"]),
            seconds(row["usual"]["p95"]),
            seconds(row["all_at_once"]["p50"]),
            seconds(row["all_at_once"]["p95"]),
            seconds(row["built"]),
        ]
        for row in facts["rows"]
    ]
    first = facts["rows"][0]
    head = ["prospects", "tick p50", "p95", "every lane has work p50", "p95", "built in"]
    return f"""One tick as the timetable's process does it, bells into Redis included, on PostgreSQL with
{facts["senders"]:,} accounts and {facts["campaigns"]:,} active campaigns. {first["people"] // 100:,}
people are due at any size, and everybody else waits. In the usual tick one account in 120 is free, as
with gaps of one to three minutes; in the other one all accounts are free and are rung for, as when
hours open in the morning.

{_table(head, rows)}"""


def _pages(facts: Facts) -> str:
    rows = [
        [row["page"], DATABASES[row["database"]], seconds(row["server"]["p50"]), seconds(row["server"]["p95"])]
        for row in sorted(facts["rows"], key=lambda row: row["page"])
    ]
    return f"""One campaign of {facts["people"]:,} prospects, 30 small ones; one signed-in person on one connection to
the server of `make run`, {facts["rows"][0]["server"]["rounds"]} times a page, from the request to the
last byte.

{_table(["page", "database", "p50", "p95"], rows, left=2)}"""


def _memory(facts: Facts) -> str:
    rows = []
    for state in ("idle", "working"):
        own = facts[state]
        rows += [[state, one["process"], _megabytes(one["pss"]), _megabytes(one["rss"])] for one in own]
        rows.append([f"**{state}**", "**together**", _megabytes(sum(one["pss"] for one in own)), ""])
    return f"""The processes of `make run` on SQLite, mail trap included, with nothing to do, and while four accounts
send with no gap. PSS counts memory that processes share once, split between them; RSS counts it in
each.

{_table(["state", "process", "PSS, MB", "RSS, MB"], rows, left=2)}"""


def _megabytes(size: float) -> str:
    return f"{size / MEGABYTE:.0f}"


def _peers(facts: Facts) -> str:
    head = [
        "engine",
        "store and settings",
        "sleepers",
        "put to sleep in",
        "all re-checked",
        "ours, as many",
        "engine / ours",
    ]
    rows = [
        [
            row["engine"],
            row["settings"],
            count(row["sleepers"]),
            seconds(row["start"]),
            seconds(row["rechecked"]),
            seconds(row["ours"]),
            f"{row['rechecked'] / row['ours']:,.0f}×",
        ]
        for row in facts["rows"]
    ]
    ended = "".join(f"- {row['engine']}: {row['ended']}\n" for row in facts["rows"])
    return f"""The same job given to engines that a team would otherwise pick: N people sleep, the schedule is edited
once, and each of them looks at the new hours and goes to sleep again. The table has the largest N that
each was found to carry within {facts["within"]:g} s; ours is the wake-up of as many sleepers by the
whole `make run` on PostgreSQL.

{_table(head, rows, left=2)}
How the search for N ended:

{ended}"""


Section = tuple[str, Callable[[Facts], str]]
SECTIONS: dict[str, Section] = {
    "wake_up": ("New hours on a running campaign", _wake_up),
    "peers": ("The same job given to other engines", _peers),
    "edit": ("PATCH with 50 nodes", _edit),
    "lane": ("Sending", _lane),
    "tick": ("The tick", _tick),
    "pages": ("Pages", _pages),
    "memory": ("Memory", _memory),
}


def draw(results: Results) -> str | None:
    """The plot of wake-ups and peers; None if no wake-up was measured."""
    if "wake_up" not in results:
        return None
    series = []
    rows = results["wake_up"]["facts"]["rows"]
    for name in dict.fromkeys(row["database"] for row in rows):
        own = [row for row in rows if row["database"] == name]
        series.append(plot.Series(f"Cadenza, {DATABASES[name]}", _points(own, lambda row: row["rechecked"]["p50"])))
    last = [row for row in rows if row["database"] == rows[-1]["database"]]
    series.append(plot.Series("one RQ job a sleeper", _points(last, lambda row: row["naive"]), dashed=True))
    for row in results.get("peers", {}).get("facts", {}).get("rows", []):
        series.append(plot.Series(row["engine"], [(one["sleepers"], one["rechecked"]) for one in row["probes"]]))
    title = "New hours: time until every sleeper is re-checked (dashed: scaled)"
    return plot.svg(title, "people asleep", "time until all are re-checked", series)


def _points(rows: list[Facts], value: Callable[[Facts], float]) -> list[plot.Point]:
    return [(row["sleepers"], value(row)) for row in rows]
