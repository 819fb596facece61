"""The page What is stuck: what it lists, and that each of its buttons settles what it says."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns import retrying
from campaigns.channels.outgoing import Unsent
from campaigns.models import Bell, Campaign, Event, Mailbox, Message, Prospect, Sender, SenderUse, WakeUp, Workspace
from campaigns.models.finding import nodes_of
from campaigns.models.gate import roll_gates
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.refusals import WrongState
from tests import make
from tests.databases import Database
from tests.verbs.networking import Seats
from tests.verbs.playing import Play
from tests.web.callers import Clock
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed

STEPS = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]


@dataclass
class Stuck:
    """Alice's campaign with three people, whose first message has an unknown outcome."""

    db: Database
    campaign_id: UUID
    ann: Prospect
    bob: Prospect
    eve: Prospect

    def message(self, person: Prospect) -> Message:
        with self.db.reading() as session:
            return session.scalars(select(Message).where(Message.prospect_id == person.id)).one()

    def person(self, person: Prospect) -> Prospect:
        with self.db.reading() as session:
            return session.get_one(Prospect, person.id)


def launched(session: Any, visitor: Visitor, n: int = 3, **values: Any) -> Campaign:
    return make.launched(session, session.get_one(Workspace, visitor.workspace_id), n, **values)


def people_of(session: Any, campaign: Campaign) -> list[Prospect]:
    return list(session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id)))


@pytest.fixture
def stuck(alice: Visitor, db: Database) -> Stuck:
    with db.sessions.begin() as session:
        campaign = launched(session, alice, name="Spring", nodes=STEPS)
        people = people_of(session, campaign)
        node = nodes_of(session, campaign.id)[0]
        for minutes, (person, name) in enumerate(zip(people, ("Ann", "Bob", "Eve"), strict=True)):
            person.first_name, person.due_at = name, None
            at = make.NOW - timedelta(minutes=30 - minutes)
            make.message(
                session, person, node, status="unknown", sent_at=None, claimed_at=at, error=f"Broke for {name}"
            )
        return Stuck(db, campaign.id, *people)


