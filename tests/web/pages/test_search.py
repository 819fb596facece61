"""The search over campaigns and people, as a browser without scripts has it."""

from uuid import UUID

import pytest

from campaigns import searching
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Page


@pytest.fixture
def spring(alice: Visitor, db: Database) -> tuple[UUID, UUID]:
    """A campaign and a person in it."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        campaign = make.launched(session, workspace, 0, name="Spring & Autumn")
        ann = make.prospect(
            session, campaign, first_name="Ann", last_name="Lee", email="ann@corp.example", company="Engines"
        )
        return campaign.id, ann.id


def ask(visitor: Visitor, path: str, text: str) -> Page:
    """What the search of a page leads to."""
    form = visitor.visit(path).form("/search")
    assert form.method == "get"
    return visitor.see(visitor.client.get(form.action, query_string={"q": text}))


def test_a_search_from_any_page_leads_to_the_person(alice: Visitor, spring: tuple[UUID, UUID]) -> None:
    campaign, ann = spring
    place = f"/campaigns/{campaign}/prospects/{ann}"
    for path in ("/campaigns", "/senders", place):
        page = ask(alice, path, "engines")
        assert place in page.links, path
    assert "Ann Lee" in page.text
    assert "Spring & Autumn" in page.text
    assert "ann@corp.example" in page.text
    assert page.form("/search").value("q") == "engines"
    alice.visit(place)


def test_a_search_leads_to_the_campaign(alice: Visitor, spring: tuple[UUID, UUID]) -> None:
    page = ask(alice, "/campaigns", "spring & a")
    assert f"/campaigns/{spring[0]}" in page.links
    assert "Nobody was found." in page.text


def test_a_search_that_finds_nothing_says_what_to_do(alice: Visitor, spring: tuple[UUID, UUID]) -> None:
    page = ask(alice, "/campaigns", "<nobody>")
    assert "Nothing is called “<nobody>”" in page.text
    assert "Try fewer words" in page.text


def test_a_search_for_nothing_says_what_can_be_found(alice: Visitor) -> None:
    for path in ("/search", "/search?q=+"):
        assert "people by how the words of name, company or address begin" in alice.visit(path).text


def test_bob_finds_nothing_of_alices(bob: Visitor, spring: tuple[UUID, UUID]) -> None:
    assert "Nothing is called" in ask(bob, "/campaigns", "spring").text
    assert "Nothing is called" in ask(bob, "/campaigns", "ann").text


@pytest.mark.parametrize("text", ["%ED%A0%80", "%25_", "%5C", "%27", "linkedin.com/in/%2500", "%E2%80%AE"])
def test_something_odd_is_looked_for_and_not_found(alice: Visitor, text: str) -> None:
    assert "Nothing is called" in alice.visit(f"/search?q={text}").text


def test_a_search_longer_than_any_name_is_cut(alice: Visitor, spring: tuple[UUID, UUID]) -> None:
    page = alice.visit(f"/search?q={'x' * 5000}")
    assert page.form("/search").value("q") == "x" * searching.MOST_LETTERS
