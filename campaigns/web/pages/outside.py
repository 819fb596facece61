"""What messages link to, for people and programs outside: saying no, and the picture that tells of an open."""

import logging
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from flask import Blueprint, Response, abort, current_app, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from campaigns import noticing, unsubscribing
from campaigns.models.trouble import first_line, trouble_of
from campaigns.rules.links import Recipient, read_pixel, read_unsubscribe
from campaigns.web.house import House, house, now
from campaigns.web.insisting import insist

log = logging.getLogger(__name__)

blueprint = Blueprint("outside", __name__)

# RFC 8058 section 3.1: what a mail program posts.
ONE_CLICK = ("List-Unsubscribe", "One-Click")
# One transparent point.
PICTURE = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
# Seconds between two writings of opens, and how many opens wait for one at most: more than that are forgotten.
EVERY, MOST_WAITING = 1.0, 50_000
AT_ONCE = 1000
LONGEST_AGENT = 300
_beginning = threading.Lock()


@blueprint.get("/u/<token>")
def ask(token: str) -> str:
    """The page that asks; whatever only looks at links changes nothing."""
    return render_template("unsubscribe.html", identity=_recipient(token).identity, done=False)


@blueprint.post("/u/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """The no itself, from the page or from a mail program, which wants no page."""
    recipient = _recipient(token)
    insist(lambda session: unsubscribing.unsubscribe(session, recipient, now()))  # a mail program asks but once
    if request.form.get(ONE_CLICK[0]) == ONE_CLICK[1]:
        return "", 200
    return render_template("unsubscribe.html", identity=recipient.identity, done=True)


def _recipient(token: str) -> Recipient:
    recipient = read_unsubscribe(house().settings.secret_key, token)
    return recipient if recipient is not None else abort(404)


@blueprint.get("/o/<token>.gif")
def picture(token: str) -> Response:
    """The picture, whoever asks; one that we made tells of an open."""
    message_id = read_pixel(house().settings.secret_key, token)
    if message_id is not None:
        agent = (request.user_agent.string or "")[:LONGEST_AGENT]
        _opens().put(noticing.Hit(message_id, now(), agent))
    answer = Response(PICTURE, mimetype="image/gif")
    answer.headers["Cache-Control"] = "no-store, private"
    return answer


class Opens:
    """Opens that wait to be written down, EVERY at most: a process that dies in between forgets them, which costs a
    number on a page."""

    def __init__(self, tools: House) -> None:
        self._tools = tools
        self._waiting: queue.Queue[noticing.Hit] = queue.Queue(MOST_WAITING)
        threading.Thread(target=self._work, daemon=True, name="opens").start()

    def put(self, hit: noticing.Hit) -> None:
        """One more open."""
        with suppress(queue.Full):
            self._waiting.put_nowait(hit)

    def _work(self) -> None:
        while True:
            hits = [self._waiting.get()]
            if self._waiting.qsize() < AT_ONCE:
                time.sleep(EVERY)
            with suppress(queue.Empty):
                while len(hits) < AT_ONCE:
                    hits.append(self._waiting.get_nowait())
            self._write(hits)

    def _write(self, hits: Sequence[noticing.Hit]) -> None:
        try:
            with self._tools.sessions.begin() as session:
                noticing.notice(session, hits)
        except SQLAlchemyError as error:
            log.warning("%d opens were not written down: %s", len(hits), trouble_of(error) or first_line(error))
        except Exception:
            log.exception("%d opens were not written down", len(hits))  # and the next ones are


def _opens() -> Opens:
    """This app's, begun at the first open: whatever forks web processes does so before."""
    with _beginning:
        if "opens" not in current_app.extensions:
            current_app.extensions["opens"] = Opens(house())
        return cast(Opens, current_app.extensions["opens"])
