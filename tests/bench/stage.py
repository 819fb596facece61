"""What a measurement is played on: a database with people, then Cadenza's own processes and a mail server."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session, sessionmaker

from campaigns import admitting
from campaigns.models import Campaign, CampaignSender, Node, Sender, Workspace, connect, new_id, schema
from campaigns.models.gate import ensure_gates
from campaigns.models.sessions import session_factory, silence
from tests.servers import running_postgres, short_folder
from tests.stack import Stack, running_stack

DATABASES = ("sqlite", "postgresql")
EMAIL, PASSWORD = "bench@example.com", "correct horse battery"
# Far away: no limit is to stop a measurement.
NO_LIMIT = 100_000_000
FIRST = {"type": "email", "subject": "Hello %first_name%", "body": "Hi %first_name%,\n\nhow is %company%?\n"}
AGAIN = {"type": "email", "subject": "Again", "body": "Any news, %first_name%?", "is_reply": True}
STEPS = (FIRST, {"type": "delay", "delay_days": 3, "delay_hours": 0, "delay_minutes": 0}, AGAIN, {"type": "end"})


@dataclass
class Scene:
    """A database with one workspace and nobody in it yet; its API key."""

    kind: str
    url: str
    engine: Engine
    workspace_id: UUID
    key: str

    def __post_init__(self) -> None:
        self.sessions: sessionmaker[Session] = session_factory(self.engine, silence)

    def sender(self, session: Session, port: int, **values: Any) -> Sender:
        """An account that sends to a mail server on this machine, without gaps and limits."""
        smtp = {"host": "127.0.0.1", "port": port, "security": "none", "username": None}
        now, number = datetime.now(UTC), new_id().hex[-12:]
        made = {
            "id": new_id(), "workspace_id": self.workspace_id, "type": "email", "display_name": "Sarah Chen",
            "first_name": "Sarah", "email_address": f"sarah-{number}@example.com", "smtp": smtp,
            "daily_limit": NO_LIMIT, "min_gap": 0, "max_gap": 0, "created_at": now, "updated_at": now,
        } | values  # fmt: skip
        sender = Sender(**made)
        session.add(sender)
        session.flush()
        return sender

    def campaign(self, session: Session, name: str, senders: list[Sender], **values: Any) -> Campaign:
        """A campaign that runs, with a gate and nobody in it; always open unless it has `operating_hours`."""
        now = datetime.now(UTC)
        made = {
            "id": new_id(), "workspace_id": self.workspace_id, "type": "email", "name": name, "status": "active",
            "operating_hours": None, "daily_limit": NO_LIMIT, "stop_on_reply": True, "open_tracking": False,
            "launched_at": now, "created_at": now, "updated_at": now,
        } | values  # fmt: skip
        steps = made.pop("steps", STEPS)
        campaign = Campaign(**made, workspace=session.get_one(Workspace, self.workspace_id))
        session.add(campaign)
        session.flush()
        pairs = [{"campaign_id": campaign.id, "sender_id": one.id, "position": n} for n, one in enumerate(senders)]
        if pairs:
            session.execute(insert(CampaignSender), pairs)
        session.add_all([Node(campaign_id=campaign.id, position=n, **step) for n, step in enumerate(steps)])
        ensure_gates(session, campaign, [""], now)
        return campaign


def closed_hours(now: datetime) -> dict[str, Any]:
    """Hours that open in two days only."""
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    opening = days[(now + timedelta(days=2)).weekday()]
    return {"timezone": "UTC", **{day: [] for day in days}, opening: [{"start": "09:00", "end": "17:00"}]}


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'cadenza.db'}"
        return
    with running_postgres(durable=True) as server:
        server.create("bench")
        yield server.url("bench")


@contextmanager
def scene(kind: str) -> Iterator[Scene]:
    """A database with the newest schema, a login and a key; it waits for the disk, as in production."""
    with ExitStack() as stack:
        url = stack.enter_context(_database(kind, stack.enter_context(short_folder())))
        engine = connect(url)
        stack.callback(engine.dispose)
        schema.upgrade(engine)
        now = datetime.now(UTC)
        with session_factory(engine, silence).begin() as session:
            user = admitting.create_user(session, EMAIL, PASSWORD, "UTC", now=now)
            _, key = admitting.create_key(session, user, "bench", now=now)
            workspace_id = user.workspace_id
        yield Scene(kind, url, engine, workspace_id, key)


@contextmanager
def playing(scene: Scene, **given: str) -> Iterator[Stack]:
    """All processes of `make run` on the database of the scene."""
    with running_stack(DATABASE_URL=scene.url, CADENZA_TRAP="off", **given) as stack:
        stack.key = scene.key
        yield stack
