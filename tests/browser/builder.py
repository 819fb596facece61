"""The sequence builder as a person uses it, with an eye on what the browser sends."""

from typing import Any

from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.records import new_draft, nodes_of
from tests.stack import Stack

STEPS = 12


def drag(page: Page, grip: Locator, onto: Locator) -> None:
    """Drag by the mouse, in steps, to a little above the middle of `onto`."""
    grip.scroll_into_view_if_needed()
    start, goal = grip.bounding_box(), onto.bounding_box()
    assert start
    assert goal
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, goal["y"] + goal["height"] / 2, steps=STEPS)
    # The browser tells the page of a native drag only every so often: no event says that it has done so.
    page.wait_for_timeout(150)
    page.mouse.up()


class Builder:
    """The builder of a new draft: First, a wait, Second, Third, end."""

    def __init__(self, page: Page, stack: Stack, **fields: object) -> None:
        self.page, self.stack = page, stack
        self.campaign = new_draft(stack, **fields)
        self.posts: list[Request] = []
        page.on("request", lambda request: self.posts.append(request) if request.method == "POST" else None)
        page.goto(f"/campaigns/{self.campaign}/sequence")
        self.first, self.wait, self.second, self.third = (node["id"] for node in self.saved()[:4])

    def saved(self) -> list[dict[str, Any]]:
        """The nodes as the API has them."""
        return nodes_of(self.stack, self.campaign)

    def shown(self) -> list[str]:
        """The ids of the steps on screen, in order."""
        ids = self.page.locator("[data-step]").evaluate_all("steps => steps.map(step => step.id)")
        return [str(one).removeprefix("step-") for one in ids]

    def step(self, node: str) -> Locator:
        return self.page.locator(f"#step-{node}")

    def part(self, node: str, part: str) -> Locator:
        """A field or a tool of a step: `subject`, `delay_days`, `up`, `down`, `copy`, `remove`, ..."""
        return self.page.locator(f"#step-{node}-{part}")

    def grip(self, node: str) -> Locator:
        return self.step(node).locator("[data-grip]")

    def expect_said(self, words: str) -> None:
        """What a screen reader is told, which is told last: then the answer is on screen."""
        expect(self.page.locator("#announcements")).to_have_text(words)

    def expect_saved(self, *order: str) -> None:
        """These steps and the end, on screen as in the database, at 0, 1, 2, ..."""
        assert self.shown()[:-1] == list(order)
        nodes = self.saved()
        assert [node["id"] for node in nodes[:-1]] == list(order)
        assert nodes[-1]["type"] == "end"
        assert [node["position"] for node in nodes] == list(range(len(nodes)))

    def save(self) -> None:
        """Press the button. The builder sends one list after the other, so this one is the last."""
        self.page.get_by_role("button", name="Save the sequence").click()
        self.expect_said("Saved")
