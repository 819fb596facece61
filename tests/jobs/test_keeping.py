"""Keeping processes alive, tried on processes that are really killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.jobs.processes import children_of, is_alive, wait_until

ROOT = Path(__file__).resolve().parents[2]
START = """
import os, sys
from pathlib import Path
from jobs.child import Child
from jobs.keeping import Keeper, StartFailed
from jobs.logbook import Logbook

def python(source):
    return [sys.executable, "-c", source]

FOREVER = "import time; time.sleep(1000)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(1000)"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(1000)'])"
log = Logbook(sys.stdout)
try:
    Keeper({children}, log, cwd=Path.cwd(), environ={{**os.environ, "PYTHONUNBUFFERED": "1"}}).run(
        lambda: log.say("all ready"), patience={patience})
except StartFailed as reason:
    log.say(f"failed: {{reason}}")
    sys.exit(1)
log.say("stopped")
"""


class Stack:
    """A keeper in a process of its own, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str], out: Path) -> None:
        self.process = process
        self._out = out

    @property
    def said(self) -> str:
        return self._out.read_text()

    def wait_for(self, text: str, count: int = 1) -> None:
        wait_until(lambda: self.said.count(text) >= count)

    def pids(self) -> list[int]:
        return children_of(self.process.pid)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(20)


@contextmanager
def stack(tmp_path: Path, children: str, patience: float = 20) -> Iterator[Stack]:
    out = tmp_path / "log"
    source = START.format(children=children, patience=patience)
    with out.open("w") as file, subprocess.Popen([sys.executable, "-c", source], cwd=ROOT, stdout=file) as process:
        try:
            yield Stack(process, out)
        finally:
            process.kill()


def test_what_a_child_says_is_passed_on_under_its_name(tmp_path: Path) -> None:
    child = "[Child('web', python('import time; print(\"hello\\\\nthere\"); time.sleep(1000)'))]"
    with stack(tmp_path, child) as kept:
        kept.wait_for("there")
        lines = [line.partition(" ")[2] for line in kept.said.splitlines() if "|" in line]
        assert lines == ["web     | hello", "web     | there"]
        assert kept.end() == 0


def test_a_child_that_is_killed_is_started_again_at_once(tmp_path: Path) -> None:
    with stack(tmp_path, "[Child('web', python(FOREVER))]") as kept:
        kept.wait_for("all ready")
        (first,) = kept.pids()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: kept.pids() not in ([], [first]), seconds=3)
        assert "It was killed (SIGKILL) and is started again in 0.1 s." in kept.said
        kept.end()


def test_a_child_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path) -> None:
    with stack(tmp_path, "[Child('web', python('import sys; print(\"bad\"); sys.exit(3)'))]") as kept:
        kept.wait_for("again in 1 s.")
        pauses = [line.split()[-2] for line in kept.said.splitlines() if "It ended (3)" in line]
        assert pauses == ["0.1", "0.5", "1"]
        assert kept.end() == 0


def test_nothing_outlives_a_keeper_that_is_killed(tmp_path: Path) -> None:
    with stack(tmp_path, "[Child('web', python(FOREVER)), Child('deaf', python(DEAF))]") as kept:
        kept.wait_for("deaf")
        pids = kept.pids()
        assert len(pids) == 2
        kept.end(signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, pids)))


def test_a_child_that_does_not_stop_when_asked_is_killed_with_its_group(tmp_path: Path) -> None:
    children = "[Child('deaf', python(DEAF), stop_seconds=0.3), Child('parent', python(PARENT))]"
    with stack(tmp_path, children) as kept:
        kept.wait_for("deaf")
        pids = kept.pids()
        assert kept.end() == 0
        assert not any(map(is_alive, pids))
        assert kept.said.endswith("stopped\n")


def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    with stack(tmp_path, "[Child('deaf', python(DEAF), stop_seconds=600)]") as kept:
        kept.wait_for("deaf")
        kept.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            kept.process.wait(1)
        assert kept.end(signal.SIGINT) == 0


def test_the_last_started_is_stopped_first(tmp_path: Path) -> None:
    source = (
        "import signal, sys, time\\n"
        "def end(*_): print(sys.argv[1], 'ends'); sys.exit()\\n"
        "signal.signal(signal.SIGTERM, end); print(sys.argv[1], 'runs'); time.sleep(1000)"
    )
    children = ", ".join(
        f"Child('{name}', [*python('''{source}'''), '{name}'], stage={stage})"
        for name, stage in (("redis", 0), ("web", 2), ("worker", 1))
    )
    with stack(tmp_path, f"[{children}]") as kept:
        kept.wait_for("runs", count=3)
        kept.end()
        ended = [line.split()[-2] for line in kept.said.splitlines() if line.endswith("ends")]
        assert ended == ["web", "worker", "redis"]


def test_the_next_stage_waits_until_the_one_before_is_ready(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    children = (
        f"[Child('first', python('import time, pathlib; time.sleep(0.3); pathlib.Path(\"{sign}\").touch();"
        f" time.sleep(1000)'), stage=0, ready=Path('{sign}').exists),"
        f" Child('second', python('import pathlib; print(\"seen:\", pathlib.Path(\"{sign}\").exists())'),"
        " stage=1, once=True)]"
    )
    with stack(tmp_path, children) as kept:
        kept.wait_for("all ready")
        assert "seen: True" in kept.said
        kept.end()


def test_a_first_step_that_fails_ends_the_start_and_says_which(tmp_path: Path) -> None:
    failing = "python('raise SystemExit(\"no database\")')"
    children = f"[Child('redis', python(FOREVER)), Child('migrate', {failing}, stage=1, once=True)]"
    with stack(tmp_path, children) as kept:
        assert kept.process.wait(10) == 1
        assert "migrate | no database" in kept.said
        assert "failed: The step “migrate” failed" in kept.said


def test_a_start_that_comes_to_nothing_is_given_up(tmp_path: Path) -> None:
    children = "[Child('redis', python(FOREVER), ready=lambda: False)]"
    with stack(tmp_path, children, patience=0.5) as kept:
        assert kept.process.wait(10) == 1
        assert "failed: Gave up waiting for: redis." in kept.said


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with stack(tmp_path, "[Child('redis', ['/no/such/program'])]") as kept:
        assert kept.process.wait(10) == 1
        assert "/no/such/program cannot be started (No such file or directory)" in kept.said


def test_what_somebody_else_runs_already_is_used_until_it_is_gone(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    sign.touch()
    children = f"[Child('redis', python(FOREVER), attach=Path('{sign}').exists)]"
    with stack(tmp_path, children) as kept:
        kept.wait_for("all ready")
        assert kept.pids() == []
        sign.unlink()
        wait_until(kept.pids)
        kept.end()


def test_a_reader_that_has_stopped_reading_does_not_stop_the_work(tmp_path: Path) -> None:
    talker = "for n in range(20000): print('x' * 100)\\nopen('{}', 'w').close()\\nimport time; time.sleep(1000)"
    done = tmp_path / "done"
    source = START.format(children=f"[Child('web', python(\"{talker.format(done)}\"))]", patience=20)
    with subprocess.Popen([sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE) as process:
        wait_until(done.exists)
        process.terminate()
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 0
