"""Bytes to text, whatever their label says: it is often wrong, and sometimes hostile."""

import codecs
import re

# Wider ones that hold all that the named one does, as browsers read them (WHATWG Encoding section 4.2).
WIDER = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# Python's text codecs that are no character sets of mail; decoding punycode takes quadratic time.
NO_CHARSETS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"}
# What not every database keeps: NUL and halves of characters.
_UNKEPT = re.compile("[\x00\ud800-\udfff]")


def to_text(data: bytes, label: str | None = None) -> str:
    """The text of the bytes; what cannot be read becomes U+FFFD. Never raises."""
    named = _known(label)
    for charset in (named, "utf-8"):
        if charset:
            try:
                return clean(data.decode(charset))
            except ValueError:
                continue
    return clean(data.decode(named if named not in (None, "utf-8") else "cp1252", "replace"))


def clean(text: str) -> str:
    """Without what not every database keeps."""
    return _UNKEPT.sub("\ufffd", text)


def _known(label: str | None) -> str | None:
    """Python's name for the character set; None if there is none."""
    try:
        name = codecs.lookup((label or "").strip("\"' ")).name
        "".encode(name)  # some codecs are of bytes to bytes
    except (LookupError, ValueError):
        return None
    return None if name in NO_CHARSETS else WIDER.get(name, name)
