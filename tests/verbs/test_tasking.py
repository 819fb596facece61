"""The steps of a LinkedIn campaign that a person does: whose turn it is, what is said of them, and taking that back."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from campaigns import connecting, editing, launching, marking, retrying, steering, suppressing, tasking
from campaigns.models import Campaign, Message, Node, Prospect, Sender, SenderDay, SenderUse, Workspace
from campaigns.models.task import Task
from campaigns.rules.gates import WEEK
from campaigns.rules.refusals import Invalid, NotFound, Stale, WrongState
from campaigns.tasking import HELD_FOR, Entry, Filter
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND, Play

NOTE = {"type": "connection_request", "include_message": True, "body": "Hello %first_name%"}
NODES = [NOTE, make.delay(days=1), {"type": "message", "body": "Dear %first_name%"}, make.END]
ANN, BOB = "ann@example.com", "bob@example.com"


class Team(Play):
    """A workspace with a seat that its people work by hand."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        with db.sessions.begin() as session:
            self.workspace: Workspace = make.workspace(session)
            self.seat = self.new_seat(session)

    def new_seat(self, session: Any, **values: Any) -> Sender:
        return make.sender(session, self.workspace, type="linkedin", provider="assisted", **values)

    def campaign_of(self, people: int, **values: Any) -> UUID:
        """A running campaign whose steps have become tasks, as far as its gates are open."""
        with self.db.sessions.begin() as session:
            workspace = session.get_one(Workspace, self.workspace.id)
            seat = session.get_one(Sender, values.pop("seat", self.seat.id))
            made = make.launched(
                session,
                workspace,
                people,
                **{"type": "linkedin", "nodes": NODES, "senders": [seat], "now": self.now} | values,
            )
        self.tick()
        return made.id

    def take(self, by: str = ANN, wanted: Filter = Filter(), **values: Any) -> Entry | None:  # noqa: B008
        with self.db.sessions.begin() as session:
            return tasking.take(session, self.workspace.id, wanted, now=self.now, by=by, **values)

    def taken(self, by: str = ANN, **values: Any) -> Entry:
        entry = self.take(by, **values)
        assert entry is not None
        return entry

    def say(self, entry: Entry, outcome: str = "done", by: str = ANN, **values: Any) -> Message:
        said: Message = self.do(
            tasking.settle, self.workspace.id, entry.message.id, outcome, now=self.now, by=by, **values
        )
        return said

    def undo(self, by: str = ANN) -> None:
        with self.db.sessions() as session:
            last = tasking.last_settled(session, self.workspace.id, by, self.now)
        if last is None:
            raise Stale("nothing")
        self.do(tasking.undo, self.workspace.id, last[0].id, now=self.now, by=by)

    def open(self) -> list[Task]:
        with self.db.sessions() as session:
            return list(session.scalars(select(Task).order_by(Task.message_id)))

    def used(self) -> tuple[list[tuple[str, datetime]], int]:
        """What counts against the week, and against the day."""
        with self.db.sessions() as session:
            uses = session.execute(select(SenderUse.step, SenderUse.at).order_by(SenderUse.at)).all()
            return [(row[0], row[1]) for row in uses], sum(session.scalars(select(SenderDay.used)))

    def everything(self) -> Any:
        """What is stored of people, messages, tasks and limits."""
        dump = self.db.dump()
        return {name: dump[name] for name in ("sender_use", "undoable")} | {
            "people": [self._row(one, "updated_at") for one in self._all(Prospect)],
            "messages": [self._row(one, "claimed_at") for one in self._all(Message)],
            "tasks": [self._row(one, "since", "taken_at", "taken_by") for one in self.open()],
            "used": self.used(),
        }

    def _all(self, model: Any) -> list[Any]:
        with self.db.sessions() as session:
            return list(session.scalars(select(model).order_by(model.id)))

    @staticmethod
    def _row(one: Any, *but: str) -> dict[str, Any]:
        return {name: value for name, value in vars(one).items() if name not in (*but, "_sa_instance_state")}