def test_when_all_is_well_the_page_says_so_and_the_navigation_counts_nothing(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        launched(session, alice)
    page = alice.visit("/stuck")
    assert "Nothing is stuck" in page.text
    assert "What is stuck" in page.text
    assert "to settle" not in page.text


def test_unknown_outcomes_are_listed_with_all_that_one_has_to_know(alice: Visitor, stuck: Stuck) -> None:
    page = alice.visit("/stuck")
    text = squeezed(page.text)
    assert "3 unknown outcomes" in text
    assert text.index("Broke for Ann") < text.index("Broke for Bob") < text.index("Broke for Eve")
    for words in ("Email 1 of Spring", "Broke for Ann", "Sarah Chen", "Mon 2 Mar, 10:30 CET"):
        assert words in text, words
    assert f"/campaigns/{stuck.campaign_id}/prospects/{stuck.ann.id}" in page.links
    assert "What is stuck 3 to settle" in squeezed(alice.visit("/senders").text)


def test_bob_sees_and_settles_nothing_of_alices(alice: Visitor, bob: Visitor, stuck: Stuck) -> None:
    page = bob.visit("/stuck")
    assert "Nothing is stuck" in page.text
    token = page.form("/signout").value("csrf_token")
    data = {"csrf_token": token, "settlement": "sent", "message": str(stuck.message(stuck.ann).id)}
    bob.see(bob.client.post("/stuck/settle", data=data, follow_redirects=True))
    assert stuck.message(stuck.ann).status == "unknown"
    bob.see(bob.client.post("/stuck/retry", data={**data, "campaign": str(stuck.campaign_id), "how": "again"}), 404)


def test_an_answer_by_hand_that_nobody_knows_of_leads_to_where_it_is_settled(
    alice: Visitor, bob: Visitor, stuck: Stuck
) -> None:
    with stuck.db.sessions.begin() as session:
        ann = session.get_one(Prospect, stuck.ann.id)
        make.conversation(session, ann, unread=False)
        answer = make.answer(session, ann, error="The line broke", created_by="carla@example.com")
        make.answer(session, ann, status="sent")
        thread = f"/inbox/{ann.id}"
    page = alice.visit("/stuck")
    text = squeezed(page.text)
    assert "Did this answer by hand arrive?" in text
    for words in ("To Ann", "The line broke", "by carla@example.com", "What is stuck 4 to settle"):
        assert words in text, words
    assert f"{thread}#mail-{answer.id}" in page.links
    assert "by hand" not in bob.visit("/stuck").text
    alice.follow(alice.send(alice.visit(thread).form(f"{thread}/answers/{answer.id}/settle"), settlement="sent"))
    assert "by hand" not in alice.visit("/stuck").text


def press(visitor: Visitor, settlement: str, *people: Message) -> str:
    """Press a button of the form, with these ticked; what the next page says."""
    page = visitor.visit("/stuck")
    token = page.form("/stuck/settle").value("csrf_token")
    data = {"csrf_token": token, "settlement": settlement, "message": [str(one.id) for one in people]}
    answer = visitor.client.post("/stuck/settle", data=data)
    return squeezed(visitor.follow(answer).text)


def test_a_rows_own_button_settles_that_row_alone(alice: Visitor, stuck: Stuck) -> None:
    ann = stuck.message(stuck.ann)
    page = alice.visit("/stuck")
    values = [button.value for button in page.form("/stuck/settle").buttons]
    assert values[:3] == [f"{how}:{ann.id}" for how in ("sent", "again", "skip")]
    assert "1 message marked as sent." in press(alice, f"sent:{ann.id}", stuck.message(stuck.bob))
    assert [stuck.message(one).status for one in (stuck.ann, stuck.bob)] == ["sent", "unknown"]
    # Its delay counts from when it was handed over.
    assert stuck.person(stuck.ann).due_at == ann.claimed_at + timedelta(days=1)


def test_several_are_settled_at_once(alice: Visitor, stuck: Stuck, db: Database) -> None:
    db.rung.clear()
    said = press(alice, "again", stuck.message(stuck.ann), stuck.message(stuck.eve))
    assert "2 messages to be sent again." in said
    assert [stuck.message(one).status for one in (stuck.ann, stuck.bob, stuck.eve)] == ["waiting", "unknown", "waiting"]
    assert stuck.person(stuck.ann).due_at == make.NOW
    assert Bell("lane", (str(stuck.ann.sender_account_id),)) in db.rung


def test_one_that_was_settled_meanwhile_holds_up_no_other(alice: Visitor, stuck: Stuck, db: Database) -> None:
    ann, bob = stuck.message(stuck.ann), stuck.message(stuck.bob)
    with db.sessions.begin() as session:
        session.get_one(Message, ann.id).status = "sent"
    said = press(alice, "skip", ann, bob)
    assert "1 message skipped." in said
    assert "This message is sent: only an unknown outcome can be settled." in said
    assert stuck.message(stuck.bob).status == "skipped"
    assert stuck.person(stuck.bob).due_at == make.NOW + timedelta(days=1)


def test_nothing_ticked_or_nonsense_changes_nothing(alice: Visitor, stuck: Stuck, db: Database) -> None:
    before = db.dump()
    assert "Tick a message first." in press(alice, "sent")
    assert "Press one of the buttons." in press(alice, "burn", stuck.message(stuck.ann))
    assert "Tick a message first." in press(alice, "sent:nonsense")
    assert db.dump() == before


def test_whoever_is_through_is_not_written_to_again(alice: Visitor, stuck: Stuck, db: Database) -> None:
    with db.sessions.begin() as session:
        session.get_one(Prospect, stuck.ann.id).status = "replied"
    ann = stuck.message(stuck.ann)
    values = [button.value for button in alice.visit("/stuck").form("/stuck/settle").buttons]
    assert f"again:{ann.id}" not in values
    assert "This person is replied" in press(alice, f"again:{ann.id}")
    assert stuck.message(stuck.ann).status == "unknown"


def test_boxes_are_ticked_by_a_link_and_pages_turned(alice: Visitor, stuck: Stuck, db: Database) -> None:
    assert " checked" not in alice.visit("/stuck").html
    assert alice.visit("/stuck?tick=all").html.count(" checked>") == 3
    with db.sessions.begin() as session:
        campaign = session.get_one(Campaign, stuck.campaign_id)
        node = nodes_of(session, campaign.id)[0]
        for person in make.prospects(session, campaign, 24):
            make.message(session, person, node, status="unknown", sent_at=None)
    page = alice.visit("/stuck")
    assert "1 to 25 of 27 messages" in squeezed(page.text)
    assert "/stuck?page=2" in page.links
    assert "26 to 27 of 27 messages" in squeezed(alice.visit("/stuck?page=2").text)
    assert "26 to 27 of 27 messages" in squeezed(alice.visit("/stuck?page=99").text)


# Accounts


def test_an_account_that_needs_a_person_is_listed_until_it_is_put_back_to_work(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        launched(session, alice, 3)
        sender = session.scalars(select(Sender)).one()
        sender.status, sender.status_reason, sender.failures = "needs_attention", "Signing in was refused: 535", 1
    page = alice.visit("/stuck")
    text = squeezed(page.text)
    assert "Signing in was refused: 535" in text
    assert "3 people wait for it in 1 campaign. It is not tried again" in text
    assert "It is not tried again until you put it back to work." in text
    assert f"/senders/{sender.id}" in page.links
    assert page.form(f"/senders/{sender.id}/test")
    assert "What is stuck 1 to settle" in text
    again = alice.send(page.form(f"/senders/{sender.id}/status"))
    assert again.headers["Location"].endswith("/stuck")
    assert "Nothing is stuck" in alice.follow(again).text
    with db.reading() as session:
        assert session.scalars(select(Sender.status)).one() == "active"


def test_an_account_that_failed_once_is_left_alone_and_one_that_keeps_failing_is_shown(
    alice: Visitor, db: Database
) -> None:
    def fail(times: int) -> str:
        with db.sessions.begin() as session:
            sender = session.scalars(select(Sender)).one()
            sender.failures, sender.next_send_at = times, make.NOW + timedelta(minutes=5)
        return squeezed(alice.visit("/stuck").text)

    with db.sessions.begin() as session:
        launched(session, alice, 0)
    assert "Nothing is stuck" in fail(1)
    text = fail(2)
    assert "keeps failing" in text
    assert "It failed 2 times in a row. Cadenza tries it again in 5 min." in text
    assert "Try it now" in text


# Overdue


def overdue(visitor: Visitor) -> str | None:
    """What the page says is overdue."""
    text = squeezed(visitor.visit("/stuck").text)
    return text.partition("Overdue")[2] or None


def due_people(db: Database, visitor: Visitor, **values: Any) -> UUID:
    """The account that three people are due from at once."""
    with db.sessions.begin() as session:
        launched(session, visitor, 3, name="Spring", **values)
        return session.scalars(select(Sender.id)).one()


def change(db: Database, sender_id: UUID, **values: Any) -> None:
    with db.sessions.begin() as session:
        sender = session.get_one(Sender, sender_id)
        for name, value in values.items():
            setattr(sender, name, value)


def test_work_that_no_worker_takes_up_for_a_minute_is_overdue(alice: Visitor, db: Database, clock: Clock) -> None:
    due_people(db, alice)
    clock.pass_by(seconds=59)
    assert overdue(alice) is None
    clock.pass_by(seconds=1)
    said = overdue(alice) or ""
    assert "3 people could be written to, and no worker takes it up. Since Mon 2 Mar, 11:00 CET, 1 min ago" in said
    assert "/workers" in alice.visit("/stuck").links


def test_whatever_waits_for_a_limit_a_gap_hours_or_its_turn_is_not_overdue(
    alice: Visitor, db: Database, clock: Clock
) -> None:
    sender_id = due_people(db, alice)
    clock.pass_by(minutes=10)
    assert overdue(alice)
    for explained in (
        {"daily_limit": 0},
        {"next_send_at": clock.now + timedelta(seconds=90)},
        {"next_send_at": clock.now - timedelta(seconds=59)},
        {"lease_until": clock.now + timedelta(seconds=5)},
        {"updated_at": clock.now},
    ):
        before = {"daily_limit": 500, "next_send_at": None, "lease_until": None, "updated_at": make.NOW}
        change(db, sender_id, **{**before, **explained})
        assert overdue(alice) is None, explained
    change(db, sender_id, **before)
    with db.sessions.begin() as session:
        campaign = session.scalars(select(Campaign)).one()
        campaign.operating_hours = make.week("12:00", "13:00")
        roll_gates(session, campaign, clock.now)
    assert overdue(alice) is None


def test_a_new_day_gives_the_workers_a_minute(alice: Visitor, db: Database, clock: Clock) -> None:
    due_people(db, alice)
    clock.now = make.NOW.replace(hour=23, minute=0, second=30)  # half a minute past midnight in Berlin
    assert overdue(alice) is None
    clock.pass_by(seconds=30)
    assert "Since Tue 3 Mar, 00:00 CET" in (overdue(alice) or "")


@pytest.mark.parametrize(
    ("error", "words", "way_out"),
    [
        ("Could not connect", "cannot be read, and follow-ups wait until it is: Could not connect", "/senders/{}"),
        (None, "is not read, follow-ups wait until it is, and no worker takes it up", "/workers"),
    ],
)
def test_a_mailbox_that_is_not_read_is_told_with_the_way_out(
    alice: Visitor, db: Database, clock: Clock, error: str | None, words: str, way_out: str
) -> None:
    sender_id = due_people(db, alice)
    with db.sessions.begin() as session:
        session.get_one(Sender, sender_id).imap = {"host": "imap.example.com"}
        session.get_one(Sender, sender_id).next_send_at = make.NOW + timedelta(hours=1)
        session.add(Mailbox(sender_account_id=sender_id, read_at=make.NOW, error=error))
    clock.pass_by(minutes=14)
    assert overdue(alice) is None
    clock.pass_by(minutes=1)
    assert f"Its mailbox {words}" in (overdue(alice) or "")
    assert way_out.format(sender_id) in alice.visit("/stuck").links


def test_a_mailbox_that_nobody_ever_read_is_told_after_a_minute(alice: Visitor, db: Database, clock: Clock) -> None:
    sender_id = due_people(db, alice)
    change(db, sender_id, imap={"host": "imap.example.com"}, next_send_at=make.NOW + timedelta(hours=1))
    clock.pass_by(seconds=59)
    assert overdue(alice) is None
    clock.pass_by(seconds=1)
    assert "no worker takes it up" in (overdue(alice) or "")


def test_a_campaign_that_no_account_can_send_for_is_told(alice: Visitor, db: Database) -> None:
    sender_id = due_people(db, alice)
    assert overdue(alice) is None
    change(db, sender_id, status="disconnected")
    assert "See the accounts: Spring 3 people are due, and none of its accounts can send." in (overdue(alice) or "")
    with db.sessions.begin() as session:
        session.delete(session.get_one(Sender, sender_id))
    assert "3 people are due, and it has no account to send from any more." in (overdue(alice) or "")


def test_tasks_that_nobody_does_for_days_are_told(alice: Visitor, db: Database, clock: Clock) -> None:
    sender_id = due_people(db, alice, type="linkedin", nodes=[make.CONNECT, make.END])
    Seats(db).lane(sender_id).run()
    clock.pass_by(days=2)
    assert overdue(alice) is None
    clock.pass_by(days=1)
    assert "3 tasks wait to be done by hand, and nobody has done any for days." in (overdue(alice) or "")
    assert f"/tasks?account={sender_id}" in alice.visit("/stuck").links
    with db.sessions.begin() as session:
        session.add(SenderUse(sender_id=sender_id, step="connection_request", at=clock.now))
    assert overdue(alice) is None


def test_a_seat_that_is_not_heard_is_told_in_its_own_words(alice: Visitor, db: Database, clock: Clock) -> None:
    sender_id = due_people(db, alice, type="linkedin")
    seat = {"base_url": "https://api.example.com", "account_id": "sarah", "name": "Sarah"}
    change(db, sender_id, seat=seat, provider="unipile", next_send_at=clock.now + timedelta(hours=1))
    clock.pass_by(minutes=2)
    assert "Its LinkedIn inbox is not read" in (overdue(alice) or "")


def test_a_wake_up_that_nobody_carries_out_is_overdue(alice: Visitor, db: Database, clock: Clock) -> None:
    with db.sessions.begin() as session:
        campaign = launched(session, alice, 0, name="Spring")
        session.add(WakeUp(campaign_id=campaign.id, cause="resume", requested_at=make.NOW))
    clock.pass_by(seconds=29)
    assert overdue(alice) is None
    clock.pass_by(seconds=1)
    assert "A wake-up was asked for, and no worker carries it out." in (overdue(alice) or "")


# People held back


HOLE = {"type": "email", "subject": "For %company%", "body": "Dear %first_name|you%"}


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def held(db: Database, play: Play, visitor: Visitor, nodes: list[Any], n: int = 2) -> list[Prospect]:
    """People whose first step was tried in vain."""
    with db.sessions.begin() as session:
        campaign = launched(session, visitor, n, name="Spring", nodes=nodes)
        # Somebody else, so that the campaign is not over.
        last = make.prospect(session, campaign, company="Corp", status="replied")
        last.due_at = make.NOW + timedelta(days=30)
        people = people_of(session, campaign)[:n]
    play.tick()
    return people


def status(db: Database, person: Prospect) -> str:
    with db.reading() as session:
        return session.get_one(Prospect, person.id).status


def retry(visitor: Visitor, how: str) -> str:
    return squeezed(visitor.follow(visitor.send(visitor.visit("/stuck").form("/stuck/retry"), how=how)).text)


def test_whoever_lacks_a_value_is_tried_again_once_it_is_there(alice: Visitor, db: Database, play: Play) -> None:
    ann, bob = held(db, play, alice, [HOLE, make.END])
    assert (status(db, ann), play.sent) == ("failed", [])
    text = squeezed(alice.visit("/stuck").text)
    assert "2 people of Spring" in text
    assert "Email 1: no value for company, and no fallback" in text
    with db.sessions.begin() as session:
        session.get_one(Prospect, ann.id).company = "Ann's"
    assert "2 people tried again." in retry(alice, "again")
    play.tick()
    assert [sent.outgoing.subject for sent in play.sent] == ["For Ann's"]
    assert (status(db, ann), status(db, bob)) == ("completed", "failed")
    assert "1 person of Spring" in squeezed(alice.visit("/stuck").text)


def test_a_step_that_cannot_be_sent_is_left_out_and_never_sent(alice: Visitor, db: Database, play: Play) -> None:
    (ann,) = held(db, play, alice, [HOLE, make.delay(days=1), make.EMAIL_STEP, make.END], n=1)
    assert "1 person moved past the step." in retry(alice, "skip")
    with db.sessions.begin() as session:
        person = session.get_one(Prospect, ann.id)
        assert (person.status, person.status_reason, person.due_at) == ("pending", None, make.NOW + timedelta(days=1))
        person.company = "Too late"
    play.play(make.NOW + timedelta(days=2))
    assert [sent.outgoing.subject for sent in play.sent] == [f"Hello {ann.first_name}"]


def test_a_message_that_was_refused_is_sent_again_in_its_own_row(alice: Visitor, db: Database, play: Play) -> None:
    def refuse(_: Outgoing) -> None:
        raise Unsent("554 looks like spam", lasting=True)

    play.post.instead = refuse
    (ann,) = held(db, play, alice, [make.EMAIL_STEP, make.END], n=1)
    text = squeezed(alice.visit("/stuck").text)
    assert "1 person of Spring" in text
    assert "A mail server refused the message." in text
    play.post.instead = lambda _: None
    assert "1 person tried again." in retry(alice, "again")
    assert "Nothing is stuck" in alice.visit("/stuck").text
    play.tick()
    play.tick()
    assert play.people == [ann.email]
    with db.reading() as session:
        message = session.scalars(select(Message).where(Message.prospect_id == ann.id)).one()
        assert (message.status, message.attempts) == ("sent", 1)
        assert [event.data for event in session.scalars(select(Event).where(Event.kind == "retried"))] == [
            {"count": 1, "how": "again"}
        ]


@pytest.mark.parametrize("state", ["sent", "unknown", "sending", "skipped", "bounced"])
def test_a_message_in_any_other_state_is_never_sent_again_by_this(
    alice: Visitor, db: Database, play: Play, state: str
) -> None:
    (ann,) = held(db, play, alice, [HOLE, make.END], n=1)
    with db.sessions.begin() as session:
        make.message(session, ann, nodes_of(session, ann.campaign_id)[0], status=state)
        session.get_one(Prospect, ann.id).company = "Corp"
        assert (
            retrying.retry(session, alice.workspace_id, ann.campaign_id, [ann.id], "again", now=make.NOW, by=None) == 0
        )
    play.tick()
    assert (play.sent, status(db, ann)) == ([], "failed")


def test_nobody_is_retried_in_a_campaign_that_is_over(alice: Visitor, db: Database, play: Play) -> None:
    (ann,) = held(db, play, alice, [HOLE, make.END], n=1)
    with db.sessions.begin() as session:
        session.get_one(Campaign, ann.campaign_id).status = "completed"
        with pytest.raises(WrongState):
            retrying.retry(session, alice.workspace_id, ann.campaign_id, [ann.id], "again", now=make.NOW, by=None)
    assert "Nothing is stuck" in alice.visit("/stuck").text
