"""`make bench-peers`: for each engine the most sleepers that it carries, ours beside it; into docs/benchmarks.md."""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from jobs.embedded import Embedded, start
from tests.bench import document, wake_up
from tests.bench.figures import median
from tests.bench.machine import ROOT
from tests.bench.results import PUBLISHED, TRIAL, keep, load
from tests.bench.stage import playing, scene
from tests.servers import running_postgres, running_sink, short_folder

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
# Seconds: to re-check all, to put them to sleep, and how many sleepers are tried first.
WITHIN, START_WITHIN, FIRST = 60.0, 240.0, 500
MOST_PROBES = 6
ROUNDS = 5


@dataclass(frozen=True)
class Engine:
    """`module` of this folder gets the address that `store` holds open."""

    name: str
    module: str
    settings: str
    store: Callable[[], Any]


class TooSlow(Exception):
    """This many sleepers are more than the engine carries; the message says how it ended."""


@contextmanager
def _memory() -> Iterator[str]:
    yield "memory"


@contextmanager
def _file() -> Iterator[str]:
    with short_folder() as folder:
        yield str(folder / "temporal.db")


@contextmanager
def _postgres(scheme: str) -> Iterator[str]:
    with running_postgres(durable=True) as server:
        yield server.create("peer").replace("postgresql+psycopg", scheme)


@contextmanager
def _redis() -> Iterator[str]:
    with short_folder() as folder:
        server = Embedded(folder / "redis.sock", folder / "redis")
        process = start(server)
        assert process is not None
        try:
            yield f"redis+socket://{server.socket}"
        finally:
            process.kill()
            process.wait()


_psycopg, _libpq = partial(_postgres, "postgresql+psycopg"), partial(_postgres, "postgresql")
_TEMPORAL = "one worker, 200 workflow tasks at a time, every workflow cached, 200 signals at a time, rate limits lifted"
ENGINES = (
    Engine("Temporal, file", "temporal", f"dev server on a SQLite file; {_TEMPORAL}", _file),
    Engine("Temporal, memory", "temporal", f"dev server in memory; {_TEMPORAL}", _memory),
    Engine("DBOS", "dbos", "PostgreSQL; one process of async workflows, one bulk send", _psycopg),
    Engine("Celery", "celery", "Valkey with an append-only file; one worker of 2 processes, prefetch 64", _redis),
    Engine("procrastinate", "procrastinate", "PostgreSQL; 2 workers of 10 jobs at a time", _libpq),
)


def main(arguments: list[str]) -> None:
    """Search with each engine, measure ours, publish."""
    options = _read(arguments)
    chosen = [one for one in ENGINES if not options.engine or one.module in options.engine]
    rows = [row for one in chosen if (row := _row(one, options.within))]
    ours = _ours(sorted({row["sleepers"] for row in rows}))
    facts = {"within": options.within, "rows": [row | {"ours": ours[row["sleepers"]]} for row in rows]}
    narrowed = options.within != WITHIN or len(chosen) < len(ENGINES)
    results = keep(TRIAL if narrowed else PUBLISHED, "peers", facts)
    if not narrowed:
        document.write(load(PUBLISHED))
    print(document.page({"peers": results["peers"]}))


def _read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-peers")
    parser.add_argument("engine", nargs="*", help="temporal, dbos, celery, procrastinate; all if left out")
    parser.add_argument(
        "--within", type=float, default=WITHIN, help="seconds to re-check all; other than 60: not published"
    )
    return parser.parse_args(arguments)


def _row(engine: Engine, within: float) -> dict[str, Any] | None:
    """The largest number of sleepers that were all re-checked within the time; None if there was none."""
    probes: list[dict[str, Any]] = []
    sleepers: int | None = FIRST
    ended = f"the {MOST_PROBES}th number that was tried"
    while sleepers is not None and len(probes) < MOST_PROBES:
        print(f"{engine.name}: {sleepers:,} …", file=sys.stderr, flush=True)
        try:
            taken = _run(engine, sleepers, within)
        except TooSlow as too_slow:
            ended = f"{sleepers:,} {too_slow}"
            print(f"{engine.name}: {ended}", file=sys.stderr, flush=True)
            if probes or sleepers < FIRST:
                break
            sleepers = FIRST // 5
            continue
        print(f"{engine.name}: {sleepers:,} in {taken['rechecked']:.1f} s", file=sys.stderr, flush=True)
        probes.append({"sleepers": sleepers, **taken})
        sleepers = larger(sleepers, taken["rechecked"], within)
        ended = f"{probes[-1]['sleepers']:,} took nearly all of the time"
    if not probes:
        return None
    return {"engine": engine.name, "settings": engine.settings, **probes[-1], "probes": probes, "ended": ended}


def larger(sleepers: int, taken: float, within: float) -> int | None:
    """How many to try next, if `sleepers` took so long; None if there is little room left."""
    factor = min(4.0, within * 0.9 / taken)
    return None if factor < 1.15 else int(sleepers * factor) // 100 * 100


def _run(engine: Engine, sleepers: int, within: float) -> dict[str, float]:
    """Seconds to put them to sleep and to re-check them, on an empty store. Raises TooSlow."""
    with engine.store() as address:
        command = [str(PYTHON), "-m", f"tests.bench.peers.{engine.module}", str(sleepers), address]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            said, complained = process.communicate(timeout=START_WITHIN + within)
        except subprocess.TimeoutExpired:
            raise TooSlow(f"were not done {START_WITHIN + within:g} s after the start") from None
        finally:
            _end(process)
    if process.returncode or not said.strip():
        last = complained.strip().splitlines()[-1:] or ["no word"]
        raise TooSlow(f"ended with: {last[0][:200]}")
    taken = dict(json.loads(said.strip().splitlines()[-1]))
    if taken["rechecked"] > within:
        raise TooSlow(f"took {taken['rechecked']:.0f} s")
    return taken


def _end(process: subprocess.Popen[str]) -> None:
    """The engine's whole process group: it starts servers and workers of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ours(sizes: list[int]) -> dict[int, float]:
    """Seconds until as many sleepers of ours are re-checked, on PostgreSQL."""
    with running_sink() as sink, scene("postgresql") as made:
        lines = [wake_up.put_to_sleep(made, sink, size) for size in sizes]
        with playing(made) as stack:
            wake_up.take_turns(made, stack, sink, lines, ROUNDS)
    return {one.sleepers: median(one.rechecked) for one in lines}


if __name__ == "__main__":
    main(sys.argv[1:])
