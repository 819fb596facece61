"""The inbox in a real browser: by mouse, by keyboard, on a telephone, while it refreshes itself; and an answer that is
really sent."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models import Campaign, Prospect, connect, session_factory, silence
from tests import make
from tests.browser.looks import NARROW, assert_readable
from tests.browser.records import add_people, new_draft, new_sender
from tests.browser.test_looks import open_small
from tests.browser.test_shortcuts import press
from tests.jobs.processes import wait_until
from tests.stack import Stack

QUESTION = "Can you send me your prices?\nSee https://corp.example/terms.\n"
QUOTED = "> Dear Ann,\n> an idea.\n"


@dataclass
class Mailbox:
    """What came back to a campaign of the stack, put into its database as the reader of mailboxes does."""

    sessions: sessionmaker[Session]
    people: dict[str, UUID]

    def write(self, name: str, **values: Any) -> None:
        with self.sessions.begin() as session:
            make.letter(session, session.get_one(Prospect, self.people[name]), **values)


@pytest.fixture
def mailbox(stack: Stack) -> Iterator[Mailbox]:
    """Ann, Bob and Carla have answered, Ann last."""
    sender = new_sender(stack, display_name="Sarah Chen")["id"]
    campaign = new_draft(stack, sender_account_ids=[sender])
    add_people(stack, campaign)
    engine = connect(f"sqlite:///{stack.data / 'cadenza.db'}")
    sessions = session_factory(engine, silence)
    with sessions.begin() as session:
        people = session.query(Prospect).filter_by(campaign_id=session.get_one(Campaign, UUID(campaign)).id).all()
        found = {one.first_name or "": one.id for one in people}
        for number, one in enumerate(sorted(people, key=lambda one: one.first_name or "", reverse=True)):
            one.sender_account_id = UUID(sender)
            at = datetime.now(UTC) - timedelta(minutes=10 - number)
            make.letter(session, one, subject="Re: First", fresh=QUESTION, quoted=QUOTED, received_at=at)
            make.conversation(session, one, last_at=at)
    yield Mailbox(sessions, found)
    with sessions.begin() as session:
        session.delete(session.get_one(Campaign, UUID(campaign)))
    engine.dispose()


def statuses(stack: Stack, person: UUID) -> list[str | None]:
    return [one["status"] for one in stack.api("GET", f"/conversations/{person}")["mails"]]


def test_a_letter_is_read_labelled_and_answered_by_the_keyboard_alone(
    page: Page, stack: Stack, mailbox: Mailbox
) -> None:
    page.goto("/senders")
    press(page, "g")
    press(page, "i")
    expect(page).to_have_url(re.compile("/inbox$"))
    expect(page.get_by_role("navigation", name="Main")).to_contain_text("3 unread")
    for key, name in (("j", "Ann"), ("j", "Bob"), ("k", "Ann")):
        press(page, key)
        expect(page.locator(f"#talk-{mailbox.people[name]}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()
    expect(page.locator(f"#talk-{mailbox.people['Ann']}")).to_have_attribute("aria-current", "true")
    press(page, "1")
    expect(page.locator("#mark-interested")).to_have_attribute("aria-pressed", "true")
    press(page, "r")
    expect(page.locator("#answer")).to_be_focused()
    page.keyboard.type("Dear Ann, here they are.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#flashes")).to_have_text("Your answer is on its way.")
    wait_until(lambda: statuses(stack, mailbox.people["Ann"]) == [None, "sent"])
    expect(page.get_by_text("Waits to be sent")).to_be_hidden()
    press(page, "e")
    expect(page).to_have_url(re.compile("/inbox$"))
    expect(page.get_by_role("link", name=re.compile("Unread: Ann Lee"))).to_be_visible()


def test_the_quoted_part_is_folded_and_links_lead_away(page: Page, mailbox: Mailbox) -> None:
    page.goto("/inbox")
    page.get_by_role("link", name=re.compile("Ann Lee")).click()
    expect(page.get_by_text("Dear Ann,")).to_be_hidden()
    page.get_by_text("Quoted text").click()
    expect(page.get_by_text("Dear Ann,")).to_be_visible()
    link = page.get_by_role("link", name="https://corp.example/terms", exact=True)
    expect(link).to_have_attribute("href", "https://corp.example/terms")
    page.get_by_role("link", name=re.compile("Timeline")).click()
    expect(page.get_by_role("link", name="Answered").first).to_be_visible()


def test_what_comes_while_somebody_writes_disturbs_nothing(page: Page, mailbox: Mailbox) -> None:
    page.goto(f"/inbox/{mailbox.people['Ann']}")
    page.get_by_text("Quoted text").click()
    answer = page.locator("#answer")
    answer.fill("Dear Ann, half a")
    mailbox.write("Ann", fresh="And one more thing.", quoted="", received_at=datetime.now(UTC))
    expect(page.locator("#mails").get_by_text("And one more thing.")).to_be_visible()
    expect(answer).to_be_focused()
    expect(answer).to_have_value("Dear Ann, half a")
    expect(page.get_by_text("Dear Ann,\n", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Not now").click()
    expect(page.locator("#mark-not_now")).to_have_attribute("aria-pressed", "true")
    expect(answer).to_have_value("Dear Ann, half a")


def test_the_list_is_narrowed_as_somebody_types(page: Page, mailbox: Mailbox) -> None:
    page.goto("/inbox")
    page.get_by_role("searchbox", name="Name, address or company").last.press_sequentially("bob")
    expect(page.get_by_role("link", name=re.compile("Ann Lee"))).to_be_hidden()
    expect(page.get_by_role("link", name=re.compile("Bob"))).to_be_visible()
    expect(page).to_have_url(re.compile("q=bob"))


def test_on_a_telephone_the_list_comes_first_and_then_the_conversation(page: Page, mailbox: Mailbox) -> None:
    page.set_viewport_size(NARROW)
    page.goto("/inbox")
    page.get_by_role("link", name=re.compile("Ann Lee")).click()
    expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()
    expect(page.locator("#conversations")).to_be_hidden()
    page.get_by_role("link", name="Back to the inbox").click()
    expect(page.locator("#conversations")).to_be_visible()


def test_everybody_can_read_the_inbox(page: Page, mailbox: Mailbox) -> None:
    mailbox.write("Ann", kind="out_of_office", subject="Automatic: away", received_at=datetime.now(UTC))
    mailbox.write("Ann", fresh="W" * 5000, received_at=datetime.now(UTC))
    for path in ("/inbox", "/inbox?q=nobody-at-all", f"/inbox/{mailbox.people['Ann']}"):
        open_small(page, path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert_readable(page)


def test_it_is_read_and_answered_without_a_script(plain: Page, stack: Stack, mailbox: Mailbox) -> None:
    plain.goto("/inbox")
    plain.get_by_role("link", name=re.compile("Bob")).click()
    plain.get_by_role("button", name="Wrong person").click()
    expect(plain.locator("#mark-wrong_person")).to_have_attribute("aria-pressed", "true")
    plain.get_by_label("Your answer").fill("Sorry, Bob.")
    plain.get_by_role("button", name="Send the answer").click()
    expect(plain.locator("#flashes")).to_have_text("Your answer is on its way.")
    wait_until(lambda: statuses(stack, mailbox.people["Bob"]) == [None, "sent"])
    plain.get_by_role("button", name="Mark as unread").click()
    expect(plain).to_have_url(re.compile("/inbox$"))
