"""What every sleeper does in every engine: read the hours, say until when it sleeps, be counted."""

import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.rules.hours import next_open, parse_hours

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def hours(days_ahead: int) -> dict[str, Any]:
    """Hours that are closed now and open in so many days."""
    opening = DAYS[(datetime.now(UTC) + timedelta(days=days_ahead)).weekday()]
    return {"timezone": "UTC", opening: [{"start": "09:00", "end": "17:00"}]}


def opening(given: dict[str, Any], now: datetime) -> datetime:
    """Until when to sleep."""
    return next_open(parse_hours(given, default_timezone="UTC"), now)


def report(start: float, rechecked: float) -> None:
    """What the one who started this process waits for."""
    print(json.dumps({"start": start, "rechecked": rechecked}), flush=True)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
