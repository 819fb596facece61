"""The outside world of the faults suite: an SMTP server that is never killed and forgets nothing."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from random import Random

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.faults.deeds import Deed, Doubt
from tests.servers import free_port

# What can be asked of the next message, each once. "before" and "after" are sides of the final 250.
TROUBLES = ("drop before", "drop after", "nonsense", "451", "550", "drop at mail")


@dataclass
class Sink:
    """`accepted` and `doubts` are the truth that the database is compared with.

    `pause`: seconds to think about each message, from nothing up to this. `stalled_until`: no message is taken
    before this wall-clock instant.
    """

    port: int
    chance: Random
    pause: float = 0.0
    stalled_until: float = 0.0
    accepted: list[Deed] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    under_way: int = 0
    _lines: dict[int, str] = field(default_factory=dict)
    _troubles: deque[str] = field(default_factory=deque)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def trouble(self, what: str) -> None:
        """Have this happen to the next message that it can happen to."""
        assert what in TROUBLES, what
        self._troubles.append(what)

    def calm(self) -> None:
        """No trouble and no pauses from now on."""
        self._troubles.clear()
        self.pause = self.stalled_until = 0.0

    def wait_for_more_than(self, count: int, seconds: float) -> bool:
        """Whether more than `count` mails have been taken within this time."""
        with self._news:
            return self._news.wait_for(lambda: len(self.accepted) > count, seconds)

    def whose(self, port: int) -> str | None:
        """The account that a connection from this port is of, once it has said so."""
        return self._lines.get(port)

    def _next_is(self, *troubles: str) -> str | None:
        return self._troubles.popleft() if self._troubles and self._troubles[0] in troubles else None

    # What aiosmtpd calls, in the server's own thread.

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        assert session.peer is not None
        self._lines.pop(session.peer[1], None)  # of an earlier connection
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        session.began = time.time()
        if self._next_is("drop at mail"):
            server.transport.abort()
        envelope.mail_from = address
        assert session.peer is not None
        self._lines[session.peer[1]] = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        # Once a person: a real mailbox that is gone stays gone, and one that is busy is free the next time.
        if address not in self.refused and (code := self._next_is("451", "550")):
            self.refused[address] = code
            return f"{code} told to say no"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.under_way += 1
        try:
            return await self._take(server, session, envelope)
        finally:
            self.under_way -= 1

    async def _take(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.chance.uniform(0, self.pause))
        while (left := self.stalled_until - time.time()) > 0:
            await asyncio.sleep(min(left, 0.2))
        message = message_from_bytes(bytes(envelope.content), policy=policy.default)
        name = str(message["Message-ID"])
        trouble = self._next_is("drop before", "drop after", "nonsense")
        if trouble:
            self.doubts.append(Doubt(time.time(), name))
        if trouble == "drop before":
            server.transport.abort()
            return "421 gone"
        self._keep(
            Deed(
                session.began, time.time(), str(envelope.mail_from), envelope.rcpt_tos[0], name, str(message["Subject"])
            )
        )
        if trouble == "drop after":
            server.transport.abort()
        return "OK, whatever" if trouble == "nonsense" else "250 taken"

    def _keep(self, mail: Deed) -> None:
        with self._news:
            self.accepted.append(mail)
            self._news.notify_all()


@contextmanager
def running_sink(chance: Random) -> Iterator[Sink]:
    """A sink in a thread of its own."""
    sink = Sink(free_port(), chance)
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
