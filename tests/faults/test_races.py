"""Races by processes: what tests in one process cannot bring together, on both databases."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from campaigns import editing, erasing, launching, ticking, unsubscribing, waking
from campaigns.models import (
    Campaign,
    CampaignDay,
    Event,
    Gate,
    Message,
    Prospect,
    Sender,
    SenderDay,
    WakeUp,
    Workspace,
    connect,
    new_id,
    session_factory,
)
from campaigns.models.gate import span
from campaigns.models.sessions import silence
from campaigns.rules.links import Recipient
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.refusals import Refused
from campaigns.sending import Lane
from tests import make
from tests.databases import Database, hurried, run_together
from tests.faults.audit import lateness
from tests.faults.world import Ours, Span, hours_of

# Seconds that a race may go on; most are over sooner.
RACE = 20.0


def utcnow() -> datetime:
    return datetime.now(UTC)


class Process:
    """The tools of one process of a race, and the file into which all of them write what they did."""

    def __init__(self, url: str, log: str) -> None:
        engine = connect(url)
        self.engine = hurried(engine) if engine.dialect.name == "sqlite" else engine
        self.sessions: sessionmaker[Session] = session_factory(self.engine, silence)
        self.reading: sessionmaker[Session] = session_factory(self.engine, silence, readonly=True)
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *words: object) -> None:
        """One line, whole, whoever else writes."""
        os.write(self._log, ("\t".join(map(str, words)) + "\n").encode())

    def lane(self, sender_id: UUID, seconds: float = 0.0) -> Lane:
        return Lane(
            sessions=self.sessions,
            reading=self.reading,
            sender_id=sender_id,
            open_channel=lambda _: Slow(self, seconds),
            clock=utcnow,
            wait=lambda pause: time.sleep(pause.total_seconds()),
        )


@dataclass
class Slow:
    """A channel that writes down when it was handed what, and takes its time."""

    process: Process
    seconds: float

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ready(self) -> None:
        """It is always connected."""

    def send(self, outgoing: Outgoing) -> str:
        began = time.time()
        time.sleep(self.seconds)
        self.process.write("sent", outgoing.from_address, outgoing.to_address, began, time.time())
        return "250 taken"


@contextmanager
def process(url: str, log: str) -> Iterator[Process]:
    made = Process(url, log)
    try:
        yield made
    finally:
        made.engine.dispose()


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "race.log"
    path.touch()
    return str(path)


def lines(log: str, kind: str) -> list[list[str]]:
    rows = [line.split("\t") for line in Path(log).read_text().splitlines()]
    return [row[1:] for row in rows if row[0] == kind]


def stage(db: Database, people: int, senders: int = 1, **values: Any) -> tuple[Campaign, list[UUID]]:
    """A running campaign, always open, and its accounts."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        accounts = [make.sender(session, workspace) for _ in range(senders)]
        campaign = make.launched(session, workspace, people, senders=accounts, now=utcnow(), **values)
        return campaign, [account.id for account in accounts]


def all_sent(sessions: sessionmaker[Session]) -> bool:
    with sessions() as session:
        return not session.scalar(select(func.count()).where(Prospect.due_at.is_not(None)))


def until(what: Callable[[], bool]) -> Iterator[None]:
    """Rounds of a race, until it is over."""
    deadline = time.monotonic() + RACE
    while not what() and time.monotonic() < deadline:
        yield
        time.sleep(0.005)


# Two workers on one lane -------------------------------------------------------------------------


def work_the_lane(url: str, log: str, senders: list[UUID]) -> None:
    with process(url, log) as mine:
        for _ in until(lambda: all_sent(mine.sessions)):
            for sender in senders:
                mine.lane(sender, 0.002).run()


def test_three_workers_on_one_lane_are_one_lane(db: Database, log: str) -> None:
    people = 40
    _, (sender,) = stage(db, people)
    run_together(work_the_lane, [(db.url, log, [sender])] * 3)
    sent = lines(log, "sent")
    assert len({row[1] for row in sent}) == len(sent) == people
    times = sorted((float(row[2]), float(row[3])) for row in sent)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(times))
    with db.sessions() as session:
        assert session.scalars(select(SenderDay.used)).all() == [people]
        assert session.scalars(select(Sender.lease_token)).all() == [None]


# PATCH hours, wake-up, pause ---------------------------------------------------------------------


