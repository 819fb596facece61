"""What a person does once the storm is over: looks into every mailbox, and says on *What is stuck* what arrived."""

from collections.abc import Collection
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener
from uuid import UUID

from tests.web.pages.reading import Form, Page

STUCK = "/stuck"


@dataclass
class Visitor:
    """Somebody with a browser that runs no scripts."""

    url: str

    def __post_init__(self) -> None:
        # As behind a proxy that speaks https for the server.
        cookies = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._opener = build_opener(HTTPCookieProcessor(cookies))

    def visit(self, path: str, fields: list[tuple[str, str]] | None = None) -> Page:
        """The page at this address, or the one that a form with these fields leads to."""
        with self._opener.open(self.url + path, urlencode(fields).encode() if fields else None, timeout=60) as answer:
            return Page(answer.read().decode(), answer.status)

    def sign_in(self, email: str, password: str) -> None:
        """Raises HTTPError if these do not belong together."""
        token = self.visit("/signin").form("/signin").value("csrf_token") or ""
        self.visit("/signin", [("csrf_token", token), ("email", email), ("password", password)])


def settle_all(visitor: Visitor, arrived: Collection[UUID]) -> dict[str, list[UUID]]:
    """Mark as sent what arrived, have the others sent again, page by page until none is left; which was which."""
    done: dict[str, list[UUID]] = {"sent": [], "again": []}
    while form := _form(visitor.visit(STUCK)):
        ids = messages_of(form)
        assert not {*ids} & {*done["sent"], *done["again"]}, "a message was settled, and is still there"
        for settlement in done:
            chosen = [one for one in ids if (one in arrived) == (settlement == "sent")]
            if chosen:
                _press(visitor, form, settlement, chosen)
                done[settlement] += chosen
    return done


def _form(page: Page) -> Form | None:
    return next((form for form in page.forms if form.action.endswith(f"{STUCK}/settle")), None)


def messages_of(form: Form) -> list[UUID]:
    """The messages of the page: each has a button of its own to be marked as sent."""
    own = [button.value for button in form.buttons if button.value.startswith("sent:")]
    return [UUID(value.partition(":")[2]) for value in own]


def _press(visitor: Visitor, form: Form, settlement: str, chosen: list[UUID]) -> None:
    token = form.value("csrf_token") or ""
    ticked = [("message", str(one)) for one in chosen]
    visitor.visit(f"{STUCK}/settle", [("csrf_token", token), ("settlement", settlement), *ticked])
