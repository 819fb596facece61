"""Several who want the same rows at the same moment: nobody is refused by the database, nobody's work is lost.

Deadlocks show on PostgreSQL only; the rounds are as many as showed each of them, when there were any.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from campaigns import connecting, editing, importing, launching, removing, ticking, waking
from campaigns.models import Campaign, Node, Prospect, Sender, Workspace
from campaigns.rules.lifecycle import ACTIVE
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.refusals import Conflict
from tests import make
from tests.databases import Database, at_once
from tests.jobs.processes import wait_until
from tests.verbs.playing import Play

NOW = make.NOW


def done(db: Database, verb: Callable[..., Any], *args: Any, **values: Any) -> Any:
    """Call a verb in a transaction of its own."""
    with db.sessions.begin() as session:
        return verb(session, *args, **values)


def launched(db: Database, n: int = 1, **values: Any) -> tuple[UUID, UUID, UUID]:
    """The ids of a workspace, a running campaign and its account."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, daily_limit=1)
        campaign = make.launched(session, workspace, n, senders=[sender], **values)
        return workspace.id, campaign.id, sender.id


def errors(results: list[Any]) -> list[Any]:
    return [result for result in results if isinstance(result, Exception)]


def test_two_who_launch_at_once_start_one_launch(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)])
        make.prospects(session, campaign, 2)
    launch = partial(done, db, launching.launch, workspace.id, campaign.id, now=NOW, by=None)
    results = at_once(launch, launch, launch)
    assert sorted(type(result).__name__ for result in results) == ["Campaign", "Conflict", "Conflict"]
    assert {error.code for error in results if isinstance(error, Conflict)} == {"launch_in_flight"}
    start = partial(done, db, launching.start, campaign.id, now=NOW, by=None)
    assert sorted(at_once(start, start)) == [False, True]


def test_two_who_pause_at_once_pause_once(db: Database) -> None:
    workspace, campaign, _ = launched(db)
    pause = partial(done, db, launching.pause, workspace, campaign, now=NOW, by=None)
    results = at_once(pause, pause)
    assert sorted(type(result).__name__ for result in results) == ["Campaign", "WrongState"]


def test_limits_of_a_campaign_and_of_its_account_may_change_at_once(db: Database) -> None:
    workspace, campaign, sender = launched(db)
    for limit in range(2, 12):
        body = {"account_limits": [{"account_id": str(sender), "daily_limit": limit}] * (limit % 2)}
        results = at_once(
            partial(done, db, editing.edit, workspace, campaign, body, now=NOW, by=None),
            partial(done, db, connecting.change, workspace, sender, {"daily_limit": limit}, key="", now=NOW, by=None),
        )
        assert errors(results) == []


def test_a_campaign_may_be_deleted_at_the_moment_a_send_is_recorded(db: Database) -> None:
    for _ in range(12):
        workspace, campaign, sender = launched(db, 20)
        with db.sessions.begin() as session:
            session.get_one(Sender, sender).daily_limit = 500
        play, results = Play(db), list[Any]()

        def delete(workspace: UUID = workspace, campaign: UUID = campaign, results: list[Any] = results) -> None:
            results.extend(at_once(partial(done, db, launching.delete, workspace, campaign)))

        deleting = Thread(target=delete)
        play.post.instead = lambda _, deleting=deleting: deleting.start()
        play.lane(sender, stop=lambda play=play: bool(play.sent)).run()
        deleting.join()
        assert errors(results) == []
        assert len(play.sent) == 1


@pytest.mark.parametrize("held", [Campaign, Prospect])
def test_an_outcome_is_written_down_although_somebody_holds_whoever_comes_next(
    postgres_db: Database, held: type[Any]
) -> None:
    """An editor of another campaign may take their time: what is known is known, and nobody waits in a circle."""
    _, mine, sender = launched(postgres_db, 1)
    with postgres_db.sessions.begin() as session:
        account = session.get_one(Sender, sender)
        account.daily_limit = 500
        other = make.launched(session, session.get_one(Campaign, mine).workspace, 1, senders=[account]).id
    play, editor = Play(postgres_db), postgres_db.sessions()
    key = held.id if held is Campaign else held.campaign_id

    def hold(_: Outgoing) -> None:
        play.post.instead = lambda _: None
        next_one = other if play.messages()[0].campaign_id == mine else mine
        editor.scalars(select(held).where(key == next_one).with_for_update(key_share=True)).all()

    play.post.instead = hold
    lane = Thread(target=play.lane(sender).run)
    lane.start()
    wait_until(lambda: [message.status for message in play.messages()] == ["sent"])
    assert len(play.sent) == 1
    editor.rollback()
    lane.join(10)
    assert len(play.sent) == 2


def test_a_campaign_may_be_deleted_at_the_moment_it_is_woken(db: Database) -> None:
    for _ in range(12):
        workspace, campaign, _ = launched(db, 20)
        body = {"operating_hours": make.week()}
        wake_up = done(db, editing.edit, workspace, campaign, body, now=NOW, by=None)[1].wake_up
        results = at_once(
            partial(done, db, launching.delete, workspace, campaign),
            partial(done, db, waking.wake, wake_up.id, now=NOW, job_id=None),
        )
        assert errors(results) == []


def test_people_may_be_removed_at_the_moment_they_finish(db: Database) -> None:
    nodes = [make.EMAIL_STEP, make.delay(days=1), make.END]
    for _ in range(3):
        workspace, campaign, _ = launched(db, 200, nodes=nodes)
        with db.sessions.begin() as session:
            steps = session.scalars(select(Node).where(Node.campaign_id == campaign).order_by(Node.position)).all()
            people = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign)).all()
            for person in people:
                make.message(session, person, steps[0])
            session.execute(update(Prospect).values(current_node_id=steps[2].id))
        ids = {"ids": sorted(str(person.id)[::-1] for person in people)}
        ids = {"ids": [one[::-1] for one in ids["ids"]]}  # in no order that the database would choose
        results = at_once(
            partial(done, db, removing.remove, workspace, campaign, ids, now=NOW, by=None),
            partial(done, db, ticking.settle, NOW + timedelta(days=2)),
        )
        assert errors(results) == []


def test_people_who_are_added_as_a_campaign_ends_are_not_left_behind(db: Database) -> None:
    for _ in range(8):
        workspace, campaign, _ = launched(db, 0)
        body = {"prospects": [{"email": f"p{n}@corp.example"} for n in range(20)]}
        added, settled = at_once(
            partial(done, db, importing.add, workspace, campaign, body, now=NOW, by=None),
            partial(done, db, ticking.settle, NOW),
        )
        assert not isinstance(settled, Exception)
        with db.sessions() as session:
            status = session.get_one(Campaign, campaign).status
            waiting = session.scalars(select(Prospect.id).where(Prospect.campaign_id == campaign)).all()
        assert (status == ACTIVE) == bool(waiting), (added, status)


def test_ticks_may_run_at_once(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        for _ in range(8):
            make.launched(session, workspace, 2, operating_hours=make.week("08:00", "09:00"))
        make.launched(session, workspace, 0)
    later = NOW + timedelta(days=1)
    assert errors(at_once(*[partial(done, db, ticking.settle, later)] * 4)) == []
    with db.sessions() as session:
        assert session.get_one(Workspace, workspace.id)
