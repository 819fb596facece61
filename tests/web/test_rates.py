"""How many calls an API key may make (CONTRACT section 7)."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from campaigns.web.rates import Rates
from tests import make
from tests.databases import Database, at_once
from tests.web.callers import Caller, Clock, told

KEY, OTHER = UUID(int=1), UUID(int=2)
NAMES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def slow(app: Flask) -> Flask:
    """Each key may make six calls a minute."""
    own = app.extensions["cadenza"]
    app.extensions["cadenza"] = replace(own, settings=replace(own.settings, api_rate=6))
    return app


def test_whoever_calls_too_often_is_told_when_to_go_on(slow: Flask, alice: Caller, clock: Clock) -> None:
    for left in (5, 4, 3, 2, 1, 0):
        answer = alice.get("/campaigns")
        assert [answer.headers[name] for name in NAMES] == ["6", str(left), str(10 * (6 - left))]
    clock.pass_by(seconds=3)
    answer = alice.post("/campaigns", {"type": "email", "name": "Spring"})
    told(answer, 429, "too_many_requests")
    assert answer.headers["Retry-After"] == "7"
    assert [answer.headers[name] for name in NAMES] == ["6", "0", "57"]
    clock.pass_by(seconds=6)
    told(alice.get("/nowhere"), 429)
    clock.pass_by(seconds=1)
    assert alice.get("/campaigns").json["total"] == 0
    told(alice.get("/campaigns"), 429)


def test_one_key_does_not_use_up_another(slow: Flask, alice: Caller, bob: Caller) -> None:
    second = Caller(slow, {"Authorization": f"Bearer {alice.post('/keys', {}).json['key']}"})
    for _ in range(5):
        alice.get("/campaigns")
    told(alice.get("/campaigns"), 429)
    for caller in (second, bob):
        assert caller.get("/campaigns").headers["RateLimit-Remaining"] == "5"


def test_whoever_has_no_key_and_whoever_looks_at_pages_is_not_counted(slow: Flask, stranger: Caller) -> None:
    for _ in range(10):
        answer = stranger.get("/campaigns")
        told(answer, 401)
        assert "RateLimit-Limit" not in answer.headers
        assert slow.test_client().get("/healthz").status_code != 429


def test_there_may_be_no_limit(slow: Flask, alice: Caller) -> None:
    own = slow.extensions["cadenza"]
    slow.extensions["cadenza"] = replace(own, settings=replace(own.settings, api_rate=0))
    answers = [alice.get("/campaigns") for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit-Limit" not in answers[0].headers


def test_a_repeated_call_counts_as_well(slow: Flask, alice: Caller, db: Database) -> None:
    headers = {"Idempotency-Key": "one"}
    answers = [alice.post("/campaigns", {"type": "email", "name": "Spring"}, headers=headers) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [201] * 6 + [429]
    assert answers[5].headers["RateLimit-Remaining"] == "0"


def test_a_bucket_fills_as_steadily_as_calls_are_allowed_and_never_over() -> None:
    rates = Rates()
    assert [rates.take(KEY, 2, make.NOW).wait.seconds for _ in range(4)] == [0, 0, 30, 30]
    assert rates.take(OTHER, 2, make.NOW).left == 1
    assert rates.take(KEY, 2, make.NOW + timedelta(seconds=29)).wait
    assert not rates.take(KEY, 2, make.NOW + timedelta(seconds=30)).wait
    assert rates.take(KEY, 2, make.NOW + timedelta(hours=1)).left == 1


def test_a_clock_that_is_put_back_stops_nobody() -> None:
    rates = Rates()
    past = make.NOW - timedelta(hours=1)
    assert [rates.take(KEY, 1, at).wait.seconds for at in (make.NOW, past, past)] == [0, 0, 60]


@pytest.mark.parametrize("limit", [1, 7, 6000, 60_000])
def test_any_number_of_calls_is_allowed_exactly(limit: int) -> None:
    rates = Rates()
    first = rates.take(KEY, limit, make.NOW)
    assert first.left == limit - 1
    for _ in range(min(limit, 1000) - 1):
        assert not rates.take(KEY, limit, make.NOW).wait
    assert bool(rates.take(KEY, limit, make.NOW).wait) == (limit <= 1000)


def test_calls_at_the_same_instant_are_all_counted() -> None:
    rates = Rates()

    def many() -> None:
        for _ in range(500):
            rates.take(KEY, 10_000, make.NOW)

    at_once(*(many for _ in range(4)))
    assert rates.take(KEY, 10_000, make.NOW).left == 10_000 - 2_001
