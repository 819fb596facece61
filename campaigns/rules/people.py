"""Reading people: one entry of a roster, its identity, and what is wrong with it (CONTRACT section 8)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from campaigns.rules.hours import is_zone
from campaigns.rules.kinds import Context, Text
from campaigns.rules.lifecycle import EMAIL
from campaigns.rules.placeholders import is_key
from campaigns.rules.problems import Problem, Problems, shown

# A self-hosted server writes to names of its own network too, such as .local and .test; the library offers this
# list to be changed.
SPECIAL_USE_DOMAIN_NAMES.clear()

# Field -> its longest value.
TEXTS = {
    "first_name": 200,
    "last_name": 200,
    "company": 300,
    "position": 300,
    "headline": 500,
    "source": 64,
}
# What nearly all addresses look like. The library's own look at one takes twenty times as long, most of an import.
_PLAIN_ADDRESS = re.compile(
    r"(?P<local>[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]+)*)@(?P<domain>(?:[a-z0-9](?:[a-z0-9]|-(?!-)){0,62}(?<!-)\.)+[a-z]{2,63})",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_PLAIN = 64
MOST_CUSTOM_FIELDS = 50
CUSTOM_VALUE = 2000
_NOWHERE = Context("UTC")
_ADDRESS = Text(500, nullable=True)
_WEB = re.compile(r"(?:https?:)?//", re.IGNORECASE)
# What LinkedIn writes before the path of a profile: the mobile site, links in its mails, a language.
_BEFORE = r"/*(?:(?:mwlite|m|comm|[a-z]{2}(?:[-_][a-z]{2})?)/+)*?"
# One that cannot be part of a longer address, so that an identity is the address of itself.
_NAME = r"(?P<name>[^/\s%?#\\@]+)\s*(?:/|$)"
_PROFILE = re.compile(rf"{_BEFORE}in/+{_NAME}", re.IGNORECASE)
# As profiles were named until 2015, with the parts of a number in hexadecimal digits.
_OLD_PROFILE = re.compile(
    rf"{_BEFORE}pub/+{_NAME}/*(?P<low>[0-9a-f]{{1,3}})/+(?P<mid>[0-9a-f]{{1,3}})/+(?P<high>[0-9a-f]{{1,3}})(?:/|$)",
    re.IGNORECASE,
)
# Somebody in Sales Navigator, with the search that found them after a comma.
_LEAD = re.compile(r"/*sales/+(?:lead|people)/+(?P<id>[\w-]+)", re.ASCII | re.IGNORECASE)
# What LinkedIn itself calls people; these differ by case.
_PROVIDER_ID = re.compile(r"AC[A-Za-z]AA[\w-]{15,}", re.ASCII)
PROFILE_LOOKS = "which looks like linkedin.com/in/name"
PERSON_FIELDS = ("email", "linkedin_url", *TEXTS, "timezone", "custom_fields")


@dataclass(frozen=True)
class Person:
    """One entry, read and checked."""

    identity: str
    values: Mapping[str, Any] = dataclass_field(default_factory=dict)


def read_email(raw: object, field: str) -> str | None:
    """The address as it will be written to; None for null and blank. Raises Problems."""
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise Problems([Problem(field, "must be an email address")])
    text = raw.strip()
    if not text:
        return None
    if len(text) <= _LONGEST_PLAIN and (plain := _PLAIN_ADDRESS.fullmatch(text)):
        return f"{plain['local']}@{plain['domain'].lower()}"
    try:
        return validate_email(text, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as wrong:
        raise Problems([Problem(field, f"{shown(text)} is not an email address: {wrong}")]) from wrong


def read_linkedin_url(raw: object, field: str) -> str | None:
    """The profile's address as it was written; None for null and blank. Raises Problems if it is no profile's."""
    text = _ADDRESS.parse(raw, field, _NOWHERE)
    if not text:
        return None
    _read_identity(text, field)
    return text


def _read_identity(text: str, field: str) -> str:
    try:
        # An escape such as %00 may hide what cannot be stored, and lower case may be longer.
        return _ADDRESS.parse(linkedin_identity(text), field, _NOWHERE) or ""
    except (ValueError, Problems) as wrong:
        words = f"{shown(text)} is not the address of a LinkedIn profile, {PROFILE_LOOKS}"
        raise Problems([Problem(field, words)]) from wrong


def linkedin_identity(url: str) -> str:
    """Whose profile this is the address of, `linkedin.com/in/name`: the same for every spelling of it.

    What varies is left out: scheme, subdomain, query, language, parts of the profile, case (but of ids, which differ by
    it), escapes. A lead of Sales Navigator stays `linkedin.com/sales/lead/ID`: which profile it belongs to, LinkedIn
    alone knows. Raises ValueError for everything else: companies, posts, other sites.
    """
    parts = urlsplit(url if _WEB.match(url) else f"//{url}")
    if not f".{parts.hostname}".endswith(".linkedin.com"):
        raise ValueError("not on linkedin.com")
    path = unquote(parts.path, errors="strict")
    if lead := _LEAD.match(path):
        return f"linkedin.com/sales/lead/{lead['id']}"
    if old := _OLD_PROFILE.match(path):
        # LinkedIn leads from there to the new name, which has the number's parts the other way round.
        number = f"{old['high']:0>3}{old['mid']:0>3}{old['low']:0>2}"
        return f"linkedin.com/in/{_folded(old['name'])}-{number.lower()}"
    if profile := _PROFILE.match(path):
        return f"linkedin.com/in/{_folded(profile['name'])}"
    raise ValueError("not a profile")


def _folded(name: str) -> str:
    return name if _PROVIDER_ID.fullmatch(name) else normalize("NFC", normalize("NFC", name).lower())


def profile_of(text: str) -> str | None:
    """The identity behind the address of a profile; None for any other text."""
    try:
        return linkedin_identity(text)
    except ValueError:
        return None


def profile_link(identity: str) -> str:
    """Where a profile is, whatever was written."""
    return f"https://www.{identity}"


def read_person(raw: object, field: str, campaign_type: str) -> Person:
    """One entry of a roster. Unknown keys are ignored. Raises Problems with all that is wrong."""
    if not isinstance(raw, Mapping):
        raise Problems([Problem(field, "must be an object")])
    values = read_fields(raw, field)
    identity = identity_of(values, field, campaign_type)
    return Person(identity, values)


def identity_of(values: Mapping[str, Any], field: str, campaign_type: str) -> str:
    """What makes two entries the same person. Raises Problems if the channel's address is missing."""
    name = "email" if campaign_type == EMAIL else "linkedin_url"
    address = values.get(name)
    if not address:
        more = "" if campaign_type == EMAIL else f": the address of a LinkedIn profile, {PROFILE_LOOKS}"
        raise Problems([Problem(_below(field, name), f"is missing{more}")])
    return str(address).lower() if campaign_type == EMAIL else _read_identity(address, _below(field, name))


