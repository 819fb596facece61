"""The campaigns that live through the storm, the edits that people make meanwhile, and when each was in force."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, func, or_, select, update
from sqlalchemy.orm import Session

from campaigns import admitting
from campaigns.models import (
    Campaign,
    CampaignDay,
    Message,
    Prospect,
    Sender,
    SenderDay,
    Suppression,
    connect,
    new_id,
    session_factory,
)
from campaigns.models.sessions import silence
from campaigns.rules.days import local_day
from campaigns.rules.lifecycle import EMAIL
from tests.faults.api import Api
from tests.faults.crew import Crew
from tests.faults.plan import Size

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Past the API, which allows 500 a day: a test's day has to hold more.
FAR = 100_000
# The most that the API allows.
MOST = 500
LOGIN, PASSWORD = "sarah@example.com", "correct horse battery"


@dataclass(frozen=True)
class Span:
    """A value that was asked for at `sent` and surely in force from `sure` on (wall-clock seconds)."""

    sent: float
    sure: float
    value: Any


@dataclass
class Ours:
    """What the driver knows of one campaign."""

    id: str
    name: str
    zone: str
    hours: list[Span] = field(default_factory=list)
    status: list[Span] = field(default_factory=list)
    limit: list[Span] = field(default_factory=list)
    type: str = EMAIL


def middle_of_the_day() -> str:
    """A zone whose midnight is far away, since a storm should lie in one day."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


