"""Refusals and failures as answers: one JSON shape for the API (CONTRACT section 7), one page for people."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from campaigns.models.trouble import Trouble, first_line, trouble_of
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Conflict, Invalid, NotFound, Refused, Stale, WrongState
from campaigns.web.guard import is_api
from campaigns.web.house import now

log = logging.getLogger(__name__)

STATUSES: dict[type[Refused], int] = {Invalid: 400, WrongState: 400, NotFound: 404, Conflict: 409, Stale: 412}
CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    412: "stale",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
SENTENCES = {
    403: "You may not do this.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "This is too large: at most 2 MB, or 10 MB for a CSV file.",
    500: "Something went wrong on our side; it has been logged.",
}
# PostgreSQL's unique_violation, foreign_key_violation and deadlock_detected, and what SQLite says in their place.
COLLISIONS = ("23505", "23503", "40P01")
SQLITE_COLLISIONS = ("UNIQUE constraint failed", "FOREIGN KEY constraint failed")
# Seconds after which somebody may try again whose request met a database in trouble.
RETRY_AFTER = 15
NOTED_EVERY = timedelta(minutes=1)
READS = ("GET", "HEAD", "OPTIONS")
# What a person can do now, under the sentence that says what happened.
ADVICE = {
    404: "It may have been deleted, or the address is not quite right.",
    413: "Nothing was saved. Make it smaller, and send it again.",
    500: "Nothing is lost. Try again in a moment.",
}


def register(app: Flask) -> None:
    """Answer every kind of failure in the caller's language."""
    app.register_error_handler(Refused, refused)
    app.register_error_handler(CSRFError, forged)
    app.register_error_handler(SQLAlchemyError, database_failed)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, failed)


def status_of(refusal: Refused) -> int:
    """The HTTP status of a refusal."""
    return next(status for kind, status in STATUSES.items() if isinstance(refusal, kind))


def answer(status: int, message: str, code: str, problems: tuple[Problem, ...] = ()) -> tuple[Any, int]:
    """The error in JSON or as a page."""
    if is_api():
        details = [{"field": problem.field, "message": problem.message} for problem in problems]
        return jsonify(error=message, code=code, details=details), status
    advice = ADVICE.get(status, "Go back, look again, and try once more.")
    return render_template("error.html", code=status, title=message, message=advice), status


def refused(refusal: Refused) -> ResponseReturnValue:
    """A verb said no."""
    return answer(status_of(refusal), refusal.message, refusal.code, refusal.problems)


def forged(error: CSRFError) -> ResponseReturnValue:
    """A form without its token, or with another session's."""
    return answer(400, "This form has expired: go back, reload the page and send it again.", "csrf")


def is_collision(error: DBAPIError) -> bool:
    """Whether two got into each other's way: with a second row of one name, a row whose parent is gone, or by
    waiting for each other. All else is a bug or a dead database."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    return sqlstate in COLLISIONS or any(words in str(error.orig) for words in SQLITE_COLLISIONS)


def database_failed(error: SQLAlchemyError) -> ResponseReturnValue:
    """Two requests in each other's way, a database in trouble, or a bug."""
    if isinstance(error, DBAPIError) and is_collision(error):
        log.info("Two requests got into each other's way (%s).", first_line(error))
        return answer(409, "Somebody changed the same thing at the same moment: look again.", "conflict")
    trouble = trouble_of(error)
    return failed(error) if trouble is None else unavailable(error, trouble)


def unavailable(error: SQLAlchemyError, trouble: Trouble) -> ResponseReturnValue:
    """The database cannot do this now: said with what is known of the outcome, and what mends it."""
    note(error, trouble)
    lost = trouble.unsaved and request.method not in READS
    what = f"{trouble.what}, so nothing was saved" if lost else trouble.what
    headers = {"Retry-After": str(RETRY_AFTER)}
    if is_api():
        return *answer(503, f"{what}: whoever runs Cadenza has to {trouble.remedy}.", trouble.code), headers
    page = render_template(
        "error.html",
        code=503,
        title=f"{what}.",
        message=f"Whoever runs Cadenza has to {trouble.remedy}.",
        again=typed() if trouble.unsaved else None,
    )
    return page, 503, headers


def note(error: SQLAlchemyError, trouble: Trouble) -> None:
    """Log a trouble when it is met, and once a minute while it lasts, however many requests meet it."""
    noted: dict[str, datetime] = current_app.extensions.setdefault("cadenza.troubles", {})
    if now() - noted.get(trouble.code, datetime.min.replace(tzinfo=UTC)) >= NOTED_EVERY:
        noted[trouble.code] = now()
        log.error("%s %s: %s (%s)", request.method, request.path, trouble, first_line(error))


def typed() -> list[tuple[str, str]] | None:
    """What the refused form held, to be sent again by a button; None where it cannot or should not be repeated."""
    fields = list(request.form.items(multi=True))
    if not fields or request.files or any("password" in name for name, _ in fields):
        return None
    return fields


def http_error(error: HTTPException) -> ResponseReturnValue:
    """Whatever Flask and Werkzeug refuse."""
    status = error.code or 500
    if status < 400:
        return error
    message = SENTENCES.get(status) or error.description or "The request cannot be answered."
    body, _ = answer(status, message, CODES.get(status, "error"))
    headers = [(name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")]
    if status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    return body, status, headers


def failed(error: Exception) -> ResponseReturnValue:
    """A bug or a dead database: logged in full, told without inner detail."""
    log.exception("%s %s failed", request.method, request.path)
    return answer(500, SENTENCES[500], "internal_error")
