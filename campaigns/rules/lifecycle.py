"""Statuses, and the only moves between them (CONTRACT section 1)."""

from dataclasses import dataclass

EMAIL, LINKEDIN = "email", "linkedin"
CAMPAIGN_TYPES = (EMAIL, LINKEDIN)
TYPE_WORDS = {EMAIL: "email", LINKEDIN: "LinkedIn"}

DRAFT, LAUNCHING, ACTIVE, PAUSED, COMPLETED = "draft", "launching", "active", "paused", "completed"
CAMPAIGN_STATUSES = (DRAFT, LAUNCHING, ACTIVE, PAUSED, COMPLETED)

PENDING, SENT, REPLIED, CANCELLED, FAILED, BOUNCED = (
    "pending",
    "sent",
    "replied",
    "cancelled",
    "failed",
    "bounced",
)
CONNECTION_SENT, CONNECTED, MESSAGE_SENT = "connection_sent", "connected", "message_sent"
UNSUBSCRIBED, TIMED_OUT = "unsubscribed", "timed_out"
IN_FLIGHT = (SENT, CONNECTION_SENT, CONNECTED, MESSAGE_SENT)
TERMINAL = (REPLIED, BOUNCED, UNSUBSCRIBED, COMPLETED, TIMED_OUT, FAILED, CANCELLED)
PROSPECT_STATUSES = (PENDING, *IN_FLIGHT, *TERMINAL)

# What a prospect is once a step of this type has left.
STATUS_AFTER = {"email": SENT, "connection_request": CONNECTION_SENT, "message": MESSAGE_SENT}

# A launch that has not come through after this many seconds falls back to draft (CONTRACT section 7).
LAUNCH_LIMIT_SECONDS = 120


def status_words(status: str) -> str:
    """A status as people read it. Whoever is `unsubscribed` need not have said so themselves: all that is true of each
    is that they came onto the suppression list, and their status_reason says why."""
    return {UNSUBSCRIBED: "suppressed"}.get(status, status.replace("_", " "))


@dataclass(frozen=True)
class Move:
    """One allowed change of a campaign's status."""

    verb: str
    origin: str
    target: str


# Besides these, whatever is being deleted is completed first.
MOVES = (
    Move("launch", DRAFT, LAUNCHING),
    Move("start", LAUNCHING, ACTIVE),
    Move("fall_back", LAUNCHING, DRAFT),
    Move("pause", ACTIVE, PAUSED),
    Move("resume", PAUSED, ACTIVE),
    Move("complete", ACTIVE, COMPLETED),
)


def move(verb: str) -> Move:
    """The row of MOVES for `verb`. KeyError for a verb that is in no row."""
    for row in MOVES:
        if row.verb == verb:
            return row
    raise KeyError(verb)


def verbs_from(status: str) -> tuple[str, ...]:
    """What a campaign in `status` can do next, in the order of the table."""
    return tuple(row.verb for row in MOVES if row.origin == status)
