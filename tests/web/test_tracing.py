"""What the log says of a request: the ids of what it is about, and nothing of anybody's."""

import io
import json
import logging

import pytest

from campaigns import rostering
from campaigns.models import Prospect
from jobs.lines import Json
from tests import make
from tests.databases import Database
from tests.web.callers import Caller

ADDRESS = "zebediah@hollow-oak.example"
QUOTE = f"<{ADDRESS}> Zebediah Quartermaine"


def test_a_bug_in_a_view_is_told_by_kind_and_place_and_by_what_the_request_is_about(
    alice: Caller, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.sessions.begin() as session:
        campaign = make.launched(session, session.get_one(make.Workspace, alice.workspace_id), 1)
        person = session.query(Prospect).one()

    def broken(*_: object, **__: object) -> None:
        try:
            raise KeyError(ADDRESS)
        except KeyError as error:
            raise ValueError(QUOTE) from error

    monkeypatch.setattr(rostering, "edit", broken)
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(Json())
    logging.root.addHandler(handler)
    try:
        answer = alice.patch(f"/campaigns/{campaign.id}/prospects/{person.id}", {"email": ADDRESS})
        logging.getLogger("campaigns").error("The next one.")
    finally:
        logging.root.removeHandler(handler)
    assert answer.status_code == 500
    line, after = map(json.loads, said.getvalue().splitlines())
    assert (line["campaign_id"], line["prospect_id"]) == (str(campaign.id), str(person.id))
    assert "builtins.KeyError" in line["trace"]
    assert line["trace"].endswith("builtins.ValueError")
    assert "zebediah" not in said.getvalue().lower()
    assert "campaign_id" not in after
