"""People who are in another LinkedIn campaign: left out at launch and before their first step, by one of the two."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import explaining, importing, launching, steering, ticking
from campaigns.channels.outgoing import Unsent
from campaigns.models import Campaign, Event, Prospect, Sender, Workspace
from campaigns.models.elsewhere import taken_by_other
from campaigns.models.task import Task
from campaigns.rules.refusals import Invalid, WrongState
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, Play

ANN, BEN, EVE = (f"https://www.linkedin.com/in/{name}" for name in ("ann", "ben", "eve"))
LINKEDIN: dict[str, Any] = {"type": "linkedin", "skip_other_campaigns": True}


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


@pytest.fixture
def workspace(play: Play) -> Workspace:
    return play.do(make.workspace)


def seat(session: Session, workspace: Workspace, **values: Any) -> Sender:
    return make.sender(session, workspace, type="linkedin", provider="unipile", **values)


def draft(play: Play, workspace: Workspace, *profiles: str, **values: Any) -> Campaign:
    """A draft with these people that could be launched, with a seat of its own."""
    with play.db.sessions.begin() as session:
        campaign = make.campaign(session, workspace, senders=[seat(session, workspace)], **LINKEDIN | values)
        for profile in profiles:
            make.prospect(session, campaign, linkedin_url=profile)
        return campaign


def running(play: Play, workspace: Workspace, *profiles: str, status: str = "active", **values: Any) -> Campaign:
    """The same, launched, in whatever status; nobody was written to yet."""
    campaign = draft(play, workspace, *profiles, **values)
    with play.db.sessions.begin() as session:
        own = session.get_one(Campaign, campaign.id)
        make.place(session, own, play.now)
        own.status, own.launched_at = status, play.now
    return campaign


def launch(play: Play, campaign: Campaign) -> launching.Skipped:
    def verb(session: Session) -> launching.Skipped:
        launching.launch(session, campaign.workspace_id, campaign.id, now=play.now, by="a@example.com")
        session.flush()
        return launching.skipped(session, session.get_one(Campaign, campaign.id))

    found: launching.Skipped = play.do(verb)
    return found


def people(play: Play, campaign: Campaign) -> dict[str, tuple[str, UUID | None]]:
    """The last word of the profile -> status, and the campaign for which they are left out."""
    with play.session() as session:
        found = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id))
        return {str(one.linkedin_url).rpartition("/")[2]: (one.status, one.skipped_for) for one in found}


def person(play: Play, campaign: Campaign, profile: str = ANN) -> Prospect:
    with play.session() as session:
        return session.scalars(select(Prospect).filter_by(campaign_id=campaign.id, linkedin_url=profile)).one()


def change(play: Play, one: Prospect, **values: Any) -> None:
    with play.db.sessions.begin() as session:
        for name, value in values.items():
            setattr(session.get_one(Prospect, one.id), name, value)


def insist(play: Play, campaign: Campaign, profile: str = ANN) -> None:
    one = person(play, campaign, profile)
    play.do(steering.insist, campaign.workspace_id, campaign.id, one.id, now=play.now, by="a@example.com")


# At launch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["launching", "active", "paused"])
def test_a_launch_leaves_out_whoever_is_in_another_campaign_that_runs(
    play: Play, workspace: Workspace, status: str
) -> None:
    spring = running(play, workspace, ANN, status=status, name="Spring")
    summer = draft(play, workspace, "de.linkedin.com/in/Ann", BEN)
    skipped = launch(play, summer)
    assert people(play, summer) == {"Ann": ("cancelled", spring.id), "ben": ("pending", None)}
    ((ann, other),) = skipped.people
    assert (skipped.count, other.id, other.name) == (1, spring.id, "Spring")
    assert ann.status_reason == "Skipped: already in the campaign “Spring”."
    play.answer_all()
    assert play.campaign(summer.id).status == "active"
    assert play.people == [BEN]
    with play.session() as session:
        asked = session.scalars(select(Event).filter_by(campaign_id=summer.id, kind="launch_requested")).one()
        assert asked.data == {"skipped": 1}
        own = session.get_one(Campaign, summer.id)
        assert explaining.explain(session, own, ann.id, play.now).reason == ann.status_reason


@pytest.mark.parametrize(
    ("campaign", "them"),
    [
        ({"status": "draft"}, {}),
        ({"status": "completed"}, {}),
        ({"type": "email", "skip_other_campaigns": None}, {"identity": "linkedin.com/in/ann"}),
        ({}, {"status": "cancelled"}),
        ({}, {"status": "failed"}),
        ({}, {"linkedin_url": BEN}),
    ],
)
def test_nobody_is_left_out_for_what_does_not_write_to_them(
    play: Play, workspace: Workspace, campaign: dict[str, Any], them: dict[str, Any]
) -> None:
    with play.db.sessions.begin() as session:
        other = make.campaign(session, workspace, **LINKEDIN | {"status": "active"} | campaign)
        make.prospect(session, other, **{"linkedin_url": ANN, **them})
    summer = draft(play, workspace, ANN)
    assert launch(play, summer) == launching.Skipped(0, [])
    assert people(play, summer) == {"ann": ("pending", None)}


@pytest.mark.parametrize("status", ["connection_sent", "replied", "completed", "timed_out", "unsubscribed"])
def test_whoever_another_campaign_is_done_with_is_still_in_it(play: Play, workspace: Workspace, status: str) -> None:
    spring = running(play, workspace, ANN)
    change(play, person(play, spring), status=status, contacted=True)
    summer = draft(play, workspace, ANN, BEN)
    assert launch(play, summer).count == 1


def test_another_workspace_has_its_own_people(play: Play, workspace: Workspace) -> None:
    running(play, play.do(make.workspace), ANN)
    assert launch(play, draft(play, workspace, ANN)).count == 0


def test_a_campaign_that_does_not_skip_takes_everybody(play: Play, workspace: Workspace) -> None:
    running(play, workspace, ANN)
    summer = draft(play, workspace, ANN, skip_other_campaigns=False)
    assert launch(play, summer) == launching.Skipped(0, [])


def test_the_campaign_is_named_that_they_have_been_in_for_longest(play: Play, workspace: Workspace) -> None:
    spring, _ = running(play, workspace, ANN, name="Spring"), running(play, workspace, ANN, name="Autumn")
    launch(play, summer := draft(play, workspace, ANN, BEN))
    assert people(play, summer)["ann"] == ("cancelled", spring.id)


def test_a_launch_that_would_leave_nobody_is_refused_and_writes_nothing(play: Play, workspace: Workspace) -> None:
    running(play, workspace, ANN)
    summer = draft(play, workspace, ANN)
    before = play.db.dump()
    with pytest.raises(Invalid) as refused:
        launch(play, summer)
    assert (refused.value.code, [problem.field for problem in refused.value.problems]) == ("not_ready", ["prospects"])
    assert "Everybody here is in another LinkedIn campaign" in refused.value.message
    assert play.db.dump() == before


def test_whoever_will_be_left_out_is_foretold_with_the_campaigns(play: Play, workspace: Workspace) -> None:
    running(play, workspace, BEN, name="Spring")
    running(play, workspace, ANN, EVE, name="Autumn")
    summer = draft(play, workspace, ANN, BEN, EVE, "linkedin.com/in/zoe")
    with play.db.reading() as session:
        warnings = launching.validate(session, session.get_one(Campaign, summer.id)).warnings
    assert [(one.field, one.message) for one in warnings if one.field == "skip_other_campaigns"] == [
        (
            "skip_other_campaigns",
            "3 prospects will be skipped, being in other LinkedIn campaigns already: 2 in “Autumn”, 1 in “Spring”.",
        )
    ]


def test_a_warning_names_a_few_campaigns_and_counts_the_others(play: Play, workspace: Workspace) -> None:
    profiles = [f"linkedin.com/in/person{number}" for number in range(5)]
    for profile in profiles:
        running(play, workspace, profile)
    summer = draft(play, workspace, *profiles, ANN)
    with play.db.reading() as session:
        message = launching.validate(session, session.get_one(Campaign, summer.id)).warnings[-1].message
    assert message.startswith("5 prospects will be skipped")
    assert message.endswith(", others in 2 more.")


def test_those_whom_a_launch_left_out_wait_again_if_it_falls_back(play: Play, workspace: Workspace) -> None:
    running(play, workspace, ANN)
    summer = draft(play, workspace, ANN, BEN)
    launch(play, summer)
    play.db.rung.clear()
    play.now += timedelta(seconds=121)
    for _ in range(2):
        play.do(ticking.tend_launches, play.now)
    assert play.campaign(summer.id).status == "draft"
    assert people(play, summer) == {"ann": ("pending", None), "ben": ("pending", None)}
    assert person(play, summer).status_reason is None
    assert launch(play, summer).count == 1


# Before the first step ---------------------------------------------------------------------------


def added(play: Play, campaign: Campaign, profile: str = ANN) -> None:
    """Put somebody into a campaign that runs."""
    body = {"prospects": [{"linkedin_url": profile}]}
    play.do(importing.add, campaign.workspace_id, campaign.id, body, now=play.now, by="a@example.com")


def test_of_two_campaigns_that_run_the_one_they_were_added_to_later_yields(play: Play, workspace: Workspace) -> None:
    spring, summer = running(play, workspace, BEN, name="Spring"), running(play, workspace, EVE)
    added(play, spring)
    added(play, summer)
    play.lane(person(play, summer).sender_account_id).run()  # which looks first
    assert people(play, summer)["ann"][0] == "cancelled"
    play.tick()
    assert people(play, spring)["ann"] == ("connection_sent", None)
    assert people(play, summer)["ann"] == ("cancelled", spring.id)
    assert person(play, summer).status_reason == "Skipped: already in the campaign “Spring”."
    assert sorted(play.people) == [ANN, BEN, EVE]


def test_whoever_was_written_to_by_the_later_campaign_is_left_to_it(play: Play, workspace: Workspace) -> None:
    spring, summer = running(play, workspace, ANN), running(play, workspace, ANN)
    change(play, person(play, spring), due_at=play.now + HOUR)
    change(play, person(play, summer), status="connected", contacted=True, due_at=play.now + 3 * DAY)
    play.play(play.now + 2 * HOUR)
    assert people(play, spring) == {"ann": ("cancelled", summer.id)}
    assert play.people == []


def test_whoever_has_a_task_or_a_send_in_hand_elsewhere_is_left_to_it(play: Play, workspace: Workspace) -> None:
    spring = running(play, workspace, ANN)
    with play.db.sessions.begin() as session:
        own = make.sender(session, workspace, type="linkedin")
        summer = make.launched(session, workspace, 1, senders=[own], people={"linkedin_url": ANN}, **LINKEDIN)
    # The later one was asked about before the older one was there.
    change(play, person(play, spring), due_at=play.now + HOUR, status="cancelled")
    play.tick()
    with play.session() as session:
        assert session.scalars(select(Task.campaign_id)).all() == [summer.id]
    change(play, person(play, spring), status="pending")
    play.play(play.now + 2 * HOUR)
    assert people(play, spring) == {"ann": ("cancelled", summer.id)}


def test_whoever_is_getting_their_first_step_elsewhere_at_this_moment_is_waited_for(
    play: Play, workspace: Workspace
) -> None:
    spring, summer = running(play, workspace, ANN), running(play, workspace, ANN)
    older, younger = person(play, spring), person(play, summer)
    with play.session() as lane, ThreadPoolExecutor(1) as another:
        lane.get_one(Prospect, younger.id, with_for_update=True).due_at = None
        lane.flush()
        answer = another.submit(play.do, taken_by_other, spring, older)
        with pytest.raises(TimeoutError):
            answer.result(0.2)
        lane.commit()
        assert answer.result(10).id == summer.id


def test_a_step_that_waits_for_another_try_is_asked_about_again(play: Play, workspace: Workspace) -> None:
    spring, summer = running(play, workspace, ANN, status="draft"), running(play, workspace, ANN)

    def refuse(_: Any) -> None:
        raise Unsent("Busy.", lasting=False)

    play.post.instead = refuse
    play.tick()
    play.post.instead = lambda _: None
    with play.db.sessions.begin() as session:
        session.get_one(Campaign, spring.id).status = "active"
    play.play(play.now + HOUR)
    assert people(play, summer) == {"ann": ("cancelled", spring.id)}
    assert play.people == [ANN]


def test_a_campaign_that_skips_yields_to_one_that_does_not(play: Play, workspace: Workspace) -> None:
    summer = running(play, workspace, ANN)
    heedless = running(play, workspace, ANN, skip_other_campaigns=False)
    play.tick()
    assert people(play, summer) == {"ann": ("cancelled", heedless.id)}
    assert play.people == [ANN]


def test_whoever_was_written_to_goes_on_whatever_is_launched_elsewhere(play: Play, workspace: Workspace) -> None:
    steps = [make.CONNECT, {"type": "message", "body": "Hello"}, make.END]
    summer = running(play, workspace, ANN, nodes=steps)
    change(play, person(play, summer), status="connected", contacted=True)
    running(play, workspace, ANN, skip_other_campaigns=False, status="paused")
    play.tick()
    assert people(play, summer)["ann"][0] != "cancelled"


def test_a_campaign_completes_when_all_that_are_left_are_skipped(play: Play, workspace: Workspace) -> None:
    running(play, workspace, ANN, status="paused")
    summer = running(play, workspace, ANN)
    play.play(play.now + HOUR)
    assert play.campaign(summer.id).status == "completed"


# All the same ------------------------------------------------------------------------------------


def test_somebody_who_was_skipped_is_written_to_all_the_same(play: Play, workspace: Workspace) -> None:
    spring, summer = running(play, workspace, ANN, status="paused"), draft(play, workspace, ANN, BEN)
    launch(play, summer)
    play.do(launching.start, summer.id, now=play.now, by=None)
    insist(play, summer)
    play.tick()
    assert people(play, summer)["ann"] == ("connection_sent", spring.id)
    assert sorted(play.people) == [ANN, BEN]
    with pytest.raises(WrongState):
        insist(play, summer)


def test_insisting_takes_nobody_from_the_campaign_they_were_skipped_for(play: Play, workspace: Workspace) -> None:
    spring = running(play, workspace, EVE)
    summer = running(play, workspace, BEN)
    added(play, summer)
    added(play, spring)
    change(play, person(play, summer), status="cancelled", skipped_for=spring.id, due_at=None)
    insist(play, summer)
    play.tick()
    assert people(play, spring)["ann"] == ("connection_sent", None)
    assert people(play, summer)["ann"] == ("connection_sent", spring.id)


def test_somebody_who_was_skipped_at_their_first_step_begins_at_the_start(play: Play, workspace: Workspace) -> None:
    running(play, workspace, ANN, status="paused")
    summer = running(play, workspace, ANN, BEN, nodes=[make.delay(days=1), make.CONNECT, make.END])
    play.play(play.now + DAY)
    assert people(play, summer)["ann"][0] == "cancelled"
    insist(play, summer)
    assert person(play, summer).due_at == play.now + DAY
    play.play(play.now + 2 * DAY)
    assert people(play, summer)["ann"][0] == "connection_sent"


def test_whoever_was_not_skipped_is_not_brought_back(play: Play, workspace: Workspace) -> None:
    summer = running(play, workspace, ANN, BEN)
    change(play, person(play, summer), status="cancelled", due_at=None)
    for profile in (ANN, BEN):
        with pytest.raises(WrongState):
            insist(play, summer, profile)


def test_a_campaign_that_does_not_run_brings_nobody_back(play: Play, workspace: Workspace) -> None:
    running(play, workspace, ANN)
    summer = draft(play, workspace, ANN, BEN)
    launch(play, summer)
    with pytest.raises(WrongState):
        insist(play, summer)
