"""Files of people, worked through part by part: nobody twice, nobody lost, whatever happens in the middle."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from campaigns import importing, launching, ticking
from campaigns.importing import uploading
from campaigns.models import (
    Bell,
    Campaign,
    Event,
    Import,
    ImportPart,
    Prospect,
    Sender,
    connect,
    session_factory,
    silence,
)
from campaigns.models.imports import CANCELLED, DONE, FAILED, RUNNING
from campaigns.rules.lifecycle import ACTIVE, COMPLETED, DRAFT, LAUNCHING, PAUSED
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from tests import make
from tests.databases import Database, at_once

NOW = make.NOW
PART, LINES = 20, 95
CHOSEN = [("email", ""), ("first_name", ""), ("timezone", "")]


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "PART", PART)


def table(lines: int = LINES) -> bytes:
    """Of every ten lines the fourth is broken and the eighth says somebody of an earlier part again."""
    rows = ["email,name,tz"]
    for n in range(lines):
        address = "broken" if n % 10 == 3 else f"P{max(n - 27, 0) if n % 10 == 7 else n}@corp.test"
        rows.append(f"{address},Person {n},{'Asia/Tokyo' if n % 2 else ''}")
    return "\n".join(rows).encode()


def done(db: Database, verb: Callable[..., Any], *args: Any, **values: Any) -> Any:
    """Call a verb in a transaction of its own."""
    with db.sessions.begin() as session:
        return verb(session, *args, **values)


def campaign_in(db: Database, status: str = DRAFT) -> tuple[UUID, UUID]:
    """The ids of a workspace and a campaign with two accounts and one person in it."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace) for _ in range(2)]
        build = make.campaign if status == DRAFT else partial(make.launched, n=0)
        campaign = build(session, workspace, senders=senders, status=status)
        make.prospect(session, campaign, email="p0@corp.test", created_at=NOW - timedelta(days=1))
        return workspace.id, campaign.id


def started(db: Database, workspace: UUID, campaign: UUID, data: bytes | None = None) -> UUID:
    """The id of an import whose job has been rung for."""
    data = table() if data is None else data
    one = done(db, importing.receive, workspace, campaign, "p.csv", data, now=NOW, by="ann@example.com")
    done(db, importing.start, workspace, campaign, one.id, CHOSEN[: len(one.names)], now=NOW)
    return UUID(str(one.id))


def work(db: Database, import_id: UUID, stop: Callable[[], bool] = lambda: False) -> Import:
    importing.work(db.sessions, db.reading, import_id, clock=lambda: NOW, stop=stop)
    return found(db, import_id)


def found(db: Database, import_id: UUID) -> Import:
    with db.reading() as session:
        return session.get_one(Import, import_id)


def after(parts: int) -> Callable[[], bool]:
    """Says stop once it was asked this many times."""
    asked = iter(range(parts))
    return lambda: next(asked, None) is None


def counts(one: Import) -> dict[str, int]:
    names = ("total", "done", "imported", "in_campaign", "in_file", "suppressed", "invalid")
    return {name: getattr(one, name) for name in names}


# Of 95 lines 10 are broken and 9 say somebody again. P0 is there already, which the part of the third of these knows.
WHOLE = {"total": 95, "done": 95, "imported": 75, "in_campaign": 2, "in_file": 8, "suppressed": 0, "invalid": 10}


def people(db: Database) -> list[str]:
    with db.reading() as session:
        return [str(email).lower() for email in session.scalars(select(Prospect.email))]


def assert_whole(db: Database, import_id: UUID) -> None:
    """Everybody is in once, and every line is accounted for."""
    one = found(db, import_id)
    assert (one.status, counts(one)) == (DONE, WHOLE)
    expected = {f"p{n}@corp.test" for n in range(LINES) if n % 10 not in (3, 7)}
    assert sorted(people(db)) == sorted(expected)
    with db.reading() as session:
        lines = [left.line for left in importing.left_out(session, import_id, "invalid")]
        assert lines == [n + 2 for n in range(LINES) if n % 10 == 3]
        assert session.scalars(select(ImportPart.lines).where(ImportPart.lines.is_not(None))).all() == []
        noted = session.scalars(select(Event).where(Event.kind == "prospects_added")).all()
        assert [(one.data["count"], one.by) for one in noted] == [(75, "ann@example.com")]


def test_a_file_is_worked_through_and_every_line_accounted_for(db: Database) -> None:
    import_id = started(db, *campaign_in(db))
    assert db.rung == [Bell("imports", (str(import_id),))]
    work(db, import_id)
    assert_whole(db, import_id)


def test_an_import_goes_on_where_it_was_stopped(db: Database) -> None:
    import_id = started(db, *campaign_in(db))
    one = work(db, import_id, after(2))
    assert (one.status, one.done) == (RUNNING, 2 * PART)
    work(db, import_id)
    assert_whole(db, import_id)


