"""The text of a mail as a person reads it."""

import html
import re
from email.message import Message

from campaigns.channels.reading.parts import is_attached, is_flowed, part_text, parts_of

# A leaf that says to have parts has lost its boundaries; it is readable as it is.
_PLAIN = {"text/plain", "multipart/mixed", "multipart/report", "multipart/alternative"}
# Most letters that are kept of a text.
MOST_TEXT = 50_000

# The standard library's parser needs a minute for 100 kB of `<a <a <a`, and raises on `<![`; this takes linear time.
_TOKEN = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]*)>|<[!?/][^<>]*>|[^<]+|<", re.DOTALL)
_UNSEEN = {"script", "style", "title", "template"}
_CELLS = {"td", "th"}
_LINES = {"br", "div", "tr", "li", "ul", "ol", "table", "hr", "blockquote", "pre", "section", "header", "footer"}
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6"}


def text_of(message: Message) -> str:
    """The plain text of a mail, or its HTML as text; the beginning of a very long one."""
    leaves = [part for part in parts_of(message) if not is_attached(part)]
    plain = "\n".join(_plain(part) for part in leaves if part.get_content_type() in _PLAIN)
    rich = [part_text(part) for part in leaves if part.get_content_type() == "text/html"] if not plain.strip() else []
    return (plain if plain.strip() else "\n".join(map(from_html, rich))).strip()[:MOST_TEXT]


def _plain(part: Message) -> str:
    text = part_text(part)
    if not is_flowed(part):
        return text
    return unflow(text, drop_blank=str(part.get_param("delsp", "")).lower() == "yes")


def unflow(text: str, *, drop_blank: bool) -> str:
    """Lines that were broken for the wire, whole again (RFC 3676)."""
    joined: list[str] = []
    soft, depth = False, 0
    for line in text.split("\n"):
        marks = len(line) - len(line.lstrip(">"))
        content = line[marks:].removeprefix(" ")
        if soft and marks == depth and content != "-- ":
            joined[-1] += content
        else:
            joined.append(f"{'>' * marks} {content}" if marks else content)
        depth, soft = marks, content.endswith(" ") and content != "-- "
        if soft and drop_blank:
            joined[-1] = joined[-1][:-1]
    return "\n".join(joined)


def from_html(source: str) -> str:
    """HTML as text: paragraphs and lines kept, block quotations marked with `>`."""
    writer = _Writer()
    for token in _TOKEN.finditer(source):
        closing, tag, _attributes = token.groups()
        if tag:
            writer.tag(tag.lower(), closing=bool(closing))
        elif not token[0].startswith(("<!", "<?", "</")):
            writer.words(token[0])
    return writer.text()


class _Writer:
    """Text that grows line by line."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, str]] = []
        self._line: list[str] = []
        self._depth = 0
        self._hidden: str | None = None

    def tag(self, tag: str, *, closing: bool) -> None:
        if self._hidden:
            self._hidden = None if closing and tag == self._hidden else self._hidden
        elif tag in _UNSEEN and not closing:
            self._hidden = tag
        elif tag in _LINES or tag in _PARAGRAPHS:
            self._break(tag, closing)
        elif tag in _CELLS and self._line:
            self._line.append(" ")

    def _break(self, tag: str, closing: bool) -> None:
        if self._line or tag == "br":
            self._end_line()
        if tag in _PARAGRAPHS and closing:
            self._end_line()
        if tag == "blockquote":
            self._depth = max(0, self._depth + (-1 if closing else 1))

    def words(self, words: str) -> None:
        if not self._hidden and (self._line or words.strip()):
            self._line.append(html.unescape(words))

    def _end_line(self) -> None:
        line = " ".join("".join(self._line).split())
        self._lines.append((self._depth, line))
        self._line = []

    def text(self) -> str:
        self._end_line()
        lines = (f"{'>' * min(depth, 9)} {line}".rstrip() if depth else line for depth, line in self._lines)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
