"""Trying the way into mail servers: which step failed, why, and what may help."""

import socket
import ssl
from pathlib import Path

import pytest

from campaigns.channels import probing
from campaigns.channels.imap import ImapEndpoint
from campaigns.channels.probing import Step, probe_imap, probe_smtp
from campaigns.channels.smtp import Endpoint
from tests.channels.scripted import GREETING, HELLO, Script, serving
from tests.mail_servers import PASSWORD, MailHouse
from tests.servers import SmtpSink, free_port

SARAH = "sarah@ours.test"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits ten seconds for what will not come."""
    monkeypatch.setattr(probing, "PATIENCE", 2.0)


def smtp(port: int, security: str = "none", host: str = "127.0.0.1", password: str | None = None) -> list[Step]:
    return probe_smtp(Endpoint(host, port, security, "sarah" if password else None, password))


def names(steps: list[Step]) -> list[str]:
    return [step.name if step.ok else f"{step.name}!" for step in steps]


def test_every_step_to_sending_is_told(smtp_sink: SmtpSink) -> None:
    steps = smtp(smtp_sink.port, password=smtp_sink.password)
    assert names(steps) == ["name", "connect", "greeting", "sign_in"]
    assert steps[-1].message == "Signed in as sarah."
    assert smtp_sink.accepted == [], "nothing is sent"


def test_a_wrong_password_fails_at_the_last_step(smtp_sink: SmtpSink) -> None:
    steps = smtp(smtp_sink.port, password="wrong")
    assert names(steps) == ["name", "connect", "greeting", "sign_in!"]
    assert "535" in steps[-1].message
    assert "wrong" not in str(steps)
    assert "app password" in (steps[-1].advice or "")


def test_a_name_that_does_not_exist(smtp_sink: SmtpSink) -> None:
    steps = smtp(smtp_sink.port, host="no-such-host.invalid")
    assert names(steps) == ["name!"]
    assert steps[0].advice == "Check how the server's name is spelt."


def test_a_port_that_nobody_listens_on() -> None:
    steps = smtp(free_port())
    assert names(steps) == ["name", "connect!"]
    assert "refused" in steps[1].message.lower()
    assert "port 25" in (steps[1].advice or "")


def test_a_server_that_speaks_no_smtp() -> None:
    with serving(Script({GREETING: "400 Bad Request"})) as port:
        assert names(smtp(port)) == ["name", "connect", "greeting!"]


def test_a_server_that_says_nothing_is_given_up(smtp_sink: SmtpSink) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        steps = smtp(mute.getsockname()[1])
    assert names(steps) == ["name", "connect", "greeting!"]


def test_tls_where_the_server_speaks_none(smtp_sink: SmtpSink) -> None:
    steps = smtp(smtp_sink.port, "tls")
    assert names(steps) == ["name", "connect", "tls!"]
    assert "STARTTLS" in (steps[-1].advice or "")
    assert names(smtp(smtp_sink.port, "starttls")) == ["name", "connect", "greeting", "tls!"]


@pytest.fixture
def tls_script(certificate: Path) -> Script:
    script = Script({HELLO: "250-scripted\r\n250 STARTTLS"}, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    script.tls.load_cert_chain(certificate)  # type: ignore[union-attr]
    return script


def test_a_certificate_that_nobody_vouches_for(tls_script: Script) -> None:
    with serving(tls_script) as port:
        steps = smtp(port, "starttls")
    assert names(steps) == ["name", "connect", "greeting", "tls!"]
    assert steps[-1].message.startswith("The server's certificate is not valid: ")
    assert "certificate" in (steps[-1].advice or "")


def test_a_certificate_that_is_good(tls_script: Script, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(tls_script) as port:
        steps = smtp(port, "starttls")
    assert names(steps) == ["name", "connect", "greeting", "tls"]
    assert steps[-1].message.startswith("Encrypted (TLSv1.")


def imap(house: MailHouse, password: str = PASSWORD, folder: str = "INBOX") -> list[Step]:
    return probe_imap(ImapEndpoint(house.host, house.imap_port, "none", SARAH, password), folder)


def test_every_step_to_reading_mail_is_told(mail_house: MailHouse) -> None:
    steps = imap(mail_house)
    assert names(steps) == ["name", "connect", "greeting", "sign_in", "mailbox"]
    assert steps[-1].message == "INBOX can be read."


def test_mail_cannot_be_read_with_a_wrong_password_or_without_its_folder(mail_house: MailHouse) -> None:
    assert names(imap(mail_house, "wrong")) == ["name", "connect", "greeting", "sign_in!"]
    assert names(imap(mail_house, folder="Nowhere"))[-1] == "mailbox!"


def test_a_server_that_speaks_no_imap(smtp_sink: SmtpSink) -> None:
    steps = probe_imap(ImapEndpoint("127.0.0.1", smtp_sink.port, "none", SARAH, PASSWORD), "INBOX")
    assert names(steps) == ["name", "connect", "greeting!"]


def test_a_host_that_is_known_has_advice_of_its_own() -> None:
    walk = probing._Walk("imap.gmail.com", 993)
    assert "apppasswords" in walk._advice("sign_in", OSError())
