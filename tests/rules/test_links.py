"""Links that only we can have made."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.links import OPEN, Links, Recipient, read, read_pixel, read_unsubscribe, sign

KEY = "a key that nobody else has"
LINKS = Links("https://mail.example", KEY)
ANN = Recipient(UUID(int=1), UUID(int=2), "ann@corp.example")


def token_of(link: str) -> str:
    return link.rpartition("/")[2].removesuffix(".gif")


@given(st.uuids())
def test_a_pixel_leads_back_to_its_message(message: UUID) -> None:
    link = LINKS.pixel(message)
    assert link.startswith("https://mail.example/o/")
    assert read_pixel(KEY, token_of(link)) == message


@given(st.uuids(), st.uuids(), st.text(min_size=1, max_size=320).filter(str.isprintable))
def test_a_link_to_unsubscribe_knows_whom_it_was_sent_to(message: UUID, workspace: UUID, identity: str) -> None:
    recipient = Recipient(message, workspace, identity)
    link = LINKS.unsubscribe(recipient)
    assert link.isascii()
    assert len(token_of(link)) > 1000 or read_unsubscribe(KEY, token_of(link)) == recipient


def test_a_link_is_worth_nothing_for_another_purpose_or_with_another_key() -> None:
    assert read_pixel(KEY, token_of(LINKS.unsubscribe(ANN))) is None
    assert read_unsubscribe(KEY, token_of(LINKS.pixel(ANN.message_id))) is None
    assert read_unsubscribe("another key", token_of(LINKS.unsubscribe(ANN))) is None


@given(st.integers(0, 60), st.sampled_from("AQgw-_9z"))
def test_a_link_that_was_changed_anywhere_is_refused(place: int, letter: str) -> None:
    token = token_of(LINKS.unsubscribe(ANN))
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or read_unsubscribe(KEY, changed) is None


@pytest.mark.parametrize("spelled", [f"{sign(KEY, OPEN, b'x' * 16)}=", f"{sign(KEY, OPEN, b'x' * 16)}\n"])
def test_another_spelling_of_a_link_is_none_of_ours(spelled: str) -> None:
    assert read(KEY, OPEN, spelled) is None


@pytest.mark.parametrize("nonsense", ["", "x", "a" * 43, "a" * 500_000, "ä" * 43, "%00", "====", "a b c"])
def test_nonsense_is_refused_without_a_word(nonsense: str) -> None:
    assert read_pixel(KEY, nonsense) is None
    assert read_unsubscribe(KEY, nonsense) is None
