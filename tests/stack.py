"""`make run` for tests: the whole stack on its own data and port, and an API client for it."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.jobs.processes import children_of, descendants_of, is_alive, wait_until
from tests.servers import free_port, short_folder

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
SUPERVISOR = (sys.executable, "-m", "jobs.supervisor")


class Stack:
    """A supervisor that can be started, killed and started again on the same data."""

    def __init__(self, data: Path, **given: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key: str | None = None
        self._environ = {**os.environ, "CADENZA_DATA": str(data), "PORT": str(self.port), **given}
        self._log = data.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        """The log since the last start."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, command: Sequence[str] = SUPERVISOR) -> None:
        """Start everything, in a process group of its own; returns once the address is printed."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environ, stdout=log, stderr=log, start_new_session=True
            )
        process = self._process
        wait_until(lambda: process.poll() is not None or "Cadenza is ready: " in self.said, START_SECONDS)
        assert f"Cadenza is ready: {self.url}" in self.said, self.said

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait for that; the exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(60)

    def press_ctrl_c(self) -> None:
        """What a terminal does: SIGINT to the whole process group; returns when all of it has ended."""
        assert self._process is not None
        os.killpg(self.pid, signal.SIGINT)
        self._process.wait(60)

    def kill(self) -> None:
        """Kill the supervisor with -9, and wait until all that it had started is gone too."""
        pids = descendants_of(self.pid)
        self.stop(signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, pids)))

    def child(self, words: str) -> int | None:
        """The process id of the child whose command line holds `words`; None if there is none now."""
        for pid in children_of(self.pid):
            with suppress(FileNotFoundError):
                if words in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
                    return pid
        return None

    def health(self) -> dict[str, Any]:
        """What /healthz says; nothing if it does not answer."""
        with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
            return dict(json.load(answer))
        return {}

    def flask(self, *arguments: str, stdin: str = "") -> str:
        """What a command of the app prints."""
        command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environ, input=stdin, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def sign_up(self, email: str = "sarah@example.com", password: str = "correct horse battery") -> None:
        """Make a login with an API key, which later calls carry."""
        self.flask("create-user", email, "--password-stdin", stdin=f"{password}\n")
        self.key = self.flask("create-api-key", email)

    def api(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a call of the API; an AssertionError with its words if it is refused."""
        request = urllib.request.Request(f"{self.url}/api{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.key}")
        request.add_header("Content-Type", "application/json")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=30) as answer:
                return json.load(answer) if answer.status != 204 else None
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{method} {path}: {refused.code} {refused.read().decode()}") from None


@contextmanager
def running_stack(command: Sequence[str] = SUPERVISOR, **given: str) -> Iterator[Stack]:
    """A started stack with nothing in it, which is ended afterwards however the test went."""
    with short_folder() as folder:
        stack = Stack(folder / "data", **given)
        try:
            stack.start(command)
            yield stack
        finally:
            stack.stop()
