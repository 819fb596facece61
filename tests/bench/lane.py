"""Messages a second of one lane with no gap into a fast mail server, beside a plain loop; and of four lanes."""

import subprocess
import sys
import time
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast, func, literal, select, update

from campaigns.models import Campaign, Message, Prospect, new_id
from tests.bench import crowd
from tests.bench.mail import running_fast_sink
from tests.bench.options import Options
from tests.bench.stage import Scene, playing, scene

PATIENCE = 300.0
LANES = 4


def measure(options: Options) -> dict[str, Any]:
    """Messages a second, one row a database; four lanes on PostgreSQL alone, since SQLite has one writer."""
    with running_fast_sink() as port:
        rows = [_on(kind, port, options) for kind in options.databases]
    return {"messages": options.messages, "runs": options.runs, "rows": rows}


def _on(kind: str, port: int, options: Options) -> dict[str, Any]:
    """Of several runs the fastest, of ours and of the loop alike: what else the machine does only ever slows."""
    count, runs = options.messages, range(options.runs)
    with scene(kind) as made, playing(made):
        pairs = [(_lanes(made, port, 1, count), _loop(made, port, count)) for _ in runs]
        row = {"database": kind, "one": max(one for one, _ in pairs), "loop": max(loop for _, loop in pairs)}
        if kind == "postgresql":
            row["four"] = max(_lanes(made, port, LANES, count) for _ in runs)
        return row


def _lanes(made: Scene, port: int, lanes: int, count: int) -> float:
    """Messages a second of `lanes` accounts with `count` messages between them, from the first claim to the last
    receipt; found by the timetable, worked off by the two workers of `make run`."""
    campaign_id = _people(made, port, lanes, count)
    with made.sessions.begin() as session:
        session.execute(update(Campaign).where(Campaign.id == campaign_id).values(status="active"))
    deadline = time.monotonic() + PATIENCE
    while True:
        sent, first, last = _progress(made, campaign_id)
        if sent == count // lanes * lanes:
            return float(sent / (last - first).total_seconds())
        if time.monotonic() > deadline:
            raise RuntimeError(f"{sent} of {count} messages were sent within {PATIENCE} s")
        time.sleep(0.2)  # seldom: whoever asks takes from what is measured


def _people(made: Scene, port: int, lanes: int, count: int) -> UUID:
    """A paused campaign of `lanes` accounts with this many people between them."""
    name = f"{lanes} lanes {new_id()}"
    with made.sessions.begin() as session:
        senders = [made.sender(session, port) for _ in range(lanes)]
        campaign_id = made.campaign(session, name, senders, status="paused").id
    crowd.fill(made.engine, count // lanes, crowd.ASLEEP, campaign=name)
    with made.sessions.begin() as session:  # smtp-sink takes no letters beyond ASCII, nor does smtplib by itself
        plain = literal("person-") + cast(Prospect.id, String) + "@example.org"
        theirs = update(Prospect).where(Prospect.campaign_id == campaign_id).values(email=plain)
        session.execute(theirs, execution_options={"synchronize_session": False})
    return campaign_id


def _progress(made: Scene, campaign_id: UUID) -> Any:
    query = select(func.count(Message.sent_at), func.min(Message.claimed_at), func.max(Message.sent_at))
    with made.engine.execution_options(readonly=True).connect() as connection:
        return connection.execute(query.where(Message.campaign_id == campaign_id)).one()


def _loop(made: Scene, port: int, count: int) -> float:
    campaign_id = _people(made, port, 1, count)
    command = [sys.executable, "-m", "tests.bench.plain_loop", made.url, str(port), str(campaign_id)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
