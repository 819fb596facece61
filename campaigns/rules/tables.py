"""Reading a table of people that somebody pasted or uploaded: CSV in whatever form spreadsheets write it."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from campaigns.rules.people import PERSON_FIELDS
from campaigns.rules.placeholders import is_key
from campaigns.rules.problems import Problem, Problems

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 100

# What people call the columns, without case, spaces and punctuation.
ALIASES = {
    "email": ("email", "emailaddress", "mail", "workemail", "emailwork", "businessemail", "contactemail", "emailid"),
    "linkedin_url": (
        *("linkedinurl", "linkedin", "linkedinprofile", "linkedinprofileurl", "linkedinprofilelink", "linkedinlink"),
        *("personlinkedinurl", "contactlinkedinurl", "profileurl", "profilelink", "publicprofileurl", "profillink"),
    ),
    "first_name": ("firstname", "first", "givenname", "forename", "fname", "vorname"),
    "last_name": ("lastname", "last", "surname", "familyname", "lname", "nachname", "familienname"),
    "company": ("company", "companyname", "organization", "organisation", "employer", "firma", "unternehmen"),
    "position": ("position", "title", "jobtitle", "role", "designation"),
    "headline": ("headline",),
    "timezone": ("timezone", "tz", "zeitzone"),
}
_NAMES = {alias: field for field, aliases in ALIASES.items() for alias in aliases}
_ZIP = b"PK\x03\x04"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


# A loose look: the reading of people is stricter.
_ADDRESSES = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "linkedin_url": re.compile(r"(?:https?://)?(?:[a-z]+\.)?linkedin\.com/\S+", re.IGNORECASE),
}
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f]")
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


# A line of a table: its number as an editor counts, and its cells.
Line = tuple[int, list[str]]


@dataclass(frozen=True)
class Row:
    """One line of the table. `line` counts as an editor does, the header being line 1."""

    line: int
    values: dict[str, object]


def decode(data: bytes) -> str:
    """The text of an upload: UTF-8, UTF-16 by its byte order mark, else what Windows writes. Raises Problems."""
    if len(data) > MOST_BYTES:
        raise Problems([Problem("file", "is larger than 10 MB: split it, or leave out columns")])
    if data.startswith(_ZIP):
        raise Problems([Problem("file", "is a workbook or an archive: open it, and save it as CSV in UTF-8")])
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode(data, encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if data[:200].count(0) > len(data[:200]) // 4:
            return _decode(data, "utf-16-le")
        # Line by line: files that were put together of several have both.
        return "".join(map(_decode_line, data.splitlines(keepends=True)))


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return _decode(line, "cp1252")


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
    header: list[str | None] | None = None
    for line, cells in _at_most(_lines(_clean(text))):
        if header is None:
            header = columns(cells)
            if needed in header:
                continue
            if not _is_list(cells, needed):
                raise Problems([Problem("file", _no_column(needed, cells))])
            header = [needed]
        yield Row(line, values_of(header, cells))


def read_sheet(text: str) -> tuple[list[str], Iterator[Line]]:
    """The names of the columns, and the lines below them, whatever the columns mean.

    A first line that holds an address is somebody already: then the columns are called by their numbers. Both this
    and reading on raise Problems.
    """
    lines = _at_most(_lines(_clean(text), whole=True))
    first = next(lines)
    names = [cell.strip() for cell in first[1]]
    if len(names) > MOST_COLUMNS:
        message = f"has {len(names):,} columns; at most {MOST_COLUMNS} can be read: leave some out"
        raise Problems([Problem("file", message)])
    if any(_CONTROL.search(name) for name in names):
        raise Problems([Problem("file", "is not a text file: save it as CSV in UTF-8")])
    if any(is_address(name) for name in names):
        return [f"Column {number}" for number in range(1, len(names) + 1)], chain([first], lines)
    return names, lines


def is_address(cell: str, *fields: str) -> bool:
    """Whether a cell looks like an email address or a profile's, or like that of `fields`: enough to tell a person from
    a heading."""
    return any(_ADDRESSES[field].fullmatch(cell.strip()) for field in fields or _ADDRESSES)


def _clean(text: str) -> str:
    text = text.removeprefix("\ufeff").replace("\x00", "")
    if not text.strip("\r\n").partition("\n")[0].strip():
        raise Problems([Problem("file", "is empty")])
    return text


def _at_most(lines: Iterator[Line]) -> Iterator[Line]:
    """The heading and MOST_ROWS lines; one more is a Problem."""
    for number, line in enumerate(lines):
        if number > MOST_ROWS:
            raise Problems([Problem("file", f"has more than {MOST_ROWS:,} rows: split it")])
        yield line


def _lines(text: str, *, whole: bool = False) -> Iterator[Line]:
    """Every line with something in it. A cell without end is a Problem; with `whole`, a short one at the end too."""
    delimiter = _dialect(text.lstrip("\r\n").partition("\n")[0])
    read: list[str] = []
    last: list[str] = []
    reader = csv.reader(_noted(io.StringIO(text, newline=""), read), delimiter=delimiter)
    try:
        for cells in reader:
            last, read[:] = read[:], []
            if any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as bad:
        message = "has a cell of more than 100,000 characters: is a quotation mark missing?"
        raise Problems([Problem("file", message)]) from bad
    if whole and _is_open(last, delimiter):
        line = reader.line_num - len(last) + 1
        raise Problems([Problem("file", f"has a quotation mark in line {line:,} that is never closed")])


def _noted(lines: Iterable[str], read: list[str]) -> Iterator[str]:
    for line in lines:
        read.append(line)
        yield line


def _is_open(last: list[str], delimiter: str) -> bool:
    """Whether the table ended inside of a cell: the reader takes all the rest for that cell, and says nothing."""
    try:
        list(csv.reader(last, delimiter=delimiter, strict=True))
    except csv.Error as bad:
        return "end of data" in str(bad)
    return False


def _is_list(cells: list[str], needed: str) -> bool:
    mark = "@" if needed == "email" else "linkedin.com/"
    return len(cells) == 1 and mark in cells[0]


def _no_column(needed: str, cells: list[str]) -> str:
    found = ", ".join(cell.strip() for cell in cells[:8])
    return f"has no column called {needed}; its columns are: {found}"


def values_of(header: list[str | None], cells: list[str]) -> dict[str, object]:
    """What the cells of a line say of a person; columns that mean nothing are left out."""
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


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula when the table is opened there."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
