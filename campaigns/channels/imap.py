"""Reading a mailbox by IMAP (RFC 3501) without changing anything in it: what is new, and the wait for more."""

import imaplib
import re
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError

from campaigns.channels.outgoing import readable
from campaigns.channels.reading import MOST_BYTES

# Seconds to wait for any one answer of the server, and for its first words: one that hangs holds up whoever reads the
# other mailboxes.
TIMEOUT, CONNECT_TIMEOUT = 20, 10
# Codes of RFC 5530 after which signing in may work later; any other refusal needs a person.
_PASSING = re.compile(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|CONTACTADMIN)]", re.IGNORECASE)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class ImapEndpoint:
    """Where and as whom to sign in: with a password or, where `token` is set, with that (XOAUTH2). `security` is one of
    rules.accounts.SECURITIES."""

    host: str
    port: int
    security: str
    username: str
    password: str | None = None
    token: str | None = None
    timeout: float = TIMEOUT


@dataclass(frozen=True)
class Standing:
    """Which numbering of a folder holds, and the number of its next mail (RFC 3501 section 2.3.1.1)."""

    uid_validity: int
    uid_next: int


class Unread(Exception):
    """The mailbox could not be read. `lasting`: it will not be, until a person changes something."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Every failure in one form, with the server's words."""
    try:
        yield
    except (OSError, imaplib.IMAP4.error, ImapToolsError, ValueError, LookupError) as failed:
        raise Unread(f"{what}: {_words(failed)}", lasting=False) from failed


def _words(error: Exception) -> str:
    result = getattr(error, "command_result", None)
    return _said(result[1]) if result else readable(str(error))


def _said(parts: Iterable[Any]) -> str:
    return readable(b" ".join(part for part in parts if isinstance(part, bytes)).decode("utf-8", "replace"))


class ImapMailbox:
    """One connection to the mailbox of one account. Everything raises Unread."""

    def __init__(self, endpoint: ImapEndpoint) -> None:
        self._endpoint = endpoint
        self._box: BaseMailBox | None = None

    def __enter__(self) -> Self:
        self.connect()
        try:
            self.sign_in()
        except BaseException:
            _hang_up(self.box)
            raise
        return self

    def connect(self) -> None:
        """The first half of entering; leaving is safe from here on."""
        end = self._endpoint
        with _told(f"Could not connect to {end.host} port {end.port}"):
            self._box = self._connect()
            self._box.client.sock.settimeout(end.timeout)

    def __exit__(self, *exc: object) -> None:
        if self._box is not None:
            with suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
                self._box.logout()
            _hang_up(self._box)

    def _connect(self) -> BaseMailBox:
        end, patience = self._endpoint, min(self._endpoint.timeout, CONNECT_TIMEOUT)
        if end.security == "none":
            return MailBoxUnencrypted(end.host, end.port, patience)
        tls = ssl.create_default_context()
        if end.security == "starttls":
            return MailBoxStartTls(end.host, end.port, patience, ssl_context=tls)
        return MailBox(end.host, end.port, patience, ssl_context=tls)

    def sign_in(self) -> None:
        """The second half of entering."""
        end, box = self._endpoint, self.box
        try:
            if end.token is not None:
                box.xoauth2(end.username, end.token, initial_folder=None)
            elif (end.username + (end.password or "")).isascii():
                box.login(end.username, end.password or "", initial_folder=None)
            else:
                box.login_utf8(end.username, end.password or "", initial_folder=None)
        except (imaplib.IMAP4.abort, OSError) as lost:
            raise Unread(f"The mail server hung up while we signed in: {_words(lost)}", lasting=False) from lost
        except (imaplib.IMAP4.error, MailboxLoginError) as refused:
            words = _words(refused)
            lasting = not _PASSING.search(words)
            raise Unread(f"Signing in to read mail was refused: {words}", lasting=lasting) from refused

    @property
    def box(self) -> BaseMailBox:
        """The connection, for as long as the `with` lasts."""
        if self._box is None:
            raise RuntimeError("the mailbox is not open")
        return self._box

    @property
    def can_idle(self) -> bool:
        """Whether the server tells of new mail by itself (RFC 2177)."""
        return "IDLE" in self.box.client.capabilities

    def select(self, folder: str) -> Standing:
        """Open a folder for reading only."""
        try:
            with _told(f"The folder {folder} cannot be opened"):
                status = self.box.folder.status(folder, ["UIDVALIDITY", "UIDNEXT"])
                self.box.folder.set(folder, readonly=True)
                return Standing(status["UIDVALIDITY"], status["UIDNEXT"])
        except Unread as gone:
            if isinstance(gone.__cause__, MailboxFolderSelectError):
                raise Unread(f"{gone.reason}: name another one", lasting=False) from gone
            raise

    def uids(self, first: int) -> list[int]:
        """The numbers of all mails from `first` on, in order."""
        # "n:*" always means the last mail too, however low its number is (RFC 3501 section 6.4.8).
        return [uid for uid in self._search(f"UID {first}:*") if uid >= first]

    def since(self, day: date) -> list[int]:
        """The numbers of the mails that came on `day` or later, in order, by the server's clock."""
        return self._search(f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}")

    def _search(self, criteria: str) -> list[int]:
        with _told("The mail server did not say what is new"):
            self.box.client.noop()  # some servers look for new mail at this only
            return sorted(int(uid) for uid in self.box.uids(criteria, charset=None))

    def fetch(self, uid: int) -> bytes | None:
        """The first MOST_BYTES of a mail; None if it is gone. It stays unseen."""
        with _told("The mail server did not hand over a mail"):
            status, parts = self.box.client.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
            if status != "OK":
                raise imaplib.IMAP4.error(_said(parts))
        return next((part[1] for part in parts if isinstance(part, tuple)), None)

    def watch(self, seconds: float, watching: Callable[[], None]) -> bool:
        """Wait until the server tells of something new in the folder; False if nothing came. `watching` is called once
        it would tell: whatever came before has to be looked for."""
        with _told("The wait for mail ended"):
            self.box.idle.start()  # type: ignore[no-untyped-call]
            watching()
            lines = self.box.idle.poll(timeout=seconds)
            _, more = self.box.idle.stop()  # type: ignore[no-untyped-call]
            return any(b"EXISTS" in line for line in [*lines, *more])


def _hang_up(box: BaseMailBox) -> None:
    with suppress(OSError, imaplib.IMAP4.error):
        box.client.shutdown()
