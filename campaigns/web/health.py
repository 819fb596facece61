"""Liveness and readiness for monitors: `/healthz`, and `/metrics` as Prometheus text."""

from typing import Any

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from campaigns import reporting
from campaigns.web.house import house, now

blueprint = Blueprint("health", __name__)


def state() -> dict[str, Any]:
    """What a monitor wants to know. `overdue_seconds`: how long the longest due step has waited for open gates."""
    workers = house().board.worker_count()
    health: dict[str, Any] = {"database": True, "redis": workers is not None, "workers": workers or 0}
    try:
        with house().reading() as db:
            health["overdue_seconds"] = reporting.overdue_seconds(db, now())
            health["messages"] = reporting.messages_by_status(db)
    except SQLAlchemyError:
        health["database"] = False
    return health


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """200 where pages can be served; Redis and workers are told, and caught up with when they are back."""
    health = state()
    health.pop("messages", None)
    ok = health["database"]
    return {"status": "ok" if ok and health["redis"] and health["workers"] else "degraded", **health}, (
        200 if ok else 503
    )


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """The same in Prometheus' text format."""
    health = state()
    lines = [
        "# TYPE cadenza_database_up gauge",
        f"cadenza_database_up {int(health['database'])}",
        "# TYPE cadenza_redis_up gauge",
        f"cadenza_redis_up {int(health['redis'])}",
        "# TYPE cadenza_workers gauge",
        f"cadenza_workers {health['workers']}",
        "# TYPE cadenza_overdue_seconds gauge",
        f"cadenza_overdue_seconds {health.get('overdue_seconds', 0)}",
        "# TYPE cadenza_messages gauge",
        *(f'cadenza_messages{{status="{status}"}} {count}' for status, count in health.get("messages", {}).items()),
    ]
    return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")
