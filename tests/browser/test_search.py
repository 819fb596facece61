"""The search in the bar, and a campaign that starts from a template, in a real browser."""

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.looks import NARROW, assert_readable
from tests.browser.records import add_people, new_draft, nodes_of
from tests.stack import Stack


def test_somebody_is_found_by_the_keyboard_alone(page: Page, stack: Stack) -> None:
    name = f"Searched {uuid4().hex[:6]}"
    campaign = new_draft(stack, name=name)
    add_people(stack, campaign)
    page.goto("/senders")
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Find campaigns and people")
    expect(field).to_be_focused()
    page.keyboard.type(name.lower())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Search", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=name)).to_have_attribute("href", f"/campaigns/{campaign}")
    assert_readable(page)

    page.keyboard.press("/")
    expect(field).to_be_focused()
    field.fill("ann lee")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Ann Lee").first).to_be_visible()
    page.get_by_role("listitem").filter(has_text=name).get_by_role("link", name="Ann Lee").press("Enter")
    expect(page).to_have_url(re.compile(f"/campaigns/{campaign}/prospects/"))
    expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()


def test_the_search_of_a_narrow_page_is_in_the_menu(page: Page) -> None:
    page.set_viewport_size(NARROW)
    page.goto("/campaigns")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Find campaigns and people")).to_be_focused()
    page.keyboard.type("nobody at all")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", name="Nothing is called “nobody at all”")).to_be_visible()
    assert_readable(page)


def test_a_campaign_is_saved_as_a_template_and_another_starts_from_it(page: Page, stack: Stack) -> None:
    name = f"Template {uuid4().hex[:6]}"
    campaign = new_draft(stack)
    page.goto(f"/campaigns/{campaign}")
    page.get_by_role("link", name="Save as template").click()
    expect(page.get_by_role("button", name="Save the template")).to_be_visible()
    assert_readable(page)
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_role("button", name="Save the template").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert_readable(page)
    page.get_by_role("link", name=f"New campaign from {name}").click()
    expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "true")
    assert_readable(page)
    page.get_by_role("textbox", name="Name", exact=True).fill(f"{name}, again")
    page.get_by_role("button", name="Make the draft").click()
    expect(page).to_have_url(re.compile("/sequence$"))
    made = page.url.split("/")[-2]
    assert [node["type"] for node in nodes_of(stack, made)] == [node["type"] for node in nodes_of(stack, campaign)]


def test_a_campaign_starts_from_a_template_without_a_script(plain: Page, stack: Stack) -> None:
    name = f"Plain {uuid4().hex[:6]}"
    stack.api("POST", "/templates", {"campaign_id": new_draft(stack), "name": name})
    plain.goto("/campaigns/new")
    plain.get_by_role("link", name=name).click()
    plain.get_by_role("textbox", name="Name", exact=True).fill(f"{name}, again")
    plain.get_by_role("button", name="Make the draft").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text(f"{name}, again")
    plain.get_by_role("searchbox", name="Find campaigns and people").fill(name)
    plain.get_by_role("button", name="Find").click()
    expect(plain.get_by_role("link", name=f"{name}, again")).to_be_visible()
