"""Programs as forks of their supervisor, which must not be told from ones that were started by themselves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.jobs.processes import children_of, is_alive, wait_until
from tests.jobs.programs import SECRET

ROOT = Path(__file__).resolve().parents[2]
START = """
import os, sys
from pathlib import Path
from jobs.child import Child
from jobs.keeping import Keeper, StartFailed
from jobs.logbook import Logbook

child = Child("web", [sys.executable, "-m", "tests.jobs.programs", sys.argv[1]], fork=True, once=sys.argv[1] != "rest")
log = Logbook(sys.stdout)
kept = os.open(os.devnull, os.O_RDONLY)  # something of the supervisor's own, such as the lock on its data
try:
    Keeper([child], log, cwd=Path.cwd(), environ={**os.environ, "TOLD": "so"}).run(
        lambda: log.say("ready") or (child.once and os.kill(os.getpid(), 15)))
except StartFailed:
    log.say("failed")
"""


def supervisor(what: str, out: Path) -> subprocess.Popen[bytes]:
    with out.open("w") as file:
        return subprocess.Popen([sys.executable, "-c", START, what], cwd=ROOT, stdout=file, stderr=file)


def said_by(what: str, folder: Path) -> list[str]:
    out = folder / "log"
    with supervisor(what, out) as process:
        process.wait(20)
    return [line.partition(" | ")[2] or line for line in out.read_text().splitlines()]


def test_a_forked_program_finds_what_one_that_is_started_by_itself_finds(tmp_path: Path) -> None:
    assert said_by("look", tmp_path) == [
        "open=[0, 1, 2]",
        "command=['-m', 'tests.jobs.programs', 'look']",
        "leads=True",
        "term=True",
        "hangup=True",
        "held=[]",
        "told=so",
        "input=b''",
        "ready",
    ]


def test_a_forked_program_that_gives_up_is_heard_and_counts_as_failed(tmp_path: Path) -> None:
    assert said_by("refuse", tmp_path) == ["Not today.", "failed"]


def test_a_forked_program_with_a_bug_tells_it_in_its_own_way(tmp_path: Path) -> None:
    said = said_by("stumble", tmp_path)
    assert said == ["met ValueError", "failed"]
    assert SECRET not in "".join(said)


def test_a_forked_program_ends_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "log"
    with supervisor("rest", out) as process:
        wait_until(lambda: "rests" in out.read_text())
        (child,) = children_of(process.pid)
        process.kill()
        wait_until(lambda: not is_alive(child))


def test_a_forked_program_that_is_killed_comes_back_and_stops_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "log"
    with supervisor("rest", out) as process:
        wait_until(lambda: "rests" in out.read_text())
        (child,) = children_of(process.pid)
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: out.read_text().count("rests") == 2)
        assert "It was killed (SIGKILL) and is started again in 0.1 s." in out.read_text()
        process.terminate()
        assert process.wait(4) == 0
