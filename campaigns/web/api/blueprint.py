"""The API's blueprint, and reading what a client sent."""

import json
from typing import Any, NoReturn

from flask import Blueprint, request
from werkzeug.exceptions import UnsupportedMediaType

from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid

blueprint = Blueprint("api", __name__, url_prefix="/api")

MOST_BODY_BYTES = 2 * 1024 * 1024
DEFAULT_LIMIT, MOST_LIMIT, MOST_PAGE = 50, 200, 1_000_000
JSON_TYPES = ("application/json", "application/merge-patch+json")


@blueprint.before_request
def limit_body() -> None:
    """At most 2 MB, unless the view allows more."""
    request.max_content_length = MOST_BODY_BYTES


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_json() -> Any:
    """The body as JSON. Raises UnsupportedMediaType, RequestEntityTooLarge, Invalid."""
    data = request.get_data(cache=True)
    if request.mimetype not in JSON_TYPES and (data or request.mimetype):
        raise UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as bad:
        raise Invalid(f"The body is not JSON: {bad}", code="not_json") from bad


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
    return any(wish.split(";")[0].replace(" ", "") == "handling=strict" for wish in wishes.split(","))


def _number(name: str, default: int, most: int) -> int:
    raw = request.args.get(name)
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit()) or not 1 <= int(raw[:12]) <= most:
        raise Invalid.of([Problem(name, f"must be a whole number from 1 to {most:,}")])
    return int(raw)


def paging() -> tuple[int, int]:
    """`page` (from 1) and `limit` (up to 200) of the address. Raises Invalid."""
    return _number("page", 1, MOST_PAGE), _number("limit", DEFAULT_LIMIT, MOST_LIMIT)


def page_json(name: str, items: list[Any], total: int, page: int, limit: int) -> dict[str, Any]:
    """A list in the one shape that all lists have."""
    return {name: items, "total": total, "page": page, "limit": limit}
