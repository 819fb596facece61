"""One HTTP exchange: it ends in time, takes no more than it can hold, follows nobody, and trusts no stranger."""

import socket
import ssl
import time
from pathlib import Path

import pytest

from campaigns.channels.unipile import wire
from campaigns.channels.unipile.wire import MOST_BYTES, Answer, Unanswered, Unreached, exchange
from tests.channels.talking import talking
from tests.servers import free_port

YES = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def ask(origin: str, patience: float = 5.0, body: bytes | None = b"{}") -> Answer:
    return exchange(origin, "POST", "/v2/x", {"X-API-KEY": "key"}, body, patience)


def test_an_answer_is_taken_whole() -> None:
    with talking(YES) as origin:
        answer = ask(origin)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"{}", "2")


def test_an_answer_in_chunks_is_taken_whole() -> None:
    with talking(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n") as origin:
        assert ask(origin).body == b"{}"


def test_an_answer_that_goes_on_letter_by_letter_is_left() -> None:
    began = time.monotonic()
    with talking(YES + b" " * 1000, pause=0.05) as origin, pytest.raises(Unanswered, match=r"too long|timed out"):
        ask(origin, patience=0.4)
    assert time.monotonic() - began < 3


def test_a_body_that_goes_on_letter_by_letter_is_left() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    with talking(head + b" " * 5000, pause=0.005) as origin, pytest.raises(Unanswered):
        ask(origin, patience=0.5)


@pytest.mark.parametrize(("left", "words"), [(-1.0, "takes too long"), (0.1, "timed out")])
def test_no_wait_for_more_is_longer_than_the_time_that_is_left(left: float, words: str) -> None:
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(5)
        began = time.monotonic()
        file = wire._Timed(near, began + left).makefile("rb")
        with pytest.raises(TimeoutError, match=words):
            file.read(1)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("head", [f"Content-Length: {MOST_BYTES + 9}\r\n".encode(), b""])
def test_an_answer_that_has_no_end_is_left(head: bytes) -> None:
    said = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + b" " * (MOST_BYTES + 9)
    with talking(said) as origin, pytest.raises(Unanswered, match="no end"):
        ask(origin)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"hello",
        b"\x00\xff\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_no_answer(said: bytes) -> None:
    with talking(said) as origin, pytest.raises(Unanswered) as failed:
        ask(origin)
    assert "hello" not in str(failed.value)


def test_nobody_is_followed_elsewhere() -> None:
    with talking(YES) as elsewhere:
        head = f"HTTP/1.1 307 Go on\r\nLocation: {elsewhere}/\r\nContent-Length: 0\r\n\r\n".encode()
        with talking(head) as origin:
            assert ask(origin).status == 307


def test_where_nobody_listens_nothing_is_handed_over() -> None:
    with pytest.raises(Unreached):
        ask(f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example.com"])
def test_a_name_that_nobody_has_is_not_reached(host: str) -> None:
    with pytest.raises(Unreached):
        ask(f"https://{host}")


def test_a_stranger_with_a_certificate_of_their_own_learns_nothing(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with talking(YES, tls=context) as origin, pytest.raises(Unreached, match="certificate"):
        ask(origin)


def test_a_server_with_a_certificate_is_asked_over_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(wire.ssl, "create_default_context", lambda: trusting)
    with talking(YES, tls=context) as origin:
        assert ask(origin).body == b"{}"


def test_plain_http_where_tls_is_expected_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CONNECTING", 0.3)
    with talking(YES) as origin, pytest.raises(Unreached):
        ask(origin.replace("http://", "https://"))