def _work_until_killed(url: str, import_id: UUID, statements: int) -> None:
    engine = connect(url)
    left = iter(range(statements))

    @event.listens_for(engine, "before_cursor_execute")
    def die(*_: Any) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sessions = session_factory(engine, silence)
    reading = session_factory(engine, silence, readonly=True)
    importing.work(sessions, reading, import_id, clock=lambda: NOW)


@pytest.mark.parametrize("statements", [1, 9, 17, 25, 33])
def test_a_process_that_is_killed_in_the_middle_adds_nobody_twice_and_loses_nobody(
    db: Database, statements: int
) -> None:
    import_id = started(db, *campaign_in(db, ACTIVE))
    worker = get_context("spawn").Process(target=_work_until_killed, args=(db.url, import_id, statements))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    assert found(db, import_id).status == RUNNING
    db.rung.clear()
    later = NOW + timedelta(seconds=6)
    with db.reading() as session:
        ticking.ring_lanes(session, later)
        session.commit()
    assert Bell("imports", (str(import_id),)) in db.rung
    work(db, import_id)
    assert_whole(db, import_id)


def test_workers_who_take_up_the_same_file_add_everybody_once(db: Database) -> None:
    import_id = started(db, *campaign_in(db, ACTIVE))
    results = at_once(*[partial(work, db, import_id)] * 3)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert_whole(db, import_id)


def test_two_files_of_the_same_people_add_them_once(db: Database) -> None:
    workspace, campaign = campaign_in(db)
    ids = [started(db, workspace, campaign) for _ in range(2)]
    results = at_once(*[partial(work, db, import_id) for import_id in ids])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert sum(found(db, import_id).imported for import_id in ids) == 75
    assert len(people(db)) == 76


def test_a_job_that_lives_is_not_rung_for_and_one_that_is_over_neither(db: Database) -> None:
    import_id = started(db, *campaign_in(db))
    for instant, rung in ((NOW + timedelta(seconds=1), 0), (NOW + timedelta(seconds=6), 1)):
        db.rung.clear()
        with db.reading() as session:
            ticking.ring_lanes(session, instant)
            session.commit()
        assert len(db.rung) == rung
    work(db, import_id)
    db.rung.clear()
    with db.reading() as session:
        ticking.ring_lanes(session, NOW + timedelta(days=1))
        session.commit()
    assert db.rung == []


@pytest.mark.parametrize("status", [ACTIVE, PAUSED])
def test_people_of_a_file_join_a_running_campaign_as_those_who_are_pasted_do(db: Database, status: str) -> None:
    import_id = started(db, *campaign_in(db, status))
    db.rung.clear()
    work(db, import_id)
    with db.reading() as session:
        turns = session.execute(select(Prospect.sender_account_id, func.count()).group_by(Prospect.sender_account_id))
        assert sorted(row[1] for row in turns) == [38, 38]
        assert session.scalar(select(func.count()).where(Prospect.due_at.is_(None))) == 0
        clocks = session.scalars(select(make.Prospect.clock).distinct()).all()
        assert set(clocks) == {"", "Asia/Tokyo"}
        senders = {str(sender) for sender in session.scalars(select(Sender.id))}
    assert {bell.args[0] for bell in db.rung if bell.job == "lane"} == senders


def test_a_campaign_does_not_complete_while_people_are_coming(db: Database) -> None:
    workspace, campaign = campaign_in(db, ACTIVE)
    with db.sessions.begin() as session:
        session.query(Prospect).delete()
    import_id = started(db, workspace, campaign)
    done(db, ticking.complete_campaigns, NOW)
    work(db, import_id)
    with db.reading() as session:
        assert session.get_one(Campaign, campaign).status == ACTIVE


def test_whoever_said_no_is_left_out_by_address_and_by_domain(db: Database) -> None:
    workspace, campaign = campaign_in(db)
    with db.sessions.begin() as session:
        own = session.get_one(make.Workspace, workspace)
        make.suppression(session, own, "p1@corp.test")
        make.suppression(session, own, "never.test")
        make.suppression(session, make.workspace(session), "p2@corp.test")  # somebody else's list
    data = b"email\nP1@corp.test\nann@NEVER.test\np2@corp.test\n"
    import_id = started(db, workspace, campaign, data)
    one = work(db, import_id)
    assert (one.imported, one.suppressed) == (1, 2)
    assert sorted(people(db)) == ["p0@corp.test", "p2@corp.test"]


def test_an_import_that_is_cancelled_keeps_what_is_in(db: Database) -> None:
    workspace, campaign = campaign_in(db)
    import_id = started(db, workspace, campaign)
    work(db, import_id, after(2))
    done(db, importing.cancel, workspace, campaign, import_id, now=NOW)
    one = work(db, import_id)
    assert (one.status, one.done) == (CANCELLED, 2 * PART)
    assert len(people(db)) == 1 + one.imported
    with db.reading() as session:
        assert session.scalars(select(ImportPart.lines).where(ImportPart.lines.is_not(None))).all() == []
    assert done(db, importing.cancel, workspace, campaign, import_id, now=NOW).status == CANCELLED


