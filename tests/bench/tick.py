"""One tick with a great many people, almost none of whom are due: it must not grow with those who wait."""

import time
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from sqlalchemy import Engine, insert, text

from campaigns import settings
from campaigns.models import CampaignSender, Sender, connect, new_id, session_factory
from jobs.bells import Ringer
from jobs.embedded import Embedded, start
from jobs.tick import tick
from jobs.workshop import Workshop
from tests.bench import crowd
from tests.bench.figures import spread
from tests.bench.options import Options
from tests.bench.stage import NO_LIMIT, Scene, scene
from tests.servers import short_folder

ROUNDS = 15
SENDERS_EACH = 10
# With pauses of one to three minutes between two messages of an account, this share is ready in any one second.
READY_IN = 120


def measure(options: Options) -> dict[str, Any]:
    """Rows of seconds on PostgreSQL, one for each number of prospects: an ordinary tick, and one that finds every lane
    with work and rings for all of them; and how long the people took to build."""
    senders = options.tick_senders
    with scene("postgresql") as made, short_folder() as folder:
        server = Embedded(folder / "redis.sock", folder / "redis")
        process = start(server)
        assert process is not None
        try:
            _furnish(made, senders)
            rows, before = [], 0
            for people in options.tick_rows:
                began = time.monotonic()
                # As many are due at any size: what is added waits.
                mix = crowd.WAITING if before else crowd.MOSTLY_WAITING
                crowd.fill(made.engine, (people - before) // senders, mix, after=before // senders)
                built, before = time.monotonic() - began, people
                rows.append({"people": people, "built": built, **_rows(made, server, senders)})
        finally:
            process.kill()
            process.wait()
    return {"senders": senders, "campaigns": senders // SENDERS_EACH, "rows": rows}


def _furnish(made: Scene, count: int) -> None:
    """Active campaigns of ten accounts each."""
    with made.sessions.begin() as session:
        senders = _senders(made, count)
        session.execute(insert(Sender), senders)
        for number in range(count // SENDERS_EACH):
            campaign = made.campaign(session, f"Campaign {number}", [])
            own = senders[number * SENDERS_EACH : (number + 1) * SENDERS_EACH]
            pairs = [{"campaign_id": campaign.id, "sender_id": one["id"], "position": n} for n, one in enumerate(own)]
            session.execute(insert(CampaignSender), pairs)


def _senders(made: Scene, count: int) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    return [
        {
            "id": new_id(), "workspace_id": made.workspace_id, "type": "email", "display_name": f"Sender {number}",
            "email_address": f"sender{number}@example.com", "daily_limit": NO_LIMIT,
            "created_at": now, "updated_at": now,
        }
        for number in range(count)
    ]  # fmt: skip


def _rows(made: Scene, server: Embedded, senders: int) -> dict[str, Any]:
    url = f"unix://{server.socket}"
    with short_folder() as folder, Redis.from_url(url) as redis:
        given = {"DATABASE_URL": made.url, "REDIS_URL": url, "CADENZA_DATA": str(folder)}
        shop = _shop(settings.load(given), redis)
        usual, _ = _ticks(made.engine, shop, redis, f"now() + (n % {READY_IN}) * interval '1 second'")
        all_at_once, rung = _ticks(made.engine, shop, redis, "NULL")
        assert rung == senders, f"{rung} lanes were rung"
        return {"usual": spread(usual), "all_at_once": spread(all_at_once)}


def _shop(config: settings.Settings, redis: Redis) -> Workshop:
    """What the timetable's process has."""
    engine, ringer = connect(config.database_url), Ringer(redis)
    return Workshop(config, session_factory(engine, ringer), session_factory(engine, ringer, readonly=True), ringer)


def _ticks(engine: Engine, shop: Workshop, redis: Redis, next_send_at: str) -> tuple[list[float], int]:
    """Seconds of each tick, bells included, with the accounts free again before each; and the lanes of the last."""
    taken, rung = [], 0
    free = text(
        f"UPDATE sender_account SET next_send_at = {next_send_at} "
        "FROM (SELECT id, row_number() OVER () AS n FROM sender_account) counted WHERE counted.id = sender_account.id"
    )
    for number in range(ROUNDS + 1):
        redis.flushall()
        with engine.begin() as connection:
            connection.execute(free)
        began = time.monotonic()
        rung = tick(shop)
        if number:
            taken.append(time.monotonic() - began)
    return taken, rung
