"""Sender accounts over the API (CONTRACT sections 7 and 8)."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told

UNKNOWN = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
SMTP = {"host": "127.0.0.1", "port": 2525, "security": "none", "username": None, "password": None}
# The example of CONTRACT section 8.
SARAH = {
    "type": "email",
    "email_address": "sarah@example.com",
    "display_name": "Sarah Chen",
    "first_name": "Sarah",
    "daily_limit": 30,
    "min_gap": 60,
    "max_gap": 180,
    "smtp": SMTP,
    "imap": None,
}
SEAT = {"type": "linkedin", "display_name": "Sarah Chen", "profile_url": "https://linkedin.com/in/sarah"}
SECRET = "correct horse battery staple"


def made(alice: Caller, **values: Any) -> dict[str, Any]:
    answer = alice.post("/senders", {**SARAH, **values})
    assert answer.status_code == 201, answer.json
    return answer.json


def test_a_mailbox_is_added_as_the_contract_shows(alice: Caller) -> None:
    answer = alice.post("/senders", SARAH)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/senders/{answer.json['id']}"
    server = {name: value for name, value in SMTP.items() if name != "password"}
    expected = {**SARAH, "smtp": server, "status": "active", "is_premium": None, "last_name": None}
    assert expected.items() <= answer.json.items()
    assert answer.json["usage"] == {"today": 0, "week_connections": 0, "week_messages": 0}
    assert alice.get(f"/senders/{answer.json['id']}").json == answer.json


def test_a_mailbox_needs_little(alice: Caller) -> None:
    body = {"type": "email", "email_address": "sarah@example.com", "smtp": {"host": "mail.example.com", "port": 587}}
    answer = alice.post("/senders", body).json
    assert (answer["display_name"], answer["daily_limit"], answer["smtp"]["security"]) == (
        "sarah@example.com",
        30,
        "starttls",
    )


@pytest.mark.parametrize(("premium", "limits"), [(False, (80, 100)), (True, (100, 150))])
def test_a_seat_has_weekly_limits(alice: Caller, premium: bool, limits: tuple[int, int]) -> None:
    answer = alice.post("/senders", {**SEAT, "is_premium": premium, "email_address": "not@used.example"}).json
    assert (answer["weekly_connection_limit"], answer["weekly_message_limit"]) == limits
    assert (answer["email_address"], answer["smtp"], answer["imap"]) == (None, None, None)


def test_a_very_long_address_is_its_own_name_as_far_as_there_is_room(alice: Caller) -> None:
    url = "https://linkedin.com/in/" + "x" * 400
    answer = alice.post("/senders", {"type": "linkedin", "profile_url": url})
    assert (answer.status_code, answer.json["display_name"]) == (201, url[:200])


WRONG = [
    ({"type": "fax"}, "type"),
    ({"type": None}, "type"),
    ({"email_address": None}, "email_address"),
    ({"email_address": "sarah"}, "email_address"),
    ({"display_name": "  "}, "display_name"),
    ({"display_name": "a\nb"}, "display_name"),
    ({"daily_limit": 0}, "daily_limit"),
    ({"daily_limit": True}, "daily_limit"),
    ({"min_gap": -1}, "min_gap"),
    ({"min_gap": 181}, "min_gap"),
    ({"max_gap": "60"}, "max_gap"),
    ({"status": "needs_attention"}, "status"),
    ({"smtp": None}, "smtp"),
    ({"smtp": "127.0.0.1"}, "smtp"),
    ({"smtp": {**SMTP, "host": ""}}, "smtp.host"),
    ({"smtp": {**SMTP, "host": "a\r\nb"}}, "smtp.host"),
    ({"smtp": {**SMTP, "port": 0}}, "smtp.port"),
    ({"smtp": {**SMTP, "port": 65536}}, "smtp.port"),
    ({"smtp": {**SMTP, "security": "ssl"}}, "smtp.security"),
    ({"smtp": {**SMTP, "host": "mail.example.com"}}, "smtp.security"),
    ({"smtp": {**SMTP, "host": "127.0.0.1.example.com"}}, "smtp.security"),
    ({"imap": {**SMTP, "password": 5}}, "imap.password"),
    ({"uses_trap": True}, "uses_trap"),
]


@pytest.mark.parametrize(("values", "field"), WRONG)
def test_a_wrong_account_is_refused(alice: Caller, db: Database, values: dict[str, Any], field: str) -> None:
    before = db.dump()
    assert fields(told(alice.post("/senders", {**SARAH, **values}), 400, "invalid")) == [field]
    assert db.dump() == before
    if "type" in values or "uses_trap" in values:
        return
    sender = made(alice)
    before = db.dump()
    assert fields(told(alice.patch(f"/senders/{sender['id']}", values), 400, "invalid")) == [field]
    assert db.dump() == before


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_no_security_is_for_this_machine(alice: Caller, host: str) -> None:
    assert made(alice, smtp={**SMTP, "host": host})["smtp"]["host"] == host


def test_gaps_may_be_nothing(alice: Caller) -> None:
    sender = made(alice, min_gap=0, max_gap=0)
    assert (sender["min_gap"], sender["max_gap"]) == (0, 0)


def test_an_account_is_edited_field_by_field(alice: Caller) -> None:
    sender = made(alice)
    answer = alice.patch(f"/senders/{sender['id']}", {"daily_limit": 12, "last_name": "Chen", "colour": "red"})
    assert answer.status_code == 200
    assert answer.json == {**sender, "daily_limit": 12, "last_name": "Chen"}
    assert fields(told(alice.patch(f"/senders/{sender['id']}", {"type": "linkedin"}), 400, "invalid")) == ["type"]


def test_an_account_is_taken_out_of_work_and_back(alice: Caller) -> None:
    path = f"/senders/{made(alice)['id']}"
    assert alice.patch(path, {"status": "disconnected"}).json["status"] == "disconnected"
    assert alice.patch(path, {"daily_limit": 9}).json["status"] == "disconnected"
    assert alice.patch(path, {"status": "active"}).json["status"] == "active"


def test_a_secret_is_in_no_answer_and_not_in_the_database(alice: Caller, db: Database) -> None:
    server = {"host": "mail.example.com", "port": 587, "security": "tls", "username": "sarah", "password": SECRET}
    made_answer = alice.post("/senders", {**SARAH, "smtp": server, "imap": server})
    path = f"/senders/{made_answer.json['id']}"
    campaign = alice.post(
        "/campaigns", {"type": "email", "name": "Spring", "sender_account_ids": [made_answer.json["id"]]}
    )
    answers = [
        made_answer,
        campaign,
        alice.get(path),
        alice.patch(path, {"smtp": {**server, "port": 465}}),
        alice.get("/senders"),
        alice.get("/campaigns"),
        alice.get(f"/campaigns/{campaign.json['campaign']['id']}/senders"),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201)
        assert SECRET not in answer.text
        assert "sealed" not in answer.text
    assert set(made_answer.json["smtp"]) == {"host", "port", "security", "username"}
    assert SECRET not in json.dumps(db.dump(), default=str)


def test_a_password_that_is_not_sent_again_stays_for_its_own_host(alice: Caller, db: Database) -> None:
    server = {"host": "mail.example.com", "port": 587, "security": "tls", "username": "sarah"}
    path = f"/senders/{made(alice, smtp={**server, 'password': SECRET})['id']}"

    def sealed() -> object:
        with db.reading() as session:
            return session.get_one(make.Sender, UUID(path.rpartition("/")[2])).smtp_sealed

    kept = sealed()
    assert alice.patch(path, {"smtp": {**server, "port": 465}}).status_code == 200
    assert sealed() == kept
    error = told(alice.patch(path, {"smtp": {**server, "host": "mail.evil.example"}}), 400, "invalid")
    assert fields(error) == ["smtp.password"]
    assert "sent again" in error["error"]
    assert alice.patch(path, {"smtp": {**server, "host": "other.example", "password": "new"}}).status_code == 200
    assert sealed() != kept
    assert alice.patch(path, {"smtp": {**server, "host": "third.example", "password": None}}).status_code == 200
    assert sealed() is None


def test_accounts_are_listed_oldest_first(alice: Caller, bob: Caller) -> None:
    made(bob)
    names = [made(alice, display_name=name)["display_name"] for name in ("C", "A", "B")]
    answer = alice.get("/senders").json
    assert [sender["display_name"] for sender in answer["senders"]] == names
    assert {key: answer[key] for key in ("total", "page", "limit")} == {"total": 3, "page": 1, "limit": 50}
    assert [sender["display_name"] for sender in alice.get("/senders?page=2&limit=2").json["senders"]] == ["B"]


def test_a_campaign_lists_its_accounts_with_its_own_limits(alice: Caller) -> None:
    first, second = (made(alice, display_name=name) for name in ("One", "Two"))
    body = {
        "type": "email",
        "name": "Spring",
        "sender_account_ids": [second["id"], first["id"]],
        "account_limits": [{"account_id": first["id"], "daily_limit": 7}],
    }
    campaign = alice.post("/campaigns", body).json["campaign"]["id"]
    answer = alice.get(f"/campaigns/{campaign}/senders").json
    assert [each["display_name"] for each in answer["senders"]] == ["Two", "One"]
    assert [each["campaign_daily_limit"] for each in answer["senders"]] == [None, 7]
    assert answer["total"] == 2


def test_usage_counts_the_days_sends(alice: Caller, db: Database) -> None:
    sender = made(alice)
    with db.sessions.begin() as session:
        row = session.get_one(make.Sender, UUID(sender["id"]))
        make.sent_today(session, row, 4)
        make.sent_today(session, row, 9, day=make.NOW.date() - timedelta(days=1))
    assert alice.get(f"/senders/{sender['id']}").json["usage"]["today"] == 4


def test_an_account_is_removed(alice: Caller) -> None:
    path = f"/senders/{made(alice)['id']}"
    answer = alice.delete(path)
    assert (answer.status_code, answer.data) == (204, b"")
    told(alice.get(path), 404, "not_found")


@pytest.mark.parametrize("status", ["launching", "active", "paused"])
def test_an_account_that_a_campaign_sends_from_stays(alice: Caller, db: Database, status: str) -> None:
    sender = made(alice)
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        account = session.get_one(make.Sender, UUID(sender["id"]))
        make.campaign(session, workspace, senders=[account], status=status, name="Spring")
    before = db.dump()
    assert "Spring" in told(alice.delete(f"/senders/{sender['id']}"), 409, "sender_in_use")["error"]
    assert db.dump() == before


def test_a_strangers_account_is_as_unknown_as_none(alice: Caller, bob: Caller, db: Database) -> None:
    sender = made(alice)
    before = db.dump()
    for method, body in (("GET", None), ("PATCH", {"daily_limit": 5}), ("DELETE", None)):
        answers = [
            told(bob.call(method, f"/senders/{each}", *([body] if body else [])), 404, "not_found")
            for each in (sender["id"], UNKNOWN)
        ]
        assert answers[0] == answers[1]
    assert db.dump() == before