def _below(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def read_fields(raw: Mapping[Any, Any], field: str) -> dict[str, Any]:
    """Every known field of `raw` that is there, read. Raises Problems with all that is wrong."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name in PERSON_FIELDS:
        if name in raw:
            try:
                values[name] = _read(name, raw[name], _below(field, name))
            except Problems as bad:
                problems.extend(bad.problems)
    if problems:
        raise Problems(problems)
    return values


def _read(name: str, raw: object, field: str) -> Any:
    if name == "email":
        return read_email(raw, field)
    if name == "linkedin_url":
        return read_linkedin_url(raw, field)
    if name == "timezone":
        return _read_zone(raw, field)
    if name == "custom_fields":
        return _read_custom_fields(raw, field)
    return Text(TEXTS[name], nullable=True).parse(raw, field, _NOWHERE) or None


def _read_zone(raw: object, field: str) -> str | None:
    if raw is None or raw == "":
        return None
    if not is_zone(raw):
        raise Problems([Problem(field, f"{shown(raw)} is not an IANA time zone such as Europe/Berlin")])
    return str(raw)


def _read_custom_fields(raw: object, field: str) -> dict[str, str]:
    """Texts by key; numbers and flags are kept as the texts that a message would show."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise Problems([Problem(field, "must be an object")])
    if len(raw) > MOST_CUSTOM_FIELDS:
        raise Problems([Problem(field, f"must have at most {MOST_CUSTOM_FIELDS} keys, not {len(raw)}")])
    values: dict[str, str] = {}
    for key, value in raw.items():
        where = f"{field}.{key}"
        if not isinstance(key, str) or not is_key(key):
            words = f"{shown(key)} is not a key: 1 to 100 characters, no quotes, braces, %, | or backslash"
            raise Problems([Problem(field, words)])
        if value is None:
            continue
        if isinstance(value, bool):
            value = "true" if value else "false"
        text = str(value) if isinstance(value, int | float) else value
        values[key] = Text(CUSTOM_VALUE, lines=True).parse(text, where, _NOWHERE) or ""
    return values
