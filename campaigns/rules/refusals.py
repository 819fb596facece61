"""The ways a verb says no. The web door turns each into a status and a sentence; nothing here knows HTTP."""

from collections.abc import Iterable

from campaigns.rules.problems import Problem


class Refused(Exception):
    """A request that was not carried out, and nothing written.

    `message` is one sentence a person can act on, `code` a stable snake_case word, `problems` name fields.
    """

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.problems = tuple(problems)


class Invalid(Refused):
    """What was sent cannot be right, whatever the state of things."""

    code = "invalid"

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> "Invalid":
        """One sentence made of the first problem, and all of them as details."""
        found = tuple(problems)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return cls(f"{found[0].field}: {found[0].message}{more}", problems=found)


class WrongState(Refused):
    """Right in itself, but not in the state the thing is in; the message names that state."""

    code = "wrong_state"


class NotFound(Refused):
    """No such thing in this workspace; a stranger's thing answers the same."""

    code = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Stale(Refused):
    """Asked of a version that is no longer the present one: somebody has edited it meanwhile."""

    code = "stale"


class Conflict(Refused):
    """Somebody or something else got there first, or holds on to it."""

    code = "conflict"
