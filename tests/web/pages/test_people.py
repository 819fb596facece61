"""One person's page: what happened, what comes, why not now, and the buttons that steer it."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from campaigns import launching
from campaigns.models.finding import nodes_of
from campaigns.models.prospect import Prospect
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed

STEPS = [make.EMAIL_STEP, make.delay(days=2), make.FOLLOW_UP, make.END]


def somebody(db: Database, alice: Visitor, **values: object) -> str:
    """The address of the page of somebody in a running campaign."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        campaign = make.launched(
            session, workspace, 1, nodes=STEPS, people={"first_name": "Ada", "company": "Engines"}, **values
        )
        prospect = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).one()
        return f"/campaigns/{campaign.id}/prospects/{prospect.id}"


def test_the_page_tells_past_and_future_and_what_is_known(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice, operating_hours=make.week("12:00", "13:00"))
    text = squeezed(alice.visit(path).text)
    assert "Outside the campaign's operating hours." in text
    assert "Email 1Mon 2 Mar" in text
    assert "Email 2earliest Wed 4 Mar" in text
    assert "Added over the API" in text
    assert "Engines" in text
    alice.fragment(path)


def test_somebody_is_paused_and_resumed_by_buttons(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice)
    page = alice.follow(alice.send(alice.visit(path).form(f"{path}/pause")))
    assert "This person is paused: resume them." in page.text
    assert "Nothing is sent to this person" in page.text
    page = alice.follow(alice.send(page.form(f"{path}/resume")))
    assert "They go on where they were." in page.text
    assert db.rung[-1].job == "lane"


def test_a_step_is_skipped_by_its_name(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice)
    page = alice.visit(path)
    assert page.form("/skip").buttons[0].text == "Skip Email 1"
    page = alice.follow(alice.send(page.form("/skip")))
    assert "Email 1 skipped" in page.text
    assert page.form("/skip").buttons[0].text == "Skip Email 2"


def test_whoever_a_launch_skipped_is_told_linked_and_written_to_all_the_same(alice: Visitor, db: Database) -> None:
    profile = {"linkedin_url": "https://www.linkedin.com/in/ada", "first_name": "Ada"}
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        seat = make.sender(session, workspace, type="linkedin")
        spring = make.launched(session, workspace, 1, type="linkedin", senders=[seat], people=profile, name="Spring")
        summer = make.campaign(session, workspace, type="linkedin", senders=[seat], skip_other_campaigns=True)
        ada, _ = make.prospect(session, summer, **profile), make.prospect(session, summer)
    path = f"/campaigns/{summer.id}"
    page = alice.visit(path)
    assert "1 prospect will be skipped, being in other LinkedIn campaigns already: 1 in “Spring”." in page.text
    page = alice.follow(alice.send(page.form("/launch")))
    assert "1 person is skipped, being in other campaigns already" in page.text
    assert "Launch asked for: 1 person skipped" in page.text
    listed = alice.visit(f"{path}/prospects?status=cancelled")
    assert "Skipped: already in the campaign “Spring”." in listed.text
    assert f"/campaigns/{spring.id}" in listed.links
    person = f"{path}/prospects/{ada.id}"
    assert "/insist" not in alice.visit(person).text  # while it is being launched
    with db.sessions.begin() as session:
        launching.start(session, summer.id, now=make.NOW, by=None)
    page = alice.visit(person)
    assert f"/campaigns/{spring.id}" in page.links
    page = alice.follow(alice.send(page.form("/insist")))
    assert "They are written to, in the other campaign as well." in page.text
    assert db.rung[-1].job == "lane"
    assert "Write to them all the same" not in page.text


def test_what_came_too_late_is_told(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice)
    form = alice.visit(path).form(f"{path}/pause")
    alice.send(form)
    assert "paused already" in alice.follow(alice.send(form)).text


