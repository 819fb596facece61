"""LinkedIn seats through Unipile over the API: connected, tried out, and changed back; their key is write-only."""

from typing import Any

import pytest
from sqlalchemy import select

from campaigns.models import Sender
from tests.databases import Database
from tests.unipile_server import ACCOUNT, KEY, UnipileServer
from tests.web.callers import Caller, fields, told


def seat(caller: Caller, unipile: UnipileServer, **fields: Any) -> dict[str, Any]:
    own = {"base_url": unipile.url, "account_id": ACCOUNT, "api_key": KEY}
    body = {"type": "linkedin", "display_name": "Sarah", "provider": "unipile", "seat": own} | fields
    answer = caller.post("/senders", body)
    assert answer.status_code == 201, answer.get_json()
    return dict(answer.get_json())


def test_a_seat_is_connected_over_the_api_and_its_key_is_never_shown(alice: Caller, unipile: UnipileServer) -> None:
    made = seat(alice, unipile)
    assert (made["status"], made["status_reason"]) == ("active", None)
    settings = alice.get(f"/senders/{made['id']}/settings")
    assert settings.json["provider"] == "unipile"
    assert settings.json["seat"] == {"base_url": unipile.url, "account_id": ACCOUNT, "name": None}
    assert KEY not in settings.text + str(made)


def test_a_seat_without_an_account_waits_for_one(alice: Caller, unipile: UnipileServer) -> None:
    made = seat(alice, unipile, seat={"base_url": unipile.url, "api_key": KEY})
    assert (made["status"], made["status_reason"]) == (
        "needs_attention",
        "No LinkedIn account is connected yet.",
    )
    assert alice.post(f"/senders/{made['id']}/test").json["seat"][-1]["name"] == "account"
    changed = alice.patch(f"/senders/{made['id']}", {"seat": {"base_url": unipile.url, "account_id": ACCOUNT}})
    assert changed.json["status"] == "active"
    tested = alice.post(f"/senders/{made['id']}/test").json
    assert (tested["ok"], tested["smtp"], tested["imap"]) == (True, None, None)
    assert [step["name"] for step in tested["seat"]] == ["api", "account", "messages", "events"]


def test_a_seat_goes_back_to_assisted_and_forgets_its_key(alice: Caller, db: Database, unipile: UnipileServer) -> None:
    made = seat(alice, unipile)
    assert alice.patch(f"/senders/{made['id']}", {"provider": "assisted"}).status_code == 200
    settings = alice.get(f"/senders/{made['id']}/settings").json
    assert (settings["provider"], settings["seat"]) == ("assisted", None)
    with db.reading() as session:
        assert session.scalars(select(Sender.seat_sealed)).one() is None
    assert told(alice.post(f"/senders/{made['id']}/test"), 400, "wrong_state")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "scraping"}, "provider"),
        ({"provider": "unipile", "seat": "x"}, "seat"),
        ({"provider": "unipile", "seat": {"base_url": "http://example.com", "api_key": "k"}}, "seat.base_url"),
        ({"provider": "unipile", "seat": {"base_url": "https://[", "api_key": "k"}}, "seat.base_url"),
        ({"provider": "unipile", "seat": {"base_url": 3, "api_key": "k"}}, "seat.base_url"),
        ({"provider": "unipile", "seat": {"base_url": "example.com"}}, "seat.api_key"),
        ({"provider": "unipile", "seat": {"base_url": "example.com", "api_key": None}}, "seat.api_key"),
        ({"seat": {"base_url": "example.com", "api_key": "k"}}, "seat"),
    ],
)
def test_a_seat_that_cannot_be_is_refused(alice: Caller, db: Database, body: dict[str, Any], field: str) -> None:
    error = told(alice.post("/senders", {"type": "linkedin", "display_name": "Sarah", **body}), 400)
    assert fields(error) == [field]
    assert not db.dump()["sender_account"]


def test_a_key_goes_to_no_other_host(alice: Caller, unipile: UnipileServer) -> None:
    made = seat(alice, unipile)
    error = told(alice.patch(f"/senders/{made['id']}", {"seat": {"base_url": "https://evil.example.com"}}), 400)
    assert fields(error) == ["seat.api_key"]


def test_an_account_has_one_seat_in_a_workspace(alice: Caller, bob: Caller, unipile: UnipileServer) -> None:
    first = seat(alice, unipile)
    second = seat(alice, unipile, seat={"base_url": unipile.url, "api_key": KEY})
    own = {"base_url": unipile.url, "account_id": ACCOUNT}
    assert fields(told(alice.patch(f"/senders/{second['id']}", {"seat": own}), 400)) == ["seat.account_id"]
    assert alice.patch(f"/senders/{first['id']}", {"seat": own}).status_code == 200, "its own"
    assert seat(bob, unipile)["status"] == "active"
