"""What a call takes and answers, said beside the view that serves it: openapi.py makes the description of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from campaigns.web.api.blueprint import MOST_LIMIT, MOST_PAGE
from campaigns.web.api.schemas import TEXT, Schema, one_of

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


@dataclass(frozen=True)
class Parameter:
    """Something that is sent besides the body; `place` is query or header."""

    name: str
    place: str
    schema: Schema
    help: str
    required: bool = False


@dataclass(frozen=True)
class Description:
    """One call. `bodies` has a schema for each media type, of which one is sent unless `may_be_empty`."""

    answer: Schema | None
    status: int = 200
    bodies: Mapping[str, Schema] | None = None
    may_be_empty: bool = False
    parameters: tuple[Parameter, ...] = ()
    headers: tuple[str, ...] = ()
    also: tuple[int, ...] = ()


def describe(
    answer: Schema | None,
    *parameters: Parameter,
    status: int = 200,
    body: Schema | None = None,
    csv: Schema | None = None,
    may_be_empty: bool = False,
    headers: tuple[str, ...] = (),
    also: tuple[int, ...] = (),
) -> Callable[[ViewT], ViewT]:
    """Say of a view what it answers (None: nothing), with which status and `headers`, what it takes, and which
    statuses there are `also`, besides those that follow from the method and the address."""
    bodies = {kind: schema for kind, schema in (("application/json", body), ("text/csv", csv)) if schema}

    def note(view: ViewT) -> ViewT:
        vars(view)["description"] = Description(answer, status, bodies or None, may_be_empty, parameters, headers, also)
        return view

    return note


def query(name: str, schema: Schema, words: str, *, required: bool = False) -> Parameter:
    """A part of the address after the question mark."""
    return Parameter(name, "query", schema, words, required)


def _number(name: str, most: int, default: int, words: str) -> Parameter:
    return query(name, {"type": "integer", "minimum": 1, "maximum": most, "default": default}, words)


PAGING = (
    _number("page", MOST_PAGE, 1, "Which page, from 1."),
    _number("limit", MOST_LIMIT, 50, "How many on a page."),
)
STRICT = Parameter(
    "Prefer",
    "header",
    {"type": "string", "examples": ["handling=strict"]},
    "`handling=strict`: a field that would be ignored is refused, and nothing written.",
)
DRY_RUN = query(
    "dry_run", {**one_of(("true", "false")), "default": "false"}, "Answer what would happen, and write nothing."
)
IF_MATCH = Parameter("If-Match", "header", TEXT, "Edit only while this is the campaign's `ETag`.")
IF_NONE_MATCH = Parameter("If-None-Match", "header", TEXT, "Answer 304 while this is the `ETag`.")
