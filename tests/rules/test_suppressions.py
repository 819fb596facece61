"""Entries of a suppression list as people write them."""

from uuid import UUID

import pytest

from campaigns.rules.problems import Problems
from campaigns.rules.suppressions import (
    MOST_ABOUT,
    entries_about,
    hashed,
    mentions,
    read_entry,
    read_identity,
    read_lines,
    spellings,
)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (" Ann@Corp.Example ", "ann@corp.example"),
        ("corp.example", "corp.example"),
        ("@Corp.Example", "corp.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("https://www.linkedin.com/in/Ann-Lee/?x=1", "linkedin.com/in/ann-lee"),
        ("https://de.linkedin.com/in/ann-lee/details/skills", "linkedin.com/in/ann-lee"),
        (f"sha256:{'0' * 64}", f"sha256:{'0' * 64}"),
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


def test_a_person_may_be_meant_by_address_domain_profile_or_hash() -> None:
    own = UUID(int=1)
    found = entries_about(own, "ann@bücher.example", "Ann@Bücher.example", "https://www.linkedin.com/in/Ann")
    assert found == (
        "ann@bücher.example",
        "linkedin.com/in/ann",
        "xn--bcher-kva.example",
        hashed(own, "ann@bücher.example"),
        hashed(own, "linkedin.com/in/ann"),
    )
    assert len(found) == MOST_ABOUT
    assert spellings("xn--bcher-kva.example") == {"xn--bcher-kva.example", "bücher.example"}


@pytest.mark.parametrize(
    ("identity", "text", "found"),
    [
        ("ann@corp.example", "Ann <ANN@corp.example>, boss", True),
        ("ann@corp.example", "mailto:ann@corp.example.", True),
        ("ann@corp.example", "joann@corp.example", False),
        ("ann@corp.example", "jo.ann@corp.example", False),
        ("ann@corp.example", "ann@corp.example.org", False),
        ("ann@corp.example", "ann@corp-example", False),
        ("linkedin.com/in/ann", "https://www.linkedin.com/in/Ann/", True),
        ("linkedin.com/in/ann", "https://linkedin.com/in/ann-lee", False),
        ("linkedin.com/in/ann", "see (https://de.linkedin.com/mwlite/in/%41nn?x=1).", True),
        ("linkedin.com/in/ann", "notlinkedin.com/in/ann", False),
        ("linkedin.com/in/josé", "linkedin.com/in/jos%C3%A9, boss", True),
    ],
)
def test_somebody_is_found_in_a_text_but_nobody_whose_address_is_longer(identity: str, text: str, found: bool) -> None:
    assert mentions(identity)(text) is found


def test_an_address_that_is_no_profile_was_kept_before_they_were_checked_and_means_nobody() -> None:
    assert entries_about(UUID(int=1), "ann@corp.example", None, "example.com/ann") == (
        "ann@corp.example",
        hashed(UUID(int=1), "ann@corp.example"),
    )


def test_a_domain_is_no_person() -> None:
    assert read_identity(" Ann@corp.example", "address") == "ann@corp.example"
    with pytest.raises(Problems):
        read_identity("corp.example", "address")


def test_lines_come_with_their_number_and_reason() -> None:
    text = 'Email,Reason\nann@corp.example,"asked, twice"\n\ncorp.example\n'
    assert list(read_lines(text)) == [(2, "ann@corp.example", "asked, twice"), (4, "corp.example", "")]


def test_what_is_kept_of_the_forgotten_names_nobody_and_belongs_to_one_workspace() -> None:
    one, other = hashed(UUID(int=1), "ann@corp.example"), hashed(UUID(int=2), "ann@corp.example")
    assert one.startswith("sha256:")
    assert "ann" not in one
    assert one != other
