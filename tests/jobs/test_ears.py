"""Listening to a real mailbox beside the timetable: what is heard, and what becomes of lost or mute connections."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from campaigns.models import Bell, Mailbox, Sender
from campaigns.models.sealing import seal
from campaigns.receiving import unread
from jobs import ears
from jobs.ears import Ears
from jobs.workshop import Workshop, utcnow
from tests import make
from tests.databases import Database
from tests.jobs.processes import wait_until
from tests.mail_servers import PASSWORD, MailHouse

KEY = f"{'A' * 43}="
SARAH = "sarah@ours.test"
MAIL = b"From: ann@corp.test\r\nSubject: Hello\r\n\r\nHi\r\n"


@dataclass
class Line:
    """A connection to a mail server that can be cut, or made to say less than it does; one at a time."""

    to: tuple[str, int]
    without: bytes = b""
    calls: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                caller, _ = self._server.accept()
                self.calls += 1
                server = socket.create_connection(self.to)
                self._open += [caller, server]
                threading.Thread(target=self._pass_on, args=(caller, server, b""), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, caller, self.without), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket, without: bytes) -> None:
        with suppress(OSError):
            while data := here.recv(65536):
                there.sendall(data.replace(without, b"") if without else data)
            there.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Whoever talks now is cut off."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def close(self) -> None:
        self._server.close()
        self.cut()


@pytest.fixture
def line(mail_house: MailHouse) -> Iterator[Line]:
    made = Line((mail_house.host, mail_house.imap_port))
    yield made
    made.close()


@pytest.fixture
def sender(sqlite_db: Database, line: Line) -> UUID:
    """An account whose mailbox was read a minute ago, over a line."""
    imap = {"host": "127.0.0.1", "port": line.port, "security": "none", "username": SARAH}
    with sqlite_db.sessions.begin() as session:
        values = {"email_address": SARAH, "imap": imap, "imap_sealed": seal(KEY, PASSWORD)}
        account = make.sender(session, make.workspace(session), **values)
        session.add(Mailbox(sender_account_id=account.id, read_at=utcnow() - timedelta(minutes=1)))
        return account.id


@pytest.fixture
def listeners(sqlite_db: Database, sender: UUID, line: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ears]:
    """Ears that look for work whenever they are asked, and end with the test."""
    monkeypatch.setattr(ears, "LOOK", 0.0)
    settings = SimpleNamespace(sealing_key=KEY)
    shop = SimpleNamespace(settings=settings, sessions=sqlite_db.sessions, reading=sqlite_db.reading)
    made = Ears(cast(Workshop, shop))
    yield made
    with sqlite_db.sessions.begin() as session:
        session.get_one(Sender, sender).status = "disconnected"
    line.cut()
    wait_until(lambda: not listening(made))


def listening(of: Ears) -> list[threading.Thread]:
    return [thread for thread in of._threads.values() if thread.is_alive()]


def is_heard(db: Database, sender: UUID) -> bool:
    with db.sessions() as session:
        return session.get_one(Mailbox, sender).heard_until is not None


def bells(db: Database) -> list[Bell]:
    return [bell for bell in db.rung if bell.job == "inbox"]


def test_mail_is_heard_at_once(sqlite_db: Database, sender: UUID, listeners: Ears, mail_house: MailHouse) -> None:
    listeners.attend()
    wait_until(lambda: is_heard(sqlite_db, sender))
    wait_until(lambda: len(bells(sqlite_db)) == 1)  # what came before anybody listened
    for number in range(2, 5):
        mail_house.deliver(MAIL, SARAH)
        wait_until(lambda number=number: len(bells(sqlite_db)) == number, seconds=5)
    assert set(bells(sqlite_db)) == {Bell("inbox", (str(sender),))}
    listeners.attend()
    assert len(listening(listeners)) == 1


def test_a_lost_connection_is_taken_up_again(
    sqlite_db: Database,
    sender: UUID,
    listeners: Ears,
    line: Line,
    mail_house: MailHouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ears, "LOST", 0.5)
    listeners.attend()
    wait_until(lambda: len(bells(sqlite_db)) == 1)
    line.cut()
    wait_until(lambda: not listening(listeners))
    assert not is_heard(sqlite_db, sender)  # so the timetable has it read as often as that of a mute server
    mail_house.deliver(MAIL, SARAH)
    listeners.attend()
    assert listening(listeners) == []  # a server that is in trouble gets a rest
    wait_until(lambda: listeners.attend() or bool(listening(listeners)), seconds=5)
    wait_until(lambda: len(bells(sqlite_db)) == 2)
    assert line.calls == 2


def test_a_mailbox_whose_server_tells_nothing_is_left_to_the_timetable(
    sqlite_db: Database, sender: UUID, listeners: Ears, line: Line
) -> None:
    line.without = b" IDLE"
    listeners.attend()
    wait_until(lambda: line.calls == 1 and not listening(listeners))
    listeners.attend()
    assert (listening(listeners), line.calls, bells(sqlite_db)) == ([], 1, [])
    with sqlite_db.sessions() as session:
        assert unread(session, utcnow()) == [sender]


@pytest.mark.parametrize(
    ("ago", "heard", "due"), [(20, False, False), (31, False, True), (31, True, False), (301, True, True)]
)
def test_a_mailbox_that_is_listened_to_is_read_less_often(
    sqlite_db: Database, sender: UUID, ago: int, heard: bool, due: bool
) -> None:
    now = utcnow()
    with sqlite_db.sessions.begin() as session:
        mailbox = session.get_one(Mailbox, sender)
        mailbox.read_at = now - timedelta(seconds=ago)
        mailbox.heard_until = now + timedelta(minutes=1 if heard else -1)
    with sqlite_db.sessions() as session:
        assert unread(session, now) == ([sender] if due else [])


def test_a_mailbox_that_is_being_read_is_not_rung_for(sqlite_db: Database, sender: UUID) -> None:
    with sqlite_db.sessions.begin() as session:
        session.get_one(Mailbox, sender).lease_until = utcnow() + timedelta(minutes=1)
    with sqlite_db.sessions() as session:
        assert unread(session, utcnow()) == []


def test_a_server_that_hangs_does_not_hold_up_the_timetable(
    sqlite_db: Database, sender: UUID, listeners: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = threading.Event()

    def hang(*_: Any) -> bool:
        connected.wait(10)
        return True

    monkeypatch.setattr(ears, "listen", hang)
    began = time.monotonic()
    listeners.attend()
    listeners.attend()
    assert time.monotonic() - began < 1
    assert len(listening(listeners)) == 1
    connected.set()
