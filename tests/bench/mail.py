"""A mail server that takes everything as fast as it comes: postfix's smtp-sink."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port, short_folder

START_SECONDS = 10.0
# Connections that may wait to be taken.
BACKLOG = "100"


def _unpack(folder: Path) -> Path:
    """Debian's package, unpacked and not installed: nobody wants a mail server to start for this."""
    try:
        for command in (["apt-get", "update", "-qq"], ["apt-get", "download", "-qq", "postfix"]):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        (package,) = folder.glob("postfix_*.deb")
        subprocess.run(["dpkg", "-x", package, folder], check=True, capture_output=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as failed:
        raise RuntimeError("The lane is measured with smtp-sink; on Debian: sudo apt-get install postfix") from failed
    return folder / "usr" / "sbin" / "smtp-sink"


@contextmanager
def running_fast_sink() -> Iterator[int]:
    """The port of a running smtp-sink; Debian's is fetched if there is none."""
    with short_folder() as folder:
        found = shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")
        program = Path(found) if found else _unpack(folder)
        port = free_port()
        environ = {**os.environ, "LD_LIBRARY_PATH": str(folder / "usr" / "lib" / "postfix")}
        folder.chmod(0o755)
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        command = [str(program), *user, f"127.0.0.1:{port}", BACKLOG]
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _await(port, process)
            yield port
        finally:
            process.kill()
            process.communicate()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = process.stderr.read().decode() if process.stderr and process.poll() is not None else ""
                raise RuntimeError(f"smtp-sink does not start: {said}") from None
        time.sleep(0.02)  # it says nothing when it is ready
