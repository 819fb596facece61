"""`Idempotency-Key` on POST: a call that is repeated is answered as it was the first time, and not carried out again.

The key is taken in a transaction of its own, before anything else. What the call does and its answer are then one
transaction: a process that dies in between has done nothing, and one that was given up for dead cannot commit any more.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, cast
from uuid import UUID

from flask import Flask, Response, current_app, g, make_response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models.call import Call, begin_call, drop_call, end_call, find_call
from campaigns.models.sealing import Unsealable, seal, unseal
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Conflict, Invalid
from campaigns.web.errors import answer as refusal
from campaigns.web.house import House, house, now, person

HEADER = "Idempotency-Key"
KEY = re.compile(r"[\x20-\x7e]{1,255}")
REPLAYED = "Idempotent-Replayed"
KEPT_HEADERS = ("Content-Type", "Location", "ETag")
# Seconds after which somebody may ask again for the answer of a call that runs.
RETRY_AFTER = 1

View = Callable[..., Any]


def register(app: Flask) -> None:
    """Let every POST of the API be repeated."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api.") and "POST" in (rule.methods or ()):
            app.view_functions[rule.endpoint] = repeatable(app.view_functions[rule.endpoint])


def repeatable(view: View) -> View:
    """The view, carried out once for each key."""

    @wraps(view)
    def once(**place: Any) -> Any:
        if HEADER not in request.headers:
            return view(**place)
        key, fingerprint = _key(), _fingerprint()
        with house().reading() as db:
            known = find_call(db, person().user_id, key, now())
        if known is None:
            with house().sessions.begin() as db:
                own = begin_call(db, person().user_id, key, fingerprint, now())
            return _carry_out(view, place, own) if own else _running()
        return _again(known, fingerprint)

    return once


def _key() -> str:
    key = request.headers[HEADER].strip()
    if not KEY.fullmatch(key):
        message = "must be 1 to 255 printable characters of ASCII"
        raise Invalid(f"{HEADER} {message}.", code="idempotency_key", problems=[Problem(HEADER, message)])
    return key


def _fingerprint() -> str:
    asked = f"{request.method} {request.full_path}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(asked + request.get_data()).hexdigest()


def _again(known: Call, fingerprint: str) -> ResponseReturnValue:
    """What the call of this key was answered, if this is the same call."""
    if known.fingerprint != fingerprint:
        message = f"This {HEADER} was sent with another request: choose a new one for a new request."
        return refusal(422, message, "idempotency_mismatch")
    if known.answer is None:
        return _running()
    try:
        kept = json.loads(unseal(house().settings.sealing_key, known.answer) or "")
    except Unsealable as lost:
        message = "This was carried out, but its answer can no longer be read: look what came of it."
        raise Conflict(message, code="idempotency_lost") from lost
    return Response(kept["body"], kept["status"], {**kept["headers"], REPLAYED: "true"})


def _running() -> ResponseReturnValue:
    message = "The first request with this key is still being carried out: ask again in a moment."
    return *refusal(409, message, "idempotency_running"), {"Retry-After": str(RETRY_AFTER)}


@dataclass(frozen=True)
class OneTransaction:
    """Stands for the sessions of a call: whatever it begins belongs to the transaction that keeps its answer."""

    session: Session

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """The one session; what it still has to write is written at the end, not committed."""
        yield self.session
        self.session.flush()


def _carry_out(view: View, place: dict[str, Any], call_id: UUID) -> Response:
    own = house()
    try:
        with own.sessions.begin() as session:
            answer = make_response(_within(own, session, view, place))
            if not end_call(session, call_id, _sealed(answer)):
                raise Conflict("This took too long and was given up: send it again.", code="idempotency_running")
        return answer
    except Exception as error:
        answer = make_response(current_app.handle_user_exception(error))
        decided = answer.status_code < 500 and not isinstance(error, SQLAlchemyError)
    with own.sessions.begin() as session:
        if decided:
            end_call(session, call_id, _sealed(answer))
        else:
            drop_call(session, call_id)
    return answer


def _within(own: House, session: Session, view: View, place: dict[str, Any]) -> Any:
    g.house = replace(own, sessions=cast(sessionmaker[Session], OneTransaction(session)))
    try:
        return view(**place)
    finally:
        del g.house


def _sealed(answer: Response) -> str:
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    kept = {"status": answer.status_code, "headers": headers, "body": answer.get_data(as_text=True)}
    return cast(str, seal(house().settings.sealing_key, json.dumps(kept)))
