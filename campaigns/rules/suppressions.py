"""Entries of a suppression list as people write them: an address, a domain, a LinkedIn profile."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from uuid import UUID

import idna

from campaigns.rules.people import linkedin_identity, profile_of, read_email, read_linkedin_url
from campaigns.rules.problems import Problem, Problems, shown

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LINK = re.compile(r"[\w.-]{0,63}linkedin\.com/[^\s<>()\[\]\"',;]*[^\s<>()\[\]\"',;.:!?]", re.IGNORECASE)
LONGEST_REASON = 200
# What the first line of a file may be called.
_HEADINGS = {"email", "e-mail", "address", "domain", "value", "email address", "linkedin", "linkedin_url", "profile"}
HASH = "sha256:"
_HASHED = re.compile(f"{HASH}[0-9a-f]{{64}}")
FORGOTTEN = "Asked to be forgotten."
# How many of them one person may be meant by.
MOST_ABOUT = 5


def read_entry(raw: object, field: str) -> str:
    """The entry as prospects are compared with it: lower case, a domain without @. Raises Problems."""
    text = raw.strip() if isinstance(raw, str) else ""
    if not text:
        raise Problems([Problem(field, "must be an address, a domain or a LinkedIn profile")])
    if _HASHED.fullmatch(text):
        return text  # of a list that was exported
    if "/" in text:
        return linkedin_identity(read_linkedin_url(text, field) or "")
    local, at, domain = text.rpartition("@")
    if at and local:
        return (read_email(text, field) or "").lower()
    return _read_domain(domain, field)


def _read_domain(text: str, field: str) -> str:
    name = _ascii(text)
    labels = name.split(".")
    if len(labels) < 2 or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Problems([Problem(field, f"{shown(text)} is neither an address nor a domain such as example.com")])
    return name


def _ascii(domain: str) -> str:
    """The domain as it stands on the list; empty for what is none."""
    try:
        return domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return ""


def spellings(domain: str) -> set[str]:
    """A domain of the list as it may stand in addresses: these are kept in letters, as people write them."""
    try:
        return {domain, idna.decode(domain)} if "xn--" in domain else {domain}
    except idna.IDNAError:
        return {domain}


def read_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """The lines of a file or a pasted list: number, entry, reason if there is a second column; neither blank lines nor
    headings."""
    for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
        cells = [cell.strip() for cell in row]
        if any(cells) and not (number == 1 and cells[0].lower() in _HEADINGS):
            yield number, cells[0], (cells[1] if len(cells) > 1 else "")[:LONGEST_REASON]


def hashed(workspace_id: UUID, identity: str) -> str:
    """What is kept of somebody who asked to be forgotten: enough to know them if they are added again."""
    return HASH + sha256(workspace_id.bytes + identity.encode()).hexdigest()


def is_person(value: str) -> bool:
    """Whether an entry means one person, and not a domain; a hash means nobody that can be told."""
    return "@" in value or "/" in value


def entries_about(workspace_id: UUID, identity: str, email: str | None, linkedin_url: str | None) -> tuple[str, ...]:
    """The entries that would mean somebody, MOST_ABOUT at most: address, profile, the domain of the address, and the
    hashes that are kept of whoever was forgotten."""
    own = {identity: None}  # a set that keeps its order
    if email:
        own[email.lower()] = None
    if linkedin_url and (profile := profile_of(linkedin_url)):
        own[profile] = None
    domain = (_ascii(email.rpartition("@")[2]),) if email else ()
    return (*own, *domain, *(hashed(workspace_id, one) for one in own))


def read_identity(raw: object, field: str) -> str:
    """The same as `read_entry` for one person alone. Raises Problems for a domain."""
    value = read_entry(raw, field)
    if not is_person(value):
        raise Problems([Problem(field, "must be the address or the LinkedIn profile of one person")])
    return value


def mentions(identity: str) -> Callable[[str], bool]:
    """What tells whether an address or a profile, however it is spelled, stands in a text: not a longer one that it is
    a part of."""
    if "/" in identity:
        return lambda text: identity in map(profile_of, _LINK.findall(text))
    about = re.compile(rf"(?<![\w.+-]){re.escape(identity)}(?![\w-]|\.\w)", re.IGNORECASE)
    return lambda text: about.search(text) is not None
