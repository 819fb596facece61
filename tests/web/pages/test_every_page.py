"""What holds of every page: guarded, forged forms refused, strangers kept out, made of whole parts."""

import re
from uuid import UUID

import pytest
from flask import Flask

from campaigns import editing
from campaigns.rules.lifecycle import CAMPAIGN_STATUSES
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor

NOBODY = "00000000-0000-7000-8000-000000000000"
GENERAL = (
    "/campaigns",
    "/campaigns/new",
    "/tasks",
    "/inbox",
    "/senders",
    "/senders/new",
    "/domains",
    "/stuck",
    "/keys",
    "/trap",
    "/workers",
    "/templates",
    "/search",
    "/suppressions",
    "/data",
)
OF_CAMPAIGN = (
    "",
    "/settings",
    "/template",
    "/plan",
    "/sequence",
    "/sequence/preview",
    "/prospects",
    "/imports",
    "/wake-ups",
)
LIVE = ("/campaigns", "/tasks", "/inbox", "/trap", "/workers")
LIVE_OF_CAMPAIGN = ("", "/sequence", "/prospects", "/imports", "/wake-ups")


def furnished(db: Database, alice: Visitor, status: str, kind: str = "email") -> UUID:
    """A campaign with everything in it that a page could show."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        campaign = make.launched(session, workspace, 3, status=status, type=kind, operating_hours=make.week())
        return campaign.id


# Programs ask there, and mails link there: whoever holds a link needs no login (test_outside).
ELSEWHERE = ("/api", "/ops", "/static", "/healthz", "/metrics", "/u/", "/o/", "/hooks/")


def routes(app: Flask, method: str) -> list[str]:
    """The address of every page route that takes the method, with nobody's ids in it."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(ELSEWHERE) and method in (rule.methods or ()):
            found.append(re.sub(r"<[^>]+>", NOBODY, rule.rule))
    return sorted(set(found))


@pytest.mark.parametrize("path", GENERAL)
def test_a_newcomer_sees_every_page(alice: Visitor, path: str) -> None:
    page = alice.visit(path)
    assert "alice@example.com" in page.text


@pytest.mark.parametrize("kind", ["email", "linkedin"])
@pytest.mark.parametrize("status", CAMPAIGN_STATUSES)
def test_every_page_of_a_campaign_shows_in_every_status(alice: Visitor, db: Database, status: str, kind: str) -> None:
    campaign = furnished(db, alice, status, kind)
    for path in OF_CAMPAIGN:
        page = alice.visit(f"/campaigns/{campaign}{path}")
        assert status in page.text, path
    for path in LIVE_OF_CAMPAIGN:
        alice.fragment(f"/campaigns/{campaign}{path}")
    for path in (*GENERAL, "/senders"):
        alice.visit(path)


@pytest.mark.parametrize("path", LIVE)
def test_a_page_that_lives_gets_its_part_alone(alice: Visitor, path: str) -> None:
    part = alice.fragment(path)
    assert part.root is not None
    assert f'id="{part.root["id"]}"' in alice.visit(path).html


def test_going_back_in_history_gets_the_whole_page(alice: Visitor) -> None:
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in alice.client.get("/campaigns", headers=headers).get_data(as_text=True)


def test_bob_gets_404_for_everything_of_alices(app: Flask, alice: Visitor, bob: Visitor, db: Database) -> None:
    campaign = furnished(db, alice, "active")
    with db.reading() as session:
        ids = {
            "campaign_id": campaign,
            "prospect_id": session.query(make.Prospect.id).first()[0],
            "sender_id": session.query(make.Sender.id).first()[0],
        }
    token = bob.visit("/campaigns").form("/signout").value("csrf_token")
    before = db.dump()
    tried = 0
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(ELSEWHERE) or not rule.arguments:
            continue
        path = re.sub(r"<(?:uuid:)?([a-z_]+)>", lambda found: str(ids.get(found[1], NOBODY)), rule.rule)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            data = {"csrf_token": token, "all": "true", "people": "a@b.test", "settlement": "sent"}
            answer = bob.client.open(path, method=method, data=data)
            assert answer.status_code == 404, (method, path, answer.status_code)
            tried += 1
    assert tried > 20
    assert db.dump() == before


def test_a_form_without_its_token_is_refused(app: Flask, alice: Visitor, db: Database) -> None:
    before = db.dump()
    for path in routes(app, "POST"):
        page = alice.see(alice.client.post(path, data={"name": "x"}), 400)
        assert "expired" in page.text, path
    assert db.dump() == before


def test_whoever_is_not_signed_in_is_led_to_sign_in_and_back(app: Flask, stranger: Visitor, alice: Visitor) -> None:
    for path in routes(app, "GET"):
        if path in ("/welcome", "/signin", "/favicon.ico", "/timezones"):
            continue
        answer = stranger.client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["Location"].startswith("/signin"), path
    assert stranger.client.get("/senders").headers["Location"] == "/signin?next=/senders"
    polled = stranger.client.get("/workers", headers={"HX-Request": "true"})
    assert (polled.status_code, polled.headers["HX-Redirect"]) == (204, "/signin?next=/workers")


def test_an_address_that_is_none_gets_a_page_that_leads_home(alice: Visitor) -> None:
    page = alice.visit("/nowhere", 404)
    assert "/campaigns" in page.links


def test_nothing_that_people_named_is_taken_for_html(alice: Visitor, db: Database) -> None:
    evil = "<script>alert(1)</script>"
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        sender = make.sender(session, workspace, display_name=evil, status="needs_attention", status_reason=evil)
        campaign = make.launched(
            session,
            workspace,
            2,
            senders=[sender],
            name=evil,
            signature=evil,
            people={"first_name": evil, "company": evil},
        )
        node = make.node(session, campaign, 9, {"type": "email", "subject": evil, "body": evil})
        person = session.query(make.Prospect).filter_by(campaign_id=campaign.id).first()
        make.message(session, person, node, subject=evil, error=evil, status="unknown")
        editing.save_template(session, workspace.id, campaign.id, evil, now=make.NOW, by=evil)
    for path in (
        *GENERAL,
        "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
        *(f"/campaigns/{campaign.id}{part}" for part in OF_CAMPAIGN),
    ):
        assert evil not in alice.visit(path).html, path
