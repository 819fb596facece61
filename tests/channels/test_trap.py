"""The mail trap: it takes mail to anybody, shows all of it, and can be answered from."""

import imaplib
import json
import smtplib
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from campaigns.channels.trap import Trap, TrapAway, list_messages, read_trap
from jobs import trap as runner
from tests.jobs.processes import wait_until


def answers(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(path: Path) -> Iterator[Trap]:
    process = subprocess.Popen([sys.executable, "-m", "jobs.trap", str(path)], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: (trap := read_trap(path)) and all(map(answers, ports(trap))), seconds=30)
        trap = read_trap(path)
        assert trap is not None
        yield trap
    finally:
        process.terminate()
        process.wait()


def ports(trap: Trap) -> tuple[int, int, int]:
    return trap.smtp_port, trap.imap_port, trap.http_port


@pytest.fixture(scope="module")
def trap_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trap") / "trap.json"


@pytest.fixture(scope="module")
def trap(trap_path: Path) -> Iterator[Trap]:
    with running(trap_path) as trap:
        yield trap


def send(trap: Trap, to: str, subject: str, text: str = "Hello.\n") -> None:
    message = EmailMessage()
    message["From"] = "Särah Chen <sarah@example.com>"
    message["To"], message["Subject"], message["Message-ID"] = to, subject, f"<{subject}@example.com>"
    message.set_content(text)
    with smtplib.SMTP(trap.host, trap.smtp_port, timeout=5) as smtp:
        smtp.send_message(message)


def inbox_of(trap: Trap, address: str) -> int:
    """How many mails lie in the mailbox of one address."""
    with imaplib.IMAP4(trap.host, trap.imap_port, timeout=5) as imap:
        imap.login(address, trap.password)
        _, (count, *_) = imap.select("INBOX", readonly=True)
        return int(count or 0)


def test_everything_that_was_sent_is_listed_newest_first(trap: Trap) -> None:
    started = datetime.now(UTC)
    send(trap, '"Müller, Ann" <ann@corp.test>', "first", "Grüße, Ann.\n. a line with a dot\n")
    send(trap, "bob@elsewhere.test, eve@elsewhere.test", "second")
    second, first = list_messages(trap, 2)
    assert (first.subject, second.subject) == ("first", "second")
    assert first.sender == "Särah Chen <sarah@example.com>"
    assert "ann@corp.test" in first.to
    assert "Müller" in first.to
    assert second.to == "bob@elsewhere.test, eve@elsewhere.test"
    assert first.text == "Grüße, Ann.\n. a line with a dot\n"
    assert first.message_id == "<first@example.com>"
    assert started - timedelta(seconds=1) < first.at <= second.at < datetime.now(UTC) + timedelta(seconds=1)


def test_no_more_is_listed_than_was_asked_for(trap: Trap) -> None:
    for number in range(5):
        send(trap, "ann@corp.test", f"number {number}")
    assert [mail.subject for mail in list_messages(trap, 3)] == ["number 4", "number 3", "number 2"]
    assert list_messages(trap, 0) == []


def test_each_address_has_a_mailbox_of_its_own(trap: Trap) -> None:
    send(trap, "carla@corp.test", "only for Carla")
    assert inbox_of(trap, "carla@corp.test") == 1
    assert inbox_of(trap, "somebody@else.test") == 0


def test_the_inbox_for_the_browser_is_there(trap: Trap) -> None:
    with urllib.request.urlopen(trap.inbox_url, timeout=5) as page:
        assert page.status == 200


def test_it_listens_on_this_machine_alone(trap: Trap) -> None:
    assert trap.host == "127.0.0.1"
    local = {f"0100007F:{port:04X}" for port in ports(trap)}
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert local <= set(listening)
    assert not {address for address in listening for port in ports(trap) if address == f"00000000:{port:04X}"}


def test_a_wrong_password_reads_nothing(trap: Trap) -> None:
    stranger = Trap(trap.host, *ports(trap), trap.user, "wrong")
    with pytest.raises(TrapAway):
        list_messages(stranger)


def test_its_password_is_the_owners_alone(trap: Trap, trap_path: Path) -> None:
    assert stat.S_IMODE(trap_path.stat().st_mode) == 0o600
    assert len(trap.password) >= 16


def test_a_trap_that_does_not_run_is_told() -> None:
    gone = Trap("127.0.0.1", 1, 1, 1, "everyone@trap.localhost", "x")
    with pytest.raises(TrapAway, match="does not answer"):
        list_messages(gone)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"smtp_port": 1}'])
def test_a_file_that_tells_of_no_trap_is_no_trap(tmp_path: Path, text: str) -> None:
    assert read_trap(tmp_path / "none.json") is None
    (tmp_path / "trap.json").write_text(text)
    assert read_trap(tmp_path / "trap.json") is None


def test_ports_and_password_stay_so_that_bookmarks_last(tmp_path: Path) -> None:
    path = tmp_path / "trap.json"
    assert runner.prepare(path) == runner.prepare(path) == json.loads(path.read_text())


def test_a_port_that_somebody_took_meanwhile_is_replaced(tmp_path: Path) -> None:
    first = runner.prepare(tmp_path / "trap.json")
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["http_port"]))
        other.listen()
        second = runner.prepare(tmp_path / "trap.json")
    assert second["http_port"] != first["http_port"]
    assert {**second, "http_port": first["http_port"]} == first
