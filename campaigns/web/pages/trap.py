"""The local mail trap: what arrived there from this workspace's accounts, and for them."""

from email.utils import getaddresses
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from campaigns import overseeing
from campaigns.channels.trap import Trap, TrapAway, TrappedMessage, list_messages, read_trap
from campaigns.web.house import house, person
from campaigns.web.pages.frame import render

blueprint = Blueprint("trap", __name__, url_prefix="/trap")

MOST_MESSAGES, MOST_TEXT = 50, 600


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The newest messages; a link leads on to the trap's own inbox, where they can be answered."""
    trap = read_trap(house().settings.trap_file) if house().settings.trap else None
    try:
        messages = _own(list_messages(trap, MOST_MESSAGES * 2)) if trap else []
    except TrapAway:
        trap, messages = None, []
    shown = [_shown(message) for message in messages[:MOST_MESSAGES]]
    return render("trap.html", "_trap.html", trap=_described(trap), messages=shown, total=len(shown))


def _described(trap: Trap | None) -> dict[str, Any] | None:
    if trap is None:
        return None
    smtp, imap = f"{trap.host}:{trap.smtp_port}", f"{trap.host}:{trap.imap_port}"
    return {"web_url": trap.inbox_url, "smtp": smtp, "imap": imap}


def _own(messages: list[TrappedMessage]) -> list[TrappedMessage]:
    """Those of this workspace: one trap serves all of them, and none may read another's mail."""
    with house().reading() as db:
        senders = overseeing.senders_for(db, person().workspace_id)
    own = {sender.email_address.lower() for sender in senders if sender.email_address}
    return [message for message in messages if own & _addresses(message)]


def _addresses(message: TrappedMessage) -> set[str]:
    return {address.lower() for _, address in getaddresses([message.sender, message.to])}


def _shown(message: TrappedMessage) -> dict[str, Any]:
    return {
        "recipient": message.to,
        "sender": message.sender,
        "subject": message.subject,
        "text": message.text.strip()[:MOST_TEXT],
        "at": message.at,
    }
