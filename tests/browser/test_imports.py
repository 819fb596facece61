"""The import wizard, by mouse and by keyboard: from a file to people, and to the lines that were left out."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Console
from tests.browser.looks import assert_readable
from tests.browser.records import new_draft
from tests.stack import Stack

# Enough to see it on its way.
LINES = 30_000
HEAD = "Kontakt;Vorname;Firma;Favourite tea"


def table(lines: int = LINES) -> bytes:
    rows = [HEAD, "broken;Bob;Corp;=1+1"]
    rows += [f"person{n}@corp.test;Person {n};Corp {n};Oolong" for n in range(lines)]
    return "\n".join([*rows, "PERSON0@corp.test;Again;Corp;Mint"]).encode()


def choose_file(page: Page, campaign: str, data: bytes) -> None:
    page.goto(f"/campaigns/{campaign}/prospects")
    page.get_by_label("Or upload a CSV").set_input_files({"name": "autumn.csv", "mimeType": "text/csv", "buffer": data})


def test_a_file_is_looked_at_imported_found_again_and_mended(
    context: BrowserContext, stack: Stack, console: Console
) -> None:
    console.expect_status(422)
    page = context.new_page()
    campaign = new_draft(stack)
    choose_file(page, campaign, table())
    page.get_by_role("button", name="Upload", exact=True).click()

    foresight = page.locator("#import-foresight")
    expect(page.get_by_label("Kontakt becomes")).to_have_value("email")
    expect(page.get_by_label("Vorname becomes")).to_have_value("first_name")
    expect(page.get_by_label("Name of the custom field").last).to_have_value("Favourite tea")
    expect(foresight).to_contain_text("Of 2,000 lines, 1,999 would be imported, 1 is not valid.")
    expect(foresight).to_contain_text('Line 2 email: "broken" is not an email address')
    assert_readable(page)

    page.get_by_label("Firma becomes").select_option("email")
    expect(foresight).to_contain_text("Firma: Is chosen for a column further up already.")
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_label("Firma becomes")).to_have_attribute("aria-invalid", "true")
    assert_readable(page)
    page.get_by_label("Firma becomes").select_option("company")
    expect(foresight).to_contain_text("1,999 would be imported")
    expect(page.locator(".mapping .errors")).to_have_count(0)
    page.get_by_role("button", name="Start the import").click()

    expect(page.locator("#import")).to_contain_text(f"of {LINES + 2:,} lines")
    page.goto(f"/campaigns/{campaign}/prospects")  # closed, and found again
    page.get_by_role("link", name="autumn.csv").click()
    progress = page.locator("#import")
    expect(progress).to_contain_text("The import is done.", timeout=60_000)
    expect(progress).to_contain_text(f"{LINES + 2:,} of {LINES + 2:,} lines, 100%")
    expect(page.locator(".tabs .count")).to_have_text(f"{LINES:,}")
    assert_readable(page)
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Not valid")).click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == "import_line,import_reason,Kontakt,Vorname,Firma,Favourite tea"
    assert text.splitlines()[1].startswith('2,"email: ""broken"" is not an email address')
    assert text.rstrip().endswith(",broken,Bob,Corp,'=1+1")
    page.get_by_role("link", name="All imports").click()
    expect(page.locator("#imports")).to_contain_text(f"{LINES:,} imported, 2 left out")
    assert_readable(page)
    page.get_by_role("link", name="Prospects").first.click()
    expect(page.locator("#prospects .pages")).to_contain_text(f"of {LINES:,} people")


def test_the_wizard_is_walked_by_keyboard_alone(context: BrowserContext, stack: Stack) -> None:
    page = context.new_page()
    campaign = new_draft(stack)
    choose_file(page, campaign, table(3))
    page.get_by_role("button", name="Upload", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_label("Favourite tea becomes").focus()
    page.keyboard.press("Home")
    expect(page.locator("#key-3")).to_be_hidden()
    expect(page.locator("#import-foresight")).to_contain_text("Of 5 lines, 3 would be imported")
    expect(page.get_by_label("Favourite tea becomes")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Start the import")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#import")).to_contain_text("The import is done.")
    expect(page.locator("#import")).to_contain_text("Twice in the file")
    people = stack.api("GET", f"/campaigns/{campaign}/prospects")["prospects"]
    assert [(one["first_name"], one["company"], one["custom_fields"]) for one in people] == [
        (f"Person {n}", f"Corp {n}", {}) for n in range(3)
    ]


def test_a_file_on_its_way_is_cancelled_and_who_is_in_stays(context: BrowserContext, stack: Stack) -> None:
    page = context.new_page()
    campaign = new_draft(stack)
    choose_file(page, campaign, table(90_000))
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("button", name="Start the import").click()
    page.get_by_role("button", name="Cancel, keep who is in").click()
    expect(page.locator("#import")).to_contain_text("are in and stay.")
    told = re.search(r"It was cancelled\. ([\d,]+) are in", page.locator("#import").inner_text())
    assert told is not None
    assert stack.api("GET", f"/campaigns/{campaign}/prospects")["total"] == int(told[1].replace(",", "")) < 90_000
