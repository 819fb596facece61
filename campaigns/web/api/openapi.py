"""The description of the API (OpenAPI 3.1), made from the routes that serve it and what is said beside each view."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

from campaigns.web.api.blueprint import blueprint
from campaigns.web.api.describing import Description, Parameter, describe
from campaigns.web.api.idempotency import HEADER
from campaigns.web.api.schemas import ID, OBJECTS, Schema, ref
from campaigns.web.guard import PUBLIC

VERSION = "0.1.0"
INFO = {
    "title": "Cadenza",
    "version": VERSION,
    "license": {"name": "MIT", "identifier": "MIT"},
    "description": (
        "A self-hosted outreach-campaign server. Instants are RFC 3339 in UTC, ids are UUIDs, an absent value is null. "
        "A refusal says in one sentence what to do, and in `details` which field it is about; nothing was written then."
    ),
}
# What any call may be answered, and any that may change something.
ANY = (401, 429, 500, 503)
CHANGING = (400, 409, 413, 415)
REFUSALS = {
    400: "Invalid, or not possible in the state that the thing is in.",
    401: "No API key, or one that is not known.",
    404: "There is no such thing in this workspace.",
    409: "Somebody or something else was first; or a request with this `Idempotency-Key` still runs.",
    412: "Edited meanwhile: `If-Match` names a version that is no longer the present one.",
    413: "Over 2 MB, or over 10 MB of CSV.",
    415: "Not JSON, or packed.",
    422: "The `Idempotency-Key` was sent with another request.",
    429: "The API key has made more calls than it may.",
    500: "Our fault, and logged.",
    503: "The database is in trouble.",
}
HEADERS = {
    "Retry-After": "Seconds after which to try again.",
    "WWW-Authenticate": "How to authenticate: `Bearer`.",
    "Location": "Where the new thing is.",
    "ETag": "What `If-Match` and `If-None-Match` compare.",
    "Idempotent-Replayed": "`true` on an answer that was given before.",
}
HEADERS_OF = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
REPEATABLE = Parameter(
    HEADER,
    "header",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "Makes it safe to send the request again: for 24 hours it is answered as it was, and not carried out twice.",
)


@blueprint.get("/openapi.json")
@describe({"type": "object"})
def openapi() -> ResponseReturnValue:
    """This description."""
    kept = current_app.extensions
    if "cadenza_openapi" not in kept:  # the routes of an app do not change once it answers
        kept["cadenza_openapi"] = current_app.json.dumps(document(current_app))
    return Response(kept["cadenza_openapi"], mimetype="application/json")


def document(app: Flask) -> dict[str, Any]:
    """The whole description of an app's API."""
    paths: dict[str, dict[str, Any]] = {}
    for rule, method in routes(app):
        paths.setdefault(path_of(rule), {})[method.lower()] = _operation(app, rule, method)
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": OBJECTS,
            "responses": {_name(status): _refusal(status) for status in REFUSALS},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key, `cdz_…`."}},
        },
    }


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every call of the API: its route and its method, by their addresses."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint.startswith("api."):
            yield from ((rule, method) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))


def path_of(rule: Rule) -> str:
    """Its address as OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _operation(app: Flask, rule: Rule, method: str) -> dict[str, Any]:
    view = app.view_functions[rule.endpoint]
    told: Description = vars(view)["description"]
    words = (view.__doc__ or "").strip()
    place = [{"name": name, "in": "path", "required": True, "schema": ID} for name in sorted(rule.arguments)]
    repeatable = (REPEATABLE,) if method == "POST" else ()
    return {
        "operationId": view.__name__,
        "tags": [view.__module__.rpartition(".")[2]],
        "summary": view.__name__.replace("_", " ").capitalize(),
        "description": re.sub(r"\s+", " ", words),
        **({"security": []} if rule.endpoint in PUBLIC else {}),
        "parameters": [*place, *(_parameter(each) for each in (*told.parameters, *repeatable))],
        **_body(told),
        "responses": {str(status): answer for status, answer in _answers(rule, method, told)},
    }


def _parameter(each: Parameter) -> dict[str, Any]:
    required = {"required": True} if each.required else {}
    return {"name": each.name, "in": each.place, "description": each.help, **required, "schema": each.schema}


def _body(told: Description) -> dict[str, Any]:
    if told.bodies is None:
        return {}
    content = {kind: {"schema": schema} for kind, schema in told.bodies.items()}
    return {"requestBody": {"required": not told.may_be_empty, "content": content}}


def _answers(rule: Rule, method: str, told: Description) -> Iterator[tuple[int, dict[str, Any]]]:
    headers = (*told.headers, "Idempotent-Replayed") if method == "POST" else told.headers
    yield told.status, _answer(HTTPStatus(told.status).phrase, told.answer, headers)
    if 304 in told.also:
        yield 304, {"description": "As `If-None-Match` says."}
    statuses = _statuses(rule, method, told)
    yield from ((status, {"$ref": f"#/components/responses/{_name(status)}"}) for status in sorted(statuses))


def _statuses(rule: Rule, method: str, told: Description) -> set[int]:
    """The refusals that a call may meet."""
    found = {status for status in told.also if status in REFUSALS}
    if rule.endpoint not in PUBLIC:
        found.update(ANY)
    if method != "GET":
        found.update(CHANGING)
    if any(parameter.place == "query" for parameter in told.parameters):
        found.add(400)
    if rule.arguments:
        found.add(404)
    if method == "POST":
        found.add(422)
    return found


def _answer(words: str, schema: Schema | None, headers: tuple[str, ...]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": words}
    if headers:
        answer["headers"] = {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in headers}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _refusal(status: int) -> dict[str, Any]:
    return _answer(REFUSALS[status], ref("Error"), HEADERS_OF.get(status, ()))
