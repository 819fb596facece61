"""A worker: `python -m jobs.worker wake asked lanes` works off these queues, the first named first."""

import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import Any

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Worker
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker.base import WorkerStatus
from rq.worker_registration import REDIS_WORKER_KEYS
from sqlalchemy.orm import configure_mappers

from campaigns import settings
from campaigns.rules.tracing import about
from jobs import lines, stopping
from jobs.bells import KINDS, QUEUES, connect_briefly, subject_of
from jobs.complaint import Complaint, redis_trouble, trouble_in
from jobs.screening import OwnJob, OwnQueue
from jobs.slate import Slate
from jobs.tether import tie
from jobs.workshop import workshop

log = logging.getLogger(__name__)

SHORT = frozenset(kind.function for kind in KINDS.values() if kind.short)
# Seconds. RQ waits for a job this long less 15, then says that it lives; it is forgotten 60 s after the ttl.
WORKER_TTL = 25
# How often a worker with a job says that it lives, and how often what dead workers left is collected.
MONITORING_SECONDS = 10
MAINTENANCE_SECONDS = 60
# Embedded Redis is away for a fraction of a second when it is started again; the default waits longer.
RETRIES = 8
LONGEST_RETRY_SECONDS = 1.0
# Jobs without trouble for this long: it is over. One job may do without what the next one misses.
LULL_SECONDS = 20.0
LISTENER_PAUSE = 2.0