@pytest.fixture
def team(db: Database) -> Team:
    return Team(db)


# The queue


def test_people_written_to_come_first_and_then_whoever_has_been_due_the_longest(team: Team) -> None:
    team.campaign_of(1)
    first = team.taken()
    team.say(first)
    team.do(marking.mark, team.workspace.id, first.campaign.id, first.prospect.id, "accepted", now=team.now, by=ANN)
    later = team.campaign_of(2)
    team.wait(DAY)
    earlier = team.campaign_of(1)
    with team.db.sessions.begin() as session:
        session.execute(update(Task).where(Task.campaign_id == earlier).values(due_at=team.now - 2 * DAY))
        found, total = tasking.listed(session, team.workspace.id, Filter(), team.now, page=1, limit=10)
        assert [one.campaign.id for one in found] == [first.campaign.id, earlier, later, later]
        assert (total, found[0].message.body) == (4, f"Dear {first.prospect.first_name}")
        found, total = tasking.listed(session, team.workspace.id, Filter(), team.now, page=2, limit=3)
        assert ([one.campaign.id for one in found], total) == ([later], 4)


def test_a_team_never_gets_the_same_person_twice_and_whoever_comes_back_gets_the_same_one(team: Team) -> None:
    team.campaign_of(2)
    mine, yours = team.taken(ANN), team.taken(BOB)
    assert mine.prospect.id != yours.prospect.id
    assert team.taken(ANN).prospect.id == mine.prospect.id
    assert team.take("carla@example.com") is None
    assert team.take(BOB, message_id=mine.message.id) is None


def test_whoever_chose_a_later_task_still_has_it_when_they_come_back(team: Team) -> None:
    team.campaign_of(2)
    first, last = team.open()
    assert team.taken(message_id=last.message_id).message.id == last.message_id
    assert team.taken().message.id == last.message_id
    assert team.taken(BOB).message.id == first.message_id


def test_whoever_goes_away_keeps_a_task_for_ten_minutes(team: Team) -> None:
    team.campaign_of(1)
    mine = team.taken(ANN)
    team.wait(HELD_FOR - SECOND)
    assert team.take(BOB) is None
    team.wait(SECOND)
    assert team.taken(BOB).prospect.id == mine.prospect.id
    assert team.take(ANN) is None


def test_whoever_turns_to_another_task_lets_the_first_one_go(team: Team) -> None:
    one, other = team.campaign_of(1), team.campaign_of(1)
    team.taken(ANN, wanted=Filter(campaign_id=one))
    team.taken(ANN, wanted=Filter(campaign_id=other))
    assert team.taken(BOB).campaign.id == one
    assert team.take("carla@example.com") is None


def test_the_queue_is_narrowed_to_a_seat_and_to_a_campaign(team: Team) -> None:
    with team.db.sessions.begin() as session:
        second = team.new_seat(session).id
    team.campaign_of(1)
    campaign = team.campaign_of(2, seat=second)
    assert team.taken(wanted=Filter(sender_id=second)).campaign.id == campaign
    with team.db.sessions() as session:
        assert tasking.count(session, team.workspace.id, Filter(sender_id=second), team.now) == 2
        assert tasking.count(session, team.workspace.id, Filter(campaign_id=campaign), team.now) == 2
        assert tasking.open_count(session, team.workspace.id, team.now) == 3


def test_a_task_has_the_words_as_they_are_when_it_comes_before_somebody(team: Team) -> None:
    campaign = team.campaign_of(1)
    (task,) = team.open()
    with team.db.sessions.begin() as session:
        session.get_one(Prospect, task.prospect_id).first_name = "Ann"
        first = session.scalars(select(Node).where(Node.campaign_id == campaign).order_by(Node.position)).first()
        assert first is not None
        first.body = "Good morning, %first_name%"
    assert team.taken().message.body == "Good morning, Ann"
    with team.db.sessions.begin() as session:
        session.get_one(Prospect, task.prospect_id).first_name = None
    assert team.taken().message.body == "Good morning, Ann"


