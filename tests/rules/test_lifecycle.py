"""Statuses and the only moves between them (CONTRACT section 1)."""

import pytest

from campaigns.rules import lifecycle
from campaigns.rules.fields import FIELDS, locked_because


def test_the_moves_are_those_of_the_contract() -> None:
    arrows = {(row.origin, row.target) for row in lifecycle.MOVES}
    assert arrows == {
        ("draft", "launching"),
        ("launching", "active"),
        ("launching", "draft"),
        ("active", "paused"),
        ("paused", "active"),
        ("active", "completed"),
    }


def test_completed_is_the_end() -> None:
    assert lifecycle.verbs_from("completed") == ()
    assert lifecycle.verbs_from("active") == ("pause", "complete")


def test_a_verb_that_is_in_no_row_is_an_error() -> None:
    with pytest.raises(KeyError):
        lifecycle.move("explode")


def test_every_status_of_a_prospect_is_pending_in_flight_or_terminal() -> None:
    assert len(set(lifecycle.PROSPECT_STATUSES)) == len(lifecycle.PROSPECT_STATUSES) == 12
    assert not set(lifecycle.IN_FLIGHT) & set(lifecycle.TERMINAL)


def test_a_reason_names_the_status_or_the_type() -> None:
    for row in FIELDS:
        for kind in lifecycle.CAMPAIGN_TYPES:
            for status in lifecycle.CAMPAIGN_STATUSES:
                reason = locked_because(row, kind, status)
                assert reason is None or status in reason or "campaigns only" in reason