class TetheredWorker(Worker):
    """An RQ worker whose jobs end with it, and are told when it is asked to stop.

    It forks for each job that is not short; a job may be cut off anywhere, and run twice or never (DESIGN.md). Trouble
    with Redis or the database is said once, and waited for with growing pauses; RQ itself would end with a traceback.
    """

    job_class = OwnJob
    queue_class = OwnQueue

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self._slate = Slate()
        self._redis_trouble = Complaint(log, "Redis works again.")
        self._upkeep_trouble = Complaint(log, "Redis can be tidied up again.")
        self._job_trouble = Complaint(log, "Jobs work again.", lull=LULL_SECONDS)

    def bootstrap(self, *args: Any, **values: Any) -> None:
        """Enter the books, however long Redis is in trouble."""
        while True:
            try:
                super().bootstrap(*args, **values)
                return
            except RedisError as error:
                self._wait_for_redis(error)

    def register_birth(self) -> None:
        """The name is ours alone: whatever the books have under it is left of a try that came to nothing."""
        self.connection.delete(self.key)
        super().register_birth()  # type: ignore[no-untyped-call]

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> Any:
        """The next job and its queue, however long it takes; RQ's own gives up, or waits for a minute."""
        self.set_state(WorkerStatus.IDLE)
        while True:
            try:
                return self._dequeue(timeout)
            except DequeueTimeout:
                self._redis_trouble.over()
            except RedisError as error:
                self._wait_for_redis(error)

    def _dequeue(self, timeout: int | None) -> Any:
        if not self.connection.sismember(REDIS_WORKER_KEYS, self.key):  # an emptied Redis has forgotten us
            self.register_birth()
        super().heartbeat()
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()
        found = self.queue_class.dequeue_any(
            self._ordered_queues, timeout, self.connection, job_class=self.job_class, serializer=self.serializer
        )
        self._redis_trouble.over()
        return found

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """What the books say that we do; if it cannot be written, waiting for the next job says why."""
        with suppress(RedisError):
            super().set_state(state, pipeline)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """One line in the log for each job, and a pause after one that met trouble."""
        with about(job_id=job.id, **subject_of(job.func_name, job.args or ())):
            self._execute(job, queue)

    def _execute(self, job: Job, queue: Queue) -> None:
        began = time.monotonic()
        self._slate.wipe()
        work_off = self._work_off if job.func_name in SHORT else super().execute_job
        try:
            work_off(job, queue)
        except RedisError as error:
            self._wait_for_redis(error)
            return
        log.info("%s took %.2f s.", job.func_name, time.monotonic() - began)
        trouble = self._slate.read()
        if trouble is None:
            self._job_trouble.over()
            return
        self._job_trouble.about(*trouble)
        time.sleep(self._job_trouble.pause)

    def _work_off(self, job: Job, queue: Queue) -> None:
        """Without a fork: the connections are open, and the statements are known."""
        self.perform_job(job, queue, self.prepare_execution(job))
        self.set_state(WorkerStatus.IDLE)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """A process of its own for the job. It must inherit no open connection: SQLite does not bear that."""
        workshop().disconnect()
        super().fork_work_horse(job, queue)

    def _wait_for_redis(self, error: RedisError) -> None:
        self._redis_trouble.about(f"{redis_trouble(error)} Work goes on by itself after that.", error)
        time.sleep(self._redis_trouble.pause)  # whoever asks to stop ends it: RQ raises StopRequested from the signal

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """In the forked process: trouble is left to the worker, who says it once; a bug is told with its traceback."""
        trouble = trouble_in(exc_info[1])
        if trouble is None:
            log.error("%s failed. This is a bug in Cadenza.", job.func_name, exc_info=exc_info[1])
        else:
            self._slate.write(*trouble)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """A sign of life; if it cannot be given, waiting for the next job says why."""
        with suppress(RedisError):
            super().heartbeat(timeout, pipeline)

    def maintain_heartbeats(self, job: Job, execution: Any) -> None:
        """A sign of life while a job runs, which goes on if it cannot be given."""
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:
            self._redis_trouble.about(f"{redis_trouble(error)} Work goes on by itself after that.", error)

    def procline(self, message: str) -> None:
        """The process keeps the name that its command line gives it; what it does is in the books."""

    def check_for_suspension(self, burst: bool) -> None:
        """Whether `rq suspend` was said; if that cannot be seen, waiting for a job says why."""
        with suppress(RedisError):
            super().check_for_suspension(burst)

    def run_maintenance_tasks(self) -> None:
        """Collect what dead workers left; a nicety."""
        try:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
            self._upkeep_trouble.over()
        except RedisError as error:
            self._upkeep_trouble.about(redis_trouble(error), error)

    def clean_group_registries(self) -> None:
        """We have none, and those of other programs are theirs."""

    def _pubsub_exception_handler(self, exc: Exception, pubsub: Any, pubsub_thread: Thread) -> None:
        """Commands of `rq` are heard again once Redis works; the main loop says what is wrong with it."""
        if not isinstance(exc, RedisError):
            raise exc
        time.sleep(LISTENER_PAUSE)

    def teardown(self) -> None:
        """Leave the books; if Redis is away they forget us by themselves."""
        with suppress(RedisError):
            super().teardown()  # type: ignore[no-untyped-call]

    def set_shutdown_requested_date(self) -> None:
        """For the books. Called from the signal handler: an error here would part the worker from its job."""
        with suppress(RedisError):
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """The first thing in the forked process."""
        tie(self.pid or os.getppid())
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """A job that is asked to stop finishes the piece it has in hand (jobs.stopping)."""
        stopping.listen()

    def handle_warm_shutdown_request(self) -> None:
        """Pass the wish on; the worker itself waits for its job to end."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)


def connect(url: str) -> Redis:
    """A Redis client that gets over a restart of the server within about a second."""
    retry = Retry(ExponentialBackoff(cap=LONGEST_RETRY_SECONDS, base=0.05), RETRIES)
    return Redis.from_url(url, retry=retry)


def forget_the_dead(redis: Redis) -> None:
    """Strike out workers of this machine whose process is gone; RQ would show them for a minute and a half.

    Only where all workers are on one machine: a process id of a container says nothing outside of it.
    """
    with suppress(RedisError):
        for worker in Worker.all(connection=redis):
            if worker.hostname == socket.gethostname() and worker.pid and not _is_there(worker.pid):
                worker.register_death()  # type: ignore[no-untyped-call]


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def import_jobs() -> None:
    """Import what jobs need, so that a fork finds it done."""
    for kind in KINDS.values():
        import_module(kind.function.rpartition(".")[0])
    configure_mappers()


class Terse(logging.Filter):
    """Leaves out RQ's tracebacks of a Redis in trouble: that is said in a sentence, once."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be shown."""
        return not (record.exc_info and isinstance(record.exc_info[1], RedisError))


def wait_for_redis(url: str) -> None:
    """Return once Redis lets us in; what keeps it from that is said once."""
    complaint = Complaint(log, "Redis works again.")
    with connect_briefly(url) as redis:
        while True:
            try:
                redis.ping()
                complaint.over()
                return
            except RedisError as error:
                complaint.about(f"{redis_trouble(error)} Work begins by itself after that.", error)
                time.sleep(complaint.pause)


def main(*queues: str) -> None:
    """Work off these queues, the first named first, until SIGTERM."""
    config = settings.load(os.environ)
    lines.begin(config.log_format)
    import_jobs()
    workshop()  # makes the engine, and connects nothing that a fork would share
    logging.getLogger("rq.worker").addFilter(Terse())
    wait_for_redis(config.redis_url)
    redis = connect(config.redis_url)
    if config.embedded_redis:
        forget_the_dead(redis)
    worker = TetheredWorker(
        list(queues),
        connection=redis,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL,
        job_monitoring_interval=MONITORING_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
    )
    log.info("Waits for jobs on: %s", ", ".join(queues))
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    main(*(sys.argv[1:] or QUEUES))
