"""Sequences of nodes (CONTRACT section 6). Signatures first; the rules follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from campaigns.rules.problems import Problem


class Step(Protocol):
    @property
    def position(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def delay_days(self) -> int | None: ...
    @property
    def delay_hours(self) -> int | None: ...
    @property
    def delay_minutes(self) -> int | None: ...


StepT = TypeVar("StepT", bound=Step)


class Written(Protocol):
    @property
    def type(self) -> str: ...
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
    @property
    def delay_days(self) -> int | None: ...
    @property
    def delay_hours(self) -> int | None: ...
    @property
    def delay_minutes(self) -> int | None: ...


@dataclass(frozen=True)
class NodeDraft:
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


def parse_node(raw: object, field: str = "node") -> NodeDraft:
    raise NotImplementedError


def parse_nodes(raw: object, *, field: str = "sequence_nodes") -> list[NodeDraft]:
    raise NotImplementedError


def check_nodes(
    nodes: Sequence[NodeDraft], *, campaign_type: str, known: Mapping[UUID, str], field: str = "sequence_nodes"
) -> list[Problem]:
    raise NotImplementedError


def default_sequence(campaign_type: str) -> list[NodeDraft]:
    raise NotImplementedError


def following(nodes: Sequence[StepT], position: int) -> tuple[StepT, timedelta]:
    raise NotImplementedError


def launch_problems(
    nodes: Sequence[Written], *, campaign_type: str, signature: str | None = None, field: str = "sequence_nodes"
) -> list[Problem]:
    raise NotImplementedError
