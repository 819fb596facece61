"""LinkedIn's part of the storm's world: two seats whose steps leave by a provider, one whose steps a person does."""

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from campaigns.models import Node, Prospect, SenderUse, Task
from campaigns.models.mailbox import Mailbox
from campaigns.models.undo import KEPT_FOR, Undoable
from campaigns.rules.lifecycle import CONNECTION_SENT, LINKEDIN
from tests.faults.deeds import Deed
from tests.faults.hands import Hands
from tests.faults.network import STEPS, character
from tests.faults.provider import PROFILE, Provider
from tests.faults.public import Public
from tests.faults.world import FAR, Ours, Span, World

# The campaign that leaves out whoever is in another one.
SKIPPING = "skipping"
# Two seats of the provider, one of them with gaps and a limit a day; and one whose steps a person does.
BUSY, TIRED, BY_HAND = (f"https://{PROFILE}seat-{name}" for name in ("busy", "tired", "by-hand"))
# The most that the API allows.
MOST_A_WEEK = 1000
# How far a new limit of a week may lie below and above what is used of it.
LESS, MORE = 5, 20
LIMITS = {"connection_request": "weekly_connection_limit", "message": "weekly_message_limit"}
# Seconds for which a seat is signed out.
SIGNED_OUT = (1.0, 6.0)
# Long enough for the provider to be asked what is new at once, not so long that messages wait for it.
LONG_UNREAD = timedelta(minutes=6)
PAIR = (SenderUse.sender_id, SenderUse.step)