class World:
    """Three campaigns of mails: a large one; a limited one that shares a sender with it; one with gaps and a tired
    sender. `ours` are all campaigns of the storm, those at LinkedIn (seats) too.
    """

    def __init__(self, crew: Crew, size: Size, smtp_port: int, database_url: str) -> None:
        self.crew = crew
        self.size = size
        self.zone = middle_of_the_day()
        self.engine: Engine = connect(database_url)
        self.sessions = session_factory(self.engine, silence)
        self.api = Api(crew.port, "", crew.rest, crew.state)
        self.ours: list[Ours] = []
        self.added = 0
        self.suppressed: list[str] = []
        self._smtp_port = smtp_port

    # Before the storm.

    def settle_down(self) -> None:
        """Make the login, the senders, the campaigns and the people, and launch."""
        now = datetime.now(UTC)
        with self.sessions.begin() as session:
            user = admitting.create_user(session, LOGIN, PASSWORD, self.zone, now=now)
            self.api.key = admitting.create_key(session, user, "storm", now=now)[1]
            self.workspace_id: UUID = user.workspace_id
        size = self.size
        crowd = [self._sender(n, 0, int(n < size.gapped_senders)) for n in range(size.senders)]
        shared, other = crowd[-1], self._sender(size.senders, 0, 1)
        self.tired = tired = self._sender(size.senders + 1, 1, 1, size.sender_limit)
        self.large = self._campaign("large", "UTC", crowd, size.people, MOST)
        self.small = self._campaign("limited", "Asia/Kathmandu", [shared, other], size.limited, size.limit // 2)
        self.slow = self._campaign("gapped", "Australia/Lord_Howe", [tired], size.gapped, MOST)
        self.mails = [self.large, self.small, self.slow]
        self.add(self.large, [{"email": "anybody@gone.test", "first_name": "Anybody"}])
        self.say_no("p3@large.test", "gone.test")
        with self.sessions.begin() as session:
            session.execute(update(Campaign).where(Campaign.name == "large").values(daily_limit=FAR))
            session.execute(update(Sender).where(Sender.daily_limit == MOST).values(daily_limit=FAR))
        self.large.limit = [Span(0, 0, FAR)]
        for ours in self.mails:
            self.launch(ours)

    def launch(self, ours: Ours) -> None:
        """Begin; from now on it is one of the storm's."""
        self.api.ask("POST", f"/campaigns/{ours.id}/launch")
        ours.status.append(Span(0, time.time(), "active"))
        self.ours.append(ours)

    def _sender(self, number: int, min_gap: int, max_gap: int, limit: int = MOST) -> str:
        smtp = {"host": "127.0.0.1", "port": self._smtp_port, "security": "none", "username": None, "password": None}
        account = {
            "type": "email", "display_name": f"Sender {number}", "email_address": f"s{number}@ours.test",
            "daily_limit": limit, "min_gap": min_gap, "max_gap": max_gap, "smtp": smtp, "imap": None,
        }  # fmt: skip
        return str(self.api.ask("POST", "/senders", account)["id"])

    def _campaign(self, name: str, zone: str, senders: list[str], people: int, limit: int) -> Ours:
        minutes = self.size.delay_minutes
        steps = [
            {"type": "email", "subject": f"{name} 1", "body": "Hello %first_name%."},
            *([{"type": "delay", "delay_minutes": minutes}] if minutes else []),
            {"type": "email", "subject": f"{name} 2", "body": "Hello again, %first_name%."},
            {"type": "end"},
        ]
        fields = {"sender_account_ids": senders, "daily_limit": limit, "sequence_nodes": steps}
        ours = self.create(EMAIL, name, zone, limit, fields)
        self.add_people(ours, people)
        return ours

    def create(self, kind: str, name: str, zone: str, limit: int, fields: dict[str, Any]) -> Ours:
        """A draft that is always open, and allows so many people a day."""
        draft = {"type": kind, "name": name, "operating_hours": None, **fields}
        made = self.api.ask("POST", "/campaigns", draft)["campaign"]
        return Ours(made["id"], name, zone, hours=[Span(0, 0, None)], limit=[Span(0, 0, limit)], type=kind)

    def add_people(self, ours: Ours, count: int) -> None:
        """People of this campaign alone; some of the first are of another one, too."""
        first = self.added
        people = [
            {"email": f"p{n}@{ours.name}.test", "first_name": f"Person {n}", "timezone": None}
            for n in range(first, first + count)
        ]
        if ours.name == "limited":
            for n in range(min(10, count)):
                people[n]["email"] = f"p{n}@large.test"  # the other campaign has started with these numbers
        self.add(ours, people)

    def add(self, ours: Ours, people: Sequence[dict[str, Any]]) -> None:
        """These people."""
        self.added += len(people)
        for at in range(0, len(people), 500):
            # Refused where the campaign is completed by now; asked again, it says that all are duplicates.
            self.api.call("POST", f"/campaigns/{ours.id}/prospects", {"prospects": people[at : at + 500]})

    def say_no(self, *values: str) -> None:
        """Nobody whom these mean wants to be written to."""
        self.suppressed += values
        with self.sessions.begin() as session:
            for value in values:
                session.add(
                    Suppression(
                        id=new_id(), workspace_id=self.workspace_id, value=value, reason="asked",
                        created_at=datetime.now(UTC),
                    )
                )  # fmt: skip

    # During the storm.

    def set_hours(self, ours: Ours, hours: dict[str, Any] | None) -> None:
        """New hours, in force surely once they are answered."""
        self._edit(ours, ours.hours, {"operating_hours": hours}, hours)

    def set_limit(self, limit: int) -> None:
        """Another limit for the limited campaign."""
        self._edit(self.small, self.small.limit, {"daily_limit": limit}, limit)

    def _edit(self, ours: Ours, spans: list[Span], body: dict[str, Any], value: Any) -> None:
        sent = time.time()
        self.api.ask("PATCH", f"/campaigns/{ours.id}", body)
        spans.append(Span(sent, time.time(), value))

    def pause(self, ours: Ours) -> None:
        """Pause, unless it is so."""
        self._move(ours, "pause", "paused")

    def resume(self, ours: Ours) -> None:
        """Resume, unless it is so."""
        self._move(ours, "resume", "active")

    def _move(self, ours: Ours, verb: str, status: str) -> None:
        sent = time.time()
        self.api.call("POST", f"/campaigns/{ours.id}/{verb}")  # refused where it is so already, or was by a lost call
        is_now = self.api.ask("GET", f"/campaigns/{ours.id}")["campaign"]["status"]
        if is_now == status:
            ours.status.append(Span(sent, time.time(), status))

    def any_hours(self, ours: Ours, choice: Random) -> dict[str, Any] | None:
        """Always open; open now; closed now; or open every other minute."""
        how = choice.choices(("always", "open", "closed", "blinking", "closing"), (4, 4, 2, 2, 1))[0]
        return None if how == "always" else hours_of(ours.zone, how)

    # After the storm.

    def open_everything(self) -> None:
        """All active, always open, the limit as large as it gets."""
        for ours in self.ours:
            self.set_hours(ours, None)
            self.resume(ours)
        self.set_limit(self.size.limit)

    def lift_limits(self) -> None:
        """Nobody is held back by a limit any more."""
        self.api.ask("PATCH", f"/senders/{self.tired}", {"daily_limit": MOST})
        self.set_limit(MOST)

    def are_completed(self) -> bool:
        """Whether all campaigns are through."""
        answers = [self.api.ask("GET", f"/campaigns/{ours.id}") for ours in self.ours]
        return all(answer["campaign"]["status"] == "completed" for answer in answers)

    def hurry(self) -> None:
        """What would be tried again in minutes is due at once."""
        now = datetime.now(UTC)
        with self.sessions.begin() as session:
            waiting = select(Message.prospect_id).where(Message.status == "waiting")
            late = update(Prospect).where(Prospect.id.in_(waiting), Prospect.due_at > now)
            session.execute(late.values(due_at=now), execution_options={"synchronize_session": False})

    def spent(self, now: datetime) -> Select[Any]:
        """The accounts that may send nothing more today."""
        used_up = (SenderDay.day == local_day(now, self.zone), SenderDay.used >= Sender.daily_limit)
        return select(SenderDay.sender_id).join(Sender).where(*used_up)

    def _writable(self, now: datetime) -> Any:
        """Who has a mail to come that limits let through today; leases and gaps are passing things."""
        today = local_day(now, self.zone)
        full = (
            select(CampaignDay.campaign_id)
            .join(Campaign, Campaign.id == CampaignDay.campaign_id)
            .where(CampaignDay.day == today, CampaignDay.used >= Campaign.daily_limit)
        )
        return select(func.count()).where(
            Prospect.campaign_id.in_([UUID(ours.id) for ours in self.mails]),
            Prospect.due_at.is_not(None),
            Prospect.sender_account_id.not_in(self.spent(now)),
            or_(Prospect.campaign_id.not_in(full), Prospect.counted_on == today),
        )

    def to_do(self, session: Session) -> int:
        """How many people a mail can be sent to now or later, as far as limits go."""
        return session.scalar(self._writable(datetime.now(UTC))) or 0

    def is_anybody_due(self, session: Session, campaign_ids: Sequence[str]) -> bool:
        """Whether one of these campaigns has somebody to write to at this moment, whose account is not in its gap."""
        now = datetime.now(UTC)
        rests = select(Sender.id).where(Sender.next_send_at > now)
        due = self._writable(now).where(
            Prospect.campaign_id.in_(map(UUID, campaign_ids)),
            Prospect.due_at <= now,
            Prospect.sender_account_id.not_in(rests),
        )
        return bool(session.scalar(due))

    def lanes(self) -> str:
        """How the senders stand: for whoever wants to know why nothing goes out."""
        now = datetime.now(UTC)
        with self.sessions() as session:
            return f"at {now}: " + ", ".join(
                f"{one.email_address} {one.status} {one.status_reason} lease {one.lease_until} next {one.next_send_at}"
                for one in session.scalars(select(Sender))
            )

    def count(self, session: Session, status: str) -> int:
        """How many messages have this status."""
        return session.scalar(select(func.count()).where(Message.status == status)) or 0


def hours_of(zone: str, how: str) -> dict[str, Any]:
    """Hours that are `open`, `closed`, `closing` with this minute, or `blinking` by the minute, as of now."""
    from zoneinfo import ZoneInfo

    local = datetime.now(UTC).astimezone(ZoneInfo(zone))
    if how == "closed":
        return {"timezone": zone, DAYS[(local.weekday() + 3) % 7]: [{"start": "00:00", "end": "24:00"}]}
    if how == "open":
        return {"timezone": zone, **{day: [{"start": "00:00", "end": "24:00"}] for day in DAYS}}
    count = 1 if how == "closing" else 10
    hours: dict[str, Any] = {"timezone": zone}
    for n in range(count):
        start = (local + timedelta(minutes=2 * n)).replace(second=0, microsecond=0)
        end = start + timedelta(minutes=1)
        window = {"start": start.strftime("%H:%M"), "end": "24:00" if end.date() > start.date() else f"{end:%H:%M}"}
        hours.setdefault(DAYS[start.weekday()], []).append(window)
    return hours
