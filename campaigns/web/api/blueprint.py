"""The API's blueprint, and reading what a client sent."""

import json
import math
from typing import Any, NoReturn
from uuid import UUID

from flask import Blueprint, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from campaigns.rules.kinds import parse_uuid
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid
from campaigns.rules.tables import MOST_BYTES as MOST_CSV_BYTES

blueprint = Blueprint("api", __name__, url_prefix="/api")

MOST_BODY_BYTES = 2 * 1024 * 1024
DEFAULT_LIMIT, MOST_LIMIT, MOST_PAGE = 50, 200, 1_000_000
JSON_TYPES = ("application/json", "application/merge-patch+json")
CSV_TYPES = ("text/csv", "application/csv")


@blueprint.before_request
def limit_body() -> None:
    """Take no more bytes than CONTRACT section 7 allows, whether or not the view reads them."""
    most = MOST_CSV_BYTES if request.mimetype in CSV_TYPES else MOST_BODY_BYTES
    request.max_content_length = most
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _whole(text: str) -> int:
    if len(text) > 100:
        raise ValueError(f"{text[:20]}… is too large a number")
    return int(text)


def _parse(data: bytes) -> Any:
    """Raises ValueError for what is not JSON, in words where Python's own would say too little."""
    if not data:
        raise ValueError("it is empty; send {} for nothing")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise ValueError(f"it must be UTF-8, and byte {bad.start} is not") from bad
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)
    except RecursionError as bad:
        raise ValueError("it is nested too deeply") from bad


def read_json() -> Any:
    """The body as JSON. Raises UnsupportedMediaType, RequestEntityTooLarge, Invalid."""
    data = request.get_data(cache=True)
    if request.mimetype not in JSON_TYPES and (data or request.mimetype):
        raise UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
    try:
        return _parse(data)
    except ValueError as bad:
        problem = Problem("body", "must be JSON")
        raise Invalid(f"The body is not JSON: {bad}.", code="not_json", problems=[problem]) from bad


def read_object() -> dict[str, Any]:
    """The body as a JSON object. Raises as read_json does."""
    body = read_json()
    if not isinstance(body, dict):
        message = "The body must be a JSON object, {…}."
        raise Invalid(message, problems=[Problem("body", "must be an object")])
    return body


def is_strict() -> bool:
    """Whether the client prefers a refusal to ignored fields: `Prefer: handling=strict` (RFC 7240)."""
    wishes = ",".join(request.headers.getlist("Prefer")).lower()
    return any(wish.split(";")[0].replace(" ", "") in STRICT for wish in wishes.split(","))


STRICT = ("handling=strict", 'handling="strict"')
SWITCH = {"true": True, "1": True, "false": False, "0": False}


def is_dry_run() -> bool:
    """`?dry_run=true`. Raises Invalid for any other word: a trial must not be taken for an edit."""
    word = request.args.get("dry_run", "false").lower()
    if word not in SWITCH:
        raise Invalid.of([Problem("dry_run", "must be true or false")])
    return SWITCH[word]


def _number(name: str, default: int, most: int) -> int:
    raw = request.args.get(name)
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 9 and 1 <= int(raw) <= most):
        raise Invalid.of([Problem(name, f"must be a whole number from 1 to {most:,}")])
    return int(raw)


def paging() -> tuple[int, int]:
    """`page` (from 1) and `limit` (up to 200) of the address. Raises Invalid."""
    return _number("page", 1, MOST_PAGE), _number("limit", DEFAULT_LIMIT, MOST_LIMIT)


def read_id(name: str) -> UUID | None:
    """An id of the address; None without it, or with an empty one. Raises Invalid."""
    raw = request.args.get(name)
    try:
        return parse_uuid(raw, name) if raw else None
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad


def page_json(name: str, items: list[Any], total: int, page: int, limit: int) -> dict[str, Any]:
    """A list in the one shape that all lists have."""
    return {name: items, "total": total, "page": page, "limit": limit}
