"""The objects of CONTRACT section 8: exactly their keys, whatever the channel and the state."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from campaigns import waking
from tests import make
from tests.databases import Database
from tests.web.callers import Caller

CAMPAIGN = """id workspace_id type name status version operating_hours prospect_timezone daily_limit stop_on_reply
    open_tracking signature skip_other_campaigns pause_reason stats sender_accounts account_limits created_at
    updated_at launched_at completed_at"""
STATS = """total pending sleeping sent opened replied bounced unsubscribed completed timed_out failed connection_sent
    connected message_sent"""
NODE = """id campaign_id position type subject body signature is_reply include_message delay_days delay_hours
    delay_minutes"""
SENDER = """id type display_name first_name last_name email_address profile_url status status_reason is_premium
    daily_limit weekly_connection_limit weekly_message_limit min_gap max_gap smtp imap usage next_send_at"""
PROSPECT = """id campaign_id status email linkedin_url first_name last_name name company position headline timezone
    custom_fields sender_account_id current_node_id due_at source created_at updated_at replied_at bounced_at"""
EXPLAIN = "prospect_id state gate reason next_at ahead"
WAKE_UP = """id campaign_id cause requested_by requested_at finished_at duration_ms sleeping resumed slept_again
    next_open_at old_operating_hours new_operating_hours job_id"""
# What is null on an object of this channel, since it belongs to the other one.
FOREIGN = {
    "email": {"campaign": {"skip_other_campaigns"}},
    "linkedin": {"campaign": {"daily_limit", "account_limits", "stop_on_reply", "open_tracking", "signature"}},
}
FOREIGN["email"]["sender"] = {"profile_url", "is_premium", "weekly_connection_limit", "weekly_message_limit"}
FOREIGN["linkedin"]["sender"] = {"email_address", "smtp", "imap"}
STEP_FIELDS = {
    "email": {"subject", "body", "signature", "is_reply"},
    "message": {"body"},
    "connection_request": {"body", "include_message"},
    "delay": {"delay_days", "delay_hours", "delay_minutes"},
    "end": set(),
}
STEPS = {
    "email": [make.EMAIL_STEP, make.delay(days=1), {**make.FOLLOW_UP, "signature": "S"}, make.END],
    "linkedin": [make.CONNECT, make.delay(days=1), {"type": "message", "body": "Hi"}, make.END],
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(params=["email", "linkedin"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(alice: Caller, db: Database, kind: str) -> str:
    """A running campaign with everything in it."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        sender = make.sender(session, workspace, type=kind)
        campaign = make.launched(
            session, workspace, type=kind, senders=[sender], nodes=STEPS[kind], operating_hours=make.week()
        )
    path = f"/campaigns/{campaign.id}"
    wake_up = alice.patch(path, {"operating_hours": make.week("11:00", "12:00")}).json["wake_up"]
    with db.sessions.begin() as session:
        waking.wake(session, UUID(wake_up["id"]), now=make.NOW, job_id="a job")
    return path


def keys(text: str) -> set[str]:
    return set(text.split())


def test_a_campaign(alice: Caller, path: str, kind: str) -> None:
    (listed,) = alice.get("/campaigns").json["campaigns"]
    campaign = alice.get(path).json["campaign"]
    assert set(campaign) == keys(CAMPAIGN)
    assert listed == {**campaign, "node_count": 4}
    assert set(campaign["stats"]) == keys(STATS)
    assert all(type(count) is int for count in campaign["stats"].values())
    assert (campaign["stats"]["total"], campaign["stats"]["sleeping"]) == (3, 3)
    foreign = FOREIGN[kind]["campaign"]
    assert {name for name in foreign if campaign[name] is None} == foreign
    own = FOREIGN["linkedin" if kind == "email" else "email"]["campaign"] - {"signature"}
    assert all(campaign[name] is not None for name in own)
    assert type(campaign["version"]) is int


def test_the_steps(alice: Caller, path: str) -> None:
    for node in alice.get(path).json["sequence_nodes"]:
        assert set(node) == keys(NODE)
        values = keys(NODE) - {"id", "campaign_id", "position", "type"}
        own = STEP_FIELDS[node["type"]]
        assert all(node[name] is None for name in values - own)
        assert all(node[name] is not None for name in own - {"signature"})


def test_a_sender_account(alice: Caller, path: str, kind: str) -> None:
    (listed,) = alice.get("/senders").json["senders"]
    assert set(listed) == keys(SENDER)
    assert alice.get(f"/senders/{listed['id']}").json == listed
    assert alice.get(path).json["campaign"]["sender_accounts"] == [listed]
    assert alice.get(f"{path}/senders").json["senders"] == [{**listed, "campaign_daily_limit": None}]
    assert set(listed["usage"]) == {"today", "week_connections", "week_messages"}
    assert all(listed[name] is None for name in FOREIGN[kind]["sender"])
    assert listed["status"] == "active"


def test_a_prospect_and_why_it_waits(alice: Caller, path: str) -> None:
    listed = alice.get(f"{path}/prospects").json["prospects"]
    for prospect in listed:
        assert set(prospect) == keys(PROSPECT)
        assert prospect["due_at"] == "2026-03-02T10:00:00Z"
        assert alice.get(f"{path}/prospects/{prospect['id']}").json == {"prospect": prospect}
        explained = alice.get(f"{path}/prospects/{prospect['id']}/explain").json
        assert set(explained) == keys(EXPLAIN)
        assert explained["state"] == "sleeping"


def test_a_wake_up(alice: Caller, path: str) -> None:
    (wake_up,) = alice.get(f"{path}/wake-ups").json["wake_ups"]
    assert set(wake_up) == keys(WAKE_UP)
    counts = {name: wake_up[name] for name in ("sleeping", "resumed", "slept_again")}
    assert counts == {"sleeping": 3, "resumed": 0, "slept_again": 3}
    assert wake_up["next_open_at"] == "2026-03-02T11:00:00Z"
    assert (wake_up["cause"], wake_up["requested_by"], wake_up["job_id"]) == ("operating_hours", alice.email, "a job")


def test_a_list(alice: Caller, path: str) -> None:
    lists = {
        "/campaigns": "campaigns",
        "/senders": "senders",
        "/keys": "keys",
        f"{path}/prospects": "prospects",
        f"{path}/senders": "senders",
        f"{path}/wake-ups": "wake_ups",
    }
    for address, name in lists.items():
        answer = alice.get(f"{address}?limit=200")
        assert answer.content_type == "application/json"
        assert set(answer.json) == {name, "total", "page", "limit"}
        assert answer.json["total"] == len(answer.json[name]) > 0
        assert (answer.json["page"], answer.json["limit"]) == (1, 200)


def instants(value: Any) -> Iterator[str]:
    """Every value whose key ends in `_at`, at any depth."""
    if isinstance(value, dict):
        yield from (each for name, each in value.items() if name.endswith("_at") and each is not None)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from instants(inner)


def test_every_instant_is_in_utc(alice: Caller, path: str) -> None:
    found = [
        instant
        for address in ("/campaigns", "/senders", "/keys", path, f"{path}/prospects", f"{path}/wake-ups")
        for instant in instants(alice.get(address).json)
    ]
    assert len(found) > 10
    assert all(INSTANT.fullmatch(instant) for instant in found)
