"""Whether a page can be read: by everybody, in light and in dark, and on a narrow telephone."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

NARROW, USUAL = {"width": 360, "height": 780}, {"width": 1280, "height": 900}
# Of axe's rules, those whose answer another scheme, another width can change.
OF_COLOUR = ("color-contrast", "link-in-text-block")
OF_WIDTH = ("target-size", "scrollable-region-focusable", "page-has-heading-one", "landmark-one-main", "bypass")
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 120))"""


def faults_of(page: Page, *rules: str) -> list[str]:
    """What axe has to say against the page as it is now: by all of its rules, or by these alone."""
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    violations = Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']}: {place['html'][:200]}" for rule in violations for place in rule["nodes"]]


def assert_readable(page: Page) -> None:
    """No violation of axe's rules in either scheme and at either width, nothing to scroll sideways for."""
    page.emulate_media(color_scheme="light")
    assert faults_of(page) == []
    page.emulate_media(color_scheme="dark")
    assert faults_of(page, *OF_COLOUR) == [], "in dark"
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], page.evaluate(TOO_WIDE)
    assert faults_of(page, *OF_WIDTH) == [], "at 360 px"
    page.set_viewport_size(USUAL)
