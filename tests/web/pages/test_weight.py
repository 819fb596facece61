"""How much a page weighs when there is much to show: 50 accounts, 100 steps, hundreds of people."""

import gzip
from uuid import UUID

import pytest
from flask import Flask

from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.test_every_page import GENERAL, OF_CAMPAIGN

# Most bytes of a page's HTML, on the wire and, but for the texts of 100 steps, as it is.
MOST_BYTES = 60_000
# Every step of a draft is a form with six buttons, which work without a script too.
MOST_OF_STEPS = 330_000
STEP = {"type": "email", "subject": "A question about %company%", "body": "Hello %first_name|there%, " * 8}
STEPS = [*[step for _ in range(50) for step in (STEP, make.delay(days=1))][:99], make.END]
NAMES = {"first_name": "Bartholomew", "last_name": "Featherstonehaugh", "company": "Featherstonehaugh and Sons"}


@pytest.fixture
def campaigns(alice: Visitor, db: Database) -> dict[str, UUID]:
    """A draft and a campaign that runs, each as large as they come."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        senders = [make.sender(session, workspace, display_name="Sarah Featherstonehaugh") for _ in range(50)]
        large = {"nodes": STEPS, "senders": senders, "limits": dict.fromkeys(senders, 40)}
        draft = make.campaign(session, workspace, **large)
        make.prospects(session, draft, 200, **NAMES)
        running = make.launched(session, workspace, 200, people=NAMES, **large)
        return {"draft": draft.id, "running": running.id}


def weigh(alice: Visitor, path: str, most: int = MOST_BYTES) -> None:
    answer = alice.client.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.data) < MOST_BYTES / 3, path
    assert len(gzip.decompress(answer.data)) < most, path


@pytest.mark.parametrize("status", ["draft", "running"])
@pytest.mark.parametrize("part", OF_CAMPAIGN)
def test_a_page_of_a_large_campaign_is_small(
    alice: Visitor, campaigns: dict[str, UUID], status: str, part: str
) -> None:
    weigh(alice, f"/campaigns/{campaigns[status]}{part}", MOST_OF_STEPS if part.startswith("/seq") else MOST_BYTES)


def test_the_other_pages_are_small_with_much_to_show(alice: Visitor, campaigns: dict[str, UUID], db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        for number in range(50):
            make.campaign(session, workspace, name=f"{number} founders of a rather long name", nodes=STEPS)
    for path in (*GENERAL, "/search?q=founders", "/search?q=bart", "/senders?page=2"):
        weigh(alice, path)


def test_a_client_of_the_api_gets_the_etag_that_it_may_send_back(
    app: Flask, alice: Visitor, campaigns: dict[str, UUID]
) -> None:
    key = alice.see(alice.send(alice.visit("/keys").form("/keys"), name="script"), 201)
    text = next(word for word in key.text.split() if word.startswith("cdz_") and len(word) > 20)
    headers = {"Authorization": f"Bearer {text}", "Accept-Encoding": "gzip"}
    path = f"/api/campaigns/{campaigns['draft']}"
    read = app.test_client().get(path, headers=headers)
    assert "Content-Encoding" not in read.headers
    changed = app.test_client().patch(path, json={"name": "New"}, headers=headers | {"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200


def test_the_time_zones_come_by_themselves_and_are_kept(stranger: Visitor) -> None:
    answer = stranger.client.get("/timezones", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert '<datalist id="timezones">' in answer.text
    assert '<option value="America/New_York">New York -05:00</option>' in answer.text
    assert answer.headers["Cache-Control"] == "max-age=86400, private"


def test_browsers_find_the_icon_where_they_look_by_themselves(stranger: Visitor) -> None:
    with stranger.client.get("/favicon.ico") as answer:
        assert answer.status_code == 200
        assert answer.data[:4] == b"\x00\x00\x01\x00"
