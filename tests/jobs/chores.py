"""Jobs that take as long as a test needs; `python -m tests.jobs.chores` is a worker that knows them too."""

import os
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import text

from jobs import stopping
from jobs.bells import KINDS
from jobs.workshop import workshop

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


def inherit(_: str) -> list[str]:
    """Which files of the database this process has open, although it has not opened any."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the listing itself
            links.append(link.readlink().name)
    return [name for name in links if name.startswith("cadenza.db")]


def look(_: str) -> int:
    """Use the database; the process that has it open now."""
    with workshop().sessions.begin() as session:
        session.execute(text("SELECT 1"))
    return os.getpid()


def dawdle(_: str) -> None:
    """Take longer than a job that is called short should."""
    print("dawdles", flush=True)
    time.sleep(1)


def trip(_: str) -> None:
    """Meet a bug that quotes what it met, as a short job."""
    raise ValueError(WHOM)


LONG = ("greet", "sleep", "wait", "stumble", "inherit")
BRIEF = ("look", "dawdle", "trip")


def enqueue(redis: Redis, name: str, queue: str = "lanes") -> Job:
    """One of these jobs, put on a queue."""
    where = Queue(queue, connection=redis, serializer=JSONSerializer)
    return where.enqueue(f"tests.jobs.chores.{name}", str(uuid4()))


if __name__ == "__main__":
    for own in (*LONG, *BRIEF):
        KINDS[own] = replace(KINDS["wake" if own in BRIEF else "lane"], function=f"tests.jobs.chores.{own}")
    from jobs.worker import main

    main(*sys.argv[1:])
