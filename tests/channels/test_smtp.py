"""Sending by SMTP: what left, what did not, and what nobody can know."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from campaigns.channels.answers import Answers
from campaigns.channels.outgoing import Doubtful, Unsent
from campaigns.channels.smtp import (
    ENVELOPE,
    HANDED_OVER,
    OPENING,
    QUIT_SECONDS,
    TIMEOUT,
    Endpoint,
    SmtpChannel,
)
from campaigns.rules.outgoing import Outgoing
from jobs.bells import KINDS
from tests.channels.scripted import (
    DATA,
    END,
    GREETING,
    HANG_UP,
    HELLO,
    MAIL,
    RCPT,
    SILENCE,
    Script,
    serving,
)
from tests.servers import SmtpSink, free_port

MAILED = Outgoing(
    from_name="Sarah Chen",
    from_address="sarah@example.com",
    to_name="Ann Lee",
    to_address="ann@corp.example",
    subject="Hello",
    body="Hi Ann!\n",
    message_id="<0190b7a4@example.com>",
    date=datetime(2026, 3, 2, 10, 0, tzinfo=UTC),
)


def to(port: int, **values: Any) -> SmtpChannel:
    return SmtpChannel(Endpoint("127.0.0.1", port, **{"security": "none", "timeout": 10.0} | values))


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def port(script: Script) -> Iterator[int]:
    with serving(script) as listening:
        yield listening


def failure(port: int, **values: Any) -> Unsent | Doubtful:
    with pytest.raises((Unsent, Doubtful)) as caught, to(port, **values) as channel:
        channel.send(MAILED)
    error = caught.value
    assert isinstance(error, Unsent | Doubtful)
    return error


def patience(answer: str) -> float:
    """Seconds to wait for a server: short only for one that will say nothing."""
    return 0.5 if answer == SILENCE else 10.0


def kind(error: Unsent | Doubtful) -> str:
    """One word for what the engine will make of it."""
    if isinstance(error, Doubtful):
        return "unknown"
    if error.account:
        return "account, for good" if error.lasting else "account, for now"
    if error.bounced:
        return "bounced"
    return "failed" if error.lasting else "later"


# What arrives ------------------------------------------------------------------------------------


def test_a_message_arrives_as_it_was_written(smtp_sink: SmtpSink) -> None:
    with to(smtp_sink.port) as channel:
        assert channel.send(MAILED) == "250 taken as 1"
    (mail,) = smtp_sink.wait_for(1)
    assert (mail.mail_from, mail.rcpt_tos) == ("sarah@example.com", ("ann@corp.example",))
    message = mail.message
    assert message["From"] == "Sarah Chen <sarah@example.com>"
    assert message["To"] == "Ann Lee <ann@corp.example>"
    assert (message["Subject"], message["Message-ID"]) == ("Hello", "<0190b7a4@example.com>")
    assert message["Date"].datetime == MAILED.date
    assert message["In-Reply-To"] is None
    assert mail.text == "Hi Ann!\n"


def test_a_whole_line_of_messages_needs_one_connection(smtp_sink: SmtpSink) -> None:
    with to(smtp_sink.port) as channel:
        for n in range(5):
            channel.send(replace(MAILED, to_address=f"p{n}@corp.example"))
    assert smtp_sink.recipients == [f"p{n}@corp.example" for n in range(5)]
    assert smtp_sink.connections == 1


BODIES = {
    "dots at the start of lines": "one\n.\n..\n.two\n\n.\nend\n",
    "a dot alone": ".\n",
    "nothing": "\n",
    "other letters": "Grüße, 東京, 🍵\n",
    "a line of 5,000 characters": "x" * 5000 + "\n",
    "words on a long line": "wörter " * 900 + "\n",
    "From at the start": "From me\n>From you\n",
    "blank lines": "\n\na\n\n\nb\n\n",
    "trailing blanks": "a  \n\tb\t\n",
    "carriage returns": "a\r\nb\n",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_any_kind_arrives_unharmed(smtp_sink: SmtpSink, name: str) -> None:
    with to(smtp_sink.port) as channel:
        channel.send(replace(MAILED, body=BODIES[name]))
    (mail,) = smtp_sink.accepted
    assert mail.text == BODIES[name].replace("\r\n", "\n")
    assert mail.content.isascii()
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= 998
    assert b"\n" not in mail.content.replace(b"\r\n", b"")


def test_names_and_subjects_of_any_letters_arrive_unharmed(smtp_sink: SmtpSink) -> None:
    names = {
        "from_name": "Jürgen „Jo“ Müller, Jr.",
        "to_name": "東京 太郎 <x@y.example>",
        "subject": "Für dich: 🍵 " * 12,
    }
    with to(smtp_sink.port) as channel:
        channel.send(replace(MAILED, **names))
    message = smtp_sink.accepted[0].message
    assert message["From"].addresses[0].display_name == names["from_name"]
    assert message["To"].addresses[0].display_name == names["to_name"]
    assert [address.addr_spec for address in message["To"].addresses] == ["ann@corp.example"]
    assert message["Subject"] == names["subject"]
    assert smtp_sink.accepted[0].content.isascii()


def test_a_prospect_without_a_name_is_addressed_by_the_address_alone(smtp_sink: SmtpSink) -> None:
    with to(smtp_sink.port) as channel:
        channel.send(replace(MAILED, to_name=None))
    assert smtp_sink.accepted[0].message["To"] == "ann@corp.example"


@pytest.mark.parametrize("domain", ["example.com", "a-very-long-name-of-a-department." * 3 + "example.com"])
def test_a_thread_names_the_mails_before_it_letter_by_letter(smtp_sink: SmtpSink, domain: str) -> None:
    """However long: an id that was folded or encoded is another id, and the thread is broken."""
    ids = tuple(f"<{n:032x}@{domain}>" for n in range(9))
    with to(smtp_sink.port) as channel:
        channel.send(replace(MAILED, message_id=ids[-1], references=ids[:-1]))
    raw = smtp_sink.accepted[0].content.decode("ascii")
    assert "=?" not in raw
    message = smtp_sink.accepted[0].message
    assert str(message["References"]).split() == list(ids[:-1])
    assert message["In-Reply-To"].strip() == ids[-2]
    assert message["Message-ID"].strip() == ids[-1]
    assert max(len(line) for line in raw.split("\r\n")) <= 998


# Nothing can be injected -------------------------------------------------------------------------

BREAKS = [f"{end}Bcc: eve@example.com" for end in ("\r\n", "\n", "\r", "\r\n\r\n", "\u2028", "\0")]


@pytest.mark.parametrize("breaks", BREAKS, ids=repr)
@pytest.mark.parametrize("name", ["from_name", "to_name", "subject", "message_id", "to_address", "from_address"])
def test_no_line_break_gets_into_a_header_or_a_command(smtp_sink: SmtpSink, name: str, breaks: str) -> None:
    evil = replace(MAILED, **{name: getattr(MAILED, name) + breaks})
    with to(smtp_sink.port) as channel:
        with suppress(Unsent):
            channel.send(evil)
        channel.send(replace(MAILED, to_address="next@corp.example"))
    for mail in smtp_sink.accepted:
        assert mail.message["Bcc"] is None
        assert "eve@example.com" not in mail.rcpt_tos
        assert set(mail.message.keys()) <= {
            *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"),
            *("Content-Type", "Content-Transfer-Encoding"),
        }
        assert mail.text == MAILED.body
    assert "next@corp.example" in smtp_sink.recipients


@pytest.mark.parametrize(
    "address", ["", "no-at-sign", "a@b@c", "<ann@corp.example>", "ann @corp.example", "@corp.example"]
)
def test_an_address_that_is_none_fails_for_good_and_harms_nobody_else(smtp_sink: SmtpSink, address: str) -> None:
    with to(smtp_sink.port) as channel:
        with pytest.raises(Unsent) as caught:
            channel.send(replace(MAILED, to_address=address))
        assert caught.value.lasting
        assert not caught.value.account
        channel.send(MAILED)
    assert smtp_sink.recipients == ["ann@corp.example"]


# Letters beyond ASCII in addresses ---------------------------------------------------------------


def test_an_address_in_other_letters_is_written_to_where_the_server_can(smtp_sink: SmtpSink) -> None:
    with to(smtp_sink.port) as channel:
        channel.send(replace(MAILED, to_address="jörg@bücher.example"))
        channel.send(MAILED)
    assert smtp_sink.recipients == ["jörg@xn--bcher-kva.example", "ann@corp.example"]
    assert "To: Ann Lee <jörg@xn--bcher-kva.example>\r\n".encode() in smtp_sink.accepted[0].content


def test_an_address_in_other_letters_fails_for_good_where_the_server_cannot(script: Script, port: int) -> None:
    with to(port) as channel:
        with pytest.raises(Unsent, match="jörg") as caught:
            channel.send(replace(MAILED, to_address="jörg@corp.example"))
        assert kind(caught.value) == "failed"
        channel.send(MAILED)
    assert len(script.messages) == 1


def test_a_domain_in_other_letters_is_written_in_those_of_the_wire(script: Script, port: int) -> None:
    with to(port) as channel:
        channel.send(replace(MAILED, to_address="ann@straße.example", from_address="sarah@bücher.example"))
    assert "rcpt TO:<ann@xn--strae-oqa.example>" in script.heard
    assert any(line.startswith("mail FROM:<sarah@xn--bcher-kva.example>") for line in script.heard)
    assert script.messages[0].isascii()


# Phase by phase ----------------------------------------------------------------------------------

CASES = [
    # While connecting: the account cannot be used now.
    (GREETING, "421 too busy", "account, for now"),
    (GREETING, "554 go away", "account, for now"),
    (GREETING, HANG_UP, "account, for now"),
    (GREETING, SILENCE, "account, for now"),
    (GREETING, "SSH-2.0-OpenSSH_9.2", "account, for now"),
    (HELLO, HANG_UP, "account, for now"),
    (HELLO, "421 later", "account, for now"),
    # The sender is refused: the account's fault.
    (MAIL, "421 too many", "account, for now"),
    (MAIL, "451 later", "account, for now"),
    (MAIL, "553 not yours", "account, for good"),
    (MAIL, HANG_UP, "account, for now"),
    (MAIL, SILENCE, "account, for now"),
    (MAIL, "what?", "account, for now"),
    # The recipient is refused: this message's.
    (RCPT, "450 greylisted", "later"),
    (RCPT, "452 mailbox full", "later"),
    (RCPT, "550 no such user", "bounced"),
    (RCPT, "421 closing", "account, for now"),
    (RCPT, HANG_UP, "account, for now"),
    (RCPT, SILENCE, "account, for now"),
    (RCPT, "what?", "later"),
    # The message is refused before a byte of it was handed over.
    (DATA, "451 later", "later"),
    (DATA, "554 no", "failed"),
    (DATA, "421 closing", "account, for now"),
    (DATA, HANG_UP, "account, for now"),
    (DATA, SILENCE, "account, for now"),
    (DATA, "what?", "later"),
    # It was handed over, and answered: known.
    (END, "451 later", "later"),
    (END, "552 too big", "failed"),
    (END, "554 spam", "failed"),
    (END, "421 closing", "account, for now"),
    # It was handed over, and not answered, or not in any words of RFC 5321: nobody knows.
    (END, HANG_UP, "unknown"),
    (END, SILENCE, "unknown"),
    (END, "what?", "unknown"),
    (END, "999 odd", "unknown"),
    (END, "354 go on", "unknown"),
    (END, "x" * 9000, "unknown"),
]


@pytest.mark.parametrize(("phase", "answer", "expected"), CASES, ids=[f"{c[0]}-{c[1][:12]}" for c in CASES])
def test_every_answer_at_every_phase_is_known_for_what_it_is(
    script: Script, port: int, phase: str, answer: str, expected: str
) -> None:
    script.answers[phase] = answer
    error = failure(port, timeout=patience(answer))
    assert kind(error) == expected
    assert error.reason
    assert len(error.reason) < 1000
    if answer[:1].isdigit() and phase not in (GREETING, HELLO) and expected != "unknown":
        assert error.reason == answer
    assert bool(script.messages) == (phase == END)


@pytest.mark.parametrize("receipt", ["250 2.0.0 Ok: queued as 4XyZ", "251 will forward", "250"])
def test_a_yes_in_other_words_is_a_yes(script: Script, port: int, receipt: str) -> None:
    script.answers[END] = receipt
    with to(port) as channel:
        assert channel.send(MAILED) == receipt if receipt != "250" else channel.send(MAILED)


@pytest.mark.parametrize(("phase", "answer", "expected"), CASES, ids=[f"{c[0]}-{c[1][:12]}" for c in CASES])
def test_after_any_failure_the_next_message_goes_through(
    script: Script, port: int, phase: str, answer: str, expected: str
) -> None:
    channel = to(port, timeout=patience(answer))
    with channel:
        script.answers[phase] = answer
        if phase in (GREETING, HELLO):
            channel._close()
        with pytest.raises((Unsent, Doubtful)):
            channel.send(MAILED)
        script.answers.clear()
        before = len(script.messages)
        assert channel.send(replace(MAILED, to_address="next@corp.example")) == "250 taken as 7"
    assert len(script.messages) == before + 1
    assert script.messages[-1].count(b"To: ") == 1
    assert "rcpt TO:<next@corp.example>" in script.heard


def test_a_refused_envelope_does_not_leak_into_the_next(smtp_sink: SmtpSink) -> None:
    smtp_sink.refused["ann@corp.example"] = "550 unknown"
    with to(smtp_sink.port) as channel:
        with pytest.raises(Unsent, match="550 unknown") as caught:
            channel.send(MAILED)
        assert caught.value.bounced
        channel.send(replace(MAILED, to_address="bob@corp.example"))
    assert smtp_sink.recipients == ["bob@corp.example"]
    assert smtp_sink.connections == 1


@pytest.mark.parametrize("drop", ["before data", "after data"])
def test_a_real_server_that_hangs_up_on_a_message_leaves_it_unknown(smtp_sink: SmtpSink, drop: str) -> None:
    smtp_sink.drop = drop
    assert kind(failure(smtp_sink.port)) == "unknown"
    assert len(smtp_sink.accepted) == (drop == "after data")


def test_a_server_that_is_not_there_is_the_accounts_trouble_for_now() -> None:
    error = failure(free_port())
    assert kind(error) == "account, for now"
    assert "127.0.0.1 port" in error.reason


def test_a_host_that_does_not_exist_is_the_accounts_trouble_for_now() -> None:
    with pytest.raises(Unsent) as caught, SmtpChannel(Endpoint("no-such-host.invalid", 25, "tls", timeout=0.4)):
        raise AssertionError("it connected")
    assert caught.value.account
    assert not caught.value.lasting


# Signing in --------------------------------------------------------------------------------------


def test_an_account_signs_in_with_its_password(smtp_sink: SmtpSink) -> None:
    with to(smtp_sink.port, username=smtp_sink.username, password=smtp_sink.password) as channel:
        channel.send(MAILED)
    assert smtp_sink.recipients == ["ann@corp.example"]


def test_a_wrong_password_needs_a_person(smtp_sink: SmtpSink) -> None:
    error = failure(smtp_sink.port, username="sarah", password="wrong")
    assert kind(error) == "account, for good"
    assert "535" in error.reason


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("535 wrong", "account, for good"),
        ("454 later", "account, for now"),
        ("421 busy", "account, for now"),
        (HANG_UP, "account, for now"),
        (SILENCE, "account, for now"),
        ("nonsense", "account, for now"),
    ],
)
def test_signing_in_fails_for_now_or_for_good(script: Script, port: int, answer: str, expected: str) -> None:
    script.answers |= {HELLO: "250-scripted\r\n250 AUTH PLAIN", "AUTH": answer}
    assert kind(failure(port, username="sarah", password="x", timeout=patience(answer))) == expected
    assert MAIL not in script.verbs()


def test_a_server_that_offers_no_signing_in_is_told_apart(script: Script, port: int) -> None:
    assert kind(failure(port, username="sarah", password="x")) in ("account, for now", "account, for good")
    assert MAIL not in script.verbs()


def test_a_password_of_other_letters_does_no_harm(script: Script, port: int) -> None:
    script.answers |= {HELLO: "250-scripted\r\n250 AUTH PLAIN LOGIN", "AUTH": "535 wrong"}
    assert kind(failure(port, username="särah", password="pässwörd")) == "account, for good"


# TLS ---------------------------------------------------------------------------------------------


@pytest.fixture
def tls_script(script: Script, certificate: Path) -> Script:
    script.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    script.tls.load_cert_chain(certificate)
    script.answers[HELLO] = "250-scripted\r\n250 STARTTLS"
    return script


def test_starttls_hides_the_message_from_the_wire(
    tls_script: Script, port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with to(port, security="starttls") as channel:
        channel.send(MAILED)
    assert tls_script.verbs()[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]
    assert len(tls_script.messages) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_script: Script, port: int) -> None:
    error = failure(port, security="starttls")
    assert kind(error) == "account, for now"
    assert "certificate" in error.reason.lower()
    assert MAIL not in tls_script.verbs()


def test_starttls_that_is_not_offered_is_not_done_without(script: Script, port: int) -> None:
    assert kind(failure(port, security="starttls")) == "account, for now"
    assert MAIL not in script.verbs()


def test_tls_from_the_first_byte_does_not_speak_to_a_plain_server(script: Script, port: int) -> None:
    assert kind(failure(port, security="tls")) == "account, for now"
    assert script.messages == []


def test_nothing_is_left_open(script: Script, port: int) -> None:
    with to(port) as channel:
        channel.send(MAILED)
    assert script.verbs()[-1] == "QUIT"


# Servers that answer in ways nobody should ------------------------------------------------------


def test_one_that_talks_without_an_end_is_left(script: Script, port: int) -> None:
    """Each of its lines is in time; bounded are the letters that are kept of them all."""
    for phase, expected in ((RCPT, "account, for now"), (END, "unknown")):
        script.answers = {phase: "\r\n".join(["250-and another thing"] * 10_000)}
        error = failure(port)
        assert kind(error) == expected
        assert "has no end" in error.reason


@pytest.mark.parametrize(
    ("phase", "expected"), [(GREETING, "account, for now"), (MAIL, "account, for now"), (END, "unknown")]
)
def test_one_that_says_a_letter_at_a_time_is_not_waited_for_for_ever(
    script: Script, port: int, phase: str, expected: str
) -> None:
    script.answers[phase] = "250 " + "x" * 400
    script.letter_pause = 0.05
    began = time.monotonic()
    assert kind(failure(port, timeout=0.5)) == expected
    assert time.monotonic() - began < 10


def test_all_waits_of_a_message_together_end_before_its_lane_has_to() -> None:
    assert KINDS["lane"].timeout > (OPENING + ENVELOPE + HANDED_OVER) * TIMEOUT + QUIT_SECONDS


def test_a_good_bye_is_not_waited_for(script: Script, port: int) -> None:
    script.answers["QUIT"] = SILENCE
    with to(port) as channel:
        channel.send(MAILED)
        began = time.monotonic()
    assert time.monotonic() - began < 5 * QUIT_SECONDS


def test_an_answer_whose_time_is_over_is_not_listened_to() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"250 OK\r\n")
        late = Answers(here, ends=time.monotonic() - 1)
        with pytest.raises(TimeoutError):
            late.readline(100)


def test_the_answer_to_a_message_is_waited_for_longer_than_others(script: Script, port: int) -> None:
    """Without it nobody knows what became of the message; servers look for spam before they give it."""
    script.letter_pause = 0.1
    script.answers[END] = "250 taken"
    with to(port, timeout=0.4) as channel:
        assert channel.send(MAILED) == "250 taken"


@pytest.mark.parametrize(
    ("phase", "answer", "expected"),
    [
        (RCPT, "550-5.1.1 The mailbox\r\n550-5.1.1 you wrote to\r\n550 5.1.1 does not exist", "bounced"),
        (RCPT, "450-4.2.0 Greylisted\r\n450 4.2.0 come again", "later"),
        (RCPT, "250-half a yes\r\n550 and then a no", "bounced"),
        (END, "451-4.3.0 Later\r\n451 4.3.0 please", "later"),
        (END, "550-no\r\n\r\n550 never", "unknown"),
    ],
)
def test_an_answer_of_many_lines_is_one_answer(
    script: Script, port: int, phase: str, answer: str, expected: str
) -> None:
    script.answers[phase] = answer
    error = failure(port)
    assert kind(error) == expected
    if expected in ("bounced", "later") and "half" not in answer:
        assert error.reason.startswith(f"{answer[:3]} {answer[4:9]}")
        assert "\n" not in error.reason


def test_a_receipt_of_many_lines_is_kept_in_one(script: Script, port: int) -> None:
    script.answers[END] = "250-2.0.0 Ok\r\n250 queued as 7"
    with to(port) as channel:
        assert channel.send(MAILED) == "250 2.0.0 Ok queued as 7"


@pytest.mark.parametrize("phase", [GREETING, RCPT, END])
def test_no_letter_gets_through_that_a_database_cannot_keep(script: Script, port: int, phase: str) -> None:
    script.answers[phase] = "554 a\0b\x1b[31m\x7f\udcff\udc80 c"
    error = failure(port)
    assert "554 a" in error.reason
    assert error.reason.isprintable()
    error.reason.encode()


def test_no_letter_gets_into_a_receipt_that_a_database_cannot_keep(script: Script, port: int) -> None:
    script.answers[END] = "250 taken\0 as \udcff7"
    with to(port) as channel:
        assert channel.send(MAILED) == "250 taken\ufffd as \ufffd7"


@pytest.mark.parametrize("challenge", ["334 !", "334 abc", "334 \udcff", "334 " + "QUFB" * 100, "334"])
@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "LOGIN", "PLAIN"])
def test_a_challenge_that_is_nonsense_is_the_accounts_trouble(
    script: Script, port: int, mechanism: str, challenge: str
) -> None:
    script.answers |= {HELLO: f"250-scripted\r\n250 AUTH {mechanism}", "AUTH": challenge}
    assert kind(failure(port, username="sarah", password="x", timeout=1.0)).startswith("account")
    assert MAIL not in script.verbs()


@pytest.mark.parametrize("answer", ["454 TLS not available", "554 no", "500 what?", "nonsense", HANG_UP, SILENCE])
def test_starttls_that_is_refused_is_not_done_without(script: Script, port: int, answer: str) -> None:
    script.answers |= {HELLO: "250-scripted\r\n250 STARTTLS", "STARTTLS": answer}
    assert kind(failure(port, security="starttls", timeout=patience(answer))) == "account, for now"
    assert MAIL not in script.verbs()


def test_what_was_said_before_tls_is_not_believed_in_it(
    tls_script: Script, port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody on the way could have added it (CVE-2011-0411)."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_script.answers["STARTTLS"] = "220 go on\r\n250-injected\r\n250 SMTPUTF8"
    with pytest.raises(Unsent), to(port, security="starttls") as channel:
        channel.send(replace(MAILED, to_address="jörg@corp.example"))
    assert MAIL not in tls_script.verbs()


# Hanging up inside of a message ------------------------------------------------------------------

LONG = replace(MAILED, body="A line of a very long letter.\n" * 1_000_000)


def test_a_server_that_goes_in_the_middle_of_a_message_cannot_have_it(script: Script, port: int) -> None:
    """The dot that ends it was still here: it is tried again, and no person has to find out."""
    script.most_content = 100_000
    channel = to(port)
    with channel, pytest.raises(Unsent) as caught:
        channel.send(LONG)
    assert kind(caught.value) == "account, for now"
    assert "before the message was handed over" in caught.value.reason
    assert script.messages == []


def test_a_server_that_goes_after_the_last_byte_may_have_it(script: Script, port: int) -> None:
    """A short message is with the network at once, however little of it the server has read."""
    script.most_content = 1
    assert kind(failure(port)) == "unknown"


def test_a_server_that_stops_reading_a_message_cannot_have_it(script: Script, port: int) -> None:
    script.most_content, script.then = 100_000, SILENCE
    channel = to(port, timeout=0.5)
    with channel, pytest.raises(Unsent) as caught:
        channel.send(LONG)
    assert kind(caught.value) == "account, for now"
