"""With a finger: steps are dragged and hours painted on a phone."""

import re

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.browser.builder import Builder
from tests.browser.conftest import Console, NewContext
from tests.browser.records import new_draft
from tests.browser.test_schedule import MORNING, Schedule, minutes, span
from tests.stack import Stack

STEPS = 12


class Finger:
    """One finger on the screen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cdp: CDPSession = page.context.new_cdp_session(page)

    def _touch(self, kind: str, *points: dict[str, float]) -> None:
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Put down, moved in steps, taken off."""
        self._touch("touchStart", {"x": start[0], "y": start[1]})
        for step in range(1, STEPS + 1):
            part = step / STEPS
            x, y = (here + (there - here) * part for here, there in zip(start, end, strict=True))
            self._touch("touchMove", {"x": x, "y": y})
            self.page.wait_for_timeout(15)  # Sortable looks at the finger only every so often
        self._touch("touchEnd")


@pytest.fixture
def phone(new_context: NewContext, stack: Stack, signed_in: object, console: Console) -> Page:
    """A page on a phone."""
    context = new_context(base_url=stack.url, storage_state=signed_in, has_touch=True)
    console.listen(context)
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    return page


def middle(one: Locator) -> tuple[float, float]:
    area = one.bounding_box()
    assert area
    return area["x"] + area["width"] / 2, area["y"] + area["height"] / 2


def test_a_step_is_dragged_with_a_finger(phone: Page, stack: Stack) -> None:
    builder = Builder(phone, stack)
    builder.step(builder.wait).evaluate("step => step.scrollIntoView({block: 'start'})")
    phone.evaluate("scrollBy(0, -40)")
    Finger(phone).drag(middle(builder.grip(builder.wait)), middle(builder.grip(builder.third)))
    expect(phone.locator("#announcements")).to_have_text(re.compile("Wait 1 moved to position [34] of 4"))
    saved = [node["id"] for node in builder.saved()]
    assert saved == builder.shown()
    assert saved[:2] == [builder.first, builder.second]
    # and what is typed afterwards is saved as ever
    builder.part(builder.first, "subject").fill("Typed after the drag")
    builder.part(builder.first, "subject").blur()
    expect(phone.locator("#save-state")).to_contain_text("Saved.")


def drag_hours(schedule: Schedule, day: str, start: str, end: str) -> None:
    track = schedule.track(day)
    track.evaluate(
        "track => { track.scrollIntoView({block: 'center'}); track.closest('.schedule-scroll').scrollLeft = 0; }"
    )
    area = track.bounding_box()
    assert area
    y = area["y"] + area["height"] / 2
    here, there = (area["x"] + area["width"] * minutes(clock) / 1440 for clock in (start, end))
    Finger(schedule.page).drag((here, y), (there, y))


def test_hours_are_painted_and_stretched_with_a_finger(phone: Page, stack: Stack) -> None:
    schedule = Schedule(phone, stack, new_draft(stack, operating_hours=MORNING))
    drag_hours(schedule, "thursday", "03:05", "05:55")
    assert schedule.typed("thursday") == [span("03:00", "06:00")]
    drag_hours(schedule, "thursday", "05:45", "07:00")
    assert schedule.typed("thursday") == [span("03:00", "07:00")]
    saved = schedule.save()
    assert saved["thursday"] == [span("03:00", "07:00")]


def test_a_finger_that_moves_up_or_down_over_the_grid_scrolls_the_page(phone: Page, stack: Stack) -> None:
    schedule = Schedule(phone, stack, new_draft(stack, operating_hours=MORNING))
    schedule.track("friday").evaluate("track => track.scrollIntoView({block: 'center'})")
    before = phone.evaluate("scrollY")
    x, y = middle(schedule.page.locator(".schedule-scroll"))
    Finger(phone).drag((x, y), (x, y - 200))
    phone.wait_for_function("before => scrollY > before", arg=before)
    assert all(schedule.typed(day) == [] for day in ("tuesday", "wednesday", "thursday", "friday"))


def test_a_finger_on_the_line_of_hours_brings_the_evening_into_view(phone: Page, stack: Stack) -> None:
    Schedule(phone, stack, new_draft(stack, operating_hours=MORNING))
    axis = phone.locator(".schedule-axis")
    axis.evaluate("axis => axis.scrollIntoView({block: 'center'})")
    x, y = 300, middle(axis)[1]
    Finger(phone).drag((x, y), (x - 250, y))
    phone.wait_for_function("document.querySelector('.schedule-scroll').scrollLeft > 100")
