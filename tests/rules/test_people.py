"""Entries of a roster: who is the same person, and what cannot be read."""

from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.lifecycle import EMAIL, LINKEDIN
from campaigns.rules.people import (
    Person,
    identity_of,
    linkedin_identity,
    profile_of,
    read_email,
    read_linkedin_url,
    read_person,
)
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
        "https://de.linkedin.com/in/ann-lee",
        "https://M.LinkedIn.com/in/ann-lee",
        "https://mobile.linkedin.com/in/ann-lee",
        "https://linkedin.com:443/in/ann-lee",
        "https://www.linkedin.com//in//ann-lee",
        "https://www.linkedin.com/de/in/ann-lee/",
        "https://www.linkedin.com/pt-BR/in/ann-lee/",
        "https://www.linkedin.com/in/ann-lee/de",
        "https://www.linkedin.com/in/ann-lee/en-us?originalSubdomain=de",
        "https://www.linkedin.com/mwlite/in/ann-lee",
        "https://www.linkedin.com/comm/in/ann-lee?midToken=x",
        "https://www.linkedin.com/IN/ann-lee/details/experience/",
        "https://www.linkedin.com/in/ann-lee/overlay/contact-info/",
        "https://www.linkedin.com/in/ann-lee/recent-activity/all/",
        "https://www.linkedin.com/in/ann-lee%20",
        "https://www.linkedin.com/in%2Fann-lee",
    ],
)
def test_a_profile_is_its_address_without_what_varies(url: str) -> None:
    assert linkedin_identity(url) == "linkedin.com/in/ann-lee"
    assert read_person({"linkedin_url": url}, "x", LINKEDIN).identity == "linkedin.com/in/ann-lee"


def test_other_profiles_are_other_people() -> None:
    assert linkedin_identity("linkedin.com/in/ann") != linkedin_identity("linkedin.com/in/anne")


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("https://www.linkedin.com/in/Jos%C3%A9-%C3%84", "linkedin.com/in/josé-ä"),
        ("https://www.linkedin.com/in/jose%cc%81-a%CC%88", "linkedin.com/in/josé-ä"),
        ("https://www.linkedin.com/in/JOSÉ-ä", "linkedin.com/in/josé-ä"),
        # As LinkedIn leads from old names to new ones.
        ("https://pl.linkedin.com/pub/ann-lee/A7/576/b50?trk=x", "linkedin.com/in/ann-lee-b50576a7"),
        ("https://www.linkedin.com/pub/ann-lee/4/b5/a1", "linkedin.com/in/ann-lee-0a10b504"),
        # Ids that LinkedIn gives differ by case.
        ("HTTPS://LINKEDIN.COM/IN/ACoAAB1c2D3e4F5g6H7i8J9k/", "linkedin.com/in/ACoAAB1c2D3e4F5g6H7i8J9k"),
        ("https://www.linkedin.com/in/Acoaa", "linkedin.com/in/acoaa"),
        ("https://www.linkedin.com/sales/lead/ACwAAB1c2D,NAME_SEARCH,x-1?y=2", "linkedin.com/sales/lead/ACwAAB1c2D"),
        ("linkedin.com/Sales/People/ACwAAB1c2D", "linkedin.com/sales/lead/ACwAAB1c2D"),
    ],
)
def test_a_profile_is_known_by_the_name_that_linkedin_knows_it_by(url: str, identity: str) -> None:
    assert linkedin_identity(url) == identity
    assert linkedin_identity(identity) == identity


@pytest.mark.parametrize(
    "url",
    [
        "https://www.linkedin.com/company/acme",
        "https://www.linkedin.com/school/mit/people",
        "https://www.linkedin.com/showcase/acme",
        "https://www.linkedin.com/feed/",
        "https://www.linkedin.com/feed/update/urn:li:activity:1",
        "https://www.linkedin.com/posts/ann-lee_hello-activity-1",
        "https://www.linkedin.com/pulse/hello-ann-lee",
        "https://www.linkedin.com/jobs/view/1",
        "https://www.linkedin.com/groups/1",
        "https://www.linkedin.com/messaging/thread/1",
        "https://www.linkedin.com/search/results/people/?keywords=ann",
        "https://www.linkedin.com/sales/search/people",
        "https://www.linkedin.com/sales/company/1",
        "https://www.linkedin.com/pub/dir/Ann/Lee",
        "https://www.linkedin.com/pub/ann-lee",
        "https://www.linkedin.com/in/",
        "https://www.linkedin.com/in/ann%20lee",
        "https://www.linkedin.com/in/ann%2540",
        "https://www.linkedin.com/in/ann@example.com",
        "https://www.linkedin.com/in/%FF",
        "https://notlinkedin.com/in/ann",
        "https://linkedin.com.example.org/in/ann",
        "https://linkedin.com@example.org/in/ann",
        "https://example.org/linkedin.com/in/ann",
        "https://lnkd.in/ann",
        "ftp://linkedin.com/in/ann",
        "in/ann",
        "linkedin.com/in/" + "x" * 490,
    ],
)
def test_what_is_no_persons_profile_is_refused_and_told_how_one_looks(url: str) -> None:
    with pytest.raises(Problems) as caught:
        read_linkedin_url(url, "linkedin_url")
    (problem,) = caught.value.problems
    told = "is not the address of a LinkedIn profile, which looks like linkedin.com/in/name"
    assert problem.message.endswith(told if len(url) <= 500 else "must be at most 500 characters, not 506")


def test_an_edit_of_somebody_whose_address_is_no_profile_names_the_address() -> None:
    with pytest.raises(Problems) as caught:
        identity_of({"linkedin_url": "example.com/ann"}, "", LINKEDIN)
    assert [problem.field for problem in caught.value.problems] == ["linkedin_url"]


_NAMES = st.text(min_size=1, max_size=30).filter(lambda name: profile_of(f"linkedin.com/in/{quote(name, safe='')}"))
_HOSTS = st.sampled_from(["", "www.", "WWW.", "m.", "mobile.", "de.", "uk."])
_BEFORE = st.sampled_from(["/", "//", "/de/", "/en-US/", "/pt_BR/", "/mwlite/", "/comm/", "/m/"])
_AFTER = st.sampled_from(["", "/", "//", "/de", "/en-us/", "/details/experience/", "?trk=x&y=/in/z", "#top", "/?x"])
_QUOTED: Any = st.sampled_from([lambda name: quote(name, safe=""), lambda name: f"%{name.encode().hex('%')}"])
_FORMS: Any = st.sampled_from(["NFC", "NFD"])


@given(name=_NAMES, host=_HOSTS, before=_BEFORE, after=_AFTER, quoted=_QUOTED, form=_FORMS, upper=st.booleans())
def test_all_spellings_of_a_profile_are_one_person(
    name: str, host: str, before: str, after: str, quoted: Any, form: Any, upper: bool
) -> None:
    identity = linkedin_identity(f"linkedin.com/in/{quote(name, safe='')}")
    spelled = f"https://{host}linkedin.com{before}{'IN' if upper else 'in'}/{quoted(normalize(form, name))}{after}"
    assert linkedin_identity(spelled) == identity
    assert linkedin_identity(identity) == identity


@given(st.text(max_size=60) | st.from_regex(r"(https?://)?[a-z.]{0,4}linkedin\.com/(in|pub|sales/lead|de/in)/.{1,40}"))
def test_an_identity_is_the_address_of_itself_and_nothing_else_is_raised(text: str) -> None:
    identity = profile_of(text)
    assert identity is None or linkedin_identity(identity) == identity


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
