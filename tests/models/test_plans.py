"""How the databases go about the questions that are asked all the time, with 100,000 prospects in the table.

A plan that reads the whole table is no plan for a million people. Not how long it takes is measured here, but
which index is taken, and that nothing is read that is not asked for.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from campaigns import explaining, ticking, waking
from campaigns.models import Campaign, Prospect, Sender, connect, counts
from campaigns.models.gate import gates_of
from campaigns.models.lanes import candidates, lanes_with_work
from campaigns.rules.lifecycle import ACTIVE
from tests import make
from tests.databases import hurried
from tests.servers import Postgres

PEOPLE = 100_000
CAMPAIGNS = 4
SENDERS = 5


class Crowd:
    """A database with many people: four running campaigns of five accounts, half of the people due."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with Session(engine) as session, session.begin():
            workspace = make.workspace(session)
            senders = [make.sender(session, workspace) for _ in range(SENDERS)]
            nodes = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
            made = [
                make.launched(session, workspace, 2, senders=senders, nodes=nodes, operating_hours=make.week())
                for _ in range(CAMPAIGNS)
            ]
            self.campaigns = [campaign.id for campaign in made]
            self.senders = [sender.id for sender in senders]
            self._multiply(session)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE")

    def _multiply(self, session: Session) -> None:
        """Bulk SQL: everybody again and again, under other ids and addresses, due at other times."""
        names = [column.name for column in Prospect.__table__.columns]
        own = {"id", "identity", "email", "due_at", "contacted", "sender_account_id"}
        copied = [name for name in names if name not in own]
        if self.engine.dialect.name == "sqlite":
            numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :copies)"
            new_id, due = "lower(hex(randomblob(16)))", "datetime(p.due_at, (s.n % 20 - 10) || ' minutes') || '.000000'"
        else:
            numbers = "WITH s AS (SELECT generate_series(1, :copies) AS n)"
            new_id, due = "gen_random_uuid()", "p.due_at + (s.n % 20 - 10) * interval '1 minute'"
        accounts = "(SELECT id FROM sender_account ORDER BY id LIMIT 1 OFFSET %d)"
        sender = "CASE s.n % 5 " + " ".join(f"WHEN {n} THEN {accounts % n}" for n in range(SENDERS)) + " END"
        address = "'p' || s.n || '-' || p.identity"
        made = {"id": new_id, "identity": address, "email": address, "due_at": due, "contacted": "s.n % 3 = 0"}
        values = {name: f"p.{name}" for name in copied} | made | {"sender_account_id": sender}
        statement = f"{numbers} SELECT {', '.join(values.values())} FROM prospect p CROSS JOIN s"
        copies = PEOPLE // (2 * CAMPAIGNS)
        session.execute(text(f"INSERT INTO prospect ({', '.join(values)}) {statement}"), {"copies": copies})

    def plans(self, ask: Callable[[Session], Any]) -> str:
        """The plans of every statement that `ask` sends."""
        found: list[tuple[str, Any]] = []

        def note(_c: Any, _cur: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
            if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                found.append((statement, parameters[0] if many else parameters))

        with Session(self.engine) as session:
            event.listen(self.engine, "before_cursor_execute", note)
            try:
                ask(session)
            finally:
                event.remove(self.engine, "before_cursor_execute", note)
            plans = [self._explain(session, *asked) for asked in found]
            session.rollback()
        return "\n".join(plans)

    def _explain(self, session: Session, statement: str, parameters: Any) -> str:
        raw = session.connection().connection.cursor()
        if self.engine.dialect.name == "sqlite":
            raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(row[3] for row in raw.fetchall())
        raw.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        return json.dumps(raw.fetchone()[0], indent=1)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("crowd") / "crowd.db"
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copyfile(template, file)
        engine = hurried(connect(f"sqlite:///{file}"))
        yield Crowd(engine)
        engine.dispose()
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    engine = connect(postgres.create("crowd", request.getfixturevalue("postgres_template")))
    yield Crowd(engine)
    engine.dispose()
    postgres.drop("crowd")


def reads_everything(plan: str) -> bool:
    """Whether the prospect table is read from end to end, or every entry of one of its indices."""
    sqlite = re.search(r"^SCAN (prospect|p)\b", plan, re.MULTILINE)
    postgres = re.search(r'"Node Type": "Seq Scan",(?:(?!"Node Type").)*?"Relation Name": "prospect"', plan, re.DOTALL)
    return bool(sqlite or postgres)


def test_the_crowd_is_there(crowd: Crowd) -> None:
    with Session(crowd.engine) as session:
        assert counts.by_status(session, crowd.campaigns)[crowd.campaigns[0]]["pending"] > PEOPLE / CAMPAIGNS
        due = counts.due(session, crowd.campaigns, make.NOW)
        assert all(PEOPLE / CAMPAIGNS / 3 < n < PEOPLE / CAMPAIGNS for n in due.values())


def test_reading_everything_is_noticed(crowd: Crowd) -> None:
    def everybody(session: Session) -> None:
        session.scalars(select(Prospect.id).where(Prospect.headline == "x")).all()

    assert reads_everything(crowd.plans(everybody))


def test_the_head_of_a_line_is_one_step_down_an_index(crowd: Crowd) -> None:
    def ask(session: Session) -> None:
        assert candidates(session, session.get_one(Sender, crowd.senders[0]), "UTC", make.NOW)

    plan = crowd.plans(ask)
    assert not reads_everything(plan), plan
    assert "ix_prospect_lane" in plan
    assert "ix_prospect_counted" in plan
    assert_ordered(plan, "ix_prospect_lane")


def assert_ordered(plan: str, index: str) -> None:
    """The index gives the order, too: nothing is sorted to find the first."""
    if "Node Type" not in plan:
        lines = [line for line in plan.splitlines() if index in line]
        assert all("sender_account_id=? AND contacted" in line and "due_at<?" in line for line in lines), plan
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan, plan
    else:
        assert not re.search(r'"Node Type": "Sort"(?:(?!"Node Type": "Limit").)*?' + index, plan, re.DOTALL), plan


def test_lanes_with_work_are_found_without_looking_at_people(crowd: Crowd) -> None:
    def ask(session: Session) -> None:
        assert len(lanes_with_work(session, make.NOW)) == SENDERS

    plan = crowd.plans(ask)
    assert not reads_everything(plan), plan
    assert "ix_prospect_lane" in plan


def test_nobody_is_looked_at_to_count_people(crowd: Crowd) -> None:
    """What a wake-up, the pages and the API count, they read from the sums that are kept."""

    def ask(session: Session) -> None:
        campaign = session.get_one(Campaign, crowd.campaigns[0])
        count = waking.count_sleepers(session, campaign, gates_of(session, campaign.id), make.NOW)
        assert count.sleeping > 10_000
        counts.stats(session, [campaign], make.NOW)
        counts.by_node(session, campaign.id)

    plan = crowd.plans(ask)
    assert "prospect_count" in plan
    assert "prospect_due" in plan
    assert not re.search(r"prospect\b(?!_)", plan), plan


def test_a_tick_looks_at_nobody_who_has_nothing_to_do(crowd: Crowd) -> None:
    def ask(session: Session) -> None:
        ticking.settle(session, make.NOW + timedelta(days=1))

    plan = crowd.plans(ask)
    assert not reads_everything(plan), plan


def test_explaining_one_person_reads_their_line_and_no_other(crowd: Crowd) -> None:
    with Session(crowd.engine) as session:
        due = select(Prospect.id).where(Prospect.campaign_id == crowd.campaigns[0], Prospect.due_at <= make.NOW)
        person = session.scalars(due.limit(1)).one()

    def ask(session: Session) -> None:
        campaign = session.get_one(Campaign, crowd.campaigns[0])
        explaining.explain(session, campaign, person, make.NOW)

    plan = crowd.plans(ask)
    assert not reads_everything(plan), plan


def test_somebody_known_is_found_by_identity(crowd: Crowd) -> None:
    """What launching asks for everybody: which account wrote to this person before?"""
    from campaigns.models.enrolment import enrol

    def ask(session: Session) -> None:
        campaign = session.get_one(Campaign, crowd.campaigns[0])
        make.prospects(session, campaign, 3)
        enrol(session, campaign, make.NOW)

    plan = crowd.plans(ask)
    assert "ix_prospect_workspace_id_identity" in plan, plan
    assert campaign_is_running(crowd, crowd.campaigns[0])


def campaign_is_running(crowd: Crowd, campaign: UUID) -> bool:
    with Session(crowd.engine) as session:
        return session.get_one(Campaign, campaign).status == ACTIVE
