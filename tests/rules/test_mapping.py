"""Columns of a table: what they probably mean, what a person may choose, and what becomes of a line."""

import pytest

from campaigns.rules.lifecycle import EMAIL, LINKEDIN
from campaigns.rules.mapping import guess, read_meaning, sift
from campaigns.rules.people import MOST_CUSTOM_FIELDS
from campaigns.rules.problems import Problems
from campaigns.rules.tables import harmless, read_sheet

GUESSES = [
    (["E-mail", "Vorname", "Job Title"], ["email", "first_name", "position"]),
    (["email", "Email"], ["email", "custom_fields.Email"]),
    (["email", "Tea", "Tea", "Tea"], ["email", "custom_fields.Tea", "custom_fields.Tea 2", "custom_fields.Tea 3"]),
    (["email", "", "100%"], ["email", None, "custom_fields.100"]),
    (["import_line", "import_reason", "email"], [None, None, "email"]),
    (["Person Linkedin Url", "Email"], ["linkedin_url", "email"]),
    (["LinkedIn Profile Link", "Email"], ["linkedin_url", "email"]),
]


@pytest.mark.parametrize(("names", "meaning"), GUESSES)
def test_columns_are_guessed_by_their_names(names: list[str], meaning: list[str | None]) -> None:
    assert guess(names, [], EMAIL) == meaning


def test_who_is_who_is_guessed_by_what_stands_in_the_column_too() -> None:
    samples = [["1", "ann@corp.test"], ["2", "n/a"], ["3", "bob@corp.test"]]
    assert guess(["Nr", "Contact"], samples, EMAIL) == ["custom_fields.Nr", "email"]
    assert guess(["Nr", "Contact"], samples, LINKEDIN) == ["custom_fields.Nr", "custom_fields.Contact"]
    exported = [["Ann", "https://www.linkedin.com/in/ann", "ann@corp.test"], ["Bob", "linkedin.com/in/bob", ""]]
    assert guess(["First Name", "URL", "Email Address"], exported, LINKEDIN) == ["first_name", "linkedin_url", "email"]
    assert guess(["Nr", "Contact"], [["1", "Ann"]], EMAIL) == ["custom_fields.Nr", "custom_fields.Contact"]


def test_no_more_custom_fields_are_guessed_than_a_person_can_have() -> None:
    found = guess([f"c{n}" for n in range(60)] + ["email"], [], EMAIL)
    assert sum(one is not None for one in found) == MOST_CUSTOM_FIELDS + 1
    assert found[-1] == "email"
    with pytest.raises(Problems, match=f"at most {MOST_CUSTOM_FIELDS}"):
        read_meaning([("email", "")] + [("custom", f"c{n}") for n in range(60)], EMAIL)


def test_the_column_that_says_who_is_who_must_be_chosen() -> None:
    with pytest.raises(Problems, match="email address"):
        read_meaning([("first_name", "")], EMAIL)
    with pytest.raises(Problems, match="LinkedIn profile"):
        read_meaning([("email", "")], LINKEDIN)
    assert read_meaning([("email", ""), ("", "x"), ("custom", " Tea ")], EMAIL) == ["email", None, "custom_fields.Tea"]


def test_lines_are_wrong_one_by_one() -> None:
    _, lines = read_sheet("email,tz\nann@corp.test,UTC\nbob@corp.test,Nowhere\n\nANN@corp.test\n,UTC\n")
    sifted = sift(lines, ["email", "timezone"], EMAIL)
    assert list(sifted.people) == ["ann@corp.test"]
    assert [(left.kind, left.line) for left in sifted.left_out] == [("invalid", 3), ("in_file", 5), ("invalid", 6)]
    assert sifted.left_out[0].reason.startswith("timezone:")
    assert sifted.left_out[2].reason == "email: is missing"


def test_a_table_whose_first_line_is_somebody_has_no_heading() -> None:
    names, lines = read_sheet("ann@corp.test;Ann\nbob@corp.test;Bob\n")
    assert names == ["Column 1", "Column 2"]
    assert [cells[1] for _, cells in lines] == ["Ann", "Bob"]


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_quoted(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless(f"x{cell}") == f"x{cell}"
