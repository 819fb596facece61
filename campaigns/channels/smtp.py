"""Sending by SMTP (RFC 5321), with the one distinction that matters kept: not sent, or not known."""

import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Self

from campaigns.channels.outgoing import Doubtful, Outgoing, Unsent

SECURITIES = ("none", "starttls", "tls")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Seconds to wait for any one answer of the server. RFC 5321 section 4.5.3.2 allows minutes; a lane is serial.
TIMEOUT = 30
READY, START_DATA, CLOSING = 250, 354, 421
LEADING_DOT = re.compile(rb"(?m)^\.")
# Seven bits: whatever the server offers, it cannot garble the text.
POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class Endpoint:
    """Where and as whom to sign in. `security` is one of SECURITIES; `none` for loopback hosts only."""

    host: str
    port: int
    security: str
    username: str | None = None
    password: str | None = None
    timeout: float = TIMEOUT


def _words(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"


def _address(name: str | None, address: str) -> Address:
    return Address(display_name=name or "", addr_spec=address)


def build(outgoing: Outgoing) -> EmailMessage:
    """The message as MIME. EmailMessage refuses line breaks in headers, so nothing can be injected there."""
    message = EmailMessage(policy=POLICY)
    message["From"] = _address(outgoing.from_name, outgoing.from_address)
    message["To"] = _address(outgoing.to_name, outgoing.to_address)
    message["Subject"] = outgoing.subject
    message["Date"] = outgoing.date
    message["Message-ID"] = outgoing.message_id
    if outgoing.references:
        message["In-Reply-To"] = outgoing.references[-1]
        message["References"] = " ".join(outgoing.references)
    message.set_content(outgoing.body)
    return message


class SmtpChannel:
    """One connection of one account, used for message after message."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        self._smtp = self._connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()

    def send(self, outgoing: Outgoing) -> str:
        """Hand one message over; the server's last words are the receipt. Raises Unsent or Doubtful."""
        if self._smtp is None:
            self._smtp = self._connect()
        try:
            payload = self._payload(outgoing)
        except (ValueError, UnicodeError) as bad:
            raise Unsent(f"The message cannot be written as an email: {bad}", lasting=True) from bad
        smtp = self._smtp
        try:
            self._envelope(smtp, outgoing)
        except (OSError, smtplib.SMTPException) as lost:
            self._close()
            raise Unsent(f"The mail server hung up: {lost}", lasting=False, account=True) from lost
        return self._data(smtp, payload)

    def _payload(self, outgoing: Outgoing) -> bytes:
        message = build(outgoing)
        if outgoing.to_address.isascii() and outgoing.from_address.isascii():
            return message.as_bytes()
        return message.as_bytes(policy=POLICY.clone(utf8=True))

    def _connect(self) -> smtplib.SMTP:
        end = self._endpoint
        try:
            smtp = self._greet(end)
        except (OSError, smtplib.SMTPException) as failed:
            where = f"{end.host} port {end.port}"
            raise Unsent(f"Could not connect to {where}: {failed}", lasting=False, account=True) from failed
        if end.username:
            self._sign_in(smtp, end)
        return smtp

    def _greet(self, end: Endpoint) -> smtplib.SMTP:
        if end.security == "tls":
            tls = ssl.create_default_context()
            return smtplib.SMTP_SSL(end.host, end.port, timeout=end.timeout, context=tls)
        smtp = smtplib.SMTP(end.host, end.port, timeout=end.timeout)
        smtp.ehlo_or_helo_if_needed()
        if end.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
        return smtp

    def _sign_in(self, smtp: smtplib.SMTP, end: Endpoint) -> None:
        try:
            smtp.login(end.username or "", end.password or "")
        except smtplib.SMTPAuthenticationError as refused:
            smtp.close()
            words = _words(refused.smtp_code, refused.smtp_error)
            lasting = refused.smtp_code >= 500
            raise Unsent(f"Signing in was refused: {words}", lasting=lasting, account=True) from refused
        except (OSError, smtplib.SMTPException) as failed:
            smtp.close()
            raise Unsent(f"Could not sign in: {failed}", lasting=False, account=True) from failed

    def _envelope(self, smtp: smtplib.SMTP, outgoing: Outgoing) -> None:
        options = ["SMTPUTF8"] if not outgoing.to_address.isascii() and smtp.has_extn("smtputf8") else []
        code, answer = smtp.mail(outgoing.from_address, options)
        if code != READY:
            self._refused(smtp, code, answer, account=True)
        code, answer = smtp.rcpt(outgoing.to_address)
        if code not in (READY, 251):
            self._refused(smtp, code, answer, bounced=code >= 500)
        code, answer = smtp.docmd("DATA")
        if code != START_DATA:
            self._refused(smtp, code, answer)

    def _refused(
        self, smtp: smtplib.SMTP, code: int, answer: bytes, *, bounced: bool = False, account: bool = False
    ) -> None:
        """The server said no before the message was handed over: it did not leave."""
        with suppress(OSError, smtplib.SMTPException):
            smtp.rset()
        if code == CLOSING:
            self._close()
        account = account or code == CLOSING
        raise Unsent(_words(code, answer), lasting=code >= 500, bounced=bounced, account=account)

    def _data(self, smtp: smtplib.SMTP, payload: bytes) -> str:
        quoted = LEADING_DOT.sub(b"..", payload)  # RFC 5321 section 4.5.2
        ending = b".\r\n" if quoted.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            smtp.send(quoted + ending)
            code, answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as lost:
            self._close()
            reason = f"The connection broke after the message was handed over: {lost}"
            raise Doubtful(reason) from lost
        if code != READY:
            self._refused(smtp, code, answer)
        return _words(code, answer)

    def _close(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        with suppress(OSError, smtplib.SMTPException):
            smtp.quit()
        smtp.close()
