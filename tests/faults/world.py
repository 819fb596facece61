"""The campaigns that live through the storm, the edits that people make meanwhile, and when each was in force."""

import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, func, or_, select, update
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
from tests.faults.crew import Crew
from tests.faults.plan import Size

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
API_SECONDS = 60.0
# Past the API, which allows 500 a day: a test's day has to hold more.
FAR = 100_000
# The most that the API allows.
MOST = 500
EMAIL, PASSWORD = "sarah@example.com", "correct horse battery"


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


def middle_of_the_day() -> str:
    """A zone whose midnight is far away, since a storm should lie in one day."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


class World:
    """Three campaigns: a large one; a limited one that shares a sender with it; one with gaps and a tired sender."""

    def __init__(self, crew: Crew, size: Size, smtp_port: int, database_url: str) -> None:
        self.crew = crew
        self.size = size
        self.zone = middle_of_the_day()
        self.engine: Engine = connect(database_url)
        self.sessions = session_factory(self.engine, silence)
        self.key = ""
        self.added = 0
        self.suppressed: list[str] = []
        self._smtp_port = smtp_port

    # The API, as somebody calls it who tries again when the server is away.

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer; gone about again for as long as nobody answers."""
        deadline = time.monotonic() + API_SECONDS
        last: object = None
        while True:
            try:
                status, answer = self._call_once(method, path, body)
                if status < 500:
                    return status, answer
                last = answer
            except (OSError, http.client.HTTPException, ValueError) as failed:
                last = failed
            assert time.monotonic() < deadline, f"{method} {path}: {last!r} for {API_SECONDS:g} s; {self.crew.state()}"
            self.crew.rest(0.1)

    def _call_once(self, method: str, path: str, body: object) -> tuple[int, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self.crew.port, timeout=40)
        try:
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            line.request(method, f"/api{path}", None if body is None else json.dumps(body), headers)
            answer = line.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            line.close()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a call that has to succeed."""
        status, answer = self.call(method, path, body)
        assert status < 400, f"{method} {path}: {status} {answer}"
        return answer

    # Before the storm.

    def settle_down(self) -> None:
        """Make the login, the senders, the campaigns and the people, and launch."""
        now = datetime.now(UTC)
        with self.sessions.begin() as session:
            user = admitting.create_user(session, EMAIL, PASSWORD, self.zone, now=now)
            self.key = admitting.create_key(session, user, "storm", now=now)[1]
            self.workspace_id: UUID = user.workspace_id
        size = self.size
        crowd = [self._sender(n, 0, int(n < size.gapped_senders)) for n in range(size.senders)]
        shared, other = crowd[-1], self._sender(size.senders, 0, 1)
        self.tired = tired = self._sender(size.senders + 1, 1, 1, size.sender_limit)
        self.large = self._campaign("large", "UTC", crowd, size.people, MOST)
        self.small = self._campaign("limited", "Asia/Kathmandu", [shared, other], size.limited, size.limit // 2)
        self.slow = self._campaign("gapped", "Australia/Lord_Howe", [tired], size.gapped, MOST)
        self.ours = [self.large, self.small, self.slow]
        self._say_no()
        with self.sessions.begin() as session:
            session.execute(update(Campaign).where(Campaign.name == "large").values(daily_limit=FAR))
            session.execute(update(Sender).where(Sender.daily_limit == MOST).values(daily_limit=FAR))
        self.large.limit = [Span(0, 0, FAR)]
        for our in self.ours:
            self.ask("POST", f"/campaigns/{our.id}/launch")
            our.status.append(Span(0, time.time(), "active"))

    def _sender(self, number: int, min_gap: int, max_gap: int, limit: int = MOST) -> str:
        smtp = {"host": "127.0.0.1", "port": self._smtp_port, "security": "none", "username": None, "password": None}
        account = {
            "type": "email", "display_name": f"Sender {number}", "email_address": f"s{number}@ours.test",
            "daily_limit": limit, "min_gap": min_gap, "max_gap": max_gap, "smtp": smtp, "imap": None,
        }  # fmt: skip
        return str(self.ask("POST", "/senders", account)["id"])

    def _campaign(self, name: str, zone: str, senders: list[str], people: int, limit: int) -> Ours:
        minutes = self.size.delay_minutes
        steps = [
            {"type": "email", "subject": f"{name} 1", "body": "Hello %first_name%."},
            *([{"type": "delay", "delay_minutes": minutes}] if minutes else []),
            {"type": "email", "subject": f"{name} 2", "body": "Hello again, %first_name%."},
            {"type": "end"},
        ]
        fields = {
            "type": "email", "name": name, "sender_account_ids": senders, "operating_hours": None,
            "daily_limit": limit, "sequence_nodes": steps,
        }  # fmt: skip
        made = self.ask("POST", "/campaigns", fields)["campaign"]
        ours = Ours(made["id"], name, zone, hours=[Span(0, 0, None)], limit=[Span(0, 0, limit)])
        self.add_people(ours, people)
        return ours

    def add_people(self, ours: Ours, count: int) -> None:
        """People of this campaign alone; some of the first are of another one, too."""
        first = self.added
        self.added += count
        people = [
            {"email": f"p{n}@{ours.name}.test", "first_name": f"Person {n}", "timezone": None}
            for n in range(first, first + count)
        ]
        if ours.name == "limited":
            for n in range(min(10, count)):
                people[n]["email"] = f"p{n}@large.test"  # the other campaign has started with these numbers
        for at in range(0, count, 500):
            # Refused where the campaign is completed by now; asked again, it says that all are duplicates.
            self.call("POST", f"/campaigns/{ours.id}/prospects", {"prospects": people[at : at + 500]})

    def _say_no(self) -> None:
        """One person, and everybody of one address, want no mail."""
        self.suppressed = ["p3@large.test", "gone.test"]
        self.ask("POST", f"/campaigns/{self.large.id}/prospects",
                 {"prospects": [{"email": "anybody@gone.test", "first_name": "Anybody"}]})  # fmt: skip
        with self.sessions.begin() as session:
            for value in self.suppressed:
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
        self.ask("PATCH", f"/campaigns/{ours.id}", body)
        spans.append(Span(sent, time.time(), value))

    def pause(self, ours: Ours) -> None:
        """Pause, unless it is so."""
        self._move(ours, "pause", "paused")

    def resume(self, ours: Ours) -> None:
        """Resume, unless it is so."""
        self._move(ours, "resume", "active")

    def _move(self, ours: Ours, verb: str, status: str) -> None:
        sent = time.time()
        self.call("POST", f"/campaigns/{ours.id}/{verb}")  # refused where it is so already, or was by a lost call
        is_now = self.ask("GET", f"/campaigns/{ours.id}")["campaign"]["status"]
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
        self.ask("PATCH", f"/senders/{self.tired}", {"daily_limit": MOST})
        self.set_limit(MOST)

    def are_completed(self) -> bool:
        """Whether all campaigns are through."""
        answers = [self.ask("GET", f"/campaigns/{ours.id}") for ours in self.ours]
        return all(answer["campaign"]["status"] == "completed" for answer in answers)

    def hurry(self) -> None:
        """What would be tried again in minutes is due at once."""
        now = datetime.now(UTC)
        with self.sessions.begin() as session:
            waiting = select(Message.prospect_id).where(Message.status == "waiting")
            late = update(Prospect).where(Prospect.id.in_(waiting), Prospect.due_at > now)
            session.execute(late.values(due_at=now), execution_options={"synchronize_session": False})

    def _writable(self, now: datetime) -> Any:
        """Who has a step to come that limits let through today; leases and gaps are passing things."""
        today = local_day(now, self.zone)
        spent = select(SenderDay.sender_id).join(Sender).where(
            SenderDay.day == today, SenderDay.used >= Sender.daily_limit
        )  # fmt: skip
        full = (
            select(CampaignDay.campaign_id)
            .join(Campaign, Campaign.id == CampaignDay.campaign_id)
            .where(CampaignDay.day == today, CampaignDay.used >= Campaign.daily_limit)
        )
        return select(func.count()).where(
            Prospect.due_at.is_not(None),
            Prospect.sender_account_id.not_in(spent),
            or_(Prospect.campaign_id.not_in(full), Prospect.counted_on == today),
        )

    def to_do(self, session: Session) -> int:
        """How many people something can be sent to now or later, as far as limits go."""
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
