"""What a provider of LinkedIn seats tells of: by webhook, or asked."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from campaigns.rules.accounts import is_loopback

# How an account stands: it works; somebody has to sign in to LinkedIn again; it is out of service for a while; it has
# to be set right at the provider.
RUNNING, DISCONNECTED, ERRORED, PAUSED = "running", "disconnected", "errored", "paused"


@dataclass(frozen=True)
class Accepted:
    """The account and this person are connected, `at` an instant if that is said. They are known by the provider's id
    and, mostly, by the address of their profile."""

    account_id: str
    person_id: str
    profile_url: str | None
    at: datetime | None


@dataclass(frozen=True)
class Wrote:
    """This person wrote to the account: nothing that the account wrote itself. `message_id` is the provider's; `name`
    and `text` are what is shown of it in the inbox, `link` leads to the conversation at LinkedIn, where they are said.
    """

    account_id: str
    person_id: str
    profile_url: str | None
    at: datetime
    message_id: str | None
    name: str | None = None
    text: str = ""
    link: str | None = None


@dataclass(frozen=True)
class Standing:
    """The account is `status`, one of those above, since `at`."""

    account_id: str
    status: str
    at: datetime


Heard = Accepted | Wrote | Standing


def can_reach(public_url: str) -> bool:
    """Whether a provider can send webhooks to this server, as far as its address tells."""
    parts = urlsplit(public_url)
    return parts.scheme == "https" and not is_loopback(parts.hostname)
