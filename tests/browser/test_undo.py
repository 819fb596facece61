"""What was done to people by a slip: undone with the mouse and with the keyboard, and nothing is asked before."""

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.records import PEOPLE, SEQUENCE, add_people, campaign_of, launch, new_draft, new_sender, new_sleeping
from tests.jobs.processes import wait_until
from tests.stack import Stack


@pytest.fixture
def unasked(page: Page) -> Page:
    """A page on which no question may come up."""

    def refuse(dialog: Dialog) -> None:
        dialog.dismiss()
        raise AssertionError(dialog.message)

    page.on("dialog", refuse)
    return page


def test_people_are_removed_and_brought_back_with_the_mouse(unasked: Page, stack: Stack) -> None:
    page, draft = unasked, new_draft(stack)
    add_people(stack, draft)
    page.goto(f"/campaigns/{draft}/prospects")
    rows = page.locator("#prospects tbody tr")
    for choice in page.get_by_label("Choose ").all()[:2]:
        choice.check()
    page.get_by_role("button", name="Remove the chosen ones").click()
    expect(rows).to_have_count(len(PEOPLE) - 2)
    expect(page.locator("#undo-form")).to_contain_text("2 people removed")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#flashes")).to_contain_text("2 people brought back.")
    expect(rows).to_have_count(len(PEOPLE))


def test_a_person_is_removed_and_brought_back_with_the_keyboard_alone(unasked: Page, stack: Stack) -> None:
    page, draft = unasked, new_draft(stack)
    add_people(stack, draft)
    person = stack.api("GET", f"/campaigns/{draft}/prospects")["prospects"][0]["id"]
    page.goto(f"/campaigns/{draft}/prospects/{person}")
    page.get_by_role("button", name="Remove this person").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#prospects tbody tr")).to_have_count(len(PEOPLE) - 1)
    page.wait_for_load_state()  # the rows are there before whoever listens to keys is
    page.keyboard.press("u")
    expect(page.locator("#flashes")).to_contain_text("1 person brought back.")
    assert stack.api("GET", f"/campaigns/{draft}/prospects/{person}")["prospect"]["status"] == "pending"


def test_a_step_is_skipped_and_comes_after_all(unasked: Page, stack: Stack) -> None:
    page, campaign = unasked, new_sleeping(stack)
    person = stack.api("GET", f"/campaigns/{campaign}/prospects")["prospects"][0]
    page.goto(f"/campaigns/{campaign}/prospects/{person['id']}")
    page.get_by_role("button", name="Skip Email 1").click()
    expect(page.get_by_role("button", name="Skip Email 2")).to_be_visible()
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_role("button", name="Skip Email 1")).to_be_visible()
    after = stack.api("GET", f"/campaigns/{campaign}/prospects/{person['id']}")["prospect"]
    assert {**after, "updated_at": None} == {**person, "updated_at": None}


@pytest.mark.parametrize("script", [True, False])
def test_a_value_that_held_somebody_back_is_filled_in_and_their_message_leaves(
    page: Page, plain: Page, stack: Stack, script: bool
) -> None:
    visitor = page if script else plain
    steps = [{"type": "email", "subject": "To %company%", "body": "Hello"}, *SEQUENCE[1:]]
    values = {"sender_account_ids": [new_sender(stack)["id"]], "operating_hours": None, "sequence_nodes": steps}
    campaign = new_draft(stack, **values)
    stack.api("POST", f"/campaigns/{campaign}/prospects", {"prospects": [{"email": "ann@one.test"}, *PEOPLE[1:]]})
    launch(stack, campaign)
    wait_until(lambda: campaign_of(stack, campaign)["stats"]["failed"] == 2)
    visitor.goto(f"/campaigns/{campaign}/prospects?status=failed")
    expect(visitor.get_by_role("link", name="ann@one.test", exact=True)).to_be_visible()
    visitor.get_by_role("link", name="ann@one.test", exact=True).press("Enter")
    visitor.get_by_role("link", name="Edit what is known of ann@one.test").press("Enter")
    visitor.get_by_label("Company").fill("Engines")
    visitor.get_by_role("button", name="Save and try again").press("Enter")
    expect(visitor.locator("#flashes")).to_contain_text("Saved. The step is tried again.")
    wait_until(lambda: campaign_of(stack, campaign)["stats"]["sent"] == len(PEOPLE) - 1)
