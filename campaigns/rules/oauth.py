"""The parts of a sign-in by OAuth 2 (RFC 6749)."""

from dataclasses import dataclass, field

from campaigns.rules.hosts import GOOGLE, MICROSOFT

PASSWORD = "password"  # noqa: S105 the name of a way to sign in
WAYS = (PASSWORD, GOOGLE, MICROSOFT)
# Which organisation's people may sign in at Microsoft: any.
ANY_TENANT = "common"


@dataclass(frozen=True)
class Client:
    """What the user registered at a provider, GOOGLE or MICROSOFT."""

    provider: str
    id: str
    secret: str = field(repr=False)
    tenant: str = ANY_TENANT


@dataclass(frozen=True)
class Tokens:
    """What signs in now, and what gets the next of it, if that has changed."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)


class Denied(Exception):
    """No token came. `lasting`: none will, until somebody signs in anew."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting
