"""THE TABLE of CONTRACT section 2: one row a field, from which both doors, the docs and the tests derive.

To add a field: one row here, one column on the campaign, one migration.
"""

from dataclasses import dataclass

from campaigns.rules.kinds import AccountLimits, Flag, Kind, Nodes, Number, Text, UuidList, Week
from campaigns.rules.lifecycle import ACTIVE, CAMPAIGN_TYPES, DRAFT, EMAIL, LINKEDIN, PAUSED, TYPE_WORDS

BOTH = CAMPAIGN_TYPES
DAILY_LIMIT = Number(1, 500)


@dataclass(frozen=True)
class Field:
    """One editable field: its kind, where it applies, and until when it may be changed.

    `always` false means: in a draft only. `wakes` is the cause of the wake-up that a change on an active
    campaign brings, if it brings one.
    """

    name: str
    label: str
    kind: Kind
    types: tuple[str, ...]
    always: bool
    help: str
    wakes: str | None = None


FIELDS = (
    Field("name", "Name", Text(200, least=1), BOTH, True, "Unique in the workspace."),
    Field(
        "operating_hours",
        "Operating hours",
        Week(),
        BOTH,
        True,
        "When messages may leave. New hours on a running campaign take effect at once.",
        wakes="operating_hours",
    ),
    Field(
        "prospect_timezone",
        "Use each prospect's own clock",
        Flag(),
        BOTH,
        True,
        "The same hours, read on the clock of a prospect whose time zone is known.",
        wakes="operating_hours",
    ),
    Field(
        "daily_limit",
        "Daily limit",
        DAILY_LIMIT,
        (EMAIL,),
        True,
        "Most prospects messaged a day, over all senders.",
        wakes="limit",
    ),
    Field(
        "account_limits",
        "Limits by account",
        AccountLimits(50, DAILY_LIMIT),
        (EMAIL,),
        True,
        "Most messages a day of one account, in place of the account's own limit.",
        wakes="limit",
    ),
    Field(
        "skip_other_campaigns",
        "Skip people in other campaigns",
        Flag(),
        (LINKEDIN,),
        False,
        "Leave out whoever is in another running LinkedIn campaign.",
    ),
    Field(
        "stop_on_reply",
        "Stop when somebody answers",
        Flag(),
        (EMAIL,),
        False,
        "A prospect who answers gets nothing more.",
    ),
    Field(
        "open_tracking",
        "Track opens",
        Flag(),
        (EMAIL,),
        False,
        "Adds an invisible picture. Costs trust; off is the better default.",
    ),
    Field(
        "signature",
        "Signature",
        Text(5000, lines=True, nullable=True),
        (EMAIL,),
        False,
        "Goes under every email that has none of its own.",
    ),
    Field(
        "sender_account_ids",
        "Senders",
        UuidList(50),
        BOTH,
        False,
        "The accounts that messages leave from.",
    ),
    Field(
        "sequence_nodes",
        "Sequence",
        Nodes(100),
        BOTH,
        False,
        "The steps, in order.",
    ),
)

BY_NAME = {field.name: field for field in FIELDS}

# The fields of a step that `PUT …/nodes/{id}` may correct while the campaign runs, for those who have not got it
# yet; and when. All else of the sequence is locked after the draft.
WORDS = ("subject", "body")
WORDS_EDITABLE = (DRAFT, ACTIVE, PAUSED)

UNKNOWN_REASON = "is not a field that can be edited"


def locked_because(field: Field, campaign_type: str, status: str) -> str | None:
    """Why `field` cannot be edited on such a campaign now, in words; None where it can."""
    if campaign_type not in field.types:
        return f"applies to {TYPE_WORDS[field.types[0]]} campaigns only"
    if field.always or status == DRAFT:
        return None
    return f"can be changed in a draft only; this campaign is {status}"


def words_locked_because(status: str) -> str | None:
    """Why even the words of a step cannot be edited now; None where they can."""
    if status in WORDS_EDITABLE:
        return None
    return f"has words that can be changed in a draft, active or paused campaign only; this campaign is {status}"


def node_locked_because(name: str, status: str) -> str | None:
    """Why the field `name` of a step that is there cannot be edited now; None where it can."""
    if status == DRAFT:
        return None
    if name in WORDS:
        return words_locked_because(status)
    return f"can be changed in a draft only; this campaign is {status}"
