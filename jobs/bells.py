"""Ringing: a committed wish becomes an RQ job. A bell that is lost costs time only; the tick finds the work."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.queue import EnqueueData
from rq.serializers import JSONSerializer

from campaigns.models import Bell
from jobs.complaint import Complaint, redis_trouble

log = logging.getLogger(__name__)

DAY_SECONDS = 24 * 60 * 60
# A page does not wait longer than this for a Redis that is away; the commit stands either way.
PATIENCE_SECONDS = 1.0
# How long a bell that was rung keeps others of the same kind quiet, if its job never starts.
RUNG_SECONDS = 15
# Bells that are rung together: enough to make the way to Redis cheap, too few to keep it from others for long.
AT_ONCE = 500


@dataclass(frozen=True)
class Kind:
    """Which function answers a bell, on which queue, and how long RQ keeps what became of it (seconds).

    `about` says what its first argument is the id of, as the log calls it (campaigns.rules.tracing). One that is
    `short` is worked off by the worker itself, without a fork (docs/decisions/0013-wake-ups-without-a-fork.md).
    """

    queue: str
    function: str
    timeout: int
    result_ttl: int
    about: str
    short: bool = False


KINDS = {
    "wake": Kind("wake", "jobs.wake.wake", 60, DAY_SECONDS, "wake_up_id", short=True),
    "launch": Kind("wake", "jobs.launch.launch", 600, DAY_SECONDS, "campaign_id"),
    "lane": Kind("lanes", "jobs.lane.lane", 300, 600, "sender_id"),
    "inbox": Kind("inbox", "jobs.inbox.inbox", 300, 600, "sender_id"),
    "seat": Kind("inbox", "jobs.seats.seat", 300, 600, "sender_id"),
    "answer": Kind("asked", "jobs.answers.answer", 300, 600, "answer_id"),
    "withdrawal": Kind("asked", "jobs.withdrawals.withdrawal", 300, 600, "sender_id"),
    "imports": Kind("imports", "jobs.imports.imports", 600, DAY_SECONDS, "import_id"),
}
QUEUES = ("wake", "asked", "inbox", "imports", "lanes")
FAILURE_TTL = 7 * DAY_SECONDS


def subject_of(function: str | None, args: Sequence[str]) -> dict[str, str]:
    """What a job is about, as a field of the log; nothing for a job that is none of ours."""
    return {kind.about: args[0] for kind in KINDS.values() if kind.function == function and args}


def connect_briefly(url: str) -> Redis:
    """A Redis client that gives up soon: for those who can do without."""
    patience = {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS}
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), **patience)


def _mark(bell: Bell) -> str:
    return f"cadenza:rung:{bell.job}:{':'.join(bell.args)}"


def _job(job_id: str, bell: Bell) -> EnqueueData:
    kind = KINDS[bell.job]
    return Queue.prepare_data(
        kind.function,
        args=bell.args,
        job_id=job_id,
        timeout=kind.timeout,
        result_ttl=kind.result_ttl,
        failure_ttl=FAILURE_TTL,
    )


class Ringer:
    """Called after a commit with its bells. Rings each once until its job starts (`answer`)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._complaint = Complaint(log, "Redis works again.")

    def __call__(self, bells: Sequence[Bell]) -> None:
        by_queue = defaultdict(list)
        for bell in bells:
            by_queue[KINDS[bell.job].queue].append(bell)
        try:
            for queue, own in by_queue.items():
                for first in range(0, len(own), AT_ONCE):
                    self._ring(queue, own[first : first + AT_ONCE])
            self._complaint.over()
        except RedisError as error:
            self._complain(error)

    def _ring(self, name: str, bells: Sequence[Bell]) -> None:
        wishes = {str(uuid4()): bell for bell in self._still(bells)}
        if not wishes:
            return
        queue = Queue(name, connection=self._redis, serializer=JSONSerializer)
        try:
            queue.enqueue_many([_job(job_id, bell) for job_id, bell in wishes.items()])
        except ResponseError:
            # Redis carries out the rest of a transaction: without its queue a job would lie there for ever.
            self._redis.delete(*map(_mark, wishes.values()), *map(Job.key_for, wishes))
            raise

    def _still(self, bells: Sequence[Bell]) -> list[Bell]:
        """Those that do not ring already; from now on they do."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for bell in bells:
                pipeline.set(_mark(bell), "1", nx=True, ex=RUNG_SECONDS)
            return [bell for bell, fresh in zip(bells, pipeline.execute(), strict=True) if fresh]

    def answer(self, job: str, *args: str) -> None:
        """The job starts and will see all that is committed: whoever rings from now on is heard again."""
        try:
            self._redis.delete(_mark(Bell(job, args)))
        except RedisError as error:
            self._complain(error)

    def _complain(self, error: RedisError) -> None:
        self._complaint.about(f"{redis_trouble(error)} The ticker will find the work after that.", error)
