"""Coming in: the first visit, signing in, and the brake on guessing."""

import pytest
from flask import Flask

from campaigns import admitting
from tests import make
from tests.databases import Database
from tests.web.callers import Clock
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Page

PASSWORD = "correct horse"


@pytest.fixture
def carol(db: Database) -> str:
    """Has a login and a password."""
    with db.sessions.begin() as session:
        admitting.create_user(session, "carol@example.com", PASSWORD, "UTC", now=make.NOW)
    return "carol@example.com"


def sign_in(visitor: Visitor, email: str, password: str, status: int = 303, path: str = "/signin") -> Page | str:
    form = visitor.visit(path).form("/signin")
    answer = visitor.send(form, email=email, password=password)
    assert answer.status_code == status
    return answer.headers["Location"] if status == 303 else visitor.see(answer, status)


def test_the_first_visitor_makes_a_workspace_and_is_in(stranger: Visitor, db: Database) -> None:
    assert stranger.client.get("/").headers["Location"] == "/welcome"
    form = stranger.visit("/welcome").form("/welcome")
    page = stranger.follow(stranger.send(form, email="Ann@Corp.test", password=PASSWORD, timezone="Europe/Berlin"))
    assert "ann@corp.test" in page.text
    assert "Load the sample campaign" in page.text
    with db.reading() as session:
        assert session.query(make.Workspace).one().timezone == "Europe/Berlin"


def test_a_first_visit_that_is_refused_keeps_what_was_typed_and_says_why(stranger: Visitor, db: Database) -> None:
    form = stranger.visit("/welcome").form("/welcome")
    page = stranger.see(stranger.send(form, email="nobody", password="short", timezone="Berlin"), 422)
    assert page.form("/welcome").value("email") == "nobody"
    assert page.form("/welcome").value("timezone") == "Berlin"
    assert page.form("/welcome").value("password") == ""
    for words in ("not an email address", "at least 8 characters", "IANA time zone"):
        assert words in page.text
    with db.reading() as session:
        assert session.query(make.User).count() == 0


def test_the_second_visitor_cannot_set_up_again(stranger: Visitor, carol: str, db: Database) -> None:
    assert stranger.client.get("/welcome").headers["Location"] == "/signin"
    token = stranger.visit("/signin").form("/signin").value("csrf_token")
    data = {"csrf_token": token, "email": "eve@x.test", "password": PASSWORD, "timezone": "UTC"}
    assert stranger.client.post("/welcome", data=data).headers["Location"] == "/signin"
    with db.reading() as session:
        assert session.query(make.User).count() == 1


def test_carol_signs_in_goes_where_she_was_going_and_out_again(stranger: Visitor, carol: str) -> None:
    assert sign_in(stranger, " Carol@Example.com", PASSWORD, path="/signin?next=/senders") == "/senders"
    page = stranger.visit("/senders")
    assert stranger.send(page.form("/signout")).headers["Location"] == "/signin"
    assert stranger.client.get("/senders").status_code == 303


def test_a_wrong_password_is_told_and_the_address_kept(stranger: Visitor, carol: str) -> None:
    page = sign_in(stranger, carol, "wrong", 422)
    assert isinstance(page, Page)
    assert "do not belong together" in page.text
    assert page.form("/signin").value("email") == carol
    nobody = sign_in(stranger, "nobody@example.com", "wrong", 422)
    assert isinstance(nobody, Page)
    assert "do not belong together" in nobody.text


@pytest.mark.parametrize(
    "place", ["//evil.test", "https://evil.test", "/\\evil.test", "/\t/evil.test", "javascript:alert(1)", ""]
)
def test_signing_in_leads_to_no_other_host(stranger: Visitor, carol: str, place: str) -> None:
    form = stranger.visit("/signin").form("/signin")
    answer = stranger.send(form, email=carol, password=PASSWORD, next=place)
    assert answer.headers["Location"] == "/campaigns"


def test_whoever_guesses_has_to_wait_longer_each_time(stranger: Visitor, carol: str, clock: Clock) -> None:
    for _ in range(5):
        sign_in(stranger, carol, "guess", 422)
    page = sign_in(stranger, carol, PASSWORD, 429)  # even the right one is not looked at
    assert isinstance(page, Page)
    assert "wait 1 second," in page.text
    clock.pass_by(seconds=1)
    sign_in(stranger, carol, "guess", 422)
    page = sign_in(stranger, carol, "guess", 429)
    assert isinstance(page, Page)
    assert "wait 2 seconds" in page.text
    clock.pass_by(seconds=2)
    assert sign_in(stranger, carol, PASSWORD) == "/campaigns"


def test_guessing_elsewhere_does_not_keep_the_right_person_out(app: Flask, db: Database, carol: str) -> None:
    guesser, right = Visitor(app, db), Visitor(app, db)
    guesser.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    for _ in range(5):
        sign_in(guesser, carol, "guess", 422)
    sign_in(guesser, carol, "guess", 429)
    assert sign_in(right, carol, PASSWORD) == "/campaigns"


def test_no_pause_is_longer_than_a_minute(stranger: Visitor, carol: str, clock: Clock) -> None:
    for _ in range(15):
        sign_in(stranger, carol, "guess", 422)
        clock.pass_by(minutes=1)
    assert sign_in(stranger, carol, PASSWORD) == "/campaigns"
