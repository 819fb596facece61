"""From an empty page to a running campaign and its end: the list, the sample, the overview, the moves."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns import launching, ticking, waking
from campaigns.models import CampaignDay, Message, WakeUp
from campaigns.models.campaign import Campaign
from campaigns.models.finding import nodes_of
from campaigns.models.message import UNKNOWN
from campaigns.models.prospect import Prospect
from tests import make
from tests.databases import Database
from tests.web.callers import Clock
from tests.web.conftest import build
from tests.web.pages.conftest import Visitor, somebody
from tests.web.pages.reading import squeezed


def running(db: Database, alice: Visitor, n: int = 3, **values: object) -> UUID:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        made: Campaign = make.launched(session, workspace, n, **values)
        return made.id


def load_sample(alice: Visitor) -> str:
    """Load the sample campaign by the button of the empty page; where it is."""
    return alice.send(alice.visit("/campaigns").form("/campaigns/sample")).headers["Location"]


def test_the_empty_page_offers_two_ways_on(alice: Visitor) -> None:
    page = alice.visit("/campaigns")
    assert page.form("/campaigns/sample").buttons[0].text == "Load the sample campaign"
    assert "/campaigns/new" in page.links


def test_the_sample_can_be_launched_as_it_is(alice: Visitor, db: Database, clock: Clock) -> None:
    page = alice.visit(load_sample(alice))
    assert "Everything is in place" in page.text
    page = alice.follow(alice.send(page.form("/launch")))
    assert "launching" in page.text
    assert [bell.job for bell in db.rung] == ["launch"]
    with db.sessions.begin() as session:
        campaign = session.scalars(select(Campaign)).one()
        assert launching.start(session, campaign.id, now=clock(), by=None)
    assert "12" in alice.visit(f"/campaigns/{campaign.id}").text


def test_nobody_counts_as_written_to_who_was_held_back_or_removed_before(alice: Visitor, db: Database) -> None:
    campaign = running(db, alice, 12)
    with db.sessions.begin() as session:
        people = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign).limit(9)).all()
        for one, status in zip(people, ["failed"] * 6 + ["cancelled"] * 2 + ["replied"], strict=True):
            one.status, one.due_at = status, None
    told = squeezed(alice.visit("/campaigns").text)
    assert "12 people, 3 not written to yet, 8 stopped, 1 replied" in told
    overview = squeezed(alice.visit(f"/campaigns/{campaign}").text)
    assert "Not written to yet 3" in overview
    assert "Failed or stopped 8" in overview


def test_the_sample_is_loaded_once(alice: Visitor, db: Database) -> None:
    form = alice.visit("/campaigns").form("/campaigns/sample")
    assert alice.send(form).headers["Location"] == alice.send(form).headers["Location"]
    assert len(db.dump()["campaign"]) == 1
    assert len(db.dump()["sender_account"]) == 1


def test_without_a_trap_the_sample_waits_for_a_sender_and_is_ready_once_it_has_one(
    db: Database, tmp_path: Path, clock: Clock
) -> None:
    app = build(db, tmp_path, clock, CADENZA_TRAP="off")
    alice = somebody(app, db, "alice@example.com", "UTC")
    place = load_sample(alice)
    page = alice.visit(place)
    assert "Choose at least one sender account" in page.text
    assert f"{place}/settings" in page.links
    with db.sessions.begin() as session:
        sender = make.sender(session, session.get_one(make.Workspace, alice.workspace_id))
    form = alice.visit(f"{place}/settings").form("/settings")
    alice.follow(alice.send(form, sender_account_ids=str(sender.id)))
    assert "Everything is in place" in alice.visit(place).text


def test_a_new_campaign_starts_as_a_draft_at_its_sequence(alice: Visitor, db: Database) -> None:
    form = alice.visit("/campaigns/new").form("/campaigns/new")
    answer = alice.send(form, name="Spring")
    page = alice.follow(answer)
    assert answer.headers["Location"].endswith("/sequence")
    assert "Spring" in page.title


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "Must not be empty."),
        ({"name": "Spring", "type": "pigeon"}, "Must be email or linkedin."),
        ({"name": "Spring", "sender_account_ids": "x"}, "Must be a UUID"),
    ],
)
def test_a_new_campaign_that_is_refused_says_why_and_makes_nothing(
    alice: Visitor, db: Database, changes: dict[str, str], words: str
) -> None:
    form = alice.visit("/campaigns/new").form("/campaigns/new")
    page = alice.see(alice.send(form, **changes), 422)
    assert words in page.text
    assert page.form("/campaigns/new").value("name") == changes["name"]
    assert not db.dump()["campaign"]


def test_a_name_that_is_taken_is_told_beside_it(alice: Visitor, db: Database) -> None:
    form = alice.visit("/campaigns/new").form("/campaigns/new")
    alice.follow(alice.send(form, name="Spring"))
    assert "Is taken." in alice.see(alice.send(form, name="Spring"), 422).text


def test_the_checklist_links_to_where_each_thing_is_mended(alice: Visitor, db: Database) -> None:
    place = alice.send(alice.visit("/campaigns/new").form("/new"), name="Spring").headers["Location"]
    home = place.removesuffix("/sequence")
    page = alice.visit(home)
    for part in ("/sequence", "/prospects"):
        assert page.links.count(f"{home}{part}") >= 2, part  # the tab, and the checklist
    assert page.links.count(f"{home}/settings#sender_account_ids") >= 2  # the checklist, and the card of the senders
    page = alice.follow(alice.send(page.form("/launch")))
    assert "Not ready to launch" in page.text
    assert not db.rung


def test_the_overview_says_how_many_sleep_until_when_and_the_list_says_so_too(alice: Visitor, db: Database) -> None:
    # It is 11:00 in Berlin; the hours begin at 15:00.
    campaign = running(db, alice, 3, operating_hours=make.week("15:00", "16:00", "Europe/Berlin"))
    page = alice.visit(f"/campaigns/{campaign}")
    assert "3 people sleep until Mon 2 Mar, 15:00 CET, in 4 h." in squeezed(page.text)
    assert "Monday to Friday 15:00–16:00 (Europe/Berlin)" in page.text
    listed = squeezed(alice.visit("/campaigns").text)
    assert "3 sleep until the hours open" in listed
    assert "Mon 2 Mar, 15:00 CET" in listed


def test_next_up_says_who_is_next_and_what_keeps_the_others(alice: Visitor, db: Database) -> None:
    campaign = running(db, alice, 3, people={"first_name": "Zoe"})
    page = squeezed(alice.visit(f"/campaigns/{campaign}").text)
    assert "The next message leaves now, to Zoe." in page
    assert "Next in line." in page
    assert "In line: 1 comes before." in page
    assert "In line: 2 come before." in page


def test_a_limit_that_is_reached_is_told_with_the_instant_it_opens(alice: Visitor, db: Database) -> None:
    campaign = running(db, alice, 2, daily_limit=1)
    with db.sessions.begin() as session:
        session.add(CampaignDay(campaign_id=campaign, day=make.NOW.date(), used=1))
    text = squeezed(alice.visit(f"/campaigns/{campaign}").text)
    assert "2 people sleep until Tue 3 Mar, 00:00 CET" in text
    assert "daily limit of 1 is reached" in text
    assert "New hours wake them" not in text


def test_pause_and_resume_keep_everybody_in_their_place(alice: Visitor, db: Database) -> None:
    campaign = running(db, alice)
    page = alice.follow(alice.send(alice.visit(f"/campaigns/{campaign}").form("/pause")))
    assert "Paused. Nothing leaves until it is resumed" in page.text
    page = alice.follow(alice.send(page.form("/resume")))
    assert "Resumed." in page.text
    assert "wake" in [bell.job for bell in db.rung]
    with db.sessions.begin() as session:
        waking.wake(session, session.scalars(select(WakeUp)).one().id, now=make.NOW, job_id="x")
        record = session.scalars(select(WakeUp)).one()
        waking.finish(record, now=make.NOW + timedelta(milliseconds=42))
    text = squeezed(alice.visit(f"/campaigns/{campaign}/wake-ups").text)
    assert "Resumed" in text
    assert "3 sleeping: 3 resumed, 0 slept again." in text
    assert "By alice@example.com, took 42 ms" in text


def test_a_button_of_an_old_page_is_refused_in_words(alice: Visitor, db: Database) -> None:
    campaign = running(db, alice)
    form = alice.visit(f"/campaigns/{campaign}").form("/pause")
    alice.follow(alice.send(form))
    assert "only an active campaign can be paused" in alice.follow(alice.send(form)).text


@pytest.mark.parametrize("settlement", ["sent", "again", "skip"])
def test_an_unknown_outcome_is_settled_by_a_button(alice: Visitor, db: Database, settlement: str) -> None:
    campaign = running(db, alice, 1, people={"first_name": "Zoe"})
    with db.sessions.begin() as session:
        person = session.scalars(select(Prospect)).one()
        make.message(session, person, nodes_of(session, campaign)[0], status=UNKNOWN)
        person.due_at = None
    assert "1 message waits for your word" in alice.visit("/campaigns").text
    page = alice.visit(f"/campaigns/{campaign}")
    form = page.form("/settle")
    assert "Zoe" in page.text
    assert [button.value for button in form.buttons] == ["sent", "again", "skip"]
    button = next(button for button in form.buttons if button.value == settlement)
    assert "Settled" in alice.follow(alice.send(form, button)).text
    with db.reading() as session:
        status = session.scalars(select(Message.status)).one()
    assert status == {"sent": "sent", "again": "waiting", "skip": "skipped"}[settlement]
    assert "only an unknown outcome can be settled" in alice.follow(alice.send(form, button)).text


def test_recent_messages_carry_the_persons_name_and_the_outcome(alice: Visitor, db: Database) -> None:
    campaign = running(db, alice, 1, people={"first_name": "Zoe", "last_name": "Young"})
    with db.sessions.begin() as session:
        person = session.scalars(select(Prospect)).one()
        node = nodes_of(session, campaign)[0]
        make.message(session, person, node, subject="Hello", status="bounced", error="550 nobody here")
    text = squeezed(alice.visit(f"/campaigns/{campaign}").text)
    for words in ("Zoe Young", "Email 1", "Hello", "bounced", "550 nobody here"):
        assert words in text


def test_what_happened_stands_in_words(alice: Visitor, db: Database) -> None:
    place = load_sample(alice)
    form = alice.visit(f"{place}/settings").form("/settings")
    alice.follow(alice.send(form, daily_limit="9"))
    text = squeezed(alice.visit(place).text)
    assert "Changed: Daily limit" in text
    assert "Made" in text
    assert "alice@example.com" in text


def test_the_same_edit_again_and_again_is_one_line_of_what_happened(alice: Visitor, db: Database) -> None:
    place = load_sample(alice)
    for limit in ("9", "8", "7"):
        alice.follow(alice.send(alice.visit(f"{place}/settings").form("/settings"), daily_limit=limit))
    alice.follow(alice.send(alice.visit(f"{place}/settings").form("/settings"), name="Other"))
    text = squeezed(alice.visit(place).text)
    assert text.count("Changed: Daily limit") == 1
    assert text.count("Changed: Name") == 1


def test_a_campaign_with_nobody_left_is_shown_as_completed(alice: Visitor, db: Database) -> None:
    campaign = running(db, alice, 0)
    with db.sessions.begin() as session:
        ticking.settle(session, make.NOW)
    assert "Completed. Everybody has come to an end." in alice.visit(f"/campaigns/{campaign}").text
    assert "Nobody is left" in alice.visit("/campaigns").text


def test_a_deleted_campaign_is_gone_with_its_people(alice: Visitor, db: Database) -> None:
    campaign = running(db, alice)
    page = alice.follow(alice.send(alice.visit(f"/campaigns/{campaign}").form("/delete")))
    assert "is deleted" in page.text
    alice.visit(f"/campaigns/{campaign}", 404)
    assert not db.dump()["prospect"]


def test_more_campaigns_than_a_page_holds_are_led_to(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        for number in range(21):
            make.campaign(session, workspace, name=f"Number {number}")
    assert "/campaigns?page=2" in alice.visit("/campaigns").links
    assert "Number" in alice.visit("/campaigns?page=2").text
    for nonsense in ("0", "-1", "x", "99999999999999"):
        alice.visit(f"/campaigns?page={nonsense}")
