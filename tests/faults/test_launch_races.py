"""Races by processes for people who are in two LinkedIn campaigns: whatever meets, one of the two has each of them."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns import importing, launching
from campaigns.channels.outgoing import Approach, Receipt
from campaigns.models import Campaign, Event, Message, Prospect, Sender, Workspace
from campaigns.rules.refusals import Refused
from campaigns.sending import Lane
from tests import make
from tests.databases import Database, run_together
from tests.faults.test_races import Process, lines, process, until, utcnow

ROUNDS, SHARED = 10, 24


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "race.log"
    path.touch()
    return str(path)


def profile(name: object) -> str:
    return f"https://www.linkedin.com/in/{name}"


def seat(session: Session, workspace: Workspace) -> Sender:
    return make.sender(session, workspace, type="linkedin", provider="unipile", weekly_connection_limit=10_000)


def drafts(session: Session, workspace: Workspace, shared: int, name: str = "") -> list[Campaign]:
    """Two that have the same people, and one person each whom nobody else has."""
    made = []
    for _ in range(2):
        own = make.campaign(
            session, workspace, type="linkedin", skip_other_campaigns=True, senders=[seat(session, workspace)]
        )
        for number in range(shared):
            make.prospect(session, own, linkedin_url=profile(f"shared{name}-{number}"))
        make.prospect(session, own)
        made.append(own)
    return made


def meet(mine: Process, log: str, name: object, who: int = 2) -> None:
    """Wait until everybody is here."""
    mine.write(f"here {name}", "")
    for _ in until(lambda: len(lines(log, f"here {name}")) >= who):
        pass


# Two launches at the same moment ------------------------------------------------------------------


def launch_one_after_the_other(url: str, log: str, workspace: UUID, campaigns: Sequence[UUID]) -> None:
    with process(url, log) as mine:
        for number, campaign in enumerate(campaigns):
            meet(mine, log, number)
            with mine.sessions.begin() as session:
                launching.launch(session, workspace, campaign, now=utcnow(), by=None)
            with mine.sessions.begin() as session:
                launching.start(session, campaign, now=utcnow(), by=None)


def test_of_two_launches_at_the_same_moment_one_has_each_person_ten_times(db: Database, log: str) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        pairs = [drafts(session, workspace, SHARED, str(number)) for number in range(ROUNDS)]
    sides = [[pair[side].id for pair in pairs] for side in (0, 1)]
    # The second process begins with the second campaign of each pair.
    run_together(launch_one_after_the_other, [(db.url, log, workspace.id, side) for side in sides])
    with db.sessions() as session:
        assert set(session.scalars(select(Campaign.status))) == {"active"}
        for pair in pairs:
            ids = [one.id for one in pair]
            statuses = select(Prospect.status, func.count()).where(Prospect.campaign_id.in_(ids))
            told = {row[0]: row[1] for row in session.execute(statuses.group_by(Prospect.status))}
            assert told == {"pending": SHARED + 2, "cancelled": SHARED}
            going = select(Prospect.identity).where(Prospect.campaign_id.in_(ids), Prospect.due_at.is_not(None))
            assert len(set(session.scalars(going))) == SHARED + 2


# First steps --------------------------------------------------------------------------------------


@dataclass
class Provider:
    """A channel that writes down what it was handed, and takes its time."""

    process: Process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ready(self) -> None:
        """It is always connected."""

    def send(self, approach: Approach) -> Receipt:
        time.sleep(0.002)
        self.process.write("sent", approach.profile_url)
        return Receipt("taken", None)


def run_lane(mine: Process, sender: UUID) -> None:
    Lane(
        sessions=mine.sessions,
        reading=mine.reading,
        sender_id=sender,
        open_channel=lambda _: Provider(mine),
        clock=utcnow,
        wait=lambda pause: time.sleep(pause.total_seconds()),
    ).run()


def all_written_to(mine: Process) -> bool:
    with mine.sessions() as session:
        return not session.scalar(select(func.count()).where(Prospect.status == "pending"))


def check_each_has_one(db: Database, log: str, people: int) -> None:
    sent = Counter(row[0] for row in lines(log, "sent"))
    assert len(sent) == people
    assert set(sent.values()) == {1}
    with db.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == people
        skipped = session.scalars(select(Prospect.skipped_for).where(Prospect.status == "cancelled"))
        assert None not in set(skipped)


def write_to_them(url: str, log: str, sender: UUID) -> None:
    with process(url, log) as mine:
        for _ in until(lambda: bool(lines(log, "launched")) and all_written_to(mine)):
            run_lane(mine, sender)


def launch_meanwhile(url: str, log: str, workspace: UUID, campaign: UUID) -> None:
    with process(url, log) as mine:
        for _ in until(lambda: len(lines(log, "sent")) >= 5):
            pass
        with mine.sessions.begin() as session:
            launching.launch(session, workspace, campaign, now=utcnow(), by=None)
        with mine.sessions.begin() as session:
            launching.start(session, campaign, now=utcnow(), by=None)
        mine.write("launched", "")


def act(part: str, *args: Any) -> None:
    PARTS[part](*args)


def test_a_launch_takes_nobody_whose_first_step_another_campaign_is_at(db: Database, log: str) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        running, coming = drafts(session, workspace, SHARED)
        make.place(session, running, utcnow())
        running.status = "active"
        lanes = list(session.scalars(select(Sender.id)))
    writers = [("write_to_them", db.url, log, lane) for lane in lanes]
    run_together(act, [*writers, ("launch_meanwhile", db.url, log, workspace.id, coming.id)])
    check_each_has_one(db, log, SHARED + 2)
    with db.sessions() as session:
        left_out = session.scalars(select(Prospect.campaign_id).where(Prospect.status == "cancelled"))
        assert set(left_out) == {coming.id}
        asked = session.scalars(select(Event.data).where(Event.kind == "launch_requested")).one()
        assert asked["skipped"] == SHARED


def add_and_write(url: str, log: str, workspace: UUID, campaign: UUID, sender: UUID, turn: int) -> None:
    """Add the same people as the other process, in the other order, and write to whoever may be written to."""
    with process(url, log) as mine:
        meet(mine, log, "start")
        for number in range(SHARED)[::turn]:
            body = {"prospects": [{"linkedin_url": profile(f"new-{number}")}]}
            with suppress(Refused), mine.sessions.begin() as session:
                importing.add(session, workspace, campaign, body, now=utcnow(), by=None)
            run_lane(mine, sender)
        meet(mine, log, "end")
        for _ in until(lambda: all_written_to(mine)):
            run_lane(mine, sender)


PARTS = {part.__name__: part for part in (write_to_them, launch_meanwhile)}


@pytest.mark.parametrize("turn", [1, -1], ids=["same order", "other order"])
def test_of_two_campaigns_to_which_the_same_people_are_added_one_writes_to_each(
    db: Database, log: str, turn: int
) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        pair = drafts(session, workspace, 0)
        lanes = list(session.scalars(select(Sender.id).order_by(Sender.id)))
        for campaign in pair:
            make.place(session, campaign, utcnow())
            campaign.status = "active"
    parts = zip(pair, lanes, (1, turn), strict=True)
    run_together(add_and_write, [(db.url, log, workspace.id, one.id, lane, way) for one, lane, way in parts])
    check_each_has_one(db, log, SHARED + 2)
