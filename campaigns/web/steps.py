"""The sequence builder: a whole node list as a browser posts it, changed by one button, and shown again."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from werkzeug.datastructures import MultiDict

from campaigns.models.campaign import Node
from campaigns.rules.lifecycle import EMAIL
from campaigns.rules.problems import Problem
from campaigns.rules.sequence import DELAY, END, NODE_FIELDS
from campaigns.web.forms import as_number, sentence

Raw = dict[str, Any]
Posted = MultiDict[str, str]
_NAMES = "|".join(("id", "type", *NODE_FIELDS))
_INPUT = re.compile(rf"nodes-([0-9]{{1,4}})-({_NAMES})")
_PROBLEM = re.compile(r"sequence_nodes\[([0-9]+)\](?:\.(.+))?")
# A wait that a button adds is of a day; an email after another one stays in its thread, as follow-ups mostly do.
NEW_DELAY = {"delay_days": "1", "delay_hours": "0", "delay_minutes": "0"}
NEW_FOLLOW_UP = {"is_reply": "1"}


def typed_nodes(form: Posted) -> list[Raw]:
    """The list as it was typed: texts by field, in the order of the numbers."""
    places: dict[int, Raw] = {}
    for name, text in form.items():
        if found := _INPUT.fullmatch(name):
            places.setdefault(int(found[1]), {})[found[2]] = text
    return [places[place] for place in sorted(places)]


def change_nodes(nodes: list[Raw], form: Posted) -> list[Raw]:
    """The list after the button that was pressed, if one was; the end stays last."""
    if wish := form.get("move"):
        way, _, place = wish.partition(":")
        return _moved(nodes, _place(place, nodes), -1 if way == "up" else 1)
    if "copy" in form and (index := _place(form["copy"], nodes)) is not None:
        return [*nodes[: index + 1], {**nodes[index], "id": ""}, *nodes[index + 1 :]]
    if "remove" in form and (index := _place(form["remove"], nodes)) is not None:
        return nodes[:index] + nodes[index + 1 :]
    if kind := form.get("add"):
        last = len(nodes) - 1 if nodes and nodes[-1].get("type") == END else len(nodes)
        return [*nodes[:last], _new(kind, nodes), *nodes[last:]]
    return nodes


def _new(kind: str, before: Sequence[Raw]) -> Raw:
    if kind == DELAY:
        return {"type": kind, **NEW_DELAY}
    follows = kind == EMAIL and any(node.get("type") == EMAIL for node in before)
    return {"type": kind, **(NEW_FOLLOW_UP if follows else {})}


def _place(text: str, nodes: Sequence[Raw]) -> int | None:
    """The index of a step that may be moved, copied or removed: any but the end."""
    index = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else len(nodes)
    return index if index < len(nodes) and nodes[index].get("type") != END else None


def _moved(nodes: list[Raw], index: int | None, by: int) -> list[Raw]:
    target = None if index is None else index + by
    if index is None or target is None or not 0 <= target < len(nodes) or nodes[target].get("type") == END:
        return nodes
    moved = list(nodes)
    moved[index], moved[target] = moved[target], moved[index]
    return moved


def as_body(nodes: Iterable[Raw]) -> list[Raw]:
    """The raw value of `sequence_nodes`: numbers and flags read from their texts."""
    return [_as_node(node) for node in nodes]


def _as_node(typed: Raw) -> Raw:
    node: Raw = {"type": typed.get("type", "")}
    if typed.get("id"):
        node["id"] = typed["id"]
    for name, row in NODE_FIELDS.items():
        if row.kind == "flag":
            node[name] = bool(typed.get(name))
        elif name in typed:
            node[name] = _read(row.kind, typed[name], row.default)
    return node


def _read(kind: str, text: str, default: Any) -> Any:
    if kind == "number":
        number = as_number(text)
        return 0 if number is None else number
    text = text.replace("\r\n", "\n")
    return None if default is None and not text.strip() else text


def show_stored(nodes: Iterable[Node]) -> list[Raw]:
    """The list as the database has it, with no errors."""
    return [
        {"id": str(node.id), "type": node.type, **{name: getattr(node, name) for name in NODE_FIELDS}, "errors": {}}
        for node in nodes
    ]


def show_typed(nodes: Iterable[Raw], problems: Iterable[Problem]) -> tuple[list[Raw], list[str]]:
    """A refused list as it was typed, each error at its step; and what is wrong with the list as a whole."""
    shown: list[Raw] = [_shown(node) for node in nodes]
    whole: list[str] = []
    for problem in problems:
        found = _PROBLEM.fullmatch(problem.field)
        if found and int(found[1]) < len(shown):
            errors = shown[int(found[1])]["errors"]
            errors.setdefault(found[2] or "", []).append(sentence(problem.message))
        else:
            whole.append(sentence(f"the sequence {problem.message}"))
    return shown, whole


def _shown(typed: Mapping[str, Any]) -> Raw:
    blank = dict.fromkeys(NODE_FIELDS)
    return {**blank, "id": None, "type": "", **typed, "errors": {}}
