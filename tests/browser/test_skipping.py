"""People who are in another LinkedIn campaign, as somebody sees them who launches the next one."""

from playwright.sync_api import Page, expect

from tests.browser.looks import assert_readable
from tests.browser.records import launch
from tests.browser.test_linkedin import new_linkedin
from tests.stack import Stack

SPRING, SUMMER = "Spring, to founders", "Summer, to founders"


def add(stack: Stack, campaign: str, *links: str) -> None:
    people = [{"linkedin_url": link, "first_name": link.rpartition("/")[2].title()} for link in links]
    stack.api("POST", f"/campaigns/{campaign}/prospects", {"prospects": people})


def test_whoever_is_skipped_is_foretold_told_listed_and_written_to_all_the_same(page: Page, stack: Stack) -> None:
    spring, summer = (new_linkedin(stack, name=name) for name in (SPRING, SUMMER))
    add(stack, spring, "https://www.linkedin.com/in/skipped-ann")
    launch(stack, spring)
    add(stack, summer, "https://de.linkedin.com/in/Skipped-Ann", "https://www.linkedin.com/in/skipped-ben")
    page.goto(f"/campaigns/{summer}")
    expect(page.locator("#checklist")).to_contain_text(
        f"1 prospect will be skipped, being in other LinkedIn campaigns already: 1 in “{SPRING}”."
    )
    page.get_by_role("button", name="Launch").click()
    expect(page.locator("#flashes")).to_contain_text("1 person is skipped, being in other campaigns already")
    expect(page.get_by_text("Launch asked for: 1 person skipped")).to_be_visible()
    page.goto(f"/campaigns/{summer}/prospects?status=cancelled")
    expect(page.get_by_role("link", name=f"Skipped: already in the campaign “{SPRING}”.")).to_be_visible()
    assert_readable(page)
    page.get_by_role("link", name="Skipped-Ann", exact=True).click()
    expect(page.get_by_role("link", name=SPRING)).to_have_attribute("href", f"/campaigns/{spring}")
    expect(page.get_by_role("button", name="Write to them all the same")).to_be_visible()
    assert_readable(page)
    page.get_by_role("button", name="Write to them all the same").click()
    expect(page.locator("#flashes")).to_contain_text("They are written to, in the other campaign as well.")
    expect(page.get_by_role("button", name="Pause this person")).to_be_visible()
