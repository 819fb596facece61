"""Writing a message as it goes over the wire (RFC 5322), in seven bits that no server can garble.

Headers are written here and not by the standard library, whose folding encodes long Message-IDs, which breaks
threads, and loses blanks between encoded words (Python up to 3.13 at least).
"""

import re
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from campaigns.rules.outgoing import Outgoing, wire_address

_POLICY = SMTP.clone(cte_type="7bit")
_BREAK = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
# What ends a sentence does not belong to a link, nor do quotation marks.
_LINK = re.compile(r"""(https?://[^\s<>"]*[^\s<>"'.,;:!?()\[\]])""")
# What keeps a text from going out as it is: nothing in it, long lines, none ended, other breaks and controls.
_ODD = re.compile(r"\A\Z|[^\n]{79}|[^\n]\Z|[\x00-\x08\x0b-\x1f\x7f]")
# Then the standard library would write just this before it, in a hundred times the time.
_AS_IT_IS = 'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\nMIME-Version: 1.0\r\n\r\n'
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,."]')


def write(outgoing: Outgoing) -> bytes:
    """The whole message with CRLF line ends. Raises ValueError for what no header may hold, line breaks above all.

    ASCII, unless the part of an address before the @ is not: then UTF-8 (RFC 6532).
    """
    headers = [
        ("From", _mailbox("From", outgoing.from_name, outgoing.from_address)),
        ("To", _mailbox("To", outgoing.to_name, outgoing.to_address)),
        ("Subject", _text("Subject", outgoing.subject)),
        ("Date", format_datetime(outgoing.date)),
        ("Message-ID", _ids(outgoing.message_id)),
    ]
    if outgoing.references:
        headers.append(("In-Reply-To", _ids(outgoing.references[-1])))
        headers.append(("References", _ids(*outgoing.references)))
    if outgoing.reply_to:
        headers.append(("Reply-To", wire_address(outgoing.reply_to)))
    if outgoing.unsubscribe:
        headers.append(("List-Unsubscribe", f"<{_url(outgoing.unsubscribe)}>"))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    if not outgoing.pixel and outgoing.body.isascii() and not _ODD.search(outgoing.body):
        return (head + _AS_IT_IS + outgoing.body.replace("\n", "\r\n")).encode()
    return head.encode() + _content(outgoing).as_bytes()


def _content(outgoing: Outgoing) -> EmailMessage:
    """Plain text; beside it HTML only where a picture has to be in it."""
    content = EmailMessage(policy=_POLICY)
    content.set_content(outgoing.body)
    if outgoing.pixel:
        content.add_alternative(as_html(outgoing.body, _url(outgoing.pixel)), subtype="html")
    return content


def as_html(text: str, pixel: str) -> str:
    """The text as it looks in a mail program: its lines, its links, nothing else; the picture after it."""
    lines = "<br>\n".join(_html_line(line) for line in text.splitlines())
    picture = f'<img src="{escape(pixel)}" width="1" height="1" alt="">'
    return f"<!DOCTYPE html>\n<html><body><div>{lines}</div>{picture}</body></html>\n"


def _html_line(line: str) -> str:
    pieces = enumerate(map(escape, _LINK.split(line.expandtabs(4))))  # every other one is a link
    linked = "".join(f'<a href="{piece}">{piece}</a>' if place % 2 else piece for place, piece in pieces)
    return linked.replace("  ", "&nbsp; ")


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[!-;=?-~]+", text):
        raise ValueError(f"{text!r} is not a link that a mail can carry")
    return text


def _whole(text: str) -> str:
    if _BREAK.search(text):
        raise ValueError(f"{text!r} holds a line break or another character that no header may hold")
    return text


def _text(name: str, text: str) -> str:
    """A header's text, folded; encoded (RFC 2047) where it is not plain ASCII or looks as if it were encoded."""
    plain = _whole(text).isascii() and "=?" not in text
    return Header(text, "us-ascii" if plain else "utf-8", header_name=name).encode(linesep="\r\n")


def _mailbox(name: str, display: str | None, address: str) -> str:
    wire = wire_address(address)
    if not display or not display.strip():
        return wire
    if display.isascii() and "=?" not in display:
        quoted = re.sub(r'(["\\])', r"\\\1", _whole(display))
        return f'"{quoted}" <{wire}>' if _SPECIAL.search(display) else f"{display} <{wire}>"
    return f"{_text(name, display)} <{wire}>"


def _ids(*ids: str) -> str:
    """Message-IDs, one a line: however long, they are never folded or encoded."""
    for one in ids:
        if not re.fullmatch(r"<[!-;=?-~]+>", one):
            raise ValueError(f"{one!r} is not a Message-ID")
    return "\r\n ".join(ids)