def test_strangers_see_nothing_and_name_nothing(team: Team) -> None:
    campaign = team.campaign_of(1)
    entry = team.taken()
    with team.db.sessions.begin() as session:
        stranger = make.workspace(session).id
        assert tasking.take(session, stranger, Filter(), now=team.now, by=BOB) is None
        assert tasking.open_count(session, stranger, team.now) is None
        with pytest.raises(NotFound):
            tasking.count(session, stranger, Filter(campaign_id=campaign), team.now)
        with pytest.raises(NotFound):
            tasking.count(session, stranger, Filter(sender_id=team.seat.id), team.now)
        with pytest.raises(NotFound):
            tasking.settle(session, stranger, entry.message.id, "done", now=team.now, by=BOB)


def pause_campaign(team: Team, entry: Entry) -> None:
    team.do(launching.pause, team.workspace.id, entry.campaign.id, now=team.now, by=ANN)


def close_hours(team: Team, entry: Entry) -> None:
    hours = {"operating_hours": make.week("20:00", "21:00")}
    team.do(editing.edit, team.workspace.id, entry.campaign.id, hours, now=team.now, by=ANN)


def pause_person(team: Team, entry: Entry) -> None:
    team.do(steering.pause, team.workspace.id, entry.campaign.id, entry.prospect.id, now=team.now, by=ANN)


def put_account_aside(team: Team, entry: Entry) -> None:
    aside = {"status": "disconnected"}
    team.do(connecting.change, team.workspace.id, entry.sender.id, aside, key="", now=team.now, by=ANN)


def hear_of_it(team: Team, entry: Entry) -> None:
    team.do(marking.mark, team.workspace.id, entry.campaign.id, entry.prospect.id, "replied", now=team.now, by=ANN)


def suppress_address(team: Team, entry: Entry) -> None:
    with team.db.sessions.begin() as session:
        session.get_one(Prospect, entry.prospect.id).email = "Lee@corp.example"
    team.do(suppressing.add_text, team.workspace.id, "lee@corp.example", "hand", reason="asked", now=team.now, by=ANN)


def suppress_domain(team: Team, entry: Entry) -> None:
    with team.db.sessions.begin() as session:
        session.get_one(Prospect, entry.prospect.id).email = "Lee@Corp.example"
    team.do(suppressing.add_text, team.workspace.id, "corp.example", "hand", reason="asked", now=team.now, by=ANN)


CLOSING = [
    pause_campaign,
    close_hours,
    pause_person,
    put_account_aside,
    hear_of_it,
    suppress_address,
    suppress_domain,
]


@pytest.mark.parametrize("close", CLOSING)
def test_a_task_is_one_only_as_long_as_every_gate_is_open(team: Team, close: Any) -> None:
    team.campaign_of(1)
    entry = team.taken()
    before = team.everything()["people"][0]["due_at"], entry.task.due_at
    close(team, entry)
    assert team.take() is None, "at once"
    team.do(tasking.sweep, team.now)
    assert team.open() == []
    assert [(one.status, one.attempts) for one in team.messages()] == [("waiting", 0)]
    prospect = team.prospect(entry.prospect.id)
    waits = prospect.held_due_at if close is pause_person else prospect.due_at
    assert (before[0], waits) == (None, None if close is hear_of_it else entry.task.due_at)


def test_a_task_that_was_taken_back_is_one_again_when_the_gate_opens(team: Team) -> None:
    team.campaign_of(1)
    entry = team.taken()
    pause_campaign(team, entry)
    team.tick()
    team.wait(HOUR)
    team.do(launching.resume, team.workspace.id, entry.campaign.id, now=team.now, by=ANN)
    team.answer_all()
    again = team.taken()
    assert (again.message.id, again.task.due_at) == (entry.message.id, entry.task.due_at)
    assert [one.attempts for one in team.messages()] == [1]


