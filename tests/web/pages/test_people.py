"""One person's page: what happened, what comes, why not now, and the buttons that steer it."""

from uuid import UUID

from sqlalchemy import select

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


def test_what_came_too_late_is_told(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice)
    form = alice.visit(path).form(f"{path}/pause")
    alice.send(form)
    assert "paused already" in alice.follow(alice.send(form)).text


def test_whoever_is_through_has_no_buttons_left(alice: Visitor, db: Database) -> None:
    path = somebody(db, alice)
    with db.sessions.begin() as session:
        prospect = session.get_one(Prospect, UUID(path.rpartition("/")[2]))
        prospect.status, prospect.status_reason, prospect.due_at = "failed", "no value for company", None
    page = alice.visit(path)
    assert "Failed: nothing more is sent" in page.text
    assert "no value for company" in page.text
    assert not [form for form in page.forms if form.action.startswith(path)]


def test_a_stranger_gets_404(alice: Visitor, bob: Visitor, db: Database) -> None:
    bob.visit(somebody(db, alice), 404)
