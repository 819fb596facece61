"""The sequence builder: by mouse, by keyboard, and when something is wrong."""

import re
import time

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.builder import Builder, drag
from tests.browser.conftest import Console
from tests.browser.records import launch, new_draft, new_sleeping, nodes_of
from tests.stack import Stack


@pytest.fixture
def builder(page: Page, stack: Stack) -> Builder:
    return Builder(page, stack)


def test_a_drop_posts_the_whole_list_once(builder: Builder) -> None:
    drag(builder.page, builder.grip(builder.wait), builder.step(builder.third))
    builder.expect_said("Wait 1 moved to position 3 of 4")
    builder.expect_saved(builder.first, builder.second, builder.wait, builder.third)

    (post,) = builder.posts
    body = post.post_data or ""
    kinds = re.findall(r'nodes-(\d)-type"?(?:=|\s+)(\w+)', body)
    assert kinds == [("0", "email"), ("1", "email"), ("2", "delay"), ("3", "email"), ("4", "end")]
    builder.save()
    assert len(builder.posts) == 2  # this one, and the drop's


def test_a_step_that_is_put_back_where_it_was_posts_nothing(builder: Builder) -> None:
    drag(builder.page, builder.grip(builder.wait), builder.grip(builder.wait))
    builder.save()
    assert len(builder.posts) == 1
    builder.expect_saved(builder.first, builder.wait, builder.second, builder.third)


def test_what_was_being_typed_goes_along_with_a_drop(builder: Builder) -> None:
    builder.part(builder.first, "subject").fill("Typed before the drag")
    drag(builder.page, builder.grip(builder.second), builder.part(builder.first, "subject"))
    builder.expect_said("Email 2 moved to position 1 of 4")
    builder.expect_saved(builder.second, builder.first, builder.wait, builder.third)
    assert len(builder.posts) == 1
    assert builder.saved()[1]["subject"] == "Typed before the drag"


@pytest.mark.parametrize("leave", ["/campaigns", "about:blank"])
def test_what_was_typed_is_saved_though_the_page_is_left_in_the_middle(builder: Builder, leave: str) -> None:
    builder.part(builder.first, "subject").fill("Typed, and gone")
    builder.page.goto(leave)
    # The browser sends it after the page is gone, and tells nobody.
    end = time.monotonic() + 10
    while builder.saved()[0]["subject"] != "Typed, and gone":
        assert time.monotonic() < end, "it was not saved"
    builder.page.go_back()
    expect(builder.part(builder.first, "subject")).to_have_value("Typed, and gone")
    builder.part(builder.first, "subject").fill("Typed once more")
    builder.save()
    assert builder.saved()[0]["subject"] == "Typed once more"


def test_leaving_with_nothing_typed_posts_nothing(builder: Builder) -> None:
    builder.page.goto("/campaigns")
    assert builder.posts == []


def test_a_step_that_was_just_added_can_be_dragged(builder: Builder) -> None:
    builder.page.get_by_role("button", name="Wait", exact=True).click()
    builder.expect_said("Wait 2 added at position 5 of 5")
    added = builder.shown()[4]
    builder.part(added, "delay_hours").fill("3")
    drag(builder.page, builder.grip(added), builder.step(builder.third))
    builder.expect_said("Wait 2 moved to position 4 of 5")
    builder.expect_saved(builder.first, builder.wait, builder.second, added, builder.third)
    assert builder.saved()[3]["delay_hours"] == 3


def test_buttons_move_with_enter_and_keep_focus(builder: Builder) -> None:
    down = builder.part(builder.first, "down")
    down.focus()
    builder.page.keyboard.press("Enter")
    builder.expect_said("Email 1 moved to position 2 of 4")
    expect(down).to_be_focused()
    builder.page.keyboard.press("Enter")
    builder.expect_said("Email 1 moved to position 3 of 4")
    expect(down).to_be_focused()
    builder.expect_saved(builder.wait, builder.second, builder.first, builder.third)
    assert len(builder.posts) == 2


