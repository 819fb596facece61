"""Two tabs that meet, undo, versions, and the words of a running campaign, as a browser without scripts has them."""

from uuid import UUID

import pytest

from campaigns.models import Campaign
from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Button, Form, Page

STEPS = [{**make.EMAIL_STEP, "subject": "First"}, make.delay(days=2), make.FOLLOW_UP, make.END]


@pytest.fixture
def draft(alice: Visitor, db: Database) -> UUID:
    """An email draft: email, a delay of two days, a reply, the end."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        made: Campaign = make.campaign(session, workspace, nodes=STEPS, name="Spring")
        return made.id


def builder(page: Page) -> Form:
    return page.form("/sequence")


def press(form: Form, name: str) -> Button:
    return next(button for button in form.buttons if button.name == name)


def subjects(db: Database, campaign: UUID) -> list[str | None]:
    with db.reading() as session:
        return [node.subject for node in nodes_of(session, campaign)]


def ids(db: Database, campaign: UUID) -> list[UUID]:
    with db.reading() as session:
        return [node.id for node in nodes_of(session, campaign)]


def become(db: Database, campaign: UUID, status: str) -> None:
    with db.sessions.begin() as session:
        session.get_one(Campaign, campaign).status = status


@pytest.mark.parametrize("htmx", [False, True])
def test_the_second_of_two_tabs_sees_both_versions_and_may_keep_its_own(
    alice: Visitor, db: Database, draft: UUID, htmx: bool
) -> None:
    path = f"/campaigns/{draft}/sequence"
    one, two = builder(alice.visit(path)), builder(alice.visit(path))
    alice.follow(alice.send(one, **{"nodes-0-subject": "Theirs"}))
    answer = alice.send(two, htmx=htmx, **{"nodes-0-subject": "Mine"})
    page = alice.see_fragment(answer, 412) if htmx else alice.see(answer, 412)
    assert "Email 1: subject" in page.text
    assert "Theirs" in page.text
    form = builder(page)
    assert form.value("nodes-0-subject") == "Mine"
    again = alice.send(form)
    assert again.status_code == 412, "a save by itself is no choice"
    alice.follow(alice.send(form, press(form, "over")))
    assert subjects(db, draft)[0] == "Mine"


def test_a_step_that_was_removed_in_the_other_tab_comes_back_if_mine_is_kept(
    alice: Visitor, db: Database, draft: UUID
) -> None:
    path = f"/campaigns/{draft}/sequence"
    one, two = builder(alice.visit(path)), builder(alice.visit(path))
    alice.follow(alice.send(one, press(one, "remove")))
    page = alice.see(alice.send(two, **{"nodes-2-subject": "Mine"}), 412)
    assert "not in the sequence" in page.text
    form = builder(page)
    alice.follow(alice.send(form, press(form, "over")))
    assert subjects(db, draft) == ["First", None, "Mine", None]


def test_a_tab_with_something_wrong_in_it_stays_of_its_version(alice: Visitor, db: Database, draft: UUID) -> None:
    path = f"/campaigns/{draft}/sequence"
    form = builder(alice.visit(path))
    other = builder(alice.visit(path))
    refused = builder(alice.see(alice.send(form, **{"nodes-1-delay_days": "x"}), 422))
    alice.follow(alice.send(other, **{"nodes-0-subject": "Theirs"}))
    alice.see(alice.send(refused, **{"nodes-1-delay_days": "3"}), 412)
    assert subjects(db, draft)[0] == "Theirs"


def test_settings_saved_in_another_tab_do_not_disturb_the_sequence(alice: Visitor, db: Database, draft: UUID) -> None:
    form = builder(alice.visit(f"/campaigns/{draft}/sequence"))
    settings = alice.visit(f"/campaigns/{draft}/settings").form("/settings")
    alice.follow(alice.send(settings, name="Autumn"))
    alice.follow(alice.send(form, **{"nodes-0-subject": "Mine"}))
    assert subjects(db, draft)[0] == "Mine"


def test_a_removed_step_is_put_back_as_it_was(alice: Visitor, db: Database, draft: UUID) -> None:
    before = ids(db, draft)
    form = builder(alice.visit(f"/campaigns/{draft}/sequence"))
    page = alice.follow(alice.send(form, press(form, "remove")))
    assert "Email 1 (removed)" in page.text
    assert len(ids(db, draft)) == 3
    again = alice.follow(alice.send(page.form("/undo")))
    assert "Undone" in again.text
    assert ids(db, draft) == before
    assert subjects(db, draft)[0] == "First"


def test_an_undo_that_comes_too_late_changes_nothing(alice: Visitor, db: Database, draft: UUID) -> None:
    form = builder(alice.visit(f"/campaigns/{draft}/sequence"))
    page = alice.follow(alice.send(form, **{"nodes-0-subject": "Second"}))
    alice.follow(alice.send(builder(page), **{"nodes-0-subject": "Third"}))
    before = db.dump()
    assert "not the last" in alice.follow(alice.send(page.form("/undo"))).text
    assert db.dump() == before


def test_there_is_nothing_to_undo_on_what_runs(alice: Visitor, db: Database, draft: UUID) -> None:
    form = builder(alice.visit(f"/campaigns/{draft}/sequence"))
    alice.follow(alice.send(form, **{"nodes-0-subject": "Second"}))
    become(db, draft, "active")
    page = alice.visit(f"/campaigns/{draft}/sequence")
    assert not [form for form in page.forms if form.action.endswith("/undo")]


def test_the_words_of_a_running_campaign_are_inputs_and_nothing_else_is(
    alice: Visitor, db: Database, draft: UUID
) -> None:
    become(db, draft, "active")
    page = alice.visit(f"/campaigns/{draft}/sequence")
    forms = [form for form in page.forms if "/sequence/words/" in form.action]
    assert [sorted({name for name, _ in form.fields} - {"csrf_token", "version"}) for form in forms] == [
        ["body", "subject"]
    ] * 2
    assert not [form for form in page.forms if form.action.endswith("/sequence")]
    told = alice.follow(alice.send(forms[0], body="Hi, corrected"))
    assert "gets the new words" in told.text
    with db.reading() as session:
        assert nodes_of(session, draft)[0].body == "Hi, corrected"


def test_words_that_could_not_leave_are_refused_beside_their_field(alice: Visitor, db: Database, draft: UUID) -> None:
    become(db, draft, "paused")
    page = alice.visit(f"/campaigns/{draft}/sequence")
    form = next(form for form in page.forms if "/sequence/words/" in form.action)
    before = db.dump()
    refused = alice.see(alice.send(form, body="Hi %nobody%"), 422)
    assert "nobody" in refused.text
    again = next(form for form in refused.forms if "/sequence/words/" in form.action)
    assert again.value("body") == "Hi %nobody%"
    assert db.dump() == before


def test_words_of_two_tabs_meet(alice: Visitor, db: Database, draft: UUID) -> None:
    become(db, draft, "active")
    page = alice.visit(f"/campaigns/{draft}/sequence")
    form = next(form for form in page.forms if "/sequence/words/" in form.action)
    alice.follow(alice.send(form, body="Theirs"))
    clash = alice.see(alice.send(form, body="Mine"), 412)
    mine = next(form for form in clash.forms if "/sequence/words/" in form.action)
    alice.follow(alice.send(mine, press(mine, "over")))
    with db.reading() as session:
        assert nodes_of(session, draft)[0].body == "Mine"


def test_versions_tell_who_changed_what_and_lead_back(alice: Visitor, db: Database, draft: UUID) -> None:
    path = f"/campaigns/{draft}/sequence"
    assert "No versions yet" in alice.visit(f"{path}/versions").text
    before = ids(db, draft)
    form = builder(alice.visit(path))
    page = alice.follow(alice.send(form, **{"nodes-0-subject": "Second"}))
    form = builder(page)
    alice.follow(alice.send(form, press(form, "remove")))
    page = alice.visit(f"{path}/versions")
    for words in ("by alice@example.com", "Email 1 removed", "Email 1 changed", "First", "Second"):
        assert words in page.text
    backs = [form for form in page.forms if form.action.endswith("/roll-back")]
    told = alice.follow(alice.send(backs[-1]))
    assert "Rolled back" in told.text
    assert ids(db, draft) == before
    assert subjects(db, draft)[0] == "First"


def test_a_running_campaign_offers_only_versions_with_its_steps(alice: Visitor, db: Database, draft: UUID) -> None:
    path = f"/campaigns/{draft}/sequence"
    form = builder(alice.visit(path))
    page = alice.follow(alice.send(form, press(form, "remove")))
    alice.follow(alice.send(builder(page), **{"nodes-1-body": "New"}))
    become(db, draft, "active")
    page = alice.visit(f"{path}/versions")
    assert len([form for form in page.forms if form.action.endswith("/roll-back")]) == 1
    assert "only words can go back" in page.text


def test_settings_of_two_tabs_meet_field_by_field(alice: Visitor, db: Database, draft: UUID) -> None:
    path = f"/campaigns/{draft}/settings"
    one, two = alice.visit(path).form("/settings"), alice.visit(path).form("/settings")
    alice.follow(alice.send(one, name="Theirs", daily_limit="70"))
    clash = alice.see(alice.send(two, name="Mine"), 412)
    assert [words for words in ("Name", "Theirs", "Daily limit", "70") if words not in clash.text] == []
    form = clash.form("/settings")
    assert (form.value("name"), form.value("daily_limit")) == ("Mine", "500")
    with db.reading() as session:
        assert session.get_one(Campaign, draft).name == "Theirs"
    alice.follow(alice.send(form, press(form, "over")))
    with db.reading() as session:
        kept = session.get_one(Campaign, draft)
        assert (kept.name, kept.daily_limit) == ("Mine", 500)


def test_the_last_save_of_a_drafts_settings_is_undone(alice: Visitor, db: Database, draft: UUID) -> None:
    path = f"/campaigns/{draft}/settings"
    page = alice.follow(alice.send(alice.visit(path).form("/settings"), name="Autumn", daily_limit="70"))
    assert "Last change: name, daily limit." in page.text
    again = alice.follow(alice.send(page.form("/sequence/undo")))
    assert again.form("/settings").value("name") == "Spring"
    with db.reading() as session:
        assert session.get_one(Campaign, draft).daily_limit == 500


def test_a_campaign_is_copied_by_a_button(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.follow(alice.send(alice.visit(f"/campaigns/{draft}").form("/copy")))
    assert page.form("/settings").value("name") == "Spring (copy)"
