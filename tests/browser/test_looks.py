"""Every page can be read by everybody: axe finds nothing, and nothing has to be scrolled sideways for."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from campaigns.rules.links import Links, Recipient
from tests.browser.conftest import Console
from tests.browser.looks import assert_readable
from tests.browser.records import PEOPLE, SEQUENCE, add_people, closed_now, launch, new_draft, new_sender, nodes_of
from tests.jobs.processes import wait_until
from tests.stack import Stack

LONG = "Bartholomew.Featherstonehaugh-Hohenstein@a-rather-long-company-name.example.com"


@dataclass(frozen=True)
class Seen:
    """What there is to look at."""

    draft: str
    empty: str
    linkedin: str
    running: str
    paused: str
    person: str
    stuck: str
    sender: str
    seat: str
    through_unipile: str


@pytest.fixture(scope="module")
def seen(stack: Stack) -> Seen:
    """Campaigns in every state, with mail in the trap, one wake-up at least, and names that have to be broken."""
    sender = new_sender(stack, email_address=LONG, display_name="Bartholomew Featherstonehaugh", daily_limit=30)
    seat = stack.api(
        "POST", "/senders", {"type": "linkedin", "display_name": "Dora", "profile_url": "https://linkedin.com/in/dora"}
    )
    unconnected = {"provider": "unipile", "seat": {"base_url": "api.unipile.com", "api_key": "none"}}
    through_unipile = stack.api("POST", "/senders", {"type": "linkedin", "display_name": "Emil", **unconnected})
    running = new_draft(
        stack,
        name="Founders, second round, with a name that has to be broken somewhere",
        sender_account_ids=[sender["id"]],
        operating_hours=None,
    )
    add_people(stack, running)
    launch(stack, running)
    wait_until(lambda: stack.api("GET", f"/campaigns/{running}")["campaign"]["stats"]["sent"] == len(PEOPLE))
    stack.api("PATCH", f"/campaigns/{running}", {"operating_hours": closed_now(), "daily_limit": 60})
    late = {"email": LONG, "company": "Featherstonehaugh, Featherstonehaugh and Featherstonehaugh"}
    stack.api("POST", f"/campaigns/{running}/prospects", {"prospects": [late]})
    wait_until(lambda: stack.api("GET", f"/campaigns/{running}/wake-ups")["wake_ups"][0]["finished_at"])
    paused = new_draft(stack)
    add_people(stack, paused)
    launch(stack, paused)
    stack.api("POST", f"/campaigns/{paused}/pause")
    draft = new_draft(stack)
    add_people(stack, draft)
    empty = new_draft(stack, sender_account_ids=[], sequence_nodes=[{"type": "email"}, {"type": "end"}])
    invitation = {"type": "connection_request", "include_message": True, "body": "Hello"}
    steps = [invitation, {"type": "delay", "delay_days": 1}, {"type": "message", "body": "Hi"}, {"type": "end"}]
    accounts = [sender["id"], seat["id"], through_unipile["id"]]
    linkedin = new_draft(stack, type="linkedin", sender_account_ids=accounts[1:], sequence_nodes=steps)
    people = stack.api("GET", f"/campaigns/{running}/prospects")["prospects"]
    return Seen(draft, empty, linkedin, running, paused, people[0]["id"], new_stuck(stack), *accounts)


def new_stuck(stack: Stack) -> str:
    """A campaign that runs, with two people held back for want of a company, whose account was then put aside."""
    steps = [{"type": "email", "subject": "To %company%", "body": "Hello"}, *SEQUENCE[1:]]
    sender = new_sender(stack)["id"]
    stuck = new_draft(stack, sender_account_ids=[sender], operating_hours=None, sequence_nodes=steps)
    stack.api("POST", f"/campaigns/{stuck}/prospects", {"prospects": [{"email": "ann@one.test"}, *PEOPLE[1:]]})
    launch(stack, stuck)
    wait_until(lambda: stack.api("GET", f"/campaigns/{stuck}")["campaign"]["stats"]["failed"] == 2)
    stack.api("PATCH", f"/senders/{sender}", {"status": "disconnected"})
    return stuck


PAGES = [
    "/campaigns",
    "/campaigns/new",
    "/campaigns/{draft}",
    "/campaigns/{empty}",
    "/campaigns/{running}",
    "/campaigns/{paused}",
    "/campaigns/{draft}/plan",
    "/campaigns/{empty}/plan",
    "/campaigns/{running}/plan",
    "/campaigns/{draft}/sequence",
    "/campaigns/{draft}/sequence/preview",
    "/campaigns/{empty}/sequence/preview",
    "/campaigns/{linkedin}/sequence/preview",
    "/campaigns/{running}/sequence/versions",
    "/campaigns/{linkedin}/sequence",
    "/campaigns/{running}/sequence",
    "/campaigns/{draft}/settings",
    "/campaigns/{linkedin}/settings",
    "/campaigns/{running}/settings",
    "/campaigns/{empty}/prospects",
    "/campaigns/{running}/prospects",
    "/campaigns/{running}/prospects?q=nobody",
    "/campaigns/{running}/prospects/{person}",
    "/campaigns/{running}/prospects/{person}/edit",
    "/campaigns/{running}/prospects/{person}/explain",
    "/campaigns/{running}/imports",
    "/campaigns/{running}/wake-ups",
    "/campaigns/{draft}/wake-ups",
    "/senders",
    "/senders/new",
    "/senders/{sender}",
    "/senders/{seat}",
    "/senders/{through_unipile}",
    "/senders/new/seat",
    "/domains",
    "/templates",
    "/campaigns/{draft}/template",
    "/search?q=founders",
    "/search?q=nothing-has-this-name",
    "/tasks",
    "/inbox",
    "/suppressions",
    "/data",
    "/keys",
    "/trap",
    "/workers",
]
# Most bytes of a page's HTML.
MOST_BYTES = 60_000
# How far a page may move by itself, in the browser's own measure (CLS): nothing that anybody sees.
MOST_SHIFT = 0.001
WATCH_SHIFTS = """
    window.shifts = [];
    new PerformanceObserver(list => list.getEntries().filter(one => !one.hadRecentInput).forEach(one => shifts.push(
        [one.value, ...one.sources.map(source => source.node?.outerHTML?.slice(0, 80))]
    ))).observe({type: "layout-shift", buffered: true});
