"""Kinds of editable values: each parses a raw JSON value and describes itself.

`parse` returns the value as it is kept, or raises Problems. The order of checks is the order in which a
person would want to hear of them: the type first, then the range.
"""

import re
import reprlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from campaigns.rules.hours import DAYS, END, MOST_WINDOWS, START, parse_hours
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.sequence import UUID_PATTERN, node_schema, parse_nodes

CLOCK_FORMS = {"start": START, "end": END}
_UUID = re.compile(UUID_PATTERN)
# Line breaks and other control characters, what PostgreSQL cannot store, and what is not UTF-8.
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def refuse(field: str, message: str) -> Problems:
    """A Problems of one, to raise."""
    return Problems((Problem(field, message),))


def parse_uuid(raw: object, field: str) -> UUID:
    """A UUID in the form of CONTRACT section 2. Raises Problems."""
    if not isinstance(raw, str) or not _UUID.fullmatch(raw):
        raise refuse(field, "must be a UUID such as 0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b")
    return UUID(raw)


@dataclass(frozen=True)
class Context:
    """What a value may depend on besides itself."""

    timezone: str


class Kind:
    """One way of reading a raw value."""

    def parse(self, raw: object, field: str, context: Context) -> Any:
        """The value as it is kept. Raises Problems naming `field` or what lies below it."""
        raise NotImplementedError

    def describe(self) -> str:
        """The rule in words, for the docs and the form."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """The rule as JSON Schema."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Kind):
    """A text of `least` to `most` characters; of one line, trimmed, unless `lines`."""

    most: int
    least: int = 0
    lines: bool = False
    nullable: bool = False

    def parse(self, raw: object, field: str, context: Context) -> str | None:
        if raw is None and self.nullable:
            return None
        if not isinstance(raw, str):
            raise refuse(field, "must be text")
        text = raw if self.lines else raw.strip()
        if len(text) < self.least:
            raise refuse(field, "must not be empty")
        if len(text) > self.most:
            raise refuse(field, f"must be at most {self.most} characters, not {len(text)}")
        if not self.lines and _CONTROL.search(text):
            raise refuse(field, "must be one line without control characters")
        if _UNSTORABLE.search(text):
            raise refuse(field, "must not hold NUL or half of a surrogate pair")
        return text

    def describe(self) -> str:
        span = f"{self.least} to {self.most}" if self.least else f"at most {self.most}"
        return f"text, {span} characters" + (", or null" if self.nullable else "")

    def schema(self) -> dict[str, Any]:
        kind: Any = ["string", "null"] if self.nullable else "string"
        return {"type": kind, "minLength": self.least, "maxLength": self.most}


