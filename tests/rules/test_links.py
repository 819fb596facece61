"""Links that only we can have made."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.links import read, sign

KEY = "a key that nobody else has"


@given(st.uuids())
def test_a_link_leads_back_to_what_it_was_made_for(what: UUID) -> None:
    token = sign(KEY, "open", what)
    assert len(token) == 43
    assert read(KEY, "open", token) == what


def test_a_link_is_worth_nothing_for_another_purpose_or_with_another_key() -> None:
    token = sign(KEY, "open", uuid4())
    assert read(KEY, "unsubscribe", token) is None
    assert read("another key", "open", token) is None


@given(st.integers(0, 41), st.sampled_from("AQgw-_9z"))
def test_a_link_that_was_changed_anywhere_is_refused(place: int, letter: str) -> None:
    token = sign(KEY, "open", UUID(int=7))
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or read(KEY, "open", changed) is None


@pytest.mark.parametrize("nonsense", ["", "x", "a" * 43, "a" * 5000, "ä" * 43, "%00", "====", "a b c"])
def test_nonsense_is_refused_without_a_word(nonsense: str) -> None:
    assert read(KEY, "open", nonsense) is None
