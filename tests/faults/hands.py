"""A scripted person who does the tasks of an assisted seat, and says what came back, whatever is killed around."""

import time
from dataclasses import dataclass, field
from random import Random
from threading import Event, Thread
from typing import Any

from tests.faults.api import Api
from tests.faults.deeds import Deed, name_of
from tests.faults.network import Network, Pair, character

# Seconds between two looks at what is to be done, if there was nothing.
EVERY = 0.3
ANSWERS = ("accepted", "replied")


@dataclass
class Hands:
    """`deeds` are what they did at LinkedIn; `network` is told what they said of other tasks, and what came back."""

    api: Api
    seat: str
    network: Network
    deeds: list[Deed] = field(default_factory=list)
    failed: Exception | None = None
    _coming: list[tuple[float, str, str]] = field(default_factory=list)
    _over: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._thread = Thread(target=self._work, daemon=True)

    def begin(self) -> None:
        """Work from now on."""
        self._thread.start()

    def end(self) -> None:
        """Work no more."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def at_rest(self) -> bool:
        """Whether they have told all that came back, and nobody is about to accept or to answer."""
        return not self._coming

    def _work(self) -> None:
        try:
            while not self._over.is_set():
                self._tell()
                tasks = self.api.ask("GET", "/tasks?limit=1")["tasks"]
                for task in tasks:
                    self._do(task)
                if not tasks:
                    self._over.wait(EVERY)
        except Exception as failed:
            self.failed = failed

    def _do(self, task: dict[str, Any]) -> None:
        """What the task says, at once: its gates were open when it was shown."""
        person, text = task["profile_url"].removeprefix("https://www."), task["text"]
        outcome = self._outcome(task["step"], person, text)
        if outcome == "done":
            now = time.time()
            self.deeds.append(Deed(now, now, self.seat, person, name_of(person, text), text))
            self._await(task["step"], person, now)
        else:
            self.network.said[name_of(person, text)] = outcome
        self.api.ask("POST", f"/tasks/{task['id']}", {"outcome": outcome})

    def _outcome(self, step: str, person: str, text: str) -> str:
        if step == "connection_request" and (self.seat, person) in self.network.connected:
            return "already_connected"
        return Random(text + person).choices(("done", "skip", "not_possible"), (12, step == "message", 1))[0]

    def _await(self, step: str, person: str, now: float) -> None:
        who = character(person)
        seconds, what = (who.accepts, "accepted") if step == "connection_request" else (who.answers, "replied")
        if seconds is not None:
            self._coming.append((now + seconds, what, person))

    def _tell(self) -> None:
        """Say of everybody who accepted or answered by now that they did."""
        now = time.time()
        for what in ANSWERS:
            people = [person for instant, kind, person in self._coming if kind == what and instant <= now]
            if people:
                self._mark(what, people)
        self._coming = [one for one in self._coming if one[0] > now]

    def _mark(self, what: str, people: list[str]) -> None:
        if what == "accepted":
            self.network.connected |= dict.fromkeys(self._pairs(people), time.time())
        else:
            self.network.wrote |= dict.fromkeys(self._pairs(people), float("inf"))
        self.api.ask("POST", "/linkedin/marks", {"what": what, "links": people})
        told = self.network.told if what == "accepted" else self.network.wrote
        told |= dict.fromkeys(self._pairs(people), time.time())

    def _pairs(self, people: list[str]) -> list[Pair]:
        return [(self.seat, person) for person in people]
