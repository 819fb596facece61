"""What a LinkedIn seat may do in rolling 7 days, in a day and in a minute, and what is told of whoever waits for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns import connecting, editing, settling, steering, tasking
from campaigns.channels.outgoing import Doubtful, Limited
from campaigns.models import Prospect, SenderUse
from campaigns.models.campaign import Campaign
from campaigns.rules.seats import UNIPILE
from tests import make
from tests.databases import Database
from tests.verbs.networking import HANDS, NOTE, WAYS, Seats, says
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND

BLINK = timedelta(microseconds=1)
NOW, WEEK = make.NOW, 7 * DAY
HOURLY = {"min_gap": 3600, "max_gap": 3600}


@pytest.fixture(params=WAYS)
def play(request: Any, db: Database) -> Seats:
    """A play of each way."""
    play = Seats(db)
    play.way = request.param
    return play


@pytest.fixture
def assisted(db: Database) -> Seats:
    return Seats(db)


@pytest.fixture
def provider(db: Database) -> Seats:
    play = Seats(db)
    play.way = UNIPILE
    return play


def instants(play: Seats, kind: str = "connection_request") -> list[timedelta]:
    """When steps of a kind left, from the start on."""
    return [at - NOW for at, step, _ in play.left() if step == kind]


def change(play: Seats, person: Prospect, **values: Any) -> None:
    """Somebody changes the account of this person."""
    account = person.sender_account_id
    play.do(connecting.change, person.workspace_id, account, values, key="", now=play.now, by=None)
    play.answer_all()


def told(play: Seats, person: Prospect) -> tuple[str | None, datetime | None]:
    found = play.explain(person)
    return found.gate, found.next_at


# Seven days --------------------------------------------------------------------------------------


def test_the_week_rolls_to_the_second(play: Seats) -> None:
    people = play.launch(5, NOTE, seat={"weekly_connection_limit": 2, "invitation_days": 60, **HOURLY})
    play.play(NOW + WEEK - BLINK)
    assert instants(play) == [0 * DAY, HOUR]
    assert told(play, people[2]) == ("sender_weekly_limit", NOW + WEEK)
    play.play(NOW + 3 * WEEK)
    assert instants(play) == [0 * DAY, HOUR, WEEK, WEEK + HOUR, 2 * WEEK]


@pytest.mark.parametrize(("premium", "own", "most"), [(False, None, 80), (True, None, 100), (True, 7, 7)])
def test_a_week_has_room_for_as_many_as_linkedin_allows(play: Seats, premium: bool, own: int | None, most: int) -> None:
    people = play.launch(101, NOTE, seat={"is_premium": premium, "weekly_connection_limit": own})
    play.tick()
    assert len(instants(play)) == most
    assert f"limit of {most} in 7 days" in play.explain(people[-1]).reason


def test_campaigns_of_one_seat_share_its_week_by_turns(play: Seats) -> None:
    one = play.launch(4, NOTE, seat={"weekly_connection_limit": 5, "min_gap": 60, "max_gap": 60})
    seat = play.sender(one[0].sender_account_id)  # type: ignore[arg-type]
    two = play.launch(4, NOTE, senders=[seat])
    play.play(NOW + 2 * DAY)
    invited = [sum(play.status(person) == "connection_sent" for person in people) for people in (one, two)]
    assert sorted(invited) == [2, 3]


def test_messages_leave_in_a_week_that_is_full_of_invitations(play: Seats) -> None:
    first, second = play.launch(2, NOTE, says("Thanks!"), seat={"weekly_connection_limit": 1})
    play.tick()
    play.accept(first)
    play.play(NOW + DAY)
    assert (instants(play, "message"), play.status(second)) == ([0 * DAY], "pending")


def test_invitations_leave_in_a_week_that_is_full_of_messages(play: Seats) -> None:
    people = play.launch(3, NOTE, says("Thanks!"), seat={"weekly_message_limit": 1, "min_gap": 60, "max_gap": 60})
    play.play(NOW + MINUTE)
    for person in people[:2]:
        play.accept(person)
    play.play(NOW + HOUR)
    assert (instants(play), instants(play, "message")) == ([0 * DAY, MINUTE, 3 * MINUTE], [2 * MINUTE])
    assert told(play, people[1]) == ("sender_weekly_limit", NOW + 2 * MINUTE + WEEK)
    play.play(NOW + 2 * WEEK)
    assert instants(play, "message") == [2 * MINUTE, 2 * MINUTE + WEEK]


def test_nobody_waits_behind_a_step_of_which_the_week_is_full(play: Seats) -> None:
    """Whoever's invitation was skipped is new, and gets a message first."""
    sequence = (make.delay(hours=1), NOTE, make.delay(minutes=1), says("Thanks!"))
    people = play.launch(3, *sequence, seat={"weekly_message_limit": 0})
    for person in people[:2]:
        ids = person.workspace_id, person.campaign_id, person.id
        play.do(steering.skip, *ids, now=NOW, by=None)
    play.play(NOW + DAY)
    assert [play.status(person) for person in people] == ["pending", "pending", "connection_sent"]
    assert told(play, people[0]) == ("sender_weekly_limit", None)