def edit_hours(url: str, log: str, workspace: UUID, campaign: UUID, rounds: int) -> None:
    with process(url, log) as mine:
        for n in range(rounds):
            hours = None if n % 2 else hours_of("Asia/Kathmandu", "closed")
            sent = time.time()
            with mine.sessions.begin() as session:
                editing.edit(session, workspace, campaign, {"operating_hours": hours}, now=utcnow(), by=None)
            mine.write("hours", sent, time.time(), n % 2)
            time.sleep(0.03)


def pause_and_resume(url: str, log: str, workspace: UUID, campaign: UUID, rounds: int) -> None:
    with process(url, log) as mine:
        for n in range(rounds):
            verb, status = (launching.resume, "active") if n % 2 else (launching.pause, "paused")
            sent = time.time()
            with mine.sessions.begin() as session:
                verb(session, workspace, campaign, now=utcnow(), by=None)
            mine.write("status", sent, time.time(), status)
            time.sleep(0.04)


def wake_and_tick(url: str, log: str, rounds: int) -> None:
    with process(url, log) as mine:
        for _ in range(rounds):
            with mine.reading() as session:
                lost = list(session.scalars(select(WakeUp.id).where(WakeUp.finished_at.is_(None))))
            for wake_up_id in Random(len(lost)).sample(lost, len(lost)):
                with mine.sessions.begin() as session:
                    record = waking.wake(session, wake_up_id, now=utcnow(), job_id=None)
                    if record is not None:
                        waking.finish(record, now=utcnow())
            with mine.sessions.begin() as session:
                ticking.settle(session, utcnow())
            time.sleep(0.01)


def send_for_a_while(url: str, log: str, sender: UUID, rounds: int) -> None:
    with process(url, log) as mine:
        for _ in range(rounds):
            mine.lane(sender, 0.01).run(timedelta(seconds=0.2))
            time.sleep(0.01)


def play_a_part(part: str, *arguments: Any) -> None:
    globals()[part](*arguments)


def spans(log: str, kind: str, value: Callable[[str], Any]) -> list[Span]:
    return [Span(float(sent), float(sure), value(what)) for sent, sure, what in lines(log, kind)]


def test_nothing_leaves_in_closed_hours_or_a_pause_whoever_races(db: Database, log: str) -> None:
    campaign, (sender,) = stage(db, 400)
    closed = hours_of("Asia/Kathmandu", "closed")
    mine = (campaign.workspace_id, campaign.id)
    run_together(
        play_a_part,
        [
            ("edit_hours", db.url, log, *mine, 12),
            ("pause_and_resume", db.url, log, *mine, 8),
            ("wake_and_tick", db.url, log, 15),
            ("send_for_a_while", db.url, log, sender, 25),
        ],
    )
    ours = Ours(str(campaign.id), "raced", "Asia/Kathmandu", hours=[Span(0, 0, None)], status=[Span(0, 0, "active")])
    ours.hours += spans(log, "hours", lambda is_open: None if int(is_open) else closed)
    ours.status += spans(log, "status", str)
    sent = lines(log, "sent")
    assert sent
    assert len({row[1] for row in sent}) == len(sent)
    assert [row for row in sent if lateness(ours, float(row[2])) is None] == []
    with db.sessions() as session:
        row = session.scalars(select(Campaign)).one()
        assert (row.status, row.operating_hours) == ("active", None)
        (gate,) = session.scalars(select(Gate))
        assert gate.is_open(utcnow())
        asked = session.scalar(select(func.count()).select_from(WakeUp))
    with db.sessions.begin() as session:
        for wake_up in session.scalars(select(WakeUp).where(WakeUp.finished_at.is_(None))):
            waking.wake(session, wake_up.id, now=utcnow(), job_id=None)
        left = session.scalar(select(func.count()).where(Prospect.due_at <= utcnow()))
    assert asked
    assert len(sent) + (left or 0) == 400


# Two launches ------------------------------------------------------------------------------------


def launch_at_once(url: str, log: str, workspace: UUID, campaign: UUID) -> None:
    with process(url, log) as mine:
        try:
            with mine.sessions.begin() as session:
                launching.launch(session, workspace, campaign, now=utcnow(), by=None)
            mine.write("launch", "accepted")
        except Refused as refused:
            mine.write("launch", refused.code)
        with mine.sessions.begin() as session:
            started = launching.start(session, campaign, now=utcnow(), by=None)
        mine.write("start", started)


