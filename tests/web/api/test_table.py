"""THE TABLE at the API's door: every field, in every status, on both types of campaign (CONTRACT section 2)."""

from typing import Any

import pytest

from campaigns.rules.fields import BY_NAME, FIELDS, UNKNOWN_REASON, locked_because
from campaigns.rules.lifecycle import CAMPAIGN_STATUSES, CAMPAIGN_TYPES
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told

NOBODY = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
STRICT = {"Prefer": "handling=strict"}


class Stage:
    """One campaign of a type in a status, and what may be sent to it for each field."""

    def __init__(self, db: Database, alice: Caller, kind: str, status: str) -> None:
        self.kind, self.status = kind, status
        with db.sessions.begin() as session:
            workspace = session.get_one(make.Workspace, alice.workspace_id)
            senders = [make.sender(session, workspace, type=kind) for _ in range(2)]
            campaign = make.campaign(session, workspace, type=kind, status=status, senders=senders[:1])
            self.path = f"/campaigns/{campaign.id}"
            self.sender = str(senders[1].id)

    @property
    def news(self) -> dict[str, Any]:
        """For each field a value that the campaign does not have yet."""
        steps = {"email": [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]}
        return {
            "name": "Another name",
            "operating_hours": make.week(zone="Asia/Tokyo"),
            "prospect_timezone": True,
            "daily_limit": 77,
            "account_limits": [{"account_id": self.sender, "daily_limit": 9}],
            "skip_other_campaigns": True,
            "stop_on_reply": False,
            "open_tracking": True,
            "signature": "Sarah",
            "sender_account_ids": [self.sender],
            "sequence_nodes": steps.get(self.kind, [make.CONNECT, make.delay(days=1), make.END]),
        }

    def reason(self, name: str) -> str | None:
        return locked_because(BY_NAME[name], self.kind, self.status)


# For each field what has the wrong type, range, length or form, with the path that the error names.
WRONG: dict[str, list[tuple[object, str]]] = {
    "name": [(" ", "name"), ("x" * 201, "name"), (5, "name")],
    "operating_hours": [([], "operating_hours"), ({"monday": "all day"}, "operating_hours.monday")],
    "prospect_timezone": [("yes", "prospect_timezone"), (None, "prospect_timezone")],
    "daily_limit": [(0, "daily_limit"), (501, "daily_limit"), (True, "daily_limit"), ("9", "daily_limit")],
    "account_limits": [
        ({}, "account_limits"),
        ([{"account_id": "x", "daily_limit": 5}], "account_limits[0].account_id"),
        ([{"account_id": NOBODY, "daily_limit": 0}], "account_limits[0].daily_limit"),
        ([{"account_id": NOBODY, "daily_limit": 1}] * 51, "account_limits"),
    ],
    "skip_other_campaigns": [(1, "skip_other_campaigns")],
    "stop_on_reply": [("false", "stop_on_reply")],
    "open_tracking": [(0, "open_tracking")],
    "signature": [("x" * 5001, "signature"), (5, "signature")],
    "sender_account_ids": [
        ("", "sender_account_ids"),
        ([NOBODY] * 51, "sender_account_ids"),
        ([NOBODY, "0190b7a4-52c3-9e2f-8a3b-1c2d3e4f5a6b"], "sender_account_ids[1]"),
    ],
    "sequence_nodes": [
        ({}, "sequence_nodes"),
        ([{"type": "end"}] * 101, "sequence_nodes"),
        ([{"type": "carrier pigeon"}], "sequence_nodes[0].type"),
        ([{"type": "delay", "delay_days": -1}, {"type": "end"}], "sequence_nodes[0].delay_days"),
        ([{"type": "end", "id": "7"}], "sequence_nodes[0].id"),
    ],
}


@pytest.fixture(params=[(kind, status) for kind in CAMPAIGN_TYPES for status in CAMPAIGN_STATUSES], ids="-".join)
def stage(request: pytest.FixtureRequest, db: Database, alice: Caller) -> Stage:
    return Stage(db, alice, *request.param)


