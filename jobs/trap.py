"""The local mail trap: a mail-devel that takes mail to anybody and passes none on.

It is in memory, on loopback only: SMTP to send to, IMAP with one mailbox an address (any address signs in
with the trap's password), and an inbox for the browser, where a mail can be answered. What arrives by SMTP is
copied to one mailbox more, EVERYONE, so that all of it can be listed.

mail-devel loads this file as its responder script: `reply` is its interface.
"""

import copy
import json
import logging
import os
import random
import runpy
import secrets
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
EVERYONE = "everyone@trap.localhost"
PORTS = ("smtp_port", "imap_port", "http_port")
CHATTER = ("__main__", "aiohttp.access", "mail.log", "mail_devel.service", "mail_devel.smtp")
# Below the ports that systems hand out for outgoing connections, so that nobody takes ours in between.
FIRST_PORT, LAST_PORT = 20_000, 32_000
# The mailbox is chosen by To, Cc and Bcc; the copy for EVERYONE keeps the first two under these names.
KEPT_HEADERS = {"to": "X-Original-To", "cc": "X-Original-Cc"}


def reply(message: Message, flags: set[str], _logger: object) -> Iterator[Any]:
    """mail-devel's hook for a mail that has arrived: here a copy of it, for EVERYONE."""
    from mail_devel.smtp import Reply

    double = copy.deepcopy(message)
    for name, value in message.items():
        if kept := KEPT_HEADERS.get(name.lower()):
            del double[name]
            double[kept] = value
    double["To"] = EVERYONE
    double["X-Trapped-At"] = datetime.now(UTC).isoformat()
    yield Reply(double, flags)


def prepare(path: Path) -> dict[str, Any]:
    """Write where the trap will listen. The earlier ports and password are kept, so that bookmarks last."""
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        kept = {}
    trap: dict[str, Any] = {"host": HOST, "user": EVERYONE, "password": kept.get("password")}
    trap["password"] = trap["password"] or secrets.token_urlsafe(16)
    taken: set[int] = set()
    for name in PORTS:
        port = kept.get(name)
        trap[name] = port if isinstance(port, int) and port not in taken and is_free(port) else new_port(taken)
        taken.add(trap[name])
    _write(path, json.dumps(trap, indent=2) + "\n")
    return trap


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of HOST now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def new_port(taken: set[int]) -> int:
    """A free port of HOST that is not in `taken`."""
    while True:
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311  (nobody is kept out by a port)
        if port not in taken and is_free(port):
            return port


def _write(path: Path, text: str) -> None:
    """Put the whole text there at once: others read it while we write."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def main(path: Path) -> None:
    """Run mail-devel on the ports that are written to `path`."""
    trap = prepare(path)
    arguments = ["--host", HOST, "--user", EVERYONE, "--multi-user", "--smtp-responder", __file__]
    for name in PORTS:
        arguments += [f"--{name.replace('_', '-')}", str(trap[name])]
    # Not on the command line, which every user of the machine can read.
    os.environ["MAIL_PASSWORD"] = trap["password"]
    for chatter in CHATTER:
        logging.getLogger(chatter).setLevel(logging.WARNING)
    print(f"Takes mail on port {trap['smtp_port']}; its inbox: http://{HOST}:{trap['http_port']}", flush=True)
    sys.argv[1:] = arguments
    runpy.run_module("mail_devel", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
