"""One app for all tests of the API: it keeps nothing but its database, and building it takes longer than a call."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.databases import Database
from tests.web.api.conformity import Watch
from tests.web.callers import Clock
from tests.web.conftest import build, fit


@pytest.fixture(scope="session")
def built() -> list[Flask]:
    """The app, once the first test has built it."""
    return []


@pytest.fixture
def app(built: list[Flask], db: Database, tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Flask]:
    """The app on a clean database, on each kind in turn."""
    if not built:
        built.append(build(db, tmp_path_factory.mktemp("data"), clock))
        built[0].extensions["watch"] = Watch(built[0])
    before = dict(built[0].extensions)
    yield fit(built[0], db, clock)
    built[0].extensions.update(before)
    strays, built[0].extensions["watch"].strays = built[0].extensions["watch"].strays, []
    assert not strays, f"not as GET /api/openapi.json says (see campaigns/web/api/schemas.py): {strays[:5]}"
