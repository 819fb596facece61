"""New operating hours on a running campaign: until every sleeper is re-checked, and until the first message is
accepted by the mail server; beside the naive way, one RQ job for each sleeper, in the same run."""

import time
from dataclasses import dataclass
from uuid import UUID

from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import select

from campaigns.models import Prospect, WakeUp
from tests.bench import naive
from tests.bench.stage import Stage

# RQ does tens to a few hundred jobs a second: the naive way is run for this many sleepers at most, and scaled.
MOST_NAIVE = 1_000
ROUNDS = 3
PATIENCE = 60.0


@dataclass(frozen=True)
class Row:
    """Seconds; `naive` is scaled from `naive_jobs` jobs to all sleepers."""

    database: str
    sleepers: int
    rechecked: float
    first_accepted: float
    naive: float
    naive_jobs: int


def measure(database: str, stage: Stage, sleepers: int) -> Row:
    """The median of a few rounds, each on a campaign of its own; the naive way on the last of them."""
    rounds = []
    for _ in range(ROUNDS):
        campaign_id = stage.campaign(sleepers)
        rounds.append(_wake(stage, campaign_id))
        naive_jobs = min(sleepers, MOST_NAIVE)
        _delete(stage, campaign_id)
    rechecked = sorted(row[0] for row in rounds)[ROUNDS // 2]
    accepted = sorted(row[1] for row in rounds)[ROUNDS // 2]
    campaign_id = stage.campaign(naive_jobs)
    seconds = _naive(stage, campaign_id, naive_jobs)
    _delete(stage, campaign_id)
    return Row(database, sleepers, rechecked, accepted, seconds / naive_jobs * sleepers, naive_jobs)


def _wake(stage: Stage, campaign_id: UUID) -> tuple[float, float]:
    stage.sink.reset()
    began = time.monotonic()
    answer = stage.client.patch(f"/api/campaigns/{campaign_id}", json={"operating_hours": None}, headers=stage.headers)
    assert answer.status_code == 200, answer.text
    wake_up_id = UUID(answer.json["wake_up"]["id"])
    rechecked = _await_record(stage, wake_up_id) - began
    accepted = stage.sink.wait_for(1, PATIENCE)[0].at - began
    stage.client.post(f"/api/campaigns/{campaign_id}/pause", headers=stage.headers)
    return rechecked, accepted


def _await_record(stage: Stage, wake_up_id: UUID) -> float:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with stage.sessions() as session:  # type: ignore[operator]
            if session.scalar(select(WakeUp.finished_at).where(WakeUp.id == wake_up_id)) is not None:
                return time.monotonic()
        time.sleep(0.002)
    raise RuntimeError("The wake-up was not carried out.")


def _naive(stage: Stage, campaign_id: UUID, jobs: int) -> float:
    """One job for each sleeper, which loads the person and looks at the hours; worked off by one fast worker."""
    with stage.sessions() as session:  # type: ignore[operator]
        ids = session.scalars(select(Prospect.id).where(Prospect.campaign_id == campaign_id).limit(jobs)).all()
    queue = Queue("naive", connection=stage.redis, serializer=JSONSerializer)
    naive.prepare(stage.environ["DATABASE_URL"])
    began = time.monotonic()
    queue.enqueue_many([Queue.prepare_data(naive.recheck, (str(prospect),), result_ttl=0) for prospect in ids])
    worker = SimpleWorker([queue], connection=stage.redis, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="ERROR")
    return time.monotonic() - began


def _delete(stage: Stage, campaign_id: UUID) -> None:
    stage.client.delete(f"/api/campaigns/{campaign_id}", headers=stage.headers)
