"""Screening what comes out of Redis: only this version's own jobs are run.

Others may use the same Redis, with the same library and even the same names of queues, and an older version may have
left jobs behind. A job is a name and ids in JSON. Whatever else is found is never unpickled, imported or called; it is
put among the failed jobs, where its owner finds it, and said once. Nothing of ours is lost by that: the tick rings
again for all that is to be done.
"""

import inspect
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from typing import Any
from uuid import UUID

from redis import Redis
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer
from rq import Queue
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.job_lifecycle import record_job_failure

from jobs.bells import KINDS

log = logging.getLogger(__name__)

FUNCTIONS = frozenset(kind.function for kind in KINDS.values())
OTHERS = "A job of another program was on the queue {queue!r}; give Cadenza a Redis database of its own."
OLDER = "A job of another version of Cadenza was on the queue {queue!r}; what it was to do is found by the ticker."
ASIDE = "Such jobs are put among the failed ones, and not run."
_told: set[str] = set()


class OwnJob(Job):
    """A job that can only be one of ours: nothing that its record names is imported, nobody it names is called."""

    @property
    def func(self) -> Callable[..., Any] | None:
        """The function of this job. Raises ValueError if it is none of ours."""
        if self.func_name not in FUNCTIONS:
            raise ValueError("This is none of our functions.")
        return find(self.func_name)

    success_callback = failure_callback = stopped_callback = None

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """Ours have none."""


class OwnQueue(Queue):
    """A queue that gives out our jobs alone."""

    job_class = OwnJob

    @classmethod
    def dequeue_any(  # type: ignore[override]
        cls, queues: Iterable[Queue], timeout: int | None, connection: Redis, **values: Any
    ) -> Any:
        """The next job of ours, and its queue. Raises DequeueTimeout, RedisError."""
        queues = list(queues)
        while True:
            try:
                found = super().dequeue_any(queues, timeout, connection, **values)
            except (NoConnection, NoAnswer):
                raise
            except Exception as unreadable:
                if not hasattr(unreadable, "job_id"):
                    raise
                tell(OTHERS, unreadable.queue.name, f"{unreadable.job_id}: {unreadable}")  # type: ignore[attr-defined]
                _take_out(connection, unreadable.queue, unreadable.job_id)  # type: ignore[attr-defined]
                continue
            if found is None or not put_aside(*found):
                return found


def find(function: str) -> Callable[..., Any]:
    """One of FUNCTIONS."""
    module, _, name = function.rpartition(".")
    return getattr(import_module(module), name)  # type: ignore[no-any-return]


def put_aside(job: Job, queue: Queue) -> bool:
    """Whether the job is none of this version's. It is then among the failed jobs of its queue, and that is said."""
    fault = fault_of(job)
    if fault is None:
        return False
    tell(fault, queue.name, f"job {job.id}")
    with queue.connection.pipeline() as pipeline:
        record_job_failure(job, f"{fault.format(queue=queue.name)} {ASIDE}", pipeline)
        pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
        pipeline.execute()
    return True


def fault_of(job: Job) -> str | None:
    """What this job is instead of one of ours, as a sentence with the name of its queue left open."""
    try:
        function, args, kwargs = job.func_name, job.args, job.kwargs
    except DeserializationError:
        return OTHERS
    if function not in FUNCTIONS:
        return OLDER if isinstance(function, str) and function.startswith("jobs.") else OTHERS
    try:
        inspect.signature(find(function)).bind(*args, **kwargs)
        UUID(args[0])
    except (TypeError, ValueError, AttributeError, IndexError):
        return OLDER
    return None


def _take_out(connection: Redis, queue: Queue, job_id: str) -> None:
    with suppress(RedisError):
        connection.lrem(queue.intermediate_queue_key, 1, job_id)


def tell(fault: str, queue: str, detail: str) -> None:
    """Say it, once for each kind and queue."""
    sentence = fault.format(queue=queue)
    if sentence not in _told:
        _told.add(sentence)
        log.error("%s %s (%.200r)", sentence, ASIDE, detail)
