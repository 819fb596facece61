"""Reading a table of people that somebody pasted or uploaded: CSV in whatever form spreadsheets write it."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.rules.people import PERSON_FIELDS
from campaigns.rules.placeholders import is_key
from campaigns.rules.problems import Problem, Problems

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 100

# What people call the columns, without case, spaces and punctuation.
ALIASES = {
    "email": ("email", "emailaddress", "mail", "workemail", "emailwork"),
    "linkedin_url": ("linkedinurl", "linkedin", "linkedinprofile", "profileurl", "linkedinprofileurl"),
    "first_name": ("firstname", "first", "givenname", "vorname"),
    "last_name": ("lastname", "last", "surname", "familyname", "nachname"),
    "company": ("company", "companyname", "organization", "organisation", "firma"),
    "position": ("position", "title", "jobtitle", "role"),
    "headline": ("headline",),
    "timezone": ("timezone", "tz"),
}
_NAMES = {alias: field for field, aliases in ALIASES.items() for alias in aliases}
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True)
class Row:
    """One line of the table. `line` counts as an editor does, the header being line 1."""

    line: int
    values: dict[str, object]


def decode(data: bytes) -> str:
    """The text of an upload: UTF-8, UTF-16 by its byte order mark, else what Windows writes. Raises Problems."""
    if len(data) > MOST_BYTES:
        raise Problems([Problem("file", "is larger than 10 MB: split it, or leave out columns")])
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode(data, encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode(data, "utf-16-le" if b"\x00" in data[:200] else "cp1252")


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as bad:
        raise Problems([Problem("file", "is not a text file: save it as CSV in UTF-8")]) from bad


def _dialect(header: str) -> str:
    """The delimiter that splits the header line into the most columns."""
    return max(",;\t|", key=lambda delimiter: header.count(delimiter))


def columns(header: list[str]) -> list[str | None]:
    """For each column the field it means, `custom_fields.KEY` where it means none, None where it has no name."""
    fields: list[str | None] = []
    for name in header[:MOST_COLUMNS]:
        plain = re.sub(r"[^a-z]", "", name.lower())
        field = _NAMES.get(plain)
        key = re.sub(r'[%|{}"\\\x00-\x1f\x7f]', "", name).strip()[:100].strip()
        if field is not None and field not in fields:
            fields.append(field)
        else:
            fields.append(f"custom_fields.{key}" if is_key(key) else None)
    return fields


def read_table(text: str, needed: str) -> Iterator[Row]:
    """The rows of a table whose first line names its columns; `needed` is the column it must have.

    A single column without a header is taken for a list of addresses. Raises Problems, naming the line.
    """
    text = text.removeprefix("\ufeff").replace("\x00", "")
    first = text.lstrip("\r\n").partition("\n")[0]
    if not first.strip():
        raise Problems([Problem("file", "is empty")])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_dialect(first))
    header: list[str | None] | None = None
    for cells in _lines(reader):
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = columns(cells)
            if needed not in header:
                if not _is_list(cells, needed):
                    raise Problems([Problem("file", _no_column(needed, cells))])
                header = [needed]
                yield Row(reader.line_num, {needed: cells[0].strip()})
            continue
        if reader.line_num > MOST_ROWS + 1:
            raise Problems([Problem("file", f"has more than {MOST_ROWS:,} rows: split it")])
        yield Row(reader.line_num, _values(header, cells))


def _lines(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """What `reader` reads, a cell without end being a Problem too."""
    try:
        yield from reader
    except csv.Error as bad:
        message = "has a cell of more than 100,000 characters: is a quotation mark missing?"
        raise Problems([Problem("file", message)]) from bad


def _is_list(cells: list[str], needed: str) -> bool:
    mark = "@" if needed == "email" else "linkedin.com/"
    return len(cells) == 1 and mark in cells[0]


def _no_column(needed: str, cells: list[str]) -> str:
    found = ", ".join(cell.strip() for cell in cells[:8])
    return f"has no column called {needed}; its columns are: {found}"


def _values(header: list[str | None], cells: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    custom: dict[str, str] = {}
    for field, cell in zip(header, cells, strict=False):
        text = cell.strip()
        if field is None or not text:
            continue
        if field in PERSON_FIELDS:
            values[field] = text
        else:
            custom[field.removeprefix("custom_fields.")] = text
    if custom:
        values["custom_fields"] = custom
    return values
