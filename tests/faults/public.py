"""Everybody at LinkedIn: they accept and answer, and the provider tells of it by webhook; late, twice, out of order."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from random import Random
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from tests.faults.network import Pair, character
from tests.faults.provider import PROFILE, Provider
from tests.unipile_server import Endpoint, Invited, Said

OK = 200
# Seconds between two looks at what has come.
EVERY = 0.05
# Most seconds that an event is late: often, now and then, seldom.
LATE, HOW_OFTEN = (0.1, 0.5, 3.0), (6, 3, 1)
# Seconds until an event that was not taken is told again; after the last it is not.
AGAIN = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Notice:
    """An event on its way to a webhook: to be told at `due`, which was tried in vain so many times."""

    endpoint: Endpoint
    body: bytes
    due: float
    tries: int = 0


@dataclass
class Public:
    """`cadenza` is where the server in fact is. `telling` while a webhook is being told something."""

    provider: Provider
    cadenza: str
    chance: Random
    telling: bool = False
    _known: set[str] = field(default_factory=set)
    _plans: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _notices: list[Notice] = field(default_factory=list)
    _over: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._thread = Thread(target=self._live, daemon=True)

    def begin(self) -> None:
        """Live from now on."""
        self._thread.start()

    def end(self) -> None:
        """No more."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def at_rest(self) -> bool:
        """Whether nobody is about to do anything, and whatever they did was told, or given up."""
        nothing_new = len(self._known) == len(self.provider.taken)
        return nothing_new and not self._plans and not self._notices and not self.provider.server.outbox

    def _live(self) -> None:
        while not self._over.wait(EVERY):
            self._make_plans()
            self._act()
            self._tell()

    def _make_plans(self) -> None:
        for one in self.provider.taken:
            if one.id not in self._known:
                self._plan(one)
                self._known.add(one.id)

    def _plan(self, one: Invited | Said) -> None:
        who, act = character(PROFILE + one.slug), self._accept if isinstance(one, Invited) else self._write
        seconds = who.accepts if isinstance(one, Invited) else who.answers
        if seconds is not None:
            self._plans.append((time.time() + seconds, partial(act, one.account_id, one.slug)))

    def _act(self) -> None:
        now = time.time()
        for plan in [plan for plan in self._plans if plan[0] <= now]:
            plan[1]()
            self._plans.remove(plan)

    def _accept(self, account: str, slug: str) -> None:
        self.provider.network.connected[self._pair(account, slug)] = time.time()
        self.provider.server.accept(slug, account)

    def _write(self, account: str, slug: str) -> None:
        self.provider.network.wrote[self._pair(account, slug)] = inf
        self.provider.server.write(slug, "Tell me more.", account)

    def _pair(self, account: str, slug: str) -> Pair:
        return self.provider.seats[account], PROFILE + slug

    def _tell(self) -> None:
        while self.provider.server.outbox:
            event = self.provider.server.outbox.popleft()
            for _ in range(self.chance.choices((1, 2), (4, 1))[0]):
                (late,) = self.chance.choices(LATE, HOW_OFTEN)
                self._notices.append(Notice(event.endpoint, event.body, time.time() + self.chance.uniform(0, late)))
        for notice in sorted(self._notices, key=lambda one: one.due):
            if notice.due <= time.time():
                self._notices.remove(notice)
                self._deliver(notice)

    def _deliver(self, notice: Notice) -> None:
        self.telling = True
        url = self.cadenza + urlsplit(notice.endpoint.url).path
        status = self.provider.server.post(replace(notice.endpoint, url=url), notice.body)
        self.telling = False
        if status == OK:
            self._note(json.loads(notice.body))
        elif notice.tries < len(AGAIN):
            self._notices.append(replace(notice, due=time.time() + AGAIN[notice.tries], tries=notice.tries + 1))

    def _note(self, event: dict[str, Any]) -> None:
        """What Cadenza knows from now on."""
        now, payload, network = time.time(), event["payload"], self.provider.network
        if event["type"] == "relation.new":
            network.told.setdefault(self._pair(event["account_id"], payload["user"]["public_identifier"]), now)
        if event["type"] == "message.new":
            pair = self._pair(event["account_id"], payload["sender"]["public_identifier"])
            network.wrote[pair] = min(network.wrote[pair], now)
