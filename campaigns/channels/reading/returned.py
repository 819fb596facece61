"""The message that a bounce or a complaint encloses: whose it was, and which."""

import re
from collections.abc import Iterator
from email.message import Message

from campaigns.channels.reading.parts import enclosed, header_ids, ids, mailboxes, parse_headers, part_text, parts_of

_ENCLOSED = {"message/rfc822", "message/global"}
_HEADERS = {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
# Where a free-text bounce shows the message that came back.
_ID_LINE = re.compile(r"^[> \t]*Message-ID:[ \t]*(?:\r?\n)?[> \t]*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)


def returned_messages(message: Message) -> Iterator[Message]:
    """What the mail encloses: a whole message, or the headers of one."""
    for part in parts_of(message):
        kind = part.get_content_type()
        if kind in _ENCLOSED:
            yield from enclosed(part)
        elif kind in _HEADERS:
            yield from enclosed(part) or [parse_headers(part_text(part))]


def returned_ids(message: Message, text: str) -> list[str]:
    """Message-IDs of what came back, in the enclosed message or in the text."""
    found = [one for inner in returned_messages(message) for one in header_ids(inner, "Message-ID")]
    return found or ids(" ".join(_ID_LINE.findall(text)))


def returned_recipients(message: Message) -> list[str]:
    """Who the message that came back was written to."""
    return [address for inner in returned_messages(message) for _, address in mailboxes(inner, "To")]
