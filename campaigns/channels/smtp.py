"""Sending by SMTP (RFC 5321), with the one distinction that matters kept: not sent, or not known."""

import re
import smtplib
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, cast

from campaigns.channels.answers import PlainSmtp, TlsSmtp
from campaigns.channels.mime import write
from campaigns.channels.outgoing import Doubtful, Outgoing, Unsent, readable
from campaigns.channels.signing import DomainKey, sign
from campaigns.rules.outgoing import wire_address

# Seconds to wait for any one answer of the server. RFC 5321 section 4.5.3.2 allows minutes; a lane is serial.
TIMEOUT = 30
# How many such waits all answers of a phase may take together. The last one, after a message was handed over, is worth
# waiting for: without it nobody knows what became of the message. In all it stays within a lane's time (jobs.bells).
OPENING, ENVELOPE, HANDED_OVER = 2, 2, 4
# Seconds for a good-bye, which changes nothing.
QUIT_SECONDS = 1.0
READY, FORWARDS, START_DATA, CLOSING = 250, 251, 354, 421
PASSING, LASTING, BEYOND = 400, 500, 600
LEADING_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True)
class Endpoint:
    """Where and as whom to sign in: with a password or, where `token` is set, with that (XOAUTH2). `security` is one of
    rules.accounts.SECURITIES. Mail is signed with `key`, where there is one."""

    host: str
    port: int
    security: str
    username: str | None = None
    password: str | None = None
    token: str | None = None
    key: DomainKey | None = None
    timeout: float = TIMEOUT


