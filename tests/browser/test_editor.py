"""The settings: an input for what can be edited now, and nothing else that a browser could post."""

import re

from playwright.sync_api import Page, expect

from campaigns.rules.fields import FIELDS, locked_because
from tests.browser.conftest import Console
from tests.browser.records import campaign_of, closed_now, launch, new_draft, new_sleeping
from tests.stack import Stack

PARTS = {"operating_hours": "[name^=hours-]", "account_limits": "[name^=limit-]"}
POSTED = ":is(input, textarea, select, button)"


def inputs_of(name: str) -> str:
    return PARTS.get(name, f"[name='{name}']")


def test_a_running_campaign_has_inputs_only_for_what_can_be_edited(page: Page, stack: Stack) -> None:
    page.goto(f"/campaigns/{new_sleeping(stack, signature='Kind regards')}/settings")
    form = page.locator("form#settings")
    for field in FIELDS:
        row = form.locator(f"#{field.name}-row")
        reason = locked_because(field, "email", "active")
        if field.name == "sequence_nodes" or "email" not in field.types:
            expect(row).to_have_count(0)
        elif reason is None:
            expect(row.locator(inputs_of(field.name)).first).to_be_editable()
        else:
            expect(row).to_contain_text(reason, ignore_case=True)
            expect(row.locator(POSTED)).to_have_count(0)
            expect(form.locator(f"[name^='{field.name}']")).to_have_count(0)
    expect(form.locator("#signature-row")).to_contain_text("Kind regards")
    expect(form.locator("#stop_on_reply-row .value")).to_have_text("Yes")


def test_a_draft_has_an_input_for_everything(page: Page, stack: Stack) -> None:
    page.goto(f"/campaigns/{new_draft(stack)}/settings")
    for field in FIELDS:
        if field.name != "sequence_nodes" and "email" in field.types:
            expect(page.locator(f"#{field.name}-row").locator(inputs_of(field.name)).first).to_be_editable()
    expect(page.locator(".locked")).to_have_count(0)


def test_a_stale_tab_cannot_change_what_is_locked_by_now_and_is_told_so(page: Page, stack: Stack) -> None:
    campaign = new_draft(stack, name="Stale", signature="As it was")
    page.goto(f"/campaigns/{campaign}/settings")
    stack.api("POST", f"/campaigns/{campaign}/prospects", {"prospects": [{"email": "ann@corp.test"}]})
    launch(stack, campaign)
    before = campaign_of(stack, campaign)

    page.get_by_role("textbox", name="Signature").fill("Too late")
    page.get_by_role("checkbox", name="Stop when somebody answers").uncheck()
    page.get_by_role("button", name="Save the settings").click()
    told = page.locator("#flashes")
    expect(told).to_contain_text("Not changed:")
    expect(told).to_contain_text("Signature can be changed in a draft only; this campaign is active")
    after = campaign_of(stack, campaign)
    for name in ("signature", "stop_on_reply", "open_tracking", "sender_accounts", "name", "operating_hours"):
        assert after[name] == before[name]
    expect(page.locator("[name=signature]")).to_have_count(0)


def test_the_week_is_changed_by_its_buttons_and_saved_by_the_form_alone(page: Page, stack: Stack) -> None:
    hours = {"timezone": "Europe/Paris", "monday": [{"start": "09:00", "end": "12:00"}]}
    campaign = new_draft(stack, operating_hours=hours)
    page.goto(f"/campaigns/{campaign}/settings")
    page.get_by_role("textbox", name="Name").fill("Not saved yet")
    page.get_by_label("Monday, from").fill("08:30")
    page.get_by_role("button", name="Add hours on Thursday").click()
    expect(page.get_by_label("Thursday, from")).to_be_focused()
    page.get_by_role("button", name="Copy Thursday to Monday to Friday").click()
    expect(page.get_by_label("Monday, from")).to_have_value("09:00")
    page.get_by_role("button", name=re.compile("Remove Wednesday")).click()
    expect(page.get_by_label("Wednesday, from")).to_have_count(0)
    expect(page.get_by_role("button", name="Add hours on Wednesday")).to_be_focused()
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Not saved yet")
    assert campaign_of(stack, campaign)["operating_hours"]["monday"] == hours["monday"]

    page.get_by_role("button", name="Save the settings").click()
    expect(page.locator("#flashes")).to_have_text(re.compile("Saved"))
    saved = campaign_of(stack, campaign)
    assert saved["name"] == "Not saved yet"
    open_days = [day for day, windows in saved["operating_hours"].items() if windows and day != "timezone"]
    assert open_days == ["monday", "tuesday", "thursday", "friday"]
    assert saved["operating_hours"]["timezone"] == "Europe/Paris"


def test_a_refused_form_comes_back_as_it_was_typed(page: Page, stack: Stack, console: Console) -> None:
    console.expect_status(422)
    campaign = new_sleeping(stack, operating_hours={**closed_now(), "timezone": "Europe/Paris"})
    before = campaign_of(stack, campaign)
    page.goto(f"/campaigns/{campaign}/settings")
    page.get_by_role("textbox", name="Name").fill("  ")
    page.get_by_role("textbox", name="Daily limit").fill("501")
    page.get_by_label(re.compile("day, from")).first.fill("25:00")
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("Nothing was saved.")).to_be_visible()
    for name in ("name", "daily_limit", "operating_hours"):
        expect(page.locator(f"#{name}-row .errors")).to_have_count(1)
    expect(page.get_by_role("textbox", name="Daily limit")).to_have_value("501")
    expect(page.get_by_label(re.compile("day, from")).first).to_have_value("25:00")
    assert campaign_of(stack, campaign) == before