"""


def open_small(page: Page, path: str) -> None:
    answer = page.goto(path)
    assert answer is not None
    assert len(answer.body()) < MOST_BYTES


@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_read(page: Page, seen: Seen, path: str) -> None:
    open_small(page, path.format(**vars(seen)))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert_readable(page)


def test_everybody_can_read_what_is_stuck(page: Page, seen: Seen) -> None:
    page.goto("/stuck")
    expect(page.get_by_role("heading", name="Accounts that cannot send")).to_be_visible()
    held_back = page.get_by_role("region", name="People held back")
    expect(held_back.locator(f"a[href*='{seen.stuck}']").first).to_be_visible()
    assert_readable(page)


def test_a_full_roster_is_a_small_page_too(page: Page, stack: Stack, seen: Seen) -> None:
    person = {"first_name": "Bartholomew", "last_name": "Featherstonehaugh", "company": "Featherstonehaugh and Sons"}
    people = [{"email": f"person.number.{number}@{LONG.partition('@')[2]}", **person} for number in range(200)]
    full = new_draft(stack)
    stack.api("POST", f"/campaigns/{full}/prospects", {"prospects": people})
    open_small(page, f"/campaigns/{full}/prospects")
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("of 200 people")


def test_everybody_can_read_a_long_list_of_those_who_said_no(page: Page, stack: Stack, seen: Seen) -> None:
    entries = [{"value": f"n{number}.{LONG}", "reason": "asked us by telephone, " * 8} for number in range(40)]
    stack.api("POST", "/suppressions", {"suppressions": entries})
    open_small(page, "/suppressions")
    expect(page.get_by_role("navigation", name="Pages")).to_contain_text("of 40 entries")
    assert_readable(page)


def test_everybody_can_read_what_is_kept_about_somebody(page: Page, stack: Stack, seen: Seen) -> None:
    page.goto("/data")
    page.get_by_label("Address").fill(LONG)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=LONG.lower())).to_be_visible()
    assert_readable(page)


def test_everybody_can_say_no(page: Page, stack: Stack, seen: Seen) -> None:
    """The page that a message links to, by the keyboard alone."""
    secret = (stack.data / "secret_key").read_text().strip()
    workspace = stack.api("GET", f"/campaigns/{seen.draft}")["campaign"]["workspace_id"]
    recipient = Recipient(UUID(seen.person), UUID(workspace), f"nobody.{LONG}".lower())
    open_small(page, Links("", secret).unsubscribe(recipient))
    assert_readable(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You will hear nothing more")).to_be_visible()
    assert_readable(page)


@pytest.mark.parametrize(
    ("path", "refreshes"),
    [
        ("/campaigns", 2),
        ("/campaigns/{running}", 3),
        ("/campaigns/{draft}", 3),
        ("/campaigns/{running}/prospects/{person}", 1),
        ("/campaigns/{running}/wake-ups", 2),
        ("/campaigns/{running}/settings", 0),
        ("/campaigns/{running}/plan", 0),
        ("/campaigns/{running}/imports", 0),
        ("/stuck", 0),
        ("/tasks", 0),
        ("/inbox", 0),
        ("/workers", 2),
    ],
)
def test_nothing_moves_under_the_eyes_of_whoever_reads(page: Page, seen: Seen, path: str, refreshes: int) -> None:
    page.add_init_script(WATCH_SHIFTS)
    page.goto(path.format(**vars(seen)), wait_until="commit")
    for _ in range(refreshes):
        page.wait_for_event("requestfinished", lambda request: "hx-request" in request.headers)
    if not refreshes:
        page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shifts = page.evaluate("shifts")
    assert sum(shift[0] for shift in shifts) <= MOST_SHIFT, shifts


@pytest.mark.parametrize("path", ["/campaigns/{running}", "/campaigns/{running}/plan"])
def test_paper_has_what_is_to_be_read_and_nothing_to_press(page: Page, seen: Seen, path: str) -> None:
    page.goto(path.format(**vars(seen)))
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for thing in ("nav", "button", "form", "footer", ".foot", "dialog"):
        assert page.locator(f"{thing}:visible").count() == 0, thing


def test_everybody_can_read_why_a_sequence_was_refused(page: Page, stack: Stack, seen: Seen, console: Console) -> None:
    console.expect_status(422)
    wait = nodes_of(stack, seen.draft)[1]["id"]
    page.goto(f"/campaigns/{seen.draft}/sequence")
    page.locator(f"#step-{wait}-delay_days").fill("31")
    page.get_by_role("button", name="Save the sequence").click()
    expect(page.locator("#builder .errors")).to_be_visible()
    assert_readable(page)


@pytest.mark.parametrize(
    ("path", "button"),
    [
        ("/campaigns/new", "Make the draft"),
        ("/senders/new", "Add the account"),
        ("/senders/new/seat", "Add the seat"),
        ("/campaigns/{draft}/prospects", "Add them"),
        ("/keys", "Make a key"),
    ],
)
def test_everybody_can_read_why_an_empty_form_was_refused(
    page: Page, seen: Seen, console: Console, path: str, button: str
) -> None:
    console.expect_status(422)
    page.goto(path.format(**vars(seen)))
    page.locator("details").evaluate_all("parts => parts.forEach(part => { part.open = true; })")
    page.get_by_role("button", name=button).click()
    expect(page.locator(".errors").first).to_be_visible()
    assert_readable(page)


def test_everybody_can_read_a_new_key(page: Page) -> None:
    page.goto("/keys")
    page.get_by_label("Name").fill("For the CRM")
    page.get_by_role("button", name="Make a key").click()
    expect(page.locator("#new-key")).to_contain_text("cdz_")
    assert_readable(page)


def test_everybody_can_read_that_something_does_not_exist(page: Page, console: Console) -> None:
    console.expect_status(404)
    page.goto("/campaigns/0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert_readable(page)


def test_everybody_can_read_the_menu_of_a_narrow_page(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto("/campaigns")
    page.locator(".menu summary").click()
    expect(page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Workers")).to_be_visible()
    assert_readable(page)
    page.set_viewport_size({"width": 360, "height": 780})
    page.keyboard.press("Escape")
    expect(page.locator(".menu summary")).to_be_focused()


def test_everybody_can_read_the_way_in(browser: Browser, stack: Stack, console: Console) -> None:
    context = browser.new_context(base_url=stack.url, reduced_motion="reduce")
    console.listen(context)
    page = context.new_page()
    console.expect_status(422)
    page.goto("/signin")
    assert_readable(page)
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("a wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".errors")).to_be_visible()
    assert_readable(page)
    context.close()