def _words(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return readable(f"{code} {text}")


def _is_yes(code: int) -> bool:
    return 200 <= code < 300


def _is_refusal(code: int) -> bool:
    return PASSING <= code < BEYOND


def _shown(error: Exception) -> str:
    """An exception of smtplib in words."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _words(error.smtp_code, error.smtp_error)
    return readable(str(error))


def begin_smtp(end: Endpoint) -> PlainSmtp:
    """Connect and say hello; over TLS from the first byte if so wanted. Raises OSError, SMTPException."""
    smtp = TlsSmtp(end.timeout) if end.security == "tls" else PlainSmtp(end.timeout)
    try:
        smtp.allow(OPENING)
        smtp.begin(end.host, end.port)
        smtp.ehlo_or_helo_if_needed()
        return smtp
    except BaseException:
        smtp.close()
        raise


def encrypt_smtp(smtp: PlainSmtp) -> None:
    """Go over to TLS (RFC 3207). Raises OSError, SMTPException."""
    smtp.starttls(context=ssl.create_default_context())
    smtp.ehlo()


def sign_in_smtp(smtp: PlainSmtp, end: Endpoint) -> None:
    """Sign in, with the token if there is one, else with the password. Raises OSError, SMTPException, Unsent."""
    try:
        if end.token is not None:
            said = f"user={end.username}\x01auth=Bearer {end.token}\x01\x01"
            # What the server says of a token that it refuses is to be answered with nothing; then it says no.
            smtp.auth("XOAUTH2", lambda challenge=None: said if challenge is None else "")
        else:
            smtp.login(end.username or "", end.password or "")
    except smtplib.SMTPAuthenticationError as refused:
        words = _words(refused.smtp_code, refused.smtp_error)
        lasting = LASTING <= refused.smtp_code < BEYOND
        raise Unsent(f"Signing in was refused: {words}", lasting=lasting, account=True) from refused
    except UnicodeEncodeError as odd:
        reason = "The user name or password has letters that signing in cannot carry: use ASCII."
        raise Unsent(reason, lasting=True, account=True) from odd
    except smtplib.SMTPNotSupportedError as missing:
        reason = f"The mail server does not let anybody sign in here: {missing}"
        raise Unsent(reason, lasting=True, account=True) from missing


class SmtpChannel:
    """One connection of one account, used for message after message."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._smtp: PlainSmtp | None = None

    def __enter__(self) -> Self:
        self._smtp = self._connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()

    def ready(self) -> None:
        """Connect, if the connection was lost. Raises Unsent."""
        if self._smtp is None:
            self._smtp = self._connect()

    def send(self, outgoing: Outgoing) -> str:
        """Hand one message over; the server's last words are the receipt. Raises Unsent or Doubtful."""
        try:
            payload = write(outgoing) if self._endpoint.key is None else sign(write(outgoing), self._endpoint.key)
            origin, target = wire_address(outgoing.from_address), wire_address(outgoing.to_address)
        except ValueError as bad:
            raise Unsent(f"The message cannot be written as an email: {bad}", lasting=True) from bad
        self.ready()
        smtp = cast(PlainSmtp, self._smtp)
        smtp.allow(ENVELOPE)
        try:
            self._envelope(smtp, origin, target)
        except (OSError, smtplib.SMTPException) as lost:
            self._drop()
            raise Unsent(f"The mail server hung up: {_shown(lost)}", lasting=False, account=True) from lost
        return self._data(smtp, payload)

    def _connect(self) -> PlainSmtp:
        end = self._endpoint
        smtp: PlainSmtp | None = None
        try:
            smtp = begin_smtp(end)
            if end.security == "starttls":
                encrypt_smtp(smtp)
            if end.username:
                sign_in_smtp(smtp, end)
            return smtp
        except (OSError, smtplib.SMTPException, ValueError) as failed:  # ValueError: what cannot be decoded
            where = f"{end.host} port {end.port}"
            reason = f"Could not connect to {where}: {_shown(failed)}"
            raise Unsent(reason, lasting=False, account=True) from failed
        finally:
            if smtp is not None and sys.exception() is not None:
                smtp.close()

    def _envelope(self, smtp: PlainSmtp, origin: str, target: str) -> None:
        options = [] if origin.isascii() and target.isascii() else ["SMTPUTF8"]
        if options and not smtp.has_extn("smtputf8"):
            raise Unsent(f"The mail server cannot carry an address such as {target}", lasting=True)
        code, answer = smtp.mail(origin, options)
        if code != READY:
            self._refused(smtp, code, answer, account=True)
        code, answer = smtp.rcpt(target)
        if code not in (READY, FORWARDS):
            self._refused(smtp, code, answer, bounced=LASTING <= code < BEYOND)
        code, answer = smtp.docmd("DATA")
        if code != START_DATA:
            self._refused(smtp, code, answer)

    def _refused(
        self, smtp: PlainSmtp, code: int, answer: bytes, *, bounced: bool = False, account: bool = False
    ) -> None:
        """The server said no: the message did not leave."""
        if _is_refusal(code) and code != CLOSING:
            with suppress(OSError, smtplib.SMTPException):
                smtp.rset()
        else:
            self._close()  # closing, or talking nonsense: whatever comes next must not be read into this
        account = account or code == CLOSING
        raise Unsent(_words(code, answer), lasting=LASTING <= code < BEYOND, bounced=bounced, account=account)

    def _data(self, smtp: PlainSmtp, payload: bytes) -> str:
        quoted = LEADING_DOT.sub(b"..", payload)  # RFC 5321 section 4.5.2
        ending = b".\r\n" if quoted.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            smtp.send(quoted + ending)
        except (OSError, smtplib.SMTPException) as lost:
            # The dot that ends the message was the last thing to go: the server cannot have it (section 4.1.1.4).
            self._drop()
            reason = f"The connection broke before the message was handed over: {_shown(lost)}"
            raise Unsent(reason, lasting=False, account=True) from lost
        smtp.allow_one(HANDED_OVER)
        try:
            code, answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as lost:
            self._drop()
            reason = f"The connection broke after the message was handed over: {_shown(lost)}"
            raise Doubtful(reason) from lost
        if _is_refusal(code):
            self._refused(smtp, code, answer)
        if not _is_yes(code):
            self._close()
            raise Doubtful(f"The server's answer to the message means nothing: {_words(code, answer)}")
        return _words(code, answer)

    def _close(self) -> None:
        """Leave, with a good-bye."""
        if self._smtp is not None:
            self._smtp.hurry(QUIT_SECONDS)
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._drop()

    def _drop(self) -> None:
        """Leave a connection that is lost."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()