def test_tasks_for_which_a_lowered_limit_has_no_room_go_back_into_the_line(team: Team) -> None:
    team.campaign_of(5)
    first = team.taken()
    team.say(first)
    team.do(
        connecting.change, team.workspace.id, team.seat.id, {"weekly_connection_limit": 3}, key="", now=team.now, by=ANN
    )
    second = team.taken().message.id
    team.tick()
    left = [task.message_id for task in team.open()]
    assert len(left) == 2
    assert second in left
    team.do(connecting.change, team.workspace.id, team.seat.id, {"daily_limit": 2}, key="", now=team.now, by=ANN)
    team.tick()
    assert [task.message_id for task in team.open()] == [second]


# What is said of a task


def test_done_is_the_receipt_and_counts_at_that_instant(team: Team) -> None:
    team.campaign_of(1)
    team.wait(HOUR)
    team.say(team.taken())
    (message,) = team.messages()
    assert (message.status, message.sent_at, message.receipt) == ("sent", team.now, f"Done by {ANN}.")
    assert message.attempts == 1
    assert team.used() == ([("connection_request", team.now)], 1)
    prospect = team.prospect(message.prospect_id)
    assert (prospect.status, prospect.contacted, prospect.due_at) == ("connection_sent", True, team.now + 21 * DAY)
    assert team.open() == []
    assert team.sender(team.seat.id).ever_sent == 1


@pytest.mark.parametrize("outcome", ["done", "already_connected", "not_possible", "skip"])
def test_said_twice_and_by_two_people_is_said_once(team: Team, outcome: str) -> None:
    team.campaign_of(1)
    entry = team.taken()
    team.say(entry, outcome)
    before = team.everything()
    team.wait(MINUTE)
    team.say(entry, outcome, by=BOB)
    assert team.everything() == before


def test_what_somebody_settled_otherwise_is_refused_and_says_how(team: Team) -> None:
    team.campaign_of(3)
    for outcome, other, words in (
        ("done", "skip", "done already"),
        ("not_possible", "done", "marked as not possible already"),
        ("skip", "done", "skipped already"),
    ):
        entry = team.taken()
        team.say(entry, outcome)
        with pytest.raises(WrongState, match=words):
            team.say(entry, other, by=BOB)


def test_nonsense_is_refused(team: Team) -> None:
    team.campaign_of(1)
    entry = team.taken()
    for outcome in ("", "sent", None, 7, ["done"]):
        with pytest.raises(Invalid):
            team.say(entry, outcome)  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        team.say(entry, "not_possible", reason="x" * 201)
    with pytest.raises(NotFound):
        team.do(tasking.settle, team.workspace.id, entry.prospect.id, "done", now=team.now, by=ANN)


def test_a_mail_is_no_task(team: Team) -> None:
    with team.db.sessions.begin() as session:
        campaign = make.launched(session, session.get_one(Workspace, team.workspace.id), 1, now=team.now)
    team.tick()
    (message,) = [one for one in team.messages() if one.campaign_id == campaign.id]
    with pytest.raises(NotFound):
        team.do(tasking.settle, team.workspace.id, message.id, "done", now=team.now, by=ANN)


@pytest.mark.parametrize("close", CLOSING)
def test_what_was_done_at_linkedin_is_done_even_if_the_task_was_taken_back(team: Team, close: Any) -> None:
    team.campaign_of(1)
    entry = team.taken()
    close(team, entry)
    team.tick()
    team.say(entry)
    (message,) = team.messages()
    assert (message.status, message.sent_at) == ("sent", team.now)
    assert team.used() == ([("connection_request", team.now)], 1)
    ends = {hear_of_it: "replied", suppress_address: "unsubscribed", suppress_domain: "unsubscribed"}
    status = ends.get(close, "connection_sent")
    assert team.prospect(entry.prospect.id).status == status
    team.tick()
    assert team.open() == []


