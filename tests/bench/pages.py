"""Pages of a workspace with a million prospects: seconds from the request to the last byte, from the real server."""

import http.client
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from campaigns.models import Campaign, counts
from campaigns.models.finding import nodes_of
from campaigns.web.pages.prospects import PAGE
from tests.bench import crowd
from tests.bench.figures import spread
from tests.bench.options import Options
from tests.bench.stage import EMAIL, PASSWORD, Scene, closed_hours, playing, scene
from tests.stack import Stack

WARM_UP = 3
# One large campaign of these many accounts, and some small ones, so that the list has two pages.
SENDERS, SMALL, SMALL_PEOPLE = 5, 29, 100
LIVE = {"HX-Request": "true"}


class Visitor:
    """A person who is signed in, on one connection that is kept open."""

    def __init__(self, stack: Stack) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=120)
        self._cookie = ""
        form = self.get("/signin")
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
        assert token, form
        fields = {"csrf_token": token[1], "email": EMAIL, "password": PASSWORD, "next": ""}
        self._ask("POST", "/signin", urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"}, 303)

    def get(self, path: str, headers: dict[str, str] | None = None) -> str:
        """The page. An AssertionError if it does not come."""
        return self._ask("GET", path, None, headers or {}, 200)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str], status: int) -> str:
        own = {"Host": "127.0.0.1", "Referer": "http://127.0.0.1/"} | ({"Cookie": self._cookie} if self._cookie else {})
        self._line.request(method, path, body, own | headers)
        answer = self._line.getresponse()
        text = answer.read().decode()
        assert answer.status == status, f"{method} {path}: {answer.status} {text[:500]}"
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        return text


def measure(options: Options) -> dict[str, Any]:
    """Rows of seconds, one for each database and page."""
    return {"people": options.people, "rows": [row for kind in options.databases for row in _on(kind, options)]}


def _on(kind: str, options: Options) -> list[dict[str, Any]]:
    with scene(kind) as made:
        large, draft = _furnish(made, options.people)
        with playing(made) as stack:
            visitor = Visitor(stack)
            rows = []
            for name, path, headers in [*_paths(large.id, draft.id, options.people), *_calls(made, large.id)]:
                times = _times(lambda path=path, headers=headers: visitor.get(path, headers), options.requests)
                rows.append({"database": kind, "page": name, "server": spread(times)})
            return rows


def _furnish(made: Scene, people: int) -> tuple[Campaign, Campaign]:
    """The large campaign, whose hours are closed, so that nothing moves; and a draft."""
    hours = closed_hours(datetime.now(UTC))
    with made.sessions.begin() as session:
        senders = [made.sender(session, 25) for _ in range(SENDERS)]
        large = made.campaign(session, "Large", senders, operating_hours=hours)
        for number in range(SMALL):
            made.campaign(session, f"Small {number}", senders[:1], operating_hours=hours)
        draft = made.campaign(session, "Draft", senders, status="draft", launched_at=None)
    crowd.fill(made.engine, SMALL_PEOPLE, crowd.UNDER_WAY)
    crowd.fill(made.engine, people // SENDERS, crowd.UNDER_WAY, campaign="Large", after=SMALL_PEOPLE)
    crowd.settle(made.engine)
    return large, draft


def _paths(large: UUID, draft: UUID, people: int) -> list[tuple[str, str, dict[str, str]]]:
    """What a person asks for: its name, its address, and its headers: LIVE where the page asks by itself, every 2 s."""
    own, last = f"/campaigns/{large}", (people + SENDERS * SMALL_PEOPLE) // PAGE
    return [
        ("campaigns", "/campaigns", {}),
        ("campaigns, refreshed every 2 s", "/campaigns", LIVE),
        ("overview", own, {}),
        ("overview, refreshed every 2 s", own, LIVE),
        ("settings of a running campaign", f"{own}/settings", {}),
        ("settings of a draft", f"/campaigns/{draft}/settings", {}),
        ("sequence editor", f"/campaigns/{draft}/sequence", {}),
        ("prospects, first page", f"{own}/prospects", {}),
        ("prospects, last page", f"{own}/prospects?page={last}", {}),
        ("prospects, in the middle", f"{own}/prospects?page={last // 2}", {}),
        ("prospects by status", f"{own}/prospects?status=sent", {}),
        ("prospects by status, last page", f"{own}/prospects?status=sent&page={last * 3 // 10}", {}),
        ("prospects by a letter", f"{own}/prospects?q=b", {}),
        ("prospects by a name", f"{own}/prospects?q=nora+rosenm", {}),
        ("prospects by a name and a status", f"{own}/prospects?q=nora&status=completed", {}),
        ("prospects by an address", f"{own}/prospects?q=rosenmann.217", {}),
        ("prospects by what everybody has", f"{own}/prospects?q=example", {}),
        ("prospects by words that nobody has", f"{own}/prospects?q=nobody+at+all", {}),
        ("search for a name", "/search?q=nora+rosenm", {}),
        ("search for what everybody has", "/search?q=example", {}),
        ("search for words that nobody has", "/search?q=nobody+at+all", {}),
        ("wake-ups", f"{own}/wake-ups", {}),
    ]


def _calls(made: Scene, large: UUID) -> list[tuple[str, str, dict[str, str]]]:
    """What only a program can ask for: the people at a step."""
    with made.sessions() as session:
        step = nodes_of(session, large)[0].id
        people = counts.total(session, large, node_id=step)
    own, key = f"/api/campaigns/{large}/prospects?limit={PAGE}&node_id={step}", {"Authorization": f"Bearer {made.key}"}
    return [
        ("API: prospects at a step", own, key),
        ("API: prospects at a step, in the middle", f"{own}&page={people // PAGE // 2}", key),
        ("API: prospects at a step, last page", f"{own}&page={people // PAGE}", key),
        ("API: prospects at a step by status", f"{own}&status=pending", key),
    ]


def _times(ask: Callable[[], object], count: int) -> list[float]:
    for _ in range(WARM_UP):
        ask()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return taken
