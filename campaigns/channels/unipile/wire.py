"""One HTTP exchange with an end to patience and to memory, which follows nobody elsewhere.

The standard library bounds the wait for a byte, not for an answer: a server that says one letter a minute would hold a
lane for ever.
"""

import io
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.parse import urlsplit

from campaigns.channels.outgoing import readable

# Seconds to connect; most bytes of an answer that are taken.
CONNECTING, MOST_BYTES = 10.0, 2_000_000


class Unreached(Exception):
    """The server could not be reached: nothing was handed over."""


class Unanswered(Exception):
    """The request was handed over, and no answer came that could be read: it may have been carried out."""


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: HTTPMessage
    body: bytes


class _Timed(io.RawIOBase):
    """What comes from a socket, as long as it comes by `ends` (monotonic seconds)."""

    def __init__(self, line: socket.socket, ends: float) -> None:
        self._line, self._ends = line, ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("its answer takes too long")
        self._line.settimeout(left)
        return self._line.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client asks a socket for."""
        return io.BufferedReader(self)


def exchange(
    origin: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None, patience: float
) -> Answer:
    """Ask, and take the answer within `patience` seconds. Raises Unreached or Unanswered."""
    with closing(_connect(origin, patience)) as connection:
        ends = time.monotonic() + patience
        try:
            connection.request(method, path, body, dict(headers))
            response = HTTPResponse(cast(socket.socket, _Timed(connection.sock, ends)), method=method)
            response.begin()
            said = response.read(MOST_BYTES + 1)
        except (OSError, HTTPException, ValueError) as lost:
            raise Unanswered(_shown(lost)) from lost
    if len(said) > MOST_BYTES:
        raise Unanswered("its answer has no end")
    return Answer(response.status, response.headers, said)


def _connect(origin: str, patience: float) -> HTTPConnection:
    parts = urlsplit(origin)
    connection: HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = HTTPSConnection(parts.hostname or "", parts.port, timeout=CONNECTING, context=context)
    else:
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=CONNECTING)
    try:
        connection.connect()
    except (OSError, ValueError) as failed:
        connection.close()
        raise Unreached(_shown(failed)) from failed
    connection.sock.settimeout(patience)
    return connection


def _shown(failed: Exception) -> str:
    """Why, without quoting the server, which may quote whom it is asked about."""
    return readable(str(failed)) or "no answer" if isinstance(failed, OSError) else "its answer is no HTTP"
