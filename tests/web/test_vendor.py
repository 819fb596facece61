"""The scripts of others that the pages load are the ones that were looked at."""

import hashlib
import json
from pathlib import Path

import pytest

VENDOR = Path(__file__).parents[2] / "static" / "vendor"
ENTRIES = json.loads((VENDOR / "vendor.json").read_text())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_a_vendored_file_is_the_published_one_and_carries_its_licence(entry: dict[str, str]) -> None:
    content = (VENDOR / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert (VENDOR / entry["licence_file"]).read_text().strip()


def test_nothing_is_vendored_without_an_entry() -> None:
    listed = {entry["file"] for entry in ENTRIES} | {entry["licence_file"] for entry in ENTRIES}
    found = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert found == listed | {"vendor.json"}


def test_no_vendored_script_asks_for_a_source_map_that_is_not_there() -> None:
    """A developer's console stays empty: a missing map is a 404 on every page."""
    for entry in ENTRIES:
        content = (VENDOR / entry["file"]).read_bytes()
        assert b"sourceMappingURL" not in content, f"{entry['file']} names a map"