def test_alt_and_arrows_move_the_step_that_has_focus(builder: Builder) -> None:
    subject = builder.part(builder.second, "subject")
    subject.focus()
    builder.page.keyboard.press("Alt+ArrowUp")
    builder.expect_said("Email 2 moved to position 2 of 4")
    expect(subject).to_be_focused()
    builder.expect_saved(builder.first, builder.second, builder.wait, builder.third)
    builder.page.keyboard.press("Alt+ArrowDown")
    builder.expect_said("Email 2 moved to position 3 of 4")
    expect(subject).to_be_focused()
    builder.expect_saved(builder.first, builder.wait, builder.second, builder.third)


def test_two_moves_pressed_faster_than_the_server_answers_are_both_done(builder: Builder) -> None:
    builder.part(builder.third, "up").focus()
    builder.page.keyboard.press("Alt+ArrowUp")
    builder.page.keyboard.press("Alt+ArrowUp")
    builder.expect_said("Email 2 moved to position 2 of 4")
    builder.expect_saved(builder.first, builder.third, builder.wait, builder.second)


def test_there_is_no_way_beyond_the_ends(builder: Builder) -> None:
    for node, way in ((builder.first, "up"), (builder.third, "down")):
        expect(builder.part(node, way)).to_have_attribute("aria-disabled", "true")
        builder.part(node, way).focus()
        builder.page.keyboard.press("Enter")
    builder.save()
    assert len(builder.posts) == 1
    builder.expect_saved(builder.first, builder.wait, builder.second, builder.third)


def test_a_copy_stands_below_its_original_and_is_ready_to_be_changed(builder: Builder) -> None:
    builder.page.get_by_role("button", name="Copy Email 1").click()
    builder.expect_said("Email 2 added at position 2 of 5")
    copied = builder.shown()[1]
    expect(builder.part(copied, "subject")).to_be_focused()
    expect(builder.part(copied, "subject")).to_have_value("First")
    builder.expect_saved(builder.first, copied, builder.wait, builder.second, builder.third)
    assert builder.saved()[1]["body"] == builder.saved()[0]["body"]


def test_a_new_step_is_ready_to_be_written_and_saves_itself(builder: Builder) -> None:
    builder.page.get_by_role("button", name="Email", exact=True).click()
    builder.expect_said("Email 4 added at position 5 of 5")
    added = builder.shown()[4]
    expect(builder.part(added, "subject")).to_be_focused()
    with builder.page.expect_response(lambda answer: answer.request.method == "POST"):
        builder.page.keyboard.type("Fourth")
        builder.page.keyboard.press("Tab")
    builder.save()
    builder.expect_saved(builder.first, builder.wait, builder.second, builder.third, added)
    assert builder.saved()[4]["subject"] == "Fourth"


def test_what_is_removed_hands_focus_to_what_comes_after(builder: Builder) -> None:
    builder.part(builder.wait, "remove").click()
    builder.expect_said("Wait 1 removed, 3 left")
    expect(builder.part(builder.second, "remove")).to_be_focused()
    builder.expect_saved(builder.first, builder.second, builder.third)


def test_what_is_typed_while_a_save_is_under_way_stays(builder: Builder) -> None:
    held: list[Route] = []
    builder.page.route("**/sequence", lambda route: held.append(route), times=1)
    with builder.page.expect_request("**/sequence"):
        builder.part(builder.first, "down").click()
    body = builder.part(builder.second, "body")
    body.fill("Typed meanwhile")
    held.pop().continue_()
    builder.expect_said("Email 1 moved to position 2 of 4")
    expect(body).to_have_value("Typed meanwhile")
    builder.save()
    builder.expect_saved(builder.wait, builder.first, builder.second, builder.third)
    assert builder.saved()[2]["body"] == "Typed meanwhile"


