"""Templates over the API, and campaigns that start from one."""

from uuid import UUID

import pytest

from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told

KEYS = """id name type operating_hours prospect_timezone daily_limit skip_other_campaigns stop_on_reply open_tracking
    signature sequence_nodes created_at created_by"""
NOBODY = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"


@pytest.fixture
def campaign(alice: Caller, db: Database) -> UUID:
    """A running campaign with people, its own hours, limits and steps."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        return make.furnished(session, workspace).id


@pytest.fixture
def template(alice: Caller, campaign: UUID) -> str:
    answer = alice.post("/templates", {"campaign_id": str(campaign), "name": "Founders"})
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def test_a_template_is_a_campaign_without_senders_and_people(alice: Caller, campaign: UUID, template: str) -> None:
    (shown,) = alice.get("/templates").json["templates"]
    assert set(shown) == set(KEYS.split())
    assert (shown["id"], shown["name"], shown["type"]) == (template, "Founders", "email")
    assert (shown["created_by"], shown["skip_other_campaigns"]) == ("alice@example.com", None)
    whole = alice.get(f"/campaigns/{campaign}").json
    for name in ("operating_hours", "daily_limit", "signature", "stop_on_reply"):
        assert shown[name] == whole["campaign"][name], name
    own = ("id", "campaign_id", "position")
    assert shown["sequence_nodes"] == [
        {name: value for name, value in node.items() if name not in own} for node in whole["sequence_nodes"]
    ]


def test_templates_are_listed_by_name_a_page_at_a_time(alice: Caller, campaign: UUID, template: str) -> None:
    alice.post("/templates", {"campaign_id": str(campaign), "name": "angels"})
    listed = alice.get("/templates?limit=1&page=2").json
    assert [each["name"] for each in listed.pop("templates")] == ["Founders"]
    assert listed == {"total": 2, "page": 2, "limit": 1}


def test_a_campaign_starts_from_a_template_but_for_what_is_asked(alice: Caller, template: str) -> None:
    answer = alice.post("/campaigns", {"template_id": template, "name": "Autumn", "daily_limit": 70})
    assert answer.status_code == 201, answer.json
    new = answer.json["campaign"]
    assert (new["name"], new["status"], new["daily_limit"], new["signature"]) == ("Autumn", "draft", 70, "S")
    assert (new["sender_accounts"], new["account_limits"], new["stats"]["total"]) == ([], [], 0)
    assert [node["type"] for node in answer.json["sequence_nodes"]] == ["email", "delay", "email", "end"]
    assert answer.json["changes"]["ignored"] == []


def test_a_strict_client_may_start_from_a_template(alice: Caller, template: str) -> None:
    headers = {"Prefer": "handling=strict"}
    body = {"template_id": template, "name": "Autumn"}
    assert alice.post("/campaigns", body, headers=headers).status_code == 201
    assert fields(told(alice.post("/campaigns", {**body, "mood": 1}, headers=headers), 400)) == ["mood"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"template_id": "x"}, "template_id"),
        ({"template_id": NOBODY}, "template_id"),
        ({"type": "linkedin"}, "type"),
        ({"type": None}, "type"),
        ({"name": None}, "name"),
        ({"sequence_nodes": []}, "sequence_nodes"),
    ],
)
def test_a_start_that_is_refused_leaves_no_trace(
    alice: Caller, db: Database, template: str, body: dict[str, object], field: str
) -> None:
    before = db.dump()
    error = told(alice.post("/campaigns", {"template_id": template, "name": "Autumn", **body}), 400, "invalid")
    assert fields(error) == [field]
    assert db.dump() == before


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"campaign_id": "x"}, 400, "campaign_id"),
        ({"campaign_id": None}, 400, "campaign_id"),
        ({"campaign_id": NOBODY}, 404, None),
        ({"name": None}, 400, "name"),
        ({"name": " "}, 400, "name"),
        ({"name": "Founders"}, 409, "name"),
    ],
)
def test_a_template_that_is_refused_leaves_no_trace(
    alice: Caller, db: Database, campaign: UUID, template: str, body: dict[str, object], status: int, field: str | None
) -> None:
    before = db.dump()
    error = told(alice.post("/templates", {"campaign_id": str(campaign), "name": "More", **body}), status)
    assert fields(error) == ([field] if field else [])
    assert db.dump() == before


def test_a_template_is_renamed_and_deleted(alice: Caller, template: str) -> None:
    assert alice.patch(f"/templates/{template}", {"name": "Angels"}).json["name"] == "Angels"
    told(alice.patch(f"/templates/{template}", {"name": ""}), 400)
    made = alice.post("/campaigns", {"template_id": template, "name": "Autumn"}).json["campaign"]["id"]
    assert alice.delete(f"/templates/{template}").status_code == 204
    told(alice.delete(f"/templates/{template}"), 404)
    assert alice.get("/templates").json["templates"] == []
    assert alice.get(f"/campaigns/{made}").status_code == 200


def test_a_strangers_template_is_not_there(bob: Caller, db: Database, campaign: UUID, template: str) -> None:
    before = db.dump()
    assert bob.get("/templates").json["total"] == 0
    told(bob.patch(f"/templates/{template}", {"name": "Mine"}), 404)
    told(bob.delete(f"/templates/{template}"), 404)
    told(bob.post("/templates", {"campaign_id": str(campaign), "name": "Mine"}), 404)
    told(bob.post("/campaigns", {"template_id": template, "name": "Mine"}), 400)
    assert db.dump() == before
