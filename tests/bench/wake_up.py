"""New operating hours on a running campaign: until every sleeper is re-checked, and until the first message is
accepted by the mail server; beside the naive way, one RQ job for each sleeper, in the same run."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import select, update

from campaigns.models import Prospect, Sender, WakeUp
from tests.bench import crowd, naive
from tests.bench.figures import spread
from tests.bench.options import Options
from tests.bench.stage import Scene, closed_hours, playing, scene
from tests.servers import SmtpSink, running_sink
from tests.stack import Stack

PATIENCE = 60.0
# One message a round, so that the people do not run out; the account is freed before the next one.
GAP_SECONDS = 3600
WARM_UP = 2


@dataclass
class Line:
    """One campaign of sleepers, and what was measured on it, in seconds."""

    sleepers: int
    campaign_id: UUID
    sender_id: UUID
    answered: list[float] = field(default_factory=list)
    rechecked: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)

    def start_over(self) -> None:
        """Forget what was measured so far."""
        self.answered, self.rechecked, self.accepted = [], [], []


def measure(options: Options) -> dict[str, Any]:
    """Rows of seconds, one for each database and number of sleepers."""
    return {"rows": [row for kind in options.databases for row in _on(kind, options)]}


def _on(kind: str, options: Options) -> list[dict[str, Any]]:
    with running_sink() as sink, scene(kind) as made:
        lines = [put_to_sleep(made, sink, sleepers) for sleepers in options.sizes]
        with playing(made) as stack:
            take_turns(made, stack, sink, lines, options.rounds)
            return [_row(made, stack, line, options) for line in lines]


def put_to_sleep(made: Scene, sink: SmtpSink, sleepers: int) -> Line:
    """A running campaign of so many people, whose hours are closed."""
    name = f"{sleepers} asleep"
    with made.sessions.begin() as session:
        sender = made.sender(session, sink.port, min_gap=GAP_SECONDS, max_gap=GAP_SECONDS)
        hours = closed_hours(datetime.now(UTC))
        campaign = made.campaign(session, name, [sender], operating_hours=hours)
    crowd.fill(made.engine, sleepers, crowd.ASLEEP, campaign=name)
    return Line(sleepers, campaign.id, sender.id)


def take_turns(made: Scene, stack: Stack, sink: SmtpSink, lines: list[Line], rounds: int) -> None:
    """Campaign after campaign in each round: what else the machine does hits all of them alike."""
    for number in range(rounds + WARM_UP):
        for line in lines:
            if number == WARM_UP:
                line.start_over()
            _wake(made, stack, sink, line)


def _wake(made: Scene, stack: Stack, sink: SmtpSink, line: Line) -> None:
    _free(made, line.sender_id)
    sink.reset()
    began = time.monotonic()
    record = _edit(stack, line, None)
    line.answered.append(time.monotonic() - began)
    _await(made, select(WakeUp.id).where(WakeUp.id == record, WakeUp.finished_at.is_not(None)))
    line.rechecked.append(time.monotonic() - began)
    line.accepted.append(sink.wait_for(1, PATIENCE)[0].at - began)
    record = _edit(stack, line, closed_hours(datetime.now(UTC)))
    _await(made, select(WakeUp.id).where(WakeUp.id == record, WakeUp.finished_at.is_not(None)))
    _await(made, select(Sender.id).where(Sender.id == line.sender_id, Sender.lease_token.is_(None)))


def _free(made: Scene, sender_id: UUID) -> None:
    with made.sessions.begin() as session:
        session.execute(update(Sender).where(Sender.id == sender_id).values(next_send_at=None))


def _edit(stack: Stack, line: Line, hours: dict[str, Any] | None) -> UUID:
    answer = stack.api("PATCH", f"/campaigns/{line.campaign_id}", {"operating_hours": hours})
    return UUID(answer["wake_up"]["id"])


def _await(made: Scene, query: Any) -> None:
    """Return once there is such a row."""
    deadline = time.monotonic() + PATIENCE
    reading = made.engine.execution_options(readonly=True)
    while time.monotonic() < deadline:
        with reading.connect() as connection:
            if connection.scalar(query) is not None:
                return
        time.sleep(0.004)  # the row is written by another process; this is how exactly it is timed
    raise RuntimeError("The wake-up was not carried out.")


def _row(made: Scene, stack: Stack, line: Line, options: Options) -> dict[str, Any]:
    jobs = min(line.sleepers, options.naive_jobs)
    return {
        "database": made.kind,
        "sleepers": line.sleepers,
        "answered": spread(line.answered),
        "rechecked": spread(line.rechecked),
        "accepted": spread(line.accepted),
        "naive": _naive(made, stack, line, jobs) / jobs * line.sleepers,
        "naive_jobs": jobs,
    }


def _naive(made: Scene, stack: Stack, line: Line, jobs: int) -> float:
    """One job for each sleeper, which loads the person and looks at the hours; worked off by one fast worker."""
    with made.sessions() as session:
        ids = session.scalars(select(Prospect.id).where(Prospect.campaign_id == line.campaign_id).limit(jobs)).all()
    with Redis(unix_socket_path=str(stack.data / "redis.sock")) as redis:
        queue = Queue("naive", connection=redis, serializer=JSONSerializer)
        naive.prepare(made.url)
        began = time.monotonic()
        queue.enqueue_many([Queue.prepare_data(naive.recheck, (str(prospect),), result_ttl=0) for prospect in ids])
        SimpleWorker([queue], connection=redis, serializer=JSONSerializer).work(burst=True, logging_level="ERROR")
        return time.monotonic() - began
