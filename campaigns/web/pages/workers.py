"""Workers, queues and jobs, in people's words, live; the RQ dashboard has the depth."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app, redirect, url_for
from flask.typing import ResponseReturnValue

from campaigns import overseeing
from campaigns.overseeing import Subject
from campaigns.rules.refusals import NotFound
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import is_fragment, render, tell_error, tell_success

blueprint = Blueprint("workers", __name__, url_prefix="/workers")

MOST_JOBS = 50
# The ticker works every second.
TICK_LATE = timedelta(seconds=10)
DASHBOARD = "/ops/rq"
KINDS = {
    "wake": "Wake up sleepers",
    "launch": "Launch",
    "lane": "Send messages",
    "inbox": "Read a mailbox",
    "seat": "Ask what is new at LinkedIn",
    "answer": "Send an answer",
    "withdrawal": "Withdraw an invitation",
    "imports": "Import people",
}
QUEUES = {
    "wake": "Wake-ups and launches",
    "asked": "Answers by hand and withdrawals",
    "inbox": "Mailboxes and seats to read",
    "imports": "Files of people",
    "lanes": "Messages to send",
}
Subjects = Mapping[tuple[str, str], Subject]


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Who works on what, what waits, what was done lately."""
    return _page()


def _page() -> str:
    overview = house().board.overview()
    jobs = overview.jobs if overview else []
    at_work = [worker.job for worker in overview.workers if worker.job] if overview else []
    subjects = _subjects([*jobs, *at_work])
    own = [job for job in jobs if _key(job) in subjects]
    return render(
        "workers.html",
        "_workers.html",
        redis=overview is not None,
        ticker=_ticker(overview),
        workers=[_worker(worker, subjects) for worker in (overview.workers if overview else [])],
        queues=[_queue(queue) for queue in (overview.queues if overview else [])],
        jobs=[_job(job, subjects[_key(job)]) for job in own[:MOST_JOBS]],
        dashboard_url=DASHBOARD if person().is_owner and "rq_dashboard" in current_app.blueprints else None,
    )


def _ticker(overview: Any) -> dict[str, Any]:
    """When the ticker last did its work; without Redis nobody knows, and that is told already."""
    seen_at = overview.ticked_at if overview else None
    late = seen_at is None or now() - seen_at > TICK_LATE
    return {"seen_at": seen_at, "late": overview is not None and late}


def _key(job: Any) -> tuple[str, str]:
    return job.kind, job.args[0] if job.args else ""


def _subjects(jobs: list[Any]) -> Subjects:
    """What the jobs of this workspace are about; other workspaces' jobs are nobody's business here."""
    with house().reading() as db:
        return overseeing.subjects(db, person().workspace_id, [_key(job) for job in jobs])


def _worker(worker: Any, subjects: Subjects) -> dict[str, Any]:
    return {
        "name": worker.name,
        "state": worker.state,
        "job": _doing(worker.job, subjects) if worker.job else None,
        "since": worker.job.started_at if worker.job else worker.since,
        "done": worker.done,
        "failed": worker.failed,
    }


def _doing(job: Any, subjects: Subjects) -> str:
    subject = subjects.get(_key(job))
    words = KINDS.get(job.kind, job.kind)
    return f"{words}: {subject.name}" if subject else "Works for another workspace"


def _queue(queue: Any) -> dict[str, Any]:
    return {
        "name": queue.name,
        "words": QUEUES.get(queue.name, queue.name),
        "waiting": queue.waiting,
        "oldest_at": queue.oldest_at,
    }


def _job(job: Any, subject: Subject) -> dict[str, Any]:
    began, ended = job.started_at, job.ended_at
    if subject.noun == "campaign":
        url = url_for("campaigns.overview", campaign_id=subject.id)
    else:
        url = url_for("senders.edit", sender_id=subject.id)
    return {
        "id": job.id,
        "words": KINDS.get(job.kind, job.kind),
        "campaign": subject.name,
        "campaign_url": url,
        "status": job.status,
        "at": ended or began or job.enqueued_at,
        "duration_ms": round((ended - began).total_seconds() * 1000) if began and ended else None,
        "error": job.error,
        "can_retry": job.status == "failed",
        "can_cancel": job.status in ("queued", "scheduled", "deferred"),
    }


def _own_job(job_id: str) -> None:
    """Raises NotFound for a job of another workspace, or of nobody."""
    overview = house().board.overview()
    jobs = [job for job in (overview.jobs if overview else []) if job.id == job_id]
    if not jobs or not _subjects(jobs):
        raise NotFound("job")


@blueprint.post("/jobs/<job_id>/retry")
def retry(job_id: str) -> ResponseReturnValue:
    """Queue a failed job again."""
    _own_job(job_id)
    return _done(
        house().board.retry(job_id), "It is queued again.", "This job has not failed: there is nothing to retry."
    )


@blueprint.post("/jobs/<job_id>/cancel")
def cancel(job_id: str) -> ResponseReturnValue:
    """Take a waiting job off. What it was to do is still due, and the ticker rings for it again."""
    _own_job(job_id)
    return _done(house().board.cancel(job_id), "It is cancelled.", "This job is not waiting any more.")


def _done(done: bool, words: str, otherwise: str) -> ResponseReturnValue:
    if is_fragment():
        return _page()
    (tell_success if done else tell_error)(words if done else otherwise)
    return redirect(url_for("workers.index"), 303)
