"""Entries of a suppression list as people write them."""

from uuid import UUID

import pytest

from campaigns.rules.problems import Problems
from campaigns.rules.suppressions import hashed, read_entry, read_lines


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (" Ann@Corp.Example ", "ann@corp.example"),
        ("corp.example", "corp.example"),
        ("@Corp.Example", "corp.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("https://www.linkedin.com/in/Ann-Lee/?x=1", "linkedin.com/in/ann-lee"),
    ],
)
def test_an_entry_is_read_as_people_are_compared(text: str, entry: str) -> None:
    assert read_entry(text, "value") == entry


@pytest.mark.parametrize(
    "text", ["", "  ", None, 7, "corp", "ann@", "a b.example", "-x.example", f"{'x' * 300}.example"]
)
def test_what_is_no_entry_is_refused(text: object) -> None:
    with pytest.raises(Problems):
        read_entry(text, "value")


def test_lines_come_with_their_number_and_reason() -> None:
    text = 'Email,Reason\nann@corp.example,"asked, twice"\n\ncorp.example\n'
    assert list(read_lines(text)) == [(2, "ann@corp.example", "asked, twice"), (4, "corp.example", "")]


def test_what_is_kept_of_the_forgotten_names_nobody_and_belongs_to_one_workspace() -> None:
    one, other = hashed(UUID(int=1), "ann@corp.example"), hashed(UUID(int=2), "ann@corp.example")
    assert one.startswith("sha256:")
    assert "ann" not in one
    assert one != other
