"""Answers that people write in the inbox: into the same thread, once, and by hand where nobody knows."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns import answering
from campaigns.answering import LEASE, RETRY_PAUSES
from campaigns.channels.outgoing import Doubtful, Unsent
from campaigns.models import (
    Answer,
    Campaign,
    Conversation,
    Message,
    Prospect,
    Sender,
    connect,
    new_id,
    session_factory,
    silence,
)
from campaigns.models.finding import nodes_of
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from tests import make
from tests.databases import Database, run_together
from tests.make import NOW
from tests.verbs.playing import Crash, Play

DAY = timedelta(days=1)


@dataclass
class Desk:
    """Somebody who answers Ann, who answered a campaign."""

    play: Play
    workspace_id: UUID
    sender_id: UUID
    ann_id: UUID

    def write(self, body: object = "Dear Ann,\nyes.", **values: Any) -> Answer:
        own = {"now": self.play.now, "by": "me@example.com"} | values
        answer: Answer = self.play.do(answering.write, self.workspace_id, self.ann_id, body, **own)
        return answer

    def send(self, answer: Answer) -> bool:
        play = self.play
        return answering.hand_over(play.db.sessions, answer.id, play.post.channel, play.clock, play.wait)

    def settle(self, answer: Answer, how: str) -> Answer:
        settled: Answer = self.play.do(
            answering.settle, self.workspace_id, self.ann_id, answer.id, how, now=self.play.now
        )
        return settled

    def tick(self) -> list[str]:
        """What one tick rings for."""
        self.play.db.rung.clear()
        self.play.do(answering.mark_unknown, self.play.now)
        with self.play.db.reading.begin() as session:
            answering.ring_waiting(session, self.play.now)
        return [bell.args[0] for bell in self.play.db.rung if bell.job == "answer"]

    def answer(self, answer: Answer) -> Answer:
        with self.play.db.sessions() as session:
            return session.get_one(Answer, answer.id)

    def conversation(self) -> Conversation:
        with self.play.db.sessions() as session:
            return session.get_one(Conversation, self.ann_id)

    def set(self, **values: Any) -> None:
        """Change the account."""
        with self.play.db.sessions.begin() as session:
            for name, value in values.items():
                setattr(session.get_one(Sender, self.sender_id), name, value)

    @property
    def sent(self) -> list[Outgoing]:
        return [one.outgoing for one in self.play.sent]


@pytest.fixture
def desk(db: Database) -> Desk:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, email_address="sarah@ours.example")
        campaign = make.launched(session, workspace, 0, senders=[sender])
        ann = make.prospect(session, campaign, first_name="Ann", last_name="Lee", email="ann@corp.example")
        make.place(session, campaign)
        first = nodes_of(session, campaign.id)[0]
        message = {"subject": "Hello", "rfc_message_id": "<first@ours.example>", "claimed_at": NOW - 2 * DAY}
        make.message(session, ann, first, **message)
        make.letter(session, ann, rfc_message_id="<yes@corp.example>", received_at=NOW - DAY)
        make.conversation(session, ann)
        return Desk(Play(db), workspace.id, sender.id, ann.id)


def raising(error: BaseException) -> Callable[[Outgoing], None]:
    def fail(_: Outgoing) -> None:
        raise error

    return fail


def test_an_answer_goes_into_the_thread_of_the_letter(desk: Desk) -> None:
    desk.set(signature="Yours, %sender_first_name%", reply_to="replies@ours.example")
    answer = desk.write()
    assert desk.play.db.rung[-1].job == "answer"
    assert desk.send(answer)
    (mail,) = desk.sent
    assert (mail.to_name, mail.to_address) == ("Ann Lee", "ann@corp.example")
    assert (mail.from_name, mail.from_address) == ("Sarah Chen", "sarah@ours.example")
    assert mail.subject == "Re: Hello"
    assert mail.body == "Dear Ann,\nyes.\n\nYours, Sarah\n"
    assert mail.references == ("<first@ours.example>", "<yes@corp.example>")
    assert mail.message_id == f"<{answer.id.hex}@ours.example>"
    assert (mail.reply_to, mail.unsubscribe, mail.pixel) == ("replies@ours.example", None, None)
    kept = desk.answer(answer)
    assert (kept.status, kept.sent_at, kept.receipt, kept.created_by) == ("sent", NOW, "250 taken", "me@example.com")


def test_whoever_has_answered_owes_nothing_and_has_read_it(desk: Desk) -> None:
    desk.write()
    found = desk.conversation()
    assert (found.unread, found.owes, found.last_at) == (False, False, NOW)


def test_a_second_answer_refers_to_the_first_too(desk: Desk) -> None:
    first = desk.write()
    desk.send(first)
    desk.play.now += DAY
    with desk.play.db.sessions.begin() as session:
        ann = session.get_one(Prospect, desk.ann_id)
        make.letter(session, ann, rfc_message_id="<thanks@corp.example>", received_at=desk.play.now)
    desk.send(desk.write("You are welcome."))
    assert desk.sent[1].references == (
        "<first@ours.example>",
        "<yes@corp.example>",
        f"<{first.id.hex}@ours.example>",
        "<thanks@corp.example>",
    )


def test_it_is_the_letter_that_is_answered_whatever_was_sent_since(desk: Desk) -> None:
    with desk.play.db.sessions.begin() as session:
        ann = session.get_one(Prospect, desk.ann_id)
        later = make.node(session, session.get_one(Campaign, ann.campaign_id), 5, make.FOLLOW_UP)
        make.message(session, ann, later, rfc_message_id="<again@ours.example>", claimed_at=NOW - DAY / 2)
    desk.send(desk.write())
    assert desk.sent[0].references == ("<first@ours.example>", "<again@ours.example>", "<yes@corp.example>")


def test_a_letter_without_an_id_is_not_referred_to(desk: Desk) -> None:
    with desk.play.db.sessions.begin() as session:
        ann = session.get_one(Prospect, desk.ann_id)
        make.letter(session, ann, rfc_message_id="<0123abc@no-id>", received_at=NOW)
    desk.send(desk.write())
    assert desk.sent[0].references[-1] == "<yes@corp.example>"


def test_an_answer_goes_to_whoever_wrote_the_letter(desk: Desk) -> None:
    with desk.play.db.sessions.begin() as session:
        ann = session.get_one(Prospect, desk.ann_id)
        values = {
            "from_name": "Bo\r\nBcc:\x1b x@y.example\u202e",
            "from_address": "bo@corp.example",
            "received_at": NOW,
        }
        make.letter(session, ann, subject="Office\r\nBcc: all@y.example\u2066", **values)
        make.letter(session, ann, kind="out_of_office", received_at=NOW + DAY, from_address="robot@corp.example")
    desk.send(desk.write())
    (mail,) = desk.sent
    assert (mail.to_name, mail.to_address) == ("Bo Bcc: x@y.example", "bo@corp.example")
    assert mail.subject == "Re: Office Bcc: all@y.example"


def test_a_form_that_is_posted_twice_is_one_answer(desk: Desk) -> None:
    number = new_id()
    first = desk.write(answer_id=number)
    assert desk.write(answer_id=number).id == first.id == number
    for answer in (first, first):
        desk.send(answer)
    assert len(desk.sent) == 1


def test_another_text_is_another_answer_whatever_the_form_says(desk: Desk) -> None:
    number = new_id()
    assert desk.write(answer_id=number).id != desk.write("And one more thing.", answer_id=number).id


def test_the_number_of_a_strangers_answer_is_of_no_use(desk: Desk) -> None:
    taken = desk.write()
    with desk.play.db.sessions.begin() as session:
        campaign = session.get_one(Campaign, session.get_one(Prospect, desk.ann_id).campaign_id)
        bob = make.prospect(session, campaign, email="bob@corp.example", sender_account_id=desk.sender_id)
        make.conversation(session, bob)
    other = desk.play.do(answering.write, desk.workspace_id, bob.id, "Dear Bob", now=NOW, by=None, answer_id=taken.id)
    assert other.id != taken.id


@pytest.mark.parametrize("body", ["", " \n ", None, 5, "x" * 50_001, "a\x00b"])
def test_an_answer_without_words_or_with_too_many_is_refused(desk: Desk, body: object) -> None:
    with pytest.raises(Invalid):
        desk.write(body)
    assert desk.conversation().owes


def test_a_stranger_cannot_answer(desk: Desk) -> None:
    with desk.play.db.sessions.begin() as session:
        other = make.workspace(session)
        with pytest.raises(NotFound):
            answering.write(session, other.id, desk.ann_id, "Hi", now=NOW, by=None)


@pytest.mark.parametrize("status", ["needs_attention", "disconnected"])
def test_nothing_is_written_from_an_account_that_cannot_send(desk: Desk, status: str) -> None:
    desk.set(status=status)
    with pytest.raises(WrongState, match="see to the account"):
        desk.write()


def test_a_no_holds_for_what_is_written_by_hand_even_after_it_was_written(desk: Desk) -> None:
    answer = desk.write()
    with desk.play.db.sessions.begin() as session:
        make.suppression(session, session.get_one(make.Workspace, desk.workspace_id), "corp.example")
    assert not desk.send(answer)
    assert (desk.sent, desk.answer(answer).status) == ([], "failed")
    with pytest.raises(WrongState, match="suppression list"):
        desk.write()


def test_a_passing_failure_is_tried_again_after_growing_pauses_and_then_shown(desk: Desk) -> None:
    answer = desk.write()
    desk.play.post.instead = raising(Unsent("451 later", lasting=False))
    for pause in (*RETRY_PAUSES, timedelta()):
        assert not desk.send(answer)
        desk.play.now += pause - timedelta(seconds=1) if pause else pause
        assert (desk.send(answer), desk.tick()) == (False, [])
        desk.play.now += timedelta(seconds=1)
        if pause:
            assert (desk.answer(answer).status, desk.tick()) == ("waiting", [str(answer.id)])
    kept = desk.answer(answer)
    assert (kept.status, kept.error, kept.attempts) == ("failed", "451 later", len(RETRY_PAUSES) + 1)
    assert (desk.conversation().unread, desk.conversation().owes) == (True, True)
    desk.play.post.instead = lambda _: None
    desk.settle(answer, "again")
    assert desk.send(answer)
    assert len(desk.sent) == 1


@pytest.mark.parametrize(("bounced", "status"), [(True, "bounced"), (False, "failed")])
def test_a_lasting_failure_is_shown_at_once(desk: Desk, bounced: bool, status: str) -> None:
    answer = desk.write()
    desk.play.post.instead = raising(Unsent("550 no", lasting=True, bounced=bounced))
    desk.send(answer)
    assert desk.answer(answer).status == status
    assert desk.conversation().owes


def test_an_answer_waits_while_its_account_needs_a_person(desk: Desk) -> None:
    answer = desk.write()
    desk.set(status="needs_attention")
    desk.play.now += timedelta(minutes=1)
    assert (desk.send(answer), desk.answer(answer).status, desk.tick()) == (False, "waiting", [])
    desk.set(status="active")
    assert desk.tick() == [str(answer.id)]


@pytest.mark.parametrize("left", [False, True], ids=["before it left", "after it left"])
def test_an_answer_whose_process_died_is_unknown_and_never_repeated_by_the_machine(desk: Desk, left: bool) -> None:
    answer = desk.write()
    if left:
        desk.play.post.afterwards = raising(Crash())
    else:
        desk.play.post.instead = raising(Crash())
    with pytest.raises(Crash):
        desk.send(answer)
    desk.play.post.afterwards = desk.play.post.instead = lambda _: None
    desk.play.now += LEASE - timedelta(seconds=1)
    assert (desk.tick(), desk.send(answer), desk.answer(answer).status) == ([], False, "sending")
    desk.play.now += timedelta(seconds=1)
    assert (desk.tick(), desk.send(answer), desk.answer(answer).status) == ([], False, "unknown")
    assert (desk.conversation().unread, desk.conversation().owes) == (True, True)
    assert len(desk.sent) == left


def unknown(desk: Desk) -> Answer:
    answer = desk.write()
    desk.play.post.instead = raising(Doubtful("no answer"))
    desk.send(answer)
    desk.play.post.instead = lambda _: None
    assert desk.answer(answer).status == "unknown"
    return answer


@pytest.mark.parametrize(("how", "status"), [("sent", "sent"), ("again", "waiting"), ("skip", "skipped")])
def test_a_person_says_what_became_of_it(desk: Desk, how: str, status: str) -> None:
    answer = unknown(desk)
    assert desk.settle(answer, how).status == status
    assert desk.send(answer) == (how == "again")
    assert desk.conversation().owes == (how == "skip")


@pytest.mark.parametrize("how", list(answering.SETTLEMENTS))
def test_an_answer_that_was_sent_cannot_be_settled(desk: Desk, how: str) -> None:
    answer = desk.write()
    desk.send(answer)
    with pytest.raises(WrongState):
        desk.settle(answer, how)
    assert len(desk.sent) == 1


def test_an_answer_that_waits_can_be_taken_back(desk: Desk) -> None:
    answer = desk.write()
    desk.settle(answer, "skip")
    assert (desk.send(answer), desk.sent, desk.conversation().owes) == (False, [], True)


def test_another_word_settles_nothing(desk: Desk) -> None:
    with pytest.raises(Invalid):
        desk.settle(unknown(desk), "maybe")


def test_what_a_person_settled_is_not_overruled_by_a_late_report(desk: Desk) -> None:
    answer = desk.write()

    def meanwhile(_: Outgoing) -> None:
        desk.play.now += LEASE
        desk.tick()
        desk.settle(answer, "skip")

    desk.play.post.afterwards = meanwhile
    desk.send(answer)
    assert desk.answer(answer).status == "skipped"


def test_a_late_report_says_nothing_of_the_next_try(desk: Desk) -> None:
    answer = desk.write()

    def again(_: Outgoing) -> None:
        desk.play.post.afterwards = raising(Doubtful("no answer"))
        desk.play.now += LEASE
        desk.tick()
        desk.settle(answer, "again")
        desk.send(answer)

    desk.play.post.afterwards = again
    desk.send(answer)
    assert desk.answer(answer).status == "unknown"


def test_a_late_report_of_an_unknown_outcome_is_taken(desk: Desk) -> None:
    answer = desk.write()

    def oversleep(_: Outgoing) -> None:
        desk.play.now += LEASE
        desk.tick()

    desk.play.post.afterwards = oversleep
    desk.send(answer)
    assert desk.answer(answer).status == "sent"


def test_a_bell_that_was_lost_is_rung_again(desk: Desk) -> None:
    answer = desk.write()
    assert desk.tick() == []
    desk.play.now += answering.PATIENCE
    assert desk.tick() == [str(answer.id)]
    desk.send(answer)
    assert desk.tick() == []


def test_the_campaigns_own_messages_are_none_of_its_business(desk: Desk) -> None:
    desk.send(desk.write())
    with desk.play.db.sessions() as session:
        assert [one.status for one in session.scalars(select(Message))] == ["sent"]
        assert session.scalars(select(make.SenderDay)).all() == []


# Processes ---------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """A channel that writes each mail it takes into a file, as a mail server would keep it."""

    path: Path
    dies: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ready(self) -> None:
        pass

    def send(self, outgoing: Outgoing) -> str:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{outgoing.message_id}\n")
        if self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return "250 taken"


def press(url: str, answer_id: UUID, ledger: Ledger) -> None:
    """What the job does, in a process of its own."""
    engine = connect(url)
    answering.hand_over(session_factory(engine, silence), answer_id, lambda _: ledger, lambda: NOW, lambda _: None)
    engine.dispose()


def mails(ledger: Ledger) -> int:
    return len(ledger.path.read_text(encoding="utf-8").splitlines())


def test_processes_that_press_at_once_send_one_mail(desk: Desk, tmp_path: Path) -> None:
    answer, ledger = desk.write(), Ledger(tmp_path / "mails")
    run_together(press, [(desk.play.db.url, answer.id, ledger)] * 3)
    assert (mails(ledger), desk.answer(answer).status) == (1, "sent")


def test_a_process_killed_before_it_could_say_so_leaves_an_unknown_outcome(desk: Desk, tmp_path: Path) -> None:
    answer, ledger = desk.write(), Ledger(tmp_path / "mails", dies=True)
    process = get_context("spawn").Process(target=press, args=(desk.play.db.url, answer.id, ledger))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    ledger.dies = False
    assert desk.answer(answer).status == "sending"
    press(desk.play.db.url, answer.id, ledger)
    desk.play.now += LEASE
    desk.tick()
    press(desk.play.db.url, answer.id, ledger)
    assert (mails(ledger), desk.answer(answer).status) == (1, "unknown")
