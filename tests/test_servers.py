"""The servers that other tests lean on do what those tests believe."""

import smtplib
import subprocess
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from tests import servers
from tests.servers import Postgres, SmtpSink


def mail(to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "sarah@example.com", to, "Hello"
    message.set_content("Grüße\n")
    return message


def send(sink: SmtpSink, to: str = "ann@example.com") -> None:
    with smtplib.SMTP(sink.host, sink.port, timeout=5) as smtp:
        smtp.send_message(mail(to))


def test_the_sink_remembers_what_it_took(smtp_sink: SmtpSink) -> None:
    send(smtp_sink)
    (accepted,) = smtp_sink.wait_for(1)
    assert accepted.rcpt_tos == ("ann@example.com",)
    assert accepted.message["Subject"] == "Hello"
    assert accepted.text == "Grüße\n"
    assert smtp_sink.connections == 1


def test_the_sink_takes_nothing_that_it_refuses(smtp_sink: SmtpSink) -> None:
    smtp_sink.refused["ann@example.com"] = "550 5.1.1 nobody of that name"
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_sink)
    smtp_sink.answer_data = "451 4.3.0 later"
    with pytest.raises(smtplib.SMTPDataError):
        send(smtp_sink, "bob@example.com")
    assert smtp_sink.accepted == []


@pytest.mark.parametrize(("drop", "taken"), [("at mail", 0), ("before data", 0), ("after data", 1)])
def test_the_sink_hangs_up_where_it_is_told_to(smtp_sink: SmtpSink, drop: str, taken: int) -> None:
    smtp_sink.drop = drop
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp_sink)
    assert len(smtp_sink.accepted) == taken


def test_the_sink_knows_a_wrong_password(smtp_sink: SmtpSink) -> None:
    with smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=5) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(smtp_sink.username, "wrong")
        smtp.login(smtp_sink.username, smtp_sink.password)


def test_redis_is_empty_for_every_test(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.keys() == []
        client.set("left", "behind")


def test_redis_is_empty_for_the_next_test_too(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.keys() == []


def test_a_database_made_from_a_template_has_its_tables(postgres: Postgres) -> None:
    postgres.create("mother")
    with psycopg.connect(f"host={postgres.folder} user=postgres dbname=mother") as session:
        session.execute("CREATE TABLE child (id int)")
    postgres.create("daughter", template="mother")
    with psycopg.connect(f"host={postgres.folder} user=postgres dbname=daughter") as session:
        assert session.execute("SELECT count(*) FROM child").fetchone() == (0,)
    postgres.drop("daughter")
    postgres.drop("mother")


def test_postgres_starts_from_a_folder_that_only_its_owner_may_enter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(servers, "_can_run", lambda program: False)
    programs = servers._binaries(tmp_path)
    assert programs.is_relative_to(tmp_path)
    assert b"18." in subprocess.run([programs / "postgres", "--version"], capture_output=True, check=True).stdout
