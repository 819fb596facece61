"""The kept counts are the true ones, whatever happens to people and in whatever order."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from campaigns import importing, launching, removing, ticking
from campaigns.models import Campaign, Event, Prospect, Sender, connect, counts, schema, tally
from campaigns.models.finding import nodes_of
from campaigns.models.schema import alembic_config, migrating
from campaigns.models.tally import NOBODY, fold, prospect_count, prospect_due
from campaigns.rules import lifecycle
from campaigns.rules.refusals import NotFound
from tests import make
from tests.databases import Database, run_together


def assert_true(session: Session, now: datetime) -> None:
    """What is kept is what one gets by looking at everybody."""
    people: list[Prospect] = list(session.scalars(select(Prospect).execution_options(populate_existing=True)))
    campaigns = list(session.scalars(select(Campaign)))
    due = [one for one in people if one.due_at is not None and one.due_at <= now]
    kept = counts.by_status(session, [campaign.id for campaign in campaigns])
    for campaign in campaigns:
        mine = [one for one in people if one.campaign_id == campaign.id]
        assert kept[campaign.id] == Counter(one.status for one in mine)
        assert counts.total(session, campaign.id) == len(mine)
        at = Counter(one.current_node_id or NOBODY for one in mine)
        waiting = Counter(one.current_node_id or NOBODY for one in mine if one.due_at)
        assert +Counter(counts.by_node(session, campaign.id)) == at
        assert +Counter(counts.by_node(session, campaign.id, waiting=True)) == waiting
        clocks = Counter(one.clock for one in due if one.campaign_id == campaign.id)
        assert counts.due_by_clock(session, [campaign.id], now) == {campaign.id: clocks}
        assert counts.due(session, [campaign.id], now) == {campaign.id: clocks.total()}
    active = {campaign.id for campaign in campaigns if campaign.status == lifecycle.ACTIVE}
    lines = Counter((one.sender_account_id, one.contacted) for one in due if one.campaign_id in active)
    for sender in session.scalars(select(Sender.id)):
        for contacted in (True, False):
            assert counts.due_in_line(session, sender, contacted, now) == lines[sender, contacted]


def rows_of(session: Session, table: Any) -> int:
    return len(session.execute(select(table)).all())


class Storm:
    """Things that happen to people, at random."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session, self.chance, self.now = session, random.Random(seed), make.NOW
        self.workspace = make.workspace(session)
        self.senders = [make.sender(session, self.workspace) for _ in range(3)]
        for _ in range(2):
            self.campaign()

    def campaign(self) -> None:
        nodes = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.delay(hours=1), make.END]
        made = make.launched(self.session, self.workspace, 5, senders=self.senders, nodes=nodes)
        make.prospects(self.session, made, 3, clock="Asia/Tokyo")

    def a_campaign(self) -> Campaign | None:
        return self._any(list(self.session.scalars(select(Campaign).order_by(Campaign.id))))

    def somebody(self) -> Prospect | None:
        return self._any(list(self.session.scalars(select(Prospect).order_by(Prospect.id))))

    def _any(self, found: list[Any]) -> Any:
        return self.chance.choice(found) if found else None

    def add(self) -> None:
        if campaign := self.a_campaign():
            make.prospects(self.session, campaign, self.chance.randrange(1, 4), clock=self.chance.choice(["", "UTC"]))

    def enrol(self) -> None:
        if campaign := self.a_campaign():
            make.place(self.session, campaign, make.NOW + timedelta(hours=self.chance.randrange(60)))

    def move(self) -> None:
        if one := self.somebody():
            one.status = self.chance.choice(lifecycle.PROSPECT_STATUSES)
            one.due_at = self.chance.choice([None, make.NOW + timedelta(minutes=self.chance.randrange(5000))])
            one.contacted = self.chance.random() < 0.5
            one.clock = self.chance.choice(["", "UTC", "Asia/Tokyo"])
            one.current_node_id = self.chance.choice([*nodes_of(self.session, one.campaign_id)]).id

    def leave(self) -> None:
        if one := self.somebody():
            self.session.delete(one)

    def remove(self) -> None:
        if (campaign := self.a_campaign()) and self.chance.random() < 0.2:
            removing.remove(self.session, campaign.workspace_id, campaign.id, {"all": True}, now=make.NOW, by=None)

    def lose_a_sender(self) -> None:
        if self.chance.random() < 0.1 and len(self.senders) > 1:
            self.session.delete(self.senders.pop())

    def lose_a_step(self) -> None:
        if (campaign := self.a_campaign()) and self.chance.random() < 0.1:
            self.session.delete(nodes_of(self.session, campaign.id)[0])

    def lose_a_campaign(self) -> None:
        if (campaign := self.a_campaign()) and self.chance.random() < 0.1:
            self.session.delete(campaign)
            self.campaign()

    def tick(self) -> None:
        self.now += timedelta(minutes=self.chance.randrange(200))
        ticking.settle(self.session, self.now)

    def blow(self) -> None:
        happenings: list[Callable[[], None]] = [self.add, self.enrol, self.tick, self.leave, self.remove]
        happenings += [self.lose_a_sender, self.lose_a_step, self.lose_a_campaign] + [self.move] * 8
        self.chance.choice(happenings)()
        self.session.flush()
        self.session.expire_all()


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_true_after_whatever_happened(session: Session, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.models.tally.WORTH_FOLDING", 5)
    storm = Storm(session, seed)
    for turn in range(120):
        storm.blow()
        if turn % 10 == 0:
            assert_true(session, storm.now + timedelta(hours=storm.chance.randrange(10)))
    assert_true(session, storm.now)


def test_folding_changes_no_count_and_keeps_few_rows(session: Session) -> None:
    campaign = make.launched(session, make.workspace(session), 250)
    people = session.scalars(select(Prospect)).all()
    for number, one in enumerate(people):
        one.due_at = make.NOW + timedelta(minutes=number)
        session.flush()
    late = make.NOW + timedelta(minutes=219, seconds=30)
    assert_true(session, late)
    fold(session, late)
    assert_true(session, late)
    assert_true(session, late + timedelta(minutes=10))
    assert rows_of(session, prospect_due) == 1 + 30, "one for those who are due, one for each instant to come"
    assert rows_of(session, prospect_count) <= 2
    assert counts.due(session, [campaign.id], late) == {campaign.id: 220}


def test_whoever_was_folded_is_due_although_the_clock_of_the_host_is_put_back(session: Session) -> None:
    campaign = make.launched(session, make.workspace(session), 250)
    for number, one in enumerate(session.scalars(select(Prospect))):
        one.due_at = make.NOW + timedelta(seconds=number)
        session.flush()
    fold(session, make.NOW + timedelta(hours=1))
    assert counts.due(session, [campaign.id], make.NOW + timedelta(seconds=1)) == {campaign.id: 250}


def test_a_fold_of_those_who_were_folded_before_is_true_too(session: Session) -> None:
    make.launched(session, make.workspace(session), 500)
    for hours in (1, 2, 3):
        for one in session.scalars(select(Prospect)):
            one.due_at = make.NOW + timedelta(hours=hours, seconds=random.Random(one.id.int).randrange(3600))
            session.flush()
        fold(session, make.NOW + timedelta(hours=hours + 1))
        assert_true(session, make.NOW + timedelta(hours=hours + 1))
    assert rows_of(session, prospect_due) == 1


def test_a_campaign_takes_its_counts_with_it(db: Database) -> None:
    with db.sessions.begin() as session:
        campaign = make.launched(session, make.workspace(session), 3)
        other = make.launched(session, make.workspace(session), 2)
    with db.sessions.begin() as session:
        launching.delete(session, campaign.workspace_id, campaign.id)
    with db.sessions() as session:
        assert set(session.scalars(select(prospect_count.c.campaign_id))) == {other.id}
        assert set(session.scalars(select(prospect_due.c.campaign_id))) == {other.id}


def test_nobody_is_counted_who_was_there_already(session: Session) -> None:
    workspace = make.workspace(session)
    campaign = make.campaign(session, workspace)
    body = {"prospects": [{"email": "ann@corp.example"}, {"email": "ben@corp.example"}]}
    for _ in range(2):
        importing.add(session, workspace.id, campaign.id, body, now=make.NOW, by=None)
    assert counts.by_status(session, [campaign.id]) == {campaign.id: {"pending": 2}}


def test_what_is_taken_back_was_never_counted(db: Database) -> None:
    with db.sessions.begin() as session:
        campaign = make.launched(session, make.workspace(session), 3)
    with db.sessions() as session:
        make.prospects(session, campaign, 5)
        session.rollback()
    with db.sessions() as session:
        assert counts.total(session, campaign.id) == 3


def _move_people(url: str, sender_id: UUID, seed: int) -> None:
    """A lane's worth of changes, each committed by itself, with a fold now and then."""
    engine, chance = connect(url), random.Random(seed)
    for _ in range(60):
        with Session(engine) as session, session.begin():
            mine = select(Prospect).where(Prospect.sender_account_id == sender_id).order_by(Prospect.id)
            one = chance.choice(session.scalars(mine.with_for_update()).all())
            one.status = chance.choice(lifecycle.PROSPECT_STATUSES)
            one.due_at = chance.choice([None, make.NOW - timedelta(seconds=chance.randrange(10_000))])
            session.flush()
            if chance.random() < 0.2:
                fold(session, make.NOW)
    engine.dispose()


def test_processes_that_move_people_and_fold_at_once_lose_no_count(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace) for _ in range(3)]
        make.launched(session, workspace, 30, senders=senders)
    run_together(_move_people, [(db.url, sender.id, seed) for seed, sender in enumerate(senders)])
    with db.sessions() as session:
        assert_true(session, make.NOW)
        fold(session, make.NOW)
        assert_true(session, make.NOW)