def test_somebody_connected_already_goes_on_without_an_invitation(team: Team) -> None:
    team.campaign_of(1)
    team.say(team.taken(), "already_connected")
    (message,) = team.messages()
    prospect = team.prospect(message.prospect_id)
    assert (message.status, prospect.status, prospect.connected_at) == ("skipped", "connected", team.now)
    assert prospect.due_at == team.now + DAY
    assert team.used() == ([], 0)
    team.wait(DAY)
    team.tick()
    entry = team.taken()
    assert entry.task.step == "message"
    with pytest.raises(WrongState, match="Only an invitation"):
        team.say(entry, "already_connected")
    assert team.taken().message.id == entry.message.id


def test_what_is_not_possible_fails_with_the_reason_and_can_be_tried_again(team: Team) -> None:
    campaign = team.campaign_of(2)
    first, second = team.taken(), None
    team.say(first, "not_possible", reason="The profile is gone.")
    assert team.prospect(first.prospect.id).status_reason == "The profile is gone."
    second = team.taken()
    team.say(second, "not_possible")
    assert team.prospect(second.prospect.id).status_reason == "Could not be done on LinkedIn."
    again = ([first.prospect.id], "again")
    assert team.do(retrying.retry, team.workspace.id, campaign, *again, now=team.now, by=ANN) == 1
    team.answer_all()
    assert team.taken().message.id == first.message.id
    assert team.used() == ([], 0)


def test_a_skipped_step_is_left_out_and_the_next_one_comes(team: Team) -> None:
    team.campaign_of(
        1, nodes=[{"type": "message", "body": "One"}, make.delay(days=1), {"type": "message", "body": "Two"}, make.END]
    )
    team.say(team.taken(), "skip")
    team.wait(DAY)
    team.tick()
    assert team.taken().message.body == "Two"
    assert team.used() == ([], 0)


def test_a_place_that_comes_free_is_taken_by_the_next_person(team: Team) -> None:
    with team.db.sessions.begin() as session:
        session.get_one(Sender, team.seat.id).weekly_connection_limit = 2
    team.campaign_of(4)
    assert len(team.open()) == 2
    team.say(team.taken())
    team.tick()
    assert len(team.open()) == 1, "what is done keeps its place"
    team.say(team.taken(), "not_possible")
    team.answer_all()
    assert len(team.open()) == 1
    team.say(team.taken())
    team.tick()
    assert team.open() == []
    team.wait(WEEK)
    team.tick()
    assert len(team.open()) == 1


# Taking it back


@pytest.mark.parametrize("outcome", ["done", "already_connected", "not_possible", "skip"])
def test_what_was_said_is_taken_back_without_a_trace(team: Team, outcome: str) -> None:
    team.campaign_of(2)
    entry = team.taken()
    before = team.everything()
    team.wait(MINUTE)
    team.say(entry, outcome)
    assert team.everything() != before
    team.wait(MINUTE)
    team.undo()
    assert team.everything() == before
    assert team.taken(ANN).message.id == entry.message.id
    assert team.taken(BOB).message.id != entry.message.id
    team.say(entry)
    assert team.used() == ([("connection_request", team.now)], 1)


def test_it_is_taken_back_step_by_step_by_whoever_said_it_within_ten_minutes(team: Team) -> None:
    team.campaign_of(2)
    for _ in range(2):
        team.say(team.taken())
        team.wait(MINUTE)
    with pytest.raises(Stale):
        team.undo(BOB)
    team.undo()
    team.undo()
    assert len(team.open()) == 2
    with pytest.raises(Stale):
        team.undo()
    team.say(team.taken())
    team.wait(10 * MINUTE)
    with pytest.raises(Stale):
        team.undo()