def test_whoever_is_through_has_no_buttons_left(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice)
    with db.sessions.begin() as session:
        prospect = session.get_one(Prospect, UUID(path.rpartition("/")[2]))
        prospect.status, prospect.status_reason, prospect.due_at = "bounced", "no such mailbox", None
    page = alice.visit(path)
    assert "Bounced: nothing more is sent" in page.text
    assert "no such mailbox" in page.text
    assert not [form for form in page.forms if form.action.startswith(path)]


def test_a_skipped_step_is_brought_back_by_a_button(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice)
    page = alice.follow(alice.send(alice.visit(path).form("/skip")))
    assert "Last change: a step skipped." in squeezed(page.text)
    undo = page.form(f"{path}/undo")
    page = alice.follow(alice.send(undo))
    assert "The step comes when it would have." in page.text
    assert page.form("/skip").buttons[0].text == "Skip Email 1"
    assert "cannot be undone any more" in alice.follow(alice.send(undo)).text


def held_back(db: Database, alice: Visitor, **values: object) -> str:
    """The address of the page of somebody who was held back for want of a shoe size."""
    step = {"type": "email", "subject": "Hi", "body": "Size %custom_fields.shoe size%, %company%"}
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        failed = {"status": "failed", "status_reason": "Email 1: no value", "due_at": None}
        campaign = make.launched(session, workspace, 1, nodes=[step, make.delay(days=1), make.FOLLOW_UP, make.END])
        one = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).one()
        for name, value in failed.items():
            setattr(one, name, value)
        one.custom_fields = {"nickname": "Addie"}
        for name, value in values.items():
            setattr(campaign, name, value)
        return f"/campaigns/{campaign.id}/prospects/{one.id}"


def known(db: Database, path: str) -> Prospect:
    with db.reading() as session:
        return session.get_one(Prospect, UUID(path.rpartition("/")[2]))


def test_what_held_somebody_back_is_filled_in_and_the_step_tried_again(alice: Visitor, db: Database) -> None:
    path = held_back(db, alice)
    page = alice.visit(f"{path}/edit")
    assert "no value for %custom_fields.shoe size%, %company%" in squeezed(page.text)
    form = page.form(f"{path}/edit")
    assert form.values("key") == ["shoe size", "nickname", ""]
    assert [button.text for button in form.buttons] == ["Save", "Save and try again"]
    values = {"company": "Engines", "timezone": "Asia/Tokyo", "value": ["38", "", "Lovelace"]}
    page = alice.follow(alice.send(form, form.buttons[1], key=["shoe size", "nickname", "Surname"], **values))
    assert "Saved. The step is tried again." in squeezed(page.text)
    one = known(db, path)
    assert (one.status, one.company, one.clock) == ("pending", "Engines", "Asia/Tokyo")
    assert one.custom_fields == {"shoe size": "38", "Surname": "Lovelace"}
    assert db.rung[-1].job == "lane"


def test_what_is_wrong_stands_beside_what_was_typed_and_nothing_is_saved(alice: Visitor, db: Database) -> None:
    path = held_back(db, alice)
    form = alice.visit(f"{path}/edit").form(f"{path}/edit")
    before = db.dump()
    values = {"email": "no address", "timezone": "Berlin", "value": ["x" * 2001, "Addie", "without a name"]}
    page = alice.see(alice.send(form, form.buttons[1], **values), 422)
    assert "is not an email address" in page.text
    assert "is not an IANA time zone" in page.text
    assert "Must be at most 2000 characters" in page.text
    assert page.form(f"{path}/edit").value("email") == "no address"
    assert page.form(f"{path}/edit").values("value")[1] == "Addie"
    assert db.dump() == before


def test_nobody_takes_the_address_of_another_one(alice: Visitor, db: Database) -> None:
    path = held_back(db, alice)
    with db.sessions.begin() as session:
        one = session.get_one(Prospect, UUID(path.rpartition("/")[2]))
        other = make.prospect(session, session.get_one(make.Campaign, one.campaign_id)).email
    form = alice.visit(f"{path}/edit").form(f"{path}/edit")
    assert "is in this campaign already" in alice.see(alice.send(form, email=other), 422).text