@dataclass(frozen=True)
class Number(Kind):
    """A whole number from `least` to `most`; `true` is not 1."""

    least: int
    most: int
    nullable: bool = False

    def parse(self, raw: object, field: str, context: Context) -> int | None:
        return None if raw is None and self.nullable else self.parse_whole(raw, field)

    def parse_whole(self, raw: object, field: str) -> int:
        """The number, null excluded. Raises Problems."""
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise refuse(field, f"must be a whole number from {self.least} to {self.most}")
        if not self.least <= raw <= self.most:
            raise refuse(field, f"must be from {self.least} to {self.most}, not {reprlib.repr(raw)}")
        return raw

    def describe(self) -> str:
        return f"whole number, {self.least} to {self.most}"

    def schema(self) -> dict[str, Any]:
        kind: Any = ["integer", "null"] if self.nullable else "integer"
        return {"type": kind, "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Flag(Kind):
    """true or false, nothing that looks like them."""

    def parse(self, raw: object, field: str, context: Context) -> bool:
        if not isinstance(raw, bool):
            raise refuse(field, "must be true or false")
        return raw

    def describe(self) -> str:
        return "true or false"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


def _list(raw: object, field: str, most: int) -> list[object]:
    if not isinstance(raw, list):
        raise refuse(field, "must be a list")
    if len(raw) > most:
        raise refuse(field, f"must have at most {most} entries, not {len(raw)}")
    return raw


@dataclass(frozen=True)
class UuidList(Kind):
    """A set of ids, at most `most`; a repeated one counts once."""

    most: int

    def parse(self, raw: object, field: str, context: Context) -> tuple[UUID, ...]:
        problems: list[Problem] = []
        ids: dict[UUID, None] = {}
        for index, item in enumerate(_list(raw, field, self.most)):
            try:
                ids[parse_uuid(item, f"{field}[{index}]")] = None
            except Problems as bad:
                problems.extend(bad.problems)
        if problems:
            raise Problems(tuple(problems))
        return tuple(ids)

    def describe(self) -> str:
        return f"list of at most {self.most} ids"

    def schema(self) -> dict[str, Any]:
        item = {"type": "string", "format": "uuid", "pattern": UUID_PATTERN}
        return {"type": "array", "maxItems": self.most, "items": item}


@dataclass(frozen=True)
class AccountLimits(Kind):
    """Limits by sender account; a repeated `account_id` keeps its last value (CONTRACT section 2)."""

    most: int
    limit: Number

    def parse(self, raw: object, field: str, context: Context) -> dict[UUID, int]:
        problems: list[Problem] = []
        limits: dict[UUID, int] = {}
        for index, item in enumerate(_list(raw, field, self.most)):
            try:
                account, limit = self._entry(item, f"{field}[{index}]", context)
                limits[account] = limit
            except Problems as bad:
                problems.extend(bad.problems)
        if problems:
            raise Problems(tuple(problems))
        return limits

    def _entry(self, item: object, field: str, context: Context) -> tuple[UUID, int]:
        if not isinstance(item, dict):
            raise refuse(field, "must be an object with account_id and daily_limit")
        account = parse_uuid(item.get("account_id"), f"{field}.account_id")
        return account, self.limit.parse_whole(item.get("daily_limit"), f"{field}.daily_limit")

    def describe(self) -> str:
        return f"list of at most {self.most} {{account_id, daily_limit}}, each limit {self.limit.describe()}"

    def schema(self) -> dict[str, Any]:
        account = {"type": "string", "format": "uuid", "pattern": UUID_PATTERN}
        item = {
            "type": "object",
            "required": ["account_id", "daily_limit"],
            "properties": {"account_id": account, "daily_limit": self.limit.schema()},
        }
        return {"type": "array", "maxItems": self.most, "items": item}


@dataclass(frozen=True)
class Week(Kind):
    """Operating hours (CONTRACT section 3), or null for always open."""

    def parse(self, raw: object, field: str, context: Context) -> dict[str, Any] | None:
        hours = parse_hours(raw, default_timezone=context.timezone, field=field)
        return None if hours is None else hours.to_json()

    def describe(self) -> str:
        return "operating hours: a time zone and windows for each weekday, or null for always open"

    def schema(self) -> dict[str, Any]:
        clock = {name: {"type": "string", "pattern": f"^({form.pattern})$"} for name, form in CLOCK_FORMS.items()}
        window = {"type": "object", "required": ["start", "end"], "properties": clock, "additionalProperties": False}
        day = {"type": "array", "maxItems": MOST_WINDOWS, "items": window}
        zone = {"type": "string", "description": "An IANA name; left out, the workspace's."}
        week = {"timezone": zone, **dict.fromkeys(DAYS, day)}
        return {"type": ["object", "null"], "properties": week, "additionalProperties": False}


@dataclass(frozen=True)
class Nodes(Kind):
    """A whole sequence (CONTRACT section 6), at most `most` nodes."""

    most: int

    def parse(self, raw: object, field: str, context: Context) -> Any:
        return parse_nodes(raw, field=field)

    def describe(self) -> str:
        return f"the whole list of steps in order, `end` last, at most {self.most}"

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "maxItems": self.most, "items": node_schema()}
