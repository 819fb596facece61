"""What a seat keeps of its account at a provider besides `Sender.seat`: the secrets."""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.sealing import Unsealable, seal, unseal
from campaigns.models.sender import Sender
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid

# `Sender.seat` of one that is connected with none: its `name` is what the provider calls an account, and `webhook` what
# was registered there, {id, account_id, url}.
NO_ACCOUNT: dict[str, Any] = {"base_url": "", "account_id": None, "name": None, "webhook": None}


@dataclass(frozen=True)
class Keys:
    """What opens the provider's API, and what its webhooks are signed with; None before one was registered."""

    api_key: str = field(repr=False)
    webhook_secret: str | None = field(repr=False, default=None)


def read_keys(sender: Sender, key: str) -> Keys:
    """What is sealed with the seat. Raises Unsealable, also if nothing is."""
    sealed = unseal(key, sender.seat_sealed)
    if sealed is None:
        raise Unsealable("No API key is stored for this seat: enter it.")
    return Keys(**json.loads(sealed))


def seal_keys(keys: Keys, key: str) -> str | None:
    """The same as it is stored."""
    return seal(key, json.dumps(vars(keys)))


def check_account(session: Session, sender: Sender) -> None:
    """An account has one seat of the workspace: two would each use up its limits. Raises Invalid."""
    account_id = (sender.seat or {}).get("account_id")
    if account_id is None:
        return
    same = Sender.seat["account_id"].as_string() == account_id
    others = select(Sender).where(Sender.workspace_id == sender.workspace_id, same, Sender.id != sender.id)
    other = session.scalar(others.limit(1))
    if other is not None:
        raise Invalid.of([Problem("seat.account_id", f"is connected with {other.label} already")])