def test_a_limit_below_what_was_sent_holds_until_enough_are_old(play: Seats) -> None:
    people = play.launch(4, NOTE, seat={"weekly_connection_limit": 3, "invitation_days": 60, **HOURLY})
    play.play(NOW + 3 * HOUR)
    change(play, people[0], weekly_connection_limit=1)
    assert told(play, people[3]) == ("sender_weekly_limit", NOW + WEEK + 2 * HOUR)
    play.play(NOW + 2 * WEEK)
    assert instants(play) == [0 * DAY, HOUR, 2 * HOUR, WEEK + 2 * HOUR]


def test_a_limit_that_is_raised_wakes_whoever_waits(play: Seats) -> None:
    people = play.launch(3, NOTE, seat={"weekly_connection_limit": 1})
    play.play(NOW + DAY)
    change(play, people[0], weekly_connection_limit=2)
    play.tick()
    assert instants(play) == [0 * DAY, DAY]
    change(play, people[0], is_premium=True, weekly_connection_limit=None)
    play.tick()
    assert instants(play) == [0 * DAY, DAY, DAY]


def test_a_campaign_that_is_deleted_gives_no_second_week(play: Seats) -> None:
    one = play.launch(2, NOTE, seat={"weekly_connection_limit": 2})
    play.tick()
    seat = play.sender(one[0].sender_account_id)  # type: ignore[arg-type]
    play.do(lambda session: session.delete(session.get_one(Campaign, one[0].campaign_id)))
    [person] = play.launch(1, NOTE, senders=[seat])
    play.play(NOW + WEEK - SECOND)
    assert (play.status(person), told(play, person)) == ("pending", ("sender_weekly_limit", NOW + WEEK))


def test_a_place_of_the_week_that_is_given_back_is_taken_within_minutes(provider: Seats) -> None:
    person, _ = provider.launch(2, NOTE, seat={"weekly_connection_limit": 1})

    def doubt(_: Any) -> None:
        raise Doubtful("No answer came.")

    provider.post.instead = doubt
    provider.play(NOW + DAY)
    provider.post.instead = lambda _: None
    ids = person.workspace_id, person.campaign_id, provider.messages()[0].id
    provider.do(settling.settle, *ids, "again", now=provider.now, by=None)
    provider.now += 5 * MINUTE
    provider.tick()
    assert instants(provider) == [DAY + 5 * MINUTE]


def test_seven_days_begin_when_the_invitation_left_and_not_when_it_was_taken_up(provider: Seats) -> None:
    provider.launch(2, NOTE, seat={"weekly_connection_limit": 1})
    provider.post.afterwards = lambda _: provider.wait(3 * SECOND if not provider.left() else 0 * SECOND)
    provider.play(NOW + 2 * WEEK)
    first, second = instants(provider)
    assert second - first >= WEEK


# Tasks -------------------------------------------------------------------------------------------


