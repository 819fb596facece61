"""Never twice, never lost: crashes, failures of every kind, and what a person makes of an unknown outcome."""

import contextlib
import itertools
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from campaigns import explaining, launching, removing, settling, ticking
from campaigns.channels.outgoing import Doubtful, Unsent
from campaigns.models import Campaign, CampaignDay, Message, Prospect, Sender, SenderDay, Workspace
from campaigns.models.finding import nodes_of
from campaigns.rules.lifecycle import ACTIVE, COMPLETED
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from campaigns.sending import LEASE
from campaigns.sending.recording import RETRY_PAUSES
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND, Crash, Play

TWO_EMAILS = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def launched(play: Play, n: int = 1, **values: Any) -> tuple[Campaign, UUID]:
    """An active campaign, and its account."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace)
        return make.launched(session, workspace, n, senders=[sender], **values), sender.id


def raising(error: BaseException) -> Any:
    def fail(_: Outgoing) -> None:
        raise error

    return fail


def used(play: Play) -> tuple[list[int], list[int]]:
    """What is counted against the account's and the campaign's limit."""
    with play.db.sessions() as session:
        return (
            list(session.scalars(select(SenderDay.used))),
            list(session.scalars(select(CampaignDay.used))),
        )


def statuses(play: Play) -> list[str]:
    return [message.status for message in play.messages()]


# Crashes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [False, True], ids=["before it left", "after it left"])
def test_a_message_whose_process_died_is_unknown_and_never_sent_again_by_the_machine(play: Play, left: bool) -> None:
    campaign, sender = launched(play, 2)
    if left:
        play.post.afterwards = raising(Crash())
    else:
        play.post.instead = raising(Crash())
    lane = play.lane(sender)
    lane._give_lease_back = lambda: None  # type: ignore[method-assign]  # a dead process gives nothing back
    with pytest.raises(Crash):
        lane.run()
    assert statuses(play) == ["sending"]
    play.post.afterwards = play.post.instead = lambda _: None
    play.tick()
    assert statuses(play) == ["sending"]  # the lease holds: for all we know it is still at it
    assert play.lane(sender).run() == 0
    play.now += LEASE - timedelta(microseconds=1)
    play.do(ticking.settle, play.now)
    assert statuses(play) == ["sending"]
    play.now += timedelta(microseconds=1)
    play.tick()
    assert statuses(play) == ["unknown", "sent"]  # the other person was not made to wait
    play.play(play.now + 3 * DAY)
    assert statuses(play) == ["unknown", "sent"]
    assert Counter(play.people).most_common(1)[0][1] == 1
    assert play.campaign(campaign.id).status == ACTIVE  # somebody has to say first
    assert used(play) == ([2], [2])


def test_a_lane_that_comes_before_the_tick_does_not_hide_what_a_dead_one_left(play: Play) -> None:
    _, sender = launched(play, 2)
    play.post.instead = raising(Crash())
    lane = play.lane(sender)
    lane._give_lease_back = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Crash):
        lane.run()
    play.post.instead = lambda _: None
    play.now += LEASE
    assert play.lane(sender).run() == 1
    play.tick()
    assert statuses(play) == ["unknown", "sent"]


def test_a_send_that_outlives_its_lease_may_still_report(play: Play) -> None:
    """The machine slept, the tick took the lane for dead; then the mail server answers after all."""
    campaign, sender = launched(play, 1)

    def oversleep(_: Outgoing) -> None:
        play.now += LEASE + SECOND
        play.do(ticking.settle, play.now)
        assert statuses(play) == ["unknown"]

    play.post.afterwards = oversleep
    play.lane(sender).run()
    assert statuses(play) == ["sent"]
    play.tick()
    assert play.campaign(campaign.id).status == COMPLETED


def test_a_lane_whose_lease_was_taken_by_another_sends_nothing_more(play: Play) -> None:
    _, sender = launched(play, 3)

    def lose_the_lease(_: Outgoing) -> None:
        with play.db.sessions.begin() as session:
            session.get_one(Sender, sender).lease_token = "somebody else"

    play.post.afterwards = lose_the_lease
    assert play.lane(sender).run() == 0
    assert len(play.sent) == 1
    assert statuses(play) == ["sent"]
    assert play.sender(sender).lease_token == "somebody else"


def test_a_lane_that_gives_signs_of_life_keeps_its_lease(play: Play) -> None:
    _, sender = launched(play, 1)
    lane = play.lane(sender)

    def slow(_: Outgoing) -> None:
        for _beat in range(10):
            play.now += LEASE - SECOND
            lane.keep_alive()
            play.do(ticking.settle, play.now)
        assert play.lane(sender).run() == 0

    play.post.afterwards = slow
    assert lane.run() == 1
    assert statuses(play) == ["sent"]


def test_what_a_person_settled_is_not_overruled_by_a_late_report(play: Play) -> None:
    campaign, sender = launched(play, 1, nodes=TWO_EMAILS)

    def settled_meanwhile(_: Outgoing) -> None:
        play.now += LEASE
        play.do(ticking.settle, play.now)
        settle(play, campaign, "skip")

    play.post.afterwards = settled_meanwhile
    play.lane(sender).run()
    assert statuses(play) == ["skipped"]


def test_a_second_message_for_the_same_step_cannot_even_be_written(play: Play) -> None:
    from sqlalchemy.exc import IntegrityError

    campaign, _ = launched(play, 1)
    with play.db.sessions() as session:
        person, node = session.scalars(select(Prospect)).one(), nodes_of(session, campaign.id)[0]
        make.message(session, person, node, status="skipped")
        with pytest.raises(IntegrityError):
            make.message(session, person, node, status="sending")


@pytest.mark.parametrize("status", ["sending", "sent", "failed", "bounced", "unknown", "skipped"])
def test_a_step_that_has_its_message_is_not_sent_whatever_the_prospect_says(play: Play, status: str) -> None:
    campaign, sender = launched(play, 1)
    with play.db.sessions.begin() as session:
        person, node = session.scalars(select(Prospect)).one(), nodes_of(session, campaign.id)[0]
        make.message(session, person, node, status=status)
    play.lane(sender).run()
    assert play.sent == []
    play.play(play.now + DAY)
    assert play.sent == []


def test_between_two_messages_lies_one_transaction(play: Play) -> None:
    """It writes down what became of the one, and claims the next before that is handed over."""
    _, sender = launched(play, 3)
    commits: list[Any] = []
    seen: list[tuple[int, list[str]]] = []
    play.post.instead = lambda _: seen.append((len(commits), statuses(play)))
    note = commits.append
    event.listen(play.db.engine, "commit", note)
    play.lane(sender).run()
    event.remove(play.db.engine, "commit", note)
    assert [found for _, found in seen] == [["sending"], ["sent", "sending"], ["sent", "sent", "sending"]]
    assert [later - before for (before, _), (later, _) in itertools.pairwise(seen)] == [1, 1]


# Settling ----------------------------------------------------------------------------------------


def unknown(play: Play, **values: Any) -> Campaign:
    """A campaign whose one message has an unknown outcome."""
    campaign, _ = launched(play, 1, **{"nodes": TWO_EMAILS} | values)
    play.post.instead = raising(Doubtful("no answer"))
    play.tick()
    play.post.instead = lambda _: None
    assert statuses(play) == ["unknown"]
    return campaign


def settle(play: Play, campaign: Campaign, settlement: str, message_id: UUID | None = None) -> None:
    chosen = message_id or play.messages()[0].id
    play.do(settling.settle, campaign.workspace_id, campaign.id, chosen, settlement, now=play.now, by="ann")


def test_no_answer_to_a_message_that_was_handed_over_is_an_unknown_outcome(play: Play) -> None:
    campaign = unknown(play)
    assert play.messages()[0].error == "no answer"
    play.play(make.NOW + 3 * DAY)
    assert (play.sent, statuses(play)) == ([], ["unknown"])
    assert used(play) == ([1], [1])
    with play.db.sessions() as session:
        person = session.scalars(select(Prospect.id)).one()
        found = explaining.explain(session, session.get_one(Campaign, campaign.id), person, play.now)
        ((message, prospect),) = settling.unsettled(session, session.get_one(Campaign, campaign.id))
    assert (found.gate, found.next_at) == ("status", None)
    assert (message.status, prospect.id) == ("unknown", person)


def test_while_a_message_is_being_handed_over_the_explanation_says_so(play: Play) -> None:
    campaign, _ = launched(play, 1, nodes=TWO_EMAILS)
    told: list[str] = []

    def look(_: Outgoing) -> None:
        with play.db.sessions() as session:
            person = session.scalars(select(Prospect.id)).one()
            found = explaining.explain(session, session.get_one(Campaign, campaign.id), person, play.now)
            told.append(found.reason)

    play.post.instead = look
    play.tick()
    assert told == ["A message is being handed over right now."]


def test_settled_as_sent_the_sequence_goes_on_from_when_it_left(play: Play) -> None:
    campaign = unknown(play)
    play.now += 6 * HOUR
    settle(play, campaign, "sent")
    play.play(make.NOW + 2 * DAY)
    assert [sent.at for sent in play.sent] == [make.NOW + DAY]
    assert play.sent[0].outgoing.references == (play.messages()[0].rfc_message_id,)
    assert statuses(play) == ["sent", "sent"]
    assert play.messages()[0].sent_at == make.NOW


def test_settled_as_not_arrived_it_is_sent_once_more(play: Play) -> None:
    campaign = unknown(play)
    play.now += 6 * HOUR
    settle(play, campaign, "again")
    play.tick()
    assert [sent.at for sent in play.sent] == [play.now]
    assert (statuses(play), play.messages()[0].attempts) == (["sent"], 2)
    assert used(play) == ([2], [1])  # two mails may have left, to one person


def test_settled_as_skipped_the_next_step_follows_without_it(play: Play) -> None:
    campaign = unknown(play)
    play.now += 6 * HOUR
    settle(play, campaign, "skip")
    play.play(play.now + 2 * DAY)
    assert [sent.at for sent in play.sent] == [make.NOW + 6 * HOUR + DAY]
    assert statuses(play) == ["skipped", "sent"]
    assert play.campaign(campaign.id).status == COMPLETED


def test_a_reply_to_an_email_that_was_skipped_has_the_subject_of_the_thread(play: Play) -> None:
    campaign = unknown(play, nodes=[make.EMAIL_STEP, make.delay(days=1), {**make.FOLLOW_UP, "subject": ""}, make.END])
    settle(play, campaign, "skip")
    play.play(play.now + 2 * DAY)
    assert (play.sent[0].outgoing.subject, play.sent[0].outgoing.references) == (play.messages()[0].subject, ())


def test_a_campaign_waits_for_its_last_unknown_outcome(play: Play) -> None:
    campaign = unknown(play, nodes=[make.EMAIL_STEP, make.END])
    play.tick()
    assert play.campaign(campaign.id).status == ACTIVE
    settle(play, campaign, "sent")
    play.tick()
    assert play.campaign(campaign.id).status == COMPLETED


@pytest.mark.parametrize("settlement", ["sent", "again", "skip"])
def test_only_an_unknown_outcome_can_be_settled(play: Play, settlement: str) -> None:
    campaign, _ = launched(play, 1)
    play.tick()
    before = play.db.dump()
    with pytest.raises(WrongState, match="sent"):
        settle(play, campaign, settlement)
    assert play.db.dump() == before


def test_settling_is_done_once_in_one_of_three_ways_by_those_it_belongs_to(play: Play) -> None:
    campaign = unknown(play)
    before = play.db.dump()
    with pytest.raises(Invalid):
        settle(play, campaign, "burn it")
    with pytest.raises(NotFound):
        settle(play, campaign, "sent", make.new_id())
    assert play.db.dump() == before
    with play.db.sessions.begin() as session:
        stranger = make.workspace(session).id
    with pytest.raises(NotFound):
        play.do(settling.settle, stranger, campaign.id, play.messages()[0].id, "sent", now=play.now, by="eve")
    settle(play, campaign, "sent")
    with pytest.raises(WrongState):
        settle(play, campaign, "again")


def test_somebody_who_was_removed_meanwhile_is_not_written_to_again(play: Play) -> None:
    campaign = unknown(play)
    play.do(removing.remove, campaign.workspace_id, campaign.id, {"all": True}, now=play.now, by=None)
    with pytest.raises(WrongState, match="cancelled"):
        settle(play, campaign, "again")
    settle(play, campaign, "sent")
    play.play(make.NOW + 3 * DAY)
    assert play.sent == []
    assert set(play.statuses().values()) == {"cancelled"}


# Failures ----------------------------------------------------------------------------------------


def test_a_passing_failure_is_tried_again_after_growing_pauses_and_then_given_up(play: Play) -> None:
    campaign, _ = launched(play, 1)
    tries: list[Any] = []

    def later(_: Outgoing) -> None:
        tries.append(play.now)
        raise Unsent("451 try later", lasting=False)

    play.post.instead = later
    play.play(make.NOW + 2 * DAY)
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert tuple(pauses) == RETRY_PAUSES == tuple(minutes * MINUTE for minutes in (1, 5, 15, 60, 240))
    (message,) = play.messages()
    assert (message.status, message.attempts, message.error) == ("failed", 6, "451 try later")
    with play.db.sessions() as session:
        person = session.scalars(select(Prospect)).one()
    assert (person.status, person.status_reason) == ("failed", "451 try later")
    assert used(play) == ([0], [0])
    assert play.campaign(campaign.id).status == COMPLETED


def test_a_message_that_gets_through_in_the_end_is_one_message(play: Play) -> None:
    launched(play, 1)
    failures = [Unsent("451", lasting=False), Unsent("451", lasting=False)]

    def sometimes(_: Outgoing) -> None:
        if failures:
            raise failures.pop()

    play.post.instead = sometimes
    play.play(make.NOW + HOUR)
    (message,) = play.messages()
    assert (message.status, message.attempts, message.error) == ("sent", 3, None)
    assert len(play.sent) == 1
    assert used(play) == ([1], [1])


@pytest.mark.parametrize(("bounced", "status"), [(False, "failed"), (True, "bounced")])
def test_a_lasting_failure_ends_the_sequence_for_that_person(play: Play, bounced: bool, status: str) -> None:
    campaign, sender = launched(play, 2, nodes=TWO_EMAILS, daily_limit=1)
    failures = [Unsent("550 no such user", lasting=True, bounced=bounced)]

    def once(_: Outgoing) -> None:
        if failures:
            raise failures.pop()

    play.post.instead = once
    play.tick()
    assert statuses(play) == [status, "sent"]  # the place in the daily limit was given back
    assert used(play) == ([1], [1])
    with play.db.sessions() as session:
        person = session.scalars(select(Prospect).where(Prospect.status == status)).one()
    assert person.status_reason == "550 no such user"
    assert person.bounced_at == (play.now if bounced else None)
    assert play.sender(sender).status == "active"
    play.play(make.NOW + 3 * DAY)
    assert len(play.sent) == 2
    assert play.campaign(campaign.id).status == COMPLETED


def test_the_fault_of_an_account_is_not_the_messages(play: Play) -> None:
    _, sender = launched(play, 2)
    failures = [Unsent("421 busy", lasting=False, account=True)] * 8

    def busy(_: Outgoing) -> None:
        if failures:
            raise failures.pop()

    play.post.instead = busy
    play.tick()
    assert (len(failures), statuses(play)) == (7, ["waiting"])  # one try, then the pause
    assert play.sender(sender).next_send_at == make.NOW + 15 * SECOND
    play.play(make.NOW + DAY)
    assert statuses(play) == ["sent", "sent"]
    assert sorted(message.attempts for message in play.messages()) == [1, 1]
    assert used(play) == ([2], [2])
    assert play.sender(sender).failures == 0


def test_an_account_that_needs_a_person_stops_and_says_why(play: Play) -> None:
    campaign, sender = launched(play, 2)
    play.post.instead = raising(Unsent("535 wrong password", lasting=True, account=True))
    play.play(make.NOW + DAY)
    account = play.sender(sender)
    assert (account.status, account.status_reason) == ("needs_attention", "535 wrong password")
    assert statuses(play) == ["waiting"]
    assert set(play.statuses().values()) == {"pending"}
    assert used(play)[0][0] == 0
    with play.db.sessions() as session:
        person = session.scalars(select(Prospect.id)).first()
        assert person is not None
        found = explaining.explain(session, session.get_one(Campaign, campaign.id), person, play.now)
    assert (found.state, found.gate) == ("sleeping", "sender_status")
    assert "535 wrong password" in found.reason


def test_a_failure_that_nobody_foresaw_is_an_unknown_outcome(play: Play) -> None:
    _, sender = launched(play, 2)
    play.post.instead = raising(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        play.lane(sender).run()
    play.post.instead = lambda _: None
    play.tick()
    assert statuses(play) == ["unknown", "sent"]


def test_places_are_given_back_to_the_day_they_were_taken_from(play: Play) -> None:
    play.now = make.NOW.replace(hour=23, minute=59, second=59)
    _, sender = launched(play, 1, now=play.now)

    def past_midnight(_: Outgoing) -> None:
        play.now += 2 * SECOND
        raise Unsent("451", lasting=False)

    play.post.instead = past_midnight
    play.lane(sender).run()
    assert used(play) == ([0], [0])


def test_a_follow_up_that_fails_gives_back_no_place_that_it_did_not_take(play: Play) -> None:
    """The person was counted for today's first message; the second takes no place, so it returns none."""
    nodes = [make.EMAIL_STEP, make.delay(minutes=5), make.FOLLOW_UP, make.END]
    _, sender = launched(play, 1, nodes=nodes)
    play.tick()
    play.post.instead = raising(Unsent("451", lasting=False))
    play.now += 5 * MINUTE
    play.lane(sender).run()
    assert used(play) == ([1], [1])
    with play.db.sessions() as session:
        assert session.scalars(select(Prospect.counted_on)).all() == [make.NOW.date()]


