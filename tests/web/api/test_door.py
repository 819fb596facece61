"""The API's door: errors in one shape, methods, kinds of bodies, and what must not open it (CONTRACT section 7)."""

import logging
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from campaigns import connecting, reporting
from tests.databases import Database
from tests.web.callers import Caller, told

PROBE = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"


def routes(app: Flask) -> dict[str, set[str]]:
    """Each path of the API, with a probe for each id, and the methods that it takes."""
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            path = re.sub(r"<uuid:\w+>", PROBE, rule.rule).removeprefix("/api")
            found.setdefault(path, set()).update(rule.methods or ())
    return found


def test_every_call_of_the_contract_is_there(app: Flask) -> None:
    campaign = f"/campaigns/{PROBE}"
    contract = {
        "/campaigns": "GET POST",
        campaign: "GET PATCH DELETE",
        f"{campaign}/validate": "GET",
        f"{campaign}/launch": "POST",
        f"{campaign}/pause": "POST",
        f"{campaign}/resume": "POST",
        f"{campaign}/sequence/nodes": "POST PATCH DELETE",
        f"{campaign}/sequence/nodes/{PROBE}": "PUT",
        f"{campaign}/prospects": "GET POST PATCH DELETE",
        f"{campaign}/prospects/{PROBE}": "PATCH",
        f"{campaign}/prospects/{PROBE}/explain": "GET",
        f"{campaign}/senders": "GET",
        f"{campaign}/wake-ups": "GET",
        "/senders": "GET POST",
        f"/senders/{PROBE}": "GET PATCH DELETE",
    }
    served = routes(app)
    assert {path: set(methods.split()) - served.get(path, set()) for path, methods in contract.items()} == {
        path: set() for path in contract
    }


def test_every_path_refuses_other_methods_and_names_its_own(app: Flask, alice: Caller) -> None:
    for path, methods in routes(app).items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = alice.call(method, path)
            told(answer, 405, "method_not_allowed")
            assert set(answer.headers["Allow"].split(", ")) == methods


def test_no_call_but_the_description_is_open_to_a_stranger(app: Flask, stranger: Caller, db: Database) -> None:
    before = db.dump()
    served = routes(app)
    assert served.pop("/openapi.json") == {"GET", "HEAD", "OPTIONS"}
    for path, methods in served.items():
        for method in methods - {"HEAD"}:
            answer = stranger.call(method, path, {})
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            told(answer, 401, "unauthorized")
    assert db.dump() == before


@pytest.mark.parametrize("path", ["", "/", "/nowhere", "/campaigns/", "/campaigns/x", "/campaigns/../senders/", "/%00"])
def test_there_is_nothing_at_other_addresses(alice: Caller, path: str) -> None:
    told(alice.get(path), 404, "not_found")


def test_an_id_of_the_wrong_form_is_not_found(alice: Caller) -> None:
    for path in ("/campaigns/12", f"/campaigns/{PROBE}x", "/campaigns/{0}", f"/senders/{PROBE.replace('-', '')}"):
        told(alice.patch(path, {"name": "X"}), 404, "not_found")


# Failures of ours


def test_a_failure_of_ours_is_logged_and_told_without_detail(
    alice: Caller, db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(reporting, "whole_json", fail)
    before = db.dump()
    answer = alice.post("/campaigns", {"type": "email", "name": "Spring"})
    error = told(answer, 500, "internal_error")
    assert error["details"] == []
    assert "swordfish" not in answer.text
    assert "Traceback" not in answer.text
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert "swordfish" in str(record.exc_info[1])
    assert "POST /api/campaigns" in record.getMessage()
    assert db.dump() == before


def test_a_value_that_we_forgot_is_a_failure_and_no_conflict(
    alice: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forget(session: Any, workspace_id: Any, _sender_id: Any) -> None:
        from campaigns.models import Campaign

        session.add(Campaign(workspace_id=workspace_id))
        session.flush()

    monkeypatch.setattr(connecting, "remove", forget)
    seat = alice.post("/senders", {"type": "linkedin", "display_name": "Sarah"}).json["id"]
    told(alice.delete(f"/senders/{seat}"), 500, "internal_error")
    assert any(isinstance(each.exc_info and each.exc_info[1], IntegrityError) for each in caplog.records)


def test_a_collision_that_only_the_database_saw_is_a_conflict(alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    from campaigns.editing import values

    monkeypatch.setattr(values, "check_name", lambda *_, **__: None)
    alice.post("/campaigns", {"type": "email", "name": "Spring"})
    told(alice.post("/campaigns", {"type": "email", "name": "Spring"}), 409, "conflict")


# What must not open the door


def test_a_method_is_what_the_request_line_says(alice: Caller) -> None:
    path = alice.post("/campaigns", {"type": "email", "name": "Spring"}).headers["Location"].removeprefix("/api")
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        told(alice.post(path, {"_method": "DELETE"}, headers={name: "DELETE"}), 405)
        assert alice.get(f"{path}?_method=DELETE", headers={name: "DELETE"}).status_code == 200
    assert alice.get(path).status_code == 200


def test_the_cookie_of_a_signed_in_person_does_not_open_the_api(app: Flask, alice: Caller) -> None:
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["user_id"] = str(alice.user_id)
    assert "/signin" not in browser.get("/").headers.get("Location", "")
    answer = browser.get("/api/campaigns")
    told(answer, 401, "unauthorized")
    told(browser.post("/api/campaigns", json={"type": "email", "name": "Spring"}), 401)


def test_a_key_opens_no_page_and_sets_no_cookie(app: Flask, alice: Caller) -> None:
    answer = alice.get("/campaigns")
    assert "Set-Cookie" not in answer.headers
    page = app.test_client().get("/", headers=alice.headers)
    assert page.status_code == 303
    assert "/signin" in page.headers["Location"]


def test_no_other_site_may_read_an_answer(alice: Caller) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "OPTIONS"):
        answer = alice.call(method, "/campaigns", headers=headers)
        assert answer.status_code == 200
        assert not [name for name in answer.headers.keys() if name.lower().startswith("access-control")]  # noqa: SIM118


def test_answers_are_not_kept_and_not_guessed_at(alice: Caller, stranger: Caller) -> None:
    for answer in (alice.get("/campaigns"), stranger.get("/campaigns"), alice.get("/nowhere")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.content_type == "application/json"


def test_nothing_that_is_sent_becomes_a_header(alice: Caller) -> None:
    body = {"type": "email", "name": "x\r\nSet-Cookie: a=b"}
    told(alice.post("/campaigns", body), 400)
    body["name"] = "Set-Cookie: a=b"
    answer = alice.post("/campaigns?x=%0d%0aSet-Cookie:%20a=b", body)
    assert re.fullmatch(r"/api/campaigns/[0-9a-f-]{36}", answer.headers["Location"])
    assert "Set-Cookie" not in answer.headers
