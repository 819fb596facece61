"""Who calls the API in tests: Alice, Bob of another workspace, and a stranger without a key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Flask
from werkzeug.test import TestResponse

from campaigns import admitting
from tests import make
from tests.databases import Database

UNSENT = object()


@dataclass
class Clock:
    """The app's clock, which stands still until it is moved."""

    now: datetime = make.NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        """Let some time pass, in the units of timedelta."""
        self.now += timedelta(**span)


@dataclass
class Caller:
    """Calls the API as somebody would; `/campaigns` stands for `/api/campaigns`."""

    app: Flask
    headers: dict[str, str] = field(default_factory=dict)
    workspace_id: UUID | None = None
    user_id: UUID | None = None
    email: str | None = None

    def call(self, method: str, path: str, body: Any = UNSENT, **options: Any) -> TestResponse:
        """Send `body` as JSON if there is one; `options` are those of Flask's test client."""
        if body is not UNSENT:
            options["json"] = body
        options["headers"] = {**self.headers, **options.get("headers", {})}
        return self.app.test_client().open(f"/api{path}", method=method, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = UNSENT, **options: Any) -> TestResponse:
        return self.call("POST", path, body, **options)

    def patch(self, path: str, body: Any = UNSENT, **options: Any) -> TestResponse:
        return self.call("PATCH", path, body, **options)

    def put(self, path: str, body: Any = UNSENT, **options: Any) -> TestResponse:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, body: Any = UNSENT, **options: Any) -> TestResponse:
        return self.call("DELETE", path, body, **options)


def somebody(app: Flask, db: Database, email: str, *, timezone: str = "UTC") -> Caller:
    """A person with a workspace and a key of their own."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session, timezone=timezone)
        user = make.user(session, workspace, email=email)
        key, text = admitting.create_key(session, user, "test", now=make.NOW)
        key.last_used_at = make.NOW  # so that a call that only reads leaves no trace
        return Caller(app, {"Authorization": f"Bearer {text}"}, workspace.id, user.id, email)


def told(answer: TestResponse, status: int, code: str | None = None) -> dict[str, Any]:
    """The error of an answer, after seeing that it has the one shape that errors have."""
    error = answer.get_json()
    assert answer.status_code == status, error
    assert set(error) == {"error", "code", "details"}
    assert error["error"].strip()
    assert all(set(detail) == {"field", "message"} for detail in error["details"])
    assert code is None or error["code"] == code, error
    return error


def fields(error: dict[str, Any]) -> list[str]:
    """The paths that the details of an error name."""
    return [detail["field"] for detail in error["details"]]


def drafted(caller: Caller, db: Database, steps: Sequence[Mapping[str, Any]]) -> str:
    """The path of a new draft with these steps."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, caller.workspace_id)
        return f"/campaigns/{make.campaign(session, workspace, nodes=steps).id}"


def nodes(caller: Caller, path: str) -> list[dict[str, Any]]:
    """The sequence of a campaign, as the API tells it."""
    found: list[dict[str, Any]] = caller.get(path).json["sequence_nodes"]
    return found
