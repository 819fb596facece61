"""What is set of an account besides CONTRACT section 8's object, and whether its servers can be reached."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Mailbox, Sender
from campaigns.models.grant import Grant, read_grant
from tests import make
from tests.databases import Database
from tests.servers import SmtpSink
from tests.web.api.test_senders import SARAH, SEAT, made
from tests.web.callers import Caller, fields
from tests.web.conftest import SEALING_KEY

CLIENT = {"client_id": "our-client", "client_secret": "our-secret"}


def settings(alice: Caller, sender: dict[str, Any]) -> dict[str, Any]:
    answer = alice.get(f"/senders/{sender['id']}/settings")
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def test_an_account_that_says_nothing_has_no_ramp_and_a_password(alice: Caller) -> None:
    assert settings(alice, made(alice)) == {
        "daily_limit_today": 30,
        "ramp_start": None,
        "ramp_step": None,
        "ramp_ceiling": None,
        "ramp_from": None,
        "reply_to": None,
        "signature": None,
        "uses_trap": False,
        "auth": "password",
        "oauth": None,
        "mailbox": None,
        "provider": None,
        "invitation_days": None,
        "limited": None,
        "seat": None,
    }


def test_whether_its_mailbox_is_read_is_shown(alice: Caller, db: Database) -> None:
    sender = made(alice)
    with db.sessions.begin() as session:
        values = {"read_at": make.NOW, "error": "Could not connect", "try_at": make.NOW + make.minutes(1)}
        session.add(Mailbox(sender_account_id=UUID(sender["id"]), **values))
    assert settings(alice, sender)["mailbox"] == {
        "read_at": "2026-03-02T10:00:00Z",
        "error": "Could not connect",
        "try_at": "2026-03-02T10:01:00Z",
    }


def test_what_is_sent_is_shown(alice: Caller) -> None:
    sent = {"ramp_start": 5, "ramp_step": 2, "ramp_ceiling": 20, "reply_to": "Team@Example.com", "signature": "Best\nS"}
    sender = made(alice, **sent)
    shown = settings(alice, sender)
    assert {**sent, "reply_to": "Team@example.com"}.items() <= shown.items()
    assert (shown["daily_limit_today"], shown["ramp_from"]) == (5, make.NOW.date().isoformat())
    assert sender["daily_limit"] == 30, "the account's own limit is what it was"
    assert alice.patch(f"/senders/{sender['id']}", {"ramp_start": None}).status_code == 200
    assert settings(alice, sender)["daily_limit_today"] == 30


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"ramp_start": 5}, ["ramp_step"]),
        ({"ramp_start": 5, "ramp_step": 1, "ramp_ceiling": 2}, ["ramp_ceiling"]),
        ({"ramp_start": "5"}, ["ramp_start"]),
        ({"signature": "%nobody%"}, ["signature"]),
        ({"signature": "x" * 5001}, ["signature"]),
        ({"reply_to": "nobody"}, ["reply_to"]),
        ({"auth": "yahoo"}, ["auth"]),
        ({"auth": "google"}, ["oauth.client_id"]),
        ({"auth": "google", "oauth": {}}, ["oauth.client_id"]),
        ({"auth": "google", "oauth": "our-client"}, ["oauth"]),
    ],
)
def test_what_makes_no_sense_is_refused(alice: Caller, db: Database, body: dict[str, Any], names: list[str]) -> None:
    answer = alice.post("/senders", {**SARAH, **body})
    assert (answer.status_code, fields(answer.json)) == (400, names)
    assert not db.dump()["sender_account"]


def test_a_client_is_shown_without_its_secrets(alice: Caller, db: Database) -> None:
    sender = made(alice, auth="microsoft", oauth={**CLIENT, "tenant": "ours"})
    assert (sender["status"], sender["status_reason"]) == (
        "needs_attention",
        "nobody has signed in at Microsoft for it yet",
    )
    shown = settings(alice, sender)
    assert shown["oauth"] == {"client_id": "our-client", "tenant": "ours", "signed_in": False}
    answer = alice.patch(f"/senders/{sender['id']}", {"oauth": {"client_id": "our-client", "refresh_token": "leave"}})
    assert answer.json["status"] == "active"
    assert settings(alice, sender)["oauth"]["signed_in"] is True
    with db.reading() as session:
        assert read_grant(session.scalars(select(Sender)).one(), SEALING_KEY) == Grant("our-secret", "leave")
    everything = str([settings(alice, sender), answer.json, alice.get("/senders").json])
    assert "our-secret" not in everything
    assert "leave" not in everything


def test_going_over_to_another_provider_needs_its_client(alice: Caller, db: Database) -> None:
    sender = made(alice, auth="google", oauth={**CLIENT, "refresh_token": "leave"})
    before = db.dump()["sender_account"]
    assert fields(alice.patch(f"/senders/{sender['id']}", {"auth": "microsoft"}).json) == ["oauth"]
    assert db.dump()["sender_account"] == before
    answer = alice.patch(f"/senders/{sender['id']}", {"auth": "microsoft", "oauth": CLIENT})
    assert answer.json["status"] == "needs_attention", "the leave was another's"


def test_a_leave_is_shown_to_no_other_host(alice: Caller, db: Database) -> None:
    sender = made(alice, auth="google", oauth={**CLIENT, "refresh_token": "leave"})
    assert sender["status"] == "active"
    same = alice.patch(f"/senders/{sender['id']}", {"smtp": {**SARAH["smtp"], "port": 2526}})
    assert same.json["status"] == "active"
    other = alice.patch(
        f"/senders/{sender['id']}", {"imap": {"host": "imap.evil.test", "port": 993, "security": "tls"}}
    )
    assert other.json["status"] == "needs_attention"
    with db.reading() as session:
        assert read_grant(session.scalars(select(Sender)).one(), SEALING_KEY) == Grant("our-secret", None)


def test_the_way_to_the_servers_is_tried(alice: Caller, smtp_sink: SmtpSink) -> None:
    sender = made(alice, smtp={**SARAH["smtp"], "port": smtp_sink.port})
    answer = alice.post(f"/senders/{sender['id']}/test")
    assert answer.status_code == 200
    assert answer.json["ok"] is True
    assert [step["name"] for step in answer.json["smtp"]] == ["name", "connect", "greeting"]
    assert answer.json["imap"] is None
    alice.patch(f"/senders/{sender['id']}", {"imap": {"host": "127.0.0.1", "port": smtp_sink.port, "security": "none"}})
    answer = alice.post(f"/senders/{sender['id']}/test").json
    assert answer["ok"] is False
    assert [(step["name"], step["ok"]) for step in answer["imap"]][-1] == ("greeting", False)
    assert smtp_sink.accepted == []


def test_a_seat_has_no_servers_to_try(alice: Caller) -> None:
    assert alice.post(f"/senders/{made(alice, **SEAT)['id']}/test").status_code == 400


def test_nothing_of_this_is_told_to_strangers(alice: Caller, bob: Caller) -> None:
    sender = made(alice)
    assert bob.get(f"/senders/{sender['id']}/settings").status_code == 404
    assert bob.post(f"/senders/{sender['id']}/test").status_code == 404
