"""A worker: `python -m jobs.worker wake lanes` works off these queues, the first named first."""

import importlib
import logging
import os
import signal
import socket
import sys
import time
from importlib import import_module

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from rq import Worker
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from campaigns import settings
from jobs import stopping
from jobs.bells import KINDS, QUEUES
from jobs.tether import tie
from jobs.workshop import workshop

log = logging.getLogger(__name__)

# Seconds. RQ waits for a job this long less 15, then says that it lives; it is forgotten 60 s after the ttl.
WORKER_TTL = 25
# How often a worker with a job says that it lives, and how often what dead workers left is collected.
MONITORING_SECONDS = 10
MAINTENANCE_SECONDS = 60
# Embedded Redis is away for a fraction of a second when it is started again; the default waits longer.
RETRIES = 8
LONGEST_RETRY_SECONDS = 1.0


class TetheredWorker(Worker):
    """An RQ worker whose jobs end with it, and are told when it is asked to stop.

    It forks for each job; a job may be cut off anywhere, and run twice or never (DESIGN.md).
    """

    def execute_job(self, job: Job, queue: Queue) -> None:
        """One line in the log for each job."""
        began = time.monotonic()
        super().execute_job(job, queue)
        log.info("%s took %.2f s (job %s)", job.func_name, time.monotonic() - began, job.id)

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


def preload() -> None:
    """Import the jobs before the first fork: afterwards each job would wait for its own imports."""
    for kind in KINDS.values():
        importlib.import_module(kind.function.rpartition(".")[0])


def warm_up() -> None:
    """Import what jobs need, and make the engine without connecting, so that a fork finds it done."""
    for kind in KINDS.values():
        import_module(kind.function.rpartition(".")[0])
    workshop()


def main(queues: list[str]) -> None:
    """Work until SIGTERM."""
    warm_up()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    preload()
    config = settings.load(os.environ)
    redis = connect(config.redis_url)
    if config.embedded_redis:
        forget_the_dead(redis)
    worker = TetheredWorker(
        queues,
        connection=redis,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL,
        job_monitoring_interval=MONITORING_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
    )
    log.info("Waits for jobs on: %s", ", ".join(queues))
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    main(sys.argv[1:] or list(QUEUES))