def test_each_field_is_applied_or_ignored_as_the_table_says(stage: Stage, alice: Caller) -> None:
    assert set(stage.news) == {row.name for row in FIELDS}
    for name, value in stage.news.items():
        before = alice.get(stage.path).json
        answer = alice.patch(stage.path, {name: value})
        assert answer.status_code == 200, answer.json
        reason = stage.reason(name)
        expected: dict[str, list[Any]] = {"applied": [], "unchanged": [], "ignored": []}
        if reason is None:
            expected["applied"] = [name]
        else:
            expected["ignored"] = [{"field": name, "reason": reason}]
            assert alice.get(stage.path).json == before
        assert answer.json["changes"] == expected
        assert answer.json["campaign"]["version"] == before["campaign"]["version"] + (reason is None)


def test_what_is_there_already_is_unchanged(stage: Stage, alice: Caller, db: Database) -> None:
    first = alice.patch(stage.path, stage.news).json
    body = {**stage.news, "sequence_nodes": first["sequence_nodes"]}
    before = db.dump()
    changes = alice.patch(stage.path, body).json["changes"]
    assert changes["unchanged"] == [row.name for row in FIELDS if stage.reason(row.name) is None]
    assert changes["applied"] == []
    assert db.dump() == before


def test_a_client_that_wants_it_strict_is_refused_what_would_be_ignored(
    stage: Stage, alice: Caller, db: Database
) -> None:
    before = db.dump()
    for name, value in stage.news.items():
        if reason := stage.reason(name):
            other = {"name": "Written along"} if name != "name" else {}
            error = told(alice.patch(stage.path, {**other, name: value}, headers=STRICT), 400)
            assert error["details"] == [{"field": name, "message": reason}]
            assert name in error["error"]
    told(alice.patch(stage.path, {"colour": "red"}, headers=STRICT), 400)
    assert db.dump() == before
    assert alice.patch(stage.path, {"name": "Fine"}, headers=STRICT).status_code == 200


def test_a_wrong_value_is_refused_even_where_it_would_be_ignored(stage: Stage, alice: Caller, db: Database) -> None:
    assert set(WRONG) == {row.name for row in FIELDS}
    before = db.dump()
    for name, wrongs in WRONG.items():
        for value, path in wrongs:
            good = {other: value for other, value in stage.news.items() if other != name}
            error = told(alice.patch(stage.path, {**good, name: value}), 400, "invalid")
            assert fields(error) == [path]
    assert db.dump() == before


def test_rules_that_need_the_campaign_hold_only_where_the_field_applies(
    stage: Stage, alice: Caller, db: Database
) -> None:
    wrongs = {
        "sender_account_ids": ([NOBODY], "sender_account_ids[0]"),
        "account_limits": ([{"account_id": NOBODY, "daily_limit": 5}], "account_limits[0].account_id"),
        "sequence_nodes": ([{"type": "delay"}, {"type": "end"}], "sequence_nodes[0]"),
    }
    for name, (value, path) in wrongs.items():
        before = db.dump()
        answer = alice.patch(stage.path, {name: value})
        if stage.reason(name) is None:
            assert fields(told(answer, 400, "invalid")) == [path]
        else:
            assert answer.json["changes"]["ignored"] == [{"field": name, "reason": stage.reason(name)}]
        assert db.dump() == before


def test_an_unknown_field_is_told_as_ignored(stage: Stage, alice: Caller, db: Database) -> None:
    before = db.dump()
    for name in ("colour", "type", "status", "id", "version", "", "half \ud800", "🎉"):
        answer = alice.patch(stage.path, {name: {"any": ["thing"]}})
        assert answer.json["changes"]["ignored"] == [{"field": name, "reason": UNKNOWN_REASON}]
    assert db.dump() == before
