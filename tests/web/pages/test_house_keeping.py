"""API keys, the mail trap and the workers: what keeps the house running."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from campaigns.channels.trap import Trap, TrapAway, TrappedMessage
from campaigns.models import WakeUp
from campaigns.web.pages import trap as trap_page
from jobs.board import JobView, Overview, QueueView, WorkerView
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed

# Keys


def test_a_key_is_shown_once_and_opens_the_api_until_it_is_revoked(alice: Visitor, app: Flask) -> None:
    form = alice.visit("/keys").form("/keys")
    page = alice.see(alice.send(form, name="script"), 201)
    text = next(word for word in page.text.split() if re.fullmatch(r"cdz_[\w-]{20,}", word))
    headers = {"Authorization": f"Bearer {text}"}
    assert app.test_client().get("/api/campaigns", headers=headers).status_code == 200
    page = alice.visit("/keys")
    assert text not in page.html
    assert text[:10] in page.text
    assert "is revoked" in alice.follow(alice.send(page.form("/revoke"))).text
    assert app.test_client().get("/api/campaigns", headers=headers).status_code == 401


def test_a_key_without_a_name_is_refused(alice: Visitor, db: Database) -> None:
    form = alice.visit("/keys").form("/keys")
    assert "Must not be empty." in alice.see(alice.send(form, name=" "), 422).text
    assert not db.dump()["api_key"]


# The trap

TRAP = Trap("127.0.0.1", 2525, 2143, 2080, "everyone", "secret")


def caught(sender: str, to: str, subject: str) -> TrappedMessage:
    return TrappedMessage(make.NOW, sender, to, subject, "Hello there", "<1@x>")


@pytest.fixture
def trapped(monkeypatch: pytest.MonkeyPatch) -> list[TrappedMessage]:
    """What a trap that runs holds."""
    messages: list[TrappedMessage] = []
    monkeypatch.setattr(trap_page, "read_trap", lambda path: TRAP)
    monkeypatch.setattr(trap_page, "list_messages", lambda trap, limit: messages[:limit])
    return messages


def test_the_trap_shows_the_mail_of_ones_own_accounts_only(
    alice: Visitor, bob: Visitor, db: Database, trapped: list[TrappedMessage]
) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        make.sender(session, workspace, email_address="Sarah@example.com")
    trapped += [
        caught("Sarah <sarah@EXAMPLE.com>", "ann@corp.test", "Sent by Sarah"),
        caught("ann@corp.test", "Sarah <sarah@example.com>", "An answer to Sarah"),
        caught("other@else.test", "ann@corp.test", "A stranger's"),
    ]
    page = alice.visit("/trap")
    assert "Sent by Sarah" in page.text
    assert "An answer to Sarah" in page.text
    assert "A stranger's" not in page.text
    assert "http://127.0.0.1:2080/" in page.links
    assert "Sarah" not in bob.visit("/trap").text


def test_a_trap_that_does_not_answer_is_told(
    alice: Visitor, trapped: list[TrappedMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(trap: Trap, limit: int) -> list[TrappedMessage]:
        raise TrapAway("The mail trap does not answer.")

    monkeypatch.setattr(trap_page, "list_messages", away)
    assert "No trap is running" in alice.visit("/trap").text


# The workers


class FakeBoard:
    """A board with the jobs that a test writes on it."""

    def __init__(self, overview: Overview | None) -> None:
        self.shown = overview
        self.retried: list[str] = []
        self.cancelled: list[str] = []

    def overview(self) -> Any:
        return self.shown

    def retry(self, job_id: str) -> bool:
        self.retried.append(job_id)
        return True

    def cancel(self, job_id: str) -> bool:
        self.cancelled.append(job_id)
        return True


def job(job_id: str, kind: str, arg: UUID, status: str = "finished", **values: Any) -> JobView:
    ended = make.NOW if status in ("finished", "failed") else None
    times = {"enqueued_at": make.NOW, "started_at": make.NOW - timedelta(milliseconds=87), "ended_at": ended}
    return JobView(job_id, kind, (str(arg),), "wake", status, **{**times, "error": None, **values})


def wake_up(db: Database, visitor: Visitor, name: str) -> UUID:
    with db.sessions.begin() as session:
        campaign = make.launched(session, session.get_one(make.Workspace, visitor.workspace_id), 0, name=name)
        made = WakeUp(campaign_id=campaign.id, cause="operating_hours", requested_at=make.NOW)
        session.add(made)
        session.flush()
        return made.id


def put_up(app: Flask, *jobs: JobView, at_work: JobView | None = None, ticked_at: datetime | None = None) -> FakeBoard:
    worker = WorkerView("host.7", "busy" if at_work else "idle", ("wake",), at_work, make.NOW, make.NOW, 4, 0)
    queues = [QueueView("wake", 2, 0, 1, make.NOW - timedelta(minutes=3)), QueueView("lanes", 0, 0, 0)]
    board = FakeBoard(Overview([worker], queues, list(jobs), ticked_at))
    app.extensions["cadenza"] = replace(app.extensions["cadenza"], board=board)
    return board


def test_jobs_stand_in_peoples_words_by_campaign_and_sender(app: Flask, alice: Visitor, db: Database) -> None:
    wake = wake_up(db, alice, "Spring")
    with db.reading() as session:
        campaign = session.query(make.Campaign.id).one()[0]
        sender = session.query(make.Sender.id).one()[0]
    put_up(
        app,
        job("1", "wake", wake),
        job("2", "launch", campaign, "failed", error="ValueError: no"),
        job("3", "lane", sender, "queued"),
        at_work=job("4", "wake", wake, "started"),
    )
    page = alice.visit("/workers")
    text = squeezed(page.text)
    assert "Wake up sleepers: Spring" in text
    assert "Wake up sleepers Spring finished" in text
    assert "87 ms" in text
    assert "Launch Spring" in text
    assert "ValueError: no" in text
    assert "Send messages Sarah Chen" in text
    assert f"/campaigns/{campaign}" in page.links
    assert "/ops/rq" in page.links
    assert [form.action for form in page.forms if "/jobs/" in form.action] == [
        "/workers/jobs/2/retry",
        "/workers/jobs/3/cancel",
    ]


def test_jobs_of_another_workspace_are_nobodys_business(app: Flask, alice: Visitor, bob: Visitor, db: Database) -> None:
    wake = wake_up(db, bob, "Bob's plan")
    board = put_up(app, job("1", "wake", wake, "failed"), at_work=job("2", "wake", wake, "started"))
    page = alice.visit("/workers")
    assert "Bob's plan" not in page.text
    assert "another workspace" in page.text
    token = page.form("/signout").value("csrf_token")
    for verb in ("retry", "cancel"):
        alice.see(alice.client.post(f"/workers/jobs/1/{verb}", data={"csrf_token": token}), 404)
    assert not board.retried
    assert not board.cancelled
    assert "Bob's plan" in bob.visit("/workers").text


def test_a_failed_job_is_tried_again_and_a_waiting_one_cancelled(app: Flask, alice: Visitor, db: Database) -> None:
    wake = wake_up(db, alice, "Spring")
    board = put_up(app, job("1", "wake", wake, "failed"), job("2", "wake", wake, "queued"))
    page = alice.visit("/workers")
    assert "queued again" in alice.follow(alice.send(page.form("/retry"))).text
    part = alice.see_fragment(alice.send(page.form("/cancel"), htmx=True))
    assert part.root is not None
    assert part.root["id"] == "workers"
    assert (board.retried, board.cancelled) == (["1"], ["2"])


def test_the_page_says_when_the_ticker_worked_last_and_how_long_a_queue_has_waited(app: Flask, alice: Visitor) -> None:
    put_up(app, ticked_at=make.NOW - timedelta(seconds=10))
    text = squeezed(alice.visit("/workers").text)
    assert "it last did 10 s ago" in text
    assert "ticker is late" not in text
    assert "the oldest 3 min ago" in text
    put_up(app, ticked_at=make.NOW - timedelta(seconds=11))
    assert "The ticker is late. It last worked 11 s ago" in squeezed(alice.visit("/workers").text)
    put_up(app)
    assert "The ticker was not seen yet." in squeezed(alice.visit("/workers").text)


def test_redis_that_is_away_is_told_and_nothing_breaks(app: Flask, alice: Visitor) -> None:
    app.extensions["cadenza"] = replace(app.extensions["cadenza"], board=FakeBoard(None))
    assert "Redis does not answer." in alice.visit("/workers").text
