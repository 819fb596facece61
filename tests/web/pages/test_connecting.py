"""An account's form: its servers are found, its way to them is tried, Google and Microsoft are signed in at."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from campaigns.channels.lookup import Lookup
from campaigns.models import Sender, Workspace
from campaigns.models.grant import Grant, read_grant
from campaigns.models.sealing import unseal
from tests import make
from tests.databases import Database
from tests.servers import DnsServer, SmtpSink, TokenServer
from tests.web.callers import Clock
from tests.web.conftest import SEALING_KEY
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Form

MAILBOX = {
    "email_address": "sarah@example.com",
    "display_name": "Sarah Chen",
    "transport": "smtp",
    "smtp_host": "smtp.example.com",
    "smtp_port": "465",
    "smtp_security": "tls",
    "smtp_username": "sarah",
    "smtp_password": "secret",
}
READS = {"imap_host": "imap.example.com"}
GOOGLE = {"auth": "google", "oauth_client_id": "our-client", "oauth_client_secret": "our-secret"}


def only(db: Database) -> Sender:
    with db.reading() as session:
        return session.scalars(select(Sender)).one()


def new(alice: Visitor) -> Form:
    return alice.visit("/senders/new").form("/senders/new")


def edited(alice: Visitor, db: Database) -> Form:
    path = f"/senders/{only(db).id}"
    return alice.visit(path).form(path)


def add(alice: Visitor, **changes: str) -> Any:
    return alice.follow(alice.send(new(alice), **{**MAILBOX, **changes}))


# The servers --------------------------------------------------------------------------------------


@pytest.fixture
def asked(app: Flask, dns_server: DnsServer) -> DnsServer:
    """The DNS server that the app asks."""
    own = app.extensions["cadenza"]
    app.extensions["cadenza"] = replace(own, lookup=Lookup(dns_server.address, patience=0.4))
    return dns_server


def find(alice: Visitor, form: Form, htmx: bool = False, **typed: str) -> Any:
    return alice.send(replace(form, action="/senders/servers"), htmx=htmx, **typed)


def test_the_servers_of_an_address_are_found(alice: Visitor, db: Database, asked: DnsServer) -> None:
    asked.say("example.com", "MX", "1 smtp.google.com.")
    page = alice.see(find(alice, new(alice), email_address="sarah@example.com", transport="smtp", first_name="Sarah"))
    form = page.form("/senders/new")
    names = ("smtp_host", "smtp_port", "smtp_security", "imap_host", "imap_port", "imap_security")
    assert [form.value(name) for name in names] == [
        "smtp.gmail.com",
        "587",
        "starttls",
        "imap.gmail.com",
        "993",
        "tls",
    ]
    assert "which is Gmail and Google Workspace" in page.text
    assert (form.value("email_address"), form.value("first_name")) == ("sarah@example.com", "Sarah")
    assert not db.dump()["sender_account"], "nothing is saved"


def test_with_a_script_only_the_servers_are_filled_in(alice: Visitor, asked: DnsServer) -> None:
    form = new(alice)
    part = alice.see_fragment(find(alice, form, htmx=True, email_address="sarah@gmx.de", transport="smtp"))
    assert part.root is not None
    assert part.root["id"] == "servers"
    assert "mail.gmx.net" in part.html


def test_what_was_typed_stays_where_nothing_is_found(alice: Visitor, asked: DnsServer) -> None:
    asked.silent.add("example.com")
    page = alice.see(find(alice, new(alice), **MAILBOX))
    assert "The DNS gave no answer" in page.text
    assert page.form("/senders/new").value("smtp_host") == "smtp.example.com"


def test_the_servers_of_an_account_that_exists_are_found_on_its_own_page(
    alice: Visitor, db: Database, asked: DnsServer
) -> None:
    add(alice)
    sender = only(db)
    page = alice.see(find(alice, edited(alice, db), sender=str(sender.id), preset="posteo"))
    assert page.form(f"/senders/{sender.id}").value("smtp_host") == "posteo.de"
    assert only(db).smtp["host"] == "smtp.example.com"


# Reading, signature, ramp --------------------------------------------------------------------------


def test_mail_is_read_with_the_same_sign_in_unless_there_is_another(alice: Visitor, db: Database) -> None:
    add(alice, **READS)
    sender = only(db)
    assert sender.imap == {"host": "imap.example.com", "port": 993, "security": "tls", "username": "sarah"}
    assert unseal(SEALING_KEY, sender.imap_sealed) == "secret"
    form = edited(alice, db)
    assert form.value("imap_username") == ""
    alice.follow(alice.send(form, imap_username="reader", imap_password="other"))
    sender = only(db)
    assert (sender.imap["username"], unseal(SEALING_KEY, sender.imap_sealed)) == ("reader", "other")
    assert unseal(SEALING_KEY, sender.smtp_sealed) == "secret"
    alice.follow(alice.send(edited(alice, db), imap_host=""))
    assert (only(db).imap, only(db).imap_sealed) == (None, None)


def test_a_signature_an_address_for_answers_and_a_ramp_are_kept(alice: Visitor, db: Database) -> None:
    typed = {"signature": "Best\r\n%sender_name%", "reply_to": "team@example.com"}
    page = add(alice, **typed, ramp_start="5", ramp_step="2", ramp_ceiling="20")
    assert "0 of 5 today" in page.text, "what it may send today"
    sender = only(db)
    assert (sender.signature, sender.reply_to) == ("Best\n%sender_name%", "team@example.com")
    assert (sender.ramp_start, sender.ramp_step, sender.ramp_ceiling) == (5, 2, 20)
    form = edited(alice, db)
    assert form.value("ramp_step") == "2"
    alice.follow(alice.send(form, ramp_start="", ramp_step="", ramp_ceiling=""))
    assert only(db).ramp_start is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signature": "%nobody%"}, "%nobody%"),
        ({"reply_to": "nobody"}, "is not an email address"),
        ({"ramp_start": "5"}, "Is missing: how many more each day."),
        ({"imap_host": "imap.example.com", "imap_port": "x"}, "Must be a whole number from 1 to 65535."),
        ({"auth": "google"}, "Must not be empty."),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    alice: Visitor, db: Database, changes: dict[str, str], words: str
) -> None:
    page = alice.see(alice.send(new(alice), **{**MAILBOX, **changes}), 422)
    assert words in page.text
    assert not db.dump()["sender_account"]


def test_saving_a_name_leaves_a_waiting_account_waiting(alice: Visitor, db: Database) -> None:
    add(alice, **READS, **GOOGLE)
    with db.sessions.begin() as session:
        row = session.get_one(Sender, only(db).id)
        row.status, row.status_reason = "needs_attention", "535 wrong password"
    alice.follow(alice.send(edited(alice, db), display_name="Sarah C."))
    assert (only(db).display_name, only(db).status_reason) == ("Sarah C.", "535 wrong password")


# The connection -----------------------------------------------------------------------------------


def test_the_connection_is_tried_step_by_step(alice: Visitor, db: Database, smtp_sink: SmtpSink) -> None:
    here = {"smtp_host": "127.0.0.1", "smtp_port": str(smtp_sink.port), "smtp_security": "none"}
    add(alice, **here, smtp_password="wrong")
    path = f"/senders/{only(db).id}"
    page = alice.see(alice.send(alice.visit(path).form("/check")))
    assert "Greeting An SMTP server answers." in " ".join(page.text.split())
    assert "535" in page.text
    assert "No IMAP server is entered" in page.text
    part = alice.see_fragment(alice.send(page.form("/check"), htmx=True))
    assert part.root is not None
    assert part.root["id"] == "connection"
    assert "Sign-in" in part.text
    assert smtp_sink.accepted == []


# Google and Microsoft ------------------------------------------------------------------------------


def away(alice: Visitor, db: Database) -> dict[str, str]:
    """What Google was asked when somebody went there."""
    answer = alice.client.get(f"/senders/{only(db).id}/authorize")
    assert answer.status_code == 303
    return {name: value for name, (value,) in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def back(alice: Visitor, **told: str) -> Any:
    return alice.client.get("/senders/authorized", query_string=told)


def test_somebody_signs_in_at_google_and_the_account_works(
    alice: Visitor, db: Database, token_server: TokenServer
) -> None:
    page = add(alice, **READS, **GOOGLE)
    sender = only(db)
    assert (sender.status, sender.auth) == ("needs_attention", "google")
    assert "our-secret" not in page.html
    assert f"/senders/{sender.id}/authorize" in page.links
    asked = away(alice, db)
    assert (asked["client_id"], asked["login_hint"]) == ("our-client", "sarah@example.com")
    assert asked["redirect_uri"].endswith("/senders/authorized")
    page = alice.follow(back(alice, state=asked["state"], code="a code"))
    assert "Signed in" in page.text
    assert token_server.asked[0]["client_secret"] == "our-secret"
    sender = only(db)
    assert (sender.status, sender.status_reason) == ("active", None)
    assert read_grant(sender, SEALING_KEY) == Grant("our-secret", "leave")
    assert "leave" not in str(sender.oauth_sealed)
    assert "our-secret" not in page.html


def test_another_client_needs_another_leave(alice: Visitor, db: Database, token_server: TokenServer) -> None:
    add(alice, **GOOGLE)
    alice.follow(back(alice, state=away(alice, db)["state"], code="a code"))
    alice.follow(alice.send(edited(alice, db), oauth_client_id="another"))
    assert only(db).status == "needs_attention"
    assert read_grant(only(db), SEALING_KEY) == Grant("", None), "the old secret goes to no other client"


def test_whoever_says_no_at_google_is_told_so(alice: Visitor, db: Database, token_server: TokenServer) -> None:
    add(alice, **GOOGLE)
    state = away(alice, db)["state"]
    assert "access_denied" in alice.follow(back(alice, state=state, error="access_denied")).text
    token_server.status, token_server.answer = 400, b'{"error": "invalid_grant"}'
    assert "Google refused to sign in: invalid_grant" in alice.follow(back(alice, state=state, code="stale")).text
    assert only(db).status == "needs_attention"


def test_a_leave_that_does_not_last_is_none(alice: Visitor, db: Database, token_server: TokenServer) -> None:
    add(alice, **GOOGLE)
    token_server.answer = b'{"access_token": "fresh"}'
    page = alice.follow(back(alice, state=away(alice, db)["state"], code="a code"))
    assert "no lasting leave" in page.text
    assert only(db).status == "needs_attention"


def test_a_sign_in_that_was_not_begun_here_is_refused(
    alice: Visitor, bob: Visitor, db: Database, clock: Clock, token_server: TokenServer
) -> None:
    add(alice, **GOOGLE)
    state = away(alice, db)["state"]
    with db.sessions.begin() as session:
        colleague = make.user(session, session.get_one(Workspace, alice.workspace_id))
    carla = Visitor(alice.app, db, colleague.email, colleague.id, alice.workspace_id)
    for visitor, forged in ((alice, ""), (alice, "forged"), (alice, state[:-2]), (bob, state), (carla, state)):
        visitor.see(back(visitor, state=forged, code="a code"), 404)
    clock.now += timedelta(minutes=20)
    alice.see(back(alice, state=state, code="a code"), 404)
    assert token_server.asked == []
    assert only(db).status == "needs_attention"


def test_an_account_with_a_password_is_not_sent_anywhere(alice: Visitor, db: Database) -> None:
    add(alice)
    alice.see(alice.client.get(f"/senders/{only(db).id}/authorize"), 404)


# Domains ------------------------------------------------------------------------------------------


def test_a_domain_is_looked_at_and_what_to_publish_is_told(alice: Visitor, db: Database, asked: DnsServer) -> None:
    add(alice, smtp_host="smtp.gmail.com")
    asked.say("example.com", "MX", "1 smtp.google.com.")
    page = alice.visit("/domains")
    assert "Look at this domain" in page.text
    assert asked.asked == [], "a page waits for no DNS server"
    page = alice.visit("/domains/example.com")
    assert "v=spf1 include:_spf.google.com ~all" in page.text
    assert "v=DMARC1; p=none" in page.text
    part = alice.fragment("/domains/example.com")
    assert part.root is not None
    assert part.root["id"] == "domain-example-com"


def test_a_domain_of_nobody_here_is_not_looked_at(alice: Visitor, bob: Visitor, asked: DnsServer) -> None:
    add(alice)
    bob.visit("/domains/example.com", 404)
    assert asked.asked == []


def test_a_providers_domain_is_left_to_the_provider(alice: Visitor, asked: DnsServer) -> None:
    add(alice, email_address="sarah@gmail.com")
    assert "belongs to a mail provider" in alice.visit("/domains/gmail.com").text
    assert asked.asked == []


def test_mail_is_signed_once_the_key_is_published(
    alice: Visitor, db: Database, asked: DnsServer, smtp_sink: SmtpSink
) -> None:
    here = {"smtp_host": "127.0.0.1", "smtp_port": str(smtp_sink.port), "smtp_security": "none", "smtp_username": ""}
    add(alice, **here)
    path = "/domains/example.com"
    page = alice.follow(alice.send(alice.visit(path).form("/key")))
    told = only(db).dkim
    assert told["record"] in page.text
    page = alice.follow(alice.send(page.form("/sign")))
    assert "The key is not published yet." in page.text
    assert only(db).dkim["on"] is False
    record = told["record"]
    asked.records[f"{told['selector']}._domainkey.example.com", "TXT"] = [f'"{record[:200]}" "{record[200:]}"']
    page = alice.follow(alice.send(page.form("/sign")))
    assert f"Mail is signed with the key {told['selector']}." in page.text
    alice.follow(alice.send(alice.visit("/senders").form("/test")))
    (mail,) = smtp_sink.wait_for(1)
    assert f"s={told['selector']}" in str(mail.message["DKIM-Signature"])
    add(alice, **here, email_address="ben@example.com")
    with db.reading() as session:
        assert [one.dkim["on"] for one in session.scalars(select(Sender))] == [True, True], "one domain, one key"
    alice.follow(alice.send(page.form("/stop")))
    with db.reading() as session:
        assert [one.dkim_sealed for one in session.scalars(select(Sender))] == [None, None]


def test_a_key_is_made_for_nobody_elses_domain(alice: Visitor, bob: Visitor, db: Database, asked: DnsServer) -> None:
    add(alice)
    add(bob, email_address="bob@corp.example")
    form = replace(bob.visit("/domains/corp.example").form("/key"), action="/domains/example.com/key")
    bob.see(bob.send(form), 404)
    with db.reading() as session:
        assert session.scalars(select(Sender.dkim)).all() == [None, None]
