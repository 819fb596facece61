"""Taking a mail apart in bounded time, whatever its bytes are.

The parser of the standard library is used with its oldest policy, and headers are read here: the newer policies raise
on some hostile headers and take minutes over others.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.policy import Compat32
from email.utils import getaddresses, parsedate_to_datetime

from campaigns.channels.reading.charsets import clean, to_text

# No more of a mail is read: headers and text come first, attachments after them. It is enough to fetch as much.
MOST_BYTES = 262_144
# Most letters of one header, and of one that the parser itself takes apart.
MOST_HEADER, MOST_PARAMETERS = 8_192, 1_024
# Most parts within parts, and parts in all, before only the headers are read.
MOST_NESTED, MOST_PARTS = 25, 500
# Comments within comments in an address are followed this deep.
MOST_COMMENTS = 20
MOST_IDS = 100

_NESTING = re.compile(rb"content-type:\s*(?:multipart|message)/", re.IGNORECASE)
_ID = re.compile(r"<[^<>\s]+>")
# Marks of parameters in pieces (RFC 2231): the parser raises when a parameter comes both whole and in pieces.
_PIECE_MARK = re.compile(r"\*\d*\*?(?=[ \t]*=)")


class _Bounded(Compat32):
    """Headers of a bounded length, handed out as they came."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        if name.lower().startswith("content-"):
            return name, _PIECE_MARK.sub("", value[:MOST_PARAMETERS])
        return name, value[:MOST_HEADER]

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


POLICY = _Bounded()


def parse(raw: bytes) -> Message:
    """The mail, its parts taken apart; of one that is nested or divided beyond reason, its headers."""
    raw = raw[:MOST_BYTES]
    bomb = len(_NESTING.findall(raw)) > MOST_NESTED or raw.count(b"\n--") > MOST_PARTS
    return BytesParser(policy=POLICY).parsebytes(raw, headersonly=bomb)


def parse_headers(text: str) -> Message:
    """The headers at the beginning of a text."""
    return HeaderParser(policy=POLICY).parsestr(text.lstrip())


def parts_of(message: Message) -> Iterator[Message]:
    """The parts that are the mail's own: what it encloses as a message is one part, not looked into."""
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in enclosed(message):
            yield from parts_of(part)
    else:
        yield message


def enclosed(part: Message) -> list[Message]:
    """The messages that a part consists of; none if it is a leaf."""
    payload = part.get_payload()
    return [inner for inner in payload if isinstance(inner, Message)] if isinstance(payload, list) else []


def part_text(part: Message) -> str:
    """The text of one leaf, with LF line ends."""
    payload: object = None
    with suppress(ValueError):  # uuencoded text that is none
        payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    return to_text(payload, _parameter(part, "charset")).replace("\r\n", "\n").replace("\r", "\n")


def _parameter(part: Message, name: str) -> str | None:
    """A parameter of Content-Type."""
    value = part.get_param(name)
    return value if isinstance(value, str) else None


def is_flowed(part: Message) -> bool:
    """Whether its lines may be joined (RFC 3676)."""
    return (_parameter(part, "format") or "").lower() == "flowed"


def is_attached(part: Message) -> bool:
    """Whether it is a file rather than text of the mail."""
    return part.get_content_disposition() == "attachment" or part.get_param("name") is not None


def header(message: Message, name: str) -> str:
    """A header in one line, encoded words (RFC 2047) read; empty if there is none."""
    return _readable(_raw(message, name))


def _raw(message: Message, name: str) -> str:
    value = message.get(name)
    return value if isinstance(value, str) else ""


def _readable(value: str) -> str:
    text = to_text(value.encode("utf-8", "surrogateescape"))
    pieces: list[tuple[str | bytes, str | None]] = [(text, None)]
    with suppress(HeaderParseError, ValueError):  # nonsense that looks like an encoded word stays as it is
        pieces = decode_header(text)
    return " ".join("".join(_piece(piece, charset) for piece, charset in pieces).split())


def _piece(piece: str | bytes, charset: str | None) -> str:
    """A piece of a header, as decode_header hands it out: what stood between encoded words comes escaped."""
    if isinstance(piece, str):
        return piece
    return to_text(piece, charset) if charset else clean(piece.decode("raw-unicode-escape", "replace"))


def mailboxes(message: Message, *names: str) -> list[tuple[str, str]]:
    """Names and lower-cased addresses in these headers."""
    found = []
    for name in names:
        value = " ".join(_raw(message, name).split())
        if value.count("(") > MOST_COMMENTS:
            value = value.replace("(", " ")
        found += [(_readable(display), clean(address).lower()) for display, address in getaddresses([value])]
    return [(display, address) for display, address in found if "@" in address.strip("@")]


def ids(text: str) -> list[str]:
    """Message-IDs in the order in which a text names them, each once."""
    found = dict.fromkeys(one for one in _ID.findall(clean(text)) if "@" in one)
    return list(found)[:MOST_IDS]


def header_ids(message: Message, *names: str) -> list[str]:
    """Message-IDs in these headers."""
    return ids(" ".join(_raw(message, name) for name in names))


def instant(text: str) -> datetime | None:
    """What a Date header says, in UTC; None if that is no date."""
    try:
        when = parsedate_to_datetime(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
