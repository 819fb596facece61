"""What is kept is what was written, on both databases."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from campaigns.models import Base, Bell, Campaign, Event, Node, Prospect, Workspace, connect, new_id, ring, schema
from campaigns.models.schema import alembic_config, is_modelled, migrating
from tests import make
from tests.databases import Database, run_together

# Migrations --------------------------------------------------------------------------------------


def drift(engine: Engine) -> list[Any]:
    """What `alembic check` would find."""
    with engine.connect() as connection:
        opts = {"compare_type": True, "render_as_batch": True, "include_name": is_modelled}
        context = MigrationContext.configure(connection, opts=opts)
        return list(compare_metadata(context, Base.metadata))


def test_the_migrations_make_what_the_models_say(db: Database) -> None:
    assert drift(db.engine) == []


def test_a_column_that_no_migration_made_is_found(db: Database) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE event ADD COLUMN mood VARCHAR(9)"))
    try:
        assert len(drift(db.engine)) == 1
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE event DROP COLUMN mood"))


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """An engine of a database without any table."""
    if request.param == "sqlite":
        engine = connect(f"sqlite:///{tmp_path / 'fresh.db'}")
    else:
        engine = connect(request.getfixturevalue("empty_postgres_url"))
    yield engine
    engine.dispose()


def test_a_database_can_go_back_and_come_forward_again(fresh: Engine) -> None:
    schema.upgrade(fresh)
    with migrating(fresh) as connection:
        command.downgrade(alembic_config(connection), "base")
    with fresh.connect() as connection:
        assert not MigrationContext.configure(connection).get_current_revision()
        assert not connection.dialect.has_table(connection, "prospect")
    schema.upgrade(fresh)
    schema.upgrade(fresh)  # nothing left to do
    assert drift(fresh) == []


def _upgrade(url: str) -> None:
    engine = connect(url)
    schema.upgrade(engine)
    engine.dispose()


def test_processes_that_start_together_migrate_once(fresh: Engine) -> None:
    run_together(_upgrade, [(fresh.url.render_as_string(hide_password=False),)] * 3)
    assert drift(fresh) == []


def test_migrating_loses_no_rows_to_cascades(fresh: Engine) -> None:
    schema.upgrade(fresh)
    with Session(fresh) as session:
        make.launched(session, make.workspace(session), 3)
        session.commit()
    with migrating(fresh) as connection:
        command.upgrade(alembic_config(connection), "head")
        if fresh.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 0
    with fresh.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM prospect")).scalar() == 3
        if fresh.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


# Ids and instants --------------------------------------------------------------------------------


def test_ids_sort_by_the_time_they_were_made(session: Session) -> None:
    ids = [new_id() for _ in range(2000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 2000
    workspace = make.workspace(session)
    events = [Event(workspace_id=workspace.id, kind="x", data={"n": n}, at=make.NOW) for n in range(50)]
    for event in events:
        event.id = new_id()
    session.add_all(reversed(events))
    session.flush()
    stored = session.scalars(select(Event).order_by(Event.id)).all()
    assert [event.data["n"] for event in stored] == list(range(50))


def test_an_instant_without_its_zone_is_refused(session: Session) -> None:
    with pytest.raises(StatementError, match="naive"):
        make.workspace(session, created_at=datetime(2026, 3, 2, 10, 0))  # noqa: DTZ001


def test_an_instant_of_another_zone_is_the_same_instant(db: Database) -> None:
    east = datetime(2026, 3, 2, 15, 30, 0, 123456, timezone(timedelta(hours=5, minutes=30)))
    with db.sessions.begin() as session:
        workspace_id = make.workspace(session, created_at=east).id
    with db.sessions() as session:
        kept = session.get_one(Workspace, workspace_id).created_at
    assert kept == east
    assert kept.utcoffset() == timedelta()


def test_instants_compare_in_the_database_as_they_do_here(session: Session) -> None:
    workspace = make.workspace(session)
    campaign = make.campaign(session, workspace)
    moments = [make.NOW, make.NOW + timedelta(microseconds=1), make.NOW + timedelta(seconds=1)]
    for moment in moments:
        make.prospect(session, campaign, due_at=moment)
    for index, moment in enumerate(moments):
        due = session.scalars(select(Prospect.due_at).where(Prospect.due_at <= moment)).all()
        assert len(due) == index + 1


def test_json_comes_back_as_it_was(db: Database) -> None:
    hours = make.week(zone="Asia/Kathmandu")
    with db.sessions.begin() as session:
        campaign = make.campaign(session, make.workspace(session), operating_hours=hours)
        make.prospect(session, campaign, custom_fields={"größe": "42 „”\n"})
        empty = make.campaign(session, make.workspace(session), operating_hours=None).id
    with db.sessions() as session:
        assert session.get_one(Campaign, campaign.id).operating_hours == hours
        assert session.scalars(select(Prospect.custom_fields)).all() == [{"größe": "42 „”\n"}]
        assert session.scalar(select(Campaign.id).where(Campaign.operating_hours.is_(None))) == empty


def test_nothing_hangs_on_what_does_not_exist(session: Session) -> None:
    campaign = make.campaign(session, make.workspace(session))
    with pytest.raises(IntegrityError):
        make.prospect(session, campaign, sender_account_id=new_id())


def test_a_workspace_takes_everything_with_it(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        person = make.user(session, workspace)
        make.key(session, person)
        campaign = make.launched(session, workspace, 2)
        one = session.scalars(select(Prospect)).first()
        assert one is not None
        make.message(session, one, session.scalars(select(Node).where(Node.campaign_id == campaign.id)).all()[0])
        make.suppression(session, workspace, "x@example.com")
    with db.sessions.begin() as session:
        session.execute(text("DELETE FROM workspace"))
    assert {name: rows for name, rows in db.dump().items() if rows} == {}


# Bells -------------------------------------------------------------------------------------------


def test_a_bell_rings_after_the_commit_and_not_before(db: Database) -> None:
    with db.sessions() as session:
        make.workspace(session)
        ring(session, "wake", "a")
        session.flush()
        assert db.rung == []
        session.commit()
        assert db.rung == [Bell("wake", ("a",))]
        session.commit()
        assert len(db.rung) == 1


def test_what_is_committed_can_be_seen_when_the_bell_rings(db: Database) -> None:
    seen: list[int] = []

    def look(_bells: object) -> None:
        with db.engine.connect() as connection:
            seen.append(connection.execute(text("SELECT count(*) FROM workspace")).scalar() or 0)

    db._ring = look  # type: ignore[method-assign]
    db.__post_init__()
    with db.sessions.begin() as session:
        make.workspace(session)
        ring(session, "wake", "a")
    assert seen == [1]


def test_bells_of_what_was_taken_back_are_forgotten(db: Database) -> None:
    with db.sessions() as session:
        make.workspace(session)
        ring(session, "wake", "a")
        session.rollback()
        make.workspace(session)
        session.commit()
    with suppress(RuntimeError), db.sessions.begin() as session:
        ring(session, "wake", "b")
        raise RuntimeError
    assert db.rung == []


def test_bells_of_a_session_that_was_closed_are_forgotten(db: Database) -> None:
    with db.sessions() as session:
        make.workspace(session)
        ring(session, "wake", "a")
        session.close()
        make.workspace(session)
        session.commit()
    assert db.rung == []


def test_a_savepoint_is_no_commit(db: Database) -> None:
    with db.sessions() as session:
        make.workspace(session)
        ring(session, "wake", "a")
        with session.begin_nested():
            make.workspace(session)
        assert db.rung == []
        with pytest.raises(RuntimeError), session.begin_nested():
            raise RuntimeError
        session.commit()
    assert db.rung == [Bell("wake", ("a",))]


def test_the_same_wish_rings_once(db: Database) -> None:
    with db.sessions.begin() as session:
        make.workspace(session)
        ring(session, "lane", "a")
        ring(session, "lane", "b")
        ring(session, "lane", "a")
    assert db.rung == [Bell("lane", ("a",)), Bell("lane", ("b",))]


# Races -------------------------------------------------------------------------------------------


def _count_up(url: str, times: int) -> None:
    engine = connect(url)
    with_lock = select(Campaign).with_for_update()
    for _ in range(times):
        with Session(engine) as session, session.begin():
            campaign = session.scalars(with_lock).one()
            campaign.version = campaign.version + 1
    engine.dispose()


def test_processes_that_count_at_once_lose_nothing(db: Database) -> None:
    with db.sessions.begin() as session:
        make.campaign(session, make.workspace(session), version=0)
    run_together(_count_up, [(db.url, 40)] * 3)
    with db.sessions() as session:
        assert session.scalars(select(Campaign.version)).one() == 120


def test_a_sqlite_reader_does_not_wait_for_a_writer(sqlite_db: Database) -> None:
    with sqlite_db.sessions.begin() as session:
        make.workspace(session)
    with sqlite_db.sessions() as writer:
        writer.execute(update(Workspace).values(name="new"))
        with sqlite_db.reading() as reader:
            assert reader.scalars(select(Workspace.name)).one() == "example.com"
        writer.rollback()


def test_a_sqlite_commit_is_on_the_disk(sqlite_url: str) -> None:
    engine = connect(sqlite_url)
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def _journal_mode(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.exec_driver_sql("PRAGMA journal_mode").scalar()


def test_a_process_that_opens_a_new_file_beside_another_waits_its_turn(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    engine = connect(f"sqlite:///{file}")
    driver: Any = engine.dialect.dbapi
    with closing(driver.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # writing: the mode of the file cannot be changed now
        with ThreadPoolExecutor(1) as pool:
            mode = pool.submit(_journal_mode, engine)
            with pytest.raises(TimeoutError):
                mode.result(timeout=0.3)
            other.execute("COMMIT")
            assert mode.result(timeout=30) == "wal"
        engine.dispose()


def test_events_are_json_that_anybody_can_read(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        session.add(Event(workspace_id=workspace.id, kind="x", data={"a": [1, None]}, at=datetime.now(UTC)))
    with db.engine.connect() as connection:
        raw = connection.execute(text("SELECT data FROM event")).scalar()
    assert (json.loads(raw) if isinstance(raw, str) else raw) == {"a": [1, None]}
