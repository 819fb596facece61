"""People who visit the pages, and what is looked at on every one of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from tests import make
from tests.databases import Database
from tests.web.callers import Clock
from tests.web.conftest import build
from tests.web.pages.reading import Button, Form, Page

HTMX = {"HX-Request": "true"}


@dataclass
class Visitor:
    """Somebody with a browser. Every page they see is looked over."""

    app: Flask
    db: Database
    email: str = ""
    user_id: UUID | None = None
    workspace_id: UUID | None = None
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()
        if self.user_id is not None:
            with self.client.session_transaction() as cookie:
                cookie["user_id"] = str(self.user_id)

    def visit(self, path: str, status: int = 200) -> Page:
        """The page at this address."""
        return self.see(self.client.get(path), status)

    def see(self, answer: TestResponse, status: int = 200) -> Page:
        """An answer that should be a page."""
        html = answer.get_data(as_text=True)
        assert answer.status_code == status, (answer.status_code, answer.headers.get("Location"), html[-2000:])
        page = Page(html, status)
        assert page.title.replace("· Cadenza", "").strip(), "a page without a title"
        look_over(page)
        assert len(page.ids) == len(set(page.ids)), [one for one in page.ids if page.ids.count(one) > 1]
        return page

    def fragment(self, path: str, status: int = 200) -> Page:
        """What htmx gets from this address."""
        return self.see_fragment(self.client.get(path, headers=HTMX), status)

    def see_fragment(self, answer: TestResponse, status: int = 200) -> Page:
        """An answer that should be a part of a page."""
        html = answer.get_data(as_text=True)
        assert answer.status_code == status, html[-2000:]
        assert "<html" not in html, "a whole page for htmx"
        page = Page(html, status)
        assert page.root is not None
        assert page.root.get("id"), "a fragment whose root has no id"
        look_over(page)
        return page

    def send(
        self,
        form: Form,
        button: Button | None = None,
        /,
        *,
        htmx: bool = False,
        extra: Iterable[tuple[str, Any]] = (),
        **changes: str | list[str],
    ) -> TestResponse:
        """Post a form as it stands but for `changes`; `extra` are fields that it did not have."""
        fields = [(name, value) for name, value in form.fields if name not in changes]
        for name, value in changes.items():
            fields += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        fields += [(button.name, button.value)] if button and button.name else []
        data = MultiDict([*fields, *extra])
        return self.client.post(form.action, data=data, headers=HTMX if htmx else {})

    def follow(self, answer: TestResponse) -> Page:
        """Where a form leads to."""
        assert answer.status_code == 303, (answer.status_code, answer.get_data(as_text=True)[-2000:])
        return self.visit(answer.headers["Location"])


def look_over(page: Page) -> None:
    """What holds of every page and part: nothing inline, and forms that work without a script."""
    assert not page.wrong, page.wrong
    for form in page.forms:
        assert form.action.startswith("/"), form
        assert form.method in ("get", "post"), form
        assert form.buttons, form
        if form.method == "post" and not form.action.startswith("/u/"):  # its address is signed
            assert form.value("csrf_token"), form


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """Pages ask verbs, which are tried on both databases elsewhere."""
    return sqlite_db


@pytest.fixture
def app(db: Database, tmp_path: Path, clock: Clock) -> Flask:
    """The app on a clean database, with a mail trap that is not running yet."""
    return build(db, tmp_path, clock, CADENZA_TRAP="on")


def somebody(app: Flask, db: Database, email: str, timezone: str) -> Visitor:
    """A person with a workspace, signed in."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session, timezone=timezone)
        user = make.user(session, workspace, email=email)
    return Visitor(app, db, email, user.id, workspace.id)


@pytest.fixture
def alice(app: Flask, db: Database) -> Visitor:
    """Owns a workspace in Berlin, and is signed in."""
    return somebody(app, db, "alice@example.com", "Europe/Berlin")


@pytest.fixture
def bob(app: Flask, db: Database) -> Visitor:
    """Owns another workspace, and is signed in."""
    return somebody(app, db, "bob@example.com", "UTC")


@pytest.fixture
def stranger(app: Flask, db: Database) -> Visitor:
    """Has no cookie."""
    return Visitor(app, db)