def test_an_import_may_be_cancelled_at_the_moment_it_works(db: Database) -> None:
    workspace, campaign = campaign_in(db, ACTIVE)
    import_id = started(db, workspace, campaign)
    cancel = partial(done, db, importing.cancel, workspace, campaign, import_id, now=NOW)
    results = at_once(partial(work, db, import_id), cancel)
    assert [result for result in results if isinstance(result, Exception)] == []
    one = found(db, import_id)
    assert one.status in (CANCELLED, DONE)
    assert len(people(db)) == 1 + one.imported


def test_a_campaign_that_is_completed_meanwhile_is_told_and_what_is_in_stays(db: Database) -> None:
    workspace, campaign = campaign_in(db)
    import_id = started(db, workspace, campaign)
    work(db, import_id, after(1))
    with db.sessions.begin() as session:
        session.get_one(Campaign, campaign).status = COMPLETED
    one = work(db, import_id)
    assert one.status == FAILED
    assert "completed" in str(one.problem)
    assert len(people(db)) == 1 + one.imported


def test_an_import_waits_while_its_campaign_is_being_launched(db: Database) -> None:
    workspace, campaign = campaign_in(db)
    import_id = started(db, workspace, campaign)
    with db.sessions.begin() as session:
        session.get_one(Campaign, campaign).status = LAUNCHING
    assert work(db, import_id).done == 0
    with db.sessions.begin() as session:
        session.get_one(Campaign, campaign).status = DRAFT
    work(db, import_id)
    assert_whole(db, import_id)


def test_a_campaign_may_be_deleted_at_the_moment_its_file_is_worked_through(db: Database) -> None:
    workspace, campaign = campaign_in(db, ACTIVE)
    import_id = started(db, workspace, campaign)

    def work_on() -> None:
        importing.work(db.sessions, db.reading, import_id, clock=lambda: NOW)

    results = at_once(work_on, partial(done, db, launching.delete, workspace, campaign))
    assert [result for result in results if isinstance(result, Exception)] == []
    work_on()
    assert people(db) == []
    with db.reading() as session:
        assert session.scalars(select(ImportPart)).all() == []


def test_what_goes_wrong_each_time_fails_the_import_in_words(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("no such thing")

    workspace, campaign = campaign_in(db)
    import_id = started(db, workspace, campaign)
    monkeypatch.setattr("campaigns.importing.working.add_people", broken)
    one = work(db, import_id)
    assert (one.status, one.done) == (FAILED, 0)
    assert "logged" in str(one.problem)
    assert len(people(db)) == 1


def test_a_database_that_is_away_is_no_failure(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    import_id = started(db, *campaign_in(db))
    with monkeypatch.context() as broken:
        broken.setattr("campaigns.importing.working.add_people", away)
        with pytest.raises(OperationalError):
            work(db, import_id)
    assert found(db, import_id).status == RUNNING
    work(db, import_id)
    assert_whole(db, import_id)


def test_a_file_is_started_once_and_by_its_own_people_only(db: Database) -> None:
    workspace, campaign = campaign_in(db)
    stranger, _ = campaign_in(db)
    one = done(db, importing.receive, workspace, campaign, "p.csv", table(), now=NOW, by=None)
    with pytest.raises(NotFound):
        done(db, importing.start, stranger, campaign, one.id, CHOSEN, now=NOW)
    with pytest.raises(Invalid):
        done(db, importing.start, workspace, campaign, one.id, CHOSEN[:2], now=NOW)
    start = partial(done, db, importing.start, workspace, campaign, one.id, CHOSEN, now=NOW)
    results = at_once(start, start)
    assert sorted(type(result).__name__ for result in results) == ["Import", "WrongState"]
    with pytest.raises(WrongState, match="running already"):
        start()


def test_files_that_nobody_came_back_for_are_let_go(db: Database) -> None:
    workspace, campaign = campaign_in(db)
    receive = partial(done, db, importing.receive, workspace, campaign, "p.csv", b"email\na@corp.test", by=None)
    old = receive(now=NOW)
    young = receive(now=NOW + timedelta(days=6))
    receive(now=NOW + timedelta(days=8))
    with db.reading() as session:
        assert session.get(Import, old.id) is None
        assert session.get(Import, young.id) is not None


def test_linkedin_profiles_are_imported_by_theirs(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.campaign(session, workspace, type="linkedin")
    data = b"Profile URL;Name\nhttps://www.linkedin.com/in/Ann/;Ann\nlinkedin.com/in/ann?x=1;Ann\nnowhere;Bob\n"
    one = done(db, importing.receive, workspace.id, campaign.id, str(Path("a", "p.csv")), data, now=NOW, by=None)
    assert one.file_name == "p.csv"
    chosen = [("linkedin_url", ""), ("custom", "Name")]
    done(db, importing.start, workspace.id, campaign.id, one.id, chosen, now=NOW)
    assert counts(work(db, one.id)) | {"total": 3} == {
        "total": 3, "done": 3, "imported": 1, "in_campaign": 0, "in_file": 1, "suppressed": 0, "invalid": 1
    }  # fmt: skip
