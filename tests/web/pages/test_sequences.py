"""The sequence builder without a script: every button posts the whole list and gets it back."""

from typing import Any
from uuid import UUID

import pytest

from campaigns.models.campaign import Campaign
from campaigns.reporting import nodes_json
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Button, Form, Page, squeezed

STEPS = [make.EMAIL_STEP, make.delay(days=2), make.FOLLOW_UP, make.END]


@pytest.fixture
def draft(alice: Visitor, db: Database) -> UUID:
    """An email draft: email, a delay of two days, a reply, the end."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        made: Campaign = make.campaign(session, workspace, nodes=STEPS)
        return made.id


def nodes(db: Database, campaign: UUID) -> list[dict[str, Any]]:
    with db.reading() as session:
        return nodes_json(session, campaign)


def types(db: Database, campaign: UUID) -> list[str]:
    found = nodes(db, campaign)
    assert [node["position"] for node in found] == list(range(len(found)))
    return [node["type"] for node in found]


def builder(alice: Visitor, campaign: UUID) -> Form:
    return alice.visit(f"/campaigns/{campaign}/sequence").form("/sequence")


def press(form: Form, name: str, value: str) -> Button:
    return next(button for button in form.buttons if (button.name, button.value) == (name, value))


def test_saving_the_list_as_it_stands_changes_nothing(alice: Visitor, db: Database, draft: UUID) -> None:
    before = db.dump()
    page = alice.follow(alice.send(builder(alice, draft)))
    assert "Saved." in page.text
    assert db.dump() == before


@pytest.mark.parametrize(
    ("name", "value", "after"),
    [
        ("move", "down:0", ["delay", "email", "email", "end"]),
        ("move", "up:2", ["email", "email", "delay", "end"]),
        ("copy", "1", ["email", "delay", "delay", "email", "end"]),
        ("remove", "1", ["email", "email", "end"]),
        ("add", "delay", ["email", "delay", "email", "delay", "end"]),
        ("add", "email", ["email", "delay", "email", "email", "end"]),
    ],
)
def test_each_button_changes_the_saved_list(
    alice: Visitor, db: Database, draft: UUID, name: str, value: str, after: list[str]
) -> None:
    kept = {node["id"] for node in nodes(db, draft)}
    form = builder(alice, draft)
    page = alice.follow(alice.send(form, press(form, name, value)))
    assert types(db, draft) == after
    shown = [page.form("/sequence").value(f"nodes-{index}-id") for index in range(len(after))]
    assert shown == [node["id"] for node in nodes(db, draft)]
    assert len(kept & set(shown)) == min(len(after), 4 if name != "remove" else 3)


def test_an_email_that_is_added_after_another_one_stays_in_its_thread(
    alice: Visitor, db: Database, draft: UUID
) -> None:
    form = builder(alice, draft)
    alice.follow(alice.send(form, press(form, "add", "email")))
    assert [node["is_reply"] for node in nodes(db, draft) if node["type"] == "email"][-1] is True


def test_the_first_email_that_is_added_starts_a_thread(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        empty = make.campaign(session, workspace, nodes=[make.END])
    form = builder(alice, empty.id)
    alice.follow(alice.send(form, press(form, "add", "email")))
    assert [node["is_reply"] for node in nodes(db, empty.id) if node["type"] == "email"] == [False]


@pytest.mark.parametrize(
    ("name", "value"), [("move", "up:0"), ("move", "down:2"), ("move", "down:3"), ("remove", "3"), ("copy", "9")]
)
def test_the_end_stays_last_and_what_cannot_be_moved_stays(
    alice: Visitor, db: Database, draft: UUID, name: str, value: str
) -> None:
    before = nodes(db, draft)
    alice.follow(alice.send(builder(alice, draft), Button(name, value)))
    assert nodes(db, draft) == before


def test_what_was_typed_goes_along_with_a_button(alice: Visitor, db: Database, draft: UUID) -> None:
    form = builder(alice, draft)
    changes = {"nodes-0-subject": "Typed", "nodes-0-body": "Line\r\nline", "nodes-1-delay_hours": "5"}
    alice.follow(alice.send(form, press(form, "move", "down:1"), **changes))
    first, _, third, _ = nodes(db, draft)
    assert (first["subject"], first["body"], third["delay_hours"]) == ("Typed", "Line\nline", 5)
    assert types(db, draft) == ["email", "email", "delay", "end"]


def test_a_refused_list_stays_on_screen_with_the_error_at_its_step(alice: Visitor, db: Database, draft: UUID) -> None:
    before = db.dump()
    form = builder(alice, draft)
    changes = {"nodes-1-delay_days": "31", "nodes-0-subject": "Typed"}
    page = alice.see(alice.send(form, press(form, "add", "email"), **changes), 422)
    again = page.form("/sequence")
    assert again.value("nodes-1-delay_days") == "31"
    assert again.value("nodes-0-subject") == "Typed"
    assert again.value("nodes-3-type") == "email"
    assert "Must wait from 1 minute to 30 days in all, not 31 days." in page.text
    assert "Not saved" in page.text
    assert db.dump() == before
    repaired = alice.follow(alice.send(again, **{"nodes-1-delay_days": "30"}))
    assert "Saved." in repaired.text
    assert types(db, draft) == ["email", "delay", "email", "email", "end"]


@pytest.mark.parametrize("typed", ["-1", "two", "99999999999"])
def test_a_delay_that_is_no_number_of_days_comes_back_as_it_was_typed(
    alice: Visitor, db: Database, draft: UUID, typed: str
) -> None:
    page = alice.see(alice.send(builder(alice, draft), **{"nodes-1-delay_days": typed}), 422)
    assert page.form("/sequence").value("nodes-1-delay_days") == typed


def test_a_step_that_is_not_this_campaigns_is_refused(alice: Visitor, db: Database, draft: UUID) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        other = make.campaign(session, workspace, nodes=STEPS)
    foreign = nodes(db, other.id)[0]["id"]
    page = alice.see(alice.send(builder(alice, draft), **{"nodes-0-id": foreign}), 422)
    assert "Is not a step of this campaign." in page.text


def test_a_list_without_its_end_is_refused_as_a_whole(alice: Visitor, db: Database, draft: UUID) -> None:
    form = builder(alice, draft)
    form.fields = [pair for pair in form.fields if not pair[0].startswith("nodes-3")]
    page = alice.see(alice.send(form), 422)
    assert "The sequence must have an end as its last step." in page.text


def test_more_than_a_hundred_steps_are_refused_and_none_is_lost(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        full = make.campaign(session, workspace, nodes=[make.EMAIL_STEP] * 99 + [make.END])
    form = builder(alice, full.id)
    page = alice.see(alice.send(form, press(form, "add", "email")), 422)
    assert "at most 100 steps, not 101" in page.text
    assert page.form("/sequence").value("nodes-100-type") == "end"


def test_a_script_gets_the_list_alone(alice: Visitor, db: Database, draft: UUID) -> None:
    form = builder(alice, draft)
    part: Page = alice.see_fragment(alice.send(form, press(form, "remove", "1"), htmx=True))
    assert part.root is not None
    assert part.root["id"] == "builder"
    assert part.root["data-saved"] == "true"
    form = part.form("/sequence")
    refused = alice.see_fragment(alice.send(form, htmx=True, **{"nodes-1-id": "x"}), 422)
    assert refused.root is not None
    assert refused.root["data-saved"] == "false"


def test_a_stale_tab_cannot_change_the_sequence_of_a_running_campaign(
    alice: Visitor, db: Database, draft: UUID
) -> None:
    form = builder(alice, draft)
    with db.sessions.begin() as session:
        session.get_one(Campaign, draft).status = "active"
    before = db.dump()
    page = alice.follow(alice.send(form, press(form, "remove", "1")))
    assert "Nothing was changed: the sequence can be changed in a draft only; this campaign is active." in page.text
    part = alice.see_fragment(alice.send(form, press(form, "remove", "1"), htmx=True))
    assert "this campaign is active" in part.text
    assert all("/sequence/words/" in form.action for form in part.forms)
    assert db.dump() == before


def test_a_running_sequence_is_text_without_any_input(alice: Visitor, db: Database, draft: UUID) -> None:
    with db.sessions.begin() as session:
        session.get_one(Campaign, draft).status = "active"
    page = alice.visit(f"/campaigns/{draft}/sequence")
    assert not [form for form in page.forms if form.action.endswith("/sequence")]
    assert "Wait 2 days" in squeezed(page.text)


def test_a_linkedin_sequence_has_its_own_steps(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        made = make.campaign(session, workspace, type="linkedin")
    form = builder(alice, made.id)
    alice.follow(
        alice.send(form, press(form, "add", "message"), **{"nodes-0-include_message": "1", "nodes-0-body": "Hi"})
    )
    found = nodes(db, made.id)
    assert [node["type"] for node in found] == ["connection_request", "message", "end"]
    assert found[0]["include_message"] is True
    page = alice.see(alice.send(builder(alice, made.id), Button("add", "email")), 422)
    assert "must be one of" in squeezed(page.text).lower()
