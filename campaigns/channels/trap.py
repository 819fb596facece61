"""Reading the local mail trap: where it listens, and what has arrived there."""

import imaplib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

# Seconds to wait for an answer. It runs on this machine and in memory.
TIMEOUT = 5
# The folder of what a client sees is read without marking it as seen.
PARTS = "(BODY.PEEK[])"


class TrapAway(Exception):
    """The trap does not answer: it is not running, or it is just being started again."""


@dataclass(frozen=True)
class Trap:
    """Where the trap listens. `user` signs in to the mailbox that everything is copied to; any other
    address, with the same password, to its own mailbox."""

    host: str
    smtp_port: int
    imap_port: int
    http_port: int
    user: str
    password: str

    @property
    def inbox_url(self) -> str:
        """The trap's own inbox for the browser, in which a mail can be answered."""
        return f"http://{self.host}:{self.http_port}/"


@dataclass(frozen=True)
class TrappedMessage:
    """One mail as it arrived; `at` is when."""

    at: datetime
    sender: str
    to: str
    subject: str
    text: str
    message_id: str


def read_trap(path: Path) -> Trap | None:
    """The trap that `path` tells of (trap.json in the data folder); None if there is none."""
    try:
        kept = json.loads(path.read_text())
        return Trap(**{name: kept[name] for name in Trap.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def list_messages(trap: Trap, limit: int = 50) -> list[TrappedMessage]:
    """What arrived last, the newest first. Raises TrapAway."""
    try:
        with imaplib.IMAP4(trap.host, trap.imap_port, timeout=TIMEOUT) as imap:
            imap.login(trap.user, trap.password)
            return [_read(raw) for raw in reversed(_fetch_last(imap, limit))]
    except (OSError, imaplib.IMAP4.error) as error:
        raise TrapAway("The mail trap does not answer.") from error


def _fetch_last(imap: imaplib.IMAP4, limit: int) -> list[bytes]:
    _, (count, *_) = imap.select("INBOX", readonly=True)
    last = int(count or 0)
    if last == 0 or limit < 1:
        return []
    _, answer = imap.fetch(f"{max(1, last - limit + 1)}:{last}", PARTS)
    return [part[1] for part in answer if isinstance(part, tuple)]


def _read(raw: bytes) -> TrappedMessage:
    message = message_from_bytes(raw, policy=policy.default)
    return TrappedMessage(
        at=_when(_header(message, "X-Trapped-At")),
        sender=_header(message, "From"),
        to=_header(message, "X-Original-To") or _header(message, "X-RcptTo"),
        subject=_header(message, "Subject"),
        text=_text(message),
        message_id=_header(message, "Message-ID"),
    )


def _header(message: EmailMessage, name: str) -> str:
    return re.sub(r"\s+", " ", str(message.get(name, ""))).strip()


def _when(text: str) -> datetime:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return datetime.fromtimestamp(0, UTC)


def _text(message: EmailMessage) -> str:
    """The text of a mail; of one in an unknown character set, what can be read of it."""
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except LookupError:
        payload = part.get_payload(decode=True)
        return payload.decode("ascii", "replace") if isinstance(payload, bytes) else ""
