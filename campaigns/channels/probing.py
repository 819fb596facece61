"""Trying the way into a mail server step by step, to say which step failed, why, and what to do. Nothing is sent."""

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from campaigns.channels.answers import PlainSmtp
from campaigns.channels.imap import ImapEndpoint, ImapMailbox, Unread
from campaigns.channels.outgoing import Unsent, readable
from campaigns.channels.smtp import OPENING, Endpoint, begin_smtp, encrypt_smtp, sign_in_smtp
from campaigns.rules.hosts import host_of_server

NAME, CONNECT, TLS, GREETING, SIGN_IN, MAILBOX = STEPS = ("name", "connect", "tls", "greeting", "sign_in", "mailbox")
# Seconds for each answer: somebody waits at a page.
PATIENCE = 10.0
_ADVICE = {
    NAME: "Check how the server's name is spelt.",
    CONNECT: "Check the port; a firewall may block it, as most networks block port 25.",
    TLS: "Port 465 and 993 usually want TLS, the ports 587 and 143 STARTTLS.",
    GREETING: "Whatever answers there is no such mail server: check the server, the port and the security.",
    SIGN_IN: "Check the user name and the password; with two-step verification most hosts want an app password.",
    MAILBOX: "Check with the mail host whether IMAP is switched on for this mailbox.",
}
_CERTIFICATE = "Enter the server by the name that its certificate is made for, or have its certificate renewed."
FAILURES = (OSError, smtplib.SMTPException, ValueError, Unsent, Unread)
T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One step: what was found, or why it failed and what may help. `name` is one of STEPS."""

    name: str
    ok: bool
    message: str
    advice: str | None = None


class _Stopped(Exception):
    """A step failed; there is no point in those after it."""


@dataclass
class _Walk:
    """The steps so far, towards one server."""

    host: str
    port: int
    steps: list[Step] = field(default_factory=list)

    def take(self, name: str, do: Callable[[], T], words: Callable[[T], str]) -> T:
        try:
            done = do()
        except FAILURES as failed:
            cause = failed.__cause__ if isinstance(failed.__cause__, ssl.SSLCertVerificationError) else failed
            self.steps.append(Step(name, False, _reason(cause), self._advice(name, cause)))
            raise _Stopped from failed
        self.steps.append(Step(name, True, readable(words(done))))
        return done

    def _advice(self, name: str, failed: Exception) -> str:
        if isinstance(failed, ssl.SSLCertVerificationError):
            return _CERTIFICATE
        host = host_of_server(self.host)
        return host.note if name in (SIGN_IN, MAILBOX) and host and host.note else _ADVICE[name]

    def reach(self, security: str) -> None:
        """As far as the server's port and, where it speaks TLS from the first byte, through that."""
        self.take(NAME, self._resolve, lambda address: f"Found at {address}.")
        self.take(CONNECT, self._connect, lambda _: f"Port {self.port} answers.")
        if security == "tls":
            self.take(TLS, self._shake_hands, _encrypted)

    def _resolve(self) -> str:
        return str(socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][4][0])

    def _connect(self) -> None:
        socket.create_connection((self.host, self.port), PATIENCE).close()

    def _shake_hands(self) -> str | None:
        plain = socket.create_connection((self.host, self.port), PATIENCE)
        with ssl.create_default_context().wrap_socket(plain, server_hostname=self.host) as safe:
            return safe.version()


def probe_smtp(endpoint: Endpoint) -> list[Step]:
    """The steps to sending, as far as they go."""
    end = replace(endpoint, timeout=PATIENCE)
    walk = _Walk(end.host, end.port)
    with suppress(_Stopped), ExitStack() as opened:
        walk.reach(end.security)
        smtp = walk.take(GREETING, lambda: begin_smtp(end), lambda _: "An SMTP server answers.")
        opened.callback(smtp.close)
        if end.security == "starttls":
            walk.take(TLS, lambda: encrypt_smtp(smtp), lambda _: _encrypted(_version(smtp)))
        if end.username:
            smtp.allow(OPENING)
            walk.take(SIGN_IN, lambda: sign_in_smtp(smtp, end), lambda _: f"Signed in as {end.username}.")
    return walk.steps


def probe_imap(endpoint: ImapEndpoint, folder: str) -> list[Step]:
    """The steps to reading mail, as far as they go."""
    end = replace(endpoint, timeout=PATIENCE)
    walk, mailbox = _Walk(end.host, end.port), ImapMailbox(end)
    with suppress(_Stopped), ExitStack() as opened:
        walk.reach(end.security)
        step = TLS if end.security == "starttls" else GREETING
        opened.push(mailbox)
        walk.take(step, mailbox.connect, lambda _: "An IMAP server answers.")
        walk.take(SIGN_IN, mailbox.sign_in, lambda _: f"Signed in as {end.username}.")
        walk.take(MAILBOX, lambda: mailbox.select(folder), lambda _: f"{folder} can be read.")
    return walk.steps


def _version(smtp: PlainSmtp) -> str | None:
    return smtp.sock.version() if isinstance(smtp.sock, ssl.SSLSocket) else None


def _encrypted(version: str | None) -> str:
    return f"Encrypted ({version}), and the certificate is valid."


def _reason(failed: Exception) -> str:
    if isinstance(failed, ssl.SSLCertVerificationError):
        return readable(f"The server's certificate is not valid: {failed.verify_message}")
    if isinstance(failed, smtplib.SMTPResponseException):
        error = failed.smtp_error
        return readable(f"{failed.smtp_code} {error.decode('utf-8', 'replace') if isinstance(error, bytes) else error}")
    if isinstance(failed, TimeoutError):
        return f"No answer within {PATIENCE:.0f} seconds."
    return readable(str(failed)) or type(failed).__name__
