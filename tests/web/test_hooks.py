"""What a provider tells by webhook: believed if it is signed, done once however often it comes, and never a trouble."""

import logging
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from campaigns.models import Letter, Prospect, Sender
from campaigns.models.seat import Keys, seal_keys
from campaigns.web.hooks import MOST_BYTES
from tests import make
from tests.databases import Database
from tests.unipile_server import ACCOUNT, KEY, Endpoint, UnipileServer, person_id, signature
from tests.web.callers import Clock
from tests.web.conftest import SEALING_KEY

SECRET = "wes_secret"


class Hook:
    """A seat whose people were invited, and the one who tells what happens at it."""

    def __init__(self, app: Flask, db: Database, clock: Clock, unipile: UnipileServer) -> None:
        self.client: FlaskClient = app.test_client()
        self.db, self.clock, self.unipile = db, clock, unipile
        unipile.clock, unipile.prompt = clock, False
        with db.sessions.begin() as session:
            workspace = make.workspace(session)
            seat = {"base_url": unipile.url, "account_id": ACCOUNT, "name": "Sarah Chen"}
            sealed = seal_keys(Keys(KEY, SECRET), SEALING_KEY)
            values: dict[str, Any] = {"type": "linkedin", "provider": "unipile", "seat": seat, "seat_sealed": sealed}
            self.sender = make.sender(session, workspace, **values)
            steps = [make.CONNECT, {"type": "message", "body": "Hi"}, make.END]
            values = {"type": "linkedin", "senders": [self.sender], "nodes": steps}
            campaign = make.launched(session, workspace, 2, now=clock.now, **values)
            people = session.scalars(select(Prospect).order_by(Prospect.id)).all()
            for one in people:
                make.message(session, one, campaign.nodes[0])
                one.status, one.contacted, one.current_node_id = "connection_sent", True, campaign.nodes[1].id
        self.slugs = [str(one.linkedin_url).rpartition("/")[2] for one in people]
        self.path = f"/hooks/unipile/{self.sender.id}"

    def post(self, body: bytes, *, secret: str = SECRET, path: str | None = None, **headers: str) -> TestResponse:
        headers = {"Unipile-Signature": signature(secret, body, self.clock.now)} | headers
        return self.client.post(path or self.path, data=body, headers=headers)

    def events(self) -> list[bytes]:
        """What the stand-in has to tell since the last time."""
        bodies = [event.body for event in self.unipile.outbox]
        self.unipile.outbox.clear()
        return bodies

    def statuses(self) -> list[str]:
        with self.db.reading() as session:
            return list(session.scalars(select(Prospect.status).order_by(Prospect.id)))

    def account(self) -> Sender:
        with self.db.reading() as session:
            return session.get_one(Sender, self.sender.id)


@pytest.fixture
def hook(app: Flask, db: Database, clock: Clock, unipile: UnipileServer) -> Hook:
    """Its events are those of an endpoint that is registered."""
    kinds = ["relation.new", "message.new", "account.status.disconnected", "account.status.running", "account.remove"]
    unipile.endpoints["we_1"] = Endpoint("we_1", "http://127.0.0.1:9", SECRET, [], kinds)
    return Hook(app, db, clock, unipile)


def test_the_same_webhook_five_times_and_out_of_order_is_heard_once(hook: Hook) -> None:
    hook.unipile.accept(hook.slugs[0])
    hook.unipile.accept(hook.slugs[1])
    hook.clock.pass_by(minutes=1)
    hook.unipile.write(hook.slugs[1], "Tell me more.")
    for body in reversed(hook.events() * 5):
        assert hook.post(body).status_code == 200
    assert hook.statuses() == ["connected", "replied"]
    with hook.db.reading() as session:
        assert session.scalars(select(Letter.fresh)).all() == ["Tell me more."]


def test_an_account_that_was_signed_out_is_stopped_at_once(hook: Hook) -> None:
    hook.unipile.stand("disconnected")
    (body,) = hook.events()
    assert hook.post(body).status_code == 200
    assert (hook.account().status, "reconnect" in str(hook.account().status_reason)) == ("needs_attention", True)
    assert [bell.job for bell in hook.db.rung] == ["seat"], "and looked at"
    hook.unipile.stand("running")
    (body,) = hook.events()
    assert hook.post(body).status_code == 200
    assert hook.account().status == "active"


@pytest.mark.parametrize(
    "headers",
    [
        {"Unipile-Signature": ""},
        {"Unipile-Signature": "t=1,v0=00"},
        {"Unipile-Signature": "nonsense"},
        {"Unipile-Signature": signature("another secret", b"{}", make.NOW)},
        {"Unipile-Signature": signature(SECRET, b"{}", make.NOW.replace(hour=3))},
    ],
)
def test_whoever_cannot_sign_is_refused_and_told_of_once(
    hook: Hook, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    before = hook.db.dump()
    caplog.set_level(logging.WARNING, "campaigns.web.hooks")
    for _ in range(3):
        answer = hook.post(b"{}", **headers)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "unsigned")
    assert len(caplog.records) == 1
    assert "{}" not in caplog.text
    assert hook.db.dump() == before


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"no JSON", b'{"account_id": 3}', b"\xff\xfe", b"[" * 100_000])
def test_what_means_nothing_is_a_bad_request(hook: Hook, body: bytes) -> None:
    assert hook.post(body).status_code == 400


@pytest.mark.parametrize("kind", ["message.read", "call.started", "relation.gone"])
def test_events_that_do_not_matter_are_taken(hook: Hook, kind: str) -> None:
    body = f'{{"account_id": "{ACCOUNT}", "type": "{kind}", "payload": {{}}}}'.encode()
    assert hook.post(body).status_code == 200


def test_somebody_who_is_on_no_roster_is_nothing_to_do(hook: Hook) -> None:
    before = hook.db.dump()
    hook.unipile.accept("nobody-here")
    hook.unipile.write("nobody-here", "Who are you?")
    assert [hook.post(body).status_code for body in hook.events()] == [200, 200]
    assert hook.db.dump() == before


def test_a_seat_that_is_not_there_is_not_found(hook: Hook, db: Database) -> None:
    assert hook.post(b"{}", path=f"/hooks/unipile/{uuid4()}").status_code == 404
    with db.sessions.begin() as session:
        mailbox = make.sender(session, make.workspace(session))
    assert hook.post(b"{}", path=f"/hooks/unipile/{mailbox.id}").status_code == 404
    assert hook.client.get(hook.path).status_code == 405


def test_an_event_that_is_too_long_is_not_read(hook: Hook) -> None:
    assert hook.post(b"x" * (MOST_BYTES + 1)).status_code == 413


def test_an_event_of_another_account_changes_nothing(hook: Hook) -> None:
    hook.unipile.accounts["acc_other"] = "running"
    before = hook.db.dump()
    hook.unipile.accept(hook.slugs[0], account_id="acc_other")
    hook.unipile.stand("disconnected", account_id="acc_other")
    assert [hook.post(body).status_code for body in hook.events()] == [200, 200]
    assert hook.db.dump() == before
    assert person_id(hook.slugs[0]) not in str(before)
