"""Sequences of nodes (CONTRACT section 6): reading what was sent, what must hold, and what follows a node.

Reading (`parse_nodes`) knows nothing of the campaign, so that types, ranges and lengths are checked even
where the field is ignored (CONTRACT section 2). `check_nodes` holds the rules that need the campaign,
`launch_problems` those that a draft may still break.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

from campaigns.rules import placeholders
from campaigns.rules.lifecycle import EMAIL, LINKEDIN, TYPE_WORDS
from campaigns.rules.problems import Problem, Problems, shown

CONNECTION_REQUEST, MESSAGE, DELAY, END = "connection_request", "message", "delay", "end"

# The node types of each campaign type, in the order in which they are offered.
NODE_TYPES: Mapping[str, tuple[str, ...]] = {
    EMAIL: (EMAIL, DELAY, END),
    LINKEDIN: (CONNECTION_REQUEST, MESSAGE, DELAY, END),
}
ALL_NODE_TYPES = (EMAIL, CONNECTION_REQUEST, MESSAGE, DELAY, END)
SENDING_TYPES = (EMAIL, CONNECTION_REQUEST, MESSAGE)
STEP_WORDS: Mapping[str, str] = {
    EMAIL: "Email",
    CONNECTION_REQUEST: "Connection request",
    MESSAGE: "Message",
    DELAY: "Wait",
    END: "End",
}

MOST_NODES = 100
MOST_MINUTES = 30 * 24 * 60
MOST_WHOLE_NUMBER = 2**31 - 1  # what an integer column of every database holds

UUID_PATTERN = (
    "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    "|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff)$"
)
_UUID = re.compile(UUID_PATTERN)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL; half a surrogate pair is not UTF-8
_LINE_BREAK = re.compile("[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")  # everything that str.splitlines breaks at

Value = str | bool | int | None


@dataclass(frozen=True)
class NodeField:
    """One field of a node: the node types it is on, its kind and what it is where nothing was sent.

    `most` is the length of a text or the size of a number.
    """

    types: tuple[str, ...]
    kind: Literal["line", "text", "flag", "number"]
    default: Value
    help: str
    most: int = MOST_WHOLE_NUMBER

    def schema(self) -> dict[str, Any]:
        """The rule as JSON Schema; null is as good as nothing."""
        rules: Mapping[str, dict[str, Any]] = {
            "flag": {"type": ["boolean", "null"]},
            "number": {"type": ["integer", "null"], "minimum": 0, "maximum": self.most},
        }
        rule = rules.get(self.kind, {"type": ["string", "null"], "maxLength": self.most})
        return {**rule, "description": f"Of {', '.join(self.types)}: {self.help}"}


NODE_FIELDS: Mapping[str, NodeField] = {
    "subject": NodeField((EMAIL,), "line", "", "The subject; may stay empty in a reply.", 998),
    "body": NodeField(SENDING_TYPES, "text", "", "The text of the message.", placeholders.MOST_SOURCE),
    "signature": NodeField((EMAIL,), "text", None, "In place of the campaign's signature; null for that one.", 5_000),
    "is_reply": NodeField((EMAIL,), "flag", False, "Send it as an answer in the thread of the email before."),
    "include_message": NodeField((CONNECTION_REQUEST,), "flag", False, "Send the note, or a bare invitation."),
    "delay_days": NodeField((DELAY,), "number", 0, "Days of 24 hours."),
    "delay_hours": NodeField((DELAY,), "number", 0, "Hours, on top of the days."),
    "delay_minutes": NodeField((DELAY,), "number", 0, "Minutes, on top of the hours."),
}


def node_schema() -> dict[str, Any]:
    """A node as it may be sent, as JSON Schema."""
    node_id = {"type": ["string", "null"], "format": "uuid", "pattern": UUID_PATTERN}
    fields = {name: row.schema() for name, row in NODE_FIELDS.items()}
    properties = {"id": node_id, "type": {"type": "string", "enum": list(ALL_NODE_TYPES)}, **fields}
    return {"type": "object", "required": ["type"], "properties": properties}


@dataclass(frozen=True)
class NodeDraft:
    """One node as it was sent. `id` is None for a new one; fields of other node types are None."""

    id: UUID | None
    type: str
    subject: str | None = None
    body: str | None = None
    signature: str | None = None
    is_reply: bool | None = None
    include_message: bool | None = None
    delay_days: int | None = None
    delay_hours: int | None = None
    delay_minutes: int | None = None


class Timed(Protocol):
    """What a delay is read from: a NodeDraft or a row."""

    @property
    def type(self) -> str: ...
    @property
    def delay_days(self) -> int | None: ...
    @property
    def delay_hours(self) -> int | None: ...
    @property
    def delay_minutes(self) -> int | None: ...


class Step(Timed, Protocol):
    """A node at its place."""

    @property
    def position(self) -> int: ...


class Written(Timed, Protocol):
    """A node with its texts: a NodeDraft or a row."""

    @property
    def subject(self) -> str | None: ...
    @property
    def body(self) -> str | None: ...
    @property
    def signature(self) -> str | None: ...
    @property
    def is_reply(self) -> bool | None: ...
    @property
    def include_message(self) -> bool | None: ...


StepT = TypeVar("StepT", bound=Step)
TimedT = TypeVar("TimedT", bound=Timed)


# Reading


def parse_nodes(raw: object, *, field: str = "sequence_nodes") -> list[NodeDraft]:
    """The nodes of a whole sequence in the order sent.

    Unknown keys, `position`, `campaign_id` and fields of other node types are ignored, so that a client may
    send back what it was given; a known field must have its type all the same. Raises Problems with all that
    is wrong.
    """
    if not isinstance(raw, list):
        raise Problems([Problem(field, "must be a list of steps")])
    if len(raw) > MOST_NODES:
        raise Problems([Problem(field, f"must have at most {MOST_NODES} steps, not {len(raw)}")])
    nodes: list[NodeDraft] = []
    problems: list[Problem] = []
    for index, item in enumerate(raw):
        try:
            nodes.append(parse_node(item, f"{field}[{index}]"))
        except Problems as bad:
            problems.extend(bad.problems)
    problems.extend(_repeated_ids(raw, field))
    if problems:
        raise Problems(problems)
    return nodes


def parse_node(raw: object, field: str = "node") -> NodeDraft:
    """One node, as in `parse_nodes`. Raises Problems named below `field`."""
    if not isinstance(raw, Mapping):
        raise Problems([Problem(field, "must be an object with a type")])
    problems: list[Problem] = []
    node_id = _read_id(raw.get("id"), f"{field}.id", problems)
    node_type = _read_type(raw.get("type"), f"{field}.type", problems)
    values = {
        name: _read_value(row, raw[name], f"{field}.{name}", problems)
        for name, row in NODE_FIELDS.items()
        if raw.get(name) is not None
    }
    if problems:
        raise Problems(problems)
    own = {name: values.get(name, row.default) for name, row in NODE_FIELDS.items() if node_type in row.types}
    return NodeDraft(node_id, node_type, **own)  # type: ignore[arg-type]  # the kinds of the table match


def _read_id(raw: object, field: str, problems: list[Problem]) -> UUID | None:
    if raw is None:
        return None
    if not isinstance(raw, str) or not _UUID.fullmatch(raw):
        problems.append(Problem(field, f"must be a UUID, or left out for a new step, not {shown(raw)}"))
        return None
    return UUID(raw)


def _read_type(raw: object, field: str, problems: list[Problem]) -> str:
    if isinstance(raw, str) and raw in ALL_NODE_TYPES:
        return raw
    given = "is missing" if raw is None else f"is not {shown(raw)}"
    problems.append(Problem(field, f"{given}: it must be one of {', '.join(ALL_NODE_TYPES)}"))
    return ""


def _read_value(row: NodeField, raw: object, field: str, problems: list[Problem]) -> Value:
    try:
        return _READERS[row.kind](row, raw)
    except ValueError as wrong:
        problems.append(Problem(field, str(wrong)))
        return row.default


def _read_text(row: NodeField, raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"must be text, not {shown(raw)}")
    if len(raw) > row.most:
        raise ValueError(f"must be at most {row.most} characters, not {len(raw)}")
    if bad := _UNSTORABLE.search(raw):
        raise ValueError(f"must not hold the character U+{ord(bad[0]):04X}")
    return raw


def _read_line(row: NodeField, raw: object) -> str:
    text = _read_text(row, raw)
    if _LINE_BREAK.search(text):
        raise ValueError("must be one line")
    return text


def _read_flag(row: NodeField, raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueError(f"must be true or false, not {shown(raw)}")
    return raw


def _read_number(row: NodeField, raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise ValueError(f"must be a whole number, not {shown(raw)}")
    if raw < 0:
        raise ValueError("must not be negative")
    if raw > row.most:
        raise ValueError(f"must be at most {row.most}")
    return raw


_READERS: Mapping[str, Callable[[NodeField, object], Value]] = {
    "line": _read_line,
    "text": _read_text,
    "flag": _read_flag,
    "number": _read_number,
}


def _repeated_ids(raw: list[object], field: str) -> Iterator[Problem]:
    """Problems for an id that stands twice, in whatever case it is written."""
    first: dict[str, int] = {}
    for index, item in enumerate(raw):
        given = item.get("id") if isinstance(item, Mapping) else None
        if isinstance(given, str) and _UUID.fullmatch(given):
            before = first.setdefault(given.lower(), index)
            if before != index:
                yield Problem(f"{field}[{index}].id", f"must not repeat the id of [{before}]")


def default_sequence(campaign_type: str) -> list[NodeDraft]:
    """What a new campaign starts with (CONTRACT section 7): its first step, empty, and the end."""
    return [parse_node({"type": node_type}) for node_type in (NODE_TYPES[campaign_type][0], END)]


# Checking


def check_nodes(
    nodes: Sequence[NodeDraft],
    *,
    campaign_type: str,
    known: Mapping[UUID, str],
    field: str = "sequence_nodes",
) -> list[Problem]:
    """What is wrong with `nodes` as a campaign's sequence; `known` has the type of each node it has now."""
    problems = list(_shape_problems(nodes, campaign_type, field))
    for index, node in enumerate(nodes):
        if node.id is None:
            continue
        if node.id not in known:
            problems.append(Problem(f"{field}[{index}].id", "is not a step of this campaign"))
        elif known[node.id] != node.type:
            message = f"must stay {known[node.id]}: a step keeps its type; send it without its id as a new one"
            problems.append(Problem(f"{field}[{index}].type", message))
    return problems


