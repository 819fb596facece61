"""Two tabs that meet, undo, and the versions of a sequence, in a real browser."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.builder import Builder
from tests.browser.conftest import Console
from tests.browser.looks import assert_readable
from tests.browser.records import add_people, launch
from tests.stack import Stack


def test_two_tabs_meet_and_one_keeps_its_own_by_the_keyboard(
    page: Page, context: BrowserContext, stack: Stack, console: Console
) -> None:
    console.expect_status(412)
    builder = Builder(page, stack)
    other = context.new_page()
    other.goto(page.url)
    subject = f"#step-{builder.first}-subject"
    other.locator(subject).fill("Theirs")
    other.locator(subject).press("Tab")
    expect(other.locator("#undo")).to_be_visible()

    page.locator(subject).fill("Mine")
    page.locator(subject).press("Tab")
    keep = page.get_by_role("button", name="Keep mine")
    expect(keep).to_be_visible()
    expect(page.locator(subject)).to_have_value("Mine")
    expect(page.locator("table.clash")).to_contain_text("Theirs")
    assert_readable(page)
    keep.press("Enter")
    expect(keep).to_have_count(0)
    assert builder.saved()[0]["subject"] == "Mine"

    # The other tab is the late one now, and takes what is there.
    other.locator(subject).fill("Theirs again")
    other.locator(subject).press("Tab")
    other.get_by_role("link", name="Take what is there now").click()
    expect(other.locator(subject)).to_have_value("Mine")


def test_a_removed_step_comes_back_by_undo(page: Page, stack: Stack) -> None:
    builder = Builder(page, stack)
    before = builder.saved()
    builder.part(builder.second, "remove").click()
    builder.expect_said("Email 2 removed, 3 left")
    expect(page.locator(".undo")).to_contain_text("Email 2 (removed)")
    assert len(builder.saved()) == 4
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.locator("#flashes")).to_contain_text("Undone")
    assert builder.saved() == before


def test_versions_and_the_words_of_a_running_campaign_can_be_read_and_corrected(page: Page, stack: Stack) -> None:
    builder = Builder(page, stack)
    builder.part(builder.first, "subject").fill("A better one")
    builder.save()
    page.get_by_role("link", name="Versions").click()
    expect(page.locator(".versions ins")).to_contain_text("better")
    assert_readable(page)
    add_people(stack, builder.campaign)
    launch(stack, builder.campaign)
    page.goto(f"/campaigns/{builder.campaign}/sequence")
    field = page.locator(f"#step-{builder.first}-body")
    field.fill("Corrected while it runs")
    assert_readable(page)
    page.get_by_role("button", name="Save the words of Email 1").press("Enter")
    expect(page.locator("#flashes")).to_contain_text("gets the new words")
    assert builder.saved()[0]["body"] == "Corrected while it runs"
