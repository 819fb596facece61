"""The tasks page in a real browser: by the keyboard alone, on a telephone, without a script, and looked at."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import Console, NewContext
from tests.browser.looks import NARROW, TOO_WIDE, assert_readable
from tests.browser.records import closed_now, launch, new_draft
from tests.browser.test_looks import open_small
from tests.browser.test_shortcuts import press
from tests.jobs.processes import wait_until
from tests.stack import Stack

NAMES = ("Ann", "Bob", "Carla", "Dan", "Eve", "Finn", "Gil", "Hana", "Ivo", "Jo")
STEPS = [
    {"type": "connection_request", "include_message": True, "body": "Dear %first_name%,\nshall we talk?"},
    {"type": "delay", "delay_days": 1},
    {"type": "message", "body": "Dear %first_name%, an idea."},
    {"type": "end"},
]


class Work:
    """A running campaign with a task for each of its people, and nothing else on its page of tasks."""

    def __init__(self, stack: Stack, names: tuple[str, ...]) -> None:
        self.stack = stack
        seat = {"type": "linkedin", "display_name": "Dora Meyer", "profile_url": "https://linkedin.com/in/dora"}
        self.seat = stack.api("POST", "/senders", seat)["id"]
        draft = {"type": "linkedin", "operating_hours": None, "sequence_nodes": STEPS}
        self.id = new_draft(stack, sender_account_ids=[self.seat], **draft)
        self.url = f"/tasks?campaign={self.id}"
        # Names of their own: whoever is in another campaign would be skipped.
        people = [self._person(name) for name in names]
        stack.api("POST", f"/campaigns/{self.id}/prospects", {"prospects": people})
        launch(stack, self.id)
        wait_until(lambda: self.left == len(names))

    def profile(self, name: str) -> str:
        return f"https://www.linkedin.com/in/{name.lower()}-{self.id}"

    def _person(self, name: str) -> dict[str, str]:
        about = {"company": "Corp & Sons", "position": "Head of Sales", "headline": "Selling to those who sell"}
        return {"first_name": name, "last_name": "Lee", "linkedin_url": self.profile(name), **about}

    @property
    def left(self) -> int:
        return int(self.stack.api("GET", f"/tasks?campaign_id={self.id}")["total"])

    def statuses(self) -> dict[str, str]:
        people = self.stack.api("GET", f"/campaigns/{self.id}/prospects")["prospects"]
        return {one["first_name"]: one["status"] for one in people}


@pytest.fixture
def work(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Work]:
    """Tasks for Ann, Bob and Carla, or for whom a test names."""
    made = Work(stack, getattr(request, "param", NAMES[:3]))
    yield made
    stack.api("DELETE", f"/campaigns/{made.id}")


@pytest.fixture
def linkedin(context: BrowserContext) -> None:
    """LinkedIn is not asked by tests."""
    context.route("https://www.linkedin.com/**", lambda route: route.fulfill(body="<title>LinkedIn</title>"))


def who(page: Page) -> Locator:
    return page.locator("#task h2").first


@pytest.mark.parametrize("work", [NAMES], indirect=True)
def test_ten_tasks_are_done_by_the_keyboard_alone(page: Page, work: Work, linkedin: None) -> None:
    page.goto(work.url)
    outcomes = "ddasxddddd"
    for number, (name, key) in enumerate(zip(NAMES, outcomes, strict=True)):
        expect(who(page)).to_have_text(f"{name} Lee")
        expect(page.locator("#task")).to_contain_text(f"{10 - number} task")
        with page.context.expect_page() as opened:
            press(page, "o")
        assert opened.value.url == work.profile(name)
        assert opened.value.evaluate("window.opener") is None
        opened.value.close()
        press(page, "c")
        expect(page.locator("#task-copy")).to_contain_text("Copied")
        press(page, key)
    expect(page.get_by_role("heading", name="Nothing is to be done now")).to_be_visible()
    expect(page.locator("#announcements")).to_have_text("Done: Jo Lee. Nothing else is to be done now.")
    statuses = work.statuses()
    assert (statuses["Carla"], statuses["Dan"], statuses["Eve"]) == ("connected", "pending", "failed")
    assert [name for name, status in statuses.items() if status == "connection_sent"] == [
        name for name in NAMES if name not in ("Carla", "Dan", "Eve")
    ]


def test_the_copied_text_is_what_is_pasted_and_keys_go_on_working(page: Page, work: Work) -> None:
    page.goto(work.url)
    press(page, "c")
    expect(page.locator("#announcements")).to_have_text("Copied")
    page.locator("#paste-text").focus()
    page.keyboard.press("Control+v")
    expect(page.locator("#paste-text")).to_have_value("Dear Ann,\nshall we talk?")
    page.keyboard.type("d")  # is typed, and settles nothing
    expect(who(page)).to_have_text("Ann Lee")
    page.locator("#task-text").focus()
    press(page, "d")
    expect(who(page)).to_have_text("Bob Lee")
    expect(page.locator("#task-text")).to_have_value("Dear Bob,\nshall we talk?")


def test_a_slip_is_undone_by_a_key_and_the_same_person_is_back(page: Page, work: Work) -> None:
    page.goto(work.url)
    press(page, "x")
    expect(who(page)).to_have_text("Bob Lee")
    press(page, "d")
    expect(who(page)).to_have_text("Carla Lee")
    for name in ("Bob", "Ann"):
        press(page, "u")
        expect(who(page)).to_have_text(f"{name} Lee")
    expect(page.locator("#undo")).to_be_hidden()
    assert set(work.statuses().values()) == {"pending"}
    assert work.left == 3


def test_whoever_tabs_and_presses_enter_stays_where_they_are(page: Page, work: Work) -> None:
    page.goto(work.url)
    page.locator("#task-done").focus()
    for name in ("Bob", "Carla"):
        page.keyboard.press("Enter")
        expect(who(page)).to_have_text(f"{name} Lee")
        expect(page.locator("#task-done")).to_be_focused()
    page.locator("#task-reason").fill("dasxo")
    expect(who(page)).to_have_text("Carla Lee")
    page.keyboard.press("Enter")  # in its own form: not done, but not possible
    expect(page.locator("#announcements")).to_contain_text("Not possible: Carla Lee.")
    press(page, "u")
    expect(page.locator("#task-reason")).to_have_value("")


def test_the_navigation_counts_along(page: Page, work: Work, stack: Stack) -> None:
    everything = int(stack.api("GET", "/tasks")["total"])
    page.goto("/tasks")
    entry = page.get_by_role("navigation", name="Main").get_by_role("link", name=re.compile("^Tasks"))
    expect(entry).to_have_text(f"Tasks {everything} open")
    press(page, "d")
    expect(entry).to_have_text(f"Tasks {everything - 1} open")


def test_who_is_before_somebody_does_not_change_under_their_hands(page: Page, work: Work, stack: Stack) -> None:
    page.goto(work.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    stack.api("POST", f"/campaigns/{work.id}/pause")
    wait_until(lambda: work.left == 0)
    page.wait_for_timeout(6000)  # longer than a page without a task waits before it asks for one
    assert not [url for url in asked if "/tasks" in url]
    press(page, "d")
    expect(page.get_by_role("heading", name="Nothing is to be done now")).to_be_visible()
    expect(page.locator("#task")).to_contain_text("Paused")
    assert work.statuses()["Ann"] == "connection_sent"


def test_a_task_comes_by_itself_where_none_was(page: Page, work: Work, stack: Stack) -> None:
    stack.api("PATCH", f"/campaigns/{work.id}", {"operating_hours": closed_now()})
    wait_until(lambda: work.left == 0)
    page.goto(work.url)
    expect(page.locator("#task")).to_contain_text("until the hours open")
    stack.api("PATCH", f"/campaigns/{work.id}", {"operating_hours": None})
    expect(who(page)).to_have_text("Ann Lee")


def test_who_accepted_and_who_answered_is_marked_and_found_as_somebody_types(page: Page, work: Work) -> None:
    page.goto(work.url)
    for name in ("Bob", "Carla"):
        press(page, "d")
        expect(who(page)).to_have_text(f"{name} Lee")
    page.goto(work.url)
    waiting = page.locator("#waiting")
    page.get_by_role("searchbox", name="Name or company").press_sequentially("bob")
    expect(waiting.get_by_role("link", name="Ann Lee", exact=True)).to_be_hidden()
    waiting.get_by_role("button", name="Accepted Bob Lee").click()
    expect(page.locator("#announcements")).to_have_text("Bob Lee is marked as accepted.")
    assert work.statuses()["Bob"] == "connected"
    page.get_by_role("link", name="An answer").click()
    page.get_by_role("button", name="Replied Bob Lee").click()
    expect(page.locator("#announcements")).to_have_text("Bob Lee is marked as replied.")
    assert work.statuses()["Bob"] == "replied"


def test_many_are_marked_by_a_paste_while_a_task_stays_as_it_is(page: Page, work: Work, console: Console) -> None:
    console.expect_status(422)
    page.goto(work.url)
    press(page, "d")
    expect(who(page)).to_have_text("Bob Lee")
    expect(page.locator("#waiting")).to_contain_text("Ann Lee")
    page.locator("#paste-send").click()
    expect(page.locator("#paste .errors")).to_have_text("There is no link in this text.")
    page.locator("#paste-text").fill(f"Ann Lee\t{work.profile('Ann')}/?x=1\nhttps://linkedin.com/in/nobody-at-all")
    page.locator("#paste-send").click()
    expect(page.locator("#marked")).to_contain_text("1 person marked as accepted.")
    expect(page.locator("#marked")).to_contain_text("https://linkedin.com/in/nobody-at-all")
    expect(page.locator("#paste-text")).to_have_value("")
    expect(page.locator("#waiting")).to_have_text("No invitation waits to be accepted.", timeout=5000)
    expect(who(page)).to_have_text("Bob Lee")
    assert work.statuses()["Ann"] == "connected"


def test_with_a_finger_on_a_telephone(
    new_context: NewContext, stack: Stack, signed_in: Any, console: Console, work: Work
) -> None:
    context = new_context(base_url=stack.url, storage_state=signed_in, has_touch=True)
    console.listen(context)
    page = context.new_page()
    page.set_viewport_size(NARROW)
    page.goto(work.url)
    for outcome, name in (("done", "Bob"), ("already_connected", "Carla")):
        page.locator(f"#task-{outcome}").tap()
        expect(who(page)).to_have_text(f"{name} Lee")
    page.locator("#undo").tap()
    expect(who(page)).to_have_text("Bob Lee")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], page.evaluate(TOO_WIDE)
    page.locator("#waiting").get_by_role("button", name="Replied Ann Lee").tap()
    expect(page.locator("#announcements")).to_have_text("Ann Lee is marked as replied.")


def test_everything_works_without_a_script(plain: Page, work: Work) -> None:
    plain.goto(work.url)
    expect(plain.locator("#task-text")).to_have_value("Dear Ann,\nshall we talk?")
    expect(plain.locator("#task-copy")).to_be_hidden()
    plain.locator("#task-done").click()
    expect(plain.locator("#flashes")).to_have_text("Done: Ann Lee.")
    expect(plain).to_have_url(re.compile(re.escape(work.url)))
    plain.locator("#task-reason").fill("The profile is gone.")
    plain.locator("#task-not_possible").click()
    expect(who(plain)).to_have_text("Carla Lee")
    plain.get_by_role("button", name="Undo").click()
    expect(who(plain)).to_have_text("Bob Lee")
    plain.get_by_role("searchbox", name="Name or company").fill("ann")
    plain.get_by_role("button", name="Find", exact=True).last.click()
    plain.get_by_role("button", name="Accepted Ann Lee").click()
    expect(plain.locator("#flashes")).to_have_text("Ann Lee is marked as accepted.")
    plain.locator("#paste-text").fill(work.profile("Ann"))
    plain.get_by_label("Replied", exact=True).check()
    plain.get_by_role("button", name="Mark them").click()
    expect(plain.locator("#marked")).to_contain_text("1 person marked as replied.")


def test_everybody_can_read_the_tasks(page: Page, work: Work, stack: Stack, console: Console) -> None:
    open_small(page, work.url)
    assert_readable(page)
    press(page, "d")
    expect(who(page)).to_have_text("Bob Lee")
    page.locator("#paste-text").fill(f"{work.profile('Ann')} https://linkedin.com/in/{'x' * 90} https://example.com/a")
    page.locator("#paste-send").click()
    expect(page.locator("#marked")).to_be_visible()
    assert_readable(page)
    stack.api("PATCH", f"/campaigns/{work.id}", {"operating_hours": closed_now()})
    wait_until(lambda: work.left == 0)
    page.goto(work.url)
    expect(page.locator("#task")).to_contain_text("until the hours open")
    assert_readable(page)
    console.expect_status(422)
    page.locator("#paste-send").click()
    expect(page.locator("#paste .errors")).to_be_visible()
    assert_readable(page)
