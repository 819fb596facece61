"""The API of CONTRACT section 7: each view reads the request, asks a verb, answers in JSON."""

from campaigns.web.api import (
    campaigns,
    conversations,
    idempotency,
    keys,
    messages,
    nodes,
    openapi,
    people,
    prospects,
    senders,
    suppressions,
    tasks,
    templates,
    wake_ups,
)
from campaigns.web.api.blueprint import blueprint

__all__ = [
    "blueprint",
    "campaigns",
    "conversations",
    "idempotency",
    "keys",
    "messages",
    "nodes",
    "openapi",
    "people",
    "prospects",
    "senders",
    "suppressions",
    "tasks",
    "templates",
    "wake_ups",
]
