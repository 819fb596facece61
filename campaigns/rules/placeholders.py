"""Placeholders in subjects, bodies and signatures (CONTRACT section 6, last paragraph).

`%first_name%` and `%first_name|there%` are shorthand for Liquid, which may be written too. What is no
placeholder stays as it is: `100% sure`, `50%`, and percent-encoded links such as `caf%C3%A9%20`. A KEY of
`%custom_fields.KEY%` is the name of a column, spelt as it was imported; see `is_key`.
"""

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from campaigns.rules import liquid_subset
from campaigns.rules.liquid_subset import (
    KEYED,
    BrokenTemplate,
    Keyed,
    MissingValue,
    line_of,
    present,
)
from campaigns.rules.problems import shown

__all__ = [
    "MOST_SOURCE",
    "NAMES",
    "BrokenTemplate",
    "MissingValue",
    "check",
    "fill",
    "fill_in",
    "fill_subject",
    "is_key",
    "names_used",
    "values_of_one",
]

NAMES: Mapping[str, str] = {
    "first_name": "The prospect's first name",
    "last_name": "The prospect's last name",
    "name": "The prospect's full name",
    "email": "The prospect's email address",
    "company": "The prospect's company",
    "position": "The prospect's position there",
    "headline": "The prospect's headline",
    "custom_fields.KEY": "A column of the import, by its name",
    "sender_first_name": "The sender's first name",
    "sender_last_name": "The sender's last name",
    "sender_name": "The sender's display name",
    "sender_email": "The sender's email address",
}
_PLAIN = frozenset(NAMES) - {"custom_fields.KEY"}

MOST_SOURCE = 20_000  # characters of a text with placeholders
MOST_TAG = 1_000  # characters of one {{ … }} or {% … %}: the library's scanning is quadratic in them
# More values missing in a text than anybody can oversee.
_MOST_MISSING = 100

