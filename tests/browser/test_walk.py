"""What a new user does, from the first visit to the second start, in one go: each step stands on the one before."""

import re
import signal
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from campaigns.channels.trap import TrapAway, TrappedMessage, list_messages, read_trap
from tests.browser.builder import drag
from tests.browser.conftest import Console, NewContext
from tests.browser.looks import assert_readable
from tests.browser.records import DAYS, EMAIL, PASSWORD
from tests.jobs.processes import wait_until
from tests.stack import Stack, running_stack

CAMPAIGN = "Autumn invitations"
BERLIN = ZoneInfo("Europe/Berlin")
PASTED = "Ann Lee <ann@corp.test>\nemil@corp.test\nFrida Falk <frida@corp.test>\nnobody at all"
CSV = "email;first_name;company\n" + "".join(
    f"{name.lower()}@other.test;{name};Other\n" for name in ("Bob", "Carla", "Dora")
)
# A name, or what is said instead of one.
GREETED = {"Ann", "Bob", "Carla", "Dora", "Frida", "there"}
# Seconds between two messages of the account: long enough to close the hours in the middle of a launch.
PAUSE = "5"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One that nobody has seen yet."""
    with running_stack() as stack:
        yield stack


@pytest.fixture
def context(new_context: NewContext, stack: Stack, console: Console) -> BrowserContext:
    context = new_context(base_url=stack.url)
    console.listen(context)
    return context


def caught(stack: Stack) -> list[TrappedMessage]:
    """What the trap holds; nothing while it is being started."""
    trap = read_trap(stack.data / "trap.json")
    try:
        return list_messages(trap) if trap else []
    except TrapAway:
        return []


def names(stack: Stack) -> list[str]:
    """Whom the messages of the campaign greet."""
    found = (re.search(r"^Dear (\S+),", message.text, re.MULTILINE) for message in caught(stack))
    return [match[1] for match in found if match]


def go(page: Page, *links: str) -> None:
    """Follow links by what they are called."""
    for link in links:
        page.get_by_role("link", name=link).first.click()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def come_in(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile("/welcome$"))
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")  # the browser's
    assert_readable(page)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Make the workspace")
    expect(page.get_by_role("button", name="Load the sample campaign")).to_be_visible()
    expect(page.get_by_role("link", name="New campaign").last).to_be_visible()
    assert_readable(page)


def add_sender(page: Page, stack: Stack) -> None:
    go(page, "Senders", "Add an account")
    expect(page.get_by_label("Local mail trap")).to_be_checked()
    page.get_by_label("Email address").fill(EMAIL)
    page.get_by_label("Display name").fill("Sarah Chen")
    page.get_by_label("First name").fill("Sarah")
    page.get_by_label("Shortest pause").fill(PAUSE)
    page.get_by_label("Longest pause").fill(PAUSE)
    press(page, "Add the account")
    press(page, "Send me a test message")
    expect(page.locator("[id^=test-] [role=status]")).to_contain_text("sent")
    wait_until(lambda: [message.to for message in caught(stack)] == [EMAIL])


def new_campaign(page: Page) -> None:
    go(page, "Campaigns", "New campaign")
    page.get_by_label("Name").fill(CAMPAIGN)
    page.get_by_label(re.compile("Sarah Chen")).check()
    press(page, "Make the draft")
    expect(page.get_by_role("heading", level=1)).to_have_text(CAMPAIGN)


def write_sequence(page: Page) -> None:
    """Two emails and a wait, which is added last and dragged in between."""
    said = page.locator("#announcements")
    page.get_by_label("Subject").fill("An idea for %first_name|you%")
    press(page, "Email")
    expect(said).to_have_text("Email 2 added at position 2 of 2")
    page.keyboard.type("And again, %firstname%")
    page.get_by_label("Message", exact=True).last.fill("Dear %first_name|there%,\nhave you thought of it?")
    press(page, "Wait")
    expect(said).to_have_text("Wait 1 added at position 3 of 3")
    page.get_by_label("days").fill("2")
    wait = page.locator(".step-delay")
    drag(page, wait.locator("[data-grip]"), page.locator(".step-email").nth(1))
    expect(said).to_have_text("Wait 1 moved to position 2 of 3")
    page.reload()
    labels = page.locator("[data-step]").evaluate_all("steps => steps.map(step => step.dataset.label)")
    assert labels == ["Email 1", "Wait 1", "Email 2", "End"]
    expect(page.get_by_label("days")).to_have_value("2")


def follow_checklist(page: Page) -> None:
    """It names what is missing, and leads there; a launch before that is refused with the same words."""
    go(page, "Overview")
    press(page, "Launch")
    expect(page.locator("#flashes")).to_contain_text("Not ready to launch")
    missing = page.locator("#checklist .error")
    expect(missing).to_have_count(2)
    expect(page.locator("#check-prospects")).to_contain_text("prospect")
    sequence = page.locator("#check-sequence")
    expect(sequence).to_contain_text("body is empty")
    expect(sequence).to_contain_text("firstname")
    sequence.get_by_role("link").click()
    page.get_by_label("Subject", exact=True).last.fill("And again, %first_name|you%")
    page.get_by_label("Message", exact=True).first.fill("Dear %first_name|there%,\nhere is an idea.")
    press(page, "Save the sequence")
    expect(page.locator("#announcements")).to_have_text("Saved")
    go(page, "Overview")
    page.locator("#check-prospects").get_by_role("link").click()


def add_people(page: Page) -> None:
    rows = page.locator("#prospects tbody tr")
    page.get_by_label("Paste them").fill(PASTED)
    press(page, "Add them")
    expect(page.locator(".notice")).to_contain_text("3 added. 1 could not be read:")
    expect(page.locator(".notice li")).to_contain_text("nobody at all")
    expect(rows).to_have_count(3)
    page.get_by_label("Or upload a CSV").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    )
    press(page, "Upload")
    press(page, "Start the import")
    expect(page.locator("#import")).to_contain_text("The import is done.")
    go(page, "To the prospects")
    expect(rows).to_have_count(6)


def day_after(days: int) -> date:
    return datetime.now(BERLIN).date() + timedelta(days=days)


def day_name(day: date) -> str:
    return DAYS[day.weekday()].capitalize()


def fill_day(page: Page, day: str) -> None:
    page.get_by_label(f"{day}, from").fill("00:00")
    page.get_by_label(f"{day}, to").fill("24:00")


def add_day(page: Page, day: str) -> None:
    press(page, f"Add hours on {day}")
    expect(page.get_by_label(f"{day}, from")).to_be_focused()
    fill_day(page, day)


def save_settings(page: Page) -> None:
    press(page, "Save the settings")
    expect(page.locator("#flashes")).to_contain_text("Saved.")


def open_whole_week(page: Page) -> None:
    go(page, "Settings")
    fill_day(page, "Monday")
    press(page, "Copy Monday to Monday to Friday")
    expect(page.get_by_label("Friday, to")).to_have_value("24:00")
    add_day(page, "Saturday")
    add_day(page, "Sunday")
    save_settings(page)


def launch(page: Page, stack: Stack) -> None:
    """The first messages leave at the account's pace, and stand on the trap's page with the names of people."""
    go(page, "Overview")
    expect(page.locator("#now")).to_have_text("Everything is in place. Launch it when you like.")
    press(page, "Launch")
    expect(page.locator(".title .badge")).to_have_text("active")
    wait_until(lambda: names(stack))


def close_hours(page: Page) -> date:
    """Closed for today and tomorrow; the day on which they open."""
    go(page, "Settings")
    for away in (0, 1):
        day = day_name(day_after(away))
        press(page, f"Remove {day} 00:00 to 24:00")
        expect(page.get_by_label(f"{day}, from")).to_have_count(0)
    opens = day_after(2)
    save_settings(page)
    return opens


def assert_asleep(page: Page, opens: date) -> int:
    """The overview says how many sleep and until when; how many."""
    go(page, "Overview")
    now = page.locator("#now")
    expect(now).to_contain_text("people sleep until")
    expect(now).to_contain_text(f"{opens:%a} {opens.day} {opens:%b}")
    expect(now).to_contain_text(re.compile(", 00:00 CES?T, in"))
    return int(now.inner_text().split()[0])


def take_pause_away(page: Page) -> None:
    go(page, "Senders")
    page.get_by_role("link", name="Sarah Chen").click()
    page.get_by_label("Shortest pause").fill("0")
    page.get_by_label("Longest pause").fill("0")
    press(page, "Save the account")
    go(page, "Campaigns", CAMPAIGN)
    # The pause that had begun already runs to its end.
    expect(page.get_by_role("region", name="Senders")).not_to_contain_text("free in")


def open_hours(page: Page) -> float:
    """Open again for today and tomorrow; when that was asked for (monotonic seconds)."""
    go(page, "Settings")
    for away in (0, 1):
        add_day(page, day_name(day_after(away)))
    asked = time.monotonic()
    save_settings(page)
    return asked


def assert_greeted_on_trap_page(page: Page, greeted: set[str]) -> None:
    go(page, "Mail trap")
    trap = page.locator("#trap")
    for name in greeted:
        expect(trap.get_by_text(f"Dear {name},")).to_have_count(1)
        expect(trap.get_by_text(f"An idea for {'you' if name == 'there' else name}", exact=True)).to_have_count(1)


def assert_recorded(page: Page, sleeping: int) -> Locator:
    """The wake-up stands in the list: cause, who, counts, old and new hours."""
    go(page, "Campaigns", CAMPAIGN, "Wake-ups")
    record = page.locator("#wake-ups .record").first
    expect(record).to_contain_text("New hours")
    expect(record).to_contain_text(f"{sleeping} sleeping: {sleeping} resumed, 0 slept again.")
    expect(record).to_contain_text(re.compile(rf"By {re.escape(EMAIL)}, took [\d,]+ ms"))
    record.get_by_text("Old and new hours").click()
    today = day_name(day_after(0))
    old, new = record.locator(".fields-two > div").all()
    expect(old).not_to_contain_text(today)
    expect(new).to_contain_text(re.compile(rf"{today}\s*00:00–24:00"))
    expect(new).to_contain_text("Europe/Berlin")
    return record


def assert_job_shown(page: Page, stack: Stack, campaign: str) -> None:
    """Workers shows the very job of that wake-up under the campaign's name, and leads on to the RQ dashboard."""
    stack.key = stack.flask("create-api-key", EMAIL)
    job = stack.api("GET", f"/campaigns/{campaign}/wake-ups")["wake_ups"][0]["job_id"]
    go(page, "Workers")
    row = page.locator(f"#job-{job}")
    expect(row).to_contain_text("Wake up sleepers")
    expect(row.get_by_role("link", name=CAMPAIGN)).to_be_visible()
    expect(row).to_contain_text("finished")
    expect(page.locator("#workers")).to_contain_text("Waiting for work")
    go(page, "RQ dashboard")
    expect(page).to_have_url(re.compile("/ops/rq"))
    expect(page).to_have_title(re.compile("RQ"))
    expect(page.get_by_role("cell", name="wake", exact=True)).to_be_visible()