class Seats:
    """Three campaigns: one with seats of the provider; one that shares them, and leaves out people of the first; one
    with tasks, which somebody does. `ids`: the profile of a seat -> its id."""

    def __init__(self, world: World, provider: Provider) -> None:
        self.world, self.provider, self.network = world, provider, provider.network
        crew = world.crew
        self.public = Public(provider, f"http://127.0.0.1:{crew.port}", provider.chance)
        self.hands = Hands(replace(world.api, rest=time.sleep), BY_HAND, provider.network)
        self.ids: dict[str, str] = {}
        self.ours: list[Ours] = []
        self._signed_out: dict[str, float] = {}

    # Before the storm.

    def settle_down(self) -> None:
        """Make the seats, the campaigns and the people, and launch."""
        size = self.world.size
        self._provided(BUSY, daily_limit=FAR)
        self._provided(TIRED, daily_limit=size.day, min_gap=1, max_gap=1)
        provided = [BUSY, TIRED]
        self._seat(BY_HAND, daily_limit=FAR)
        self.world.say_no(f"{PROFILE}linked-{size.linked - 1}")
        self._campaign("linked", "UTC", provided, slugs("linked", size.linked))
        self._campaign("by hand", "Asia/Kathmandu", [BY_HAND], slugs("by-hand", size.by_hand))
        taken = slugs("linked", size.skipping // 3)
        self.network.taken = {(SKIPPING, PROFILE + slug) for slug in taken}
        people = taken + slugs(SKIPPING, size.skipping - len(taken))
        self._campaign(SKIPPING, "America/St_Johns", provided, people, skip=True)
        self.hands.api.key = self.world.api.key
        self.hands.begin()
        self.public.begin()

    def end(self) -> None:
        """Nobody does anything any more."""
        self.hands.end()
        self.public.end()

    @property
    def count(self) -> int:
        """How many invitations and messages were done."""
        return len(self.provider.taken) + len(self.hands.deeds)

    @property
    def deeds(self) -> list[Deed]:
        """All of them."""
        return [*self.provider.deeds, *self.hands.deeds]

    @property
    def at_rest(self) -> bool:
        """Whether nobody is about to do anything."""
        return self.public.at_rest and self.hands.at_rest

    def _provided(self, profile: str, **fields: Any) -> None:
        account, server = profile.rpartition("/")[2], self.provider.server
        self.provider.open(account, profile)
        link = {"base_url": server.url, "api_key": server.key, "account_id": account}
        self._seat(profile, provider="unipile", seat=link, **{"min_gap": 0, "max_gap": 0, **fields})

    def _seat(self, profile: str, **fields: Any) -> None:
        week = self.world.size.week
        account = {"type": LINKEDIN, "profile_url": profile, **dict.fromkeys(LIMITS.values(), week), **fields}
        self.ids[profile] = self.world.api.ask("POST", "/senders", account)["id"]
        for step in LIMITS:
            self.network.weeks[profile, step].append(Span(0, 0, week))

    def _campaign(self, name: str, zone: str, seats: list[str], slugs: list[str], *, skip: bool = False) -> None:
        minutes = self.world.size.delay_minutes
        steps = [
            {"type": "connection_request", "include_message": True, "body": f"{name} 1"},
            *([{"type": "delay", "delay_minutes": minutes}] if minutes else []),
            {"type": "message", "body": f"{name} 2"},
            {"type": "end"},
        ]
        fields = {
            "sender_account_ids": [self.ids[seat] for seat in seats],
            "sequence_nodes": steps,
            "skip_other_campaigns": skip,
        }
        ours = self.world.create(LINKEDIN, name, zone, FAR, fields)
        for slug in slugs:
            if character(PROFILE + slug).connected:
                self._introduce(seats, PROFILE + slug)
        self.world.add(ours, [{"linkedin_url": f"https://www.{PROFILE}{slug}"} for slug in slugs])
        self.world.launch(ours)
        self.ours.append(ours)

    def _introduce(self, seats: list[str], person: str) -> None:
        for seat in seats:
            self.network.connected[seat, person] = 0.0
            if seat in self.provider.seats.values():
                self.provider.introduce(seat, person)

    # During the storm.

    def set_week(self, choice: Random) -> None:
        """Another limit of a seat's week, near to what is used of it. That of a person is not lowered: what they were
        given to do before, they may do."""
        (seat, step), spans = choice.choice(list(self.network.weeks.items()))
        used = sum(deed.sender == seat and STEPS[deed.step] == step for deed in self.deeds)
        least = spans[-1].value if seat == BY_HAND else 0
        self._set_week(seat, step, min(max(used + choice.randint(-LESS, MORE), least), MOST_A_WEEK))

    def _set_week(self, seat: str, step: str, limit: int) -> None:
        sent = time.time()
        self.world.api.ask("PATCH", f"/senders/{self.ids[seat]}", {LIMITS[step]: limit})
        self.network.weeks[seat, step].append(Span(sent, time.time(), limit))

    def sign_out(self, choice: Random) -> None:
        """LinkedIn signs the owner of a seat out, for a while."""
        seat = choice.choice(list(self.provider.seats.values()))
        self.provider.stand(seat, "disconnected")
        self._signed_out[seat] = time.time() + choice.uniform(*SIGNED_OUT)

    def sign_in(self, *, now: bool = False) -> None:
        """Whoever has been signed out for long enough signs in again, and says so."""
        for seat, until in [*self._signed_out.items()]:
            if now or until <= time.time():
                self.provider.stand(seat, "running")
                self.world.api.ask("PATCH", f"/senders/{self.ids[seat]}", {"status": "active"})
                del self._signed_out[seat]

    # After the storm.

    def lift_limits(self) -> None:
        """Nobody is held back by a limit any more, nor for long by a gap."""
        self.world.api.ask("PATCH", f"/senders/{self.ids[TIRED]}", {"daily_limit": FAR, "min_gap": 0, "max_gap": 0})
        for seat, step in self.network.weeks:
            self._set_week(seat, step, MOST_A_WEEK)

    def to_do(self, session: Session) -> int:
        """How many steps can be done now or later, as far as limits go; those that a person has in hand, too."""
        uses = session.execute(select(SenderUse.sender_id, SenderUse.step, func.count()).group_by(*PAIR))
        used = Counter({(sender_id, step): count for sender_id, step, count in uses})
        weeks = {(UUID(self.ids[seat]), step): spans[-1].value for (seat, step), spans in self.network.weeks.items()}
        due = session.execute(
            select(Prospect.sender_account_id, Node.type)
            .join(Node, Node.id == Prospect.current_node_id)
            .where(self._own(), Prospect.due_at.is_not(None), Prospect.status != CONNECTION_SENT)
            .where(Prospect.sender_account_id.not_in(self.world.spent(datetime.now(UTC))))
        )
        free = sum(used[pair] < weeks.get(pair, MOST_A_WEEK) for pair in map(tuple, due))
        return free + (session.scalar(select(func.count()).select_from(Task)) or 0)

    def _own(self) -> ColumnElement[bool]:
        return Prospect.campaign_id.in_([UUID(ours.id) for ours in self.ours])

    def hurry(self) -> None:
        """Whoever never accepts has had the time for it, and nothing can be taken back any more; what no webhook could
        tell is looked for at once."""
        invited = (Prospect.status == CONNECTION_SENT, self._own())
        with self.world.sessions.begin() as session:
            session.execute(update(Undoable).values(at=datetime.now(UTC) - KEPT_FOR))
            people = {one.id: one.identity for one in session.scalars(select(Prospect).where(*invited))}
            never = [number for number, person in people.items() if character(person).accepts is None]
            late = update(Prospect).where(Prospect.id.in_(never), *invited).values(due_at=datetime.now(UTC))
            session.execute(late, execution_options={"synchronize_session": False})
            if len(never) < len(people):
                session.execute(update(Mailbox).values(read_at=datetime.now(UTC) - LONG_UNREAD, relations_at=None))


def slugs(name: str, count: int) -> list[str]:
    """The last parts of the profiles of so many people."""
    return [f"{name}-{number}" for number in range(count)]
