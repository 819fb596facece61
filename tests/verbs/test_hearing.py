"""What a provider tells of a seat: who accepted, who wrote, how the account stands; by webhook, or asked."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from campaigns import answering, connecting, explaining, hearing, linking
from campaigns.channels.outgoing import Channel
from campaigns.hearing import Poll
from campaigns.models import (
    Answer,
    Campaign,
    Conversation,
    Event,
    Letter,
    Mailbox,
    Prospect,
    Sender,
    Suppression,
    WakeUp,
)
from campaigns.models.seat import Keys, read_keys, seal_keys
from campaigns.rules.provider import DISCONNECTED, ERRORED, RUNNING, Accepted, Heard, Standing, Wrote
from campaigns.rules.refusals import Invalid, WrongState
from campaigns.sending import open_channel
from tests import make
from tests.databases import Database
from tests.unipile_server import ACCOUNT, KEY, Trouble, UnipileServer, person_id
from tests.verbs.playing import DAY, HOUR, MINUTE, Play
from tests.web.conftest import SEALING_KEY

STEPS = [make.CONNECT, make.delay(days=1), {"type": "message", "body": "Hello again!"}, make.END]
NOWHERE = Path("/nowhere")
OUTSIDE = "https://cadenza.example.com"


class Seat:
    """A campaign whose people are invited from a seat at the stand-in, in simulated time."""

    def __init__(self, db: Database, unipile: UnipileServer, people: int = 2) -> None:
        self.play, self.unipile, self.public_url = Play(db), unipile, OUTSIDE
        unipile.clock, unipile.prompt = self.play.clock, False
        seat = {"base_url": unipile.url, "account_id": ACCOUNT, "name": "Sarah Chen"}
        with db.sessions.begin() as session:
            self.workspace = make.workspace(session)
            self.sender = make.sender(
                session,
                self.workspace,
                type="linkedin",
                provider="unipile",
                seat=seat,
                seat_sealed=seal_keys(Keys(KEY), SEALING_KEY),
            )
            values: dict[str, Any] = {"type": "linkedin", "senders": [self.sender], "nodes": STEPS}
            self.campaign = make.launched(session, self.workspace, people, now=self.play.now, **values)
        self.play.post.channel = self.open  # type: ignore[method-assign,assignment]

    def open(self, sender: Sender) -> Channel:
        return open_channel(sender, sealing_key=SEALING_KEY, trap_file=NOWHERE)

    @property
    def people(self) -> list[Prospect]:
        with self.play.session() as session:
            return list(session.scalars(select(Prospect).order_by(Prospect.id)))

    @property
    def statuses(self) -> list[str]:
        return [one.status for one in self.people]

    def slug(self, number: int) -> str:
        return str(self.people[number].linkedin_url).rpartition("/")[2]

    def account(self) -> Sender:
        return self.play.sender(self.sender.id)

    def linked(self) -> dict[str, Any]:
        """What the account keeps of the provider."""
        return self.account().seat or {}

    def look(self) -> int:
        """One look at what is new."""
        return Poll(self.play.db.sessions, self.sender.id, SEALING_KEY, self.public_url, self.play.clock).run()

    def go_on(self, span: timedelta) -> None:
        """So much later, with one look."""
        self.play.now += span
        self.look()
        self.play.tick()
        self.play.tick()

    def live(self, span: timedelta) -> None:
        """So long, with all the looks of the timetable."""
        until = self.play.now + span
        while self.play.now < until:
            self.play.now += MINUTE
            with self.play.session() as session:
                due = hearing.unheard(session, self.play.now)
            if due:
                self.look()
        self.play.tick()

    def hear(self, *heard: Heard) -> None:
        for one in heard:
            self.play.do(lambda session, one=one: hearing.hear(session, self.account(), one, self.play.now))

    def wrote(self, number: int, text: str = "Tell me more.", message_id: str | None = "msg_1") -> Wrote:
        slug = self.slug(number)
        profile = f"https://www.linkedin.com/in/{slug}"
        return Wrote(ACCOUNT, person_id(slug), profile, self.play.now, message_id, "Ann", text, "https://l/1")

    def accepted(self, number: int, at: datetime | None = None) -> Accepted:
        slug = self.slug(number)
        return Accepted(ACCOUNT, person_id(slug), f"https://www.linkedin.com/in/{slug}/", at)

    def letters(self) -> list[Letter]:
        with self.play.session() as session:
            return list(session.scalars(select(Letter).order_by(Letter.id)))

    def mailbox(self) -> Mailbox:
        with self.play.session() as session:
            return session.get_one(Mailbox, self.sender.id)


@pytest.fixture
def seat(db: Database, unipile: UnipileServer) -> Seat:
    """Two people who were invited, and whose seat was looked at."""
    made = Seat(db, unipile)
    made.look()
    made.play.tick()
    made.play.tick()
    assert made.statuses == ["connection_sent", "connection_sent"]
    return made


def test_whoever_accepts_gets_the_message_a_day_after_the_invitation(seat: Seat) -> None:
    seat.go_on(HOUR)
    seat.unipile.accept(seat.slug(0))
    seat.hear(seat.accepted(0))
    assert seat.statuses == ["connected", "connection_sent"]
    seat.go_on(DAY - HOUR - MINUTE)
    assert seat.unipile.messages == [], "a delay counts from the invitation"
    seat.go_on(2 * MINUTE)
    assert [said.slug for said in seat.unipile.messages] == [seat.slug(0)]
    assert seat.statuses == ["completed", "connection_sent"]


def test_the_same_five_times_and_out_of_order_is_heard_once(seat: Seat) -> None:
    accepted, wrote = seat.accepted(0), seat.wrote(0)
    seat.hear(*[wrote] * 5, *[accepted] * 5, wrote, accepted)
    first = seat.people[0]
    assert (first.status, first.connected_at, first.replied_at) == ("replied", seat.play.now, seat.play.now)
    assert len(seat.letters()) == 1
    with seat.play.session() as session:
        heard = [kind for kind in session.scalars(select(Event.kind)) if kind in ("accepted", "replied")]
    assert sorted(heard) == ["accepted", "replied"]
    seat.go_on(2 * DAY)
    assert seat.unipile.messages == []


def test_those_who_hear_the_same_at_once_wait_for_each_other(seat: Seat) -> None:
    accepted, wrote = seat.accepted(0), seat.wrote(0)
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(seat.hear, [accepted, wrote] * 8))
    assert (seat.people[0].status, len(seat.letters())) == ("replied", 1)


def test_an_answer_comes_up_in_the_inbox_with_the_way_to_it(seat: Seat) -> None:
    seat.hear(seat.accepted(0))
    seat.play.now += HOUR
    seat.hear(seat.wrote(0))
    (letter,) = seat.letters()
    assert (letter.fresh, letter.from_name, letter.link) == ("Tell me more.", "Ann", "https://l/1")
    assert letter.message_id is not None
    with seat.play.session() as session:
        conversation = session.scalars(select(Conversation)).one()
    assert (conversation.prospect_id, conversation.unread, conversation.owes) == (seat.people[0].id, True, True)
    assert conversation.last_at == seat.play.now


def test_who_asks_to_be_left_alone_is(seat: Seat) -> None:
    seat.hear(seat.wrote(0, "Stop."))
    assert seat.statuses == ["unsubscribed", "connection_sent"]
    with seat.play.session() as session:
        (value,) = session.scalars(select(Suppression.value))
    assert value == seat.people[0].identity


def test_an_answer_ends_the_way_of_a_person_in_all_campaigns_of_the_seat(seat: Seat) -> None:
    with seat.play.db.sessions.begin() as session:
        steps = [{"type": "message", "body": "Hi"}, make.END]
        values: dict[str, Any] = {"type": "linkedin", "senders": [seat.sender], "nodes": steps}
        known = {"linkedin_url": seat.people[0].linkedin_url}
        other = make.launched(session, seat.workspace, 1, now=seat.play.now, people=known, **values)
        make.launched(session, seat.workspace, 1, now=seat.play.now, people=known, status="paused", **values)
    seat.unipile.accept(seat.slug(0))
    seat.play.now += MINUTE
    seat.play.tick()
    seat.play.now += HOUR
    seat.hear(seat.wrote(0))
    replied = [one for one in seat.people if one.status == "replied"]
    assert len(replied) == 2, "who was not written to has not answered"
    (letter,) = seat.letters()
    assert {one.id: one.campaign_id for one in replied}[letter.prospect_id] == other.id, "the one that wrote last"


def test_what_somebody_wrote_before_they_were_written_to_is_no_answer(seat: Seat) -> None:
    seat.hear(replace(seat.wrote(0), at=seat.play.now - HOUR))
    assert seat.statuses == ["connection_sent", "connection_sent"]
    assert seat.letters() == []


def test_strangers_and_other_accounts_are_none_of_its_business(seat: Seat) -> None:
    before = seat.play.db.dump()
    seat.hear(
        replace(seat.accepted(0), account_id="acc_other"),
        replace(seat.wrote(0), account_id="acc_other"),
        Standing("acc_other", DISCONNECTED, seat.play.now),
        Accepted(ACCOUNT, "ACoAAnobody", "https://www.linkedin.com/in/nobody", None),
        Accepted(ACCOUNT, "ACoAAnobody", "not a profile", None),
        Wrote(ACCOUNT, "ACoAAnobody", None, seat.play.now, "msg_2"),
    )
    assert seat.play.db.dump() == before


def test_an_account_that_is_signed_out_stops_and_goes_on_where_it_was(seat: Seat) -> None:
    seat.unipile.accept(seat.slug(0))
    seat.look()
    seat.hear(Standing(ACCOUNT, DISCONNECTED, seat.play.now))
    assert seat.account().status == "needs_attention"
    assert seat.account().status_reason == "LinkedIn signed the account out: reconnect it."
    seat.play.play(seat.play.now + 2 * DAY)
    assert seat.unipile.messages == []
    seat.hear(Standing(ACCOUNT, RUNNING, seat.play.now))
    assert (seat.account().status, seat.account().status_reason) == ("active", None)
    with seat.play.session() as session:
        assert session.scalars(select(WakeUp.cause).where(WakeUp.cause == "senders")).all() == ["senders"]
    seat.look()
    seat.play.tick()
    assert [said.slug for said in seat.unipile.messages] == [seat.slug(0)]
    assert len(seat.unipile.invitations) == 2, "nothing twice"


def test_an_account_that_somebody_put_aside_is_left_there(seat: Seat) -> None:
    with seat.play.db.sessions.begin() as session:
        session.get_one(Sender, seat.sender.id).status = "disconnected"
    seat.hear(Standing(ACCOUNT, RUNNING, seat.play.now), Standing(ACCOUNT, DISCONNECTED, seat.play.now))
    assert seat.account().status == "disconnected"


def test_trouble_of_the_provider_itself_needs_nobody(seat: Seat) -> None:
    seat.hear(Standing(ACCOUNT, ERRORED, seat.play.now))
    assert seat.account().status == "active"


def test_late_news_of_an_account_is_corrected_by_the_next_look(seat: Seat) -> None:
    seat.hear(Standing(ACCOUNT, RUNNING, seat.play.now), Standing(ACCOUNT, DISCONNECTED, seat.play.now - HOUR))
    assert seat.account().status == "needs_attention"
    seat.look()
    assert seat.account().status == "active"


# Asked


def test_a_look_finds_what_no_webhook_told(seat: Seat) -> None:
    seat.unipile.accept(seat.slug(0))
    seat.unipile.accept(seat.slug(1))
    seat.play.now += MINUTE
    seat.unipile.write(seat.slug(1), "Interesting!")
    seat.live(5 * HOUR)
    assert seat.statuses == ["connected", "replied"]
    assert [letter.fresh for letter in seat.letters()] == ["Interesting!"]


def test_what_a_webhook_told_is_not_done_again_by_a_look(seat: Seat) -> None:
    seat.unipile.write(seat.slug(0), "Hello!")
    message = seat.unipile.talk[-1].id
    seat.hear(replace(seat.wrote(0), message_id=message))
    at = seat.people[0].replied_at
    seat.play.now += 10 * MINUTE
    seat.look()
    assert len(seat.letters()) == 1
    assert seat.people[0].replied_at == at


def test_what_the_account_wrote_itself_is_no_answer(seat: Seat) -> None:
    seat.unipile.write(seat.slug(0), "By hand", mine=True)
    seat.play.now += 10 * MINUTE
    seat.look()
    assert (seat.statuses, seat.letters()) == (["connection_sent", "connection_sent"], [])


def test_relations_are_asked_for_a_few_times_a_day_and_messages_every_five_minutes(seat: Seat) -> None:
    asked, gaps = seat.unipile.asked, []
    for _ in range(4):
        asked.clear()
        began = seat.play.now
        while not any("/users/me/relations" in path for _, path, _, _ in asked):
            seat.live(5 * MINUTE)
        gaps.append(seat.play.now - began)
    assert all(2 * HOUR <= gap <= 4 * HOUR + 5 * MINUTE for gap in gaps)
    assert len(set(gaps)) > 1, "irregularly"
    looks = sum(path.startswith(f"/v2/{ACCOUNT}/chats?") for _, path, _, _ in asked)
    assert abs(looks - gaps[-1] / (5 * MINUTE)) <= 2


def test_follow_ups_wait_while_the_provider_is_away_and_nothing_is_lost(seat: Seat) -> None:
    seat.unipile.accept(seat.slug(0))
    seat.go_on(4 * HOUR)
    assert seat.statuses == ["connected", "connection_sent"]
    away = Trouble("error", status=503, type="api/proxy_auth_error")
    seat.unipile.fail("account", *[away] * 500)
    seat.go_on(DAY)
    seat.unipile.write(seat.slug(0), "I am interested.")
    assert seat.unipile.messages == [], "they may have answered"
    person = seat.people[0].id
    with seat.play.session() as session:
        campaign = session.get_one(Campaign, seat.campaign.id)
        why = explaining.explain(session, campaign, person, seat.play.now)
    assert (why.gate, why.next_at) == ("sender_status", None)
    assert seat.account().status == "active", "nobody can do anything about it"
    assert "503" in str(seat.mailbox().error)
    seat.unipile._troubles["account"].clear()
    seat.go_on(HOUR)
    assert (seat.people[0].status, seat.unipile.messages) == ("replied", [])
    assert (seat.mailbox().error, seat.mailbox().failures) == (None, 0)


def test_pauses_grow_while_the_provider_is_away(seat: Seat) -> None:
    seat.unipile.fail("account", *[Trouble("drop")] * 500)
    seat.unipile.asked.clear()
    seat.live(3 * HOUR)
    assert len(seat.unipile.asked) <= 18


def test_a_key_that_is_refused_needs_a_person_and_stops_the_campaign(seat: Seat) -> None:
    seat.unipile.key = "another"
    seat.play.now += 10 * MINUTE
    seat.look()
    assert seat.account().status == "needs_attention"
    assert "401" in str(seat.account().status_reason)
    seat.unipile.key = KEY
    seat.go_on(HOUR)
    assert (seat.account().status, seat.account().status_reason) == ("active", None)


def test_signed_out_in_the_middle_of_a_campaign_found_by_the_lane(db: Database, unipile: UnipileServer) -> None:
    seat = Seat(db, unipile, people=3)
    seat.look()
    unipile.accounts[ACCOUNT] = "disconnected"
    seat.play.tick()
    assert (seat.account().status, unipile.invitations) == ("needs_attention", [])
    assert seat.statuses == ["pending"] * 3
    seat.go_on(HOUR)
    assert seat.account().status == "needs_attention"
    unipile.accounts[ACCOUNT] = "running"
    seat.go_on(HOUR)
    assert seat.account().status == "active"
    assert len(unipile.invitations) == 3


def test_a_look_tells_a_signed_out_account_from_a_provider_in_trouble(seat: Seat) -> None:
    seat.unipile.accounts[ACCOUNT] = "errored"
    seat.go_on(10 * MINUTE)
    assert seat.account().status == "active"
    assert seat.mailbox().error == "The provider has trouble with the account, and tries to mend it."
    seat.unipile.accounts[ACCOUNT] = "disconnected"
    seat.go_on(10 * MINUTE)
    assert seat.account().status == "needs_attention"
    assert seat.account().status_reason == "LinkedIn signed the account out: reconnect it."


def test_a_failing_look_at_relations_keeps_no_message_from_being_read(seat: Seat) -> None:
    limit = Trouble("error", status=429, type="provider/too_many_requests")
    seat.unipile.fail("relations", limit)
    seat.unipile.accept(seat.slug(0))
    seat.unipile.write(seat.slug(1))
    seat.go_on(4 * HOUR)
    assert seat.statuses == ["connection_sent", "replied"]
    assert seat.mailbox().failures == 0
    seat.go_on(4 * HOUR)
    assert seat.statuses == ["connected", "replied"]


# Webhooks


def test_a_webhook_is_registered_where_the_provider_can_reach_us(seat: Seat) -> None:
    (endpoint,) = seat.unipile.endpoints.values()
    assert endpoint.url == f"{OUTSIDE}/hooks/unipile/{seat.sender.id}"
    assert endpoint.account_ids == [ACCOUNT]
    assert read_keys(seat.account(), SEALING_KEY) == Keys(KEY, endpoint.secret)
    assert endpoint.secret not in str(seat.account().seat)
    seat.go_on(3 * HOUR)
    assert list(seat.unipile.endpoints) == [endpoint.id], "once"


@pytest.mark.parametrize("url", ["http://cadenza.example.com", "https://localhost", "https://127.0.0.1:8000"])
def test_no_webhook_is_registered_where_it_could_not_be_heard(db: Database, unipile: UnipileServer, url: str) -> None:
    seat = Seat(db, unipile)
    seat.public_url = url
    seat.look()
    assert unipile.endpoints == {}


def test_a_webhook_moves_with_the_server_and_the_account(seat: Seat) -> None:
    seat.unipile.accounts["acc_2"] = "running"
    connect(seat, "acc_2")
    seat.look()
    assert [one.account_ids for one in seat.unipile.endpoints.values()] == [["acc_2"]]
    seat.public_url = "https://elsewhere.example.com"
    seat.look()
    (endpoint,) = seat.unipile.endpoints.values()
    assert endpoint.url == f"https://elsewhere.example.com/hooks/unipile/{seat.sender.id}"
    seat.public_url = "http://127.0.0.1:8000"
    seat.look()
    assert seat.unipile.endpoints == {}
    assert read_keys(seat.account(), SEALING_KEY) == Keys(KEY)


def test_a_webhook_that_cannot_be_registered_is_tried_again(db: Database, unipile: UnipileServer) -> None:
    seat = Seat(db, unipile)
    unipile.fail("add_webhook", Trouble("error", status=403, type="api/insufficient_permissions"))
    seat.look()
    assert "403" in seat.linked()["webhook"]["error"]
    assert seat.mailbox().read_at == seat.play.now, "messages are read all the same"
    seat.play.now += 10 * MINUTE
    seat.look()
    assert unipile.endpoints == {}, "not at once"
    seat.play.now += 4 * HOUR
    seat.look()
    assert len(unipile.endpoints) == 1


# Linking


def connect(seat: Seat, account_id: str) -> None:
    seat.play.do(
        linking.connect, seat.workspace.id, seat.sender.id, account_id, "Sarah", now=seat.play.now, by="a@example.com"
    )


def test_another_account_is_looked_at_from_the_beginning(seat: Seat) -> None:
    seat.unipile.accounts["acc_2"] = "running"
    connect(seat, "acc_2")
    assert seat.mailbox().read_at is None
    assert seat.linked()["account_id"] == "acc_2"
    assert [bell.job for bell in seat.play.db.rung if bell.args[0] == str(seat.sender.id)][-1] == "seat"


def test_whoever_reconnects_an_account_sees_at_once_who_accepted_meanwhile(seat: Seat) -> None:
    seat.unipile.accept(seat.slug(0))
    seat.go_on(10 * MINUTE)
    assert seat.statuses == ["connection_sent", "connection_sent"]
    connect(seat, ACCOUNT)
    seat.go_on(MINUTE)
    assert seat.statuses == ["connected", "connection_sent"]


def test_a_provider_that_is_back_is_asked_at_once_who_accepted(seat: Seat) -> None:
    seat.unipile.fail("account", Trouble("drop"))
    seat.go_on(10 * MINUTE)
    seat.unipile.accept(seat.slug(0))
    seat.go_on(10 * MINUTE)
    assert seat.statuses == ["connected", "connection_sent"]


def test_a_seat_whose_process_died_is_looked_at_again(seat: Seat) -> None:
    with seat.play.db.sessions.begin() as session:
        mailbox = session.get_one(Mailbox, seat.sender.id)
        mailbox.lease_token, mailbox.lease_until = "dead", seat.play.now + timedelta(seconds=25)
    seat.unipile.write(seat.slug(0))
    seat.play.now += timedelta(seconds=10)
    assert seat.look() == 0, "somebody is at it, perhaps"
    seat.play.now += timedelta(seconds=20)
    assert seat.look() == 1


# Answering


def answer(seat: Seat, text: str = "Gladly!") -> Answer:
    """A person answers the first one in the inbox, and the job hands it over."""
    person = seat.people[0].id
    made = seat.play.do(answering.write, seat.workspace.id, person, text, now=seat.play.now, by="a@example.com")
    answering.hand_over(seat.play.db.sessions, made.id, seat.open, seat.play.clock, seat.play.wait)
    with seat.play.session() as session:
        return session.get_one(Answer, made.id)


def test_an_answer_from_the_inbox_leaves_as_a_message_at_linkedin(seat: Seat) -> None:
    seat.unipile.accept(seat.slug(0))
    seat.hear(seat.accepted(0), seat.wrote(0))
    made = answer(seat)
    assert (made.status, made.subject, made.error) == ("sent", "", None)
    assert [(said.slug, said.text) for said in seat.unipile.messages] == [(seat.slug(0), "Gladly!")]


def test_an_answer_that_linkedin_refuses_comes_back_with_the_reason(seat: Seat) -> None:
    seat.hear(seat.wrote(0))
    made = answer(seat)
    assert made.status == "failed"
    assert "422" in str(made.error)


def test_an_answer_that_is_too_long_for_linkedin_is_refused(seat: Seat) -> None:
    seat.hear(seat.wrote(0))
    with pytest.raises(Invalid, match="8,000"):
        answer(seat, "x" * 8001)


def test_a_seat_that_is_assisted_again_is_answered_from_at_linkedin(seat: Seat) -> None:
    seat.hear(seat.wrote(0))
    change = {"provider": "assisted"}
    seat.play.do(
        connecting.change, seat.workspace.id, seat.sender.id, change, key=SEALING_KEY, now=seat.play.now, by=None
    )
    with pytest.raises(WrongState, match="write to them at LinkedIn"):
        answer(seat)
