"""`make run`: what is in its way is told in one sentence; what it starts is what a user needs."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns import settings
from jobs.supervisor import CannotRun, check_port, children, sole_owner, url
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]


def refused(data: Path, **given: str) -> str:
    """What somebody is told whose start comes to nothing."""
    environ = {**os.environ, "CADENZA_DATA": str(data), "PORT": str(free_port()), **given}
    command = [sys.executable, "-m", "jobs.supervisor"]
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    return ended.stderr


def test_a_port_that_is_taken_is_told_with_a_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = refused(tmp_path, PORT=str(port))
    assert f"Port {port} is in use by another program" in told
    assert f"PORT={port + 1} make run" in told


def test_a_second_start_on_the_same_data_is_told_where_the_first_runs(tmp_path: Path) -> None:
    config = settings.load({"CADENZA_DATA": str(tmp_path), "PORT": "8123"})
    with sole_owner(config):
        told = refused(tmp_path)
    assert f"Cadenza already runs on the data in {tmp_path} (process {os.getpid()}, http://127.0.0.1:8123)" in told


def test_data_that_was_let_go_of_can_be_had(tmp_path: Path) -> None:
    config = settings.load({"CADENZA_DATA": str(tmp_path)})
    with sole_owner(config):
        pass
    with sole_owner(config), pytest.raises(CannotRun), sole_owner(config):
        pass


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "CADENZA_DATA" in refused(tmp_path / "file" / "data")


def test_a_bad_value_is_told(tmp_path: Path) -> None:
    assert "PORT=abc: use a whole number from 1 to 65535." in refused(tmp_path, PORT="abc")


def test_a_redis_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "there is no such program" in refused(tmp_path, CADENZA_REDIS_SERVER="/no/redis")


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    config = settings.load({"CADENZA_DATA": str(tmp_path), "CADENZA_HOST": "192.0.2.1", "PORT": str(free_port())})
    with pytest.raises(CannotRun, match=r"cannot listen on 192\.0\.2\.1"):
        check_port(config)


def test_an_old_python_is_told() -> None:
    script = "import sys; sys.version_info = (3, 10, 1); sys.version = '3.10.1 (main)'; import jobs.supervisor"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr == "Cadenza needs Python 3.11 or newer; this one is 3.10.1.\n"


def test_everything_a_user_needs_is_started(tmp_path: Path) -> None:
    config = settings.load({"CADENZA_DATA": str(tmp_path), "CADENZA_WORKERS": "3"})
    names = [child.name for child in children(config)]
    assert names == ["redis", "migrate", "trap", "ticker", "wake", "read", "send-1", "send-2", "send-3", "web"]


@pytest.mark.parametrize("workers", ["1", "3"])
def test_one_worker_takes_files_and_the_wake_up_worker_never_does(tmp_path: Path, workers: str) -> None:
    config = settings.load({"CADENZA_DATA": str(tmp_path), "CADENZA_WORKERS": workers})
    queues = {child.name: child.command[3:] for child in children(config) if "jobs.worker" in child.command}
    assert [name for name, names in queues.items() if "imports" in names] == ["send-1"]
    assert queues["wake"] == ["wake"]
    assert all(names[0] == "wake" for name, names in queues.items() if name != "read")


def test_no_worker_that_sends_waits_for_a_mailbox(tmp_path: Path) -> None:
    workers = [
        child for child in children(settings.load({"CADENZA_DATA": str(tmp_path)})) if "jobs.worker" in child.command
    ]
    assert [child.command[3:] for child in workers if "inbox" in child.command] == [["inbox"]]


def test_nothing_is_embedded_beside_a_redis_that_was_named(tmp_path: Path) -> None:
    config = settings.load({"CADENZA_DATA": str(tmp_path), "REDIS_URL": "redis://127.0.0.1"})
    assert {"redis", "trap"}.isdisjoint(child.name for child in children(config))


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:8123"), ("0.0.0.0", "http://127.0.0.1:8123"), ("::", "http://[::1]:8123")],
)
def test_the_address_that_is_shown_can_be_opened(tmp_path: Path, host: str, address: str) -> None:
    config = settings.load({"CADENZA_DATA": str(tmp_path), "CADENZA_HOST": host, "PORT": "8123"})
    assert url(config) == address
