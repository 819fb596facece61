"""What an error of Unipile's API means: whether the account, the person or the time is to blame.

docs/decisions/0022 says where the types are documented, and what is assumed where they are not.
"""

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from campaigns.channels.unipile.wire import Answer

# Nothing left, and
ACCOUNT = "account"  # a person has to set the account right
AWAY = "away"  # the same may work later
PERSON = "person"  # it never will for this person
AGAIN = "again"  # it may for this person, but not for ever so often
LIMIT = "limit"  # the account may do no more of this for a while
UNCLEAR = "unclear"  # a look at the person tells why
# It may have left.
DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class Meaning:
    """Who or what is to blame, in words for people."""

    blame: str
    words: str


_SIGNED_OUT = Meaning(ACCOUNT, "LinkedIn signed the account out: reconnect it.")
_KEY = Meaning(ACCOUNT, "The API key is not accepted: enter the application's key.")
_REFUSED = Meaning(PERSON, "LinkedIn does not allow this for this person.")
_UNCLEAR = Meaning(UNCLEAR, "LinkedIn does not take this for this person.")
_LIMIT = Meaning(LIMIT, "LinkedIn takes no more of these from the account for now.")
_BROKE = Meaning(DOUBTFUL, "Something broke on the way to LinkedIn: nobody knows whether it arrived.")
_AWAY = Meaning(AWAY, "Unipile is out of service for now.")
_STRANGER = Meaning(ACCOUNT, "Whatever answers at this address is not Unipile's API: check the address.")

# The one table: type of an error, or its status where the type is none of these -> what it means.
MEANINGS: dict[str | int, Meaning] = {
    "api/invalid_parameters": Meaning(
        ACCOUNT, "Unipile does not understand the request: a text may be too long, or this Cadenza too old."
    ),
    "provider/invalid_parameters": Meaning(PERSON, "LinkedIn refuses the text or the person's link."),
    "api/invalid_auth_format": _KEY,
    "api/missing_authorization": _KEY,
    "api/expired_authorization": _KEY,
    "api/insufficient_permissions": Meaning(ACCOUNT, "The API key may not do this: give it the permission at Unipile."),
    "api/inactive_subscription": Meaning(ACCOUNT, "The subscription at Unipile is not active."),
    "api/account_restricted": Meaning(ACCOUNT, "The account is restricted: see it at Unipile."),
    "api/resource_not_found": Meaning(ACCOUNT, "Unipile does not know this account any more: connect it again."),
    "api/not_implemented": Meaning(ACCOUNT, "Unipile cannot do this for an account of this kind."),
    "api/proxy_auth_error": _AWAY,
    "api/proxy_error": _BROKE,
    "api/proxy_timeout": _BROKE,
    "api/internal_error": _BROKE,
    "api/conflict": _UNCLEAR,
    "api/already_exists": _UNCLEAR,
    "api/too_many_requests": _LIMIT,
    "provider/invalid_authorization": _SIGNED_OUT,
    "provider/invalid_credentials": _SIGNED_OUT,
    "provider/unknown_authentication_context": _SIGNED_OUT,
    "provider/account_mismatch": _SIGNED_OUT,
    "provider/insufficient_permissions": _REFUSED,
    "provider/method_not_allowed": _REFUSED,
    "provider/resource_not_found": Meaning(PERSON, "LinkedIn knows nobody by this link."),
    "provider/conflict": _UNCLEAR,
    "provider/unprocessable_entity": _UNCLEAR,
    "provider/too_many_requests": _LIMIT,
    "provider/server_error": _BROKE,
    "provider/timeout": _BROKE,
    401: _KEY,
    409: _UNCLEAR,
    422: _UNCLEAR,
    429: _LIMIT,
    501: Meaning(ACCOUNT, "Unipile cannot do this for an account of this kind."),
    503: _AWAY,
}

_TYPE = re.compile(r"[a-z]{1,20}/[a-z_]{1,40}")
# An error that is unclear may say that it is one of these limits, for which there is no type of its own.
_SPEAKS_OF_A_LIMIT = re.compile(r"\blimit|quota|too many|try again later|resend", re.IGNORECASE)
_SECONDS = re.compile(r"\d{1,9}(?:\.\d+)?")
LONGEST_PAUSE = timedelta(days=8)


class Fault(Exception):
    """Unipile said no, or nothing; `blame` is one of those above, `reason` is for people and quotes nobody.

    `status` is that of the answer, `pause` for how long a limit holds, if that was said; `limited` that an unclear
    answer speaks of a limit.
    """

    def __init__(
        self,
        blame: str,
        reason: str,
        *,
        status: int | None = None,
        pause: timedelta | None = None,
        limited: bool = False,
    ) -> None:
        super().__init__(reason)
        self.blame, self.reason, self.status, self.pause, self.limited = blame, reason, status, pause, limited

    @property
    def lasting(self) -> bool:
        """Whether there is no point in asking again."""
        return self.blame in (ACCOUNT, PERSON, UNCLEAR)

    @property
    def account(self) -> bool:
        """Whether it is no matter of the person or step that was asked for."""
        return self.blame in (ACCOUNT, AWAY)


def fault_of(answer: Answer) -> Fault:
    """What an answer other than a yes means."""
    problem = read_object(answer.body)
    kind = _type(problem)
    meaning = MEANINGS.get(kind) or MEANINGS.get(answer.status) or (_BROKE if answer.status >= 500 else _STRANGER)
    said = " ".join(str(problem.get(name)) for name in ("type", "title", "detail"))
    named = f"{answer.status} {kind}".strip()
    return Fault(
        meaning.blame,
        f"Unipile: {named}. {meaning.words}",
        status=answer.status,
        pause=_pause(answer.headers.get("Retry-After")) if meaning.blame == LIMIT else None,
        limited=meaning.blame == UNCLEAR and bool(_SPEAKS_OF_A_LIMIT.search(said)),
    )


def read_object(raw: bytes) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _type(problem: dict[str, Any]) -> str:
    kind = problem.get("type")
    return kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else ""


def _pause(seconds: str | None) -> timedelta | None:
    if seconds is None or not _SECONDS.fullmatch(seconds.strip()):
        return None
    return min(timedelta(seconds=float(seconds)), LONGEST_PAUSE)
