"""The house rules of DESIGN, kept by a machine."""

import ast
import re
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from campaigns.models import schema
from campaigns.rules.fields import FIELDS
from campaigns.rules.gates import GATES
from campaigns.rules.lifecycle import MOVES
from campaigns.web import docs
from campaigns.web.guard import PUBLIC

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [path for folder in ("campaigns", "jobs") for path in sorted((ROOT / folder).rglob("*.py"))]
SOURCES.append(ROOT / "app.py")
FRAGMENTS = sorted(path for path in (ROOT / "templates").glob("_*.html") if path.name != "_macros.html")
# The doors tell the time to all others; the trap is a program of its own.
CLOCKS = {ROOT / "jobs" / name for name in ("workshop.py", "logbook.py", "trap.py")}
READS_ENVIRONMENT = {"environ", "getenv", "putenv"}


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    app = create_app({"CADENZA_DATA": str(tmp_path)})
    schema.upgrade(app.extensions["cadenza"].engine)
    return app


def _names(path: Path) -> set[str]:
    """Every attribute that the file uses, as `object.attribute`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_only_the_doors_hand_the_environment_to_the_settings() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and node.attr in READS_ENVIRONMENT:
                line = text.splitlines()[node.lineno - 1]
                assert "load(" in line or "env=" in line or "jobs/" in str(path), f"{path}: {line.strip()}"
                assert "campaigns" not in path.parts[-2:-1], f"{path}: {line.strip()}"


def test_nobody_below_the_doors_reads_the_clock() -> None:
    clocks = {"datetime.now", "datetime.utcnow", "date.today", "time.time"}
    readers = {path for path in SOURCES if _names(path) & clocks}
    assert readers <= CLOCKS


def test_every_route_is_guarded_or_listed_as_public(app: Flask) -> None:
    client = app.test_client()
    open_to_all = set()
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        path = re.sub(r"<uuid:[^>]+>", "00000000-0000-0000-0000-000000000000", rule.rule)
        path = re.sub(r"<int:[^>]+>", "0", path)
        path = re.sub(r"<(?:path:)?[^>]+>", "x", path)
        answer = client.get(path, buffered=True)
        if answer.status_code == 308:  # another spelling of a route that is tried under its own
            continue
        turned_away = answer.status_code == 401 or (
            answer.status_code == 303 and answer.headers["Location"].partition("?")[0].endswith(("/welcome", "/signin"))
        )
        if not turned_away:
            open_to_all.add(rule.endpoint)
    assert open_to_all <= PUBLIC


def test_every_public_endpoint_exists(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= PUBLIC


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_the_root_of_a_fragment_has_an_id(path: Path) -> None:
    inside = r"{#.*?#}|{%-? *macro.*?endmacro *-?%}|{%.*?%}"
    text = re.sub(inside, "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    root = re.search(r"<([a-z]+)\b[^>]*>", text)
    assert root, path.name
    assert re.search(r"\bid=", root.group(0)), f"{path.name}: {root.group(0)}"


@pytest.mark.parametrize("name", sorted(docs.PAGES))
def test_the_pages_made_from_the_code_are_fresh(name: str) -> None:
    assert (docs.FOLDER / name).read_text(encoding="utf-8") == docs.PAGES[name]() + "\n", "run: make docs"


def test_every_decision_is_listed_where_people_look() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.glob("[0-9]*.md"):
        assert f"({path.name})" in index, path.name


def test_the_tables_name_nothing_twice() -> None:
    for names in ([row.name for row in FIELDS], [row.verb for row in MOVES], [name for name, _ in GATES]):
        assert len(names) == len(set(names))


def test_nothing_in_the_repository_names_a_machine_or_a_registry() -> None:
    hosts = re.compile("|".join(("python" + "hosted", "registry" + r"\.npm", "pypi" + r"\.org/simple", "/ro" + "ot/")))
    for path in [*ROOT.glob("*.lock"), *ROOT.glob("*.toml"), *SOURCES, *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]:
        assert not hosts.search(path.read_text(encoding="utf-8")), path.name
