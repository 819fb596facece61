"""What is different between two sequences, step by step and word by word, for people to read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from campaigns.rules.sequence import NODE_FIELDS, step_names

Raw = Mapping[str, Any]
Part = tuple[Literal["same", "gone", "new"], str]

_WORDS = re.compile(r"\s+|\S+")


@dataclass(frozen=True)
class Difference:
    """One step that is different. `kind` is added, removed, moved or changed; `texts` has, of a changed one, each
    field with its words, those that are gone and those that are new among them."""

    kind: str
    label: str
    texts: tuple[tuple[str, tuple[Part, ...]], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """One entry of `changes` of a version."""
        fields = {name: [{"kind": kind, "text": text} for kind, text in parts] for name, parts in self.texts}
        return {"kind": self.kind, "step": self.label, "fields": fields}


def labels(nodes: Sequence[Raw]) -> list[str]:
    """What people call each step."""
    return step_names(node["type"] for node in nodes)


def differences(before: Sequence[Raw], after: Sequence[Raw]) -> list[Difference]:
    """How `after` came of `before`; nodes are the same by their ids."""
    old = {node["id"]: node for node in before}
    new = {node["id"] for node in after}
    moved = _moved(
        [node["id"] for node in before if node["id"] in new], [node["id"] for node in after if node["id"] in old]
    )
    found = [
        Difference("removed", label)
        for node, label in zip(before, labels(before), strict=True)
        if node["id"] not in new
    ]
    for node, label in zip(after, labels(after), strict=True):
        if node["id"] not in old:
            found.append(Difference("added", label))
            continue
        if node["id"] in moved:
            found.append(Difference("moved", label))
        if texts := _texts(old[node["id"]], node):
            found.append(Difference("changed", label, texts))
    return found


def _moved(before: list[Any], after: list[Any]) -> set[Any]:
    """Those that stand elsewhere among the others; as few as explain it."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return set(after) - {one for block in blocks for one in after[block.b : block.b + block.size]}


def _texts(old: Raw, new: Raw) -> tuple[tuple[str, tuple[Part, ...]], ...]:
    return tuple(
        (name, tuple(word_parts(_shown(old.get(name)), _shown(new.get(name)))))
        for name in NODE_FIELDS
        if old.get(name) != new.get(name)
    )


def _shown(value: Any) -> str:
    return {None: "", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


def word_parts(old: str, new: str) -> list[Part]:
    """Both texts in one, word by word."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    parts: list[Part] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(("same", "".join(before[a:b])))
            continue
        if a < b:
            parts.append(("gone", "".join(before[a:b])))
        if c < d:
            parts.append(("new", "".join(after[c:d])))
    return parts
