"""What people paste: a table with a heading line, or plain lines with an address in each."""

import csv
import io
import re
from email.utils import getaddresses

from campaigns.rules.tables import columns

_EMAIL = re.compile(r"[^\s<>,;\"'()]+@[^\s<>,;\"'()]+")
_PROFILE = re.compile(r"\S*linkedin\.com/\S+", re.IGNORECASE)
_AROUND = " \t,;<>\"'()-|"
# Any address of the web, and one of LinkedIn's without its scheme too.
_LINK = re.compile(r"(?:https?:)?//[^\s<>\"'`,;|()\[\]{}]+|[\w.-]*linkedin\.com/[^\s<>\"'`,;|()\[\]{}]+", re.IGNORECASE)
HEADING = ("email", "linkedin_url", "first_name", "last_name")


def as_table(text: str) -> tuple[str, list[str] | None]:
    """The text as a table with a heading. Tables are left as they are, with None.

    Of plain lines each address is a person, and what stands around it the name; with them comes, for each row
    below the heading, the line that it was made of.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((line for line in lines if line.strip()), "")
    if not first or _is_heading(first):
        return text, None
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADING)
    sources: list[str] = []
    for line in lines:
        rows = _people(line.strip())
        writer.writerows(rows)
        sources += [line.strip()] * len(rows)
    return out.getvalue(), sources


def _is_heading(line: str) -> bool:
    """Whether some column of the line is known by name; a person's line has an address in it."""
    if _EMAIL.search(line) or _PROFILE.search(line):
        return False
    delimiter = max(",;\t|", key=line.count)
    known = {field for field in columns(line.split(delimiter)) if field and not field.startswith("custom_fields.")}
    return bool(known)


def _people(line: str) -> list[list[str]]:
    """One row for each address of a line; a line without one stays, so that it is named as wrong."""
    if not line:
        return []
    if profile := _PROFILE.search(line):
        return [["", profile[0].strip(_AROUND), *_names(line.replace(profile[0], " "))]]
    addresses = _EMAIL.findall(line)
    if len(addresses) > 1:
        return [[address, "", *_names(name)] for name, address in getaddresses([line.replace(";", ",")]) if address]
    if addresses:
        rest = line.replace(addresses[0], " ")
        # A row of a table has its columns in their order; in front of an address `Lee, Ann` is a name turned round.
        return [[addresses[0], "", *_names(rest.replace(",", " ") if line.startswith(addresses[0]) else rest)]]
    return [[line, "", "", ""]]


def _names(text: str) -> list[str]:
    """First and last name; `Lee, Ann` is turned round."""
    plain = text.strip(_AROUND)
    if re.fullmatch(r"[^,]+,\s+[^,]+", plain) and not re.search(r"[;\t|]", plain):
        last, first = plain.split(",", 1)
        return [first.strip(_AROUND), last.strip(_AROUND)]
    words = re.sub(r"[,;\t|]+", " ", plain).split()
    return [" ".join(words[:-1]) if len(words) > 1 else " ".join(words), words[-1] if len(words) > 1 else ""]


def links_in(text: str) -> list[str]:
    """The links that stand anywhere in a text, in their order, each once; a sentence's last dot is none's."""
    return list(dict.fromkeys(link.rstrip(".:!?") for link in _LINK.findall(text)))
