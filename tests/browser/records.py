"""What the browser tests find there already: accounts and campaigns, made over the API."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.jobs.processes import wait_until
from tests.stack import Stack

EMAIL, PASSWORD = "sarah@example.com", "correct horse battery"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALL_DAY = [{"start": "00:00", "end": "24:00"}]
SEQUENCE = [
    {"type": "email", "subject": "First", "body": "Dear %first_name|there%,\nan idea.\n"},
    {"type": "delay", "delay_days": 2},
    {"type": "email", "subject": "Second", "body": "Dear %first_name|there%,\nand again.\n"},
    {"type": "email", "subject": "Third", "body": "Dear %first_name|there%,\na last time.\n"},
    {"type": "end"},
]
PEOPLE = [
    {"email": "ann@corp.test", "first_name": "Ann", "last_name": "Lee", "company": "Corp"},
    {"email": "bob@corp.test", "first_name": "Bob"},
    {"email": "carla@other.test", "first_name": "Carla", "last_name": "Ott", "company": "Other"},
]

_numbers = count(1)


def closed_now() -> dict[str, Any]:
    """Hours that open in three days."""
    return {"timezone": "UTC", DAYS[(datetime.now(UTC) + timedelta(days=3)).weekday()]: ALL_DAY}


def new_sender(stack: Stack, **fields: object) -> dict[str, Any]:
    number = next(_numbers)
    account = {"type": "email", "email_address": f"s{number}@example.com", "display_name": f"Sender {number}"}
    return dict(stack.api("POST", "/senders", {**account, "uses_trap": True, "min_gap": 0, "max_gap": 0, **fields}))


def new_draft(stack: Stack, **fields: object) -> str:
    """The id of a draft that could be launched, in hours that are closed now."""
    campaign = {
        "type": "email",
        "name": f"Autumn {next(_numbers)}",
        "sender_account_ids": [new_sender(stack)["id"]],
        "operating_hours": closed_now(),
        "sequence_nodes": SEQUENCE,
        **fields,
    }
    made = stack.api("POST", "/campaigns", campaign)
    return str((made.get("campaign") or made)["id"])


def add_people(stack: Stack, campaign: str) -> None:
    stack.api("POST", f"/campaigns/{campaign}/prospects", {"prospects": PEOPLE})


def launch(stack: Stack, campaign: str) -> None:
    """Returns when it is active."""
    stack.api("POST", f"/campaigns/{campaign}/launch")
    wait_until(lambda: campaign_of(stack, campaign)["status"] == "active")


def new_sleeping(stack: Stack, **fields: object) -> str:
    """The id of an active campaign whose people sleep for days."""
    campaign = new_draft(stack, **fields)
    add_people(stack, campaign)
    launch(stack, campaign)
    return campaign


def campaign_of(stack: Stack, campaign: str) -> dict[str, Any]:
    return dict(stack.api("GET", f"/campaigns/{campaign}")["campaign"])


def nodes_of(stack: Stack, campaign: str) -> list[dict[str, Any]]:
    return list(stack.api("GET", f"/campaigns/{campaign}")["sequence_nodes"])
