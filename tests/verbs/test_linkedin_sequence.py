"""The way of a person through a LinkedIn campaign, in simulated time: with a person's hands, and through a provider."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns import connecting, launching, marking, removing, settling, steering, suppressing, tasking
from campaigns.channels.outgoing import Already, Doubtful
from campaigns.models import Prospect, Sender
from campaigns.rules.seats import ASSISTED, UNIPILE
from tests import make
from tests.databases import Database
from tests.verbs.networking import HANDS, NOTE, WAYS, Seats, says
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND

BLINK = timedelta(microseconds=1)
NOW = make.NOW


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


def steps(play: Seats) -> list[tuple[timedelta, str]]:
    """When and what left, from the start on."""
    return [(at - NOW, kind) for at, kind, _ in play.left()]


INVITED = (0 * DAY, "connection_request")


# The sequence ------------------------------------------------------------------------------------


def test_a_person_is_invited_accepts_and_gets_one_message_after_another(play: Seats) -> None:
    [person] = play.launch(1, NOTE, make.delay(days=1), says("Thanks!"), make.delay(days=2), says("Well?"))
    play.play(NOW + 3 * HOUR)
    assert (play.left(), play.status(person)) == (
        [(NOW, "connection_request", f"Hello {person.first_name}!")],
        "connection_sent",
    )
    play.accept(person)
    assert play.status(person) == "connected"
    play.play(NOW + DAY - BLINK)
    assert steps(play) == [INVITED]
    play.play(NOW + DAY)
    assert (steps(play), play.status(person)) == ([INVITED, (DAY, "message")], "message_sent")
    play.play(NOW + 9 * DAY)
    assert steps(play) == [INVITED, (DAY, "message"), (3 * DAY, "message")]
    assert [text for _, _, text in play.left()][1:] == ["Thanks!", "Well?"]
    assert play.status(person) == play.campaign(person.campaign_id).status == "completed"


def test_a_bare_invitation_has_no_text(play: Seats) -> None:
    play.launch(1, {**NOTE, "include_message": False})
    play.tick()
    assert play.left() == [(NOW, "connection_request", None)]


def test_whoever_accepts_after_the_delay_gets_the_message_at_once(play: Seats) -> None:
    [person] = play.launch(1, NOTE, make.delay(days=1), says("Thanks!"))
    play.play(NOW + 3 * DAY + SECOND)
    assert steps(play) == [INVITED]
    play.accept(person)
    play.tick()
    assert steps(play) == [INVITED, (3 * DAY + SECOND, "message")]


def test_delays_in_a_row_are_added_up(play: Seats) -> None:
    [person] = play.launch(1, NOTE, make.delay(hours=5), make.delay(minutes=3), says("Thanks!"))
    play.tick()
    play.accept(person)
    play.play(NOW + 2 * DAY)
    assert steps(play) == [INVITED, (5 * HOUR + 3 * MINUTE, "message")]


@pytest.mark.parametrize("days", [21, 5])
def test_whoever_does_not_accept_times_out_to_the_second(play: Seats, days: int) -> None:
    [person] = play.launch(1, NOTE, make.delay(days=1), says("Thanks!"), seat={"invitation_days": days})
    play.play(NOW + days * DAY - BLINK)
    assert play.status(person) == "connection_sent"
    play.play(NOW + days * DAY)
    assert (steps(play), play.status(person)) == ([INVITED], "timed_out")
    assert play.campaign(person.campaign_id).status == "completed"
    assert play.explain(person).reason == "The invitation was not accepted in time."


def test_an_invitation_times_out_whatever_keeps_the_account_from_working(play: Seats) -> None:
    [person] = play.launch(1, NOTE)
    play.tick()
    with play.db.sessions.begin() as session:
        session.get_one(Sender, person.sender_account_id).status = "needs_attention"
    play.play(NOW + 21 * DAY)
    assert play.status(person) == "timed_out"


def test_an_invitation_waits_longer_if_the_account_says_so_meanwhile(play: Seats) -> None:
    [person] = play.launch(1, NOTE, says("Thanks!"))
    play.play(NOW + DAY)
    seat = play.sender(person.sender_account_id)  # type: ignore[arg-type]
    values = {"key": "", "now": play.now, "by": None}
    play.do(connecting.change, seat.workspace_id, seat.id, {"invitation_days": 30}, **values)
    play.play(NOW + 30 * DAY - SECOND)
    assert play.status(person) == "connection_sent"
    play.play(NOW + 30 * DAY)
    assert play.status(person) == "timed_out"


def test_an_acceptance_after_the_time_out_is_known_and_changes_nothing(play: Seats) -> None:
    [person] = play.launch(1, NOTE, says("Thanks!"))
    play.play(NOW + 22 * DAY)
    play.accept(person)
    play.play(NOW + 30 * DAY)
    late = play.prospect(person.id)
    assert (steps(play), late.status, late.connected_at) == ([INVITED], "timed_out", NOW + 22 * DAY)


def test_an_acceptance_in_time_that_is_heard_late_brings_them_back(provider: Seats) -> None:
    """A provider that was away, or a server that was: nobody is lost for that."""
    person, other = provider.launch(2, NOTE, says("Thanks!"))
    provider.play(NOW + HOUR)
    with provider.db.sessions.begin() as session:  # somebody else is on the way, so the campaign goes on
        session.get_one(Prospect, other.id).due_at = NOW + 90 * DAY
    provider.play(NOW + 21 * DAY + MINUTE)
    assert provider.status(person) == "timed_out"
    provider.accept(person, NOW + 20 * DAY)
    provider.tick()
    assert (steps(provider)[-1], provider.status(person)) == ((21 * DAY + MINUTE, "message"), "completed")


@pytest.mark.parametrize(("nodes", "ends"), [((), HOUR), ((make.delay(days=2),), 2 * DAY)])
def test_the_end_right_after_the_invitation_waits_for_the_acceptance(play: Seats, nodes: Any, ends: timedelta) -> None:
    accepting, silent = play.launch(2, NOTE, *nodes)
    play.play(NOW + HOUR)
    told = play.explain(accepting)
    assert (play.status(accepting), told.gate, told.next_at) == ("connection_sent", "delay", None)
    assert told.reason == "The invitation has not been accepted yet. It times out in 21 days."
    play.accept(accepting)
    play.play(NOW + ends - BLINK)
    assert play.status(accepting) == ("connected" if nodes else "completed")
    play.play(NOW + ends)
    assert play.status(accepting) == "completed"
    assert play.campaign(accepting.campaign_id).status == "active"
    play.play(NOW + 21 * DAY)
    assert (play.status(silent), play.campaign(silent.campaign_id).status) == ("timed_out", "completed")


def test_a_lane_that_comes_before_the_tick_lets_nobody_complete_who_timed_out(provider: Seats) -> None:
    [person] = provider.launch(1, NOTE)
    provider.play(NOW + DAY)
    provider.now = NOW + 21 * DAY
    provider.do(provider.poll)
    provider.lane(person.sender_account_id).run()  # type: ignore[arg-type]
    assert provider.status(person) == "timed_out"


# Connected, or invited, already ------------------------------------------------------------------


def again(play: Seats, person: Prospect, *nodes: Any) -> Prospect:
    """The same person in a second campaign of the same account."""
    with play.db.sessions() as session:
        seat = play.sender(person.sender_account_id)  # type: ignore[arg-type]
        session.expunge_all()
    [other] = play.launch(1, *nodes, senders=[seat], people={"linkedin_url": person.linkedin_url})
    return other


def test_whoever_another_campaign_connected_with_is_not_invited_again(play: Seats) -> None:
    [person] = play.launch(1, NOTE, make.delay(days=20), says("Thanks!"))
    play.tick()
    play.accept(person)
    other = again(play, person, NOTE, make.delay(hours=2), says("Hello again!"))
    play.play(NOW + 3 * HOUR)
    assert steps(play) == [INVITED, (2 * HOUR, "message")]
    assert play.status(other) == "completed"


def test_whoever_linkedin_knows_as_connected_skips_the_invitation(play: Seats) -> None:
    [person] = play.launch(1, NOTE, make.delay(hours=2), says("Hello!"))
    play.post.network.connected.add((person.sender_account_id, person.linkedin_url))  # type: ignore[arg-type]
    play.play(NOW + 3 * HOUR)
    assert (steps(play), play.status(person)) == ([(2 * HOUR, "message")], "completed")
    assert play.weeks(person) == {"message": 1}


def test_an_invitation_of_another_campaign_is_waited_for_and_not_repeated(play: Seats) -> None:
    [person] = play.launch(1, NOTE, says("Thanks!"))
    play.play(NOW + 5 * DAY)
    other = again(play, person, NOTE, make.delay(hours=2), says("Hello again!"))
    play.play(NOW + 6 * DAY)
    assert (steps(play), play.status(other)) == ([INVITED], "connection_sent")
    play.accept(person)
    play.play(NOW + 7 * DAY)
    assert steps(play) == [INVITED, (6 * DAY, "message"), (6 * DAY, "message")]
    assert play.status(person) == play.status(other) == "completed"


def test_whoever_is_marked_in_one_campaign_has_accepted_in_the_other(assisted: Seats) -> None:
    [person] = assisted.launch(1, NOTE)
    assisted.tick()
    other = again(assisted, person, NOTE, make.delay(days=1))
    assisted.tick()
    assisted.do(marking.mark, *ids(person), "accepted", now=assisted.now, by=HANDS)
    assert [assisted.status(person), assisted.status(other)] == ["completed", "connected"]


def test_an_invitation_that_linkedin_knows_of_is_waited_for(provider: Seats) -> None:
    [person] = provider.launch(1, NOTE, make.delay(days=2), says("Thanks!"))
    provider.post.network.invited.add((person.sender_account_id, person.linkedin_url))  # type: ignore[arg-type]
    provider.play(NOW + HOUR)
    assert (steps(provider), provider.status(person)) == ([], "connection_sent")
    assert provider.prospect(person.id).provider_id == f"id of {person.linkedin_url}"
    provider.accept(person)
    provider.play(NOW + 3 * DAY)
    assert steps(provider) == [(2 * DAY, "message")]


def test_an_acceptance_before_the_invitation_takes_its_place(play: Seats) -> None:
    [person] = play.launch(1, make.delay(days=1), NOTE, make.delay(hours=1), says("Hello!"))
    play.tick()
    play.accept(person)
    play.play(NOW + 2 * DAY)
    assert steps(play) == [(HOUR, "message")]


def test_nobody_is_connected_with_an_account_that_the_launch_has_yet_to_choose(assisted: Seats) -> None:
    with assisted.db.sessions.begin() as session:
        workspace = make.workspace(session)
        draft = make.campaign(session, workspace, type="linkedin", senders=[assisted.seat(session, workspace)])
        person = make.prospect(session, draft)
    mine = draft.workspace_id, draft.id
    assisted.do(marking.mark_links, draft.workspace_id, "accepted", [person.linkedin_url], now=NOW, by=HANDS)
    assisted.do(launching.launch, *mine, now=NOW, by=None)
    assisted.tick()
    assert (steps(assisted), assisted.status(person)) == ([INVITED], "connection_sent")


# Acceptances at odd moments ----------------------------------------------------------------------


def test_whoever_accepts_while_the_invitation_is_handed_over_goes_on(provider: Seats) -> None:
    [person] = provider.launch(1, NOTE, make.delay(hours=1), says("Thanks!"))
    provider.post.afterwards = lambda approach: provider.accept(person) if approach.step != "message" else None
    provider.tick()
    assert provider.status(person) == "connected"
    provider.play(NOW + DAY)
    assert steps(provider) == [INVITED, (HOUR, "message")]


def test_whoever_accepts_while_linkedin_says_that_an_invitation_is_pending_goes_on(provider: Seats) -> None:
    [person] = provider.launch(1, NOTE, says("Thanks!"))

    def answer(approach: Any) -> None:
        if approach.step == "connection_request":
            provider.accept(person)
            raise Already("An invitation is pending.", "connection_sent")

    provider.post.instead = answer
    provider.play(NOW + HOUR)
    assert (steps(provider), provider.status(person)) == ([(0 * DAY, "message")], "completed")


def doubt(_: Any) -> None:
    raise Doubtful("No answer came.")


def test_an_acceptance_settles_an_invitation_of_which_nobody_knew_whether_it_left(provider: Seats) -> None:
    [person] = provider.launch(1, NOTE, make.delay(hours=1), says("Thanks!"))
    provider.post.afterwards = doubt
    provider.tick()
    assert [message.status for message in provider.messages()] == ["unknown"]
    provider.post.afterwards = lambda _: None
    provider.play(NOW + 2 * HOUR)
    provider.accept(person)
    provider.tick()
    assert steps(provider) == [INVITED, (2 * HOUR, "message")]


def test_what_did_not_arrive_is_sent_again_and_counted_once(provider: Seats) -> None:
    [person] = provider.launch(1, NOTE)
    provider.post.instead = doubt
    provider.tick()
    provider.post.instead = lambda _: None
    [message] = provider.messages()
    ids = provider.campaign(person.campaign_id).workspace_id, person.campaign_id, message.id
    provider.do(settling.settle, *ids, "again", now=provider.now, by=None)
    provider.tick()
    assert (steps(provider), provider.weeks(person)) == ([INVITED], {"connection_request": 1})


def test_an_acceptance_takes_the_task_to_invite_away(assisted: Seats) -> None:
    [person] = assisted.launch(1, NOTE, make.delay(hours=1), says("Thanks!"))
    assisted.at_work = False
    assisted.tick()
    assert [message.status for message in assisted.messages()] == ["task"]
    assisted.accept(person)
    assisted.at_work = True
    assisted.play(NOW + DAY)
    assert steps(assisted) == [(HOUR, "message")]


def test_a_task_that_was_done_after_it_was_taken_back_is_done(assisted: Seats) -> None:
    [person] = assisted.launch(1, NOTE, says("Thanks!"))
    assisted.at_work = False
    assisted.tick()
    [message] = assisted.messages()
    assisted.pause(person.campaign_id)
    assisted.tick()
    workspace_id = assisted.campaign(person.campaign_id).workspace_id
    assisted.do(tasking.settle, workspace_id, message.id, "done", now=assisted.now, by=HANDS)
    assisted.resume(person.campaign_id)
    assisted.play(NOW + DAY)
    assert (steps(assisted), assisted.status(person)) == ([INVITED], "connection_sent")
    assert assisted.weeks(person) == {"connection_request": 1}


# Answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["invited", "connected", "messaged", "completed", "timed_out"])
def test_nothing_follows_an_answer(play: Seats, at: str) -> None:
    [person] = play.launch(1, NOTE, make.delay(days=1), says("Thanks!"), make.delay(days=2), says("Well?"))
    play.tick()
    if at not in ("invited", "timed_out"):
        play.accept(person)
    play.play(NOW + {"messaged": 2, "completed": 5, "timed_out": 25}.get(at, 0) * DAY + HOUR)
    before = len(play.left())
    play.reply(person)
    play.play(NOW + 40 * DAY)
    replied = play.prospect(person.id)
    assert (replied.status, replied.replied_at is None, len(play.left())) == ("replied", False, before)


def test_whoever_answers_while_their_task_is_open_is_left_alone(assisted: Seats) -> None:
    [person] = assisted.launch(1, NOTE, says("Thanks!"))
    assisted.tick()
    assisted.at_work = False
    assisted.accept(person)
    assisted.tick()
    assert [message.status for message in assisted.messages()] == ["sent", "task"]
    assisted.reply(person)
    assisted.at_work = True
    assisted.play(NOW + DAY)
    assert (steps(assisted), assisted.status(person)) == ([INVITED], "replied")


# Steering ----------------------------------------------------------------------------------------


def ids(person: Prospect) -> Any:
    return person.workspace_id, person.campaign_id, person.id


def test_a_paused_person_who_accepts_gets_the_message_once_resumed(play: Seats) -> None:
    [person] = play.launch(1, NOTE, make.delay(hours=1), says("Thanks!"))
    play.tick()
    play.do(steering.pause, *ids(person), now=play.now, by=None)
    play.accept(person)
    play.play(NOW + 3 * DAY)
    assert (steps(play), play.status(person)) == ([INVITED], "connected")
    play.do(steering.resume, *ids(person), now=play.now, by=None)
    play.tick()
    assert steps(play) == [INVITED, (3 * DAY, "message")]


def test_a_paused_person_times_out_once_resumed(play: Seats) -> None:
    [person] = play.launch(1, NOTE, says("Thanks!"))
    play.tick()
    play.do(steering.pause, *ids(person), now=play.now, by=None)
    play.play(NOW + 30 * DAY)
    assert play.status(person) == "connection_sent"
    play.do(steering.resume, *ids(person), now=play.now, by=None)
    play.tick()
    assert play.status(person) == "timed_out"


def test_in_a_paused_campaign_acceptances_count_and_nothing_leaves(play: Seats) -> None:
    accepting, silent = play.launch(2, NOTE, says("Thanks!"))
    play.tick()
    play.pause(accepting.campaign_id)
    play.accept(accepting)
    play.play(NOW + 30 * DAY)
    assert [play.status(accepting), play.status(silent)] == ["connected", "connection_sent"]
    play.resume(accepting.campaign_id)
    play.tick()
    assert [play.status(accepting), play.status(silent)] == ["completed", "timed_out"]
    assert steps(play)[2:] == [(30 * DAY, "message")]


def test_a_step_may_be_skipped_while_the_invitation_waits(play: Seats) -> None:
    [person] = play.launch(1, NOTE, says("Thanks!"), make.delay(days=3), says("Well?"))
    play.play(NOW + DAY)
    play.do(steering.skip, *ids(person), now=play.now, by=None)
    assert play.status(person) == "connection_sent"
    play.play(NOW + 2 * DAY)
    play.accept(person)
    play.play(NOW + 5 * DAY)
    assert steps(play) == [INVITED, (4 * DAY, "message")]


@pytest.mark.parametrize("accepted", [False, True])
def test_whoever_is_removed_gets_nothing_more(play: Seats, accepted: bool) -> None:
    [person] = play.launch(1, NOTE, make.delay(days=1), says("Thanks!"))
    play.tick()
    if accepted:
        play.accept(person)
    workspace_id, campaign_id, prospect_id = ids(person)
    play.do(removing.remove, workspace_id, campaign_id, {"ids": [str(prospect_id)]}, now=play.now, by=None)
    play.accept(person)
    play.play(NOW + 30 * DAY)
    assert (steps(play), play.status(person)) == ([INVITED], "cancelled")


def test_whoever_is_brought_back_gets_their_task_again(assisted: Seats) -> None:
    [person] = assisted.launch(1, NOTE)
    assisted.at_work = False
    assisted.tick()
    mine, by = (person.workspace_id, person.campaign_id), {"now": assisted.now, "by": None}
    assisted.do(removing.remove, *mine, {"ids": [str(person.id)]}, undoable=True, **by)
    assisted.tick()
    assert (assisted.status(person), [one.status for one in assisted.messages()]) == ("cancelled", ["waiting"])
    with assisted.db.sessions() as session:
        removal = removing.last_removal(session, assisted.campaign(person.campaign_id), assisted.now)
    assert removal is not None
    assert assisted.do(removing.undo, *mine, removal.id, **by) == {"back": 1, "gone": 0}
    assisted.tick()
    assert [one.status for one in assisted.messages()] == ["task"]


def test_a_suppressed_profile_loses_its_task_and_gets_nothing(play: Seats) -> None:
    person, other = play.launch(2, NOTE, says("Thanks!"))
    play.at_work = False
    play.now += SECOND
    if play.way == ASSISTED:
        play.tick()
    entry = {person.identity: ""}
    play.do(suppressing.add, person.workspace_id, entry, "api", now=play.now, by=None)
    play.at_work = True
    play.play(NOW + DAY)
    assert (len(play.left()), play.status(person), play.status(other)) == (1, "unsubscribed", "connection_sent")


def test_a_disconnected_account_holds_everything_until_it_is_back(play: Seats) -> None:
    first, second = play.launch(2, NOTE, says("Thanks!"), seat={"min_gap": 60, "max_gap": 60})
    play.tick()
    assert steps(play) == [INVITED]
    seat = play.sender(first.sender_account_id)  # type: ignore[arg-type]
    change = {"key": "", "by": None}
    play.do(connecting.change, seat.workspace_id, seat.id, {"status": "disconnected"}, now=play.now, **change)
    play.accept(first)
    play.play(NOW + DAY)
    assert (steps(play), play.explain(first).gate, play.explain(second).gate) == (
        [INVITED],
        "sender_status",
        "sender_status",
    )
    play.do(connecting.change, seat.workspace_id, seat.id, {"status": "active"}, now=play.now, **change)
    play.play(NOW + 2 * DAY)
    assert steps(play) == [INVITED, (DAY, "message"), (DAY + MINUTE, "connection_request")]
