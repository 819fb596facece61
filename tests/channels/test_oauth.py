"""Signing in with tokens in place of passwords, at a stand-in for Google and Microsoft."""

import base64
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

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