def test_an_address_that_is_on_the_suppression_list_is_told_at_once(alice: Visitor, db: Database) -> None:
    path = held_back(db, alice)
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        make.suppression(session, workspace, "ann@new.example", reason="Asked us")
    form = alice.visit(f"{path}/edit").form(f"{path}/edit")
    text = squeezed(alice.follow(alice.send(form, form.buttons[1], email="Ann@new.example")).text)
    assert "on the suppression list: nothing is sent to them. ann@new.example: Asked us" in text
    assert known(db, path).status == "unsubscribed"


def test_somebody_held_back_goes_on_by_a_button_of_their_page(alice: Visitor, db: Database) -> None:
    path = held_back(db, alice)
    again, skip = [form for form in alice.visit(path).forms if form.action == f"{path}/retry"]
    assert "The step is left out." in alice.follow(alice.send(skip)).text
    assert known(db, path).status == "pending"
    assert "not held back any more" in alice.follow(alice.send(again)).text


def test_whoever_a_completed_campaign_left_behind_is_copied_into_a_new_draft(alice: Visitor, db: Database) -> None:
    path = held_back(db, alice, status="completed")
    campaign = UUID(path.split("/")[2])
    with db.sessions.begin() as session:
        first = session.get_one(Prospect, UUID(path.rpartition("/")[2]))
        values = {"status": "failed", "contacted": True}
        make.prospects(session, session.get_one(make.Campaign, campaign), 2, **values)
        make.prospect(session, session.get_one(make.Campaign, campaign), status="completed")
        address = first.email
    page = alice.visit(path)
    assert not [form for form in page.forms if form.action == f"{path}/retry"]
    assert "copies whoever was held back into a new draft" in squeezed(page.text)
    page = alice.visit(f"/campaigns/{campaign}")
    assert "3 people were held back" in squeezed(page.text)
    page = alice.follow(alice.send(page.form("/copy-held-back")))
    assert "1 person is in this new draft. 2 had been written to before" in squeezed(page.text)
    with db.reading() as session:
        made = session.scalars(select(make.Campaign).where(make.Campaign.status == "draft")).one()
        one = session.scalars(select(Prospect).where(Prospect.campaign_id == made.id)).one()
        assert (one.email, one.status, one.custom_fields) == (address, "pending", {"nickname": "Addie"})


def test_a_stranger_gets_404(alice: Visitor, bob: Visitor, db: Database) -> None:
    bob.visit(somebody(db, alice), 404)


def opened(db: Database, path: str, **counts: object) -> None:
    """Say of the person's first message how often it was opened."""
    with db.sessions.begin() as session:
        prospect = session.get_one(Prospect, UUID(path.rpartition("/")[2]))
        make.message(session, prospect, nodes_of(session, prospect.campaign_id)[0], **counts)


def test_opens_by_people_and_by_machines_are_told_apart(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice, open_tracking=True)
    opened(db, path, opens=2, machine_opens=1, opened_at=make.NOW + timedelta(hours=1))
    text = squeezed(alice.visit(path).text)
    assert "Email 1 openedMon 2 Mar, 12:00 CET" in text
    assert "Opened 2 times; loaded by machines, once" in text
    assert "1 opened a message. For 1 a machine" in squeezed(alice.visit(path.partition("/prospects")[0]).text)


def test_what_only_machines_opened_is_not_called_opened(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice, open_tracking=True)
    opened(db, path, machine_opens=3)
    text = squeezed(alice.visit(path).text)
    assert "Email 1 loaded by machines, 3 times" in text
    assert "Email 1 opened" not in text
    assert "0 opened a message. For 1 a machine" in squeezed(alice.visit(path.partition("/prospects")[0]).text)


def test_nothing_is_said_of_opens_where_nothing_is_tracked(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice)
    assert "opened a message" not in alice.visit(path.partition("/prospects")[0]).text
