"""A database that is full or read-only, as somebody at a page meets it: what was typed is not lost."""

from uuid import UUID

import pytest

from campaigns.reporting import nodes_json
from tests import make
from tests.databases import Database
from tests.troubles import TOO_MUCH, TROUBLES
from tests.web.pages.conftest import Visitor

TEXT = TOO_MUCH[:9000]


@pytest.fixture
def campaign(alice: Visitor, db: Database) -> UUID:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        return make.campaign(session, workspace, nodes=[make.EMAIL_STEP, make.END]).id


def body(db: Database, campaign: UUID) -> str:
    with db.reading() as session:
        return str(nodes_json(session, campaign)[0]["body"])


@pytest.mark.parametrize("code", TROUBLES)
def test_what_was_typed_waits_on_the_page_until_it_can_be_saved(
    alice: Visitor, db: Database, campaign: UUID, code: str
) -> None:
    form = alice.visit(f"/campaigns/{campaign}/sequence").form("/sequence")
    field = next(name for name, _ in form.fields if name.endswith("body"))
    with TROUBLES[code](db):
        page = alice.see(alice.send(form, **{field: TEXT}), 503)
        assert "so nothing was saved" in page.text
        assert body(db, campaign) == make.EMAIL_STEP["body"]
        again = page.form("/sequence")
        assert again.value(field) == TEXT
        page = alice.see(alice.send(again), 503)
    alice.follow(alice.send(page.form("/sequence")))
    assert body(db, campaign) == TEXT


def test_a_password_is_not_written_into_the_page_that_says_so(alice: Visitor, db: Database) -> None:
    form = alice.visit("/senders/new").form("/senders/new")
    secret = next(name for name, _ in form.fields if "password" in name)
    with TROUBLES["database_read_only"](db):
        answer = alice.send(form, **{secret: "correct horse", "display_name": "S", "email_address": "s@example.com"})
        page = alice.see(answer, 503)
    assert "correct horse" not in page.html
    assert not any(form.action.endswith("/senders/new") for form in page.forms)
