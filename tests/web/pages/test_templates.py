"""Templates, as a browser without scripts has them."""

from uuid import UUID

import pytest

from campaigns.models import Campaign
from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Page


@pytest.fixture
def spring(alice: Visitor, db: Database) -> UUID:
    """A running campaign of three steps."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        steps = [make.EMAIL_STEP, make.delay(days=2), make.FOLLOW_UP, make.END]
        return make.launched(session, workspace, nodes=steps, name="Spring", daily_limit=7).id


def save(alice: Visitor, campaign: UUID, name: str = "Founders") -> Page:
    """Save a campaign as a template by the form for it; the list of templates."""
    assert f"/campaigns/{campaign}/template" in alice.visit(f"/campaigns/{campaign}").links
    return alice.follow(alice.send(alice.visit(f"/campaigns/{campaign}/template").form("/template"), name=name))


def start(page: Page) -> str:
    """The way to a new campaign from the template of a page."""
    return next(link for link in page.links if "template=" in link)


def test_nobody_has_templates_at_first_and_is_told_how_to_make_one(alice: Visitor) -> None:
    assert "/templates" in alice.visit("/campaigns").links
    assert "Save as template" in alice.visit("/templates").text
    assert "can be saved as a template" in alice.visit("/campaigns/new").text


def test_a_campaign_is_saved_under_its_own_name_unless_another_is_typed(alice: Visitor, spring: UUID) -> None:
    assert alice.visit(f"/campaigns/{spring}/template").form("/template").value("name") == "Spring"
    page = save(alice, spring)
    assert "“Founders” is kept as a template" in page.text
    assert "3 steps" in page.text


@pytest.mark.parametrize(("name", "words"), [("Founders", "Is taken."), (" ", "Must not be empty.")])
def test_a_name_that_is_refused_is_told_beside_it(alice: Visitor, spring: UUID, name: str, words: str) -> None:
    save(alice, spring)
    page = alice.see(alice.send(alice.visit(f"/campaigns/{spring}/template").form("/template"), name=name), 422)
    assert words in page.text
    assert page.form("/template").value("name") == name


def test_a_new_campaign_starts_from_a_template(alice: Visitor, db: Database, spring: UUID) -> None:
    page = alice.visit(start(save(alice, spring)))
    form = page.form("/campaigns/new")
    assert "type" not in form.inputs
    answer = alice.send(form, name="Autumn")
    assert answer.headers["Location"].endswith("/sequence")
    alice.follow(answer)
    with db.reading() as session:
        new = session.query(Campaign).filter_by(name="Autumn").one()
        assert (new.daily_limit, new.status) == (7, "draft")
        assert [node.type for node in nodes_of(session, new.id)] == ["email", "delay", "email", "end"]


def test_a_start_from_a_template_that_is_refused_stays_on_it(alice: Visitor, spring: UUID) -> None:
    form = alice.visit(start(save(alice, spring))).form("/campaigns/new")
    page = alice.see(alice.send(form, name="Spring"), 422)
    assert "Is taken." in page.text
    assert page.form("/campaigns/new").value("template_id") == form.value("template_id")


def test_a_new_campaign_can_be_blank_the_sample_or_from_each_template(alice: Visitor, spring: UUID) -> None:
    save(alice, spring)
    page = alice.visit("/campaigns/new")
    assert page.form("/campaigns/new").inputs >= {"name", "type"}
    assert page.form("/campaigns/sample")
    assert start(page)
    alice.send(page.form("/campaigns/sample"))
    again = alice.visit("/campaigns/new")
    assert not [form for form in again.forms if form.action.endswith("/sample")]


def test_only_accounts_that_fit_the_template_can_be_chosen(alice: Visitor, db: Database, spring: UUID) -> None:
    with db.sessions.begin() as session:
        make.sender(session, session.get_one(make.Workspace, alice.workspace_id), type="linkedin", display_name="Dora")
    assert "Dora" in alice.visit("/campaigns/new").text
    assert "Dora" not in alice.visit(start(save(alice, spring))).text


def test_a_template_is_renamed(alice: Visitor, spring: UUID) -> None:
    save(alice, spring, "Others")
    page = save(alice, spring)
    rename = next(form for form in page.forms if form.action.endswith("/rename") and form.value("name") == "Founders")
    wrong = alice.see(alice.send(rename, name="Others"), 422)
    assert "Is taken." in wrong.text
    assert wrong.html.count('<details class="more" open>') == 1
    assert "It is called “Angels” now." in alice.follow(alice.send(rename, name="Angels")).text


def test_a_template_is_deleted_and_what_led_to_it_says_so(alice: Visitor, spring: UUID) -> None:
    page = save(alice, spring)
    new = alice.visit(start(page)).form("/campaigns/new")
    gone = alice.follow(alice.send(page.form("/delete")))
    assert "The template “Founders” is deleted" in gone.text
    assert "No templates yet" in gone.text
    assert "no such template" in alice.visit(start(page), 404).text
    assert "no such template" in alice.see(alice.send(new, name="Autumn"), 404).text


@pytest.mark.parametrize("query", ["template=x", "template=0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"])
def test_nobody_starts_from_a_template_that_is_not_there(alice: Visitor, query: str) -> None:
    alice.visit(f"/campaigns/new?{query}", 404)


def test_bob_does_not_see_alices_templates(alice: Visitor, bob: Visitor, spring: UUID) -> None:
    link = start(save(alice, spring))
    assert "Founders" not in bob.visit("/templates").text
    assert "Founders" not in bob.visit("/campaigns/new").text
    bob.visit(link, 404)