def test_nothing_is_taken_back_once_something_has_happened_since(team: Team) -> None:
    team.campaign_of(1)
    entry = team.taken()
    team.say(entry)
    with team.db.sessions() as session:
        last = tasking.last_settled(session, team.workspace.id, ANN, team.now)
        assert last is not None
    team.wait(SECOND)
    hear_of_it(team, entry)
    before = team.everything()
    with team.db.sessions() as session:
        assert tasking.last_settled(session, team.workspace.id, ANN, team.now) is None
    with pytest.raises(Stale):
        team.do(tasking.undo, team.workspace.id, last[0].id, now=team.now, by=ANN)
    assert team.everything() == before


def test_a_campaign_does_not_complete_as_long_as_its_last_step_can_be_taken_back(team: Team) -> None:
    campaign = team.campaign_of(1, nodes=[{"type": "message", "body": "Hi"}, make.END])
    entry = team.taken()
    team.say(entry)
    assert team.prospect(entry.prospect.id).status == "completed"
    team.tick()
    team.undo()
    assert team.taken().message.id == entry.message.id
    team.say(entry)
    team.play(team.now + HOUR)
    assert team.campaign(campaign).status == "completed"


def test_a_step_whose_gate_has_closed_meanwhile_waits_in_the_line_again(team: Team) -> None:
    team.campaign_of(1)
    entry = team.taken()
    team.say(entry)
    pause_campaign(team, entry)
    team.undo()
    assert team.open() == []
    assert team.used() == ([], 0)
    assert [(one.status, one.attempts) for one in team.messages()] == [("waiting", 0)]
    assert team.prospect(entry.prospect.id).due_at == entry.task.due_at


def test_taking_back_never_takes_more_places_than_a_limit_has(team: Team) -> None:
    with team.db.sessions.begin() as session:
        session.get_one(Sender, team.seat.id).weekly_connection_limit = 1
    team.campaign_of(2)
    first = team.taken()
    team.say(first, "skip")
    team.answer_all()
    second = team.taken()
    assert second.message.id != first.message.id
    team.undo()
    assert [task.message_id for task in team.open()] == [second.message.id]
    assert team.prospect(first.prospect.id).due_at == first.task.due_at
    team.say(second)
    team.tick()
    assert team.open() == []


def test_a_campaign_whose_tasks_wait_is_not_over(team: Team) -> None:
    campaign = team.campaign_of(1, nodes=[{"type": "message", "body": "Hi"}, make.END])
    team.play(team.now + 3 * DAY)
    assert team.campaign(campaign).status == "active"
    with team.db.sessions() as session:
        assert session.get_one(Campaign, campaign).completed_at is None


def test_the_place_of_an_invitation_that_was_found_needless_is_free_for_the_next_person(team: Team) -> None:
    with team.db.sessions.begin() as session:
        session.get_one(Sender, team.seat.id).weekly_connection_limit = 1
    team.campaign_of(2)
    (task,) = team.open()
    connected = team.workspace.id, task.campaign_id, task.prospect_id, "accepted"
    team.do(marking.mark, *connected, now=team.now, by=ANN)
    team.answer_all()
    team.play(team.now + 3 * SECOND)
    assert [one.step for one in team.open() if one.prospect_id != task.prospect_id] == ["connection_request"]


def test_whoever_an_account_has_invited_is_not_invited_by_it_for_another_campaign(team: Team) -> None:
    person = {"linkedin_url": "https://www.linkedin.com/in/known"}
    for name in ("One", "Two"):
        with team.db.sessions.begin() as session:
            workspace, seat = session.get_one(Workspace, team.workspace.id), session.get_one(Sender, team.seat.id)
            make.launched(
                session,
                workspace,
                1,
                type="linkedin",
                nodes=NODES,
                senders=[seat],
                now=team.now,
                name=name,
                people=person,
            )
        team.tick()
    assert len(team.open()) == 2
    team.say(team.taken())
    assert team.take(BOB) is None
    team.tick()
    assert team.open() == []
    with team.db.sessions() as session:
        assert session.scalars(select(Prospect.status)).all() == ["connection_sent", "connection_sent"]
