"""How the databases go about the questions that are asked all the time, with a million prospects in the table.

Not how long it takes is measured here, but which index is taken, and how much is read: a question that reads the
whole table, or everybody who is due, is no question for a million people.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, Select, and_, event, func, insert, literal, select, text, update
from sqlalchemy.orm import Session

from campaigns import explaining, metering, overseeing, reporting, rostering, searching, ticking, waking, watching
from campaigns.channels.reading import OUT_OF_OFFICE, REPLY, Letter
from campaigns.metering import OPEN
from campaigns.models import (
    FOREVER,
    Campaign,
    CampaignDay,
    Mailbox,
    Message,
    Node,
    Prospect,
    Sender,
    connect,
    counts,
    elsewhere,
)
from campaigns.models.base import UTCDateTime
from campaigns.models.finding import nodes_of
from campaigns.models.gate import gates_of
from campaigns.models.lanes import candidates, lanes_with_work
from campaigns.models.message import FAILED, SENT
from campaigns.models.words import MOST_FOUND
from campaigns.receiving import matching
from campaigns.rules.lifecycle import ACTIVE, LINKEDIN
from campaigns.rules.outgoing import message_id
from tests import make
from tests.databases import hurried
from tests.servers import Postgres

PEOPLE = 1_000_000
CAMPAIGNS = 4
# SQLite's machine takes some ten steps to look at a row.
STEPS_A_ROW = 10
SENDERS = 5

# Messages of a campaign that are not done with, of each kind.
SOME = 20

PROFILE = "https://www.linkedin.com/in/ann"
LETTER = Letter(REPLY, "", "", (), "", None, None, (), "", "", "")

Ask = Callable[[Session], Any]


def change(session: Session, model: type[Any], which: Select[Any], **values: Any) -> None:
    """Give some rows, found by their ids, other values."""
    found = update(model).where(model.id.in_(session.scalars(which).all()))
    session.execute(found.values(**values), execution_options={"synchronize_session": False})


class Crowd:
    """A database with many people: four running campaigns of five accounts, half of the people due."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with Session(engine) as session, session.begin():
            workspace = make.workspace(session)
            imap = {"host": "127.0.0.1", "port": 143, "security": "none", "username": None}
            senders = [make.sender(session, workspace, imap=imap) for _ in range(SENDERS)]
            session.add_all(Mailbox(sender_account_id=sender.id, read_at=make.NOW) for sender in senders)
            nodes = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
            made = [
                make.launched(session, workspace, 2, senders=senders, nodes=nodes, operating_hours=make.week())
                for _ in range(CAMPAIGNS)
            ]
            self.campaigns = [campaign.id for campaign in made]
            self.senders = [sender.id for sender in senders]
            with self._in_a_hurry(session):
                self._multiply(session)
                self._write_to_them(session)
            self._leave_some_open(session)
        if engine.dialect.name == "postgresql":  # which looks after its statistics by itself; nobody does for SQLite
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")

    @contextmanager
    def _in_a_hurry(self, session: Session) -> Iterator[None]:
        """Indices are made once at the end, which takes a fraction of the time; and nobody looks up for each of a
        million people whether their campaign exists."""
        connection = session.connection()
        tables = (Prospect.__table__, Message.__table__)
        indices = [index for table in tables for index in table.indexes if not index.unique]
        for index in indices:
            index.drop(connection)
        if self.engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
            connection.execute(text("DROP INDEX ix_prospect_search_words"))
            for table in tables:
                connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER ALL"))
                connection.execute(text(f"ALTER TABLE {table.name} ENABLE TRIGGER USER"))
        yield
        if self.engine.dialect.name == "postgresql":
            for table in tables:
                connection.execute(text(f"ALTER TABLE {table.name} ENABLE TRIGGER ALL"))
            connection.execute(text("CREATE INDEX ix_prospect_search_words ON prospect_search USING gin (words)"))
        for index in indices:
            index.create(connection)

    def _multiply(self, session: Session) -> None:
        """Bulk SQL: everybody again and again, under other ids and addresses, due at other times."""
        names = [column.name for column in Prospect.__table__.columns]
        own = {"id", "identity", "email", "due_at", "contacted", "sender_account_id"}
        copied = [name for name in names if name not in own]
        if self.engine.dialect.name == "sqlite":
            numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :copies)"
            new_id = "lower(printf('%012x7abc8', s.n) || substr(p.id, 18))"
            due = "datetime(p.due_at, (s.n % 20 - 10) || ' minutes') || '.000000'"
        else:
            numbers = "WITH s AS (SELECT generate_series(1, :copies) AS n)"
            new_id = "(lpad(to_hex(s.n), 12, '0') || '7abc8' || substr(replace(p.id::text, '-', ''), 18))::uuid"
            due = "p.due_at + (s.n % 20 - 10) * interval '1 minute'"
        accounts = "(SELECT id FROM sender_account ORDER BY id LIMIT 1 OFFSET %d)"
        sender = "CASE s.n % 5 " + " ".join(f"WHEN {n} THEN {accounts % n}" for n in range(SENDERS)) + " END"
        address = "'p' || s.n || '-' || p.identity"
        made = {"id": new_id, "identity": address, "email": address, "due_at": due, "contacted": "s.n % 3 = 0"}
        values = {name: f"p.{name}" for name in copied} | made | {"sender_account_id": sender}
        statement = f"{numbers} SELECT {', '.join(values.values())} FROM prospect p CROSS JOIN s"
        copies = PEOPLE // (2 * CAMPAIGNS)
        session.execute(text(f"INSERT INTO prospect ({', '.join(values)}) {statement}"), {"copies": copies})

    def _write_to_them(self, session: Session) -> None:
        """A third of a million messages that were sent."""
        sent = {
            Message.id: Prospect.id,
            Message.prospect_id: Prospect.id,
            Message.campaign_id: Prospect.campaign_id,
            Message.node_id: Node.id,
            Message.sender_account_id: Prospect.sender_account_id,
            Message.status: literal(SENT),
            Message.attempts: literal(1),
            Message.claimed_at: self._one_a_second(),
        }
        first = and_(Node.campaign_id == Prospect.campaign_id, Node.position == 0)
        written = select(*sent.values()).join(Node, first).where(Prospect.contacted)
        session.execute(insert(Message).from_select(list(sent), written, include_defaults=False))

    def _leave_some_open(self, session: Session) -> None:
        for campaign in self.campaigns:
            for status in OPEN:
                some = select(Message.id).where(Message.campaign_id == campaign, Message.status == SENT).limit(SOME)
                change(session, Message, some, status=status)

    def _one_a_second(self) -> Any:
        number, first = func.row_number().over(), make.NOW - timedelta(days=7)
        if self.engine.dialect.name == "sqlite":
            return func.datetime(f"{first:%F %T}", number.op("||")(" seconds")).op("||")(".000000")
        return literal(first, UTCDateTime()) + number * timedelta(seconds=1)

    def plans(self, ask: Ask, before: Ask = lambda _: None) -> str:
        """The plans of every statement that `ask` sends, after `before`; nothing stays."""
        with Session(self.engine) as session:
            before(session)
            plans = [self._explain(session, *asked) for asked in self._statements(session, ask)]
            session.rollback()
        return "\n".join(plans)

    def _statements(self, session: Session, ask: Ask) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []

        def note(_c: Any, _cur: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
            if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                found.append((statement, parameters[0] if many else parameters))

        event.listen(self.engine, "before_cursor_execute", note)
        try:
            ask(session)
        finally:
            event.remove(self.engine, "before_cursor_execute", note)
        return found

    def effort(self, ask: Ask, before: Ask = lambda _: None) -> int:
        """About how many rows of prospects and messages are looked at by what `ask` sends."""
        with Session(self.engine) as session:
            before(session)
            if self.engine.dialect.name == "sqlite":
                rows = self._sqlite_steps(session, ask) // STEPS_A_ROW
            else:
                asked = self._statements(session, ask)
                rows = sum(_rows_read(self._analyze(session, *one)) for one in asked)
            session.rollback()
        return rows

    def _sqlite_steps(self, session: Session, ask: Ask) -> int:
        """How many steps SQLite's machine takes, to the nearest hundred; a row is some ten of them."""
        steps = 0

        def step() -> int:
            nonlocal steps
            steps += 100
            return 0

        raw: Any = session.connection().connection.dbapi_connection
        raw.set_progress_handler(step, 100)
        try:
            ask(session)
        finally:
            raw.set_progress_handler(None, 0)
        return steps

    def _analyze(self, session: Session, statement: str, parameters: Any) -> Any:
        raw = session.connection().connection.cursor()
        raw.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        return raw.fetchone()[0][0]["Plan"]

    def _explain(self, session: Session, statement: str, parameters: Any) -> str:
        raw = session.connection().connection.cursor()
        if self.engine.dialect.name == "sqlite":
            raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(row[3] for row in raw.fetchall())
        raw.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        return json.dumps(raw.fetchone()[0], indent=1)


def _rows_read(node: Any) -> int:
    """The rows of the large tables that a plan, carried out, looked at."""
    own = 0
    if node.get("Relation Name") in ("prospect", "prospect_search", "message"):
        looked = sum(node.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter"))
        own = round(looked * node["Actual Loops"])
    return own + sum(_rows_read(part) for part in node.get("Plans", []))


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
    """Whether one of the two large tables is read from end to end, or every entry of one of its indices."""
    sqlite = re.search(r"^SCAN (prospect|p|message)\b", plan, re.MULTILINE)
    sequential = r'"Node Type": "Seq Scan",(?:(?!"Node Type").)*?"Relation Name": "(prospect|message)"'
    postgres = re.search(sequential, plan, re.DOTALL)
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
    assert crowd.effort(everybody) > PEOPLE / 5


def test_looking_at_everybody_who_is_due_is_noticed_too(crowd: Crowd) -> None:
    """An index does not make it cheap."""

    def many(session: Session) -> None:
        due = select(func.count()).where(Prospect.campaign_id == crowd.campaigns[0], Prospect.due_at <= make.NOW)
        assert (session.scalar(due) or 0) > 50_000

    assert not reads_everything(crowd.plans(many))
    assert crowd.effort(many) > 20_000


def test_the_head_of_a_line_is_one_step_down_an_index(crowd: Crowd) -> None:
    def ask(session: Session) -> None:
        assert candidates(session, session.get_one(Sender, crowd.senders[0]), "UTC", make.NOW)

    plan = assert_cheap(crowd, ask, 150)
    assert "ix_prospect_lane" in plan
    assert "ix_prospect_counted" in plan
    assert_ordered(plan, "ix_prospect_lane")


def test_a_line_whose_answers_are_unread_costs_no_look_at_whom_it_may_not_write_to(crowd: Crowd) -> None:
    """However many follow-ups wait for the mailbox, and also where nobody new is left."""

    def unread(session: Session) -> None:
        session.execute(update(Mailbox).values(read_at=make.NOW - timedelta(hours=1)))

    def ask(session: Session) -> None:
        line = candidates(session, session.get_one(Sender, crowd.senders[0]), "UTC", make.NOW)
        assert {one.follow_up for one in line} == {False}
        assert len(lanes_with_work(session, make.NOW)) == SENDERS

    assert_ordered(assert_cheap(crowd, ask, 500, before=unread), "ix_prospect_lane")


def test_whom_a_mail_is_about_is_found_by_keys(crowd: Crowd) -> None:
    """By what it answers, and by its writer; whoever wrote to many has many answers to look up."""
    with Session(crowd.engine) as session:
        message = session.scalars(select(Message).where(Message.sender_account_id == crowd.senders[0]).limit(1)).one()
        person = session.get_one(Prospect, message.prospect_id)

    def ask(session: Session) -> None:
        sender = session.get_one(Sender, crowd.senders[0])
        answers = (message_id(message.id.hex, "sarah@ours.test"),)
        found = matching.find(session, sender, replace(LETTER, answers=answers))
        assert found is not None
        assert found.prospect.id == person.id
        away = replace(LETTER, kind=OUT_OF_OFFICE, from_address=person.identity)
        assert matching.find(session, sender, away) is not None
        assert matching.find(session, sender, replace(away, from_address="nobody@nowhere.test")) is None

    plan = assert_cheap(crowd, ask, 300)
    assert "ix_prospect_workspace_id_identity" in plan, plan


def assert_cheap(crowd: Crowd, ask: Ask, rows: int, before: Ask = lambda _: None) -> str:
    """Nothing is read from end to end, and no more than `rows` people are looked at; the plans."""
    plan = crowd.plans(ask, before)
    assert not reads_everything(plan), plan
    effort = crowd.effort(ask, before)
    assert effort <= rows, f"{effort} rows: {plan}"
    return plan


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

    plan = assert_cheap(crowd, ask, 400)
    assert "ix_prospect_lane" in plan


def test_nobody_is_looked_at_to_count_people(crowd: Crowd) -> None:
    """What a wake-up, the pages and the API count, they read from the sums that are kept."""

    def ask(session: Session) -> None:
        campaign = session.get_one(Campaign, crowd.campaigns[0])
        count = waking.count_sleepers(session, campaign, gates_of(session, campaign.id), make.NOW)
        assert count.sleeping > 10_000
        counts.stats(session, [campaign], make.NOW)
        assert counts.by_machines(session, campaign.id) == 0
        counts.by_node(session, campaign.id)

    plan = assert_cheap(crowd, ask, 300)
    assert "prospect_count" in plan
    assert "prospect_due" in plan
    assert "ix_message_campaign_id_machine_opens" in plan
    assert not re.search(r"prospect\b(?!_)", plan), plan


def test_a_tick_looks_at_nobody_who_has_nothing_to_do(crowd: Crowd) -> None:
    def ask(session: Session) -> None:
        ticking.settle(session, make.NOW + timedelta(days=1))
        ticking.ring_lanes(session, make.NOW)

    assert_cheap(crowd, ask, 1500)


def test_a_tick_finishes_no_more_people_than_it_may(crowd: Crowd) -> None:
    """However many came to their end at once."""

    def ask(session: Session) -> None:
        end = nodes_of(session, crowd.campaigns[0])[-1].id
        first = select(Prospect.id).where(Prospect.campaign_id == crowd.campaigns[0], Prospect.due_at <= make.NOW)
        people = session.scalars(first.limit(6000)).all()
        moved = update(Prospect).where(Prospect.id.in_(people)).values(current_node_id=end)
        session.execute(moved, execution_options={"synchronize_session": False})
        ticking.finish_people(session, make.NOW)
        done = counts.by_status(session, crowd.campaigns[:1])[crowd.campaigns[0]]["completed"]
        assert done == ticking.MOST_AT_ONCE

    assert not reads_everything(crowd.plans(ask))


def test_campaigns_that_are_full_for_today_cost_no_look_at_their_people(crowd: Crowd) -> None:
    """However many were messaged today, and are due again on another account or another day."""
    day = make.NOW.date()

    def fill(session: Session) -> None:
        session.add_all(CampaignDay(campaign_id=campaign, day=day, used=500) for campaign in crowd.campaigns)
        session.flush()
        people = session.scalars(select(Prospect.id).where(Prospect.contacted).limit(2000)).all()
        counted = update(Prospect).where(Prospect.id.in_(people)).values(counted_on=day, due_at=FOREVER)
        session.execute(counted, execution_options={"synchronize_session": False})

    def ask(session: Session) -> None:
        assert lanes_with_work(session, make.NOW) == []

    plan = assert_cheap(crowd, ask, 400, before=fill)
    assert "ix_prospect_counted" in plan


@pytest.mark.parametrize("status", [None, "pending"])
@pytest.mark.parametrize("at_a_step", [False, True])
def test_the_last_page_of_a_roster_costs_what_the_first_one_does(
    crowd: Crowd, status: str | None, at_a_step: bool
) -> None:
    with Session(crowd.engine) as session:
        campaign = session.get_one(Campaign, crowd.campaigns[0])
        node_id = nodes_of(session, campaign.id)[0].id if at_a_step else None
        wanted = rostering.Filter(status, node_id)
        _, total = rostering.listed(session, campaign, wanted, page=1, limit=50)
        every = select(Prospect.id).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id.desc())
        last = list(reversed(session.scalars(every.limit(total % 50 or 50)).all()))

    def ask(session: Session) -> None:
        campaign = session.get_one(Campaign, crowd.campaigns[0])
        found, _ = rostering.listed(session, campaign, wanted, page=-(-total // 50), limit=50)
        assert [one.id for one in found] == last

    plan = assert_cheap(crowd, ask, 400)
    assert not at_a_step or "ix_prospect_current_node_id_status_id" in plan, plan


def test_what_the_overview_shows_is_read_from_a_few_rows(crowd: Crowd) -> None:
    def ask(session: Session) -> None:
        campaign = session.get_one(Campaign, crowd.campaigns[0])
        overseeing.funnel(session, campaign)
        overseeing.recent_messages(session, campaign, 10)
        overseeing.waiting_counts(session, [campaign], "unknown")
        for one in overseeing.next_people(session, campaign, gates_of(session, campaign.id), make.NOW, 5):
            assert explaining.explain(session, campaign, one.id, make.NOW).ahead < 100_000

    assert_cheap(crowd, ask, 5000)


def test_how_late_anything_is_asks_each_gate_for_its_first(crowd: Crowd) -> None:
    def ask(session: Session) -> None:
        assert reporting.overdue_seconds(session, make.NOW) == 600

    assert_cheap(crowd, ask, 100)


def test_what_is_metered_is_read_from_the_short_ends_of_indices(crowd: Crowd) -> None:
    """Every few seconds somebody asks for `/metrics`."""

    def ask(session: Session) -> None:
        assert metering.open_messages(session) == dict.fromkeys(OPEN, CAMPAIGNS * SOME)
        assert metering.gates(session, make.NOW)["operating_hours"] == (CAMPAIGNS, 0)
        assert metering.campaigns_by_status(session)[ACTIVE] == CAMPAIGNS
        assert metering.senders_by_status(session) == {"active": SENDERS}
        assert metering.mailboxes(session).known == SENDERS
        metering.wake_ups(session)
        list(metering.outcomes(session))

    plan = assert_cheap(crowd, ask, 600)
    assert "ix_message_status" in plan, plan
    assert not re.search(r"prospect\b(?!_)", plan), plan


def test_what_is_stuck_is_found_among_a_million(crowd: Crowd) -> None:
    """The page, and its count, which stands on every page."""
    later = make.NOW + 2 * watching.PATIENCE
    with Session(crowd.engine) as session:
        own = session.get_one(Campaign, crowd.campaigns[0]).workspace_id

    def count(session: Session) -> None:
        assert watching.waiting_count(session, own) == CAMPAIGNS * SOME + 1

    def ask(session: Session) -> None:
        found = watching.unsettled(session, own, page=2, limit=25)
        assert len(watching.campaigns_of(session, own, [one.message.id for one in found])) == 25
        assert watching.unsettled_answers(session, own) == []
        assert [one.people > 10_000 for one in watching.failing(session, own, later)] == [True]
        assert len(watching.idle(session, own, later)) == SENDERS - 1
        assert watching.halted(session, own, later) == []
        assert watching.deaf(session, own, later) == []
        assert watching.late_wake_ups(session, own, later) == []

    def fail(session: Session) -> None:
        session.get_one(Sender, crowd.senders[0]).status = "needs_attention"
        session.flush()

    for asked, rows in ((count, 300), (ask, 3000)):
        plan = assert_cheap(crowd, asked, rows, before=fail)
        assert "ix_message_status" in plan, plan


def test_who_is_held_back_is_found_without_looking_at_the_others(crowd: Crowd) -> None:
    """Of very many the first; by the index that the roster's pages of one status have."""
    campaign = crowd.campaigns[0]
    with Session(crowd.engine) as session:
        own = session.get_one(Campaign, campaign).workspace_id

    def fail(session: Session) -> None:
        some = select(Prospect.id).where(Prospect.campaign_id == campaign, Prospect.contacted)
        change(session, Prospect, some.limit(40), status=FAILED, status_reason=None)
        change(session, Message, select(Message.id).where(Message.prospect_id.in_(some.limit(9))), status=FAILED)
        new = select(Prospect.id).where(Prospect.campaign_id == campaign, Prospect.contacted.is_(False))
        change(session, Prospect, new.limit(60), status=FAILED, status_reason="A value is missing")

    def ask(session: Session) -> None:
        groups = {one.reason: one.people for one in watching.held_back(session, own)}
        assert groups["A value is missing"] == 60
        assert sum(groups.values()) == 100
        assert len(watching.people_held_back(session, campaign, "A value is missing", 50)) == 50

    plan = assert_cheap(crowd, ask, 3000, before=fail)
    assert "ix_prospect_campaign_id_status_id" in plan, plan


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


def test_whether_somebody_is_in_another_campaign_is_asked_by_identity(crowd: Crowd) -> None:
    """At a launch for everybody, and for one person before their first step."""

    with Session(crowd.engine) as session:
        known = session.scalars(
            select(Prospect.identity).where(Prospect.campaign_id == crowd.campaigns[1]).limit(1)
        ).one()

    def linkedin(session: Session) -> None:
        session.execute(update(Campaign).values(type=LINKEDIN))

    def ask(session: Session) -> None:
        workspace = session.get_one(Campaign, crowd.campaigns[0]).workspace
        draft = make.campaign(session, workspace, type=LINKEDIN, skip_other_campaigns=True)
        one, _ = (make.prospect(session, draft, linkedin_url=PROFILE, identity=identity) for identity in (known, "x"))
        assert elsewhere.taken_by_other(session, draft, one) is not None
        assert sum(elsewhere.foresee(session, draft).values()) == 1
        assert elsewhere.skip_taken(session, draft, make.NOW) == 1

    plan = assert_cheap(crowd, ask, 500, before=linkedin)
    assert "ix_prospect_workspace_id_identity" in plan, plan
    assert campaign_is_running(crowd, crowd.campaigns[0])


@pytest.mark.parametrize("words", ["p777", "example corp", "nobody at all", "e", "perso"])
def test_a_search_reads_no_more_people_than_it_may_find(crowd: Crowd, words: str) -> None:
    """Whether it finds nobody, a few, or everybody."""

    def ask(session: Session) -> None:
        campaign = session.get_one(Campaign, crowd.campaigns[0])
        found = searching.search(session, campaign.workspace_id, words)
        people, total = rostering.listed(session, campaign, rostering.Filter("pending", None, words), page=1, limit=50)
        assert bool(found.people) == bool(people) == (words != "nobody at all")
        assert total <= MOST_FOUND

    plan = assert_cheap(crowd, ask, 6 * MOST_FOUND)
    assert "prospect_search" in plan, plan


def campaign_is_running(crowd: Crowd, campaign: UUID) -> bool:
    with Session(crowd.engine) as session:
        return session.get_one(Campaign, campaign).status == ACTIVE
