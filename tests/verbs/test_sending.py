"""The engine in simulated time: who is written to, when, in what order, and who is not."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import connecting, editing, importing, launching, removing, rostering, ticking
from campaigns.channels.outgoing import Unsent
from campaigns.models import (
    Campaign,
    CampaignDay,
    CampaignSender,
    Event,
    Gate,
    Message,
    Prospect,
    Sender,
    SenderDay,
    WakeUp,
    Workspace,
)
from campaigns.models.finding import nodes_of
from campaigns.models.task import open_tasks
from campaigns.rules.lifecycle import ACTIVE, COMPLETED, LINKEDIN
from campaigns.rules.refusals import Conflict, Invalid, WrongState
from campaigns.sending import Lane
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, MINUTE, SECOND, Play

NIGHT = make.NOW.replace(hour=20)
TWO_EMAILS = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


def addresses(session: Session, campaign: Campaign) -> list[str | None]:
    """The people of a campaign in the order they were added."""
    query = select(Prospect.email).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id)
    return list(session.scalars(query))


def launched(play: Play, n: int = 3, **values: Any) -> Campaign:
    """An active campaign in a workspace of its own."""
    zone = values.pop("timezone", "UTC")
    with play.db.sessions.begin() as session:
        return make.launched(session, make.workspace(session, timezone=zone), n, now=play.now, **values)


def launched_with(play: Play, n: int, account: dict[str, Any], **values: Any) -> tuple[Campaign, Sender]:
    """The same, from one account with these values."""
    zone = values.pop("timezone", "UTC")
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session, timezone=zone)
        sender = make.sender(session, workspace, **account)
        return make.launched(session, workspace, n, now=play.now, senders=[sender], **values), sender


# A week ------------------------------------------------------------------------------------------


def test_a_week_of_a_campaign_keeps_hours_gaps_delays_and_limits(play: Play) -> None:
    play.now = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # Monday, 07:00 in Berlin
    campaign, sender = launched_with(
        play,
        24,
        {"daily_limit": 10, "min_gap": 600, "max_gap": 1200},
        timezone="Europe/Berlin",
        operating_hours=make.week("09:00", "12:00", "Europe/Berlin"),
        daily_limit=7,
        nodes=TWO_EMAILS,
    )
    play.play(play.now + timedelta(days=14))
    assert Counter(play.people) == Counter(dict.fromkeys(play.statuses(), 2))
    assert set(play.statuses().values()) == {"completed"}
    assert play.campaign(campaign.id).status == COMPLETED
    berlin = [sent.at + HOUR for sent in play.sent]  # winter
    assert {at.weekday() for at in berlin} <= set(range(5))
    assert all(9 <= at.hour < 12 for at in berlin)
    assert all((later - earlier).total_seconds() >= 600 for earlier, later in pairwise(berlin))
    assert len({later - earlier for earlier, later in pairwise(berlin)}) > 10  # random, not fixed
    by_day = Counter(at.date() for at in berlin)
    assert max(by_day.values()) <= 10
    people_a_day = Counter(day for day, _ in {(at.date(), sent.to) for at, sent in zip(berlin, play.sent, strict=True)})
    assert max(people_a_day.values()) == 7
    first: dict[str, datetime] = {}
    for sent in play.sent:
        if sent.to in first:
            assert sent.at - first[sent.to] >= DAY
        else:
            first[sent.to] = sent.at
    assert all(message.sender_account_id == sender.id for message in play.messages())


def test_nothing_leaves_outside_the_hours_not_even_a_second_late(play: Play) -> None:
    play.now = NIGHT
    launched(play, 2, operating_hours=make.week("09:00", "17:00"))
    play.play(NIGHT + 12 * HOUR)
    assert play.sent == []
    play.play(NIGHT + 13 * HOUR)
    assert [sent.at for sent in play.sent] == [NIGHT + 13 * HOUR] * 2


def test_hours_that_close_during_a_run_hold_back_the_rest(play: Play) -> None:
    play.now = make.NOW.replace(hour=16, minute=59, second=50)
    campaign, _ = launched_with(play, 5, {}, operating_hours=make.week("09:00", "17:00"))
    play.post.afterwards = lambda _: play.wait(4 * SECOND)
    play.play(play.now + MINUTE)
    assert len(play.sent) == 3
    assert all(sent.at < make.NOW.replace(hour=17) for sent in play.sent)
    play.post.afterwards = lambda _: None
    play.play(play.now + 17 * HOUR)
    assert len(play.sent) == 5
    assert play.campaign(campaign.id).status == COMPLETED


def test_a_gate_row_that_is_wrong_does_not_let_anybody_through(play: Play) -> None:
    play.now = NIGHT
    launched(play, 2, operating_hours=make.week())
    with play.db.sessions.begin() as session:
        session.scalars(select(Gate)).one().opens_at = NIGHT - HOUR
    play.tick()
    assert play.sent == []
    with play.db.sessions() as session:
        assert session.scalars(select(Gate)).one().opens_at == NIGHT + 13 * HOUR


def test_the_hours_are_those_of_each_prospects_own_clock(play: Play) -> None:
    play.now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.campaign(
            session,
            workspace,
            senders=[make.sender(session, workspace)],
            operating_hours=make.week("09:00", "10:00"),
            prospect_timezone=True,
            status=ACTIVE,
        )
        for clock in ("Asia/Tokyo", "America/New_York", ""):
            make.prospect(session, campaign, clock=clock, email=f"{clock or 'home'}@corp.example".replace("/", "."))
        make.place(session, campaign, play.now)
    play.play(play.now + DAY)
    assert [(sent.to.partition("@")[0], sent.at.hour) for sent in play.sent] == [
        ("Asia.Tokyo", 0),
        ("home", 9),
        ("America.New_York", 14),
    ]


def test_overdue_work_after_downtime_runs_oldest_first(play: Play) -> None:
    with play.db.sessions.begin() as session:
        campaign = make.launched(session, make.workspace(session), 5)
        for index, person in enumerate(session.scalars(select(Prospect).order_by(Prospect.id.desc()))):
            person.due_at = make.NOW + index * MINUTE
        expected = list(reversed(addresses(session, campaign)))
    play.now = make.NOW + 3 * DAY
    play.tick()
    assert play.people == expected


# Limits ------------------------------------------------------------------------------------------


def test_a_campaign_messages_no_more_people_a_day_than_its_limit(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace) for _ in range(3)]
        make.launched(session, workspace, 12, senders=senders, daily_limit=5)
    play.tick()
    assert len(play.sent) == 5
    play.play(make.NOW + DAY)
    assert len(play.sent) == 10
    assert play.sent[5].at == datetime(2026, 3, 3, tzinfo=UTC)


def test_somebody_who_was_messaged_today_gets_the_next_step_although_the_campaign_is_full(play: Play) -> None:
    nodes = [make.EMAIL_STEP, make.delay(minutes=5), make.FOLLOW_UP, make.END]
    launched(play, 4, daily_limit=2, nodes=nodes)
    play.play(make.NOW + HOUR)
    assert len(play.sent) == 4
    assert Counter(play.people).most_common(1)[0][1] == 2
    with play.db.sessions() as session:
        assert session.scalars(select(CampaignDay.used)).all() == [2]


def test_the_campaigns_limit_for_an_account_takes_the_place_of_the_accounts_own(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        low, high = (make.sender(session, workspace, daily_limit=3) for _ in range(2))
        make.launched(session, workspace, 20, senders=[low, high], limits={low: 2, high: 7})
        names = low.email_address, high.email_address
    play.tick()
    assert Counter(sent.by for sent in play.sent) == {names[0]: 2, names[1]: 7}


@pytest.mark.parametrize("limit", [1, 7])
def test_two_campaigns_that_share_an_account_never_overrun_its_limit(play: Play, limit: int) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        shared = make.sender(session, workspace, daily_limit=limit)
        for _ in range(2):
            make.launched(session, workspace, 9, senders=[shared])
    play.play(make.NOW.replace(hour=23))
    assert len(play.sent) == limit
    with play.db.sessions() as session:
        assert session.scalars(select(SenderDay.used)).all() == [limit]


def test_a_day_begins_at_the_workspaces_midnight(play: Play) -> None:
    launched_with(play, 4, {"daily_limit": 2}, timezone="Asia/Kathmandu")
    play.play(make.NOW + DAY)
    assert [sent.at for sent in play.sent] == [make.NOW] * 2 + [datetime(2026, 3, 2, 18, 15, tzinfo=UTC)] * 2


def test_a_limit_that_is_raised_lets_people_go_at_once(play: Play) -> None:
    campaign, _ = launched_with(play, 5, {}, daily_limit=2)
    play.tick()
    play.now += HOUR
    play.do(editing.edit, campaign.workspace_id, campaign.id, {"daily_limit": 4}, now=play.now, by="ann")
    play.answer_all()
    assert len(play.sent) == 4
    with play.db.sessions() as session:
        (record,) = session.scalars(select(WakeUp)).all()
    assert (record.cause, record.sleeping, record.resumed) == ("limit", 3, 3)


def test_a_limit_that_is_lowered_below_what_was_sent_holds_for_the_day(play: Play) -> None:
    campaign, _ = launched_with(play, 5, {}, daily_limit=3)
    play.tick()
    play.do(editing.edit, campaign.workspace_id, campaign.id, {"daily_limit": 1}, now=play.now, by=None)
    play.tick()
    assert len(play.sent) == 3
    play.play(make.NOW + DAY)
    assert len(play.sent) == 4


def test_what_an_account_sent_still_counts_when_its_campaign_is_deleted(play: Play) -> None:
    campaign, sender = launched_with(play, 5, {"daily_limit": 3})
    play.tick()
    play.do(launching.delete, campaign.workspace_id, campaign.id)
    with play.db.sessions.begin() as session:
        workspace = session.get_one(Workspace, campaign.workspace_id)
        make.launched(session, workspace, 5, senders=[session.get_one(Sender, sender.id)], now=play.now)
    play.tick()
    assert len(play.sent) == 3


# Order -------------------------------------------------------------------------------------------


def shared_line(play: Play, *campaigns: tuple[int, dict[str, Any]]) -> list[list[str | None]]:
    """Campaigns of one account; the people of each."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace)
        made = [make.launched(session, workspace, n, senders=[sender], **values) for n, values in campaigns]
        return [addresses(session, campaign) for campaign in made]


