"""What is wrong with something that a person sent, in words and by field."""

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `field` is a path such as `operating_hours.monday[1].start`."""

    field: str
    message: str


class Problems(Exception):
    """Everything that was found wrong with one value; never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        if not self.problems:
            raise ValueError("Problems needs at least one problem")
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in self.problems))


def shown(value: object, most: int = 60) -> str:
    """`value` as a message may quote it: short, on one line, and always valid UTF-8."""
    text = value if isinstance(value, str) else reprlib.repr(value)  # which stays short for any depth and size
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:most])
    return f'"{line}…"' if len(text) > most else f'"{line}"'
