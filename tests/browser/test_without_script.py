"""Everything works by plain links and forms, in a browser that runs no script."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Console
from tests.browser.records import add_people, campaign_of, launch, new_draft, new_sleeping, nodes_of
from tests.jobs.processes import wait_until
from tests.stack import Stack


def reloaded(page: Page) -> Page:
    page.reload()
    return page


def test_the_sequence_is_built_by_buttons(plain: Page, stack: Stack) -> None:
    campaign = new_draft(stack)
    first, wait, second, third, end = (node["id"] for node in nodes_of(stack, campaign))
    plain.goto(f"/campaigns/{campaign}/sequence")
    expect(plain.locator("[data-grip]").first).to_be_hidden()

    plain.locator(f"#step-{second}-subject").fill("Without a script")
    plain.get_by_role("button", name="Move up Email 2").click()
    expect(plain.locator("#flashes")).to_contain_text("Saved.")
    assert [node["id"] for node in nodes_of(stack, campaign)] == [first, second, wait, third, end]
    assert nodes_of(stack, campaign)[1]["subject"] == "Without a script"

    plain.get_by_role("button", name="Copy Email 1").click()
    plain.get_by_role("button", name="Remove Wait 1").click()
    plain.get_by_role("button", name="Wait", exact=True).click()
    assert [node["type"] for node in nodes_of(stack, campaign)] == ["email"] * 4 + ["delay", "end"]
    plain.locator(f"#step-{first}-subject").press("Enter")
    assert len(nodes_of(stack, campaign)) == 6  # Enter saves, and presses none of the buttons


def test_a_refused_sequence_stays_on_screen(plain: Page, stack: Stack, console: Console) -> None:
    console.expect_status(422)
    campaign = new_draft(stack)
    before = nodes_of(stack, campaign)
    plain.goto(f"/campaigns/{campaign}/sequence")
    plain.get_by_label("days").fill("31")
    plain.get_by_label("Subject").first.fill("Kept on screen")
    plain.get_by_role("button", name="Save the sequence").click()
    expect(plain.locator(f"#step-{before[1]['id']} .errors")).to_contain_text("30 days")
    expect(plain.get_by_label("days")).to_have_value("31")
    expect(plain.get_by_label("Subject").first).to_have_value("Kept on screen")
    assert nodes_of(stack, campaign) == before


def test_a_stale_page_is_told_that_the_sequence_is_locked_by_now(plain: Page, stack: Stack) -> None:
    campaign = new_draft(stack)
    plain.goto(f"/campaigns/{campaign}/sequence")
    add_people(stack, campaign)
    launch(stack, campaign)
    before = nodes_of(stack, campaign)
    plain.get_by_role("button", name="Remove Email 1").click()
    expect(plain.locator("#flashes")).to_contain_text(
        "Nothing was changed: the sequence can be changed in a draft only"
    )
    assert nodes_of(stack, campaign) == before


def test_the_week_is_changed_and_saved(plain: Page, stack: Stack) -> None:
    campaign = new_draft(stack, operating_hours={"timezone": "UTC", "monday": [{"start": "09:00", "end": "12:00"}]})
    plain.goto(f"/campaigns/{campaign}/settings")
    plain.get_by_role("button", name="Add hours on Thursday").click()
    expect(plain.get_by_label("Thursday, from")).to_be_focused()
    plain.get_by_label("Thursday, from").fill("20:00")
    plain.get_by_label("Thursday, to").fill("24:00")
    plain.get_by_role("button", name=re.compile("Remove Monday")).click()
    assert campaign_of(stack, campaign)["operating_hours"]["monday"]
    plain.get_by_role("textbox", name="Daily limit").fill("77")
    plain.get_by_role("button", name="Save the settings").click()
    expect(plain.locator("#flashes")).to_contain_text("Saved.")
    saved = campaign_of(stack, campaign)
    assert saved["daily_limit"] == 77
    assert saved["operating_hours"]["monday"] == []
    assert saved["operating_hours"]["thursday"] == [{"start": "20:00", "end": "24:00"}]


def test_people_are_pasted_uploaded_found_and_removed(plain: Page, stack: Stack) -> None:
    plain.goto(f"/campaigns/{new_draft(stack)}/prospects")
    plain.get_by_label("Paste them").fill("Ann Lee <ann@corp.test>\nbob@corp.test\nann@corp.test")
    plain.get_by_role("button", name="Add them").click()
    expect(plain.locator("#prospects tbody tr")).to_have_count(2)

    plain.locator("#add-people summary").click()
    csv = "\ufeffemail;first_name\ncarla@other.test;Carla\nbob@corp.test;Bob\n".encode()
    plain.get_by_label("Or upload a CSV").set_input_files({"name": "p.csv", "mimeType": "text/csv", "buffer": csv})
    plain.get_by_role("button", name="Upload", exact=True).click()
    plain.get_by_label("first_name becomes").select_option("custom")
    plain.get_by_label("Name of the custom field").last.fill("Nickname")
    plain.get_by_role("button", name="Look at the first lines again").click()
    expect(plain.locator("#import-foresight")).to_contain_text("1 would be imported, 1 is in this campaign already")
    plain.get_by_label("first_name becomes").select_option("first_name")
    plain.get_by_role("button", name="Start the import").click()
    wait_until(lambda: reloaded(plain).locator("#import").get_by_text("The import is done.").count())
    plain.get_by_role("link", name="To the prospects").click()
    expect(plain.locator("#prospects tbody tr")).to_have_count(3)

    plain.get_by_label("Search").fill("carla")
    plain.get_by_role("button", name="Show", exact=True).click()
    expect(plain.locator("#prospects tbody tr")).to_have_count(1)
    plain.get_by_label("Choose Carla").check()
    plain.get_by_role("button", name="Remove the chosen ones").click()
    plain.get_by_role("link", name="Show all").click()
    expect(plain.locator("#prospects tbody tr")).to_have_count(2)


def test_a_page_says_why_somebody_is_not_written_to_now(plain: Page, stack: Stack) -> None:
    plain.goto(f"/campaigns/{new_sleeping(stack)}/prospects")
    plain.get_by_role("link", name="Why not now? Ann Lee").click()
    expect(plain.get_by_role("heading", name="Ann Lee")).to_be_visible()
    expect(plain.locator("[id^=why-]")).to_contain_text("Earliest")


def test_a_campaign_is_paused_and_resumed(plain: Page, stack: Stack) -> None:
    campaign = new_sleeping(stack)
    plain.goto(f"/campaigns/{campaign}")
    plain.get_by_role("button", name="Pause campaign").click()
    expect(plain.locator("#now")).to_contain_text("Paused.")
    plain.get_by_role("button", name="Resume campaign").click()
    expect(plain.locator("#now")).to_contain_text("3 people sleep until")


def test_the_server_is_asked_for_only_where_it_is_used(plain: Page) -> None:
    plain.goto("/senders/new")
    expect(plain.get_by_label("Server", exact=True)).to_be_hidden()
    plain.get_by_label("An SMTP server").check()
    expect(plain.get_by_label("Server", exact=True)).to_be_visible()
