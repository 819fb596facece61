"""LinkedIn seats on pages: assisted or through Unipile, connected, reconnected, tried out, and what is said when one is
signed out."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from campaigns.models import Prospect, Sender, Workspace
from campaigns.models.seat import Keys, read_keys
from tests import make
from tests.databases import Database
from tests.unipile_server import ACCOUNT, KEY, Trouble, UnipileServer
from tests.web.callers import Clock
from tests.web.conftest import SEALING_KEY
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Page

NEW = "/senders/new/seat"
THROUGH = {"provider": "unipile", "api_key": KEY}


def only(db: Database) -> Sender:
    with db.reading() as session:
        return session.scalars(select(Sender)).one()


def seat_of(db: Database) -> dict[str, Any]:
    return only(db).seat or {}


def add(alice: Visitor, **typed: str) -> Any:
    return alice.send(alice.visit(NEW).form(NEW), display_name="Sarah's seat", **typed)


@pytest.fixture
def page(alice: Visitor, unipile: UnipileServer) -> Page:
    """The page of a seat through Unipile that is not connected yet."""
    return alice.follow(add(alice, base_url=unipile.url, **THROUGH))


def path(db: Database, what: str = "") -> str:
    return f"/senders/{only(db).id}{what}"


def form(alice: Visitor, db: Database) -> Any:
    return alice.visit(path(db)).form(path(db))


def connect(alice: Visitor, db: Database, account_id: str = ACCOUNT) -> Page:
    page = alice.see(alice.send(alice.visit(path(db)).form("/accounts")))
    (choice,) = [one for one in page.forms if one.action.endswith("/account") and one.value("account_id") == account_id]
    return alice.follow(alice.send(choice))


# Adding, and the way in which steps are done


def test_a_seat_is_assisted_unless_somebody_says_otherwise(alice: Visitor, db: Database) -> None:
    page = alice.follow(add(alice, profile_url="https://www.linkedin.com/in/sarah"))
    assert "Sarah's seat" in page.text
    sender = only(db)
    assert (sender.provider, sender.seat, sender.status) == ("assisted", None, "active")
    assert (sender.min_gap, sender.max_gap) == (0, 0), "a person is the pace"


@pytest.mark.parametrize("link", ["https://www.linkedin.com/in/Sarah", "http://de.linkedin.com/in/sarah/?trk=x"])
def test_a_seat_is_called_by_its_plain_profile_however_the_link_was_pasted(
    alice: Visitor, db: Database, link: str
) -> None:
    add(alice, profile_url=link)
    assert only(db).label == "Sarah's seat <linkedin.com/in/sarah>"


def test_a_seat_through_unipile_waits_for_its_account(page: Page, db: Database, unipile: UnipileServer) -> None:
    sender = only(db)
    assert (sender.provider, sender.status) == ("unipile", "needs_attention")
    assert sender.seat == {"base_url": unipile.url, "account_id": None, "name": None, "webhook": None}
    assert read_keys(sender, SEALING_KEY) == Keys(KEY)
    assert (sender.min_gap, sender.max_gap) == (60, 180)
    assert "None is connected yet" in page.text
    assert KEY not in page.html


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"base_url": ""}, "Must not be empty."),
        ({"base_url": "http://api.unipile.com"}, "Must be an https address"),
        ({"base_url": "https://api.unipile.com/v1/accounts"}, "Must be an https address"),
        ({"base_url": "https://key@api.unipile.com"}, "Must be an https address"),
        ({"base_url": "api.unipile.com", "api_key": ""}, "Is missing."),
    ],
)
def test_a_refused_seat_comes_back_with_what_was_typed(
    alice: Visitor, db: Database, typed: dict[str, str], words: str
) -> None:
    page = alice.see(add(alice, **{**THROUGH, **typed}), 422)
    assert words in page.text
    assert page.form(NEW).value("base_url") == typed["base_url"]
    assert page.form(NEW).value("api_key") == ""
    assert not db.dump()["sender_account"]


def test_an_empty_key_keeps_the_stored_one_which_goes_to_no_other_host(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    alice.follow(alice.send(form(alice, db), display_name="Another name"))
    assert read_keys(only(db), SEALING_KEY) == Keys(KEY)
    page = alice.see(alice.send(form(alice, db), base_url="https://evil.example.com"), 422)
    assert f"must be sent again: the stored one is for {unipile.url}" in page.text.lower()
    assert seat_of(db)["base_url"] == unipile.url


def test_a_seat_changes_its_way_and_back(alice: Visitor, db: Database, unipile: UnipileServer) -> None:
    alice.follow(add(alice))
    alice.follow(alice.send(form(alice, db), base_url=unipile.url, **THROUGH))
    assert (only(db).provider, only(db).min_gap, only(db).max_gap) == ("unipile", 60, 180)
    connect(alice, db)
    assert only(db).status == "active"
    alice.follow(alice.send(form(alice, db), provider="assisted"))
    sender = only(db)
    assert (sender.provider, sender.seat, sender.seat_sealed, sender.status) == ("assisted", None, None, "active")
    assert (sender.min_gap, sender.max_gap) == (0, 0)


def test_gaps_that_somebody_set_stay(alice: Visitor, db: Database, unipile: UnipileServer) -> None:
    alice.follow(add(alice, min_gap="5", max_gap="7"))
    alice.follow(alice.send(form(alice, db), base_url=unipile.url, **THROUGH))
    assert (only(db).min_gap, only(db).max_gap) == (5, 7)


def test_the_way_is_not_changed_while_a_step_is_handed_over(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    connect(alice, db)
    with db.sessions.begin() as session:
        sender = session.scalars(select(Sender)).one()
        workspace = session.get_one(Workspace, sender.workspace_id)
        campaign = make.launched(session, workspace, 1, type="linkedin", senders=[sender])
        (person,) = session.scalars(select(Prospect))
        make.message(session, person, campaign.nodes[0], status="sending")
    page = alice.see(alice.send(form(alice, db), provider="assisted"), 422)
    assert "is being handed over at this moment" in page.text
    assert only(db).provider == "unipile"


# Connecting


def test_an_account_that_the_key_sees_is_chosen(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    unipile.accounts["acc_2"] = "disconnected"
    page = connect(alice, db)
    assert "Connected with Sarah Chen" in page.text
    assert seat_of(db)["account_id"] == ACCOUNT
    assert only(db).status == "active"
    assert [bell.job for bell in db.rung][-1] == "seat", "what is new there is asked at once"
    page = connect(alice, db, "acc_2")
    assert "LinkedIn signed the account out: reconnect it." in page.text
    assert seat_of(db)["account_id"] == "acc_2"


def test_with_a_script_only_the_account_is_drawn_anew(alice: Visitor, db: Database, page: Page) -> None:
    part = alice.see_fragment(alice.send(page.form("/accounts"), htmx=True))
    assert part.root is not None
    assert part.root["id"] == "seat"
    assert "Use this account" in part.text


def test_an_account_has_one_seat(alice: Visitor, db: Database, page: Page, unipile: UnipileServer) -> None:
    connect(alice, db)
    first = only(db)
    page = alice.follow(add(alice, base_url=unipile.url, **THROUGH))
    page = alice.see(alice.send(page.form("/accounts")))
    page = alice.follow(alice.send(page.form("/account")))
    assert f"Is connected with {first.label.lower()} already" in page.text


def test_a_key_that_is_refused_is_said_so(alice: Visitor, db: Database, page: Page, unipile: UnipileServer) -> None:
    unipile.key = "another"
    page = alice.see(alice.send(page.form("/accounts")))
    assert "The API key is not accepted" in page.text


def test_an_account_that_the_key_does_not_see_is_not_connected(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    unipile.accounts["acc_2"] = "running"
    found = alice.see(alice.send(page.form("/accounts")))
    (choice,) = [one for one in found.forms if one.action.endswith("/account") and one.value("account_id") == "acc_2"]
    page = alice.follow(alice.send(choice, account_id="acc_stranger"))
    assert "404" in page.text
    assert seat_of(db)["account_id"] is None


# Signing in at LinkedIn


def go(visitor: Visitor, db: Database, unipile: UnipileServer) -> dict[str, str]:
    """Off to the provider's page; what it was asked."""
    answer = visitor.client.get(path(db, "/link"))
    assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (303, f"/hosted/{len(unipile.links)}")
    return dict(unipile.links[-1])