def restart(stack: Stack) -> None:
    """Ctrl-C, then the same command again. What the trap held is gone with it."""
    assert stack.stop(signal.SIGINT) == 0
    stack.start()
    assert caught(stack) == []


def test_a_new_user_launches_sleeps_wakes_and_starts_again(page: Page, stack: Stack) -> None:
    come_in(page)
    add_sender(page, stack)
    new_campaign(page)
    write_sequence(page)
    follow_checklist(page)
    add_people(page)
    open_whole_week(page)
    campaign = page.url.split("/")[-2]

    launch(page, stack)
    opens = close_hours(page)
    sleeping = assert_asleep(page, opens)
    early = names(stack)
    assert len(early) + sleeping == len(GREETED)
    assert len(set(early)) == len(early)
    assert_greeted_on_trap_page(page, set(early))

    take_pause_away(page)
    asked = open_hours(page)
    wait_until(lambda: len(names(stack)) > len(early))
    assert time.monotonic() - asked < 3.0  # a second is promised; the build machine may be busy
    wait_until(lambda: len(names(stack)) == len(GREETED))
    assert set(names(stack)) == GREETED
    assert_greeted_on_trap_page(page, GREETED)
    assert_recorded(page, sleeping)
    assert_job_shown(page, stack, campaign)

    page.goto("about:blank")  # pages that refresh themselves would ask in vain
    restart(stack)
    page.goto(f"/campaigns/{campaign}")
    expect(page.locator(".figures")).to_contain_text(re.compile(r"People\s*6"))
    expect(page.locator("#messages-title + .records .record")).to_have_count(len(GREETED))
    go(page, "Prospects")
    page.locator("#add-people summary").click()
    page.get_by_label("Paste them").fill("Zoe Zeh <zoe@corp.test>")
    press(page, "Add them")
    wait_until(lambda: names(stack))
    assert names(stack) == ["Zoe"]  # it works on, and nobody else hears from it again
    expect(page.locator("#prospects tbody tr")).to_have_count(7)
