"""LinkedIn campaigns as a person builds and watches them: the note and its length, senders by kind, invitations."""

import re
from itertools import count

from playwright.sync_api import Locator, Page, expect

from tests.browser.looks import assert_readable
from tests.browser.records import launch, new_draft, new_sender, nodes_of
from tests.jobs.processes import wait_until
from tests.stack import Stack

NOTE = {"type": "connection_request", "include_message": True, "body": "Hi %first_name|there%"}
STEPS = [NOTE, {"type": "delay", "delay_days": 1}, {"type": "message", "body": "Dear %first_name%"}, {"type": "end"}]
_numbers = count(1)


def new_seat(stack: Stack, **fields: object) -> str:
    number = next(_numbers)
    link = f"https://www.linkedin.com/in/seat-{number}"
    account = {"type": "linkedin", "display_name": f"Seat {number}", "profile_url": link}
    return str(stack.api("POST", "/senders", account | fields)["id"])


def new_linkedin(stack: Stack, **fields: object) -> str:
    own = {"type": "linkedin", "sender_account_ids": [new_seat(stack)], "sequence_nodes": STEPS}
    return new_draft(stack, **own | fields)


class Note:
    """The first step of a LinkedIn draft on screen."""

    def __init__(self, page: Page, stack: Stack, **fields: object) -> None:
        self.page, self.stack, self.campaign = page, stack, new_linkedin(stack, **fields)
        self.id = str(nodes_of(stack, self.campaign)[0]["id"])
        page.goto(f"/campaigns/{self.campaign}/sequence")

    def part(self, name: str) -> Locator:
        return self.page.locator(f"#step-{self.id}-{name}")

    @property
    def length(self) -> Locator:
        return self.part("body-length").locator(".length")

    def stored(self) -> tuple[bool, str]:
        node = nodes_of(self.stack, self.campaign)[0]
        return node["include_message"], node["body"]


def test_a_bare_invitation_has_no_text_box_and_what_was_written_comes_back(page: Page, stack: Stack) -> None:
    note = Note(page, stack)
    note.part("include_message").uncheck()
    expect(note.part("body")).to_be_hidden()
    expect(page.locator("#save-state")).to_contain_text("Saved.")
    wait_until(lambda: note.stored() == (False, NOTE["body"]))
    page.reload()
    expect(note.part("body")).to_be_hidden()
    note.part("include_message").check()
    expect(note.part("body")).to_be_visible()
    expect(note.part("body")).to_have_value(NOTE["body"])
    wait_until(lambda: note.stored() == (True, NOTE["body"]))


def test_the_length_counts_on_while_somebody_types(page: Page, stack: Stack) -> None:
    note = Note(page, stack)
    expect(note.length).to_have_text("4 of 200 characters")
    note.part("body").fill("Hi %first_name%, 😀 {% if company %}at %company%{% endif %}!")
    expect(note.length).to_have_text("14 of 200 characters")
    note.part("body").fill("x" * 201)
    expect(note.length).to_have_text("201 of 200 characters")
    expect(note.length).to_have_class(re.compile(r"\bover\b"))
    note.part("body").press("Backspace")
    expect(note.length).to_have_text("200 of 200 characters")
    expect(note.length).not_to_have_class(re.compile(r"\bover\b"))


def test_a_seat_with_premium_may_write_more(page: Page, stack: Stack) -> None:
    note = Note(page, stack, sender_account_ids=[new_seat(stack, is_premium=True)])
    expect(note.length).to_have_text("4 of 300 characters")


def test_an_invitation_that_is_added_waits_at_its_switch(page: Page, stack: Stack) -> None:
    note = Note(page, stack)
    page.get_by_role("button", name="Connection request", exact=True).click()
    expect(page.locator("#announcements")).to_have_text("Connection request 2 added at position 4 of 4")
    added = nodes_of(stack, note.campaign)[3]["id"]
    expect(page.locator(f"#step-{added}-include_message")).to_be_focused()


def test_a_new_campaign_offers_the_senders_of_its_kind(page: Page, stack: Stack) -> None:
    new_seat(stack, display_name="Ludmila")
    new_sender(stack, display_name="Margarete")
    page.goto("/campaigns/new")
    seat, mailbox = page.get_by_label(re.compile("^Ludmila")), page.get_by_label(re.compile("^Margarete"))
    expect(mailbox).to_be_visible()
    expect(seat).to_be_hidden()
    mailbox.check()
    page.get_by_label("LinkedIn", exact=True).check()
    expect(mailbox).to_be_hidden()
    seat.check()
    page.get_by_label("Name", exact=True).fill(f"Of seats {next(_numbers)}")
    page.get_by_role("button", name="Make the draft").click()
    expect(page.get_by_role("heading", name="Connection request 1")).to_be_visible()
    campaign = page.url.rpartition("/campaigns/")[2].partition("/")[0]
    senders = stack.api("GET", f"/campaigns/{campaign}/senders")["senders"]
    assert [sender["display_name"] for sender in senders] == ["Ludmila"]


def test_everybody_can_read_of_an_invitation_and_take_it_back(page: Page, stack: Stack) -> None:
    campaign = new_linkedin(stack, operating_hours=None)
    people = [{"linkedin_url": f"https://www.linkedin.com/in/{campaign}-{name}"} for name in "ab"]
    stack.api("POST", f"/campaigns/{campaign}/prospects", {"prospects": people})
    launch(stack, campaign)
    wait_until(lambda: stack.api("GET", f"/tasks?campaign_id={campaign}")["total"] == len(people))
    for task in stack.api("GET", f"/tasks?campaign_id={campaign}")["tasks"]:
        stack.api("POST", f"/tasks/{task['id']}", {"outcome": "done"})
    prospect = stack.api("GET", f"/campaigns/{campaign}/prospects")["prospects"][0]["id"]
    page.goto(f"/campaigns/{campaign}/prospects/{prospect}")
    expect(page.get_by_text("The invitation times out, unless it is accepted")).to_be_visible()
    assert_readable(page)
    page.get_by_role("button", name="I have withdrawn it").click()
    expect(page.locator("#invitation")).to_contain_text("It was not accepted, and is withdrawn.")
    seat = stack.api("GET", f"/campaigns/{campaign}")["campaign"]["sender_accounts"][0]["id"]
    page.goto(f"/senders/{seat}")
    expect(page.get_by_text("2 of 80 invitations in 7 days").first).to_be_visible()
    assert_readable(page)
