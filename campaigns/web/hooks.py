"""Where providers tell by webhook what happens at a LinkedIn seat: public, signed, and answered at once."""

import logging
from uuid import UUID

from flask import Blueprint, abort, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns.channels.unipile import Unheard, Unsigned, read_event
from campaigns.hearing import hear
from campaigns.models.sealing import Unsealable
from campaigns.models.seat import read_keys
from campaigns.models.sender import Sender
from campaigns.rules.provider import Heard
from campaigns.web.house import house, now
from campaigns.web.insisting import insist

log = logging.getLogger(__name__)
blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")

# Most bytes of an event: a message and whom it is from.
MOST_BYTES = 256 * 1024


@blueprint.post("/unipile/<uuid:sender_id>")
def unipile(sender_id: UUID) -> ResponseReturnValue:
    """What happened at the seat's account. Whoever tells the same again, or late, is thanked all the same.

    There is no rate here: to tell a stranger's events from the provider's takes no more than to count them, and a
    stranger who used up a rate would keep the provider out."""
    request.max_content_length = MOST_BYTES
    with house().reading() as db:
        sender = db.get(Sender, sender_id)
    secret = _secret(sender)
    if sender is None or secret is None:
        abort(404)
    try:
        events = read_event(request.get_data(), dict(request.headers), secret, now())
    except Unsigned as refused:
        _complain(sender_id, refused)
        return {"error": refused.reason, "code": "unsigned", "details": []}, 401
    except Unheard as refused:
        return {"error": refused.reason, "code": "invalid", "details": []}, 400
    _act(sender, events)
    return "", 200


def _secret(sender: Sender | None) -> str | None:
    """What its events are signed with; None if none are expected."""
    try:
        return read_keys(sender, house().settings.sealing_key).webhook_secret if sender else None
    except Unsealable:
        return None


def _act(sender: Sender, events: list[Heard]) -> None:
    """All in one transaction."""

    def write(session: Session) -> None:
        for heard in events:
            hear(session, sender, heard, now())

    insist(write)


def _complain(sender_id: UUID, refused: Unsigned) -> None:
    """Once for each seat: whoever goes on would fill the log."""
    known: set[UUID] = current_app.extensions.setdefault("cadenza_unsigned", set())
    if sender_id not in known:
        known.add(sender_id)
        words = "An event that says to be from the provider is not taken, and no other of its kind is told of: %s"
        log.warning(words, refused.reason, extra={"sender_id": sender_id})