def test_a_try_that_found_the_campaign_full_does_not_count_as_one(play: Play) -> None:
    campaign, sender = launched(play, 1, daily_limit=1)
    play.post.instead = raising(Unsent("451", lasting=False))
    play.tick()
    play.now += MINUTE
    play.post.instead = lambda _: None
    lane = play.lane(sender)
    claim = lane._claim

    def full_meanwhile(candidate: Any) -> Any:
        import campaigns.sending.claiming as claiming

        original = claiming.facts_in

        def stale(session: Any, *rest: Any) -> Any:
            facts = original(session, *rest)
            day = session.get(CampaignDay, (campaign.id, facts.today))
            day.used = 1  # another lane took the last place once the gates were read
            session.flush()
            return facts

        claiming.facts_in = stale
        try:
            return claim(candidate)
        finally:
            claiming.facts_in = original

    lane._claim = full_meanwhile  # type: ignore[method-assign]
    lane.run()
    (message,) = play.messages()
    assert (message.status, message.attempts) == ("waiting", 1)
    assert play.sent == []


def test_pausing_between_two_tries_holds_the_next(play: Play) -> None:
    campaign, _ = launched(play, 1)
    play.post.instead = raising(Unsent("451", lasting=False))
    play.tick()
    play.post.instead = lambda _: None
    play.do(launching.pause, campaign.workspace_id, campaign.id, now=play.now, by=None)
    play.play(make.NOW + HOUR)
    assert play.sent == []
    play.do(launching.resume, campaign.workspace_id, campaign.id, now=play.now, by=None)
    play.answer_all()
    assert len(play.sent) == 1