def test_a_lane_waits_for_nobody_to_be_counted(postgres_db: Database) -> None:
    """An import that is not committed yet holds up no lane of the same campaign and account."""
    with postgres_db.sessions.begin() as session:
        campaign = make.launched(session, make.workspace(session), 2)
    with postgres_db.sessions() as importer, postgres_db.sessions() as lane:
        make.prospects(importer, campaign, 3)
        make.place(importer, campaign)
        lane.execute(text("SET LOCAL lock_timeout = '2s'"))
        one = lane.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).first()
        assert one is not None
        one.due_at = None
        lane.commit()
        importer.commit()
    with postgres_db.sessions() as session:
        assert_true(session, make.NOW)


def test_whoever_was_there_before_there_were_counts_is_counted(db: Database) -> None:
    with db.sessions.begin() as session:
        make.launched(session, make.workspace(session), 3)
    with migrating(db.engine) as connection:
        command.downgrade(alembic_config(connection), "0001")
    schema.upgrade(db.engine)
    with db.sessions.begin() as session:
        assert_true(session, make.NOW)
        make.prospects(session, session.scalars(select(Campaign)).one(), 2)
        assert_true(session, make.NOW)


# A million people, a few at a time ---------------------------------------------------------------


def test_a_launch_in_many_transactions_ends_like_one(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders by turns over all of them, each person once."""
    monkeypatch.setattr(launching, "MOST_AT_ONCE", 4)
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace) for _ in range(3)]
        campaign = make.campaign(session, workspace, senders=senders)
        make.prospects(session, campaign, 10)
        launching.launch(session, workspace.id, campaign.id, now=make.NOW, by=None)
    steps = []
    for minutes in (1, 2, 3):
        with db.sessions.begin() as session:
            steps.append(launching.place(session, campaign.id, now=make.NOW + make.minutes(minutes)))
            assert session.get_one(Campaign, campaign.id).status == lifecycle.LAUNCHING
            ticking.settle(session, make.NOW + make.minutes(minutes + 1.9))  # it goes on: it is not stuck
    assert steps == [True, True, False]
    with db.sessions.begin() as session:
        assert launching.start(session, campaign.id, now=make.NOW + make.minutes(4), by=None)
    with db.sessions() as session:
        people = session.scalars(select(Prospect).order_by(Prospect.id)).all()
        assert [one.sender_account_id for one in people] == [senders[turn % 3].id for turn in range(10)]
        event = session.scalars(select(Event).where(Event.kind == "launched")).one()
        assert event.data == {"prospects": 10}
        assert_true(session, make.NOW + make.minutes(5))


def test_a_launch_that_is_given_up_halfway_leaves_a_draft_like_any_other(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(ticking, "MOST_AT_ONCE", 3)
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)])
        make.prospects(session, campaign, 10)
        launching.launch(session, workspace.id, campaign.id, now=make.NOW, by=None)
        launching.place(session, campaign.id, now=make.NOW)
    status = []
    for minutes in (2, 3, 4):
        with db.sessions.begin() as session:
            ticking.settle(session, make.NOW + make.minutes(minutes))
        with db.sessions() as session:
            status.append(session.get_one(Campaign, campaign.id).status)
    assert status == ["launching", "launching", "draft"]
    with db.sessions() as session:
        assert all(
            (one.sender_account_id, one.current_node_id, one.due_at) == (None, None, None)
            for one in session.scalars(select(Prospect))
        )
        assert_true(session, make.NOW)


def test_everybody_is_removed_in_many_transactions(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was written to stays as cancelled, and what happened is told once."""
    monkeypatch.setattr(removing, "MOST_AT_ONCE", 4)
    with db.sessions.begin() as session:
        campaign = make.launched(session, make.workspace(session), 10)
        node = nodes_of(session, campaign.id)[0]
        for one in session.scalars(select(Prospect).order_by(Prospect.id).limit(6).offset(1)):
            make.message(session, one, node)
    gone = removing.remove_all(db.sessions, campaign.workspace_id, campaign.id, now=make.NOW, by="ann")
    assert gone == {"removed": 10, "deleted": 4, "cancelled": 6}
    with db.sessions() as session:
        assert counts.by_status(session, [campaign.id]) == {campaign.id: {"cancelled": 6}}
        event = session.scalars(select(Event).where(Event.kind == "prospects_removed")).one()
        assert (event.data, event.by) == ({"count": 10}, "ann")
        assert_true(session, make.NOW)


def test_nobody_elses_people_are_removed(db: Database) -> None:
    with db.sessions.begin() as session:
        campaign = make.launched(session, make.workspace(session), 2)
        stranger = make.workspace(session)
    with pytest.raises(NotFound):
        removing.remove_all(db.sessions, stranger.id, campaign.id, now=make.NOW, by=None)


def test_the_planner_is_told_that_many_rows_became_a_few(
    postgres_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "WORTH_TELLING", 300)
    size = text("SELECT reltuples FROM pg_class WHERE relname = 'prospect_due'")
    with postgres_db.sessions.begin() as session:
        campaign = make.launched(session, make.workspace(session), 0)
        minutes = [timedelta(minutes=number) for number in range(tally.WORTH_FOLDING + 200)]
        for late in minutes:
            make.prospect(session, campaign, due_at=make.NOW - late)
    with postgres_db.sessions.begin() as session:
        fold(session, make.NOW)
        assert session.scalar(size) == rows_of(session, prospect_due)
