"""How long ago things were goes on by itself; the list of time zones comes to whoever comes to the field."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Console
from tests.browser.records import SEQUENCE, new_draft
from tests.stack import Stack

HIDE = "hidden => Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden})"


def test_a_time_goes_on_while_somebody_looks_and_rests_while_nobody_does(page: Page, stack: Stack) -> None:
    draft = new_draft(stack)
    stack.api("PATCH", f"/campaigns/{draft}", {"sequence_nodes": SEQUENCE[:1] + SEQUENCE[-1:]})
    page.clock.install()
    page.goto(f"/campaigns/{draft}/sequence/versions")
    ago = page.locator("[data-until]").first
    expect(ago).to_have_text(re.compile(r"^(now|\d+ s ago)$"))
    page.clock.run_for(65_000)
    expect(ago).to_have_text("1 min ago")
    page.evaluate(HIDE, arg=True)
    page.clock.run_for(3 * 60 * 60 * 1000)
    expect(ago).to_have_text("1 min ago")
    page.evaluate(HIDE, arg=False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(ago).to_have_text("3 h ago")


def test_the_time_zones_come_when_somebody_comes_to_the_field(page: Page, stack: Stack) -> None:
    page.goto(f"/campaigns/{new_draft(stack)}/settings")
    offered = page.locator("#timezones option")
    expect(offered).to_have_count(0)
    with page.expect_response(re.compile(r"/timezones$")):
        page.get_by_label("Time zone", exact=True).focus()
    expect(page.locator("#timezones option[value='America/New_York']")).to_have_count(1)
    page.get_by_label("Time zone", exact=True).fill("Asia/Tokyo")
    page.get_by_role("button", name="Save the settings").click()
    expect(page.locator("#flashes")).to_contain_text("Saved.")
    expect(page.get_by_label("Time zone", exact=True)).to_have_value("Asia/Tokyo")


def test_a_zone_can_be_typed_where_no_script_runs(plain: Page, stack: Stack, console: Console) -> None:
    console.expect_status(422)
    plain.goto(f"/campaigns/{new_draft(stack)}/settings")
    plain.get_by_label("Time zone", exact=True).fill("tokyo")
    plain.get_by_role("button", name="Save the settings").last.click()
    expect(plain.locator("#hours-timezone-errors")).to_contain_text("Did you mean Asia/Tokyo?")
