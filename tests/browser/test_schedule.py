"""The schedule: hours painted, by mouse and by keyboard; what they would do if they were saved, and what they did."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looks import assert_readable
from tests.browser.records import ALL_DAY, DAYS, campaign_of, closed_now, new_draft, new_sender, new_sleeping
from tests.jobs.processes import children_of
from tests.stack import Stack

MORNING = {"timezone": "Europe/Paris", "monday": [{"start": "09:00", "end": "12:00"}]}


def span(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end}


def minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


class Schedule:
    """The settings of a campaign, seen as a grid."""

    def __init__(self, page: Page, stack: Stack, campaign: str) -> None:
        self.page, self.stack, self.campaign = page, stack, campaign
        page.goto(f"/campaigns/{campaign}/settings")

    def track(self, day: str) -> Locator:
        return self.page.locator(f"#track-{day}")

    def bars(self, day: str) -> Locator:
        return self.track(day).locator(".open .words")

    def drag(self, day: str, start: str, end: str) -> None:
        """By the mouse, from a time to another one on the same day."""
        track = self.track(day)
        track.evaluate("track => track.scrollIntoView({block: 'center'})")
        area = track.bounding_box()
        assert area
        here, there = (area["x"] + area["width"] * minutes(clock) / 1440 for clock in (start, end))
        y = area["y"] + area["height"] / 2
        self.page.mouse.move(here, y)
        self.page.mouse.down()
        self.page.mouse.move(there, y, steps=6)
        self.page.mouse.up()

    def click(self, day: str) -> None:
        """On the only hours of a day."""
        self.track(day).locator(".open").click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def typed(self, day: str) -> list[dict[str, str]]:
        """The windows as the inputs have them."""
        day = day.capitalize()
        starts, ends = (self.page.get_by_label(f"{day}, {edge}").all() for edge in ("from", "to"))
        return [span(start.input_value(), end.input_value()) for start, end in zip(starts, ends, strict=True)]

    def save(self) -> dict[str, Any]:
        """The hours as they are kept afterwards."""
        self.page.get_by_role("button", name="Save the settings").click()
        expect(self.page.locator("#flashes")).to_contain_text("Saved.")
        return dict(campaign_of(self.stack, self.campaign)["operating_hours"])


@pytest.fixture
def schedule(page: Page, stack: Stack) -> Schedule:
    """Of a draft that is open on Monday morning in Paris."""
    return Schedule(page, stack, new_draft(stack, operating_hours=MORNING))


def test_hours_are_painted_stretched_moved_and_removed_by_the_mouse(schedule: Schedule) -> None:
    page = schedule.page
    schedule.drag("thursday", "18:05", "20:55")
    assert schedule.typed("thursday") == [span("18:00", "21:00")]
    schedule.drag("monday", "11:57", "13:00")
    assert schedule.typed("monday") == [span("09:00", "13:00")]
    schedule.drag("monday", "11:00", "13:00")
    assert schedule.typed("monday") == [span("11:00", "15:00")]
    schedule.drag("sunday", "01:05", "01:55")
    schedule.click("sunday")
    expect(page.locator("[data-hint]")).to_have_text("Sunday 01:00–02:00")
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(schedule.bars("sunday")).to_have_count(0)
    schedule.click("thursday")
    page.get_by_role("button", name="Edit the times").click()
    expect(page.get_by_label("Thursday, from")).to_be_focused()
    page.keyboard.type("18:20")
    expect(schedule.bars("thursday")).to_have_text("18:20–21:00")

    saved = schedule.save()
    assert {day: saved[day] for day in DAYS if saved[day]} == {
        "monday": [span("11:00", "15:00")],
        "thursday": [span("18:20", "21:00")],
    }
    assert saved["timezone"] == "Europe/Paris"


def test_the_keyboard_alone_does_the_same(schedule: Schedule) -> None:
    page, track = schedule.page, schedule.track
    page.get_by_label("Step").focus()
    schedule.press("Tab")
    expect(track("monday")).to_be_focused()
    expect(track("monday")).to_have_attribute("aria-valuetext", "09:00, open 09:00–12:00")
    schedule.press("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowUp")
    assert schedule.typed("monday") == [span("08:30", "13:00")]
    schedule.press("ArrowDown", "ArrowDown", "ArrowDown", *["PageDown"] * 3)
    expect(track("thursday")).to_be_focused()
    expect(track("thursday")).to_have_attribute("aria-valuetext", "18:00, closed")
    schedule.press("Space", *["ArrowRight"] * 5, "Enter")
    expect(page.locator("#announcements")).to_have_text("Thursday 18:00–21:00 open")
    schedule.press("Control+c", "ArrowDown", "Control+v")
    assert schedule.typed("friday") == [span("18:00", "21:00")]
    schedule.press("ArrowUp", "Home", "Space", "Escape", "End")
    expect(track("thursday")).to_have_attribute("aria-valuetext", "23:30, closed")
    schedule.press("ArrowUp", "ArrowUp", "ArrowUp", "Home", *["PageDown"] * 3, "Delete")
    expect(track("monday")).to_be_focused()
    expect(track("monday")).to_have_attribute("aria-valuetext", "09:00, closed")

    saved = schedule.save()
    assert [day for day in DAYS if saved[day]] == ["thursday", "friday"]
    assert saved["thursday"] == saved["friday"] == [span("18:00", "21:00")]


def test_what_is_painted_over_becomes_one_and_what_touches_stays_apart(schedule: Schedule) -> None:
    schedule.drag("monday", "12:05", "12:55")
    assert schedule.typed("monday") == [span("09:00", "12:00"), span("12:00", "13:00")]
    schedule.drag("tuesday", "09:05", "09:55")
    schedule.drag("tuesday", "11:05", "11:55")
    schedule.page.get_by_label("Step").select_option("15")
    schedule.drag("tuesday", "12:40", "09:32")
    assert schedule.typed("tuesday") == [span("09:00", "12:45")]


def test_a_thirteenth_time_of_a_day_is_refused_in_words(page: Page, stack: Stack) -> None:
    twelve = [span(f"{hour:02}:00", f"{hour:02}:30") for hour in range(12)]
    schedule = Schedule(page, stack, new_draft(stack, operating_hours={"timezone": "UTC", "monday": twelve}))
    schedule.drag("monday", "18:05", "18:55")
    expect(page.locator("#announcements")).to_have_text("Monday would have more than 12 times")
    assert schedule.typed("monday") == twelve


def test_the_grid_shows_what_is_typed_chosen_and_copied(schedule: Schedule) -> None:
    page = schedule.page
    page.get_by_label("Monday, to").fill("12:1")
    expect(schedule.bars("monday")).to_have_count(0)
    page.get_by_label("Monday, to").fill("12:10")
    expect(schedule.bars("monday")).to_have_text("09:00–12:10")
    page.get_by_text("Copy a day to other days").first.click()
    page.get_by_role("group", name="Copy a day to other days").get_by_role("checkbox", name="Sunday").check()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(schedule.bars("sunday")).to_have_text("09:00–12:10")
    page.get_by_role("button", name="Evenings").click()
    expect(schedule.bars("friday")).to_have_text("18:00–21:00")
    expect(schedule.bars("sunday")).to_have_count(0)
    page.get_by_role("button", name="Always open").click()
    expect(page.locator("#hours-mode-always")).to_be_checked()
    expect(schedule.track("monday")).to_have_attribute("aria-valuetext", "09:00, always open")
    schedule.drag("saturday", "09:05", "09:55")
    expect(page.locator("#hours-mode-week")).to_be_checked()
    assert schedule.save()["saturday"] == [span("09:00", "10:00")]


def test_the_next_openings_follow_the_hours_on_both_clocks(schedule: Schedule) -> None:
    """The browser is in Berlin; the workspace is in UTC."""
    page = schedule.page
    openings = page.locator("#openings")
    expect(openings).to_contain_text("On the clock of Europe/Paris, and on yours in Europe/Berlin.")
    expect(openings.locator("li")).to_have_count(3)
    page.get_by_role("combobox", name="Time zone").fill("Asia/Tokyo")
    first = openings.locator("li").first
    expect(first).to_contain_text(re.compile(r"Mon \d+ \w+, 09:00–12:00 JST"))
    expect(first).to_contain_text(re.compile(r"Mon \d+ \w+, 0[12]:00–0[45]:00 CES?T"))
    schedule.drag("monday", "11:57", "10:00")
    expect(first).to_contain_text("09:00–10:00 JST")
    page.get_by_role("combobox", name="Time zone").fill("berlin")
    expect(openings).to_contain_text("Did you mean Europe/Berlin?")
    page.get_by_role("button", name="Always open").click()
    expect(openings).to_contain_text("Open now, and always.")


def test_what_new_hours_would_do_is_told_before_and_is_what_they_do(page: Page, stack: Stack) -> None:
    campaign = new_sleeping(stack)
    Schedule(page, stack, campaign)
    impact = page.locator("#impact")
    expect(impact).to_contain_text("Change something")
    page.get_by_role("button", name="Office hours").click()
    page.get_by_role("button", name="Always open").click()
    expect(impact).to_contain_text("3 people are asleep: 3 go on at once.")
    expect(impact).to_contain_text(re.compile(r"First send.*→.*\(\d days earlier\)", re.DOTALL))
    expect(impact).to_contain_text(re.compile(r"Last send.*→.*\(\d days earlier\)", re.DOTALL))
    expect(impact).to_contain_text("held most by")
    assert stack.api("GET", f"/campaigns/{campaign}/wake-ups")["wake_ups"][0]["cause"] == "launch"
    assert_readable(page)

    page.get_by_role("button", name="Save the settings").click()
    record = page.locator("#woken .record")
    expect(record).to_contain_text("3 sleeping: 3 resumed, 0 slept again")
    kept = stack.api("GET", f"/campaigns/{campaign}/wake-ups")["wake_ups"][0]
    assert (kept["sleeping"], kept["resumed"], kept["slept_again"]) == (3, 3, 0)
    assert_readable(page)


def test_whoever_would_sleep_on_is_told_until_when(page: Page, stack: Stack) -> None:
    campaign = new_sleeping(stack)
    days = {name: value for name, value in closed_now().items() if name != "timezone"}
    schedule = Schedule(page, stack, campaign)
    (day,) = days
    earlier = DAYS[(DAYS.index(day) - 1) % 7]
    schedule.drag(earlier, "09:05", "16:55")
    impact = page.locator("#impact")
    expect(impact).to_contain_text(re.compile(r"3 people are asleep:\s+3 sleep on until \w+ \d+ \w+, 09:00 UTC\."))
    foreseen = impact.locator("time").first.get_attribute("datetime")
    schedule.save()
    expect(page.locator("#woken .record")).to_contain_text("3 sleeping: 0 resumed, 3 slept again until")
    assert stack.api("GET", f"/campaigns/{campaign}/wake-ups")["wake_ups"][0]["next_open_at"] == foreseen


def test_every_field_is_told_of_and_what_is_wrong_quietly(page: Page, stack: Stack) -> None:
    sender = new_sender(stack, daily_limit=500)
    campaign = new_sleeping(stack, sender_account_ids=[sender["id"]])
    Schedule(page, stack, campaign)
    impact = page.locator("#impact")
    page.get_by_role("textbox", name="Daily limit").fill("1")
    expect(impact).to_contain_text("Saving this wakes nobody.")
    expect(impact).to_contain_text("the campaign's daily limit of 1")
    expect(impact).to_contain_text("days later")
    page.get_by_role("textbox", name="Daily limit").fill("501")
    expect(impact).to_contain_text("This cannot be saved yet.")
    expect(impact).to_contain_text("Daily limit: Must be from 1 to 500, not 501.")
    page.get_by_role("textbox", name="Daily limit").fill("50")
    expect(impact).to_contain_text("Change something")


@contextmanager
def resting_workers(stack: Stack) -> Iterator[None]:
    """The workers of the stack, stopped in the middle of whatever they do."""
    pids = [pid for pid in children_of(stack.pid) if b"jobs.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_wake_up_is_seen_as_it_happens(page: Page, stack: Stack) -> None:
    campaign = new_sleeping(stack)
    Schedule(page, stack, campaign)
    page.get_by_role("button", name="Always open").click()
    expect(page.locator("#hours-mode-always")).to_be_checked()
    with resting_workers(stack):
        page.get_by_role("button", name="Save the settings").click()
        expect(page.locator("#woken")).to_contain_text("Looking at 3 sleepers…")
    expect(page.locator("#woken .record")).to_contain_text("3 sleeping: 3 resumed, 0 slept again")


def test_without_a_script_the_form_tells_the_same(plain: Page, stack: Stack) -> None:
    campaign = new_sleeping(stack, operating_hours={"timezone": "UTC", **closed_now()})
    plain.goto(f"/campaigns/{campaign}/settings")
    expect(plain.locator("[data-schedule]")).to_be_hidden()
    plain.get_by_role("textbox", name="Name").fill(f"Kept {campaign}")
    for day in DAYS:
        if plain.get_by_label(f"{day.capitalize()}, from").count() == 0:
            plain.get_by_role("button", name=f"Add hours on {day.capitalize()}").click()
        plain.get_by_label(f"{day.capitalize()}, from").fill("00:00")
        plain.get_by_label(f"{day.capitalize()}, to").fill("24:00")
    plain.get_by_role("button", name="Show openings").click()
    expect(plain.locator("#openings")).to_contain_text("Open now, and always.")
    plain.get_by_role("button", name="What would this change?").click()
    expect(plain.locator("#impact")).to_contain_text("3 people are asleep: 3 go on at once.")
    expect(plain.get_by_role("textbox", name="Name")).to_have_value(f"Kept {campaign}")
    assert campaign_of(stack, campaign)["operating_hours"]["timezone"] == "UTC"
    assert campaign_of(stack, campaign)["name"] != f"Kept {campaign}"

    plain.get_by_role("textbox", name="Daily limit").fill("0")
    plain.get_by_role("button", name="What would this change?").click()
    expect(plain.locator("#impact")).to_contain_text("This cannot be saved yet.")
    expect(plain.locator("#daily_limit-row .errors")).to_have_count(1)
    plain.get_by_role("textbox", name="Daily limit").fill("50")
    plain.get_by_role("button", name="Save the settings").click()
    expect(plain.locator("#woken")).to_contain_text(re.compile("Looking at|3 sleeping: 3 resumed"))
    assert campaign_of(stack, campaign)["operating_hours"]["monday"] == ALL_DAY


def test_a_draft_tells_of_openings_and_of_nobody_asleep(plain: Page, stack: Stack) -> None:
    plain.goto(f"/campaigns/{new_draft(stack, operating_hours=MORNING)}/settings")
    plain.get_by_role("button", name="Evenings").click()
    plain.get_by_role("button", name="Show openings").click()
    expect(plain.locator("#openings li").first).to_contain_text(
        re.compile(r"18:00–21:00 CES?T|until \w+ \d+ \w+, 21:00")
    )
    expect(plain.get_by_role("button", name="What would this change?")).to_have_count(0)
    expect(plain.locator("#impact")).to_be_hidden()
