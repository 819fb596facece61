"""What messages link to: saying no, and the picture that tells of an open. Whoever comes there has no login."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from campaigns import noticing, unsubscribing
from campaigns.models import Event, Message, Prospect, Suppression, Workspace
from campaigns.models.finding import nodes_of
from campaigns.rules.links import Links, Recipient
from tests import make
from tests.databases import Database, at_once
from tests.make import NOW
from tests.web.pages.conftest import Visitor

LINKS = Links("", "kept by nobody")
STEPS = [make.EMAIL_STEP, make.delay(days=2), make.FOLLOW_UP, make.END]
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
APPLE = "Mozilla/5.0"


@dataclass
class World:
    """Ann of two campaigns got the first message of one."""

    db: Database
    client: FlaskClient
    workspace_id: UUID
    campaign_id: UUID
    ann: UUID
    again: UUID
    message_id: UUID

    def link(self, identity: str = "ann@corp.example") -> str:
        return LINKS.unsubscribe(Recipient(self.message_id, self.workspace_id, identity))

    @property
    def pixel(self) -> str:
        return LINKS.pixel(self.message_id)

    def statuses(self) -> list[tuple[str, bool]]:
        with self.db.reading() as session:
            people = [session.get_one(Prospect, one) for one in (self.ann, self.again)]
            return [(person.status, person.due_at is None) for person in people]

    def suppressed(self) -> list[tuple[str, str]]:
        with self.db.reading() as session:
            return [(row.value, row.source) for row in session.scalars(select(Suppression))]

    def counted(self) -> tuple[int, int, bool]:
        with self.db.reading() as session:
            message = session.get_one(Message, self.message_id)
            return message.opens, message.machine_opens, message.opened_at is not None


@pytest.fixture
def world(app: Flask, db: Database) -> World:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        people = {"email": "ann@corp.example"}
        one = make.launched(session, workspace, 1, nodes=STEPS, people=people, open_tracking=True)
        two = make.launched(session, workspace, 1, nodes=STEPS, people=people)
        ann, again = (
            session.scalars(select(Prospect).where(Prospect.campaign_id == made.id)).one() for made in (one, two)
        )
        message = make.message(session, ann, nodes_of(session, one.id)[0], sent_at=NOW - timedelta(hours=1))
        return World(db, app.test_client(), workspace.id, one.id, ann.id, again.id, message.id)


def eventually(state: Callable[[], object], wanted: object) -> None:
    end = time.monotonic() + 10
    while state() != wanted:
        assert time.monotonic() < end, f"{state()} is not {wanted}"
        time.sleep(0.02)


WAITING, GONE = [("pending", False)] * 2, [("unsubscribed", True)] * 2


def test_looking_at_the_page_changes_nothing(world: World, app: Flask, db: Database) -> None:
    page = Visitor(app, db).visit(world.link())
    assert "ann@corp.example" in page.text
    assert world.client.head(world.link()).status_code == 200
    assert world.statuses() == WAITING
    assert world.suppressed() == []


def test_the_button_says_no_in_every_campaign_at_once(world: World, app: Flask, db: Database) -> None:
    visitor = Visitor(app, db)
    page = visitor.see(visitor.client.post(world.link()))
    assert "You will hear nothing more" in page.text
    assert world.statuses() == GONE
    assert world.suppressed() == [("ann@corp.example", "unsubscribe")]
    with db.reading() as session:
        events = session.scalars(select(Event).where(Event.kind == "unsubscribed")).all()
    assert [(event.campaign_id, event.data) for event in events] == [
        (world.campaign_id, {"prospect_id": str(world.ann)})
    ]


def test_a_mail_program_says_no_without_a_page_as_often_as_it_likes(world: World) -> None:
    for _ in range(3):
        answer = world.client.post(world.link(), data={"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.data) == (200, b"")
    assert world.statuses() == GONE
    assert len(world.suppressed()) == 1


def test_a_no_counts_although_the_campaign_is_gone(world: World, db: Database) -> None:
    with db.sessions.begin() as session:
        session.delete(session.get_one(Message, world.message_id))
    assert world.client.post(world.link()).status_code == 200
    assert world.suppressed() == [("ann@corp.example", "unsubscribe")]


def test_a_no_to_a_workspace_that_is_gone_is_not_found(world: World, db: Database) -> None:
    with db.sessions.begin() as session:
        session.delete(session.get_one(Workspace, world.workspace_id))
    assert world.client.post(world.link()).status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("token", ["x", "a" * 80, "%00", "../healthz"])
def test_a_forged_link_opens_nothing(world: World, method: str, token: str) -> None:
    forged = world.link()[:-3] + "AAA" if token == "x" else f"/u/{token}"
    assert getattr(world.client, method)(forged).status_code in (400, 404)
    assert world.suppressed() == []


def test_an_open_is_counted_once_the_picture_is_loaded(world: World) -> None:
    answer = world.client.get(world.pixel, headers={"User-Agent": SAFARI})
    assert (answer.status_code, answer.mimetype, len(answer.data)) == (200, "image/gif", 43)
    assert answer.headers["Cache-Control"] == "no-store, private"
    eventually(world.counted, (1, 0, True))


def test_machines_are_counted_apart(world: World) -> None:
    for agent in (APPLE, "Barracuda Sentinel", ""):
        world.client.get(world.pixel, headers={"User-Agent": agent})
    eventually(world.counted, (0, 3, False))
    world.client.get(world.pixel, headers={"User-Agent": SAFARI})
    eventually(world.counted, (1, 3, True))


def test_whatever_loads_it_seconds_after_it_left_is_a_machine(world: World, db: Database) -> None:
    with db.sessions.begin() as session:
        session.get_one(Message, world.message_id).sent_at = NOW
    world.client.get(world.pixel, headers={"User-Agent": SAFARI})
    eventually(world.counted, (0, 1, False))


def test_nothing_is_counted_where_the_campaign_does_not_track(world: World, db: Database) -> None:
    with db.reading() as session:
        node = nodes_of(session, session.get_one(Prospect, world.again).campaign_id)[0]
    with db.sessions.begin() as session:
        quiet = make.message(session, session.get_one(Prospect, world.again), node, sent_at=NOW - timedelta(hours=1)).id
    world.client.get(LINKS.pixel(quiet), headers={"User-Agent": SAFARI})
    world.client.get(world.pixel, headers={"User-Agent": SAFARI})
    eventually(world.counted, (1, 0, True))
    with db.reading() as session:
        assert session.get_one(Message, quiet).opens == 0


def test_a_forged_picture_is_a_picture_and_tells_of_nothing(world: World) -> None:
    answer = world.client.get("/o/nonsense.gif", headers={"User-Agent": SAFARI})
    assert (answer.status_code, answer.mimetype) == (200, "image/gif")
    world.client.get(world.pixel, headers={"User-Agent": SAFARI})
    eventually(world.counted, (1, 0, True))


def test_a_failure_of_one_batch_does_not_end_the_counting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(*_: object) -> None:
        monkeypatch.undo()
        failed.set()
        raise RuntimeError("a bug")

    monkeypatch.setattr(noticing, "notice", fail)
    world.client.get(world.pixel, headers={"User-Agent": SAFARI})
    assert failed.wait(10)
    world.client.get(world.pixel, headers={"User-Agent": SAFARI})
    eventually(world.counted, (1, 0, True))


def test_a_mail_program_asks_but_once_whoever_is_at_the_same_people(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collide(*_: object) -> None:
        monkeypatch.undo()
        raise IntegrityError("", {}, Exception("UNIQUE constraint failed"))

    monkeypatch.setattr(unsubscribing, "unsubscribe", collide)
    assert world.client.post(world.link(), data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert world.statuses() == GONE


def test_several_who_say_no_at_once_are_all_taken(world: World, app: Flask) -> None:
    def click() -> int:
        return app.test_client().post(world.link(), data={"List-Unsubscribe": "One-Click"}).status_code

    assert at_once(*[click] * 6) == [200] * 6
    assert world.suppressed() == [("ann@corp.example", "unsubscribe")]