def test_open_tasks_count_and_whoever_waits_for_them_is_told(assisted: Seats) -> None:
    people = assisted.launch(3, NOTE, seat={"weekly_connection_limit": 2})
    assisted.at_work = False
    assisted.play(NOW + DAY)
    assert [message.status for message in assisted.messages()] == ["task", "task"]
    assert told(assisted, people[0]) == ("status", None)
    assert "tasks page" in assisted.explain(people[0]).reason
    assert told(assisted, people[2]) == ("sender_weekly_limit", None)
    assert "open tasks included" in assisted.explain(people[2]).reason
    settle(assisted, "done")
    assisted.tick()
    assert told(assisted, people[2]) == ("sender_weekly_limit", NOW + DAY + WEEK)
    settle(assisted, "skip")
    assert sorted(message.status for message in assisted.messages()) == ["sent", "skipped", "task"]


def settle(play: Seats, outcome: str) -> None:
    """Somebody says this of the first task."""
    entry = play.do(tasking.take, play.people()[0].workspace_id, tasking.Filter(), now=play.now, by=HANDS)
    play.do(tasking.settle, entry.task.workspace_id, entry.message.id, outcome, now=play.now, by=HANDS)
    play.answer_all()


def test_tasks_take_up_the_places_of_every_day_until_they_are_done(assisted: Seats) -> None:
    people = assisted.launch(2, NOTE, seat={"daily_limit": 1})
    assisted.at_work = False
    assisted.play(NOW + 2 * DAY)
    assert [message.status for message in assisted.messages()] == ["task"]
    assert told(assisted, people[1]) == ("sender_daily_limit", None)
    settle(assisted, "done")
    midnight = datetime(2026, 3, 5, tzinfo=UTC)
    assert told(assisted, people[1]) == ("sender_daily_limit", midnight)
    assisted.play(midnight)
    assert [message.status for message in assisted.messages()] == ["sent", "task"]


def test_tasks_are_there_in_the_operating_hours_alone(assisted: Seats) -> None:
    [person] = assisted.launch(1, NOTE, operating_hours=make.week("11:00", "12:00"))
    assisted.at_work = False
    assisted.tick()
    assert assisted.messages() == []
    for day in range(2):
        assisted.play(NOW + day * DAY + HOUR)
        assert [message.status for message in assisted.messages()] == ["task"]
        assisted.play(NOW + day * DAY + 2 * HOUR)
        assert [(message.status, message.attempts) for message in assisted.messages()] == [("waiting", 0)]
    assert told(assisted, person) == ("operating_hours", NOW + 2 * DAY + HOUR)
    assisted.at_work = True
    assisted.play(NOW + 4 * DAY)
    assert instants(assisted) == [2 * DAY + HOUR]


def test_a_paused_persons_task_waits_with_them(assisted: Seats) -> None:
    [person] = assisted.launch(1, NOTE)
    assisted.at_work = False
    assisted.tick()
    ids = person.workspace_id, person.campaign_id, person.id
    assisted.do(steering.pause, *ids, now=NOW, by=None)
    assisted.play(NOW + DAY)
    assert [message.status for message in assisted.messages()] == ["waiting"]
    assisted.do(steering.resume, *ids, now=assisted.now, by=None)
    assisted.at_work = True
    assisted.tick()
    assert instants(assisted) == [DAY]


# The provider's own limit ------------------------------------------------------------------------


@pytest.mark.parametrize(("pause", "hours"), [(timedelta(hours=3), 3), (None, 24)])
def test_a_providers_limit_closes_one_kind_until_it_says(provider: Seats, pause: timedelta | None, hours: int) -> None:
    first, second = provider.launch(2, NOTE, says("Thanks!"), seat=HOURLY)
    provider.tick()
    provider.accept(first)

    def limit(approach: Any) -> None:
        if approach.step == "connection_request":
            raise Limited("LinkedIn takes no more invitations for now.", pause)

    provider.post.instead = limit
    provider.play(NOW + 2 * HOUR)
    opens = provider.sent[1].at + HOUR + hours * HOUR  # the message came first, and the invitation an hour after it
    assert (instants(provider, "message"), provider.weeks(first)) == (
        [HOUR],
        {"connection_request": 1, "message": 1},
    )
    assert told(provider, second) == ("sender_weekly_limit", opens)
    assert provider.explain(second).reason == "LinkedIn takes no more invitations for now."
    provider.post.instead = lambda _: None
    provider.play(NOW + 3 * DAY)
    assert instants(provider) == [0 * DAY, opens - NOW]


