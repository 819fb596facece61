"""The provider of LinkedIn seats: never killed, it forgets nothing, and does to a storm what the mail server does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from threading import get_ident

from tests.faults.deeds import Deed, Doubt, name_of
from tests.faults.network import Network
from tests.unipile_server import (
    ACT_AND_BREAK,
    ACT_AND_DROP,
    BREAK,
    DROP,
    Handler,
    Invited,
    Json,
    Problem,
    Said,
    Trouble,
    UnipileServer,
    person_id,
    running_unipile,
)

PROFILE = "linkedin.com/in/"
# The operations that do something, and the one that a lane asks for before.
STEPS, FIRST = ("invite", "message"), "profile"
# Seconds for which a limit is said to hold.
LIMITED = 2
# Since when people have been connected who always were.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# "before" and "after" it was done; a 500 may be either.
TROUBLES = {
    "drop before": [DROP],
    "drop after": [ACT_AND_DROP],
    "500": [BREAK, ACT_AND_BREAK],
    "503": [Trouble("error", status=503, type="api/proxy_auth_error")],
    "429": [Trouble("error", status=429, type="api/too_many_requests", headers=(("Retry-After", str(LIMITED)),))],
}


@dataclass
class Provider:
    """`seats`: an account -> the profile of its owner. `doubts` are as the sink's, `under_way` the steps in hand.

    `pause`: seconds to think about each step, from nothing up to this. `stalled_until`: none is taken before this
    wall-clock instant. `notice` is told from which port which seat is connected.
    """

    server: UnipileServer
    chance: Random
    network: Network = field(default_factory=Network)
    notice: Callable[[int, str], None] = lambda _port, _seat: None
    pause: float = 0.0
    stalled_until: float = 0.0
    seats: dict[str, str] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)
    under_way: set[int] = field(default_factory=set)
    _begun: list[tuple[str, float]] = field(default_factory=list)

    def open(self, account: str, profile: str) -> None:
        """An account, whose owner has this profile."""
        self.server.accounts[account] = "running"
        self.seats[account] = profile

    def introduce(self, seat: str, person: str) -> None:
        """The person has been connected with the seat for long."""
        self.server.ties[self._account(seat), person.removeprefix(PROFILE)].connected_at = LONG_AGO

    def stand(self, seat: str, status: str) -> None:
        """The account of a seat is running or disconnected, and the provider says so."""
        if self.server.accounts[self._account(seat)] != status:
            self.server.stand(status, self._account(seat))

    def _account(self, seat: str) -> str:
        return next(account for account, profile in self.seats.items() if profile == seat)

    def trouble(self, what: str, choice: Random) -> None:
        """Have this happen to the next step of a kind."""
        self.server.fail(choice.choice(STEPS), choice.choice(TROUBLES[what]))

    def calm(self) -> None:
        """No trouble and no pauses from now on."""
        for step in STEPS:
            while self.server.trouble(step):
                pass
        self.pause = self.stalled_until = 0.0

    @property
    def taken(self) -> list[Invited | Said]:
        """All invitations and messages that it has done."""
        return [*self.server.invitations, *self.server.messages]

    @property
    def deeds(self) -> list[Deed]:
        """The same, for the auditor."""
        return [self._deed(one) for one in self.taken]

    def _deed(self, one: Invited | Said) -> Deed:
        text = one.note if isinstance(one, Invited) else one.text
        person, taken = PROFILE + one.slug, one.at.timestamp()
        name = name_of(person, text)
        began = max(instant for begun, instant in self._begun if begun == name and instant <= taken)
        return Deed(began, taken, self.seats[one.account_id], person, name, text or "")

    # What the stand-in tells of each step.

    def begin(self, name: str) -> None:
        """It was asked for. Takes the time that the provider thinks about it."""
        self._begun.append((name, time.time()))
        time.sleep(self.chance.uniform(0, self.pause))
        while (left := self.stalled_until - time.time()) > 0:
            time.sleep(min(left, 0.2))

    def refuse(self, name: str, status: int) -> None:
        """It was answered with anything but a yes."""
        if status == 500:
            self.doubt(name)
        if status == 422:
            self.network.repeated.append(name)

    def doubt(self, name: str) -> None:
        """Whoever asked cannot know whether it was done."""
        self.doubts.append(Doubt(time.time(), name))


class Attentive(Handler):
    """The stand-in, that tells its provider what it has in hand."""

    provider: Provider
    _name = ""

    def handle(self) -> None:
        """Whoever is killed meanwhile waits for nothing any more."""
        with suppress(ConnectionError):
            super().handle()

    def _carry_out(self, operation: str, arguments: dict[str, str], query: dict[str, str], body: Json) -> None:
        if operation in (*STEPS, FIRST):
            self.provider.notice(self.client_address[1], self.provider.seats[arguments["account"]])
        if operation not in STEPS:
            super()._carry_out(operation, arguments, query, body)
            return
        (whom,) = body.get("users_ids") or [body["user_id"]]
        self._name = name_of(PROFILE + whom.removeprefix(person_id("")), body.get("text") or body.get("message"))
        self.provider.under_way.add(get_ident())
        try:
            self.provider.begin(self._name)
            super()._carry_out(operation, arguments, query, body)
        except Problem as problem:
            self.provider.refuse(self._name, problem.status)
            raise
        finally:
            self.provider.under_way.discard(get_ident())

    def _vanish(self, *, stall: bool) -> None:
        self.provider.doubt(self._name)
        super()._vanish(stall=stall)


@contextmanager
def running_provider(chance: Random) -> Iterator[Provider]:
    """One in threads of its own."""
    with running_unipile(handler=Attentive) as server:
        server.prompt = False
        server.accounts.clear()
        Attentive.provider = provider = Provider(server, chance)
        yield provider
