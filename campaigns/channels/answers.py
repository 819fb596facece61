"""Reading a mail server's answers with an end to patience and to memory.

The standard library bounds the wait for a byte, not for an answer: a server that says one letter a minute, or never
comes to its last line, would hold a lane for ever.
"""

import smtplib
import socket
import ssl
import time
from typing import Any

# Most bytes of one answer, all its lines together.
MOST_BYTES = 65_536


class Answers:
    """Lines from a socket, in the shape of the file that smtplib reads from."""

    def __init__(self, line: socket.socket, ends: float) -> None:
        self._line = line
        self._heard = b""
        self._left = MOST_BYTES
        self._ends = ends

    def begin(self, ends: float) -> None:
        """A new answer, which has to be over by this instant (monotonic seconds)."""
        self._left, self._ends = MOST_BYTES, ends

    def readline(self, limit: int) -> bytes:
        """The next line, or `limit` bytes of it; what there is if the server hangs up. Raises OSError."""
        while b"\n" not in self._heard[:limit] and len(self._heard) < limit:
            heard = self._hear()
            if not heard:
                break
            self._heard += heard
        end = self._heard.find(b"\n", 0, limit) + 1 or limit
        line, self._heard = self._heard[:end], self._heard[end:]
        self._left -= len(line)
        if self._left < 0:
            raise OSError("its answer has no end")
        return line

    def _hear(self) -> bytes:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("its answer takes too long")
        self._line.settimeout(left)
        return self._line.recv(4096)

    def close(self) -> None:
        """The socket is closed by whoever opened it."""


class PlainSmtp(smtplib.SMTP):
    """smtplib's client, whose answers end. `patience`: seconds for any one of them."""

    def __init__(self, patience: float) -> None:
        super().__init__(timeout=patience)
        self._patience = self._longest = patience
        self._ends = 0.0

    def allow(self, waits: int) -> None:
        """From now on all answers together may take this many times the patience."""
        self._limit(self._patience, waits * self._patience)

    def allow_one(self, waits: int) -> None:
        """The next answer may take this many times the patience."""
        self._limit(waits * self._patience, waits * self._patience)

    def hurry(self, seconds: float) -> None:
        """All answers together may take no longer than this from now on."""
        self._limit(seconds, seconds)

    def _limit(self, one: float, together: float) -> None:
        self._longest, self._ends = one, time.monotonic() + together

    def begin(self, host: str, port: int) -> None:
        """Connect, and be greeted. Raises OSError or SMTPException."""
        self._host = host  # smtplib takes the name for TLS from here
        code, greeting = self.connect(host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, greeting)

    def getreply(self) -> tuple[int, bytes]:
        """One answer: its code, -1 for none, and its words. Raises OSError or SMTPException."""
        ends = min(self._ends, time.monotonic() + self._longest)
        if self.file is None and self.sock is not None:
            self.file = Answers(self.sock, ends)
        if isinstance(self.file, Answers):
            self.file.begin(ends)
        try:
            return super().getreply()
        finally:
            if self.sock is not None:
                self.sock.settimeout(self._patience)  # for what is sent next


class TlsSmtp(PlainSmtp):
    """The same over TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
