"""Each kind of campaign shows what is its own: its fields, its steps, its senders and its words."""

from uuid import UUID

import pytest

from campaigns.models import Campaign, Node, Prospect, Workspace
from campaigns.rules.fields import FIELDS
from campaigns.rules.lifecycle import CAMPAIGN_STATUSES, CAMPAIGN_TYPES
from campaigns.rules.sequence import ALL_NODE_TYPES, DELAY, END, NODE_FIELDS, NODE_TYPES
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Form, Page, squeezed

# Field of a campaign -> the input that the settings have for it, where that has another name.
INPUTS = {"account_limits": "limit-", "operating_hours": "hours-mode", "sender_account_ids": "sender_account_ids-shown"}
NOTE = {"type": "connection_request", "include_message": True, "body": "Hi %first_name|there%"}
STEPS = {
    "email": [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END],
    "linkedin": [NOTE, make.delay(days=1), {"type": "message", "body": "Dear %first_name%"}, make.CONNECT, make.END],
}


def new(db: Database, alice: Visitor, kind: str, **values: object) -> UUID:
    """A campaign of this kind with every step of it, a sender and a limit for it where there are such."""
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, alice.workspace_id)
        account = make.sender(session, workspace, type=kind, **({"provider": "assisted"} if kind != "email" else {}))
        limits = {account: 7} if kind == "email" else {}
        own = {"nodes": STEPS[kind], "senders": [account], "limits": limits} | values
        made = make.campaign(session, workspace, type=kind, **own)
        make.prospect(session, made, first_name="Ann", last_name="Lee")
        return made.id


def inputs(page: Page, action: str) -> set[str]:
    return set().union(*(form.inputs for form in page.forms if form.action.partition("?")[0].endswith(action)))


@pytest.mark.parametrize("status", CAMPAIGN_STATUSES)
@pytest.mark.parametrize("kind", CAMPAIGN_TYPES)
def test_the_settings_have_an_input_for_what_can_be_edited_and_for_nothing_of_the_other_kind(
    alice: Visitor, db: Database, kind: str, status: str
) -> None:
    page = alice.visit(f"/campaigns/{new(db, alice, kind, status=status)}/settings")
    found = inputs(page, "/settings")
    for row in (row for row in FIELDS if row.name != "sequence_nodes"):
        name = INPUTS.get(row.name, row.name)
        has_input = any(one == name or (name.endswith("-") and one.startswith(name)) for one in found)
        assert has_input == (kind in row.types and (row.always or status == "draft")), row.name
        assert (row.label in page.text) == (kind in row.types), row.name


@pytest.mark.parametrize("kind", CAMPAIGN_TYPES)
def test_the_builder_has_an_input_for_each_field_of_a_step_and_for_none_of_another_kind(
    alice: Visitor, db: Database, kind: str
) -> None:
    page = alice.visit(f"/campaigns/{new(db, alice, kind)}/sequence")
    found = inputs(page, "/sequence")
    for index, step in enumerate(STEPS[kind]):
        for name, row in NODE_FIELDS.items():
            first_email = name == "is_reply" and index == 0  # nothing is before it that it could answer
            wanted = step["type"] in row.types and not first_email
            assert (f"nodes-{index}-{name}" in found) == wanted, (step["type"], name)


@pytest.mark.parametrize("kind", CAMPAIGN_TYPES)
def test_the_builder_offers_the_steps_of_its_kind_alone(alice: Visitor, db: Database, kind: str) -> None:
    form = alice.visit(f"/campaigns/{new(db, alice, kind)}/sequence").form("/sequence")
    offered = {button.value for button in form.buttons if button.name == "add"}
    assert offered == set(NODE_TYPES[kind]) - {END}


@pytest.mark.parametrize("kind", CAMPAIGN_TYPES)
def test_a_step_of_the_other_kind_is_refused_and_changes_nothing(alice: Visitor, db: Database, kind: str) -> None:
    campaign = new(db, alice, kind)
    before = db.dump()
    for other in set(ALL_NODE_TYPES) - set(NODE_TYPES[kind]):
        form = alice.visit(f"/campaigns/{campaign}/sequence").form("/sequence")
        alice.see(alice.send(form, extra=[("add", other)]), 422)
    assert db.dump() == before


@pytest.mark.parametrize("kind", CAMPAIGN_TYPES)
def test_while_it_runs_each_step_that_says_something_has_its_words_and_no_other_input(
    alice: Visitor, db: Database, kind: str
) -> None:
    page = alice.visit(f"/campaigns/{new(db, alice, kind, status='active')}/sequence")
    found = [form for form in page.forms if "/sequence/words/" in form.action]
    says = [step for step in STEPS[kind] if step["type"] not in (DELAY, END) and step is not make.CONNECT]
    assert len(found) == len(says)
    for form, step in zip(found, says, strict=True):
        own = {"subject", "body"} if step["type"] == "email" else {"body"}
        assert form.inputs - {"csrf_token", "version"} == own
    assert ("A bare invitation." in page.text) == (kind == "linkedin")


# The words