def come_back(visitor: Visitor, asked: dict[str, str], **said: str) -> Any:
    return visitor.client.get(urlsplit(asked["redirect_uri"]).path, query_string={"state": asked["state"], **said})


def test_somebody_signs_in_at_linkedin_and_comes_back(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    asked = go(alice, db, unipile)
    assert "account_id" not in asked
    page = alice.follow(come_back(alice, asked, account_id=ACCOUNT))
    assert "Sarah's seat is connected with Sarah Chen." in page.text
    assert (seat_of(db)["account_id"], only(db).status) == (ACCOUNT, "active")


def test_whoever_turns_back_is_told_so(alice: Visitor, db: Database, page: Page, unipile: UnipileServer) -> None:
    page = alice.follow(come_back(alice, go(alice, db, unipile), error_title="Cancelled"))
    assert "Nobody signed in: Cancelled" in page.text
    assert seat_of(db)["account_id"] is None


def test_nobody_comes_back_for_somebody_else_or_too_late(
    alice: Visitor, bob: Visitor, stranger: Visitor, db: Database, page: Page, unipile: UnipileServer, clock: Clock
) -> None:
    asked = go(alice, db, unipile)
    assert come_back(bob, asked, account_id=ACCOUNT).status_code == 404
    with db.sessions.begin() as session:
        colleague = make.user(session, session.get_one(Workspace, alice.workspace_id))
    another = Visitor(alice.app, db, colleague.email, colleague.id, alice.workspace_id)
    assert come_back(another, asked, account_id=ACCOUNT).status_code == 404, "who went there is who comes back"
    assert come_back(alice, asked | {"state": "made-up"}, account_id=ACCOUNT).status_code == 404
    assert come_back(stranger, asked, account_id=ACCOUNT).status_code == 303, "off to sign in"
    clock.now += timedelta(minutes=16)
    assert come_back(alice, asked, account_id=ACCOUNT).status_code == 404
    assert seat_of(db)["account_id"] is None
    assert bob.client.get(path(db, "/link")).status_code == 404


def test_an_account_that_was_signed_out_is_reconnected(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    connect(alice, db)
    with db.sessions.begin() as session:
        sender = session.scalars(select(Sender)).one()
        sender.status, sender.status_reason = "needs_attention", "LinkedIn signed the account out: reconnect it."
        workspace = session.get_one(Workspace, sender.workspace_id)
        campaign = make.launched(session, workspace, 1, type="linkedin", senders=[sender])
    for where in ("/senders", path(db), f"/campaigns/{campaign.id}", f"/campaigns/{campaign.id}/settings"):
        page = alice.visit(where)
        assert "LinkedIn signed the account out: reconnect it." in page.text, where
        assert path(db, "/link") in page.html, where
    asked = go(alice, db, unipile)
    assert asked["account_id"] == ACCOUNT
    alice.follow(come_back(alice, asked, account_id=ACCOUNT))
    assert (only(db).status, only(db).status_reason) == ("active", None)
    assert "wake" in [bell.job for bell in db.rung]
    assert "Reconnect" not in alice.visit(f"/campaigns/{campaign.id}").text


def test_a_provider_that_is_away_is_no_trouble_of_ours(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    unipile.fail("link", Trouble("drop"))
    page = alice.follow(alice.client.get(path(db, "/link")))
    assert "Unipile" in page.text


# Does it work?


def test_the_way_to_the_account_is_tried_step_by_step(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    page = alice.see(alice.send(page.form("/check-seat")))
    assert "sees 1 LinkedIn account" in page.text
    assert "No account is connected yet" in page.text
    page = connect(alice, db)
    page = alice.see(alice.send(page.form("/check-seat")))
    assert "Sarah Chen is signed in at LinkedIn." in page.text
    assert "What people write can be read." in page.text
    assert "PUBLIC_URL cannot be reached from outside" in page.text
    unipile.accounts[ACCOUNT] = "disconnected"
    page = alice.see(alice.send(page.form("/check-seat")))
    assert "Reconnect it: sign in at LinkedIn again." in page.text
    unipile.key = "another"
    page = alice.see(alice.send(page.form("/check-seat")))
    assert "Address and key stand on Unipile's dashboard." in page.text


def test_an_assisted_seat_has_nothing_to_connect(alice: Visitor, db: Database) -> None:
    alice.follow(add(alice))
    assert alice.client.get(path(db, "/link")).status_code == 404
    page = alice.visit(path(db))
    assert [one for one in page.forms if "account" in one.action] == []


def test_the_provider_is_told_to_tell_no_more_of_a_seat_that_is_removed(
    alice: Visitor, db: Database, page: Page, unipile: UnipileServer
) -> None:
    connect(alice, db)
    with db.sessions.begin() as session:
        sender = session.scalars(select(Sender)).one()
        sender.seat = {**(sender.seat or {}), "webhook": {"id": "we_1", "account_id": ACCOUNT, "url": "https://x"}}
    alice.follow(alice.send(alice.visit(path(db)).form("/delete")))
    assert [asked[:2] for asked in unipile.asked][-1] == ("DELETE", "/v2/webhooks/endpoints/we_1")
    assert not db.dump()["sender_account"]