def test_campaigns_take_turns_with_new_people(play: Play) -> None:
    first, second = shared_line(play, (4, {}), (2, {}))
    play.post.afterwards = lambda _: play.wait(SECOND)
    play.tick()
    a, b = iter(first), iter(second)
    assert play.people == [next(a), next(b), next(a), next(b), next(a), next(a)]


def test_whoever_was_written_to_comes_before_new_people_over_all_campaigns(play: Play) -> None:
    first, second = shared_line(play, (2, {"nodes": TWO_EMAILS}), (3, {}))
    with play.db.sessions.begin() as session:
        for person in session.scalars(select(Prospect).where(Prospect.email.in_(second))):
            person.due_at = make.NOW + DAY - HOUR  # due long before the follow-ups of the first campaign
    play.tick()
    assert play.people == first
    play.now += 2 * DAY
    play.tick()
    assert play.people[2:] == [*first, *second]


def test_among_those_written_to_the_longest_due_goes_first_over_all_campaigns(play: Play) -> None:
    first, second = shared_line(play, (2, {"nodes": TWO_EMAILS}), (2, {"nodes": TWO_EMAILS}))
    play.tick()
    order = [second[1], first[0], second[0], first[1]]
    with play.db.sessions.begin() as session:
        for person in session.scalars(select(Prospect)):
            person.due_at = make.NOW + DAY + order.index(person.email) * MINUTE
    play.now += 2 * DAY
    play.tick()
    assert play.people[4:] == order


def test_a_campaign_that_sleeps_does_not_hold_up_another(play: Play) -> None:
    play.now = NIGHT
    _, open_ones = shared_line(play, (2, {"operating_hours": make.week()}), (2, {}))
    play.tick()
    assert play.people == open_ones


def test_a_full_campaign_does_not_hold_up_another(play: Play) -> None:
    first, second = shared_line(play, (3, {"daily_limit": 1}), (3, {}))
    play.tick()
    assert sorted(str(one) for one in play.people) == sorted(str(one) for one in [first[0], *second])


def test_people_are_spread_over_the_accounts_in_turn(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace) for _ in range(3)]
        make.launched(session, workspace, 9, senders=senders)
        assert Counter(session.scalars(select(Prospect.sender_account_id))) == {one.id: 3 for one in senders}


def test_people_who_are_added_later_go_on_with_the_turns(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace) for _ in range(2)]
        campaign = make.launched(session, workspace, 3, senders=senders)
    people = {"prospects": [{"email": f"late{n}@corp.example"} for n in range(3)]}
    play.do(importing.add, campaign.workspace_id, campaign.id, people, now=play.now, by=None)
    with play.db.sessions() as session:
        assert sorted(Counter(session.scalars(select(Prospect.sender_account_id))).values()) == [3, 3]


