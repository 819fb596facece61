"""Sender accounts: adding, changing, trying out, putting back to work, removing."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Mailbox
from campaigns.models.sealing import unseal
from campaigns.models.sender import Sender
from tests import make
from tests.databases import Database
from tests.servers import SmtpSink
from tests.web.conftest import SEALING_KEY
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed

MAILBOX = {
    "email_address": "sarah@example.com",
    "display_name": "Sarah Chen",
    "transport": "smtp",
    "smtp_host": "smtp.example.com",
    "smtp_port": "465",
    "smtp_security": "tls",
    "smtp_username": "sarah",
    "smtp_password": "swordfish",
}


def only(db: Database) -> Sender:
    with db.reading() as session:
        return session.scalars(select(Sender)).one()


def add(alice: Visitor, **changes: str) -> Any:
    return alice.send(alice.visit("/senders/new").form("/senders/new"), **{**MAILBOX, **changes})


def test_the_local_trap_is_offered_first_where_one_runs(alice: Visitor, db: Database) -> None:
    form = alice.visit("/senders/new").form("/senders/new")
    assert form.value("transport") == "trap"
    page = alice.follow(alice.send(form, email_address="sarah@example.com", display_name="Sarah"))
    assert "local mail trap" in page.text
    assert (only(db).uses_trap, only(db).smtp) == (True, None)


def test_a_mailbox_is_added_with_its_password_sealed(alice: Visitor, db: Database) -> None:
    page = alice.follow(add(alice, daily_limit="12", min_gap="1", max_gap="2"))
    assert "Sarah Chen <sarah@example.com>" in page.text
    assert "0 of 12 today" in page.text
    sender = only(db)
    assert sender.smtp == {"host": "smtp.example.com", "port": 465, "security": "tls", "username": "sarah"}
    assert unseal(SEALING_KEY, sender.smtp_sealed) == "swordfish"
    assert "swordfish" not in alice.visit(f"/senders/{sender.id}").html


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email_address": "nobody"}, "is not an email address"),
        ({"email_address": ""}, "Is missing."),
        ({"smtp_host": ""}, "Must not be empty."),
        ({"smtp_port": "x"}, "Must be a whole number from 1 to 65535."),
        ({"smtp_security": "none"}, "is for servers on this machine only"),
        ({"daily_limit": "0"}, "Must be from 1 to 100000, not 0."),
        ({"min_gap": "9", "max_gap": "3"}, "Must not be above"),
    ],
)
def test_a_refused_account_comes_back_with_what_was_typed(
    alice: Visitor, db: Database, changes: dict[str, str], words: str
) -> None:
    page = alice.see(add(alice, **changes), 422)
    assert words in page.text
    form = page.form("/senders/new")
    for name, value in {**MAILBOX, **changes}.items():
        assert form.value(name) == ("" if name == "smtp_password" else value)
    assert not db.dump()["sender_account"]


def test_an_empty_password_keeps_the_stored_one(alice: Visitor, db: Database) -> None:
    alice.follow(add(alice))
    sender = only(db)
    form = alice.visit(f"/senders/{sender.id}").form(f"/senders/{sender.id}")
    assert form.value("smtp_host") == "smtp.example.com"
    alice.follow(alice.send(form, display_name="Sarah C.", smtp_username="sarah.chen"))
    after = only(db)
    assert (after.display_name, after.smtp["username"]) == ("Sarah C.", "sarah.chen")
    assert unseal(SEALING_KEY, after.smtp_sealed) == "swordfish"
    page = alice.see(alice.send(form, smtp_host="smtp.evil.test"), 422)
    assert "must be sent again" in page.text.lower()


def test_saving_a_name_does_not_put_an_account_back_to_work(alice: Visitor, db: Database) -> None:
    alice.follow(add(alice))
    sender = only(db)
    with db.sessions.begin() as session:
        row = session.get_one(Sender, sender.id)
        row.status, row.status_reason = "needs_attention", "535 wrong password"
    form = alice.visit(f"/senders/{sender.id}").form(f"/senders/{sender.id}")
    page = alice.follow(alice.send(form, display_name="Sarah C."))
    assert only(db).status == "needs_attention"
    assert "535 wrong password" in page.text
    alice.follow(alice.send(page.form("/status")))
    assert (only(db).status, only(db).status_reason) == ("active", None)


def test_an_account_changes_from_the_trap_to_a_server_and_back(alice: Visitor, db: Database) -> None:
    alice.follow(add(alice, transport="trap"))
    path = f"/senders/{only(db).id}"
    form = alice.visit(path).form(path)
    alice.follow(alice.send(form, **MAILBOX))
    assert (only(db).uses_trap, only(db).smtp["host"]) == (False, "smtp.example.com")
    alice.follow(alice.send(alice.visit(path).form(path), transport="trap"))
    assert only(db).uses_trap


def test_a_test_message_reaches_the_person_who_asks(alice: Visitor, db: Database, smtp_sink: SmtpSink) -> None:
    alice.follow(
        add(alice, smtp_host="127.0.0.1", smtp_port=str(smtp_sink.port), smtp_security="none", smtp_username="")
    )
    page = alice.follow(alice.send(alice.visit("/senders").form("/test")))
    assert "To alice@example.com." in page.text
    mail = smtp_sink.wait_for(1)[0]
    assert list(mail.rcpt_tos) == ["alice@example.com"]
    assert "Sarah Chen" in str(mail.message["From"])
    part = alice.see_fragment(alice.send(alice.visit("/senders").form("/test"), htmx=True))
    assert part.root is not None
    assert part.root["id"] == f"test-{only(db).id}"
    assert "To alice@example.com." in part.text
    smtp_sink.wait_for(2)


def test_a_test_message_that_is_refused_says_why(alice: Visitor, db: Database, smtp_sink: SmtpSink) -> None:
    smtp_sink.answer_rcpt = "550 nobody of that name"
    alice.follow(
        add(alice, smtp_host="127.0.0.1", smtp_port=str(smtp_sink.port), smtp_security="none", smtp_username="")
    )
    page = alice.follow(alice.send(alice.visit("/senders").form("/test")))
    assert "550 nobody of that name" in page.text


def test_a_trap_that_does_not_run_is_told(alice: Visitor, db: Database) -> None:
    alice.follow(add(alice, transport="trap"))
    page = alice.follow(alice.send(alice.visit("/senders").form("/test")))
    assert "The local mail trap is not running." in page.text


def test_an_account_that_a_campaign_sends_from_is_not_removed(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        made = make.launched(session, workspace, 1, name="Spring")
    path = f"/senders/{only(db).id}"
    page = alice.follow(alice.send(alice.visit(path).form("/delete")))
    assert "sends for “Spring”" in page.text
    with db.sessions.begin() as session:
        session.get_one(make.Campaign, made.id).status = "completed"
    page = alice.follow(alice.send(alice.visit(path).form("/delete")))
    assert "The account is removed." in page.text
    assert not db.dump()["sender_account"]


def test_a_linkedin_seat_can_be_renamed(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        make.sender(session, session.get_one(make.Workspace, alice.workspace_id), type="linkedin")
    path = f"/senders/{only(db).id}"
    form = alice.visit(path).form(path)
    assert "Sarah C." in alice.follow(alice.send(form, display_name="Sarah C.")).text
    assert "Must not be empty." in alice.see(alice.send(form, display_name=""), 422).text


def test_usage_and_the_pause_between_messages_are_shown(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        sender = make.sender(
            session,
            session.get_one(make.Workspace, alice.workspace_id),
            daily_limit=40,
            next_send_at=make.NOW + make.minutes(3),
        )
        make.sent_today(session, sender, 7)
    text = squeezed(alice.visit("/senders").text)
    assert "7 of 40 today" in text
    assert "free in 3 min" in text


@pytest.mark.parametrize(
    ("account", "mailbox", "words", "without"),
    [
        ({"imap": None}, None, "Answers to it are not seen: enter its IMAP server.", "Mailbox"),
        ({"uses_trap": True}, None, "Sarah Chen", "Answers to it"),
        ({}, None, "Mailbox not read yet", "cannot be read"),
        ({}, {"read_at": make.NOW - make.minutes(2)}, "Mailbox read 2 min ago", "cannot be read"),
        (
            {},
            {"read_at": make.NOW - make.minutes(9), "error": "Could not connect", "try_at": make.NOW + make.minutes(1)},
            "Could not connect. Cadenza tries again in 1 min",
            "not read yet",
        ),
        ({"status_reason": "Refused"}, {"error": "Refused"}, "Mailbox not read yet", "cannot be read"),
    ],
)
def test_whether_answers_are_heard_is_shown(
    alice: Visitor,
    db: Database,
    account: dict[str, Any],
    mailbox: dict[str, Any] | None,
    words: str,
    without: str,
) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        sender = make.sender(session, workspace, **{"imap": {"host": "imap.example.com"}, **account})
        if mailbox is not None:
            session.add(Mailbox(sender_account_id=sender.id, **mailbox))
    text = squeezed(alice.visit("/senders").text)
    assert words in text
    assert without not in text


def test_every_id_on_the_page_is_a_uuid_of_alices(alice: Visitor, bob: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        make.sender(session, session.get_one(make.Workspace, bob.workspace_id), display_name="Bob's own")
    assert "Bob's own" not in alice.visit("/senders").text
    assert "Bob's own" not in alice.visit("/campaigns/new").text
    assert isinstance(only(db).id, UUID)
