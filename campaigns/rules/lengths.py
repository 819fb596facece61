"""How long the text of a LinkedIn step may be.

Lengths are UTF-16 code units, as LinkedIn's own boxes and every browser count them: a letter is one, an emoji two or
more. Nothing that is counted so is longer for LinkedIn than for us.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from campaigns.rules.placeholders import BrokenTemplate, fill_in, names_used, values_of_one
from campaigns.rules.problems import Problem
from campaigns.rules.seats import MOST_MESSAGE, NOTE_LIMITS
from campaigns.rules.sequence import CONNECTION_REQUEST, MESSAGE, Written, named, sent_texts

NOUNS = {CONNECTION_REQUEST: "note", MESSAGE: "message"}


class Account(Protocol):
    """What a length depends on, and what people call it."""

    @property
    def label(self) -> str: ...
    @property
    def is_premium(self) -> bool: ...


class TooLong(BrokenTemplate):
    """A text that LinkedIn would not take from this account, as it is filled for somebody."""


def length(text: str) -> int:
    """How long LinkedIn takes a text to be."""
    return len(text.encode("utf-16-le")) // 2


def limits(premium: Collection[bool]) -> Mapping[str, int]:
    """Kind of step -> the most characters that every one of some accounts may write; of no account at all, a usual
    one."""
    return {CONNECTION_REQUEST: NOTE_LIMITS[bool(premium) and all(premium)], MESSAGE: MOST_MESSAGE}


def least_length(text: str) -> int:
    """How long a text is at least, however short a person's values are; as it stands where it cannot be filled."""
    try:
        short = fill_in(text, values_of_one(names_used(text), "x"), lambda _: "x")
        bare = fill_in(text, {}, lambda _: "x")
    except BrokenTemplate:
        return length(text)
    return min(length(short.strip()), length(bare.strip()))


def fit(step: str, text: str, *, premium: bool) -> str:
    """A filled text as it leaves. Raises TooLong, with words for the person who is held back by it."""
    text = text.strip()
    most, found = limits((premium,))[step], length(text)
    if found > most:
        raise TooLong(f"the {NOUNS[step]} has {found:,} characters for this person, and the account may write {most:,}")
    return text


def text_of(node: Written) -> str | None:
    """What a LinkedIn step says; None for a bare invitation and for whatever sends nothing."""
    return node.body or "" if node.type in NOUNS and sent_texts(node) else None


def too_long(nodes: Sequence[Written], accounts: Sequence[Account]) -> Iterator[Problem]:
    """The steps that some of the accounts could write to nobody, and which accounts those are."""
    for index, (node, step) in enumerate(named(nodes)):
        text = text_of(node)
        if text is None:
            continue
        found = least_length(text)
        narrow = [one for one in accounts if found > limits((one.is_premium,))[node.type]]
        if narrow:
            most = limits((narrow[0].is_premium,))[node.type]
            words = f"the {NOUNS[node.type]} has at least {found:,} characters, and {_names(narrow)} may write {most:,}"
            yield Problem(f"sequence_nodes[{index}].body", f"{step}: {words}{_HINTS.get(most, '')}")


# Most characters -> what would allow more.
_HINTS = {NOTE_LIMITS[False]: f", or {NOTE_LIMITS[True]} with LinkedIn Premium"}


def _names(accounts: Sequence[Account]) -> str:
    others = len(accounts) - 1
    more = f" and {others} other{'s' if others > 1 else ''}" if others else ""
    return f"{accounts[0].label}{more}"
