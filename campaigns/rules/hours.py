"""Operating hours (CONTRACT section 3). Signatures first; the rules follow."""

from dataclasses import dataclass
from datetime import datetime

Window = tuple[int, int]


@dataclass(frozen=True)
class Hours:
    timezone: str
    week: tuple[tuple[Window, ...], ...]

    def to_json(self) -> dict[str, object]:
        raise NotImplementedError

    def same_opening(self, other: "Hours | None") -> bool:
        raise NotImplementedError


def is_zone(name: object) -> bool:
    raise NotImplementedError


def parse_hours(raw: object, *, default_timezone: str, field: str = "operating_hours") -> Hours | None:
    raise NotImplementedError


def default_hours(timezone: str) -> Hours:
    raise NotImplementedError


def is_open(hours: Hours | None, t: datetime, zone: str | None = None) -> bool:
    raise NotImplementedError


def next_open(hours: Hours | None, t: datetime, zone: str | None = None) -> datetime:
    raise NotImplementedError


def next_close(hours: Hours | None, t: datetime, zone: str | None = None) -> datetime | None:
    raise NotImplementedError


def describe(hours: Hours | None) -> str:
    raise NotImplementedError
