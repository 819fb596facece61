"""A new user's way from signing in to an answer by hand, walked three times: by the keyboard alone, without scripts,
and with a finger on a narrow telephone."""

import re
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from itertools import count

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from campaigns.channels.trap import list_messages, read_trap
from campaigns.models import Prospect, connect, session_factory, silence
from tests import make
from tests.browser.conftest import Console, NewContext
from tests.browser.looks import NARROW, TOO_WIDE, USUAL
from tests.browser.records import EMAIL, PASSWORD
from tests.jobs.processes import wait_until
from tests.stack import Stack

# More stops of the Tab key than any way should take.
MOST_STOPS = 150
# What is wrong with where the focus is: nothing shows it, or it is out of sight, or under something else.
FAULT = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect();
    if (one === document.body) return "";  // past the last stop, before the first
    const shown = [one, ...one.querySelectorAll(".cell")].some((part) => {
        const style = getComputedStyle(part);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    });
    const seen = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    const x = Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1);
    const y = Math.min(Math.max(box.top + Math.min(box.height / 2, 20), 1), innerHeight - 1);
    const top = document.elementFromPoint(x, y);
    const free = top && (one.contains(top) || top.contains(one));
    const fault = !shown ? "no focus to be seen" : !seen ? "out of sight" : !free ? "covered" : "";
    return fault && `${fault}: ${one.outerHTML.slice(0, 160)}`;
}"""
WIDTH = "document.documentElement.scrollWidth"
_numbers = count(1)


class Hands(ABC):
    """How somebody uses a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @abstractmethod
    def press(self, target: Locator) -> None:
        """A link or a button."""

    @abstractmethod
    def tick(self, target: Locator) -> None:
        """A box."""

    @abstractmethod
    def write(self, target: Locator, text: str) -> None:
        """Into a field, in place of what stands there."""

    def choose_file(self, target: Locator, text: str) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.press(target)
        chooser.value.set_files({"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()})

    def menu(self, name: str) -> None:
        self.press(self.page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name=name))

    def see(self, target: Locator, words: str | re.Pattern[str]) -> None:
        """What comes by itself."""
        expect(target).to_contain_text(words)


class Keys(Hands):
    """The keyboard alone: Tab to it, with the focus to be seen at each stop; then Enter, Space or letters."""

    def _reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        passed = []
        while not target.evaluate("one => one === document.activeElement"):
            self.page.keyboard.press("Tab")
            passed.append(self.page.evaluate(FAULT))
            assert len(passed) < MOST_STOPS, f"never came to {target}"
            if len(passed) == 1 and self._skips(target):
                self.page.keyboard.press("Enter")
        assert not any(passed), "\n".join(filter(None, passed))

    def _skips(self, target: Locator) -> bool:
        return self.page.locator(".skip:focus").count() == 1 and target.evaluate("one => !!one.closest('main')")

    def press(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def tick(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Space")

    def write(self, target: Locator, text: str) -> None:
        self._reach(target)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)


class Mouse(Hands):
    """A mouse, in a browser that runs no script: what comes is there when the page is asked for again."""

    def press(self, target: Locator) -> None:
        target.click()

    def tick(self, target: Locator) -> None:
        target.check()

    def write(self, target: Locator, text: str) -> None:
        target.fill(text)

    def see(self, target: Locator, words: str | re.Pattern[str]) -> None:
        def there() -> bool:
            if any(re.search(words, text) for text in target.all_inner_texts()):
                return True
            self.page.reload()
            return False

        wait_until(there)


class Finger(Mouse):
    """A finger on a telephone: no page is wider than it, and nothing lies over what is touched."""

    def press(self, target: Locator) -> None:
        expect(target).to_be_visible()
        assert self.page.evaluate(WIDTH) <= NARROW["width"], self.page.evaluate(TOO_WIDE)
        target.tap()

    def tick(self, target: Locator) -> None:
        target.tap()
        expect(target).to_be_checked()

    def write(self, target: Locator, text: str) -> None:
        target.tap()
        target.fill(text)

    def menu(self, name: str) -> None:
        self.press(self.page.locator(".menu summary"))
        self.press(self.page.get_by_role("navigation", name="Main menu").get_by_role("link", name=name))

    def see(self, target: Locator, words: str | re.Pattern[str]) -> None:
        Hands.see(self, target, words)


WAYS = {
    "by the keyboard": (Keys, {}, USUAL),
    "without scripts": (Mouse, {"java_script_enabled": False}, USUAL),
    "with a finger": (Finger, {"has_touch": True}, NARROW),
}


@pytest.fixture(params=WAYS)
def hands(request: pytest.FixtureRequest, new_context: NewContext, stack: Stack, console: Console) -> Hands:
    """Somebody who has not signed in yet."""
    kind, manner, size = WAYS[request.param]
    context = new_context(base_url=stack.url, **manner)
    console.listen(context)
    page = context.new_page()
    page.set_viewport_size(size)
    return kind(page)


def button(hands: Hands, name: str) -> Locator:
    return hands.page.get_by_role("button", name=name, exact=True)


def link(hands: Hands, name: str) -> Locator:
    return hands.page.get_by_role("main").get_by_role("link", name=name).first


def field(hands: Hands, label: str) -> Locator:
    return hands.page.get_by_role("main").get_by_label(label, exact=True)


def come_in(hands: Hands) -> None:
    hands.page.goto("/")
    hands.write(field(hands, "Email"), EMAIL)
    hands.write(field(hands, "Password"), PASSWORD)
    hands.press(button(hands, "Sign in"))
    expect(hands.page).to_have_url(re.compile("/campaigns$"))


def add_sender(hands: Hands, name: str) -> None:
    hands.menu("Senders")
    hands.press(link(hands, "Add an account"))
    hands.write(field(hands, "Email address"), f"{name}@example.com")
    hands.write(field(hands, "Display name"), name)
    hands.write(field(hands, "Shortest pause"), "0")
    hands.write(field(hands, "Longest pause"), "0")
    hands.press(button(hands, "Add the account"))
    expect(hands.page.locator("#flashes")).to_contain_text("added")


def draft(hands: Hands, name: str) -> None:
    hands.menu("Campaigns")
    hands.press(link(hands, "New campaign"))
    hands.write(field(hands, "Name"), f"Walk of {name}")
    hands.tick(hands.page.get_by_label(re.compile(f"^{name}")))
    hands.press(button(hands, "Make the draft"))
    hands.write(field(hands, "Subject"), "An idea")
    hands.write(field(hands, "Message"), f"Dear %first_name%, %company|{name}%")
    hands.press(button(hands, "Wait"))
    hands.write(field(hands, "days"), "3")
    hands.press(button(hands, "Email"))
    expect(hands.page.get_by_role("heading", name="Email 2")).to_be_visible()
    hands.write(field(hands, "Message").last, "Dear %first_name%, and again")
    hands.press(button(hands, "Save the sequence"))
    expect(hands.page.locator("#save-state")).to_contain_text("Saved.")


def add_people(hands: Hands, name: str) -> None:
    hands.press(link(hands, "Prospects"))
    hands.write(field(hands, "Paste them"), f"Ann Lee <ann@{name}.test>")
    hands.press(button(hands, "Add them"))
    hands.press(hands.page.locator("#add-people summary"))
    hands.choose_file(field(hands, "Or upload a CSV"), f"email;first_name\nbob@{name}.test;Bob\n")
    hands.press(button(hands, "Upload"))
    hands.press(button(hands, "Start the import"))
    hands.see(hands.page.locator("#import"), "The import is done.")
    hands.see(hands.page.locator(".tabs .count"), "2")


def open_always(hands: Hands) -> None:
    hands.press(link(hands, "Settings"))
    hands.press(button(hands, "Always open"))
    hands.press(button(hands, "Save the settings"))
    expect(hands.page.locator("#flashes")).to_contain_text("Saved.")


def launch(hands: Hands, stack: Stack, name: str) -> None:
    hands.press(link(hands, "Overview"))
    hands.press(button(hands, "Launch"))
    wait_until(lambda: {text.partition(",")[0] for text in caught(stack, name)} == {"Dear Ann", "Dear Bob"})
    hands.see(hands.page.locator("#messages-title + .records"), "Ann Lee")


def caught(stack: Stack, name: str) -> list[str]:
    """What the trap holds of this walk."""
    trap = read_trap(stack.data / "trap.json")
    assert trap is not None
    return [one.text for one in list_messages(trap) if name in one.text]


def steer(hands: Hands) -> None:
    hands.press(button(hands, "Pause campaign"))
    hands.see(hands.page.locator("#now"), "Paused")
    hands.press(button(hands, "Resume campaign"))
    hands.see(hands.page.locator(".title .badge"), "active")


def answered(stack: Stack, name: str) -> None:
    """Ann has written back, as the reader of mailboxes tells it to the database."""
    engine = connect(f"sqlite:///{stack.data / 'cadenza.db'}")
    with session_factory(engine, silence).begin() as session:
        ann = session.scalars(select(Prospect).where(Prospect.email == f"ann@{name}.test")).one()
        make.letter(session, ann, fresh="Tell me more.", received_at=datetime.now(UTC))
        make.conversation(session, ann, last_at=datetime.now(UTC))
    engine.dispose()


def answer(hands: Hands, stack: Stack, name: str) -> None:
    hands.menu("Inbox")
    hands.press(link(hands, "Ann Lee"))
    hands.write(field(hands, "Your answer"), f"Dear Ann, of course. {name}")
    hands.press(button(hands, "Send the answer"))
    expect(hands.page.locator("#flashes")).to_contain_text("Your answer is on its way.")
    wait_until(lambda: any("of course" in text for text in caught(stack, name)))


def suppress(hands: Hands, name: str) -> None:
    hands.menu("Suppressions")
    hands.write(field(hands, "Addresses, domains or profiles"), f"bob@{name}.test")
    hands.press(button(hands, "Add to the list"))
    expect(hands.page.locator("#flashes")).to_contain_text("added to the list")
    hands.menu("Campaigns")
    hands.press(link(hands, f"Walk of {name}"))
    hands.press(link(hands, "Prospects"))
    hands.press(link(hands, "Bob"))
    expect(hands.page.locator("#person")).to_contain_text("suppressed")


def test_a_new_user_finds_the_way(hands: Hands, stack: Stack) -> None:
    name = f"walker{next(_numbers)}"
    come_in(hands)
    add_sender(hands, name)
    draft(hands, name)
    add_people(hands, name)
    open_always(hands)
    launch(hands, stack, name)
    steer(hands)
    answered(stack, name)
    answer(hands, stack, name)
    suppress(hands, name)
