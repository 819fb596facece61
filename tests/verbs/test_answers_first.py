"""Nobody who may have answered is written to: follow-ups wait for the mailbox, and each message for a last look."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import explaining, unsubscribing
from campaigns.models import Campaign, CampaignDay, Mailbox, Message, Prospect, Sender, SenderDay
from campaigns.models.facts import UNREAD
from campaigns.models.journey import leave
from campaigns.rules.links import Links, Recipient, read_pixel, read_unsubscribe
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, MINUTE, SECOND, Play, PostChannel

IMAP = {"host": "127.0.0.1", "port": 143, "security": "none", "username": None}
TWO_EMAILS = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
KEY = "a secret"


@dataclass
class Office:
    """One account with a mailbox, and a campaign of two emails that starts with one person."""

    play: Play
    sender_id: UUID
    campaign_id: UUID

    def mailbox_is_read(self) -> None:
        with self.play.db.sessions.begin() as session:
            mailbox = session.get(Mailbox, self.sender_id) or Mailbox(sender_account_id=self.sender_id)
            mailbox.read_at = self.play.now
            session.add(mailbox)

    def somebody_new(self) -> None:
        with self.play.db.sessions.begin() as session:
            campaign = session.get_one(Campaign, self.campaign_id)
            make.prospect(session, campaign, email="new@corp.example")
            make.place(session, campaign, self.play.now)

    def explain(self, address: str) -> explaining.Explanation:
        with self.play.db.reading() as session:
            person = session.scalars(select(Prospect).where(Prospect.email == address)).one()
            campaign = session.get_one(Campaign, self.campaign_id)
            return explaining.explain(session, campaign, person.id, self.play.now)


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def opened(play: Play, account: dict[str, Any] | None = None, **values: Any) -> Office:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, **{"imap": IMAP, **(account or {})})
        people = {"email": "ann@corp.example"}
        campaign = make.launched(session, workspace, 1, senders=[sender], nodes=TWO_EMAILS, people=people, **values)
        return Office(play, sender.id, campaign.id)


# The mailbox -------------------------------------------------------------------------------------


def test_follow_ups_wait_until_the_mailbox_is_read_and_new_people_do_not(play: Play) -> None:
    office = opened(play)
    play.tick()
    assert play.people == ["ann@corp.example"]  # nobody can have answered yet
    office.mailbox_is_read()
    play.now += DAY
    office.somebody_new()
    play.tick()
    assert play.people == ["ann@corp.example", "new@corp.example"]
    waits = office.explain("ann@corp.example")
    assert (waits.state, waits.gate, waits.next_at) == ("sleeping", "sender_status", None)
    assert "were not read since Mon 2 Mar 10:00" in waits.reason
    office.mailbox_is_read()
    assert office.explain("ann@corp.example").state == "ready"
    play.tick()
    assert play.people[2:] == ["ann@corp.example"]


@pytest.mark.parametrize("late", [-SECOND, timedelta(), SECOND])
def test_the_lane_and_the_explanation_agree_to_the_second(play: Play, late: timedelta) -> None:
    office = opened(play)
    play.tick()
    play.now += DAY
    office.mailbox_is_read()
    play.now += UNREAD + late
    ready = office.explain("ann@corp.example").state == "ready"
    play.tick()
    assert (len(play.sent) == 2) == ready == (late < timedelta())


def test_a_mailbox_that_stays_unread_for_a_weekend_holds_what_became_due(play: Play) -> None:
    office = opened(play)
    play.tick()
    office.mailbox_is_read()
    play.play(play.now + 3 * DAY)
    assert len(play.sent) == 1
    office.mailbox_is_read()
    play.play(play.now + MINUTE)
    assert len(play.sent) == 2


def test_an_account_without_a_mailbox_goes_on(play: Play) -> None:
    opened(play, {"imap": None})
    play.play(play.now + 2 * DAY)
    assert play.people == ["ann@corp.example"] * 2


# The last look -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["an answer", "a no"])
def test_whoever_answers_between_claim_and_hand_over_gets_nothing(
    play: Play, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    office = opened(play)

    def reconnect(channel: PostChannel) -> None:
        play.now += SECOND
        with play.db.sessions.begin() as session:
            person = session.scalars(select(Prospect)).one()
            if how == "an answer":
                leave(person, "replied", None, play.now)
            else:
                message = session.scalars(select(Message)).one()
                recipient = Recipient(message.id, person.workspace_id, person.identity)
                unsubscribing.unsubscribe(session, recipient, play.now)

    monkeypatch.setattr(PostChannel, "ready", reconnect)
    play.tick()
    assert play.sent == []
    (message,) = play.messages()
    became = {"an answer": "replied", "a no": "unsubscribed"}[how]
    assert (message.status, message.error) == (
        "skipped",
        f"It was not sent: this person is {became} since it was their turn.",
    )
    assert play.statuses() == {"ann@corp.example": became}
    assert used(play, office) == (0, 0)
    assert outcomes(play.sender(office.sender_id)) == 0


def used(play: Play, office: Office) -> tuple[int, int]:
    """What stands of today's limits of the account and of the campaign."""
    with play.db.sessions() as session:
        account = session.scalar(select(SenderDay.used).where(SenderDay.sender_id == office.sender_id))
        campaign = session.scalar(select(CampaignDay.used).where(CampaignDay.campaign_id == office.campaign_id))
        return account or 0, campaign or 0


def outcomes(sender: Sender) -> int:
    return sender.ever_sent + sender.ever_failed + sender.ever_refused + sender.ever_bounced


# Away --------------------------------------------------------------------------------------------


def test_whoever_is_away_while_their_message_is_on_its_way_waits_from_its_end(play: Play) -> None:
    back = play.now + 10 * DAY

    def away(_: Any) -> None:
        with play.db.sessions.begin() as session:
            session.scalars(select(Prospect)).one().not_before = back

    office = opened(play, {"imap": None})
    play.post.instead = away
    play.tick()
    assert office.explain("ann@corp.example").next_at == back


# What leaves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tracked", [False, True])
def test_what_leaves_carries_its_links_and_where_answers_go(play: Play, tracked: bool) -> None:
    account = {"imap": None, "reply_to": "team@example.com", "signature": "-- \nSarah"}
    office = opened(play, account, open_tracking=tracked)
    play.lane(office.sender_id, links=Links("https://out.example", KEY)).run()
    outgoing = play.sent[0].outgoing
    assert outgoing.reply_to == "team@example.com"
    assert outgoing.body.endswith("\n\n-- \nSarah\n")
    (message,) = play.messages()
    assert outgoing.unsubscribe is not None
    recipient = read_unsubscribe(KEY, outgoing.unsubscribe.removeprefix("https://out.example/u/"))
    with play.db.sessions() as session:
        assert recipient == Recipient(message.id, _workspace_of(session), "ann@corp.example")
    pixel = outgoing.pixel and outgoing.pixel.removeprefix("https://out.example/o/").removesuffix(".gif")
    assert (read_pixel(KEY, pixel) if pixel else None) == (message.id if tracked else None)


def _workspace_of(session: Session) -> UUID:
    return session.scalars(select(Prospect.workspace_id)).one()
