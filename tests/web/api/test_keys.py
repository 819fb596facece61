"""API keys: shown once, kept hashed, revoked at once (CONTRACT section 7)."""

import json

import pytest

from tests.databases import Database
from tests.web.callers import Caller, Clock, fields, told

UNKNOWN = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"


def holder(alice: Caller, key: str, scheme: str = "Bearer") -> Caller:
    return Caller(alice.app, {"Authorization": f"{scheme} {key}"})


def test_a_key_is_shown_once_and_kept_hashed(alice: Caller, db: Database) -> None:
    answer = alice.post("/keys", {"name": "CRM"})
    assert answer.status_code == 201
    key = answer.json.pop("key")
    assert key.startswith("cdz_")
    assert len(key) > 40
    assert holder(alice, key).get("/campaigns").status_code == 200
    listed = alice.get("/keys")
    assert listed.json["keys"][0]["name"] == "CRM"
    assert set(listed.json["keys"][0]) == {"id", "name", "hint", "created_at", "last_used_at"}
    assert listed.json["total"] == 2
    assert key not in listed.text
    assert key not in json.dumps(db.dump(), default=str)


def test_two_keys_are_never_the_same(alice: Caller) -> None:
    assert len({alice.post("/keys", {}).json["key"] for _ in range(5)}) == 5


@pytest.mark.parametrize("name", ["", "  ", 5, None, "x" * 201])
def test_a_key_needs_a_name_that_people_can_read(alice: Caller, db: Database, name: object) -> None:
    before = db.dump()
    assert fields(told(alice.post("/keys", {"name": name}), 400, "invalid")) == ["name"]
    assert db.dump() == before


def test_a_revoked_key_opens_nothing_at_once(alice: Caller) -> None:
    made = alice.post("/keys", {"name": "CRM"}).json
    carol = holder(alice, made["key"])
    assert carol.get("/campaigns").status_code == 200
    assert alice.delete(f"/keys/{made['id']}").status_code == 204
    told(carol.get("/campaigns"), 401, "unauthorized")
    told(carol.delete(f"/keys/{made['id']}"), 401, "unauthorized")
    assert [key["name"] for key in alice.get("/keys").json["keys"]] == ["test"]
    assert alice.delete(f"/keys/{made['id']}").status_code == 204


def test_a_key_may_revoke_itself(alice: Caller) -> None:
    (own,) = alice.get("/keys").json["keys"]
    assert alice.delete(f"/keys/{own['id']}").status_code == 204
    told(alice.get("/keys"), 401, "unauthorized")


def test_a_strangers_key_is_as_unknown_as_none(alice: Caller, bob: Caller) -> None:
    (own,) = alice.get("/keys").json["keys"]
    assert told(bob.delete(f"/keys/{own['id']}"), 404) == told(bob.delete(f"/keys/{UNKNOWN}"), 404)
    assert alice.get("/keys").status_code == 200


def test_the_last_use_of_a_key_is_noted_to_the_minute(alice: Caller, db: Database, clock: Clock) -> None:
    clock.pass_by(seconds=50)
    before = db.dump()
    alice.get("/campaigns")
    assert db.dump() == before
    clock.pass_by(seconds=20)
    alice.get("/campaigns")
    assert alice.get("/keys").json["keys"][0]["last_used_at"] == "2026-03-02T10:01:10Z"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer cdz_wrong",
        "Bearer wrong",
        "Bearer cdz_\xff\xfe",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer {KEY}",
        "Bearer x {key}",
        "Bearer {key} x",
        "Bearer {key}, Bearer {key}",
    ],
)
def test_whoever_has_no_key_is_told_how_to_come_in(alice: Caller, db: Database, header: str | None) -> None:
    key = alice.headers["Authorization"].removeprefix("Bearer ")
    text = header.format(key=key, KEY=key.upper()) if header is not None else None
    caller = Caller(alice.app, {} if text is None else {"Authorization": text})
    before = db.dump()
    for method, path in (("GET", "/campaigns"), ("POST", "/campaigns"), ("GET", "/nowhere"), ("PUT", "/campaigns")):
        answer = caller.call(method, path)
        error = told(answer, 401, "unauthorized")
        assert "API key" in error["error"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert key not in answer.text
    assert db.dump() == before


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(alice: Caller, scheme: str) -> None:
    key = alice.headers["Authorization"].removeprefix("Bearer ")
    assert holder(alice, key, scheme).get("/campaigns").status_code == 200


def test_a_key_in_the_address_opens_nothing(alice: Caller, stranger: Caller) -> None:
    key = alice.headers["Authorization"].removeprefix("Bearer ")
    told(stranger.get(f"/campaigns?api_key={key}&access_token={key}"), 401, "unauthorized")