def test_of_many_launches_at_once_one_is_a_launch(db: Database, log: str) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        accounts = [make.sender(session, workspace) for _ in range(2)]
        campaign = make.campaign(session, workspace, senders=accounts)
        make.prospects(session, campaign, 50)
    run_together(launch_at_once, [(db.url, log, workspace.id, campaign.id)] * 4)
    answers = [row[0] for row in lines(log, "launch")]
    assert answers.count("accepted") == 1
    assert set(answers) <= {"accepted", "launch_in_flight", "wrong_state"}
    assert [row[0] for row in lines(log, "start")].count("True") == 1
    with db.sessions() as session:
        assert session.scalars(select(Campaign.status)).all() == ["active"]
        assert session.scalars(select(WakeUp.cause)).all() == ["launch"]
        assert sorted(session.scalars(select(Event.kind))) == ["launch_requested", "launched"]
        assert session.scalar(select(func.count()).where(Prospect.due_at.is_not(None))) == 50
        turns = session.execute(select(Prospect.sender_account_id, func.count()).group_by(Prospect.sender_account_id))
        assert sorted(count for _, count in turns) == [25, 25]


# Deleted during a send ---------------------------------------------------------------------------


def delete_in_the_middle(url: str, log: str, workspace: UUID, campaign: UUID) -> None:
    with process(url, log) as mine:
        for _ in until(lambda: len(lines(log, "sent")) >= 3):
            pass
        with mine.sessions.begin() as session:
            launching.delete(session, workspace, campaign)
        mine.write("deleted", time.time())


def test_a_campaign_that_is_deleted_during_a_send_is_gone_and_its_lane_goes_on(db: Database, log: str) -> None:
    campaign, (sender,) = stage(db, 200)
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, campaign.workspace_id)
        account = session.get_one(Sender, sender)
        other = make.launched(session, workspace, 5, senders=[account], now=utcnow())
    run_together(
        play_a_part,
        [
            ("send_for_a_while", db.url, log, sender, 25),
            ("wake_and_tick", db.url, log, 15),
            ("delete_in_the_middle", db.url, log, campaign.workspace_id, campaign.id),
        ],
    )
    sent = lines(log, "sent")
    ((deleted,),) = lines(log, "deleted")
    with db.sessions() as session:
        assert session.scalars(select(Campaign.id)).all() == [other.id]
        others = set(session.scalars(select(Prospect.email).where(Prospect.campaign_id == other.id)))
        assert session.scalars(select(Message.status)).all() == ["sent"] * 5
        assert session.scalars(select(SenderDay.used)).all() == [len(sent)]
        assert session.scalars(select(Sender.lease_token)).all() == [None]
    late = [row for row in sent if row[1] not in others and float(row[2]) > float(deleted)]
    assert late == []
    assert others <= {row[1] for row in sent}


# Two edits of hours whose jobs run in the wrong order ---------------------------------------------


def edit_once(url: str, log: str, workspace: UUID, campaign: UUID, number: int) -> None:
    with process(url, log) as mine, mine.sessions.begin() as session:
        hours = make.week(f"{number:02}:00", f"{number:02}:30")
        editing.edit(session, workspace, campaign, {"operating_hours": hours}, now=utcnow(), by=None)


def carry_out(url: str, log: str, wake_up: UUID) -> None:
    with process(url, log) as mine, mine.sessions.begin() as session:
        record = waking.wake(session, wake_up, now=utcnow(), job_id=None)
        assert record is not None
        waking.finish(record, now=utcnow())


def first_opening(hours: Any) -> str:
    return str(hours["monday"][0]["start"])


def test_edits_that_race_end_in_the_later_one_whatever_order_their_jobs_run_in(db: Database, log: str) -> None:
    campaign, _ = stage(db, 20, operating_hours=make.week("01:00", "01:30"))
    run_together(edit_once, [(db.url, log, campaign.workspace_id, campaign.id, number) for number in (4, 7, 13, 19)])
    with db.sessions() as session:
        records = list(session.scalars(select(WakeUp).order_by(WakeUp.id.desc())))
        in_force = session.scalars(select(Campaign)).one().operating_hours
    assert len(records) == 4
    # Each edit saw the one before it: they form a chain, from the first hours to those in force.
    chain = {first_opening(record.old_operating_hours): record.new_operating_hours for record in records}
    step: Any = make.week("01:00", "01:30")
    for _ in records:
        step = chain.pop(first_opening(step))
    assert step == in_force
    run_together(carry_out, [(db.url, log, record.id) for record in records])
    with db.sessions() as session:
        row = session.scalars(select(Campaign)).one()
        (gate,) = session.scalars(select(Gate))
        assert (gate.opens_at, gate.closes_at) == span(row.hours, None, utcnow())
        assert row.operating_hours == in_force
        assert all(record.finished_at for record in session.scalars(select(WakeUp)))