_KEY = r'[^%|{}"\\\x00-\x1f\x7f\ud800-\udfff]{1,100}'
_NAME = rf"custom_fields\.{_KEY}|[^\W\d]\w*(?:\.[\w-]+)*"
_PLACEHOLDER = re.compile(rf"%(?P<name>{_NAME})(?:(?P<gap>[ \t]*)\|(?P<fallback>[^%{{}}\r\n]*))?%")
_UNCLOSED = re.compile(rf"(?<!\d)%(?:{'|'.join(_PLAIN)}|custom_fields)\b")
_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_OPENING = re.compile(r"\{\{|\{%")
_TAG_NAME = re.compile(r"\{%-?\s*(\S*?)\s*(?:-?%\}|\s)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def check(text: str) -> list[str]:
    """What is wrong with `text`, in words; empty where it can be filled for whoever has the values."""
    return list(_compile(text).problems)


def names_used(text: str) -> set[str]:
    """The names whose values `text` asks for, such as `company` or `custom_fields.Job title`.

    Names with a fallback and in conditions count too. Empty where `check` has something to say.
    """
    parsed = _compile(text).parsed
    return set(parsed.names) if parsed else set()


def is_key(key: str) -> bool:
    """Whether `%custom_fields.KEY%` can name `key`; importers should hold their columns to it.

    A key has 1 to 100 characters: letters, digits, spaces inside, and whatever else is printed, but none of
    % | { } " and the backslash.
    """
    return key == key.strip() and re.fullmatch(_KEY, key) is not None


def fill(text: str, values: Mapping[str, object]) -> str:
    """`text` with its placeholders filled from `values`, by name; `custom_fields` is a mapping of its own.

    Values are put in as they are: not escaped, and never read as placeholders themselves. Nothing, blanks
    and a missing key are a missing value. Raises MissingValue with the name where one is needed and has no
    fallback, BrokenTemplate where `check` finds a problem or the text grows beyond its limits.
    """
    compiled = _compile(text)
    if compiled.problems:
        raise BrokenTemplate(*compiled.problems)
    if compiled.parsed is None:
        return text
    return compiled.parsed.render(_visible(compiled.parsed.names, values))


def fill_subject(text: str, values: Mapping[str, object]) -> str:
    """As `fill`, on one line: line breaks and control characters become spaces, runs of spaces one."""
    line = _CONTROL.sub(" ", fill(text, values))
    return re.sub(" {2,}", " ", line).strip()


def fill_in(text: str, values: Mapping[str, object], stand_in: Callable[[str], str], *, line: bool = False) -> str:
    """As `fill`, or `fill_subject` for a `line`, with what `stand_in` says for each name whose value is missing.
    Raises BrokenTemplate."""
    keyed = values.get(KEYED)
    known, fields = dict(values), dict(keyed) if isinstance(keyed, Mapping) else {}
    known[KEYED] = fields
    for _ in range(_MOST_MISSING):
        try:
            return fill_subject(text, known) if line else fill(text, known)
        except MissingValue as missing:
            is_keyed = missing.name.startswith(f"{KEYED}.")
            place, name = (fields, missing.name.partition(".")[2]) if is_keyed else (known, missing.name)
            place[name] = stand_in(missing.name)
    raise BrokenTemplate(f"has more than {_MOST_MISSING} values missing")


def values_of_one(names: Collection[str], value: str) -> dict[str, object]:
    """The values of somebody who has this one for each of `names` (names_used)."""
    plain, start = [name for name in names if name in _PLAIN], f"{KEYED}."
    keys = [name.removeprefix(start) for name in names if name.startswith(start)]
    return {**dict.fromkeys(plain, value), KEYED: dict.fromkeys(keys, value)}


def _visible(names: frozenset[str], values: Mapping[str, object]) -> dict[str, object]:
    """The values that a template may see: those it names, and nothing else of `values`."""
    visible = {name: present(name, values.get(name)) for name in names & _PLAIN}
    fields = values.get(KEYED)
    visible[KEYED] = Keyed(fields if isinstance(fields, Mapping) else {})
    return visible


# Compiling


@dataclass(frozen=True)
class _Compiled:
    """`parsed` is None for a text with nothing to fill, and for one with problems."""

    problems: tuple[str, ...] = ()
    parsed: liquid_subset.Parsed | None = None


@lru_cache(maxsize=512)
def _compile(text: str) -> _Compiled:
    if len(text) > MOST_SOURCE:
        return _Compiled((f"a text with placeholders has at most {MOST_SOURCE} characters, not {len(text)}",))
    translation = _Translation(text)
    if translation.problems:
        return _Compiled(tuple(translation.problems))
    if not translation.has_liquid:
        return _Compiled()
    try:
        parsed = liquid_subset.parse(translation.source, _PLAIN)
        _try(parsed)
    except BrokenTemplate as broken:
        return _Compiled(broken.problems)
    return _Compiled(parsed=parsed)


def _try(parsed: liquid_subset.Parsed) -> None:
    """Fill a text for somebody who has every value: one that grows beyond its limits does so here already."""
    with suppress(MissingValue):
        parsed.render(_visible(parsed.names, values_of_one(parsed.names, "x")))


class _Translation:
    """A text cut into Liquid, which is kept, and plain text, whose placeholders become Liquid.

    Line breaks stay where they are, so that the lines of errors are those of the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[str] = []
        self.has_liquid = False
        self.blocks: list[tuple[str, int]] = []  # the open ones: tag name and place
        self.source = "".join(self._pieces())
        for name, start in self.blocks:
            self._problem(f"{{% {name} %}} is not closed with {{% end{name} %}}", start)

    def _pieces(self) -> list[str]:
        pieces: list[str] = []
        at = 0
        while opening := _OPENING.search(self.text, at):
            pieces += self._plain(at, opening.start())
            at = self._liquid_end(opening.start(), "}}" if opening[0] == "{{" else "%}")
            pieces.append(self.text[opening.start() : at])
            self.has_liquid = True
        return pieces + self._plain(at, len(self.text))

    def _liquid_end(self, start: int, closing: str) -> int:
        """Where the tag at `start` ends; the end of the text where it does not."""
        end = self.text.find(closing, start + 2)
        if end < 0:
            self._problem(f"{self.text[start : start + 2]} is not closed with {closing}", start)
            return len(self.text)
        if end - start > MOST_TAG:
            self._problem(f"what stands in braces has at most {MOST_TAG} characters", start)
        elif closing == "%}":
            self._check_tag(start, end)
        return end + 2

    def _check_tag(self, start: int, end: int) -> None:
        found = _TAG_NAME.match(self.text, start, end + 2)
        name = found[1] if found else ""
        if name not in liquid_subset.TAGS:
            self._problem(f"unknown tag {{% {shown(name)[1:-1]} %}}", start)
        elif f"end{name}" in liquid_subset.TAGS:
            self.blocks.append((name, start))
        elif name.startswith("end"):
            self._close(name.removeprefix("end"))

    def _close(self, name: str) -> None:
        """Forget the innermost open block `name` and all within; the parser says what is wrong with those."""
        opened = [index for index, (block, _) in enumerate(self.blocks) if block == name]
        if opened:
            del self.blocks[opened[-1] :]

    def _plain(self, at: int, end: int) -> list[str]:
        """The plain text from `at` to `end`, its placeholders translated."""
        pieces: list[str] = []
        while (percent := self.text.find("%", at, end)) >= 0:
            piece, after = self._percent(percent, end)
            pieces += [self.text[at:percent], piece]
            at = after
        return [*pieces, self.text[at:end]]

    def _percent(self, at: int, end: int) -> tuple[str, int]:
        """What becomes of the % at `at`, and where the text goes on."""
        encoded = _ENCODED.match(self.text, at, end)
        if encoded and _is_utf8(encoded[0]):
            return encoded[0], encoded.end()
        found = _PLACEHOLDER.match(self.text, at, end)
        if found and (piece := self._placeholder(found)):
            return piece, found.end()
        if unclosed := _UNCLOSED.match(self.text, at, end):
            self._problem(f"the placeholder {unclosed[0]} is not closed with %", at)
        return "%", at + 1

    def _placeholder(self, found: re.Match[str]) -> str:
        """A placeholder as Liquid; empty for what only looks like one."""
        name, fallback = found["name"], found["fallback"]
        key = name.removeprefix(f"{KEYED}.").strip()
        if name not in _PLAIN and (key == name or not key):
            if found["gap"]:  # "50%off | 20%" is no placeholder; "%first_name | there%" is
                return ""
            self._problem(f"unknown placeholder {_percents(name)}{_suggestion(name)}", found.start())
            return found[0]
        self.has_liquid = True
        path = name if name in _PLAIN else f'{KEYED}["{key}"]'
        return _liquid(path, None if fallback is None else fallback.strip())

    def _problem(self, message: str, index: int) -> None:
        line = f" on line {line_of(self.text, index)}" if "\n" in self.text else ""
        self.problems.append(f"{message}{line}")


def _liquid(path: str, fallback: str | None) -> str:
    if fallback is None:
        return f"{{{{ {path} }}}}"
    if '"' not in fallback:
        return f'{{{{ {path} | default: "{fallback}" }}}}'
    # A Liquid string cannot hold every quotation mark, plain text can.
    return f"{{% if {path} %}}{{{{ {path} }}}}{{% else %}}{fallback}{{% endif %}}"


def _is_utf8(encoded: str) -> bool:
    """Whether a run of %XX encodes some text, as in a link: `%C3%A9` does, the `%de` of `%de%` does not."""
    try:
        bytes.fromhex(encoded.replace("%", "")).decode()
    except UnicodeDecodeError:
        return False
    return True


def _percents(name: str) -> str:
    return f"%{shown(name)[1:-1]}%"


def _suggestion(name: str) -> str:
    if name.casefold() == KEYED:
        return ": it needs a key, %custom_fields.KEY%"
    close = get_close_matches(name.casefold(), _PLAIN, n=1, cutoff=0.75)
    return f": did you mean %{close[0]}%?" if close else ""
