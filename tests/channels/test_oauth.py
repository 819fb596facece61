"""Signing in with tokens in place of passwords, at a stand-in for Google and Microsoft."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from campaigns.channels.imap import ImapEndpoint, ImapMailbox, Unread
from campaigns.channels.oauth import PATIENCE, PROVIDERS, authorize_url, redeem, renew
from campaigns.channels.outgoing import Unsent
from campaigns.channels.smtp import Endpoint, SmtpChannel
from campaigns.rules.oauth import Client, Denied, Tokens
from tests.channels.scripted import HELLO, Script, serving
from tests.servers import TokenServer

CLIENT = Client("google", "our-client", "our-secret")
BACK = "https://out.example.com/senders/authorized"


def test_people_are_sent_to_give_leave_with_all_that_is_asked_for() -> None:
    address = urlsplit(authorize_url(CLIENT, BACK, "a state", "sarah@example.com"))
    asked = {name: value for name, (value,) in parse_qs(address.query).items()}
    assert address.netloc == "accounts.google.com"
    assert asked == {
        "response_type": "code",
        "client_id": "our-client",
        "redirect_uri": BACK,
        "scope": "https://mail.google.com/",
        "state": "a state",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": "sarah@example.com",
    }


@pytest.mark.parametrize(("tenant", "path"), [("common", "/common/"), ("a/../b", "/a%2F..%2Fb/")])
def test_microsoft_is_asked_for_one_organisation_or_any(tenant: str, path: str) -> None:
    address = authorize_url(Client("microsoft", "our-client", "", tenant), BACK, "a state", None)
    assert address.startswith(f"https://login.microsoftonline.com{path}oauth2/v2.0/authorize?")
    assert "offline_access" in address


def test_a_code_is_turned_into_tokens(token_server: TokenServer) -> None:
    assert redeem(CLIENT, "a code", BACK) == Tokens("fresh", "leave")
    assert token_server.asked == [
        {
            "client_id": "our-client",
            "client_secret": "our-secret",
            "grant_type": "authorization_code",
            "code": "a code",
            "redirect_uri": BACK,
        }
    ]


def test_a_leave_gets_fresh_tokens(token_server: TokenServer) -> None:
    token_server.answer = b'{"access_token": "fresh"}'
    assert renew(CLIENT, "leave") == Tokens("fresh", None)
    assert token_server.asked[0]["grant_type"] == "refresh_token"
    assert token_server.asked[0]["refresh_token"] == "leave"


@pytest.mark.parametrize(
    ("status", "answer", "lasting", "words"),
    [
        (400, b'{"error": "invalid_grant", "error_description": "Token has been revoked."}', True, "been revoked"),
        (401, b'{"error": "invalid_client"}', True, "invalid_client"),
        (400, b'{"error": "temporarily_unavailable"}', False, "temporarily_unavailable"),
        (503, b'{"error": "server_error"}', False, "server_error"),
        (500, b"<html>", False, "status 500"),
        (429, b"[]", False, "status 429"),
        (200, b"{}", False, "without a token"),
        (200, b'{"access_token": 5}', False, "without a token"),
        (200, b"\xff\xfe", False, "without a token"),
    ],
)
def test_only_a_plain_no_is_one_for_good(
    token_server: TokenServer, status: int, answer: bytes, lasting: bool, words: str
) -> None:
    token_server.status, token_server.answer = status, answer
    with pytest.raises(Denied) as denied:
        renew(CLIENT, "leave")
    assert denied.value.lasting is lasting
    assert words in denied.value.reason
    assert "our-secret" not in denied.value.reason


def test_a_provider_that_cannot_be_reached_is_tried_again_later(
    token_server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROVIDERS, "google", replace(PROVIDERS["google"], token="http://127.0.0.1:1/token"))
    with pytest.raises(Denied) as denied:
        renew(CLIENT, "leave")
    assert not denied.value.lasting
    assert PATIENCE <= 10


def smtp_with_token(script: Script) -> None:
    with serving(script) as port, SmtpChannel(Endpoint("127.0.0.1", port, "none", "sarah@example.com", token="fresh")):
        pass


def test_a_token_signs_in_to_an_smtp_server() -> None:
    script = Script({HELLO: "250-scripted\r\n250 AUTH XOAUTH2 PLAIN"})
    smtp_with_token(script)
    (said,) = (line.split()[2] for line in script.heard if line.startswith("AUTH XOAUTH2"))
    assert base64.b64decode(said) == b"user=sarah@example.com\x01auth=Bearer fresh\x01\x01"


def test_a_token_that_the_smtp_server_refuses_stops_the_account() -> None:
    error = base64.b64encode(json.dumps({"status": "401"}).encode()).decode()
    script = Script({HELLO: "250-scripted\r\n250 AUTH XOAUTH2", "AUTH": f"334 {error}", "": "535 5.7.8 no"})
    with pytest.raises(Unsent) as refused:
        smtp_with_token(script)
    assert (refused.value.lasting, refused.value.account) == (True, True)
    assert "535 5.7.8 no" in refused.value.reason


@contextmanager
def imap_server(verdict: str) -> Iterator[tuple[int, list[bytes]]]:
    """An IMAP server that takes tokens alone, and says `verdict` of one; what it was told."""
    told: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rwb", buffering=0) as lines:
            lines.write(b"* OK ready\r\n")
            while line := lines.readline():
                tag, command = line.split(None, 2)[:2]
                if command == b"AUTHENTICATE":
                    lines.write(b"+ \r\n")
                    told.append(base64.b64decode(lines.readline()))
                    lines.write(tag + b" " + verdict.encode() + b"\r\n")
                else:
                    lines.write(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n" + tag + b" OK done\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield listening.getsockname()[1], told
        thread.join(10)


def test_a_token_signs_in_to_an_imap_server() -> None:
    with imap_server("OK welcome") as (port, told):
        endpoint = ImapEndpoint("127.0.0.1", port, "none", "sarah@example.com", token="fresh")
        with ImapMailbox(endpoint):
            pass
    assert told == [b"user=sarah@example.com\x01auth=Bearer fresh\x01\x01"]


def test_a_token_that_the_imap_server_refuses_stops_the_account() -> None:
    with imap_server("NO [AUTHENTICATIONFAILED] Invalid credentials") as (port, _):
        mailbox = ImapMailbox(ImapEndpoint("127.0.0.1", port, "none", "sarah@example.com", token="stale"))
        with pytest.raises(Unread, match="Invalid credentials") as refused, mailbox:
            pass
    assert refused.value.lasting