# A limit lowered below what was sent already ------------------------------------------------------


def lower_the_limit(url: str, log: str, workspace: UUID, campaign: UUID) -> None:
    with process(url, log) as mine:
        for _ in until(lambda: len(lines(log, "sent")) >= 12):
            pass
        with mine.sessions.begin() as session:
            editing.edit(session, workspace, campaign, {"daily_limit": 5}, now=utcnow(), by=None)
        mine.write("lowered", time.time())


def send_until_lowered(url: str, log: str, sender: UUID) -> None:
    with process(url, log) as mine:
        for _ in until(lambda: bool(lines(log, "lowered"))):
            mine.lane(sender, 0.02).run()
        for _ in range(3):
            mine.lane(sender, 0.02).run()


def test_a_limit_that_is_lowered_below_what_was_sent_stops_all_lanes_at_once(db: Database, log: str) -> None:
    campaign, senders = stage(db, 300, senders=3, daily_limit=200)
    run_together(
        play_a_part,
        [
            *(("send_until_lowered", db.url, log, sender) for sender in senders),
            ("lower_the_limit", db.url, log, campaign.workspace_id, campaign.id),
        ],
    )
    ((lowered,),) = lines(log, "lowered")
    sent = lines(log, "sent")
    late = [row for row in sent if float(row[2]) > float(lowered)]
    # A lane may have claimed one just before the edit was in; it is handed over just after.
    assert len(late) <= len(senders)
    assert all(float(row[2]) < float(lowered) + 1.0 for row in late)
    with db.sessions() as session:
        assert session.scalars(select(CampaignDay.used)).all() == [len(sent)]
        assert sum(session.scalars(select(SenderDay.used))) == len(sent)


def test_lanes_that_race_for_the_last_places_of_a_campaign_take_no_more(db: Database, log: str) -> None:
    _, senders = stage(db, 60, senders=3, daily_limit=25)
    run_together(send_a_few_rounds, [(db.url, log, sender) for sender in senders])
    assert len(lines(log, "sent")) == 25
    with db.sessions() as session:
        assert session.scalars(select(CampaignDay.used)).all() == [25]
        assert session.scalar(select(func.count()).where(Prospect.due_at.is_not(None))) == 35


def send_a_few_rounds(url: str, log: str, sender: UUID) -> None:
    with process(url, log) as mine, suppress(Refused):
        for _ in range(6):
            mine.lane(sender, 0.002).run()


# Saying no, and being forgotten, while mail goes out ----------------------------------------------


def say_no(url: str, log: str, workspace: UUID, addresses: list[str], forget: bool) -> None:
    """One after the other, each as the link in a message or an owner of the workspace would."""
    with process(url, log) as mine:
        for address in addresses:
            with mine.sessions.begin() as session:
                if forget:
                    erasing.erase(session, workspace, address, now=utcnow(), by=None)
                else:
                    unsubscribing.unsubscribe(session, Recipient(new_id(), workspace, address), utcnow())
            mine.write("no", address, time.time())


@pytest.mark.parametrize("forget", [False, True], ids=["unsubscribed", "erased"])
def test_nothing_is_handed_over_once_a_no_was_answered_but_what_was_in_hand(
    db: Database, log: str, forget: bool
) -> None:
    campaign, senders = stage(db, 120, senders=3)
    with db.sessions() as session:
        everybody = list(session.scalars(select(Prospect.identity).order_by(Prospect.id.desc())))
    run_together(
        play_a_part,
        [
            *(("work_the_lane", db.url, log, [sender]) for sender in senders),
            *(("say_no", db.url, log, campaign.workspace_id, everybody[part::2], forget) for part in (0, 1)),
        ],
    )
    said = {address: float(at) for address, at in lines(log, "no")}
    sent = {row[1]: float(row[2]) for row in lines(log, "sent")}
    assert len(sent) == len(lines(log, "sent"))
    assert len(sent) < len(said) == len(everybody)
    with db.sessions() as session:
        kept = session.scalar(select(func.count()).select_from(Message))
        statuses = set(session.scalars(select(Prospect.status)))
        assert sum(session.scalars(select(SenderDay.used))) == len(sent)
    late = [address for address, at in sent.items() if at > said[address]]
    # A message that a lane had in its hands: one for each, and handed over within the tenth of a second that
    # Lane.FRESH allows it, for afterwards it looks again.
    assert len(late) <= len(senders), late
    assert all(sent[address] < said[address] + 0.5 for address in late)
    assert statuses <= {"unsubscribed", "completed"}
    assert kept == (0 if forget else len(sent))