def test_nothing_of_a_linkedin_campaign_speaks_of_emails(alice: Visitor, db: Database) -> None:
    campaign = new(db, alice, "linkedin")
    with db.reading() as session:
        person = session.query(Prospect.id).scalar()
    for page in (
        "",
        "/sequence",
        "/sequence/preview",
        "/sequence/versions",
        "/settings",
        "/plan",
        f"/prospects/{person}",
    ):
        html = alice.visit(f"/campaigns/{campaign}{page}").html
        text = Page(html.partition("</nav>\n</div>")[2].partition("</main>")[0]).text
        assert text.strip()
        for word in ("email", "mailbox", "subject", "inbox"):
            assert word not in text.replace("%email%", "").lower(), (page, word)


def test_people_of_linkedin_are_pasted_as_links(alice: Visitor, db: Database) -> None:
    page = alice.visit(f"/campaigns/{new(db, alice, 'linkedin')}/prospects")
    assert "linkedin_url,first_name,company" in page.html
    assert "ann@corp.test" not in page.html


# How long a text is


def limits(form: Form, page: Page, name: str) -> str:
    """What the page says of the length of this text."""
    start = page.html.index(f'name="{name}"')
    words = page.html[start : page.html.index("</p>", start)]
    return squeezed(words.rpartition('<span class="length')[2].partition(">")[2].partition("<")[0])


def test_each_text_says_how_much_of_its_limit_is_used(alice: Visitor, db: Database) -> None:
    page = alice.visit(f"/campaigns/{new(db, alice, 'linkedin')}/sequence")
    form = page.form("/sequence")
    assert limits(form, page, "nodes-0-body") == "4 of 200 characters"
    assert limits(form, page, "nodes-2-body") == "6 of 8,000 characters"


@pytest.mark.parametrize(("premium", "most"), [([True], 300), ([True, False], 200), ([], 200)])
def test_the_limit_is_that_of_the_account_that_may_write_least(
    alice: Visitor, db: Database, premium: list[bool], most: int
) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, alice.workspace_id)
        seats = [make.sender(session, workspace, type="linkedin", is_premium=one) for one in premium]
        made = make.campaign(session, workspace, type="linkedin", nodes=STEPS["linkedin"], senders=seats)
    page = alice.visit(f"/campaigns/{made.id}/sequence")
    assert f'data-most="{most}"' in page.html


def test_a_preview_tells_the_length_and_who_would_be_held_back(alice: Visitor, db: Database) -> None:
    campaign = new(db, alice, "linkedin")
    assert "6 of 200 characters" in alice.visit(f"/campaigns/{campaign}/sequence/preview").text
    with db.sessions.begin() as session:
        session.query(Prospect).update({"first_name": "A" * 198})
    page = alice.visit(f"/campaigns/{campaign}/sequence/preview")
    assert "201 of 200 characters" in page.text
    assert "would be held back" in squeezed(page.text)
    assert not [form for form in page.forms if form.action.endswith("/preview/send")]


def test_too_long_a_note_is_not_launched_and_the_checklist_says_from_which_account(
    alice: Visitor, db: Database
) -> None:
    campaign = new(db, alice, "linkedin")
    with db.sessions.begin() as session:
        session.query(Node).filter_by(type="connection_request", include_message=True).update({"body": "x" * 201})
    page = alice.visit(f"/campaigns/{campaign}")
    assert "Connection request 1: the note has at least 201 characters, and Sarah Chen" in squeezed(page.text)
    told = alice.follow(alice.send(page.form("/launch")))
    assert "Not ready to launch" in told.text
    with db.reading() as session:
        assert session.get_one(Campaign, campaign).status == "draft"


def test_the_checklist_tells_for_how_many_a_note_would_be_too_long(alice: Visitor, db: Database) -> None:
    campaign = new(db, alice, "linkedin")
    with db.sessions.begin() as session:
        made = session.get_one(Campaign, campaign)
        make.prospects(session, made, 3, first_name="B" * 198)
    text = squeezed(alice.visit(f"/campaigns/{campaign}").text)
    assert "with their values the note is over 200 characters for 3 of the 4 people looked at" in text
    assert "Everything is in place" in text


def test_the_checklist_warns_of_a_message_to_people_whom_nobody_invited(alice: Visitor, db: Database) -> None:
    for steps, warned in ((STEPS["linkedin"], False), ([make.delay(days=1), STEPS["linkedin"][2], make.END], True)):
        text = alice.visit(f"/campaigns/{new(db, alice, 'linkedin', nodes=steps)}").text
        assert ("Nobody is invited before the first message" in text) == warned


def test_the_words_of_a_running_campaign_have_to_fit_too(alice: Visitor, db: Database) -> None:
    page = alice.visit(f"/campaigns/{new(db, alice, 'linkedin', status='active')}/sequence")
    form = next(form for form in page.forms if "/sequence/words/" in form.action)
    refused = alice.see(alice.send(form, body="x" * 201), 422)
    assert "has at least 201 characters" in refused.text


# A new campaign


def test_a_seat_that_was_ticked_before_email_was_chosen_is_left_out(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, alice.workspace_id)
        mailbox, seat = make.sender(session, workspace), make.sender(session, workspace, type="linkedin")
    form = alice.visit("/campaigns/new").form("/campaigns/new")
    both = [str(mailbox.id), str(seat.id)]
    for kind, own in (("email", mailbox), ("linkedin", seat)):
        alice.follow(alice.send(form, name=kind, type=kind, sender_account_ids=both))
        with db.reading() as session:
            made = session.query(Campaign).filter_by(name=kind).one()
            assert [row.sender_id for row in session.query(make.CampaignSender).filter_by(campaign_id=made.id)] == [
                own.id
            ]
