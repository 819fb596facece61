"""Events of a campaign as sentences."""

from collections.abc import Callable, Mapping
from typing import Any

from campaigns.models.event import Event
from campaigns.rules.fields import BY_NAME
from campaigns.settling import SETTLEMENTS

Data = Mapping[str, Any]


def _people(data: Data, name: str) -> str:
    count = data.get(name) or 0
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _edited(data: Data) -> str:
    labels = [BY_NAME[name].label for name in data.get("fields", ()) if name in BY_NAME]
    return f"Changed: {', '.join(labels)}" if labels else "Changed"


def _added(data: Data) -> str:
    source = {"csv": " from a file", "paste": " by pasting", "api": " over the API"}.get(data.get("source", ""), "")
    return f"{_people(data, 'count')} added{source}"


def _paused(data: Data) -> str:
    return f"Paused: {data['reason']}" if data.get("reason") else "Paused"


def _launch_asked(data: Data) -> str:
    skipped = f": {_people(data, 'skipped')} skipped, being in other campaigns already" if data.get("skipped") else ""
    return f"Launch asked for{skipped}"


def _settled(data: Data) -> str:
    return f"An unknown outcome settled: {SETTLEMENTS.get(data.get('settlement', ''), '').lower()}"


def _retried(data: Data) -> str:
    what = "tried again" if data.get("how") == "again" else "moved past a step that failed"
    return f"{_people(data, 'count')} {what}"


SENTENCES: Mapping[str, Callable[[Data], str]] = {
    "created": lambda data: "Made",
    "edited": _edited,
    "launch_requested": _launch_asked,
    "launched": lambda data: f"Launched, with {_people(data, 'prospects')}",
    "launch_failed": lambda data: "The launch did not come through: it is a draft again",
    "paused": _paused,
    "resumed": lambda data: "Resumed",
    "completed": lambda data: "Completed: everybody has come to an end",
    "deletion_begun": lambda data: "Deletion begun; if the campaign is still there, delete it again",
    "prospects_added": _added,
    "prospects_removed": lambda data: f"{_people(data, 'count')} removed",
    "prospects_brought_back": lambda data: f"{_people(data, 'count')} brought back after they were removed",
    "settled": _settled,
    "retried": _retried,
    "person_paused": lambda data: "One person paused",
    "person_resumed": lambda data: "One person resumed",
    "replied": lambda data: "One person answered",
    "bounced": lambda data: "A message to one person came back",
    "unsubscribed": lambda data: "One person unsubscribed",
    "complained": lambda data: "One person reported a message as spam",
    "guarded": lambda data: f"Paused: {data.get('bounced')} of {data.get('written_to')} people bounced",
    "insisted": lambda data: "One person, who was skipped for another campaign, is written to all the same",
    "step_skipped": lambda data: "A step skipped for one person",
    "withdrawn": lambda data: f"{_people(data, 'count')}: invitation withdrawn",
    "accepted": lambda data: "One person accepted an invitation",
    "connected_already": lambda data: "One person was found to be connected already",
    "not_possible": lambda data: "A step marked as not possible for one person",
    "task_undone": lambda data: "What was said of a task taken back",
    "skip_undone": lambda data: "A skipped step brought back for one person",
}


def sentence_of(event: Event) -> str:
    """What happened, in words; a kind that is not known yet by its own name."""
    known = SENTENCES.get(event.kind)
    return known(event.data) if known else event.kind.replace("_", " ").capitalize()
