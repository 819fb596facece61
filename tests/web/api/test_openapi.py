"""`GET /api/openapi.json`: valid, whole, and true of the app that serves it. Every other test of the API is held to it
as well (conformity.py)."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from sqlalchemy import select

from campaigns import admitting, editing
from campaigns.models import Prospect
from campaigns.models.finding import nodes_of, senders_of
from campaigns.rules.fields import FIELDS
from campaigns.rules.sequence import NODE_FIELDS
from campaigns.web.api.describing import describe
from campaigns.web.api.openapi import VERSION, document, path_of
from tests import make
from tests.databases import Database
from tests.web.callers import Caller

ROOT = Path(__file__).resolve().parents[3]
NOBODY = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
# What is right in its form may be refused for its meaning; and the ids in an address are ours, not the drawn ones.
MEANT_OTHERWISE = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture
def told(stranger: Caller) -> dict[str, Any]:
    """The description, as anybody may read it."""
    answer = stranger.get("/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    description: dict[str, Any] = answer.json
    return description


def operations(told: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(path, method): each for path, item in told["paths"].items() for method, each in item.items()}


def test_the_description_is_valid_openapi(told: dict[str, Any]) -> None:
    validate(told)
    assert told["openapi"].startswith("3.1.")


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def test_every_call_is_described_and_no_other(app: Flask, told: dict[str, Any]) -> None:
    served = {
        (path_of(rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert operations(told).keys() == served


def test_every_call_says_what_it_is_for_and_what_may_come_of_it(told: dict[str, Any]) -> None:
    found = operations(told)
    assert len({each["operationId"] for each in found.values()}) == len(found)
    for (path, method), each in found.items():
        assert each["summary"], path
        assert each["description"].endswith((".", ")")), path
        assert "CONTRACT" not in each["description"], path
        assert [one for one in each["parameters"] if one["in"] == "path"] == [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
            for name in sorted(re.findall(r"{(\w+)}", path))
        ]
        answers = set(each["responses"])
        assert any(status.startswith("2") for status in answers)
        if each.get("security") != []:
            assert answers >= {"401", "429", "500", "503"}
        names = [one["name"] for one in each["parameters"]]
        assert ("Idempotency-Key" in names) == (method == "post")
        assert ("422" in answers) == (method == "post")


def test_whoever_adds_a_call_has_to_describe_it() -> None:
    app = Flask("another")
    app.add_url_rule("/api/things", "api.things", lambda: "", methods=["GET"])
    with pytest.raises(KeyError, match="description"):
        document(app)
    app.view_functions["api.things"] = describe({"type": "object"})(app.view_functions["api.things"])
    assert "/api/things" in document(app)["paths"]


def test_every_object_that_is_described_is_shown_somewhere(told: dict[str, Any]) -> None:
    text = json.dumps(told)
    for name in told["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, name


def body(told: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    content = told["paths"][path][method]["requestBody"]["content"]
    properties: dict[str, Any] = content["application/json"]["schema"]["properties"]
    return properties


def test_what_may_be_sent_is_what_the_tables_say(told: dict[str, Any]) -> None:
    patch = body(told, "/api/campaigns/{campaign_id}", "patch")
    assert list(patch) == [row.name for row in FIELDS]
    for row in FIELDS:
        assert patch[row.name].items() >= row.kind.schema().items()
    assert body(told, "/api/campaigns", "post").keys() == {"type", "template_id", *patch}
    put = body(told, "/api/campaigns/{campaign_id}/sequence/nodes/{node_id}", "put")
    assert put == {name: row.schema() for name, row in NODE_FIELDS.items()}


# Whatever the description allows, and what it does not


def stage(db: Database, alice: Caller) -> dict[str, list[str]]:
    """A running campaign and a draft, and what belongs to them: the ids for each name in an address."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        running = make.furnished(session, workspace)
        running.name = f"Running {running.id}"
        draft = make.campaign(session, workspace, name=f"Draft {running.id}")
        nodes = [*nodes_of(session, running.id), *nodes_of(session, draft.id)]
        people = session.scalars(select(Prospect).where(Prospect.campaign_id == running.id)).all()
        message = make.message(session, people[0], nodes[0], status="unknown", claimed_at=make.NOW)
        saved = editing.save_template(session, workspace.id, running.id, running.name, now=make.NOW, by=None)
        keys = admitting.keys_of(session, workspace.id)
        sender = make.sender(session, workspace)
        for person in people:
            make.conversation(session, person)
        make.letter(session, people[0])
        answer = make.answer(session, people[0])
        entry = make.suppression(session, workspace, f"{running.id}.example")
        rows = {
            "campaign_id": [running, draft],
            "node_id": nodes,
            "prospect_id": people,
            "message_id": [message],
            "answer_id": [answer],
            "template_id": [saved],
            "suppression_id": [entry],
            "key_id": [key for key in keys if key.name != "test"],
            "sender_id": [sender, *senders_of(session, running.id)],
        }
    return {name: [str(row.id) for row in found] or [NOBODY] for name, found in rows.items()}


def send(operation: APIOperation, mode: GenerationMode, ids: dict[str, list[str]], caller: Caller) -> None:
    """Some calls of one operation, each judged by its answer."""

    @settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def call(case: Case, data: st.DataObject) -> None:
        for name in case.path_parameters or {}:
            case.path_parameters[name] = data.draw(st.sampled_from(ids[name]))
        case.call_and_validate(headers=caller.headers, excluded_checks=MEANT_OTHERWISE)

    call()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_whatever_is_sent_is_answered_as_described(
    app: Flask, alice: Caller, db: Database, mode: GenerationMode
) -> None:
    described = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    tried = set()
    for found in described.get_all_operations():
        operation = found.ok()
        send(operation, mode, stage(db, alice), alice)
        tried.add((operation.path, operation.method))
    assert operations(alice.get("/openapi.json").json).keys() - tried == {("/api/openapi.json", "get")}
