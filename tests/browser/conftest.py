"""A real Chromium before the real stack. Whatever a page complains about on the console fails its test."""

import re
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebError, expect

from tests.browser.records import EMAIL, PASSWORD
from tests.stack import Stack, running_stack

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # as root it does not start otherwise
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
# Longer than anything takes here; a busy build machine is slow.
PATIENCE_MS = 15_000
# What Chromium says where a test types before the page has put the focus where it wants it.
HARMLESS = ("Autofocus processing was blocked because a document already has a focused element.",)
NewContext = Callable[..., BrowserContext]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup` one process runs the walk, another one the rest, so that only two stacks start."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.xdist_group("walk" if item.path.stem == "test_walk" else "browser"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with the last lines that the stack has logged."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack is not None:
        with suppress(FileNotFoundError):  # it has ended already
            report.sections.append(("log of the stack", stack.said[-5000:]))
    return report


@pytest.fixture(scope="session")
def base_url() -> None:
    """None for all; instead of pytest-base-url's own fixture, whose manner pytest warns of."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert program, f"The browser tests need one of: {', '.join(CHROMIUM)}"
    return {**browser_type_launch_args, "executable_path": program, "args": ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A person in Berlin who has asked for calm, at a usual screen."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 900},
        "reduced_motion": "reduce",
        "timezone_id": "Europe/Berlin",
    }


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Console:
    """What the browser complained about, of which a test may expect something, part of its words at least."""

    said: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def listen(self, context: BrowserContext) -> None:
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", self._hear)
        context.on("weberror", self._fail)

    def _hear(self, message: ConsoleMessage) -> None:
        self.said.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _fail(self, failure: WebError) -> None:
        self.said.append(f"uncaught: {failure.error}")

    def expect_status(self, status: int) -> None:
        """Chromium writes a line of its own for each answer of 400 and above."""
        self.expected.append(f"Failed to load resource: the server responded with a status of {status} ")

    def expect_failure(self, name: str) -> None:
        """The same for a request that got no answer, which htmx tells of too."""
        self.expected += [f"Failed to load resource: net::{name}", "htmx:error: Failed to fetch"]

    def unexpected(self) -> list[str]:
        return [line for line in self.said if not any(words in line for words in (*HARMLESS, *self.expected))]


@pytest.fixture
def console() -> Iterator[Console]:
    """Fails the test on anything that it did not expect."""
    heard = Console()
    yield heard
    assert heard.unexpected() == [], "\n".join(heard.unexpected())


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """What `make run` starts, for all tests of this process but the walk, which needs one that nobody has seen."""
    with running_stack() as stack:
        stack.sign_up(EMAIL, PASSWORD)
        yield stack


@pytest.fixture(scope="session")
def signed_in(browser: Browser, stack: Stack) -> Any:
    """The cookies of somebody who has signed in."""
    context = browser.new_context(base_url=stack.url)
    page = context.new_page()
    page.goto("/signin")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/campaigns$"))
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def context(new_context: NewContext, stack: Stack, signed_in: Any, console: Console) -> BrowserContext:
    """Signed in, and listened to."""
    context = new_context(base_url=stack.url, storage_state=signed_in)
    console.listen(context)
    return context


@pytest.fixture
def plain(new_context: NewContext, stack: Stack, signed_in: Any, console: Console) -> Page:
    """A page for somebody who is signed in and whose browser runs no script."""
    context = new_context(base_url=stack.url, storage_state=signed_in, java_script_enabled=False)
    console.listen(context)
    return context.new_page()
