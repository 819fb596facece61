"""Two who edited the same: what each has, side by side, so that a person can choose; and what an undo puts back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from campaigns.models.campaign import Campaign
from campaigns.models.version import SEQUENCE, Nodes, Version
from campaigns.rules.differences import differences, labels
from campaigns.rules.fields import BY_NAME, FIELDS, locked_because
from campaigns.rules.hours import DAYS
from campaigns.rules.kinds import Context
from campaigns.rules.problems import Problems
from campaigns.rules.sequence import NODE_FIELDS

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Clash:
    """One thing that is not the same in what is `mine` and in what is there now."""

    what: str
    mine: str
    theirs: str


def drawn_from(form: MultiDict[str, str]) -> int | None:
    """The version that a posted form was drawn from, or the one that its sender chose to write over."""
    text = form.get("over") or form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def step_clashes(mine: Sequence[Raw], theirs: Nodes) -> list[Clash]:
    """What is different between a typed list and the stored one, step by step."""
    there = {node["id"]: (label, node) for node, label in zip(theirs, labels(theirs), strict=True)}
    found = []
    for node, label in zip(mine, labels(mine), strict=True):
        if node.get("id") not in there:
            found.append(Clash(label, "in the sequence", "not in the sequence"))
            continue
        found += _fields(label, node, there.pop(node["id"])[1])
    found += [Clash(label, "not in the sequence", "in the sequence") for label, _ in there.values()]
    if not found:
        found.append(Clash("Order", ", ".join(labels(mine)), ", ".join(labels(theirs))))
    return found


def _fields(label: str, mine: Raw, theirs: Raw) -> Iterable[Clash]:
    for name in NODE_FIELDS:
        if name in mine and _plain(mine[name]) != _plain(theirs[name]):
            yield Clash(f"{label}: {name.replace('_', ' ')}", _plain(mine[name]), _plain(theirs[name]))


def setting_clashes(
    campaign: Campaign, mine: Raw, theirs: Raw, senders: Mapping[str, str], timezone: str
) -> list[Clash]:
    """What is different between typed settings and the stored ones; `senders` has the label of each account."""
    found = []
    for row in FIELDS:
        if row.name not in mine or locked_because(row, campaign.type, campaign.status):
            continue
        try:
            wanted = row.kind.parse(mine[row.name], row.name, Context(timezone))
            same = wanted == row.kind.parse(theirs[row.name], row.name, Context(timezone))
        except Problems:
            same = False
        if not same:
            shown = (_setting(side[row.name], senders) for side in (mine, theirs))
            found.append(Clash(row.label, *shown))
    return found


def _setting(value: Any, senders: Mapping[str, str]) -> str:
    if isinstance(value, dict):
        return _week(value)
    if isinstance(value, list):
        return ", ".join(_account(each, senders) for each in value)
    return _plain(value) if value is not False else "no"


def _account(entry: Any, senders: Mapping[str, str]) -> str:
    if isinstance(entry, dict):
        return f"{senders.get(entry['account_id'], entry['account_id'])}: {entry['daily_limit']}"
    return senders.get(entry, str(entry))


def _week(hours: Raw) -> str:
    days = (
        day[:3].capitalize() + "".join(f" {one['start']}–{one['end']}" for one in hours[day])
        for day in DAYS
        if hours.get(day)
    )
    return "; ".join([*days, str(hours.get("timezone") or "")])


def _plain(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else ""
    return str(value)


def undo_words(row: Version, present: Nodes) -> str:
    """What undoing an edit puts back, in a few words."""
    names = [BY_NAME[name].label.lower() for name in row.before if name != SEQUENCE]
    if SEQUENCE in row.before:
        names += [f"{each.label} ({each.kind})" for each in differences(row.before[SEQUENCE], present)]
    return ", ".join(names) or "the order of the steps"