def check_node(node: Timed, *, campaign_type: str, field: str) -> list[Problem]:
    """What is wrong with one node in a campaign of this type, whatever stands around it."""
    types = NODE_TYPES[campaign_type]
    if node.type not in types:
        what = f"one of {', '.join(types)} in a campaign of type {TYPE_WORDS[campaign_type]}"
        return [Problem(f"{field}.type", f"must be {what}, not {node.type}")]
    if node.type == DELAY:
        minutes = _minutes(node)
        if not 1 <= minutes <= MOST_MINUTES:
            return [Problem(field, f"must wait from 1 minute to 30 days in all, not {_duration(minutes)}")]
    return []


def _shape_problems(nodes: Sequence[Timed], campaign_type: str, field: str) -> Iterator[Problem]:
    """What must hold of the whole list at all times, in a draft too."""
    if len(nodes) > MOST_NODES:
        yield Problem(field, f"must have at most {MOST_NODES} steps, not {len(nodes)}")
    for index, node in enumerate(nodes):
        yield from check_node(node, campaign_type=campaign_type, field=f"{field}[{index}]")
    ends = [index for index, node in enumerate(nodes) if node.type == END]
    if not ends:
        yield Problem(field, "must have an end as its last step")
    for index in ends[:-1]:
        yield Problem(f"{field}[{index}]", "must not be a second end: there is exactly one, the last step")
    if ends and ends[-1] != len(nodes) - 1:
        yield Problem(f"{field}[{ends[-1]}]", "must be the last step: nothing follows the end")


