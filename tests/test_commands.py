"""The commands of the repository, and the files that installing rests on."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from campaigns.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
SYSTEM = "/usr/bin:/bin"


class Clone:
    """As much of a clone as `scripts/venv` needs, and a PATH to try it with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder / "tools"
        self.tools.mkdir()
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        for lock in LOCKS:
            (folder / lock).write_text(f"# {lock}\none==1\ntwo==2\n")

    def tool(self, name: str, script: str) -> None:
        """Put a program first on the PATH."""
        (self.tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.tools / name).chmod(0o755)

    def venv(self, *arguments: str, path: str = SYSTEM) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PATH": f"{self.tools}:{path}"}
        command = [self.folder / "scripts" / "venv", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True)

    @property
    def installs(self) -> list[str]:
        """The lock of each installation that was asked for."""
        log = self.folder / "installs"
        return log.read_text().split() if log.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """With a Python that is new enough, and a uv that installs nothing but remembers what it was asked for."""
    clone = Clone(tmp_path)
    clone.tool("python3", f'exec {sys.executable} "$@"')
    clone.tool("uv", f'for last; do :; done; echo "$last" >> {tmp_path}/installs')
    return clone


def test_a_first_run_makes_the_environment_and_a_second_one_nothing(clone: Clone) -> None:
    first = clone.venv()
    told = "Installing the 2 packages of requirements.lock into .venv: about half a minute, once.\n"
    assert (first.returncode, first.stderr) == (0, told)
    second = clone.venv()
    assert (second.returncode, second.stderr) == (0, "")
    assert clone.installs == ["requirements.lock"]
    assert (clone.folder / ".venv" / "bin" / "python").exists()


def test_tests_need_more_and_then_a_run_needs_nothing(clone: Clone) -> None:
    clone.venv()
    clone.venv("dev")
    clone.venv()
    clone.venv("dev")
    assert clone.installs == ["requirements.lock", "requirements-dev.lock"]


def test_a_changed_lock_is_installed(clone: Clone) -> None:
    clone.venv()
    (clone.folder / "requirements.lock").write_text("newer\n")
    clone.venv()
    assert clone.installs == ["requirements.lock"] * 2


def test_an_installation_that_failed_is_done_again(clone: Clone) -> None:
    good = (clone.tools / "uv").read_text()
    clone.tool("uv", "exit 1")
    assert clone.venv().returncode != 0
    (clone.tools / "uv").write_text(good)
    assert clone.venv().returncode == 0
    assert clone.installs == ["requirements.lock"]


def test_an_environment_whose_python_is_gone_is_made_anew(clone: Clone) -> None:
    clone.venv()
    (clone.folder / ".venv" / "bin" / "python").unlink()
    assert clone.venv().returncode == 0
    assert clone.installs == ["requirements.lock"] * 2


def test_a_newer_python_is_found_beside_an_old_one(clone: Clone) -> None:
    clone.tool("python3", "exit 1")
    clone.tool("python3.13", "echo 'not installed' >&2; exit 127")
    clone.tool("python3.12", f'exec {sys.executable} "$@"')
    assert clone.venv().returncode == 0


def test_a_too_old_python_is_told_in_one_sentence(clone: Clone) -> None:
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        clone.tool(name, "exit 1")
    told = clone.venv()
    assert told.returncode == 1
    assert told.stderr == "Cadenza needs Python 3.11 or newer, and none is on the PATH.\n"
    assert not (clone.folder / ".venv").exists()


def test_help_lists_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[0] for line in listed.splitlines()] == phony.split()
    assert all(len(line.split()) > 3 for line in listed.splitlines())


def locked(name: str) -> dict[str, str]:
    """Package and version of each line of a lock."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_names_no_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in entry, entry


def test_tests_run_on_the_versions_that_users_run_on() -> None:
    runtime, dev = (locked(name) for name in LOCKS)
    assert runtime.items() <= dev.items()


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime, dev = (locked(name) for name in LOCKS)
    asked = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["production"]
    for lock, requirements in ((runtime, asked), (dev, project["dependency-groups"]["dev"])):
        for requirement in map(Requirement, requirements):
            assert lock[requirement.name] in requirement.specifier, f"{requirement}: run make lock"


def test_compose_sets_only_what_there_is_to_set() -> None:
    known = {setting.name for setting in SETTINGS} | {"POSTGRES_PASSWORD", "POSTGRES_USER"}
    used = set(re.findall(r"\b[A-Z]+_?[A-Z_]+(?=:| *})", (ROOT / "compose.yaml").read_text()))
    assert used <= known
