"""LinkedIn campaigns in which anything may happen at any moment, at random, and what holds of them all the same."""

from bisect import bisect_left
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from campaigns import connecting, editing, removing, settling, steering, suppressing, tasking
from campaigns.channels.outgoing import Doubtful, Limited, Unsent
from campaigns.models import Campaign, Message, Node, Prospect, Sender, Task
from campaigns.models.sender import WEEKLY_LIMITS
from campaigns.rules.hours import is_open
from campaigns.rules.lifecycle import ACTIVE, CONNECTION_SENT, PAUSED, TERMINAL
from campaigns.rules.refusals import Refused
from tests import make
from tests.databases import Database
from tests.verbs.networking import HANDS, NOTE, WAYS, Seats, says
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND

WEEK = timedelta(days=7)
SEQUENCES = (
    [NOTE],
    [make.delay(hours=3), NOTE, make.delay(days=1), says("Thanks!"), make.delay(days=2), says("Well?")],
    [make.CONNECT, says("Thanks!"), make.delay(hours=5), says("Well?"), make.delay(days=1)],
)
PEOPLE, MOMENTS = 3, 25


class Walk:
    """Three campaigns of two seats, some people in several of them, and somebody who does anything at any time."""

    def __init__(self, play: Seats, chance: Random) -> None:
        self.play, self.chance, self.seen = play, chance, make.NOW
        play.at_work = False
        with play.db.sessions.begin() as session:
            workspace = make.workspace(session, timezone=chance.choice(["UTC", "America/New_York"]))
            seats = [play.seat(session, workspace, **self._pace()) for _ in range(2)]
        for nodes in SEQUENCES:
            hours = chance.choice([None, make.week("08:00", "18:00", "Europe/Berlin", "mtwtfs")])
            values = {"operating_hours": hours, "prospect_timezone": chance.random() < 0.5}
            clock = {"clock": chance.choice(["", "Asia/Tokyo"])}
            first, *_ = play.launch(PEOPLE, *nodes, senders=chance.sample(seats, 2), people=clock, **values)
            with play.db.sessions.begin() as session:
                campaign = session.get_one(Campaign, first.campaign_id)
                for number in chance.sample(range(3), 2):
                    make.prospect(session, campaign, linkedin_url=f"linkedin.com/in/shared{number}", **clock)
                make.place(session, campaign)
        play.post.instead, play.post.afterwards = self._before, self._after

    def _pace(self) -> dict[str, Any]:
        gap, daily = self.chance.choice([0, 600]), self.chance.choice([2, 30])
        weekly = {"weekly_connection_limit": self.chance.choice([2, 4]), "weekly_message_limit": 3}
        return {"min_gap": gap, "max_gap": gap, "daily_limit": daily, "invitation_days": 9, **weekly}

    def _before(self, _: Any) -> None:
        """A provider takes its time, and does not always do what it is asked."""
        self.play.wait(self.chance.random() * SECOND)
        luck = self.chance.random()
        if luck < 0.1:
            raise Limited("Enough.", self.chance.choice([None, HOUR]))
        if luck < 0.15:
            raise Unsent("Try again.", lasting=False)

    def _after(self, _: Any) -> None:
        luck = self.chance.random()
        if luck < 0.1:
            raise Doubtful("No answer.")
        if luck < 0.2:
            self.accept()

    # What may happen.

    def go_on(self) -> None:
        for _ in range(MOMENTS):
            with suppress(Refused):
                self.chance.choice(self.EVENTS)(self)
            self.play.now += self.chance.choice([MINUTE, HOUR, 5 * HOUR, DAY])
            self.play.tick()
            self.look()

    def _anybody(self) -> Prospect:
        return self.chance.choice(self.play.people())

    def accept(self) -> None:
        invited = [one for one in self.play.people() if one.status == CONNECTION_SENT]
        if invited:
            self.play.accept(self.chance.choice(invited))

    def reply(self) -> None:
        self.play.reply(self._anybody())

    def work(self) -> None:
        """Some of the tasks; and now and then a slip, or a change of mind."""
        while (entry := self.play.do(self.play.take)) is not None and self.chance.random() < 0.8:
            outcome = self.chance.choice([self.play.outcome(entry)] * 9 + ["skip", "not_possible"])
            ids = entry.task.workspace_id, entry.message.id
            self.play.do(tasking.settle, *ids, outcome, now=self.play.now, by=HANDS)
            if self.chance.random() < 0.2:
                self._undo(entry)
            self.play.answer_all()

    def _undo(self, entry: tasking.Entry) -> None:
        kept, _ = self.play.do(tasking.last_settled, entry.task.workspace_id, HANDS, self.play.now)
        self.play.do(tasking.undo, entry.task.workspace_id, kept.id, now=self.play.now, by=HANDS)
        self.play.post.network.invited.discard((entry.sender.id, str(entry.prospect.linkedin_url)))

    def steer(self) -> None:
        one = self._anybody()
        verb = self.chance.choice([steering.pause, steering.resume, steering.resume, steering.skip])
        self.play.do(verb, one.workspace_id, one.campaign_id, one.id, now=self.play.now, by=HANDS)

    def leave(self) -> None:
        one, by = self._anybody(), {"now": self.play.now, "by": None}
        if self.chance.random() < 0.5:
            self.play.do(suppressing.add, one.workspace_id, {one.identity: ""}, "api", **by)
        else:
            self.play.do(removing.remove, one.workspace_id, one.campaign_id, {"ids": [str(one.id)]}, **by)

    def pause(self) -> None:
        """A campaign, or go on with it; while it is paused its hours may change."""
        found = self.play.campaign(self._anybody().campaign_id)
        if found.status == ACTIVE:
            self.play.pause(found.id)
            body = {"operating_hours": self.chance.choice([None, make.week("09:00", "21:00", "UTC", "mtwtfss")])}
            self.play.do(editing.edit, found.workspace_id, found.id, body, now=self.play.now, by=None)
        elif found.status == PAUSED:
            self.play.resume(found.id)

    def account(self) -> None:
        seat = self.play.sender(self._anybody().sender_account_id)  # type: ignore[arg-type]
        self._set(seat, "active" if seat.status != "active" else "disconnected")

    def _set(self, seat: Sender, status: str) -> None:
        values = {"key": "", "now": self.play.now, "by": None}
        self.play.do(connecting.change, seat.workspace_id, seat.id, {"status": status}, **values)

    def settle(self) -> None:
        for message in self.play.messages():
            if message.status == "unknown":
                campaign, how = self.play.campaign(message.campaign_id), self.chance.choice(["sent", "again", "skip"])
                ids = campaign.workspace_id, campaign.id, message.id
                self.play.do(settling.settle, *ids, how, now=self.play.now, by=None)

    EVENTS = (accept, accept, accept, work, work, work, work, reply, steer, leave, pause, account, account, settle)

    def calm_down(self) -> None:
        """Everything works again, and everybody does what is theirs to do."""
        self.play.post.instead = self.play.post.afterwards = lambda _: None
        self.play.at_work = True
        with self.play.db.sessions() as session:
            seats = session.scalars(select(Sender).where(Sender.status != "active")).all()
            paused = session.scalars(select(Campaign.id).where(Campaign.status == PAUSED)).all()
        for seat in seats:
            self._set(seat, "active")
        for campaign_id in paused:
            self.play.resume(campaign_id)
        self.settle()
        for one in self.play.people():
            with suppress(Refused):
                ids = one.workspace_id, one.campaign_id, one.id
                self.play.do(steering.resume, *ids, now=self.play.now, by=HANDS)
        self.play.play(self.play.now + 60 * DAY)
        self.look()

    # What must hold at every moment.

    def look(self) -> None:
        with self.play.db.sessions() as session:
            columns = (Message.sent_at, Message.claimed_at, Message.sender_account_id, Node.type, Campaign, Prospect)
            sent = session.execute(
                select(*columns)
                .join(Node, Node.id == Message.node_id)
                .join(Campaign, Campaign.id == Message.campaign_id)
                .join(Prospect, Prospect.id == Message.prospect_id)
                .where(Message.status == "sent")
                .order_by(Message.sent_at)
            ).all()
            seats = session.scalars(select(Sender)).all()
            tasks = session.scalars(select(Task)).all()
            in_hand = session.scalars(select(Message.id).where(Message.status == "task")).all()
        assert {task.message_id for task in tasks} == set(in_hand)
        for seat in seats:
            self._look_at_week(seat, sent, tasks)
        invited = Counter((row.sender_account_id, row.Prospect.identity) for row in sent if row.type != "message")
        assert all(times == 1 for times in invited.values()), "invited twice by one account"
        for row in sent:
            if row.sent_at > self.seen:
                began = row.sent_at if row.sent_at == self.play.now else row.claimed_at
                assert is_open(row.Campaign.hours, began, row.Campaign.clock_of(row.Prospect.clock)), row
        self.seen = self.play.now

    def _look_at_week(self, seat: Sender, sent: Any, tasks: Any) -> None:
        for step in WEEKLY_LIMITS:
            limit = seat.weekly_limit(step) or 0
            mine = [row.sent_at for row in sent if (row.sender_account_id, row.type) == (seat.id, step)]
            assert most_in_a_week(mine) <= limit
            open_ones = [task for task in tasks if (task.sender_id, task.step) == (seat.id, step)]
            assert sum(at > self.play.now - WEEK for at in mine) + len(open_ones) <= limit


def most_in_a_week(instants: list[datetime]) -> int:
    """The most of these, in order, that lie within any 7 days."""
    return max((bisect_left(instants, at + WEEK) - place for place, at in enumerate(instants)), default=0)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("way", WAYS)
def test_whatever_happens_nobody_is_lost_and_no_limit_overrun(db: Database, way: str, seed: int) -> None:
    play = Seats(db)
    play.way = way
    walk = Walk(play, Random(seed))
    walk.go_on()
    walk.calm_down()
    lost = [(one.status, play.explain(one)) for one in play.people() if one.status not in TERMINAL]
    assert lost == []
    assert {play.campaign(one.campaign_id).status for one in play.people()} == {"completed"}
