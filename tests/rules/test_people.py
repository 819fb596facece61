"""Entries of a roster: who is the same person, and what cannot be read."""

from typing import Any

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.lifecycle import EMAIL, LINKEDIN
from campaigns.rules.people import Person, linkedin_identity, read_email, read_person
from campaigns.rules.problems import Problems


def fields_of(raw: Any, kind: str = EMAIL) -> list[str]:
    """The fields that are wrong."""
    with pytest.raises(Problems) as caught:
        read_person(raw, "prospects[3]", kind)
    return [problem.field for problem in caught.value.problems]


def test_a_person_is_the_lower_cased_address() -> None:
    person = read_person({"email": " Ann.Lee@Example.COM ", "first_name": " Ann "}, "x", EMAIL)
    assert person == Person("ann.lee@example.com", {"email": "Ann.Lee@example.com", "first_name": "Ann"})


@pytest.mark.parametrize(
    "url",
    [
        "https://www.linkedin.com/in/ann-lee/",
        "http://linkedin.com/in/Ann-Lee?trk=x",
        "linkedin.com/in/ann-lee",
        "WWW.LinkedIn.com/in/ann-lee/#top",
        "https://linkedin.com/in/ann%2Dlee",
        "//linkedin.com/in/ann-lee//",
    ],
)
def test_a_profile_is_its_address_without_what_varies(url: str) -> None:
    assert linkedin_identity(url) == "linkedin.com/in/ann-lee"
    assert read_person({"linkedin_url": url}, "x", LINKEDIN).identity == "linkedin.com/in/ann-lee"


def test_other_profiles_are_other_people() -> None:
    assert linkedin_identity("linkedin.com/in/ann") != linkedin_identity("linkedin.com/in/anne")


def test_names_of_ones_own_network_are_addresses_too() -> None:
    assert read_person({"email": "ann@mail.test"}, "x", EMAIL).identity == "ann@mail.test"
    assert read_person({"email": "ann@printer.local"}, "x", EMAIL).identity == "ann@printer.local"


def test_everything_known_is_kept_and_what_is_blank_is_nothing() -> None:
    raw = {
        "email": "ann@example.com",
        "linkedin_url": "linkedin.com/in/ann",
        "last_name": "  ",
        "company": None,
        "position": "CEO",
        "headline": "Makes things",
        "timezone": "Asia/Tokyo",
        "custom_fields": {"Plan": "gold", "seats": 7, "ratio": 0.5, "vip": True, "none": None},
        "source": "fair",
        "unknown": ["ignored"],
    }
    values = read_person(raw, "x", EMAIL).values
    assert values["custom_fields"] == {"Plan": "gold", "seats": "7", "ratio": "0.5", "vip": "true"}
    assert values["timezone"] == "Asia/Tokyo"
    assert (values["last_name"], values["company"]) == (None, None)
    assert "unknown" not in values


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        ("ann@example.com", ["prospects[3]"]),
        (None, ["prospects[3]"]),
        ({}, ["prospects[3].email"]),
        ({"email": None}, ["prospects[3].email"]),
        ({"email": "  "}, ["prospects[3].email"]),
        ({"email": 7}, ["prospects[3].email"]),
        ({"email": "ann"}, ["prospects[3].email"]),
        ({"email": "ann@"}, ["prospects[3].email"]),
        ({"email": "ann@example.com\r\nBcc: x@example.com"}, ["prospects[3].email"]),
        ({"email": "ann@example.com, bob@example.com"}, ["prospects[3].email"]),
        ({"email": "Ann <ann@example.com>"}, ["prospects[3].email"]),
        ({"email": "a@example.com", "first_name": "x" * 201}, ["prospects[3].first_name"]),
        ({"email": "a@example.com", "first_name": "two\nlines"}, ["prospects[3].first_name"]),
        ({"email": "a@example.com", "timezone": "Mars/Base"}, ["prospects[3].timezone"]),
        ({"email": "a@example.com", "timezone": 7}, ["prospects[3].timezone"]),
        ({"email": "a@example.com", "custom_fields": []}, ["prospects[3].custom_fields"]),
        ({"email": "a@example.com", "custom_fields": {"a|b": "x"}}, ["prospects[3].custom_fields"]),
        ({"email": "a@example.com", "custom_fields": {"a": ["x"]}}, ["prospects[3].custom_fields.a"]),
        ({"email": "a@example.com", "custom_fields": {f"k{n}": "" for n in range(51)}}, ["prospects[3].custom_fields"]),
        (
            {"email": "no", "company": 7, "timezone": "x"},
            ["prospects[3].email", "prospects[3].company", "prospects[3].timezone"],
        ),
    ],
)
def test_what_cannot_be_read_is_named(raw: Any, fields: list[str]) -> None:
    assert fields_of(raw) == fields


@pytest.mark.parametrize(
    "url", [None, "", "ann", "linkedin.com", "not a url", 7, "https://linkedin.com/", "http://[::1"]
)
def test_a_linkedin_prospect_needs_a_profile(url: Any) -> None:
    assert fields_of({"linkedin_url": url, "email": "ann@example.com"}, LINKEDIN) == ["prospects[3].linkedin_url"]


_LOCAL, _DOMAIN = st.text("aZ0.-_+%", min_size=1, max_size=10), st.text("aZ0.-", min_size=1, max_size=12)
_LONG = st.builds(lambda label, n: label * n, st.sampled_from(["a", "a-", "a.", "0"]), st.integers(1, 70))


@given(st.builds("{}@{}".format, _LOCAL | _LONG, _DOMAIN | _LONG.map("{}.de".format)))
def test_an_address_of_the_usual_form_is_read_as_the_library_reads_it(text: str) -> None:
    try:
        expected = validate_email(text, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError:
        with pytest.raises(Problems):
            read_email(text, "email")
    else:
        assert read_email(text, "email") == expected
