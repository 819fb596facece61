"""`flask --app app …` as an operator types it, in a folder that was empty (CONTRACT section 9)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app import create_app
from campaigns.models import User
from tests.databases import Database
from tests.web.callers import Caller

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Nothing but a data folder that is not there yet, and a Redis that is away."""
    return {
        "PATH": os.environ["PATH"],
        "CADENZA_DATA": str(tmp_path / "data"),
        "REDIS_URL": f"unix://{tmp_path}/nobody.sock",
    }


def flask(environ: dict[str, str], *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, input=typed, capture_output=True, text=True, timeout=60)


def test_a_login_and_a_key_are_made_and_the_key_opens_the_api(environ: dict[str, str]) -> None:
    made = flask(environ, "create-user", "Alice@Example.com", "--password-stdin", typed="correct horse\n")
    assert (made.returncode, made.stderr) == (0, "")
    assert "correct horse" not in made.stdout
    key = flask(environ, "create-api-key", "alice@example.COM")
    assert (key.returncode, key.stderr) == (0, "")
    assert re.fullmatch(r"cdz_[\w-]{40,}\n", key.stdout)
    app = create_app(environ)
    alice = Caller(app, {"Authorization": f"Bearer {key.stdout.strip()}"})
    assert alice.get("/campaigns").json["total"] == 0
    with app.extensions["cadenza"].reading() as session:
        user = session.scalars(select(User)).one()
        assert user.email == "alice@example.com"
        assert PasswordHasher().verify(user.password_hash, "correct horse")
        workspace = user.workspace_id
    assert alice.post("/campaigns", {"type": "email", "name": "X"}).json["campaign"]["workspace_id"] == str(workspace)
    app.extensions["cadenza"].engine.dispose()


def run(app: Flask, *arguments: str, typed: str = "") -> Result:
    return app.test_cli_runner().invoke(args=arguments, input=typed)


def test_a_password_is_made_up_for_whoever_gives_none(app: Flask, db: Database) -> None:
    made = run(app, "create-user", "alice@example.com", "--timezone", "Europe/Berlin")
    assert made.exit_code == 0
    password = made.stdout.rstrip().rpartition(": ")[2]
    with db.reading() as session:
        user = session.scalars(select(User)).one()
        assert PasswordHasher().verify(user.password_hash, password)
        assert user.workspace.timezone == "Europe/Berlin"


def test_a_key_that_the_command_made_can_be_told_from_others(app: Flask, alice: Caller) -> None:
    key = run(app, "create-api-key", "alice@example.com", "--name", "CRM").stdout.strip()
    listed = Caller(app, {"Authorization": f"Bearer {key}"}).get("/keys").json["keys"]
    assert [each["name"] for each in listed] == ["CRM", "test"]


WRONG = [
    (("create-user", "nobody", "--password-stdin"), "correct horse", "email"),
    (("create-user", "bob@example.com", "--password-stdin"), "short", "at least 8 characters"),
    (("create-user", "bob@example.com", "--password-stdin"), "", "at least 8 characters"),
    (("create-user", "bob@example.com", "--timezone", "Mars/Base"), "", "IANA"),
    (("create-user", "ALICE@example.com"), "", "has a login already"),
    (("create-api-key", "bob@example.com"), "", "make it with create-user"),
    (("create-api-key", "alice@example.com", "--name", " "), "", "name: must not be empty"),
]


@pytest.mark.parametrize(("arguments", "typed", "words"), WRONG)
def test_what_cannot_be_is_told_in_one_sentence(
    app: Flask, alice: Caller, db: Database, arguments: tuple[str, ...], typed: str, words: str
) -> None:
    before = db.dump()
    told = run(app, *arguments, typed=typed)
    assert (told.exit_code, told.stdout) == (1, "")
    assert words in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert db.dump() == before
