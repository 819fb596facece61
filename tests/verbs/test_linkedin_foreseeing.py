"""A forecast of LinkedIn campaigns says what the engine then does, as far as anybody can know."""

from datetime import datetime

import pytest
from sqlalchemy import select

from campaigns import foreseeing
from campaigns.foreseeing import Calendar
from campaigns.models import Campaign, Prospect, SenderUse
from campaigns.rules.seats import UNIPILE
from tests import make
from tests.databases import Database
from tests.verbs.networking import NOTE, Seats, says
from tests.verbs.playing import DAY, HOUR

NOW = make.NOW
HOURS = make.week("09:00", "12:00", "Europe/Berlin", "mtwtfs")


@pytest.fixture
def play(db: Database) -> Seats:
    play = Seats(db)
    play.way = UNIPILE
    return play


def foreseen(play: Seats, person: Prospect) -> list[tuple[datetime, str]]:
    """When, and to which profile, everything would leave that can be foreseen; of all campaigns of the accounts."""
    with play.db.reading() as session:
        scene = foreseeing.scene(session, session.get_one(Campaign, person.campaign_id), play.now)
        profiles = dict(session.execute(select(Prospect.id, Prospect.linkedin_url)).all())
    return sorted((departure.at, profiles[departure.prospect_id] or "") for departure in scene.play().departures)


def calendar(play: Seats, person: Prospect) -> Calendar:
    with play.db.reading() as session:
        return foreseeing.calendar(foreseeing.scene(session, session.get_one(Campaign, person.campaign_id), play.now))


def test_what_is_foreseen_of_a_full_week_is_what_happens(play: Seats) -> None:
    seat = {"weekly_connection_limit": 4, "weekly_message_limit": 2, "min_gap": 60, "max_gap": 60, "daily_limit": 3}
    first, *others = play.launch(9, NOTE, says("Thanks!"), seat=seat | {"invitation_days": 180}, operating_hours=HOURS)
    account = play.sender(first.sender_account_id)  # type: ignore[arg-type]
    play.launch(5, make.delay(hours=30), make.CONNECT, senders=[account], operating_hours=None)
    with play.db.sessions.begin() as session:
        for days, step in ((6, "connection_request"), (2, "connection_request"), (6, "message")):
            session.add(SenderUse(sender_id=account.id, step=step, at=NOW - days * DAY))
    play.do(play.poll)
    for person in (first, *others[:3]):
        play.accept(person)
    expected, so_far = foreseen(play, first), len(play.sent)
    play.play(NOW + 30 * DAY)
    assert len(expected) + so_far == 4 + 5 + 5
    assert expected == sorted((sent.at, sent.to) for sent in play.sent[so_far:])


def test_a_providers_limit_and_open_tasks_are_foreseen(db: Database) -> None:
    assisted = Seats(db)
    people = assisted.launch(4, NOTE, seat={"weekly_connection_limit": 2, "daily_limit": 30})
    assisted.at_work = False
    assisted.tick()
    assert [at for at, _ in foreseen(assisted, people[0])] == [NOW + 7 * DAY] * 2
    with db.sessions.begin() as session:
        account = assisted.sender(people[0].sender_account_id)  # type: ignore[arg-type]
        account.limit_step("connection_request", NOW + 8 * DAY, "Enough.")
        session.merge(account)
    assert [at for at, _ in foreseen(assisted, people[0])] == [NOW + 8 * DAY] * 2


def test_what_follows_an_invitation_is_not_foretold(play: Seats) -> None:
    invited, accepting = play.launch(2, NOTE, make.delay(days=1), says("Thanks!"), make.delay(days=2))
    before = calendar(play, invited)
    assert (before.total, before.ends_at) == (2, None)
    play.play(NOW + HOUR)
    assert calendar(play, invited).total == 0
    play.accept(accepting)
    after = calendar(play, invited)
    assert (after.total, after.span.first, after.ends_at) == (1, NOW + DAY, None)
    play.play(NOW + 21 * DAY)
    assert calendar(play, invited).total == 0


def test_the_end_is_foretold_once_everybody_has_accepted(play: Seats) -> None:
    [person] = play.launch(1, NOTE, make.delay(days=1), says("Thanks!"), make.delay(days=2))
    play.tick()
    play.accept(person)
    assert calendar(play, person).ends_at == NOW + 3 * DAY


def test_a_long_line_is_foreseen_by_the_week(play: Seats) -> None:
    people = play.launch(200, NOTE, seat={"weekly_connection_limit": 80})
    departures = [at for at, _ in foreseen(play, people[0])]
    assert departures == [NOW] * 80 + [NOW + 7 * DAY] * 80 + [NOW + 14 * DAY] * 40
    assert calendar(play, people[0]).span.bottleneck == (people[0].sender_account_id, "sender_weekly_limit")
