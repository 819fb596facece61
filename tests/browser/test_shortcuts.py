"""Keys that do what links and buttons do; the sheet that lists them; messages that are heard and can be put away."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import assert_readable
from tests.browser.records import campaign_of, new_draft, new_sender, new_sleeping
from tests.jobs.processes import wait_until
from tests.stack import Stack

INSIDE = "document.activeElement === document.body || document.activeElement.closest('#shortcuts') !== null"


def press(page: Page, key: str) -> None:
    """Once the page listens, which after a key that led to it is not at once."""
    page.wait_for_load_state()
    page.keyboard.press(key)


@pytest.mark.parametrize(
    ("strokes", "place"),
    [("gc", "/campaigns"), ("gs", "/senders"), ("gw", "/workers"), ("n", "/campaigns/new")],
)
def test_a_person_goes_places_without_the_mouse(page: Page, strokes: str, place: str) -> None:
    page.goto("/keys")
    for stroke in strokes:
        page.keyboard.press(stroke)
    expect(page).to_have_url(re.compile(f"{place}$"))


def test_a_person_goes_through_the_tabs_of_a_campaign_by_number(page: Page, stack: Stack) -> None:
    page.goto(f"/campaigns/{new_draft(stack)}")
    for number, tab in enumerate(("Overview", "Sequence", "Settings", "Plan", "Prospects", "Wake-ups"), 1):
        press(page, str(number))
        current = page.get_by_role("navigation", name="Campaign").locator("[aria-current]")
        expect(current).to_have_text(re.compile(f"^{tab}"))


def test_p_pauses_a_campaign_and_p_resumes_it(page: Page, stack: Stack) -> None:
    campaign = new_sleeping(stack)
    page.goto(f"/campaigns/{campaign}")
    for status in ("paused", "active"):
        press(page, "p")
        wait_until(lambda status=status: campaign_of(stack, campaign)["status"] == status)
        expect(page.locator("#campaign-head .badge").first).to_have_text(status)


def test_nothing_happens_while_somebody_types(page: Page, stack: Stack) -> None:
    campaign = new_sleeping(stack)
    page.goto(f"/campaigns/{campaign}/settings")
    name = page.locator("#name")
    name.fill("")
    name.press_sequentially("gcnp?/2 campaigns")
    expect(name).to_have_value("gcnp?/2 campaigns")
    expect(page).to_have_url(re.compile("/settings$"))
    expect(page.locator("#shortcuts")).to_be_hidden()
    assert campaign_of(stack, campaign)["status"] == "active"


def test_a_slash_leads_to_the_search(page: Page) -> None:
    page.goto("/senders")
    page.keyboard.press("/")
    expect(page.locator("#find-wide")).to_be_focused()
    expect(page.locator("#find-wide")).to_have_value("")


def test_the_sheet_keeps_focus_and_gives_it_back(page: Page) -> None:
    page.goto("/senders")
    opener = page.get_by_role("button", name="Keyboard shortcuts")
    opener.focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet.get_by_role("button", name="Close")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(INSIDE)
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/senders$"))
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(opener).to_be_focused()


def test_everybody_can_read_the_sheet_and_it_tells_only_what_this_page_can_do(page: Page, stack: Stack) -> None:
    page.goto("/senders")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Go to the workers")
    expect(sheet.get_by_text("The tabs of this campaign")).to_be_hidden()
    assert_readable(page)
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_be_hidden()
    page.goto(f"/campaigns/{new_draft(stack)}")
    page.keyboard.press("?")
    expect(sheet.get_by_text("The tabs of this campaign")).to_be_visible()
    expect(sheet.get_by_text("Pause or resume")).to_be_hidden()


def test_single_keys_can_be_switched_off_for_good(page: Page) -> None:
    page.goto("/senders")
    page.keyboard.press("?")
    page.get_by_label("Listen to single keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.reload()
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_hidden()
    expect(page).to_have_url(re.compile("/senders$"))
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Listen to single keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/campaigns/new$"))


def test_what_came_of_a_form_is_said_and_can_be_put_away(page: Page, stack: Stack) -> None:
    sender = new_sender(stack)
    page.goto(f"/senders/{sender['id']}")
    page.get_by_role("button", name="Save the account").click()
    told = page.locator("#flashes .notice")
    expect(told).to_have_count(1)
    expect(page.locator("#announcements")).to_have_text(told.locator("div").inner_text())
    told.get_by_role("button", name="Close this message").click()
    expect(told).to_have_count(0)
    expect(page.locator("#main")).to_be_focused()