def test_somebody_keeps_the_account_that_wrote_to_them_first(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        one, two = (make.sender(session, workspace) for _ in range(2))
        make.launched(session, workspace, 1, senders=[two], people={"email": "ann@corp.example"})
    play.tick()
    with play.db.sessions.begin() as session:
        workspace = session.get_one(Workspace, workspace.id)
        senders = [session.get_one(Sender, sender.id) for sender in (one, two)]
        known = {"email": "Ann@corp.example", "identity": "ann@corp.example"}
        again = make.launched(session, workspace, 1, senders=senders, nodes=TWO_EMAILS, people=known)
        alone = make.launched(session, workspace, 1, senders=senders[:1], people=known)
        query = select(Prospect.sender_account_id)
        assert session.scalars(query.where(Prospect.campaign_id == again.id)).all() == [two.id]
        assert session.scalars(query.where(Prospect.campaign_id == alone.id)).all() == [one.id]
    play.play(play.now + 2 * DAY)
    threads = [sent.by for sent in play.sent if sent.to == "Ann@corp.example"]
    assert Counter(threads) == {two.email_address: 2, one.email_address: 1}


# Messages ----------------------------------------------------------------------------------------


def test_an_answer_in_the_thread_names_the_mails_before_it(play: Play) -> None:
    nodes = [
        make.EMAIL_STEP | {"subject": "Tea for %first_name%?"},
        make.delay(minutes=1),
        make.FOLLOW_UP | {"subject": ""},
        make.delay(minutes=1),
        make.FOLLOW_UP | {"subject": "is not used"},
        make.EMAIL_STEP | {"subject": "Something else"},
        make.FOLLOW_UP,
        make.END,
    ]
    launched(play, 1, nodes=nodes, people={"first_name": "Ann"})
    play.play(make.NOW + HOUR)
    one, two, three, other, last = (sent.outgoing for sent in play.sent)
    assert [mail.subject for mail in (one, two, three)] == ["Tea for Ann?", "Re: Tea for Ann?", "Re: Tea for Ann?"]
    assert (other.subject, last.subject) == ("Something else", "Re: Something else")
    assert one.references == ()
    assert two.references == (one.message_id,)
    assert three.references == (one.message_id, two.message_id)
    assert other.references == ()
    assert last.references == (other.message_id,)
    assert len({mail.message_id for mail in (one, two, three, other, last)}) == 5


def test_a_message_is_filled_in_signed_and_written_down(play: Play) -> None:
    nodes = [
        {"type": "email", "subject": "Hi %first_name%", "body": "%company%, %custom_fields.plan%, %sender_name%\n\n"},
        {"type": "email", "subject": "2", "body": "x", "signature": "Own, %sender_first_name%"},
        {"type": "email", "subject": "3", "body": "x", "signature": ""},
        make.END,
    ]
    people = {"first_name": "Ann", "last_name": "Lee", "company": "ACME", "custom_fields": {"plan": "gold"}}
    launched(play, 1, nodes=nodes, people=people, signature="-- \n%sender_first_name%")
    play.play(make.NOW + HOUR)
    mail = play.sent[0].outgoing
    assert mail.subject == "Hi Ann"
    assert mail.body == "ACME, gold, Sarah Chen\n\n--\x20\nSarah\n".replace("\x20\n", " \n")
    assert (mail.from_name, mail.to_name, mail.date) == ("Sarah Chen", "Ann Lee", make.NOW)
    assert [sent.outgoing.body for sent in play.sent[1:]] == ["x\n\nOwn, Sarah\n", "x\n"]
    row = play.messages()[0]
    assert (row.status, row.subject, row.body) == ("sent", mail.subject, mail.body)
    assert (row.rfc_message_id, row.receipt, row.sent_at) == (mail.message_id, "250 taken", make.NOW)


def test_somebody_for_whom_a_value_is_missing_is_held_back_with_the_reason(play: Play) -> None:
    nodes = [{"type": "email", "subject": "Hi", "body": "How is %company%?"}, make.END]
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.campaign(
            session, workspace, nodes=nodes, senders=[make.sender(session, workspace)], status=ACTIVE
        )
        make.prospect(session, campaign, company="ACME", email="ann@corp.example")
        make.prospect(session, campaign, company="  ", email="bob@corp.example")
        make.place(session, campaign, play.now)
    play.tick()
    assert play.people == ["ann@corp.example"]
    assert play.statuses() == {"ann@corp.example": "completed", "bob@corp.example": "failed"}
    with play.db.sessions() as session:
        bob = session.scalars(select(Prospect).where(Prospect.status == "failed")).one()
        assert "company" in str(bob.status_reason)
        assert "Email 1" in str(bob.status_reason)
        assert session.scalars(select(Message.prospect_id)).all() != [bob.id]
        assert session.scalars(select(SenderDay.used)).all() == [1]
        assert session.scalars(select(CampaignDay.used)).all() == [1]


@pytest.mark.parametrize("value", ["ann@corp.example", "corp.example"])
def test_somebody_who_said_no_never_gets_a_message(play: Play, value: str) -> None:
    campaign = launched(play, 1, people={"email": "Ann@Corp.example"})
    with play.db.sessions.begin() as session:
        make.suppression(session, session.get_one(Workspace, campaign.workspace_id), value)
    play.play(make.NOW + DAY)
    assert play.sent == []
    assert play.statuses() == {"Ann@Corp.example": "unsubscribed"}
    assert play.messages() == []


def test_saying_no_in_another_workspace_says_nothing_here(play: Play) -> None:
    launched(play, 1, people={"email": "ann@corp.example"})
    with play.db.sessions.begin() as session:
        make.suppression(session, make.workspace(session), "ann@corp.example")
    play.tick()
    assert len(play.sent) == 1


def test_saying_no_between_two_steps_ends_the_sequence(play: Play) -> None:
    campaign = launched(play, 1, nodes=TWO_EMAILS, people={"email": "ann@corp.example"})
    play.tick()
    with play.db.sessions.begin() as session:
        make.suppression(session, session.get_one(Workspace, campaign.workspace_id), "ann@corp.example")
    play.play(make.NOW + 3 * DAY)
    assert len(play.sent) == 1
    assert play.campaign(campaign.id).status == COMPLETED


@pytest.mark.parametrize("status", ["replied", "bounced", "unsubscribed", "cancelled"])
def test_whoever_left_the_sequence_gets_nothing_more(play: Play, status: str) -> None:
    launched(play, 1, nodes=TWO_EMAILS)
    play.tick()
    with play.db.sessions.begin() as session:
        person = session.scalars(select(Prospect)).one()
        person.status, person.due_at = status, None
    play.play(make.NOW + 3 * DAY)
    assert len(play.sent) == 1


def test_a_delay_counts_from_the_moment_of_the_send(play: Play) -> None:
    play.now = NIGHT
    launched(play, 1, nodes=TWO_EMAILS, operating_hours=make.week("09:00", "17:00", days="mtwtfss"))
    play.post.afterwards = lambda _: play.wait(90 * SECOND)
    play.play(NIGHT + 3 * DAY)
    assert play.sent[1].at - play.sent[0].at == DAY + 90 * SECOND


def test_delays_before_the_first_and_after_the_last_mail_are_kept(play: Play) -> None:
    campaign = launched(play, 1, nodes=[make.delay(hours=2), make.EMAIL_STEP, make.delay(hours=3), make.END])
    play.play(make.NOW + 4 * HOUR)
    assert [sent.at for sent in play.sent] == [make.NOW + 2 * HOUR]
    assert set(play.statuses().values()) == {"sent"}
    assert play.campaign(campaign.id).status == ACTIVE
    play.play(make.NOW + 5 * HOUR)
    assert set(play.statuses().values()) == {"completed"}
    assert play.campaign(campaign.id).status == COMPLETED


# Gaps --------------------------------------------------------------------------------------------


def test_between_two_sends_of_an_account_lies_a_gap_over_all_its_campaigns(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, min_gap=60, max_gap=90)
        for _ in range(2):
            make.launched(session, workspace, 6, senders=[sender])
    play.play(make.NOW + HOUR)
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(play.sent)]
    assert len(gaps) == 11
    assert all(60 <= gap <= 90 for gap in gaps)
    assert len(set(gaps)) == 11


