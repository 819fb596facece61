"""Liveness and readiness for monitors: `/healthz`, and `/metrics` as Prometheus text."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from campaigns import metering, reporting
from campaigns.models.trouble import AWAY, trouble_of
from campaigns.web.exposition import CONTENT_TYPE, Exposition
from campaigns.web.house import house, now

blueprint = Blueprint("health", __name__)

# Seconds. Without any worker for this long nothing leaves, and no edit takes effect.
MOST_SILENCE = 30
# The ticker works every second; what the bells miss waits for it.
TICK_LATE = 10
OK, DEGRADED, FAILING = "ok", "degraded", "failing"


@dataclass
class Findings:
    """What was looked at. A problem is a check's name and a sentence with what to do."""

    status: str = OK
    problems: list[dict[str, str]] = field(default_factory=list)

    def say(self, check: str, message: str, status: str) -> None:
        """One more problem; the gravest decides."""
        self.problems.append({"check": check, "message": message})
        if self.status != FAILING:
            self.status = status


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """503 when the database is away or no worker was seen for 30 s, and what to do about it."""
    found, pulse = Findings(), house().board.pulse()
    overdue = _look_at_database(found)
    _look_at_workers(found, pulse)
    if pulse.redis:
        _look_at_ticker(found, pulse)
    shown = {
        "status": found.status,
        "database": overdue is not None,
        "redis": pulse.redis,
        "workers": pulse.workers,
        "workers_unseen_seconds": round(pulse.silence),
        "last_tick_seconds": age(pulse.ticked_at),
        "overdue_seconds": overdue,
        "problems": found.problems,
    }
    return shown, 503 if found.status == FAILING else 200


def _look_at_database(found: Findings) -> int | None:
    """How long the longest due step has waited for open gates; None if the database does not say."""
    try:
        with house().reading() as db:
            return reporting.overdue_seconds(db, now())
    except SQLAlchemyError as error:
        found.say("database", str(trouble_of(error) or AWAY), FAILING)
        return None


def _look_at_workers(found: Findings, pulse: Any) -> None:
    grave = FAILING if pulse.silence >= MOST_SILENCE else DEGRADED
    if not pulse.redis:
        found.say(
            "redis", "Redis does not answer, and no worker is seen without it: start it, or correct REDIS_URL.", grave
        )
    elif not pulse.workers:
        words = f"No worker was seen for {pulse.silence:.0f} s: start one (python -m jobs.worker)."
        found.say("workers", words, grave)


def _look_at_ticker(found: Findings, pulse: Any) -> None:
    late = age(pulse.ticked_at)
    if late is None or late > TICK_LATE:
        seen = "not seen yet" if late is None else f"last seen {late} s ago"
        found.say("ticker", f"The ticker was {seen}: start it (python -m jobs.ticker).", DEGRADED)


def age(at: datetime | None) -> int | None:
    """Whole seconds since then."""
    return None if at is None else max(0, round((now() - at).total_seconds()))


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Numbers of the whole installation, whichever process answers: all come from the database and Redis."""
    text = Exposition()
    _tell_of_processes(text, house().board.pulse())
    try:
        with house().reading() as db:
            numbers = Exposition()
            _tell_of_wake_ups_and_lanes(numbers, db)
            _tell_of_mailboxes(numbers, db)
            _tell_of_gates(numbers, db)
        text.gauge("cadenza_database_up", "Whether the database answers.", 1)
    except SQLAlchemyError:
        numbers = Exposition()
        text.gauge("cadenza_database_up", "Whether the database answers.", 0)
    return Response(f"{text}{numbers}", content_type=CONTENT_TYPE)


def _tell_of_processes(text: Exposition, pulse: Any) -> None:
    text.gauge("cadenza_redis_up", "Whether Redis answers.", int(pulse.redis))
    text.gauge("cadenza_workers", "Workers seen in the last 30 s.", pulse.workers)
    text.gauge("cadenza_workers_unseen_seconds", "Since any worker was seen.", round(pulse.silence, 1))
    late = age(pulse.ticked_at)
    if late is not None:
        text.gauge("cadenza_last_tick_age_seconds", "Since the ticker did its work.", late)
    jobs = [
        ({"queue": queue.name, "state": state}, getattr(queue, state))
        for queue in pulse.queues
        for state in ("waiting", "running", "failed")
    ]
    text.add("cadenza_queue_jobs", "gauge", "Jobs of each queue.", jobs)
    oldest = [({"queue": queue.name}, age(queue.oldest_at) or 0) for queue in pulse.queues]
    text.add("cadenza_queue_oldest_seconds", "gauge", "How long the next job of each queue has waited.", oldest)


def _tell_of_wake_ups_and_lanes(text: Exposition, db: Any) -> None:
    what = "From an edit to the end of the re-check of everybody whom it wakes."
    text.histogram("cadenza_wake_up_duration_seconds", what, metering.wake_ups(db))
    became = [({"sender_id": one, "outcome": what}, count) for one, what, count in metering.outcomes(db)]
    text.add("cadenza_messages_total", "counter", "What became of messages, by the account's lane.", became)
    unsettled = metering.open_messages(db)
    text.gauge(
        "cadenza_unknown_outcomes", "Messages of which a person has to say if they arrived.", unsettled["unknown"]
    )
    text.gauge("cadenza_messages_being_sent", "Messages in the hands of a lane.", unsettled["sending"])
    text.gauge("cadenza_messages_deferred", "Messages that are tried again later.", unsettled["waiting"])
    text.gauge("cadenza_tasks_open", "LinkedIn steps that wait for a person to do them.", unsettled["task"])


def _tell_of_mailboxes(text: Exposition, db: Any) -> None:
    found = metering.mailboxes(db)
    text.gauge("cadenza_mailboxes", "Mailboxes of accounts that can send.", found.known)
    text.gauge("cadenza_mailboxes_failing", "Those that could not be read the last time.", found.failing)
    what = "How long ago the one was read that was read the longest ago; follow-ups wait beyond 15 min."
    text.gauge("cadenza_mailbox_oldest_reading_seconds", what, age(found.oldest) or 0)


def _tell_of_gates(text: Exposition, db: Any) -> None:
    what = "How long the longest due step with open hours has waited; limits and gaps make some wait."
    text.gauge("cadenza_overdue_seconds", what, reporting.overdue_seconds(db, now()))
    states = [
        ({"gate": gate, "state": state}, count)
        for gate, counts in metering.gates(db, now()).items()
        for state, count in zip(("open", "closed"), counts, strict=True)
    ]
    text.add("cadenza_gate_campaigns", "gauge", "Active campaigns that find each gate open or closed.", states)
    by_status = metering.campaigns_by_status(db).items()
    text.add("cadenza_campaigns", "gauge", "Campaigns.", [({"status": status}, n) for status, n in by_status])
    senders = metering.senders_by_status(db).items()
    text.add("cadenza_senders", "gauge", "Sender accounts.", [({"status": status}, n) for status, n in senders])
