"""What was measured, kept between runs as JSON, so that one benchmark can be done again without the others."""

import json
from pathlib import Path
from typing import Any

from tests.bench.machine import ROOT, describe

FOLDER = ROOT / ".bench"
PUBLISHED, TRIAL = FOLDER / "results.json", FOLDER / "trial.json"

# Name of a benchmark -> {"machine": what it ran on, "facts": what its `measure` returned}.
Results = dict[str, dict[str, Any]]


def load(path: Path) -> Results:
    """What is kept there; nothing if nothing is."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def keep(path: Path, name: str, facts: dict[str, Any]) -> Results:
    """Put the facts of one benchmark with the others'; all of them."""
    results = load(path) | {name: {"machine": describe(), "facts": facts}}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    return results
