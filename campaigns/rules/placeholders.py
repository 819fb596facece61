"""Placeholders in texts (CONTRACT section 6, last paragraph). Signatures first; the rules follow."""

from collections.abc import Mapping

NAMES: dict[str, str] = {}


class MissingValue(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is missing and has no fallback")
        self.name = name


class BrokenTemplate(Exception):
    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def check(text: str) -> list[str]:
    raise NotImplementedError


def names_used(text: str) -> set[str]:
    raise NotImplementedError


def fill(text: str, values: Mapping[str, object]) -> str:
    raise NotImplementedError


def fill_subject(text: str, values: Mapping[str, object]) -> str:
    raise NotImplementedError
