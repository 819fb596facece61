"""The page of the suppression list."""

import io

from sqlalchemy import select

from campaigns.models import Suppression, Workspace
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Form, squeezed


def listed(db: Database, visitor: Visitor) -> list[tuple[str, str, str | None]]:
    with db.reading() as session:
        own = select(Suppression).where(Suppression.workspace_id == visitor.workspace_id).order_by(Suppression.value)
        return [(row.value, row.source, row.created_by) for row in session.scalars(own)]


def form_of(visitor: Visitor, action: str) -> Form:
    return next(form for form in visitor.visit("/suppressions").forms if form.action == action)


def test_what_is_pasted_is_on_the_list(alice: Visitor, db: Database) -> None:
    form = form_of(alice, "/suppressions")
    page = alice.follow(alice.send(form, entries="Ann@corp.example\nother.example", reason="asked"))
    assert "2 added to the list. It took effect at once." in page.text
    assert listed(db, alice) == [("ann@corp.example", "hand", alice.email), ("other.example", "hand", alice.email)]


def test_a_file_is_read_and_what_is_wrong_in_it_is_said(alice: Visitor, db: Database) -> None:
    file = (io.BytesIO(b"email\nann@corp.example\nnonsense\n"), "no.csv")
    page = alice.follow(alice.send(form_of(alice, "/suppressions"), extra=[("file", file)]))
    assert "1 left out. line 3:" in page.text
    assert [row[:2] for row in listed(db, alice)] == [("ann@corp.example", "import")]


def test_nothing_entered_says_what_to_enter(alice: Visitor) -> None:
    page = alice.see(alice.send(form_of(alice, "/suppressions"), entries=" "), 422)
    assert "Enter at least one address" in page.text


def test_an_entry_is_taken_off(alice: Visitor, db: Database) -> None:
    alice.send(form_of(alice, "/suppressions"), entries="ann@corp.example")
    page = alice.follow(alice.send(form_of(alice, "/suppressions/remove")))
    assert "ann@corp.example may be written to again." in page.text
    assert listed(db, alice) == []


def test_a_strangers_list_is_not_shown_and_not_exported(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        make.suppression(session, make.workspace(session), "secret@corp.example")
    assert "secret@" not in alice.visit("/suppressions").text
    assert b"secret@" not in alice.client.get("/suppressions/export").data


def test_whoever_is_put_on_the_list_never_reads_as_if_they_had_unsubscribed(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        campaign = make.campaign(session, session.get_one(Workspace, alice.workspace_id))
        ann = make.prospect(session, campaign, email="ann@corp.example")
        path = f"/campaigns/{campaign.id}/prospects"
    alice.send(form_of(alice, "/suppressions"), entries="ann@corp.example", reason="A customer already")
    for page in (alice.visit(path), alice.visit(f"{path}/{ann.id}")):
        text = squeezed(page.text)
        assert "suppressed" in text.lower()
        assert "A customer already" in text
        assert "nsubscribed" not in text
