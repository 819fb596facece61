"""Reading a mailbox of a real Dovecot, and what goes wrong with one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.channels import imap
from campaigns.channels.imap import ImapEndpoint, ImapMailbox, Unread
from campaigns.channels.reading import MOST_BYTES
from tests.mail_servers import PASSWORD, MailHouse
from tests.servers import free_port

SARAH = "sarah@ours.test"


@pytest.fixture
def endpoint(mail_house: MailHouse) -> ImapEndpoint:
    return ImapEndpoint(mail_house.host, mail_house.imap_port, "none", SARAH, PASSWORD)


def mail(subject: str, size: int = 0) -> bytes:
    return f"From: ann@corp.test\r\nSubject: {subject}\r\n\r\n{'x' * size}\r\n".encode()


def test_what_is_new_is_read_in_order_and_stays_unseen(mail_house: MailHouse, endpoint: ImapEndpoint) -> None:
    mail_house.deliver(mail("old"), SARAH)
    with ImapMailbox(endpoint) as mailbox:
        first = mailbox.select("INBOX")
        assert mailbox.uids(first.uid_next) == []
        assert mailbox.watch(10, lambda: mail_house.deliver(mail("one"), SARAH))
        mail_house.deliver(mail("two"), SARAH)
        uids = mailbox.uids(first.uid_next)
        assert uids == [first.uid_next, first.uid_next + 1]
        assert [b"Subject: one" in (mailbox.fetch(uids[0]) or b""), b"Subject: two" in (mailbox.fetch(uids[1]) or b"")]
        assert mailbox.select("INBOX").uid_validity == first.uid_validity
        assert mailbox.box.folder.status("INBOX", ["UNSEEN"]) == {"UNSEEN": 3}


def test_nothing_new_is_said_after_the_wait(endpoint: ImapEndpoint) -> None:
    with ImapMailbox(endpoint) as mailbox:
        mailbox.select("INBOX")
        assert mailbox.can_idle
        assert not mailbox.watch(0.1, lambda: None)


def test_mail_of_a_day_is_found_by_its_date(mail_house: MailHouse, endpoint: ImapEndpoint) -> None:
    mail_house.deliver(mail("today"), SARAH)
    today = datetime.now(UTC).date()
    with ImapMailbox(endpoint) as mailbox:
        mailbox.select("INBOX")
        assert len(mailbox.since(today - timedelta(days=1))) == 1
        assert mailbox.since(today + timedelta(days=2)) == []


def test_of_a_huge_mail_only_the_start_is_asked_for(mail_house: MailHouse, endpoint: ImapEndpoint) -> None:
    mail_house.deliver(mail("huge", 50_000_000), SARAH)
    with ImapMailbox(endpoint) as mailbox:
        mailbox.select("INBOX")
        raw = mailbox.fetch(mailbox.uids(1)[0])
    assert raw is not None
    assert len(raw) == MOST_BYTES
    assert raw.startswith(b"From: ann")


def test_a_mail_that_was_deleted_meanwhile_is_nothing(endpoint: ImapEndpoint) -> None:
    with ImapMailbox(endpoint) as mailbox:
        mailbox.select("INBOX")
        assert mailbox.fetch(4711) is None


def test_a_wrong_password_needs_a_person(mail_house: MailHouse, endpoint: ImapEndpoint) -> None:
    mail_house.change_password(SARAH, "new password")
    with pytest.raises(Unread, match="Signing in to read mail was refused") as refused, ImapMailbox(endpoint):
        pass
    assert refused.value.lasting


@pytest.mark.parametrize("password", ["pässword", "naïve ☃", 'with "quotes" and \\'])
def test_any_password_signs_in(mail_house: MailHouse, endpoint: ImapEndpoint, password: str) -> None:
    mail_house.change_password(SARAH, password)
    with ImapMailbox(replace(endpoint, password=password)) as mailbox:
        assert mailbox.select("INBOX").uid_next == 1


def test_a_folder_that_is_gone_is_named(endpoint: ImapEndpoint) -> None:
    with ImapMailbox(endpoint) as mailbox, pytest.raises(Unread, match="folder Sales cannot be opened") as gone:
        mailbox.select("Sales")
    assert not gone.value.lasting


def test_a_server_that_is_away_may_come_back(endpoint: ImapEndpoint) -> None:
    away = replace(endpoint, port=free_port())
    with pytest.raises(Unread, match=f"Could not connect to 127.0.0.1 port {away.port}") as failed, ImapMailbox(away):
        pass
    assert not failed.value.lasting


@contextmanager
def babbling(*lines: bytes) -> Iterator[int]:
    """A server that says these lines to whoever connects, and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for line in lines:
                    connection.sendall(line)
                over.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "lines",
    [(), (b"* OK hello\r\n",), (b"SSH-2.0-OpenSSH\r\n",), (b"* BYE too busy\r\n",), (b"* OK\r\n", b"\xff\x00" * 500)],
)
def test_a_server_that_hangs_or_talks_nonsense_does_not_hold_us_up(
    endpoint: ImapEndpoint, lines: tuple[bytes, ...]
) -> None:
    with babbling(*lines) as port:
        odd = replace(endpoint, port=port, timeout=0.3)
        with pytest.raises(Unread) as failed, ImapMailbox(odd) as mailbox:
            mailbox.select("INBOX")
    assert not failed.value.lasting


def test_a_servers_first_words_are_waited_for_less_long_than_later_ones(
    endpoint: ImapEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = replace(endpoint, timeout=30)
    with ImapMailbox(patient) as mailbox:
        assert mailbox.box.client.sock.gettimeout() == 30
    monkeypatch.setattr(imap, "CONNECT_TIMEOUT", 0.2)
    with babbling() as port, pytest.raises(Unread, match="timed out"):
        ImapMailbox(replace(patient, port=port)).connect()