def test_accounts_do_not_wait_for_each_other(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        senders = [make.sender(session, workspace, min_gap=3600, max_gap=3600) for _ in range(4)]
        make.launched(session, workspace, 8, senders=senders)
    play.tick()
    assert len(play.sent) == 4


def test_a_gap_shorter_than_half_a_second_is_waited_for_in_the_lane(play: Play) -> None:
    _, sender = launched_with(play, 3, {})
    lane = play.lane(sender.id)
    lane._gap = lambda _: timedelta(milliseconds=400)  # type: ignore[method-assign]
    assert lane.run() == 3
    assert [sent.at - make.NOW for sent in play.sent] == [timedelta(milliseconds=400) * n for n in range(3)]
    assert play.post.opened == 1


# Pausing, resuming, editing ----------------------------------------------------------------------


def test_a_pause_stops_within_the_message_being_sent_and_resuming_goes_on(play: Play) -> None:
    campaign = launched(play, 5)

    def pause_at_the_second(_: object) -> None:
        if len(play.sent) == 2:
            play.do(launching.pause, campaign.workspace_id, campaign.id, now=play.now, by="ann", reason="lunch")

    play.post.afterwards = pause_at_the_second
    play.tick()
    assert len(play.sent) == 2
    assert Counter(play.statuses().values()) == {"completed": 2, "pending": 3}
    play.play(make.NOW + DAY)
    assert len(play.sent) == 2
    paused = play.campaign(campaign.id)
    assert (paused.status, paused.pause_reason) == ("paused", "lunch")
    play.do(launching.resume, campaign.workspace_id, campaign.id, now=play.now, by="ann")
    play.answer_all()
    assert len(set(play.people)) == len(play.people) == 5
    assert play.campaign(campaign.id).pause_reason is None


def test_resuming_leaves_a_record_and_counts_from_fresh_gates(play: Play) -> None:
    campaign = launched(play, 3, operating_hours=make.week(), status="paused")
    play.now = NIGHT
    play.do(launching.resume, campaign.workspace_id, campaign.id, now=play.now, by="ann")
    play.answer_all()
    with play.db.sessions() as session:
        (record,) = session.scalars(select(WakeUp)).all()
    assert (record.cause, record.requested_by) == ("resume", "ann")
    assert (record.sleeping, record.resumed, record.slept_again) == (3, 0, 3)
    assert record.next_open_at == NIGHT + 13 * HOUR
    assert play.sent == []


def edit_hours(play: Play, campaign: Campaign, hours: Any, **more: Any) -> WakeUp | None:
    body = {"operating_hours": hours, **more}
    _, changes = play.do(editing.edit, campaign.workspace_id, campaign.id, body, now=play.now, by="ann")
    wake_up: WakeUp | None = changes.wake_up
    return wake_up


def record_of(play: Play, wake_up: WakeUp | None) -> WakeUp:
    assert wake_up is not None
    with play.db.sessions() as session:
        return session.get_one(WakeUp, wake_up.id)


def test_new_hours_that_are_open_wake_the_sleepers_at_once(play: Play) -> None:
    play.now = NIGHT
    campaign = launched(play, 4, operating_hours=make.week())
    play.tick()
    assert play.sent == []
    wake_up = edit_hours(play, campaign, make.week("19:00", "23:00"))
    play.answer_all()
    assert len(play.sent) == 4
    record = record_of(play, wake_up)
    assert (record.sleeping, record.resumed, record.slept_again, record.next_open_at) == (4, 4, 0, None)
    assert (record.finished_at, record.duration_ms, record.job_id) == (NIGHT, 0, "job")


def test_new_hours_that_are_closed_send_people_back_to_sleep(play: Play) -> None:
    campaign = launched(play, 4, operating_hours=None)
    wake_up = edit_hours(play, campaign, make.week("12:00", "13:00"))
    play.answer_all()
    assert play.sent == []
    record = record_of(play, wake_up)
    assert (record.sleeping, record.resumed, record.slept_again) == (4, 0, 4)
    assert record.next_open_at == make.NOW.replace(hour=12)
    play.play(make.NOW.replace(hour=12))
    assert len(play.sent) == 4


def test_nobody_is_sent_to_in_old_hours_although_no_job_has_run_yet(play: Play) -> None:
    campaign, sender = launched_with(play, 3, {}, operating_hours=None)
    edit_hours(play, campaign, make.week("12:00", "13:00"))
    play.lane(sender.id).run()
    assert play.sent == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_edits_end_in_the_state_of_the_later_whatever_order_their_jobs_run_in(
    play: Play, order: tuple[int, int]
) -> None:
    campaign, sender = launched_with(play, 3, {}, operating_hours=make.week("08:00", "09:00"))
    wake_ups = [
        edit_hours(play, campaign, make.week("09:00", "18:00")),
        edit_hours(play, campaign, make.week("12:00", "13:00")),
    ]
    for index in order:
        play.wake(wake_ups[index].id)  # type: ignore[union-attr]
        play.lane(sender.id).run()
    assert play.sent == []
    with play.db.sessions() as session:
        assert session.scalars(select(Gate.opens_at)).all() == [make.NOW.replace(hour=12)]
    for wake_up in wake_ups:
        record = record_of(play, wake_up)
        assert (record.sleeping, record.resumed, record.slept_again) == (3, 0, 3)
    assert record_of(play, wake_ups[0]).new_operating_hours == make.week("09:00", "18:00")


def test_a_wake_up_that_was_carried_out_is_not_carried_out_again(play: Play) -> None:
    campaign = launched(play, 2, operating_hours=make.week("12:00", "13:00"))
    wake_up = edit_hours(play, campaign, make.week("14:00", "15:00"))
    play.answer_all()
    before = play.db.dump()
    play.now += HOUR
    play.wake(wake_up.id)  # type: ignore[union-attr]
    assert play.db.dump() == before


def test_a_wake_up_of_a_deleted_campaign_does_nothing(play: Play) -> None:
    campaign = launched(play, 2, operating_hours=make.week("12:00", "13:00"))
    wake_up = edit_hours(play, campaign, make.week("14:00", "15:00"))
    play.do(launching.delete, campaign.workspace_id, campaign.id)
    play.wake(wake_up.id)  # type: ignore[union-attr]


def test_a_wake_up_over_several_clocks_counts_each_by_its_own(play: Play) -> None:
    """At 10:00 UTC it is 19:00 in Tokyo, 05:00 in New York and 11:00 in Berlin."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.campaign(
            session,
            workspace,
            senders=[make.sender(session, workspace, daily_limit=1)],
            operating_hours=make.week("02:00", "03:00"),
            prospect_timezone=True,
            status=ACTIVE,
        )
        for clock, n in (("Asia/Tokyo", 2), ("America/New_York", 3), ("Europe/Berlin", 4), ("", 5)):
            make.prospects(session, campaign, n, clock=clock)
        make.place(session, campaign, play.now)
        make.prospects(session, campaign, 6, due_at=play.now + HOUR)  # not due, so not asleep
    record = record_of(play, edit_hours(play, campaign, make.week("10:30", "17:00")))
    play.answer_all()
    record = record_of(play, record)
    assert (record.sleeping, record.resumed, record.slept_again) == (14, 4, 10)
    assert record.next_open_at == make.NOW + 30 * MINUTE  # home, before New York at 15:30
    assert len(play.sent) == 1  # resumed means that the hours are open; limits still pace them
    record = record_of(play, edit_hours(play, campaign, make.week("10:30", "17:00"), prospect_timezone=False))
    play.answer_all()
    record = record_of(play, record)
    assert (record.sleeping, record.resumed, record.slept_again) == (13, 0, 13)
    assert record.next_open_at == make.NOW + 30 * MINUTE


# Roster ------------------------------------------------------------------------------------------


def test_people_who_are_added_to_a_running_campaign_are_written_to(play: Play) -> None:
    campaign = launched(play, 1, nodes=TWO_EMAILS)
    play.tick()
    play.now += HOUR
    people = [
        {"email": "new@corp.example", "timezone": "Asia/Tokyo"},
        {"email": "NEW@corp.example"},
        {"email": next(iter(play.statuses()))},
    ]
    done = play.do(importing.add, campaign.workspace_id, campaign.id, {"prospects": people}, now=play.now, by="ann")
    assert done.to_json() == {"imported": 1, "duplicates": 2}
    play.answer_all()
    assert play.people[1:] == ["new@corp.example"]
    with play.db.sessions() as session:
        assert {gate.clock for gate in session.scalars(select(Gate))} == {"", "Asia/Tokyo"}


def test_people_who_are_added_to_a_paused_campaign_wait_for_it(play: Play) -> None:
    campaign = launched(play, 1, status="paused")
    people = {"prospects": [{"email": "new@corp.example"}]}
    play.do(importing.add, campaign.workspace_id, campaign.id, people, now=play.now, by=None)
    play.play(make.NOW + DAY)
    assert play.sent == []
    play.do(launching.resume, campaign.workspace_id, campaign.id, now=play.now, by=None)
    play.answer_all()
    assert "new@corp.example" in play.people


@pytest.mark.parametrize("status", ["launching", "completed"])
def test_people_cannot_be_added_where_nothing_would_take_them_up(play: Play, status: str) -> None:
    campaign = launched(play, 1, status=status)
    before = play.db.dump()
    people = {"prospects": [{"email": "new@corp.example"}]}
    with pytest.raises(WrongState, match=status):
        play.do(importing.add, campaign.workspace_id, campaign.id, people, now=play.now, by=None)
    assert play.db.dump() == before


def test_one_entry_that_cannot_be_read_keeps_all_of_them_out(play: Play) -> None:
    campaign = launched(play, 1)
    before = play.db.dump()
    people = {"prospects": [{"email": "good@corp.example"}, {"email": "bad"}, 7]}
    with pytest.raises(Invalid) as caught:
        play.do(importing.add, campaign.workspace_id, campaign.id, people, now=play.now, by=None)
    assert [problem.field for problem in caught.value.problems] == ["prospects[1].email", "prospects[2]"]
    assert play.db.dump() == before


@pytest.mark.parametrize("body", [None, [], {}, {"prospects": []}, {"prospects": "all"}, {"prospects": [{}] * 1001}])
def test_one_to_a_thousand_people_are_added_at_a_time(play: Play, body: Any) -> None:
    campaign = launched(play, 1)
    with pytest.raises(Invalid):
        play.do(importing.add, campaign.workspace_id, campaign.id, body, now=play.now, by=None)


def test_a_thousand_people_are_a_handful_of_statements(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.launched(session, workspace, 1, senders=[make.sender(session, workspace)] * 1)
    people = {"prospects": [{"email": f"p{n}@corp.example", "first_name": "P"} for n in range(1000)]}
    with play.db.counting() as statements:
        done = play.do(importing.add, campaign.workspace_id, campaign.id, people, now=play.now, by=None)
    assert done.imported == 1000
    assert len(statements) < 30


def test_a_table_is_read_as_far_as_it_can_be(play: Play) -> None:
    campaign = launched(play, 0, status="draft")
    text = "email;first name\nann@corp.example;Ann\nnobody;Bob\nAnn@corp.example;Twice\nbob@corp.example;Bob\n"
    done = play.do(
        importing.add_table, campaign.workspace_id, campaign.id, text, source="people.csv", now=play.now, by="ann"
    )
    assert done.to_json() == {"imported": 2, "duplicates": 1}
    assert [problem.field for problem in done.problems] == ["line 3.email"]
    with play.db.sessions() as session:
        ann, _ = session.scalars(select(Prospect).order_by(Prospect.id))
        assert (ann.first_name, ann.source) == ("Ann", "people.csv")
        (event,) = session.scalars(select(Event)).all()
        assert event.data == {"count": 2, "source": "people.csv"}


def test_somebody_who_is_removed_in_flight_is_cancelled_and_gets_nothing_more(play: Play) -> None:
    campaign = launched(play, 2, nodes=TWO_EMAILS)
    with play.db.sessions() as session:
        people = [str(one) for one in session.scalars(select(Prospect.id).order_by(Prospect.id))]

    def remove_both(_: object) -> None:
        play.do(removing.remove, campaign.workspace_id, campaign.id, {"ids": people}, now=play.now, by=None)

    play.post.instead = remove_both
    play.play(make.NOW + 3 * DAY)
    assert len(play.sent) == 1
    assert play.statuses() == {play.sent[0].to: "cancelled"}  # the other had no message yet, and is gone
    assert [message.status for message in play.messages()] == ["sent"]
    assert play.campaign(campaign.id).status == COMPLETED


def test_removing_everybody_ends_a_campaign(play: Play) -> None:
    campaign = launched(play, 3, nodes=TWO_EMAILS)
    play.tick()
    done = play.do(removing.remove, campaign.workspace_id, campaign.id, {"all": True}, now=play.now, by=None)
    assert done == {"removed": 3, "deleted": 0, "cancelled": 3}
    play.tick()
    assert play.campaign(campaign.id).status == COMPLETED


def test_a_person_who_is_moved_to_another_clock_has_a_gate_there(play: Play) -> None:
    campaign = launched(play, 1, operating_hours=make.week("18:00", "20:00"), prospect_timezone=True)
    play.tick()
    assert play.sent == []
    with play.db.sessions() as session:
        person = session.scalars(select(Prospect.id)).one()
    play.do(
        rostering.edit,
        campaign.workspace_id,
        campaign.id,
        person,
        {"timezone": "Asia/Tokyo", "first_name": None},
        now=play.now,
    )
    play.tick()
    assert len(play.sent) == 1


def test_two_people_of_one_address_are_a_conflict(play: Play) -> None:
    campaign = launched(play, 2)
    with play.db.sessions() as session:
        one, two = session.scalars(select(Prospect).order_by(Prospect.id)).all()
    before = play.db.dump()
    with pytest.raises(Conflict):
        play.do(rostering.edit, campaign.workspace_id, campaign.id, one.id, {"email": two.email}, now=play.now)
    assert play.db.dump() == before


def test_a_campaign_that_is_deleted_during_a_send_takes_everything_with_it(play: Play) -> None:
    campaign = launched(play, 3)
    play.post.instead = lambda _: play.do(launching.delete, campaign.workspace_id, campaign.id)
    play.tick()
    assert len(play.sent) == 1
    with play.db.sessions() as session:
        assert session.scalars(select(Campaign)).all() == []
        assert session.scalars(select(Prospect)).all() == []
        assert session.scalars(select(SenderDay.used)).all() == [1]
        assert session.scalars(select(Sender.lease_until)).all() == [None]


# Launching ---------------------------------------------------------------------------------------


def ready_draft(play: Play, n: int = 3, **values: Any) -> Campaign:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)], **values)
        make.prospects(session, campaign, n)
        return campaign


def test_a_launch_gives_everybody_their_place_and_starts(play: Play) -> None:
    campaign = ready_draft(play)
    play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by="ann")
    assert play.campaign(campaign.id).status == "launching"
    play.now += SECOND
    play.answer_all()
    assert len(play.sent) == 3
    done = play.campaign(campaign.id)
    assert (done.launched_at, done.launching_since) == (play.now, None)
    with play.db.sessions() as session:
        (record,) = session.scalars(select(WakeUp)).all()
        kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert (record.cause, record.sleeping, record.resumed, record.slept_again) == ("launch", 3, 3, 0)
    assert kinds[:2] == ["launch_requested", "launched"]


def test_a_launch_whose_bell_was_lost_is_found_by_the_tick(play: Play) -> None:
    campaign = ready_draft(play)
    play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by="ann")
    play.db.rung.clear()
    play.now += ticking.PATIENCE
    play.tick()
    assert len(play.sent) == 3
    assert play.campaign(campaign.id).launched_at == play.now


def test_a_launch_that_is_stuck_falls_back_to_a_draft_after_two_minutes(play: Play) -> None:
    campaign = ready_draft(play)
    play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by="ann")
    for seconds, status in ((119, "launching"), (120, "draft")):
        play.now = make.NOW + timedelta(seconds=seconds)
        play.do(ticking.settle, play.now)
        assert play.campaign(campaign.id).status == status
    assert play.do(launching.start, campaign.id, now=play.now, by=None) is False  # the job comes too late
    assert play.campaign(campaign.id).status == "draft"
    play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by="ann")
    play.db.rung = play.db.rung[-1:]
    play.answer_all()
    assert len(play.sent) == 3


def test_a_launch_job_that_runs_twice_launches_once(play: Play) -> None:
    campaign = ready_draft(play)
    play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by=None)
    assert play.do(launching.start, campaign.id, now=play.now, by=None) is True
    before = play.db.dump()
    assert play.do(launching.start, campaign.id, now=play.now + HOUR, by=None) is False
    assert play.db.dump() == before


@pytest.mark.parametrize("status", ["launching", "active", "paused", "completed"])
def test_only_a_draft_can_be_launched(play: Play, status: str) -> None:
    campaign = launched(play, 1, status=status)
    error = Conflict if status == "launching" else WrongState
    before = play.db.dump()
    with pytest.raises(error, match=status if error is WrongState else "already"):
        play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by=None)
    assert play.db.dump() == before


@pytest.mark.parametrize(
    ("verb", "origin"), [(launching.pause, "active"), (launching.resume, "paused")], ids=["pause", "resume"]
)
def test_pausing_and_resuming_go_one_way_each(play: Play, verb: Any, origin: str) -> None:
    for status in ("draft", "launching", "active", "paused", "completed"):
        campaign = launched(play, 1, status=status)
        if status == origin:
            play.do(verb, campaign.workspace_id, campaign.id, now=play.now, by=None)
            continue
        before = play.db.dump()
        with pytest.raises(WrongState, match=status):
            play.do(verb, campaign.workspace_id, campaign.id, now=play.now, by=None)
        assert play.db.dump() == before


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"n": 0}, "prospects"),
        ({"senders": []}, "sender_account_ids"),
        ({"nodes": [make.END]}, "sequence_nodes"),
        ({"nodes": [{"type": "email", "subject": "", "body": "x"}, make.END]}, "sequence_nodes[0].subject"),
        ({"nodes": [{"type": "email", "subject": "x", "body": " "}, make.END]}, "sequence_nodes[0].body"),
        ({"nodes": [make.EMAIL_STEP | {"body": "%frist_name%"}, make.END]}, "sequence_nodes[0].body"),
        ({"nodes": [make.FOLLOW_UP, make.END]}, "sequence_nodes[0].is_reply"),
        ({"nodes": [make.EMAIL_STEP | {"body": "%sender_last_name%"}, make.END]}, "sender_account_ids"),
        ({"signature": "%nobody%"}, "signature"),
    ],
    ids=str,
)
def test_what_is_missing_keeps_a_campaign_a_draft(play: Play, values: dict[str, Any], field: str) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        given = {"senders": [make.sender(session, workspace)]} | values
        n = given.pop("n", 1)
        campaign = make.campaign(session, workspace, **given)
        make.prospects(session, campaign, n)
    before = play.db.dump()
    with pytest.raises(Invalid) as caught:
        play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by=None)
    assert caught.value.code == "not_ready"
    assert [problem.field for problem in caught.value.problems] == [field]
    assert play.db.dump() == before
    with play.db.sessions() as session:
        readiness = launching.validate(session, session.get_one(Campaign, campaign.id)).to_json()
    assert readiness["ready"] is False
    assert [check["ok"] for check in readiness["checks"]].count(False) == 1
    assert play.db.dump() == before


@pytest.mark.parametrize(
    ("account", "campaign", "warned"),
    [
        ({}, {}, ["stop_on_reply"]),
        ({"imap": {"host": "imap.example.com"}}, {"open_tracking": True}, []),
        ({"uses_trap": True}, {}, []),
        ({}, {"stop_on_reply": False}, []),
        ({"type": "linkedin"}, {"type": "linkedin"}, []),
    ],
)
def test_the_checklist_warns_of_answers_that_nobody_sees(
    play: Play, account: dict[str, Any], campaign: dict[str, Any], warned: list[str]
) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        sender = make.sender(session, workspace, **account)
        warnings = launching.validate(session, make.campaign(session, workspace, senders=[sender], **campaign)).warnings
    assert [warning.field for warning in warnings] == warned
    assert all(sender.label in warning.message for warning in warnings if warning.field == "stop_on_reply")


def test_an_account_that_cannot_send_keeps_a_campaign_a_draft(play: Play) -> None:
    campaign = ready_draft(play)
    with play.db.sessions.begin() as session:
        session.scalars(select(Sender)).one().status = "needs_attention"
    with pytest.raises(Invalid, match="cannot send"):
        play.do(launching.launch, campaign.workspace_id, campaign.id, now=play.now, by=None)


def test_a_linkedin_step_becomes_a_task_that_holds_the_campaign_open(play: Play) -> None:
    campaign = launched(play, 2, type=LINKEDIN)
    play.play(make.NOW + DAY)
    assert play.sent == []
    with play.db.reading() as session:
        assert open_tasks(session, session.scalars(select(Sender.id)).one()) == {"connection_request": 2}
    assert play.campaign(campaign.id).status == ACTIVE


# The tick ----------------------------------------------------------------------------------------


def test_a_tick_may_come_any_number_of_times(play: Play) -> None:
    play.now = NIGHT
    launched(play, 2, operating_hours=make.week())
    launched(play, 0)
    play.tick()
    before = play.db.dump()
    for _ in range(3):
        play.tick()
    assert play.db.dump() == before


def test_a_tick_rings_for_open_due_work_and_for_nothing_else(play: Play) -> None:
    campaign, sender = launched_with(play, 2, {}, operating_hours=make.week())

    def rung(now: datetime) -> list[tuple[str, ...]]:
        play.db.rung.clear()
        with play.db.reading.begin() as session:
            ticking.ring_lanes(session, now)
        return [bell.args for bell in play.db.rung]

    mine = (str(sender.id),)
    assert rung(make.NOW) == [mine]
    assert rung(NIGHT) == []
    for column, value in (
        ("status", "disconnected"),
        ("next_send_at", make.NOW + SECOND),
        ("lease_until", make.NOW + SECOND),
        ("daily_limit", 0),
    ):
        with play.db.sessions.begin() as session:
            account = session.get_one(Sender, sender.id)
            before = getattr(account, column)
            setattr(account, column, value)
        assert rung(make.NOW) == [], column
        with play.db.sessions.begin() as session:
            setattr(session.get_one(Sender, sender.id), column, before)
    with play.db.sessions.begin() as session:
        make.sent_today(session, session.get_one(Sender, sender.id), 499)
    assert rung(make.NOW) == [mine]
    with play.db.sessions.begin() as session:
        session.add(CampaignDay(campaign_id=campaign.id, day=make.NOW.date(), used=500))
    assert rung(make.NOW) == []
    with play.db.sessions.begin() as session:
        one = session.scalars(select(Prospect).limit(1)).one()
        one.counted_on = make.NOW.date()
    assert rung(make.NOW) == [mine]


def test_a_wake_up_whose_bell_was_lost_is_found_by_the_tick(play: Play) -> None:
    play.now = NIGHT
    campaign = launched(play, 2, operating_hours=make.week())
    wake_up = edit_hours(play, campaign, None)
    play.db.rung.clear()
    play.now += ticking.PATIENCE
    play.tick()
    assert len(play.sent) == 2
    record = record_of(play, wake_up)
    assert record.finished_at == play.now
    assert record.duration_ms == 2000


def test_a_campaign_with_people_added_at_the_last_moment_is_not_completed(play: Play) -> None:
    campaign = launched(play, 1)
    play.lane(play.db and next(iter(sender_ids(play)))).run()
    people = {"prospects": [{"email": "late@corp.example"}]}
    play.do(importing.add, campaign.workspace_id, campaign.id, people, now=play.now, by=None)
    play.do(ticking.settle, play.now)
    assert play.campaign(campaign.id).status == ACTIVE


def sender_ids(play: Play) -> list[Any]:
    with play.db.sessions() as session:
        return list(session.scalars(select(Sender.id)))


def test_a_paused_campaign_is_not_completed_behind_ones_back(play: Play) -> None:
    campaign = launched(play, 1)
    play.post.afterwards = lambda _: play.do(launching.pause, campaign.workspace_id, campaign.id, now=play.now, by=None)
    play.play(make.NOW + HOUR)
    assert play.campaign(campaign.id).status == "paused"
    play.do(launching.resume, campaign.workspace_id, campaign.id, now=play.now, by=None)
    play.answer_all()
    play.tick()
    assert play.campaign(campaign.id).status == COMPLETED


# Lanes -------------------------------------------------------------------------------------------


def test_a_lane_gives_its_worker_back_and_asks_for_another_turn(play: Play) -> None:
    _, sender = launched_with(play, 9, {})
    play.post.afterwards = lambda _: play.wait(2 * SECOND)
    assert play.lane(sender.id).run() == 3
    assert [bell.job for bell in play.db.rung] == ["lane"]
    assert play.sender(sender.id).lease_until is None


def test_a_lane_that_is_asked_to_stop_stops_between_two_messages(play: Play) -> None:
    _, sender = launched_with(play, 9, {})
    assert play.lane(sender.id, stop=lambda: len(play.sent) >= 2).run() == 2
    assert [message.status for message in play.messages()] == ["sent", "sent"]


def test_a_second_lane_of_the_same_account_leaves_at_once(play: Play) -> None:
    _, sender = launched_with(play, 2, {})
    second: list[int] = []
    play.post.instead = lambda _: second.append(play.lane(sender.id).run())
    assert play.lane(sender.id).run() == 2
    assert second == [0, 0]


def test_a_lane_of_an_account_that_is_gone_does_nothing(play: Play) -> None:
    assert play.lane(make.new_id()).run() == 0


def test_one_connection_is_enough_for_a_whole_line(play: Play) -> None:
    _, sender = launched_with(play, 5, {})
    play.lane(sender.id).run()
    assert (play.post.opened, len(play.sent)) == (1, 5)


def test_no_connection_is_opened_for_nothing(play: Play) -> None:
    play.now = NIGHT
    _, sender = launched_with(play, 5, {}, operating_hours=make.week())
    play.lane(sender.id).run()
    assert play.post.opened == 0


def test_the_last_place_of_a_campaign_is_taken_by_one_of_two_lanes(play: Play) -> None:
    """Both lanes see the place; the second finds it taken when it claims, and its person waits unharmed."""
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        one, two = (make.sender(session, workspace) for _ in range(2))
        make.launched(session, workspace, 2, senders=[one, two], daily_limit=1)
    other: Lane = play.lane(two.id)
    candidates = other._line
    other._line = lambda session: racing(session)  # type: ignore[method-assign]

    def racing(session: Session) -> Any:
        line = candidates(session)
        if line and not play.sent:
            play.lane(one.id).run()
        return line

    if play.db.kind == "sqlite":
        racing_reader = play.db.reading
        other.reading = racing_reader
    assert other.run() == 0
    assert len(play.sent) == 1
    with play.db.sessions() as session:
        assert session.scalars(select(CampaignDay.used)).all() == [1]
        waiting = session.scalars(select(Prospect).where(Prospect.due_at.is_not(None))).one()
    assert waiting.status == "pending"
    play.play(make.NOW + DAY)
    assert len(set(play.people)) == 2


def test_a_person_who_lost_their_place_in_the_sequence_does_not_hold_the_lane(play: Play) -> None:
    """It cannot happen by any verb; if it does, others must still be written to, and nothing turns in circles."""
    campaign, _ = launched_with(play, 2, {}, nodes=TWO_EMAILS)
    with play.db.sessions.begin() as session:
        first, second = session.scalars(select(Prospect).order_by(Prospect.id)).all()
        make.message(session, first, nodes_of(session, campaign.id)[0], status="sent")
    play.tick()
    assert play.people == [second.email]


# Accounts ----------------------------------------------------------------------------------------


def test_an_account_that_is_put_back_to_work_wakes_its_campaigns(play: Play) -> None:
    campaign, sender = launched_with(play, 2, {"status": "disconnected"})
    play.tick()
    assert play.sent == []
    play.do(
        connecting.change,
        campaign.workspace_id,
        sender.id,
        {"status": "active"},
        key="",
        now=play.now,
        by="ann",
    )
    play.answer_all()
    assert len(play.sent) == 2
    with play.db.sessions() as session:
        assert session.scalars(select(WakeUp.cause)).all() == ["senders"]


def test_an_account_in_use_cannot_be_removed(play: Play) -> None:
    campaign, sender = launched_with(play, 1, {}, name="Spring")
    with pytest.raises(Conflict, match="Spring"):
        play.do(connecting.remove, campaign.workspace_id, sender.id)
    with play.db.sessions() as session:
        assert session.scalars(select(CampaignSender)).all()


def test_a_failing_connection_is_not_hammered(play: Play) -> None:
    _, sender = launched_with(play, 2, {})

    def away(_: Sender) -> None:
        raise Unsent("connection refused", lasting=False, account=True)

    play.post.on_opening = away
    times: list[datetime] = []
    for _ in range(7):
        play.tick()
        account = play.sender(sender.id)
        assert account.next_send_at is not None
        times.append(account.next_send_at)
        assert account.status == "active"
        assert account.status_reason == "connection refused"
        pause = account.next_send_at - play.now
        play.now = account.next_send_at
    assert pause == 15 * MINUTE
    assert play.messages() == []
    play.post.on_opening = lambda _: None
    play.tick()
    assert len(play.sent) == 2
    assert (play.sender(sender.id).failures, play.sender(sender.id).status_reason) == (0, None)


def test_an_account_whose_domain_has_other_letters_writes_from_those_of_the_wire(play: Play) -> None:
    launched_with(play, 1, {"email_address": "sarah@bücher.example"})
    play.tick()
    assert play.sent[0].outgoing.message_id.endswith("@xn--bcher-kva.example>")


def test_the_gap_begins_when_a_slow_send_has_ended(play: Play) -> None:
    launched_with(play, 3, {"min_gap": 60, "max_gap": 60})
    play.post.afterwards = lambda _: play.wait(40 * SECOND)
    play.play(make.NOW + HOUR)
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(play.sent)]
    assert gaps == [100, 100]


def test_a_gate_that_has_passed_is_moved_to_the_next_opening_by_the_tick(play: Play) -> None:
    launched(play, 1, operating_hours=make.week(days="m"), people={"due_at": None})

    def gate() -> tuple[datetime, datetime]:
        with play.db.sessions() as session:
            row = session.scalars(select(Gate)).one()
            return row.opens_at.replace(year=max(row.opens_at.year, 1970)), row.closes_at

    closing = make.NOW.replace(hour=17)
    assert gate()[1] == closing
    play.do(ticking.roll_passed_gates, closing - SECOND)
    assert gate()[1] == closing
    play.do(ticking.roll_passed_gates, closing)
    assert gate() == (make.NOW.replace(hour=9) + 7 * DAY, closing + 7 * DAY)


def test_a_wake_up_that_comes_late_counts_by_the_hours_as_they_are_then(play: Play) -> None:
    campaign = launched(play, 2, operating_hours=make.week("11:00", "12:00"))
    wake_up = edit_hours(play, campaign, make.week("09:00", "11:00"))
    play.now = make.NOW + HOUR  # the job ran at last, and closing time was before it
    play.wake(wake_up.id)  # type: ignore[union-attr]
    record = record_of(play, wake_up)
    assert (record.sleeping, record.resumed, record.slept_again) == (2, 0, 2)
    assert record.next_open_at == make.NOW.replace(hour=9) + DAY
    assert record.duration_ms == 3_600_000


def test_somebody_who_is_through_stays_what_they_are_when_they_are_removed(play: Play) -> None:
    campaign = launched(play, 2)
    play.tick()
    done = play.do(removing.remove, campaign.workspace_id, campaign.id, {"all": True}, now=play.now, by=None)
    assert done == {"removed": 0, "deleted": 0, "cancelled": 0}
    assert set(play.statuses().values()) == {"completed"}