def test_a_refused_list_stays_on_screen_with_the_reason_beside_its_step(builder: Builder, console: Console) -> None:
    console.expect_status(422)
    days, page = builder.part(builder.wait, "delay_days"), builder.page
    before = builder.saved()
    days.fill("31")
    days.press("Tab")
    builder.expect_said("Not saved. 1 step needs another look; the reasons stand beside it.")
    reasons = page.locator("#builder .errors")
    expect(reasons).to_have_count(1)
    expect(builder.step(builder.wait).locator(".errors")).to_contain_text("30 days")
    expect(days).to_have_value("31")
    expect(days).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#save-state")).to_have_text("Not saved yet.")

    page.get_by_role("button", name="Email", exact=True).click()
    expect(page.locator("[data-step]")).to_have_count(6)
    expect(reasons).to_have_count(1)
    assert builder.saved() == before

    days.fill("3")
    days.press("Tab")
    expect(page.locator("#save-state")).to_contain_text("Saved.")
    expect(reasons).to_have_count(0)
    builder.expect_said("Saved")
    assert [node["type"] for node in builder.saved()] == ["email", "delay", "email", "email", "email", "end"]
    assert builder.saved()[1]["delay_days"] == 3


def test_nothing_is_lost_while_the_server_is_away(builder: Builder, context: BrowserContext, console: Console) -> None:
    console.expect_failure("ERR_INTERNET_DISCONNECTED")
    context.set_offline(True)
    subject, state = builder.part(builder.first, "subject"), builder.page.locator("#save-state")
    subject.fill("Written on a train")
    subject.press("Tab")
    expect(state).to_have_text("Not saved: the server did not take it. What you typed is still here.")
    expect(builder.page.locator("#toasts")).to_contain_text("The server does not answer.")
    context.set_offline(False)
    builder.save()
    expect(builder.page.locator("#toasts")).to_be_empty()
    assert builder.saved()[0]["subject"] == "Written on a train"


def test_a_stale_tab_cannot_change_a_launched_sequence_and_is_told_so(page: Page, stack: Stack) -> None:
    builder = Builder(page, stack)
    stack.api("POST", f"/campaigns/{builder.campaign}/prospects", {"prospects": [{"email": "ann@corp.test"}]})
    launch(stack, builder.campaign)
    before = builder.saved()
    builder.part(builder.first, "subject").fill("Too late")
    builder.part(builder.first, "down").click()
    expect(page.locator("#builder .notice-lock")).to_contain_text("can be changed in a draft only")
    expect(page.locator("#builder :is([data-builder], [name^=nodes-], [name=move])")).to_have_count(0)
    assert builder.saved() == before


def test_the_steps_of_a_running_campaign_are_text_with_the_reason_and_its_words_are_inputs(
    page: Page, stack: Stack
) -> None:
    campaign = new_sleeping(stack)
    page.goto(f"/campaigns/{campaign}/sequence")
    expect(page.locator("#builder .notice")).to_contain_text("can be changed in a draft only; this campaign is active")
    names = page.locator("#builder :is(input:not([type=hidden]), textarea)").evaluate_all(
        "all => all.map(one => one.name)"
    )
    assert set(names) == {"subject", "body"}
    expect(page.locator("#builder textarea").first).to_have_value(re.compile("an idea."))
    expect(page.get_by_role("heading", name="Wait 2 days")).to_be_visible()


def test_a_linkedin_draft_is_built_of_its_own_steps(page: Page, stack: Stack) -> None:
    campaign = new_draft(
        stack,
        type="linkedin",
        sender_account_ids=[],
        sequence_nodes=[{"type": "connection_request", "include_message": False}, {"type": "end"}],
    )
    page.goto(f"/campaigns/{campaign}/sequence")
    page.get_by_role("button", name="Message", exact=True).click()
    expect(page.locator("#announcements")).to_have_text("Message 1 added at position 2 of 2")
    assert [node["type"] for node in nodes_of(stack, campaign)] == ["connection_request", "message", "end"]
