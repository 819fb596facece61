"""An account's form in a browser: its servers are found, and the way to them is tried."""

from playwright.sync_api import Page, expect

from tests.browser.looks import assert_readable
from tests.browser.records import new_sender
from tests.servers import SmtpSink
from tests.stack import Stack


def test_the_servers_of_an_address_are_found_while_the_form_is_filled_in(page: Page) -> None:
    page.goto("/senders/new")
    page.get_by_label("An SMTP server").check()
    page.get_by_label("Email address").fill("sarah@gmail.com")
    page.get_by_label("Password", exact=True).fill("kept while servers are looked for")
    page.get_by_role("button", name="Find the servers of this address").click()
    expect(page.locator("#servers-found")).to_contain_text("app password")
    expect(page.get_by_label("Server", exact=True)).to_have_value("smtp.gmail.com")
    expect(page.get_by_label("IMAP server")).to_have_value("imap.gmail.com")
    expect(page.get_by_label("Email address")).to_have_value("sarah@gmail.com")
    expect(page.get_by_label("Password", exact=True)).to_have_value("kept while servers are looked for")
    page.get_by_label("Mail host").select_option("Fastmail")
    page.get_by_role("button", name="Find the servers of this address").click()
    expect(page.get_by_label("Server", exact=True)).to_have_value("smtp.fastmail.com")
    assert_readable(page)


def test_only_what_the_chosen_sign_in_needs_is_asked_for(page: Page) -> None:
    page.goto("/senders/new")
    page.get_by_label("An SMTP server").check()
    expect(page.get_by_label("Client id")).to_be_hidden()
    page.get_by_label("Sign in with Microsoft").check()
    expect(page.get_by_label("Client id")).to_be_visible()
    expect(page.get_by_label("Password", exact=True)).to_be_hidden()
    assert_readable(page)


def test_enter_saves_the_account_and_looks_for_no_servers(page: Page) -> None:
    page.goto("/senders/new")
    page.get_by_label("Local mail trap").check()
    page.get_by_label("Email address").fill("enter@example.com")
    page.get_by_label("Email address").press("Enter")
    expect(page.get_by_role("heading", name="Senders", level=1)).to_be_visible()


def test_the_way_to_the_servers_is_tried_on_the_page(page: Page, stack: Stack, smtp_sink: SmtpSink) -> None:
    smtp = {"host": "127.0.0.1", "port": smtp_sink.port, "security": "none", "username": "sarah", "password": "wrong"}
    sender = new_sender(stack, uses_trap=False, smtp=smtp)
    page.goto(f"/senders/{sender['id']}")
    page.get_by_role("button", name="Check the connection").click()
    steps = page.locator("#connection li")
    expect(steps).to_have_count(4)
    expect(steps.last).to_contain_text("535")
    expect(page.locator("#connection")).to_contain_text("No IMAP server is entered")
    assert_readable(page)
