"""The board: what workers, queues and jobs are doing, for the workers page. Nothing here raises when Redis is away."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.utils import utcparse
from rq.worker_registration import REDIS_WORKER_KEYS

from jobs.bells import QUEUES
from jobs.complaint import Complaint, redis_trouble
from jobs.workshop import utcnow

log = logging.getLogger(__name__)

# Where the ticker leaves word.
TICKED = "cadenza:ticked"
# A worker that has said nothing for this long is taken for dead; it says something every ten seconds.
SILENT_SECONDS = 30
# Jobs of each kind and queue that the page shows; the RQ dashboard has the rest.
MOST_JOBS = 20


@dataclass(frozen=True)
class JobView:
    """One job: `kind` is the bell that it answers, `args` its ids. Instants are UTC."""

    id: str
    kind: str
    args: tuple[str, ...]
    queue: str
    status: str
    enqueued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class WorkerView:
    """One worker process."""

    name: str
    state: str
    queues: tuple[str, ...]
    job: JobView | None
    seen_at: datetime | None
    since: datetime | None
    done: int
    failed: int


@dataclass(frozen=True)
class QueueView:
    """One queue, counted."""

    name: str
    waiting: int
    running: int
    failed: int
    # Since when the job waits that comes next.
    oldest_at: datetime | None = None


@dataclass(frozen=True)
class Overview:
    """Everything that the workers page shows."""

    workers: list[WorkerView] = field(default_factory=list)
    queues: list[QueueView] = field(default_factory=list)
    jobs: list[JobView] = field(default_factory=list)
    ticked_at: datetime | None = None


def _aware(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def _view(job: Job) -> JobView:
    kind, args = _wish(job)
    failed = job.latest_result() if job.is_failed else None
    trace = (failed.exc_string or "").strip() if failed else ""
    return JobView(
        id=job.id,
        kind=kind,
        args=args,
        queue=job.origin,
        status=str(job.get_status(refresh=False).value),
        enqueued_at=_aware(job.enqueued_at),
        started_at=_aware(job.started_at),
        ended_at=_aware(job.ended_at),
        error=trace.splitlines()[-1] if trace else None,
    )


def _wish(job: Job) -> tuple[str, tuple[str, ...]]:
    """What the job is to do, and with what; other programs may have put there what only they can read."""
    try:
        return (job.func_name or "").rpartition(".")[2], tuple(str(arg) for arg in job.args or ())
    except DeserializationError:
        return "of another program", ()


@dataclass(frozen=True)
class Pulse:
    """Signs of life, for monitors. None where Redis does not tell. `silence`: seconds since a worker was last seen;
    whoever has just begun to look begins to count then."""

    redis: bool
    workers: int
    silence: float
    ticked_at: datetime | None
    queues: tuple[QueueView, ...]


class Board:
    """Reads RQ's books in Redis, and the mark that the ticker leaves there."""

    def __init__(self, redis: Redis, clock: Callable[[], datetime] = utcnow) -> None:
        self._redis = redis
        self._clock = clock
        self._seen_at = clock()
        self._complaint = Complaint(log, "Redis works again.")

    def note_tick(self) -> None:
        """The ticker has just done all that was to be done. If Redis is away, that is seen anyway."""
        with suppress(RedisError):
            self._redis.set(TICKED, self._clock().isoformat())

    def _ticked_at(self) -> datetime | None:
        said = self._redis.get(TICKED)
        try:
            return datetime.fromisoformat(said.decode()) if isinstance(said, bytes) else None
        except ValueError:
            return None

    def pulse(self) -> Pulse:
        """Who was seen, and when. A worker says every ten seconds that it lives; one that was killed stays in RQ's
        books for a while, but says nothing any more."""
        now = self._clock()
        try:
            seen = self._heartbeats()
            queues = tuple(self._counts(self._queue(name)) for name in QUEUES)
            ticked_at = self._ticked_at()
        except RedisError:
            return Pulse(False, 0, self._silence(now), None, ())
        self._seen_at = max([self._seen_at, *seen])
        lively = sum((now - at).total_seconds() < SILENT_SECONDS for at in seen)
        return Pulse(True, lively, self._silence(now), ticked_at, queues)

    def _silence(self, now: datetime) -> float:
        return max(0.0, (now - self._seen_at).total_seconds())

    def _heartbeats(self) -> list[datetime]:
        """When each worker in the books last said that it lives: two round trips, however many there are."""
        keys = list(self._redis.smembers(REDIS_WORKER_KEYS))
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hget(key, "last_heartbeat")
            said = pipeline.execute() if keys else []
        return [utcparse(one.decode()) for one in said if one]

    def overview(self) -> Overview | None:
        """Everything that the workers page shows; None if Redis is away."""
        try:
            queues = [self._queue(name) for name in QUEUES]
            workers = Worker.all(connection=self._redis, serializer=JSONSerializer)
            jobs = self._jobs(job_id for queue in queues for job_id in self._job_ids(queue))
            overview = Overview(
                workers=[self._worker(worker) for worker in workers if isinstance(worker, Worker)],
                queues=[self._counts(queue) for queue in queues],
                jobs=sorted(jobs, key=_newest, reverse=True),
                ticked_at=self._ticked_at(),
            )
            self._complaint.over()
            return overview
        except RedisError as away:
            self._complaint.about(redis_trouble(away), away)
            return None

    def retry(self, job_id: str) -> bool:
        """Queue a failed job again; whether there was one."""
        job = self._find(job_id)
        if job is None or not job.is_failed:
            return False
        try:
            job.requeue()
        except (InvalidJobOperation, NoSuchJobError, RedisError):
            return False
        return True

    def cancel(self, job_id: str) -> bool:
        """Take a waiting or failed job off; whether there was one. What it was to do is found by the tick."""
        job = self._find(job_id)
        if job is None or job.is_started:
            return False
        try:
            job.delete()
        except RedisError:
            return False
        return True

    def _find(self, job_id: str) -> Job | None:
        try:
            return Job.fetch(job_id, connection=self._redis, serializer=JSONSerializer)
        except (NoSuchJobError, RedisError):
            return None

    def _queue(self, name: str) -> Queue:
        return Queue(name, connection=self._redis, serializer=JSONSerializer)

    def _job_ids(self, queue: Queue) -> list[str]:
        last = MOST_JOBS - 1
        return [
            *queue.get_job_ids(0, MOST_JOBS),
            *StartedJobRegistry(queue=queue).get_job_ids(0, last),
            *FailedJobRegistry(queue=queue).get_job_ids(0, last, desc=True),
            *FinishedJobRegistry(queue=queue).get_job_ids(0, last, desc=True),
        ]

    def _jobs(self, ids: Iterable[str]) -> list[JobView]:
        found = Job.fetch_many(list(dict.fromkeys(ids)), connection=self._redis, serializer=JSONSerializer)
        return [_view(job) for job in found if job is not None]

    def _counts(self, queue: Queue) -> QueueView:
        return QueueView(
            queue.name,
            waiting=queue.count,
            running=StartedJobRegistry(queue=queue).count,
            failed=FailedJobRegistry(queue=queue).count,
            oldest_at=self._oldest_at(queue),
        )

    def _oldest_at(self, queue: Queue) -> datetime | None:
        for job_id in queue.get_job_ids(0, 1):
            said = self._redis.hget(Job.key_for(job_id), "enqueued_at")
            if isinstance(said, bytes) and said:
                return utcparse(said.decode())
        return None

    def _worker(self, worker: Worker) -> WorkerView:
        job: Any = worker.get_current_job()
        return WorkerView(
            name=worker.name,
            state=str(getattr(worker.get_state(), "value", worker.get_state())),
            queues=tuple(worker.queue_names()),
            job=_view(job) if job else None,
            seen_at=_aware(worker.last_heartbeat),
            since=_aware(worker.birth_date),
            done=worker.successful_job_count,
            failed=worker.failed_job_count,
        )


def _newest(job: JobView) -> datetime:
    return job.ended_at or job.started_at or job.enqueued_at or datetime.min.replace(tzinfo=UTC)
