"""What LinkedIn allows a seat: its rolling week, when invitations time out, and a provider that takes no more."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns import connecting
from campaigns.models import Node, Prospect, Sender, SenderUse, Workspace, new_id
from campaigns.models.allowance import Allowance, allowances
from campaigns.models.task import Task
from campaigns.rules.gates import WEEK
from campaigns.rules.refusals import Invalid, NotFound
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, MINUTE, Play

NODES = [make.CONNECT, {"type": "message", "body": "Dear"}, make.END]
INVITE, WRITE = "connection_request", "message"
REASON = "LinkedIn takes no more."


class Seat(Play):
    """A seat, and a campaign of its with two people."""

    def __init__(self, db: Database, **values: Any) -> None:
        super().__init__(db)
        with db.sessions.begin() as session:
            self.workspace = make.workspace(session)
            account = make.sender(session, self.workspace, type="linkedin", **{"provider": "unipile"} | values)
            made = make.launched(session, self.workspace, 2, type="linkedin", nodes=NODES, senders=[account])
            self.seat_id, self.campaign_id = account.id, made.id
            people = select(Prospect.id).order_by(Prospect.id)
            self.ann, self.bob = session.scalars(people).all()
            self.node_id = made.nodes[0].id

    def change(self, **body: Any) -> Sender:
        changed: Sender = self.do(
            connecting.change, self.workspace.id, self.seat_id, body, key="", now=self.now, by="a@b.c"
        )
        return changed

    def use(self, step: str, *ago: Any) -> None:
        with self.db.sessions.begin() as session:
            session.add_all(SenderUse(sender_id=self.seat_id, step=step, at=self.now - one) for one in ago)

    def task(self, prospect_id: UUID) -> None:
        with self.db.sessions.begin() as session:
            prospect, node = session.get_one(Prospect, prospect_id), session.get_one(Node, self.node_id)
            message = make.message(session, prospect, node, id=new_id(), status="task", sent_at=None)
            ids = {"workspace_id": self.workspace.id, "campaign_id": self.campaign_id, "prospect_id": prospect_id}
            own = {"message_id": message.id, "sender_id": self.seat_id, "step": INVITE}
            session.add(Task(**ids, **own, due_at=self.now, since=self.now))

    def invite(self, prospect_id: UUID, until: datetime, **values: Any) -> None:
        with self.db.sessions.begin() as session:
            person = session.get_one(Prospect, prospect_id)
            waiting = {"status": "connection_sent", "contacted": True, "due_at": until}
            for name, value in (waiting | values).items():
                setattr(person, name, value)

    def week(self) -> dict[str, Allowance]:
        with self.db.sessions() as session:
            found = allowances(session, [session.get_one(Sender, self.seat_id)], self.now)
        return {one.step: one for one in found[self.seat_id]}

    def woken(self) -> list[str]:
        """The causes of wake-ups that were asked for since the last look."""
        bells = [bell.job for bell in self.db.rung]
        self.db.rung.clear()
        return bells


@pytest.fixture
def seat(db: Database) -> Seat:
    return Seat(db)


# The rolling week


def test_a_week_shows_what_left_what_is_in_hand_and_what_is_left(seat: Seat) -> None:
    seat.use(INVITE, HOUR, DAY, WEEK - MINUTE, WEEK, 2 * WEEK)
    seat.use(WRITE, HOUR)
    seat.task(seat.ann)
    invitations, messages = seat.week().values()
    assert (invitations.used, invitations.tasks, invitations.limit, invitations.left) == (3, 1, 80, 76)
    assert (messages.used, messages.tasks, messages.limit, messages.left) == (1, 0, 100, 99)
    assert not invitations.own
    assert invitations.free_at is None


def test_a_full_week_says_when_the_next_place_comes_free(seat: Seat) -> None:
    seat.change(weekly_connection_limit=2)
    seat.use(INVITE, HOUR, 2 * DAY, 5 * DAY)
    found = seat.week()[INVITE]
    # Two of the three have to grow old: three left, and two may.
    assert (found.left, found.own, found.free_at) == (0, True, seat.now - 2 * DAY + WEEK)


def test_when_open_tasks_alone_fill_the_week_nobody_knows_when_it_has_room(seat: Seat) -> None:
    seat.change(weekly_connection_limit=1)
    seat.task(seat.ann)
    assert (seat.week()[INVITE].left, seat.week()[INVITE].free_at) == (0, None)


def test_premium_and_own_limits_show(seat: Seat) -> None:
    seat.change(is_premium=True, weekly_message_limit=7)
    invitations, messages = seat.week().values()
    assert (invitations.limit, invitations.own, messages.limit, messages.own) == (100, False, 7, True)


def test_mailboxes_have_no_week(db: Database) -> None:
    with db.sessions.begin() as session:
        mailbox = make.sender(session, make.workspace(session))
        assert allowances(session, [mailbox], make.NOW) == {}


# Other limits


@pytest.mark.parametrize(
    "body", [{"weekly_connection_limit": 81}, {"weekly_message_limit": 101}, {"is_premium": True}, {"daily_limit": 501}]
)
def test_more_room_wakes_the_campaigns_and_lets_lanes_look_at_once(seat: Seat, body: dict[str, Any]) -> None:
    with seat.db.sessions.begin() as session:
        sender = session.get_one(Sender, seat.seat_id)
        sender.invitations_after = sender.messages_after = seat.now + DAY
    seat.change(**body)
    sender = seat.sender(seat.seat_id)
    assert (sender.invitations_after, sender.messages_after) == (None, None)
    assert seat.woken() == ["wake"]


@pytest.mark.parametrize(
    "body", [{"weekly_connection_limit": 79}, {"weekly_connection_limit": None}, {"first_name": "Sally"}]
)
def test_no_more_room_wakes_nobody(seat: Seat, body: dict[str, Any]) -> None:
    seat.change(**body)
    assert seat.woken() == []


def test_whoever_waited_for_room_is_invited_once_the_limit_is_raised(db: Database) -> None:
    seat = Seat(db, weekly_connection_limit=1)
    seat.play(seat.now + HOUR)
    assert len(seat.sent) == 1
    assert seat.sender(seat.seat_id).invitations_after is not None
    seat.change(weekly_connection_limit=2)
    seat.answer_all()
    assert len(seat.sent) == 2


# When invitations time out


@pytest.mark.parametrize(("days", "moved"), [(22, DAY), (21, 0 * DAY), (20, -DAY), (7, -14 * DAY), (180, 159 * DAY)])
def test_other_days_hold_at_once_for_everybody_who_waits(seat: Seat, days: int, moved: Any) -> None:
    due = seat.now + 3 * DAY
    seat.invite(seat.ann, due)
    seat.invite(seat.bob, due, due_at=None, held_due_at=due, paused_at=seat.now)
    seat.change(invitation_days=days)
    assert seat.prospect(seat.ann).due_at == due + moved
    assert (seat.prospect(seat.bob).held_due_at, seat.prospect(seat.bob).due_at) == (due + moved, None)


def test_only_those_who_have_not_accepted_are_moved_and_only_those_of_this_seat(seat: Seat) -> None:
    due = seat.now + DAY
    seat.invite(seat.ann, due, status="connected")
    with seat.db.sessions.begin() as session:
        workspace = session.get_one(Workspace, seat.workspace.id)
        waiting = {"status": "connection_sent", "contacted": True}
        make.launched(session, workspace, 1, type="linkedin", nodes=NODES, people=waiting)
        other = session.scalars(select(Prospect.id).order_by(Prospect.id.desc())).first()
    assert other is not None
    seat.invite(other, due)
    before = seat.prospect(seat.bob).due_at
    seat.change(invitation_days=30)
    assert (seat.prospect(seat.ann).due_at, seat.prospect(other).due_at) == (due, due)
    assert seat.prospect(seat.bob).due_at == before


def test_whoever_has_waited_longer_than_that_times_out_at_once(seat: Seat) -> None:
    seat.play(seat.now)
    seat.wait(5 * DAY)
    seat.change(invitation_days=5)
    seat.tick()
    assert {seat.prospect(one).status for one in (seat.ann, seat.bob)} == {"timed_out"}


@pytest.mark.parametrize("days", [0, 181, -1, "20", None, True])
def test_days_outside_their_range_are_refused(seat: Seat, days: Any) -> None:
    with pytest.raises(Invalid):
        seat.change(invitation_days=days)


# A provider that takes no more


def limited(seat: Seat, *steps: str) -> None:
    with seat.db.sessions.begin() as session:
        sender = session.get_one(Sender, seat.seat_id)
        for step in steps:
            sender.limit_step(step, seat.now + DAY, REASON)


def test_what_the_provider_takes_no_more_of_is_told_until_it_says(seat: Seat) -> None:
    limited(seat, INVITE)
    sender = seat.sender(seat.seat_id)
    assert sender.limited_steps(seat.now) == [{"step": INVITE, "until": seat.now + DAY, "reason": REASON}]
    assert sender.limited_steps(seat.now + DAY) == []


def test_to_try_again_now_asks_the_provider_at_once(seat: Seat) -> None:
    limited(seat, INVITE, WRITE, "withdrawal")
    seat.tick()
    assert seat.sent == []
    seat.do(connecting.try_again, seat.workspace.id, seat.seat_id, INVITE, now=seat.now, by="a@b.c")
    assert [one["step"] for one in seat.sender(seat.seat_id).limited_steps(seat.now)] == [WRITE, "withdrawal"]
    seat.answer_all()
    assert len(seat.sent) == 2


def test_to_try_again_what_is_not_limited_harms_nobody(seat: Seat) -> None:
    seat.do(connecting.try_again, seat.workspace.id, seat.seat_id, "nonsense", now=seat.now, by=None)
    assert seat.sender(seat.seat_id).limited_steps(seat.now) == []


def test_a_strangers_seat_is_not_found(seat: Seat) -> None:
    with seat.db.sessions.begin() as session:
        stranger = make.workspace(session, name="other.example")
    with pytest.raises(NotFound):
        seat.do(connecting.try_again, stranger.id, seat.seat_id, INVITE, now=seat.now, by=None)
