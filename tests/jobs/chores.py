"""Jobs that take as long as a test needs; `python -m tests.jobs.chores` is a worker that knows them too."""

import sys
import time
from dataclasses import replace
from uuid import uuid4

from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import stopping
from jobs.bells import KINDS

WHOM = "zebediah@hollow-oak.example, who is Zebediah Quartermaine"


def greet(_: str) -> str:
    """Be done at once."""
    return "hello"


def sleep(_: str) -> None:
    """Hear nothing, until the end."""
    time.sleep(1000)


def wait(_: str) -> bool:
    """Wait until somebody asks to stop, and finish what is in hand; whether that was so."""
    asked = stopping.pause(1000)
    time.sleep(2)  # the piece in hand
    print("ended well", flush=True)
    return asked


def stumble(_: str) -> None:
    """Meet a bug that quotes what it met."""
    raise ValueError(WHOM)


def enqueue(redis: Redis, name: str, queue: str = "lanes") -> Job:
    """One of these jobs, put on a queue."""
    where = Queue(queue, connection=redis, serializer=JSONSerializer)
    return where.enqueue(f"tests.jobs.chores.{name}", str(uuid4()))


if __name__ == "__main__":
    for own in ("greet", "sleep", "wait", "stumble"):
        KINDS[own] = replace(KINDS["lane"], function=f"tests.jobs.chores.{own}")
    from jobs.worker import main

    main(*sys.argv[1:])
