"""The harness itself: its arithmetic, what it can be told, and the page that is made from what it measured."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import func, select

from campaigns.models import Prospect
from tests import make
from tests.bench import crowd, document, plot
from tests.bench.figures import count, median, percentile, seconds, spread
from tests.bench.goals import GOALS
from tests.bench.memory import name_of
from tests.bench.options import FULL, read
from tests.bench.peers.__main__ import ENGINES, larger
from tests.bench.results import keep, load
from tests.databases import Database

NAMES = ["wake_up", "tick"]
MACHINE = {
    "cores": 2, "memory": 24 * 2**30, "processor": "Some", "system": "Linux", "python": "3.11.7", "sqlite": "3.53.4",
    "postgresql": "18.6", "valkey": "9.1.2", "commit": "abc1234", "date": "2026-11-24",
}  # fmt: skip


def like(value: float) -> dict[str, float]:
    """Ten rounds that took the same time."""
    return spread([value] * 10)


def wake_ups(million: float = 0.2, accepted: float = 0.14) -> dict[str, Any]:
    """What wake_up measures: 50 ms at a thousand, `million` at a million."""
    rows = [
        {
            "database": database, "sleepers": sleepers, "answered": like(0.01), "rechecked": like(taken),
            "accepted": like(accepted), "naive": sleepers / 150, "naive_jobs": 1_000,
        }
        for database in ("sqlite", "postgresql")
        for sleepers, taken in ((1_000, 0.05), (1_000_000, million))
    ]  # fmt: skip
    return {"rows": rows}


ENGINE = {
    "engine": "Some engine", "settings": "in a file, 4 workers", "sleepers": 2_000, "start": 9.0, "rechecked": 50.0,
    "ours": 0.05, "ended": "4,000 took 110 s", "probes": [{"sleepers": 500, "rechecked": 11.0}],
}  # fmt: skip
PAGE_ROW = {"database": "sqlite", "page": "overview", "server": like(0.02)}
PROCESS = {"pid": 1, "process": "web", "pss": 80_000_000, "rss": 90_000_000}
FACTS: dict[str, dict[str, Any]] = {
    "wake_up": wake_ups(),
    "edit": {"nodes": 50, "rows": [{"database": "sqlite", "statements": 9, "ours": like(0.02), "bare": like(0.01)}]},
    "lane": {
        "messages": 2_000,
        "runs": 3,
        "rows": [
            {"database": "sqlite", "one": 90.0, "loop": 100.0},
            {"database": "postgresql", "one": 100.0, "loop": 90.0, "four": 180.0},
        ],
    },
    "tick": {
        "senders": 10_000,
        "campaigns": 1_000,
        "rows": [
            {"people": 1_000_000, "built": 9.0, "usual": like(0.3), "all_at_once": like(0.9)},
            {"people": 10_000_000, "built": 90.0, "usual": like(0.4), "all_at_once": like(1.9)},
        ],
    },
    "pages": {"people": 1_000_000, "rows": [PAGE_ROW]},
    "memory": {"idle": [PROCESS] * 3, "working": [PROCESS] * 4},
    "peers": {"within": 60, "rows": [ENGINE]},
}
RESULTS = {name: {"machine": MACHINE, "facts": facts} for name, facts in FACTS.items()}


def verdict(benchmark: str, words: str, facts: dict[str, Any]) -> tuple[str, bool]:
    (goal,) = [one for one in GOALS if one.benchmark == benchmark and words in one.words]
    found = goal.judge(facts)
    return found.measured, found.met


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert median([3, 1, 2]) == 2
    assert spread([1.0, 2.0]) == {"rounds": 2, "p50": 1.0, "p95": 2.0, "p99": 2.0, "max": 2.0}


def test_nothing_measured_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 50)


def test_times_and_numbers_are_written_for_people() -> None:
    assert [seconds(value) for value in (0.0042, 0.0421, 4.21, 61, 1_200, 36_000)] == [
        "4.2 ms", "42 ms", "4.2 s", "61.0 s", "20 min", "10.0 h"
    ]  # fmt: skip
    assert [count(value) for value in (1_000, 250_000, 1_000_000, 1_500_000)] == ["1,000", "250,000", "1 M", "1.5 M"]


def test_everything_is_measured_in_full_unless_somebody_says_otherwise() -> None:
    assert read([], NAMES) == (NAMES, FULL)
    assert read(["tick"], NAMES) == (["tick"], FULL)


@pytest.mark.parametrize("narrowing", [["--quick"], ["--database", "sqlite"], ["--sizes", "1000"], ["--rounds", "3"]])
def test_a_narrowed_run_is_not_published(narrowing: list[str]) -> None:
    assert read(narrowing, NAMES)[1].narrowed


def test_sizes_and_databases_can_be_chosen() -> None:
    names, options = read(["wake_up", "--sizes", "1000000,1000", "--database", "postgresql"], NAMES)
    assert (names, options.sizes, options.databases) == (["wake_up"], (1_000, 1_000_000), ("postgresql",))


@pytest.mark.parametrize("wrong", ["nothing", "wake_up --sizes 0", "wake_up --sizes many", "--database oracle"])
def test_what_cannot_be_measured_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(wrong.split(), NAMES)
    assert "make bench" in capsys.readouterr().err


def test_results_are_kept_beside_those_of_other_benchmarks(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    assert load(path) == {}
    keep(path, "edit", {"rows": [1]})
    keep(path, "tick", {"rows": [2]})
    keep(path, "edit", {"rows": [3]})
    assert {name: one["facts"] for name, one in load(path).items()} == {"edit": {"rows": [3]}, "tick": {"rows": [2]}}
    assert load(path)["edit"]["machine"]["cores"] > 0


def test_the_page_says_of_every_goal_whether_it_is_met() -> None:
    table = document.goals(RESULTS).splitlines()[2:]
    assert len(table) == len(GOALS)
    assert all(line.endswith(("| yes |", "| **no** |")) for line in table)


def test_what_was_not_measured_is_said() -> None:
    page = document.page({"edit": RESULTS["edit"]})
    assert page.count("not measured yet") == len(GOALS) - 1
    assert "## PATCH with 50 nodes" in page
    assert "## Sending" not in page


def test_the_page_has_a_section_for_everything_with_machine_and_commit() -> None:
    page = document.page(RESULTS)
    assert all(f"## {title}\n" in page for title, _ in document.SECTIONS.values())
    assert page.count("Measured on 2026-11-24 at commit abc1234.") == len(document.SECTIONS)
    assert page.count("Machine: 2 cores (Some), 24 GiB of memory") == 1
    assert "| SQLite | 1 M | 10 ms | 200 ms | 200 ms | 140 ms | 140 ms | 111 min (scaled) | 33,333× |" in page
    assert "| Some engine | in a file, 4 workers | 2,000 | 9.0 s | 50.0 s | 50 ms | 1,000× |" in page
    assert "- Some engine: 4,000 took 110 s" in page


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    tables: list[list[str]] = [[]]
    for line in document.page(RESULTS).splitlines():
        tables[-1].append(line) if line.startswith("|") else tables.append([])
    widths = [{line.count("|") for line in table} for table in tables if table]
    assert len(widths) == len(document.SECTIONS) + 1
    assert all(len(width) == 1 for width in widths)


JUDGED: list[tuple[str, str, Callable[[], dict[str, Any]], bool]] = [
    ("wake_up", "at most 0.5 s", lambda: wake_ups(million=0.5), True),
    ("wake_up", "at most 0.5 s", lambda: wake_ups(million=0.51), False),
    ("wake_up", "3 times as long", lambda: wake_ups(million=0.149), True),
    ("wake_up", "3 times as long", lambda: wake_ups(million=0.151), False),
    ("wake_up", "p50 at most 200 ms", lambda: wake_ups(accepted=0.201), False),
    ("wake_up", "p99 at most 1 s", lambda: wake_ups(accepted=0.201), True),
    ("wake_up", "100 times faster", lambda: wake_ups(), True),
    ("lane", "plain loop", lambda: FACTS["lane"], False),
    ("lane", "1.7 times", lambda: FACTS["lane"], True),
    ("edit", "bare view", lambda: FACTS["edit"], True),
    ("tick", "most prospects", lambda: FACTS["tick"], True),
    ("tick", "every lane", lambda: FACTS["tick"], False),
    ("tick", "not growing", lambda: FACTS["tick"], True),
    ("pages", "50 ms", lambda: FACTS["pages"], True),
    ("memory", "250 MB", lambda: FACTS["memory"], True),
]


@pytest.mark.parametrize(("benchmark", "words", "facts", "met"), JUDGED)
def test_a_goal_is_met_by_every_database_or_not_at_all(
    benchmark: str, words: str, facts: Callable[[], dict[str, Any]], met: bool
) -> None:
    assert verdict(benchmark, words, facts())[1] is met


def test_a_verdict_shows_what_it_was_found_from() -> None:
    assert verdict("lane", "plain loop", FACTS["lane"])[0] == "0.90× (sqlite), 1.11× (postgresql)"
    assert verdict("memory", "250 MB", FACTS["memory"])[0] == "240 MB"


def test_the_picture_is_svg_with_every_line_named() -> None:
    picture = document.draw(RESULTS)
    assert picture is not None
    root = ElementTree.fromstring(picture)
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    for name in ("Cadenza, SQLite", "Cadenza, PostgreSQL", "one RQ job a sleeper", "Some engine", "1 M", "100 ms"):
        assert name in texts
    assert document.draw({"edit": RESULTS["edit"]}) is None


def test_ten_times_as_much_is_one_step_on_either_axis() -> None:
    axes = plot._Axes([(100, 0.01), (1_000_000, 100)])
    assert axes.place((100, 0.01)) == (plot.LEFT, plot.HEIGHT - plot.BOTTOM)
    assert axes.place((1_000_000, 100)) == (plot.WIDTH - plot.RIGHT, plot.TOP)
    across = [axes.place((10**power, 1))[0] for power in (2, 3, 4)]
    assert across[2] - across[1] == pytest.approx(across[1] - across[0], abs=0.2)


def test_names_beside_the_picture_do_not_cover_each_other() -> None:
    crowded = [plot.Series(f"number {n}", [(10, 1), (100, 50 + n)]) for n in range(6)]
    root = ElementTree.fromstring(plot.svg("t", "x", "y", [*crowded, plot.Series("low", [(10, 1), (100, 1)])]))
    heights = [float(one.attrib["y"]) for one in root.iter() if one.attrib.get("class", "").startswith("name")]
    assert len(heights) == 7
    assert all(later - earlier >= plot.LINE for earlier, later in pairwise(heights))


def test_a_crowd_has_everybody_where_the_mix_says(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace) for _ in range(2)]
        nodes = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
        large = make.campaign(session, workspace, senders=senders, nodes=nodes, name="Large", status="active")
        make.campaign(session, workspace, senders=senders, nodes=nodes, name="Other", status="active")
    crowd.fill(db.engine, 10, crowd.UNDER_WAY, campaign="Large")
    crowd.fill(db.engine, 5, crowd.ASLEEP, after=10)
    with db.sessions() as session:
        own = select(Prospect.status, func.count()).where(Prospect.campaign_id == large.id).group_by(Prospect.status)
        assert dict(session.execute(own).all()) == {
            "completed": 6,
            "sent": 6,
            "pending": 8 + 10,
        }
        assert session.scalar(select(func.count()).select_from(Prospect)) == 40
        asleep = session.scalars(select(Prospect).where(Prospect.status == "pending")).all()
        assert all(one.due_at and one.current_node_id and one.sender_account_id for one in asleep)
        assert {one.custom_fields == {} for one in asleep} == {True}


def test_the_indices_are_there_again_after_a_crowd(db: Database) -> None:
    def indices() -> list[str]:
        with db.engine.connect() as connection:
            table = "sqlite_master WHERE type = 'index'" if db.kind == "sqlite" else "pg_indexes WHERE true"
            name = "name" if db.kind == "sqlite" else "indexname"
            owner = "tbl_name" if db.kind == "sqlite" else "tablename"
            found = connection.exec_driver_sql(f"SELECT {name} FROM {table} AND {owner} = 'prospect' ORDER BY 1")
            return [row[0] for row in found]

    before = indices()
    crowd.fill(db.engine, 5, crowd.ASLEEP)
    assert indices() == before
    assert len(before) > 5


def test_processes_are_called_by_what_they_do() -> None:
    assert name_of("/x/.venv/bin/python -m jobs.worker wake lanes ") == "worker of wake, lanes"
    assert name_of("/x/.venv/bin/python -m jobs.worker wake ") == "worker of wake"
    assert name_of("/x/valkey-server *:0 ") == "Redis"
    assert name_of("something else ") == "something else"


def test_the_search_for_what_an_engine_carries_goes_on_while_there_is_room() -> None:
    assert larger(500, taken=1.0, within=60) == 2_000
    assert larger(2_000, taken=27.0, within=60) == 4_000
    assert larger(4_000, taken=50.0, within=60) is None


def test_every_engine_has_a_module_of_its_own() -> None:
    folder = Path(__file__).parent / "peers"
    assert all((folder / f"{engine.module}.py").exists() for engine in ENGINES)
    assert len({engine.name for engine in ENGINES}) == len(ENGINES)
