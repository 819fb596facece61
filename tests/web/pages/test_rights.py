"""The page of somebody's data."""

import json

import pytest
from sqlalchemy import func, select

from campaigns.models import Prospect, Suppression, Workspace
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Form, Page

ANN = "ann@corp.example"


@pytest.fixture
def person(alice: Visitor, db: Database) -> str:
    """The address of Ann's page."""
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, alice.workspace_id)
        campaign = make.launched(session, workspace, 1, people={"email": ANN}, name="Spring")
        ann = session.scalars(select(Prospect.id)).one()
        return f"/campaigns/{campaign.id}/prospects/{ann}"


def form_of(page: Page, action: str) -> Form:
    return next(form for form in page.forms if form.action == action)


def look(alice: Visitor, address: str = ANN) -> Page:
    return alice.see(alice.send(form_of(alice.visit("/data"), "/data"), address=address))


def test_what_is_kept_is_counted_and_given_as_a_file(alice: Visitor, person: str) -> None:
    page = look(alice, "Ann@corp.example")
    assert "Spring (pending)" in page.text
    answer = alice.send(form_of(page, "/data/export"))
    assert answer.headers["Content-Disposition"] == "attachment; filename=data.json"
    assert [one["campaign"] for one in json.loads(answer.data)["people"]] == ["Spring"]


def test_a_person_is_erased_and_no_cookie_says_who(alice: Visitor, person: str, db: Database) -> None:
    answer = alice.send(form_of(look(alice), "/data/erase"))
    assert ANN not in str(answer.headers)
    page = alice.follow(answer)
    assert "Erased from 1 campaign." in page.text
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Prospect)) == 0
        assert [value[:7] for value in session.scalars(select(Suppression.value))] == ["sha256:"]
    assert "a hash: they asked to be forgotten" in look(alice).text


def test_a_persons_own_page_leads_there(alice: Visitor, person: str) -> None:
    page = alice.see(alice.send(form_of(alice.visit(person), "/data")))
    assert "Spring (pending)" in page.text


def test_whoever_is_not_known_has_nothing_there(alice: Visitor) -> None:
    assert "Nothing is kept about this person." in look(alice).text


@pytest.mark.parametrize("action", ["/data", "/data/export", "/data/erase"])
def test_a_domain_is_nobody(alice: Visitor, person: str, action: str) -> None:
    form = form_of(look(alice), action)
    page = alice.see(alice.send(form, address="corp.example"), 422)
    assert "Must be the address or the LinkedIn profile of one person." in page.text


def test_a_stranger_sees_nothing_of_anybody_else(bob: Visitor, person: str) -> None:
    assert "Nothing is kept about this person." in look(bob).text