def test_everything_that_can_fail_at_once_still_reaches_everybody_once(play: Play) -> None:
    """Failures at random, crashes included: nobody gets a step twice, and nobody is forgotten."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace) for _ in range(2)]
        for _ in range(2):
            make.launched(session, workspace, 12, senders=senders, nodes=TWO_EMAILS)
    chance = play.chance
    errors: list[BaseException] = [
        Unsent("451", lasting=False),
        Unsent("421", lasting=False, account=True),
        Unsent("550", lasting=True, bounced=True),
        Doubtful("?"),
        Crash(),
    ]

    def anything(_: Outgoing) -> None:
        if chance.random() < 0.4:
            raise chance.choice(errors)

    def crash(_: Outgoing) -> None:
        if chance.random() < 0.1:
            raise Crash

    play.post.instead, play.post.afterwards = anything, crash
    answer = play.answer

    def survive(bell: Any) -> None:
        with contextlib.suppress(Crash):
            answer(bell)

    play.answer = survive  # type: ignore[method-assign]
    play.play(make.NOW + 4 * DAY)
    received = Counter((sent.to, sent.outgoing.subject) for sent in play.sent)
    assert set(received.values()) == {1}
    with play.db.sessions() as session:
        rows = session.execute(
            select(Prospect.status, Prospect.due_at, Message.status).join(Message, Message.prospect_id == Prospect.id)
        ).all()
        assert session.scalars(select(Workspace)).all()
    held = [row for row in rows if row[2] == "unknown"]
    assert held
    for status, due_at, message in rows:
        assert message in ("sent", "unknown", "bounced", "failed")
        assert due_at is None
        if message == "sent":
            assert status in ("completed", "sent", "bounced", "failed")
    unfinished = [row for row in rows if row[0] in ("pending", "sent") and row[2] == "sent"]
    # Whoever is still under way waits for a person to settle a message of theirs.
    assert len(unfinished) <= len(held)
