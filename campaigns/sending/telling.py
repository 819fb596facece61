"""Telling the log what became of a message, without a word of the server's: it may quote whom it refuses."""

import logging

from campaigns.channels.outgoing import Unsent
from campaigns.sending.recording import Outcome

log = logging.getLogger(__name__)

# One of models.sender.OUTCOMES -> how grave it is, and what to say.
WORDS = {
    "sent": (logging.INFO, "Sent."),
    "deferred": (logging.INFO, "Not sent, and tried again later{code}."),
    "refused": (logging.WARNING, "Not sent: the account cannot be used{code}. Its page says why."),
    "bounced": (logging.INFO, "Not sent: the address refuses mail{code}."),
    "failed": (logging.WARNING, "Not sent, and not tried again{code}."),
    "unknown": (logging.WARNING, "Nobody knows whether it was sent: a person has to say."),
}


def tell(became: str | None, outcome: Outcome) -> None:
    """One line for each outcome that was written down; its ids are known from where it is called."""
    if became is None:
        return
    level, words = WORDS[became]
    code = outcome.code if isinstance(outcome, Unsent) else None
    log.log(level, words.format(code=f" ({code})" if code else ""))