def test_a_person_may_say_that_the_provider_is_asked_again_at_once(provider: Seats) -> None:
    [person] = provider.launch(1, NOTE)

    def limit(_: Any) -> None:
        raise Limited("Enough.", None)

    provider.post.instead = limit
    provider.tick()
    provider.post.instead = lambda _: None
    provider.play(NOW + HOUR)
    assert instants(provider) == []
    ids = person.workspace_id, person.sender_account_id, "connection_request"
    provider.do(connecting.try_again, *ids, now=provider.now, by=None)
    provider.tick()
    assert instants(provider) == [HOUR]


# Gaps and hours ----------------------------------------------------------------------------------


def test_a_gap_lies_between_two_steps_of_whatever_kind(play: Seats) -> None:
    first, _ = play.launch(2, NOTE, says("Thanks!"), seat={"min_gap": 600, "max_gap": 600})
    play.tick()
    play.accept(first)
    assert told(play, first) == ("sender_gap", NOW + 10 * MINUTE)
    play.play(NOW + HOUR)
    assert [at - NOW for at, _, _ in play.left()] == [0 * DAY, 10 * MINUTE, 20 * MINUTE]


def test_steps_leave_in_the_hours_of_the_persons_own_clock(play: Seats) -> None:
    values = {"operating_hours": make.week("09:00", "10:00"), "prospect_timezone": True}
    play.launch(1, NOTE, people={"clock": "Asia/Tokyo"}, **values)
    play.launch(1, NOTE, people={"clock": "America/New_York"}, **values)
    play.play(NOW + 2 * DAY)
    assert [at for at, _, _ in play.left()] == [
        datetime(2026, 3, 2, 14, tzinfo=UTC),
        datetime(2026, 3, 3, 0, tzinfo=UTC),
    ]


def test_hours_are_the_wall_clocks_across_the_change_of_time(play: Seats) -> None:
    hours = make.week("09:00", "10:00", "Europe/Berlin", "mtwtfss")
    play.now = datetime(2026, 3, 27, 12, tzinfo=UTC)  # clocks go forward on the 29th
    seat = {"weekly_connection_limit": 80, "daily_limit": 1}
    play.launch(3, NOTE, seat=seat, operating_hours=hours)
    play.play(datetime(2026, 3, 31, tzinfo=UTC))
    assert [(at.day, at.hour) for at, _, _ in play.left()] == [(28, 8), (29, 7), (30, 7)]


def test_new_hours_wake_whoever_waits_for_the_old_ones(play: Seats) -> None:
    [person] = play.launch(1, NOTE, operating_hours=make.week("15:00", "16:00"))
    play.tick()
    assert told(play, person) == ("operating_hours", NOW + 5 * HOUR)
    body = {"operating_hours": make.week("09:00", "16:00")}
    play.do(editing.edit, person.workspace_id, person.campaign_id, body, now=play.now, by=None)
    play.answer_all()
    play.tick()
    assert instants(play) == [0 * DAY]


def test_uses_older_than_a_week_are_no_use(play: Seats) -> None:
    people = play.launch(2, NOTE, seat={"weekly_connection_limit": 2})
    with play.db.sessions.begin() as session:
        for days in (8, 6):
            use = {"sender_id": people[0].sender_account_id, "step": "connection_request"}
            session.add(SenderUse(**use, at=NOW - days * DAY))
    play.tick()
    assert [play.status(person) for person in people] == ["connection_sent", "pending"]
    assert told(play, people[1]) == ("sender_weekly_limit", NOW + DAY)