def _minutes(node: Timed) -> int:
    """The delay of a node in minutes; a plain number, as a timedelta would overflow on some wrong ones."""
    return ((node.delay_days or 0) * 24 + (node.delay_hours or 0)) * 60 + (node.delay_minutes or 0)


def _duration(minutes: int) -> str:
    days, rest = divmod(minutes, 24 * 60)
    parts = ((days, "day"), (rest // 60, "hour"), (rest % 60, "minute"))
    words = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return " ".join(words) or "0 minutes"


# Following


def delay_of(node: Timed) -> timedelta:
    """How long a node waits: elapsed time, a day is 24 hours (CONTRACT section 4); zero for other nodes."""
    return timedelta(minutes=_minutes(node)) if node.type == DELAY else timedelta()


def following(nodes: Sequence[StepT], position: int) -> tuple[StepT, timedelta]:
    """What comes after the node at `position` (-1: before the first), and the delays that lie between.

    `nodes` are in the order of their positions. Raises ValueError where nothing follows: after the end.
    """
    wait = timedelta()
    for node in nodes:
        if node.position <= position:
            continue
        if node.type != DELAY:
            return node, wait
        wait += delay_of(node)
    raise ValueError(f"nothing follows position {position} in a sequence of {len(nodes)}")


# Naming


def step_names(types: Iterable[str]) -> list[str]:
    """What people call the steps of these types, in their order: Email 1, Wait 1, Email 2, End.

    A list that is refused may hold other types.
    """
    seen: Counter[str] = Counter()
    names = []
    for kind in types:
        seen[kind] += 1
        word = STEP_WORDS.get(kind, "Step")
        names.append(word if kind == END else f"{word} {seen[kind]}")
    return names


def named(nodes: Sequence[TimedT]) -> Iterator[tuple[TimedT, str]]:
    """Each step with what people call it."""
    return zip(nodes, step_names(node.type for node in nodes), strict=True)


# Launching


def launch_problems(
    nodes: Sequence[Written],
    *,
    campaign_type: str,
    signature: str | None = None,
    field: str = "sequence_nodes",
) -> list[Problem]:
    """What keeps a sequence from being launched, each step by its name.

    `signature` is the campaign's, which goes under every email without its own.
    """
    problems = list(_shape_problems(nodes, campaign_type, field))
    if not any(node.type in SENDING_TYPES for node in nodes):
        problems.append(Problem(field, "has no step that sends anything: add one before the end"))
    emails = 0
    for index, (node, step) in enumerate(named(nodes)):
        for name, message in _text_problems(node, emails):
            problems.append(Problem(f"{field}[{index}].{name}", f"{step}: {message}"))
        emails += node.type == EMAIL
    if campaign_type == EMAIL:
        problems.extend(
            Problem("signature", f"Signature: {message}") for message in placeholders.check(signature or "")
        )
    return problems


def _text_problems(node: Written, emails_before: int) -> Iterator[tuple[str, str]]:
    """The fields of one node that cannot be sent as they are, and why."""
    if node.type == EMAIL and node.is_reply and not emails_before:
        yield "is_reply", "there is no email before it to reply to"
    for name in sent_texts(node):
        text: str = getattr(node, name) or ""
        if not text.strip() and not _may_be_empty(node, name, emails_before):
            yield name, f"the {name} is empty"
        for message in placeholders.check(text):
            yield name, message


def sent_texts(node: Written) -> tuple[str, ...]:
    """The texts of a node that leave the house."""
    if node.type == EMAIL:
        return ("subject", "body", "signature")
    if node.type == MESSAGE or (node.type == CONNECTION_REQUEST and node.include_message):
        return ("body",)
    return ()


def _may_be_empty(node: Written, name: str, emails_before: int) -> bool:
    """A reply takes the subject of the thread; a signature is nobody's duty."""
    return name == "signature" or (name == "subject" and bool(node.is_reply) and emails_before > 0)
