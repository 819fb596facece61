"""Asking a provider what is new at a seat's account: the safety net under its webhooks."""

import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.unipile import Fault, Unipile
from campaigns.hearing.acting import TROUBLES, hear, recover
from campaigns.hearing.opening import open_seat
from campaigns.models import lease
from campaigns.models.lease import Lease, Lost
from campaigns.models.mailbox import Mailbox
from campaigns.models.seat import read_keys, seal_keys
from campaigns.models.sender import Sender
from campaigns.rules.lifecycle import LINKEDIN
from campaigns.rules.provider import ERRORED, RUNNING, Heard, can_reach

log = logging.getLogger(__name__)

# How often the messages of a seat are looked at. Its relations only a few times a day and irregularly, as the provider
# advises: each look is one at LinkedIn, and nothing goes wrong while an acceptance waits.
POLL, RELATIONS = timedelta(minutes=5), (timedelta(hours=2), timedelta(hours=4))
# Looked at once more each time: what the provider hears late, and the difference of two clocks.
OVERLAP, RELATIONS_OVERLAP = timedelta(hours=1), timedelta(days=2)
# A look gives its worker back after this long; the timetable calls it back.
SLICE = timedelta(seconds=60)


def unheard(session: Session, now: datetime) -> list[UUID]:
    """The seats whose account is to be looked at now."""
    return lease.unread(session, (Sender.type == LINKEDIN) & Sender.hears, now - POLL, now)


@dataclass
class Poll:
    """One look at a seat's account. `public_url` is where webhooks are sent to, if a provider can reach it."""

    sessions: sessionmaker[Session]
    sender_id: UUID
    sealing_key: str
    public_url: str
    clock: Callable[[], datetime]
    stop: Callable[[], bool] = lambda: False
    chance: random.Random = field(default_factory=random.SystemRandom)
    lease: Lease = field(init=False)

    def __post_init__(self) -> None:
        self.lease = Lease(self.sessions, self.sender_id, self.clock)

    def run(self) -> int:
        """Act on what is new; how much that was. 0 at once if somebody else looks already."""
        return self.lease.hold(self._attempt)

    def _attempt(self, sender: Sender, mailbox: Mailbox) -> int:
        try:
            return self._look(sender, mailbox)
        except Fault as failed:
            self.lease.failed(failed.reason, lasting=failed.lasting)
            return 0

    def _look(self, sender: Sender, mailbox: Mailbox) -> int:
        began = self.clock()
        unipile, account_id = open_seat(sender, sealing_key=self.sealing_key), _account_id(sender)
        status = unipile.account(account_id).status
        if status != RUNNING:
            self.lease.failed(TROUBLES[status], lasting=status != ERRORED)
            return 0
        since = self.lease.since(mailbox) or began
        number = self._hear(sender, unipile.messages(account_id, since - OVERLAP), began)
        further = mailbox.relations_at is None or mailbox.relations_at <= began or mailbox.failures > 0
        self._register(unipile, sender, again=further)
        if further:
            number += self._look_further(unipile, sender, since, began)
        self._done(began, recovered=mailbox.failures > 0 or sender.status_reason in TROUBLES.values())
        return number

    def _hear(self, sender: Sender, news: Sequence[Heard], began: datetime) -> int:
        """Each in a transaction of its own. What is left over when time is up is found by the next look."""
        for heard in news:
            if self.stop() or self.clock() >= began + SLICE:
                raise Lost
            with self.sessions.begin() as session:
                self.lease.prolong(session)
                hear(session, sender, heard, self.clock())
        return len(news)

    def _look_further(self, unipile: Unipile, sender: Sender, since: datetime, began: datetime) -> int:
        """Who was connected. It may fail without keeping messages from being read, and is tried again later."""
        try:
            number = self._hear(sender, unipile.relations(_account_id(sender), since - RELATIONS_OVERLAP), began)
        except Fault as failed:
            log.warning("Who accepted an invitation could not be asked: %s", failed.reason)
            number = 0
        with self.sessions.begin() as session:
            pause = self.chance.uniform(RELATIONS[0].total_seconds(), RELATIONS[1].total_seconds())
            self.lease.prolong(session).relations_at = began + timedelta(seconds=pause)
        return number

    def _register(self, unipile: Unipile, sender: Sender, *, again: bool) -> None:
        """See to it that the provider tells by webhook what happens at this account, and at no other; where it would
        not, only if it is to be asked `again`."""
        account_id, known = _account_id(sender), (sender.seat or {}).get("webhook") or {}
        url = f"{self.public_url}/hooks/unipile/{sender.id}" if can_reach(self.public_url) else None
        as_wanted = (known.get("account_id"), known.get("url")) == (account_id if url else None, url)
        if as_wanted and not ("error" in known and again):
            return
        with suppress(Fault):
            if known.get("id"):
                unipile.remove_webhook(known["id"])
        if url is None:
            self._keep(None, None)
            return
        try:
            made = unipile.add_webhook(url, account_id)
        except Fault as failed:
            log.warning("No webhook could be registered: %s", failed.reason)
            self._keep({"account_id": account_id, "url": url, "error": failed.reason}, None)
        else:
            self._keep({"account_id": account_id, "url": url, "id": made.id}, made.secret)

    def _keep(self, webhook: dict[str, Any] | None, secret: str | None) -> None:
        with self.sessions.begin() as session:
            sender = self.lease.account(session)
            self.lease.prolong(session)
            if sender is not None and sender.seat is not None:
                sender.seat = {**sender.seat, "webhook": webhook}
                keys = replace(read_keys(sender, self.sealing_key), webhook_secret=secret)
                sender.seat_sealed = seal_keys(keys, self.sealing_key)

    def _done(self, began: datetime, *, recovered: bool) -> None:
        if recovered:
            with self.sessions.begin() as session:
                sender = self.lease.account(session)
                self.lease.prolong(session)
                if sender is not None:
                    recover(session, sender, self.clock())
        self.lease.done(began)


def _account_id(sender: Sender) -> str:
    return str((sender.seat or {})["account_id"])
