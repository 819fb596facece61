"""`Idempotency-Key` (CONTRACT section 7): whoever repeats a POST gets the same answer, and it happens once."""

import json
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from campaigns import editing, reporting
from campaigns.models import ApiKey, Call, Campaign, new_id
from campaigns.models.call import MOST_FORGOTTEN, PATIENCE, begin_call
from campaigns.web.api import idempotency
from campaigns.web.api.idempotency import REPLAYED
from tests import make
from tests.databases import Database, at_once
from tests.web.callers import Caller, Clock, fields, told
from tests.web.conftest import build

SPRING = {"type": "email", "name": "Spring"}
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def post(
    caller: Caller, path: str = "/campaigns", body: Any = SPRING, *, key: str = KEY, **options: Any
) -> TestResponse:
    return caller.post(path, body, headers={"Idempotency-Key": key}, **options)


def count(db: Database, model: type[Any] = Campaign) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def same(first: TestResponse, second: TestResponse) -> None:
    """The second answer is the first one again, and says so."""
    assert (second.status_code, second.data) == (first.status_code, first.data)
    for name in ("Content-Type", "Location", "ETag"):
        assert second.headers.get(name) == first.headers.get(name), name
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"


def test_whoever_repeats_a_call_gets_the_same_answer_and_it_happens_once(alice: Caller, db: Database) -> None:
    first = post(alice)
    assert first.status_code == 201
    alice.patch(first.headers["Location"].removeprefix("/api"), {"name": "Summer"})
    before = db.dump()
    second = post(alice)
    same(first, second)
    assert second.json["campaign"]["name"] == "Spring"
    assert db.dump() == before
    assert post(alice, key="another").status_code == 201


def test_every_post_may_be_repeated(alice: Caller, app: Flask, db: Database) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and "POST" in (rule.methods or ()):
            path = rule.rule.replace("<uuid:", "").replace(">", "").replace("/api", "")
            for name in rule.arguments:
                path = path.replace(name, str(new_id()))
            first = post(alice, path, {"name": "X"}, key=rule.endpoint)
            same(first, post(alice, path, {"name": "X"}, key=rule.endpoint))


def test_a_file_may_be_repeated(alice: Caller, db: Database) -> None:
    path = f"{post(alice).headers['Location'].removeprefix('/api')}/prospects"
    answers = [
        alice.post(path, data=b"email\na@b.example\n", content_type="text/csv", headers={"Idempotency-Key": "file"})
        for _ in range(2)
    ]
    same(*answers)
    assert answers[1].json["imported"] == 1


def test_a_refusal_is_repeated_too(alice: Caller, db: Database) -> None:
    first = post(alice, body={"type": "email", "name": ""})
    told(first, 400, "invalid")
    same(first, post(alice, body={"type": "email", "name": ""}))
    assert count(db) == 0


def test_bells_ring_once(alice: Caller, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        steps = [{**make.EMAIL_STEP, "subject": "Hello", "body": "Hello"}, make.END]
        campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)], nodes=steps)
        make.prospect(session, campaign)
    db.rung.clear()
    first = post(alice, f"/campaigns/{campaign.id}/launch", {})
    assert first.status_code == 200, first.json
    assert len(db.rung) == 1
    same(first, post(alice, f"/campaigns/{campaign.id}/launch", {}))
    assert len(db.rung) == 1


@pytest.mark.parametrize("other", ["path", "query", "body"])
def test_another_request_with_the_same_key_is_refused(alice: Caller, db: Database, other: str) -> None:
    campaign = post(alice).headers["Location"].removeprefix("/api")
    before = db.dump()
    path = {"path": f"{campaign}/copy", "query": "/campaigns?x=1"}.get(other, "/campaigns")
    body = {"type": "email", "name": "Other"} if other == "body" else SPRING
    told(post(alice, path, body), 422, "idempotency_mismatch")
    assert db.dump() == before


def test_another_persons_same_key_is_another_key(alice: Caller, bob: Caller, db: Database) -> None:
    first, second = post(alice), post(bob)
    assert REPLAYED not in second.headers
    assert first.json["campaign"]["id"] != second.json["campaign"]["id"]


def test_all_keys_of_one_person_share_what_was_kept(alice: Caller, db: Database) -> None:
    first = post(alice)
    made = alice.post("/keys", {"name": "CRM"}).json["key"]
    same(first, post(Caller(alice.app, {"Authorization": f"Bearer {made}"})))


def test_the_answer_is_kept_for_a_day(alice: Caller, db: Database, clock: Clock) -> None:
    first = post(alice)
    clock.pass_by(hours=24, seconds=-1)
    same(first, post(alice))
    clock.pass_by(seconds=1)
    told(post(alice), 409, "name_taken")  # carried out once more


def test_what_is_older_than_a_day_is_taken_away(alice: Caller, db: Database, clock: Clock) -> None:
    with db.sessions.begin() as session:
        for number in range(MOST_FORGOTTEN + 5):
            begin_call(session, alice.user_id, f"old {number}", "", clock.now)
    clock.pass_by(hours=24)
    post(alice)
    assert count(db, Call) == 6
    post(alice, key="another")
    assert count(db, Call) == 2


def test_a_restart_forgets_nothing(alice: Caller, db: Database, clock: Clock, tmp_path: Any) -> None:
    first = post(alice)
    same(first, post(Caller(build(db, tmp_path, clock), alice.headers)))


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "caf\xe9", "tab\there", "\x7f"])
def test_a_key_is_1_to_255_printable_characters(alice: Caller, db: Database, key: str) -> None:
    before = db.dump()
    assert fields(told(post(alice, key=key), 400, "idempotency_key")) == ["Idempotency-Key"]
    assert db.dump() == before
    assert post(alice, key="x" * 255).status_code == 201


def test_other_methods_take_no_notice_of_a_key(alice: Caller, db: Database) -> None:
    path = post(alice).headers["Location"].removeprefix("/api")
    for name in ("Summer", "Autumn"):
        answer = alice.patch(path, {"name": name}, headers={"Idempotency-Key": ""})
        assert answer.json["campaign"]["name"] == name


def test_a_key_that_is_shown_once_is_not_kept_in_the_clear(alice: Caller, db: Database) -> None:
    first = post(alice, "/keys", {"name": "CRM"})
    assert first.json["key"] not in json.dumps(db.dump(), default=str)
    same(first, post(alice, "/keys", {"name": "CRM"}))
    assert count(db, ApiKey) == 2


def test_an_answer_that_cannot_be_unsealed_is_not_made_a_second_time(
    alice: Caller, db: Database, clock: Clock, tmp_path: Any
) -> None:
    post(alice)
    other = build(db, tmp_path, clock, CADENZA_SEALING_KEY="YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=")
    told(post(Caller(other, alice.headers)), 409, "idempotency_lost")
    assert count(db) == 1


# Two at once, and those who die


def test_of_many_at_once_one_is_carried_out(alice: Caller, db: Database) -> None:
    answers = at_once(*(lambda: post(alice) for _ in range(6)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    kept = post(alice)
    for answer in answers:
        if answer.status_code == 409:
            told(answer, 409, "idempotency_running")
            assert answer.headers["Retry-After"] == "1"
        else:
            assert answer.data == kept.data
    assert count(db) == 1


def test_while_the_first_runs_the_second_is_told_to_wait(
    alice: Caller, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = Event(), Event()
    create = editing.create

    def slowly(*args: Any, **options: Any) -> Any:
        started.set()
        assert go_on.wait(20)
        return create(*args, **options)

    monkeypatch.setattr(editing, "create", slowly)

    def impatient() -> tuple[TestResponse, TestResponse]:
        assert started.wait(20)
        try:
            return post(alice), post(alice, body={"type": "email", "name": "Other"})
        finally:
            go_on.set()

    first, (second, other) = at_once(lambda: post(alice), impatient)
    told(second, 409, "idempotency_running")
    assert second.headers["Retry-After"] == "1"
    told(other, 422, "idempotency_mismatch")
    assert first.status_code == 201
    same(first, post(alice))


def test_whoever_dies_before_the_answer_is_kept_has_done_nothing_and_is_replaced(
    alice: Caller, db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(idempotency, "end_call", die)
        with pytest.raises(SystemExit):
            post(alice)
    assert count(db) == 0
    told(post(alice), 409, "idempotency_running")
    clock.pass_by(seconds=PATIENCE.total_seconds())
    assert post(alice).status_code == 201
    assert count(db) == 1


def test_whoever_was_given_up_for_dead_cannot_carry_out_the_call_a_second_time(
    alice: Caller, db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out, overtakers = idempotency._carry_out, []

    def make_key() -> TestResponse:
        return post(alice, "/keys", {"name": "CRM"})

    def stall(*args: Any) -> Any:
        if not overtakers:
            overtakers.append("on the way")
            clock.pass_by(seconds=PATIENCE.total_seconds())
            overtakers.extend(at_once(make_key))
        return carry_out(*args)

    monkeypatch.setattr(idempotency, "_carry_out", stall)
    told(make_key(), 409, "idempotency_running")
    assert count(db, ApiKey) == 2
    same(overtakers[1], make_key())


Failure = Callable[[], Exception]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (lambda: RuntimeError("a bug"), 500),
        (lambda: OperationalError("INSERT", {}, Exception("database or disk is full")), 503),
    ],
)
def test_what_failed_by_our_fault_may_be_tried_again_at_once(
    alice: Caller, db: Database, monkeypatch: pytest.MonkeyPatch, failure: Failure, status: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise failure()

    with monkeypatch.context() as patched:
        patched.setattr(reporting, "whole_json", fail)
        told(post(alice), status)
    assert count(db) == count(db, Call) == 0
    assert post(alice).status_code == 201


def test_a_commit_whose_word_was_lost_is_answered_as_the_success_it_was(
    alice: Caller, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = OperationalError("COMMIT", {}, Exception("database is locked"))
    begin = db.sessions.begin
    lost: list[bool] = []

    class Losing:
        """Commits, and then loses the connection before it hears of it."""

        def __init__(self) -> None:
            self._inner = begin()

        def __enter__(self) -> Any:
            return self._inner.__enter__()

        def __exit__(self, *error: Any) -> None:
            self._inner.__exit__(*error)
            lost.append(True)
            if len(lost) == 2:
                raise committed

    monkeypatch.setattr(db.sessions, "begin", Losing)
    told(post(alice), 503)
    assert len(lost) == 3
    answer = post(alice)
    assert answer.status_code == 201
    assert answer.headers[REPLAYED] == "true"
    assert count(db) == 1
