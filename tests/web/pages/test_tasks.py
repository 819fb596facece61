"""The tasks page without a script: one person after another, who accepted or answered, and many at once."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Message, Prospect, Task, Workspace
from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Button, Form, Page, squeezed

NOTE = {"type": "connection_request", "include_message": True, "body": "Hello there"}
NODES = [NOTE, make.delay(days=1), {"type": "message", "body": "An idea."}, make.END]


def tasked(db: Database, visitor: Visitor, *names: str, **values: Any) -> list[UUID]:
    """The prospects of a running campaign whose first step is a task, in that order."""
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, visitor.workspace_id)
        seat = make.sender(session, workspace, type="linkedin", provider="assisted", display_name="Dora")
        person = {"company": "Corp", "position": "Head of Sales", "headline": "Selling to sellers"}
        campaign = make.launched(
            session, workspace, 0, **{"type": "linkedin", "senders": [seat], "name": "Autumn", "nodes": NODES} | values
        )
        for name in names:
            url = f"https://de.linkedin.com/in/{name}/de?x=1"
            make.prospect(session, campaign, first_name=name, linkedin_url=url, **person)
        make.place(session, campaign)
        first = nodes_of(session, campaign.id)[0]
        people = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id))
        return [make.task(session, one, first).prospect_id for one in people.all()]


def of(db: Database, prospect: UUID) -> Prospect:
    with db.reading() as session:
        return session.get_one(Prospect, prospect)


def statuses(db: Database) -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(Message.status).order_by(Message.id)))


def taken(db: Database) -> list[str | None]:
    with db.reading() as session:
        return list(session.scalars(select(Task.taken_by).order_by(Task.message_id)))


def said(part: Page) -> str:
    """What is read out of a part that came."""
    assert part.root is not None
    return part.root.get("data-said", "")


def press(visitor: Visitor, page: Page, outcome: str, **options: Any) -> Any:
    form = next(
        one for one in page.forms if "/tasks/" in one.action and any(button.value == outcome for button in one.buttons)
    )
    return visitor.send(form, Button("outcome", outcome), **options)


def test_a_task_shows_who_what_and_where(alice: Visitor, db: Database) -> None:
    (ann,) = tasked(db, alice, "Ann")
    page = alice.visit("/tasks")
    text = squeezed(page.text)
    for words in (
        "Ann",
        "Head of Sales, Corp",
        "Selling to sellers",
        "Send an invitation with this note from Dora.",
        "1 task left",
        "1 of 80 invitations in 7 days",
        "Tasks 1 open",
    ):
        assert words in text, words
    assert "https://www.linkedin.com/in/ann" in page.links
    assert "Hello there</textarea>" in page.html
    assert f"/campaigns/{of(db, ann).campaign_id}/prospects/{ann}" in page.links
    assert taken(db) == ["alice@example.com"]


def test_a_bare_invitation_has_nothing_to_copy_and_a_message_cannot_be_needless(alice: Visitor, db: Database) -> None:
    tasked(db, alice, "Ann", nodes=[{**NOTE, "include_message": False, "body": None}, make.END])
    page = alice.visit("/tasks")
    assert "Send an invitation without a note" in page.text
    assert "task-text" not in page.ids
    alice.follow(press(alice, page, "done"))
    tasked(db, alice, "Bob", name="Winter", nodes=[{"type": "message", "body": "An idea."}, make.END])
    page = alice.visit("/tasks")
    assert "Send this message" in page.text
    assert "task-already_connected" not in page.ids
    with db.reading() as session:
        bob = session.scalars(select(Prospect).where(Prospect.first_name == "Bob")).one().id
    page = alice.follow(alice.send(marks(page, bob, "replied")))
    assert "Bob is marked as replied." in page.text
    assert "Nothing is to be done now" in page.text


def test_one_person_after_another_and_the_last_one_back(alice: Visitor, db: Database) -> None:
    ann, bob, _, dan, eve = tasked(db, alice, "Ann", "Bob", "Carla", "Dan", "Eve")
    page = alice.visit("/tasks")
    for outcome, words in (
        ("done", "Done: Ann."),
        ("already_connected", "Already connected: Bob."),
        ("skip", "Skipped: Carla."),
        ("not_possible", "Not possible: Dan."),
    ):
        page = alice.follow(press(alice, page, outcome, reason="No such profile."))
        assert words in page.text, words
    assert statuses(db) == ["sent", "skipped", "skipped", "failed", "task"]
    assert of(db, dan).status_reason == "No such profile."
    assert (of(db, ann).status, of(db, bob).status, of(db, eve).status) == ("connection_sent", "connected", "pending")
    assert "Last change: Dan: not possible." in squeezed(page.text)
    page = alice.follow(alice.send(page.form("/tasks/undo")))
    assert "Undone: Dan. They are before you again." in page.text
    assert "Last change: Carla: skipped." in squeezed(page.text)
    assert statuses(db) == ["sent", "skipped", "skipped", "task", "task"]
    assert "Dan" in page.html.partition('id="task"')[2].partition("</h2>")[0]


def test_htmx_gets_the_next_task_and_what_was_said(alice: Visitor, db: Database) -> None:
    tasked(db, alice, "Ann", "Bob")
    page = alice.visit("/tasks")
    part = alice.see_fragment(press(alice, page, "done", htmx=True))
    assert said(part) == "Done: Ann. Next: Bob. Send an invitation with this note."
    part = alice.see_fragment(press(alice, page, "skip", htmx=True))
    assert "Somebody was faster: this step is done already." in part.text
    part = alice.see_fragment(press(alice, part, "done", htmx=True))
    assert said(part) == "Done: Bob. Nothing else is to be done now."
    assert 'hx-trigger="every 5s"' in part.html
    part = alice.see_fragment(alice.send(part.form("/tasks/undo"), htmx=True))
    assert said(part).startswith("Undone: Bob. They are before you again. Next: Bob.")
    assert "hx-trigger" not in part.html
    assert "Nothing is to be done now" not in part.text


def test_a_team_at_the_page_gets_different_people(alice: Visitor, app: Any, db: Database) -> None:
    tasked(db, alice, "Ann", "Bob")
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, alice.workspace_id)
        user = make.user(session, workspace, email="amy@example.com")
    amy = Visitor(app, db, user.email, user.id, alice.workspace_id)
    assert "Ann" in alice.fragment("/tasks").text
    assert "Bob" in amy.fragment("/tasks").text
    with db.sessions.begin() as session:
        workspace = session.get_one(Workspace, alice.workspace_id)
        user = make.user(session, workspace, email="eve@example.com")
    eve = Visitor(app, db, user.email, user.id, alice.workspace_id)
    assert "All 2 tasks that are left are before somebody else" in squeezed(eve.fragment("/tasks").text)


def test_a_browser_that_loads_ahead_keeps_nothing_from_anybody(alice: Visitor, db: Database) -> None:
    tasked(db, alice, "Ann")
    for path in ("/tasks", f"/tasks/{task_id(db)}"):
        answer = alice.client.get(path, headers={"Sec-Purpose": "prefetch;prerender"})
        assert (answer.status_code, answer.data) == (503, b"")
    assert taken(db) == [None]


def task_id(db: Database) -> UUID:
    with db.reading() as session:
        return session.scalars(select(Task.message_id).order_by(Task.message_id.desc())).first()  # type: ignore[return-value]


def test_a_link_leads_to_one_task_if_it_is_free(alice: Visitor, db: Database) -> None:
    _, bob = tasked(db, alice, "Ann", "Bob")
    assert "Bob" in squeezed(alice.visit(f"/tasks/{task_id(db)}").html.partition('id="task"')[2].partition("</h2>")[0])
    with db.sessions.begin() as session:
        for task in session.scalars(select(Task)):
            task.taken_by, task.taken_at = "amy@example.com", make.NOW
    page = alice.follow(alice.client.get(f"/tasks/{task_id(db)}"))
    assert "not open any more, or somebody else has it" in page.text
    assert of(db, bob).due_at is None


def test_the_page_is_narrowed_to_a_seat_and_to_a_campaign(alice: Visitor, db: Database) -> None:
    (ann,), (bob,) = tasked(db, alice, "Ann"), tasked(db, alice, "Bob", name="Winter")
    page = alice.visit("/tasks")
    assert {"Autumn", "Winter"} <= set(squeezed(page.text).split())
    page = alice.visit(f"/tasks?campaign={of(db, bob).campaign_id}")
    assert "1 task left" in squeezed(page.text)
    page = alice.follow(press(alice, page, "done"))
    assert "Nothing is to be done now" in page.text
    assert of(db, bob).status == "connection_sent"
    page = alice.visit(f"/tasks?account={of(db, ann).sender_account_id}")
    alice.follow(press(alice, page, "done"))
    assert of(db, ann).status == "connection_sent"


def test_where_nothing_is_to_be_done_it_says_why_and_until_when(alice: Visitor, db: Database) -> None:
    assert "No LinkedIn campaign is running" in alice.visit("/tasks").text
    tasked(db, alice, "Ann", operating_hours=make.week("20:00", "21:00"))
    with db.sessions.begin() as session:
        for task in session.scalars(select(Task)):
            session.get_one(Prospect, task.prospect_id).due_at = task.due_at
            session.delete(session.get_one(Message, task.message_id))
    text = squeezed(alice.visit("/tasks").text)
    assert "Autumn 1 sleeps until the hours open · Mon 2 Mar, 21:00 CET, in 10 h" in text


def test_somebody_is_marked_by_a_button_and_found_by_name(alice: Visitor, db: Database) -> None:
    ann, bob = tasked(db, alice, "Ann", "Bob")
    for _ in range(2):
        alice.follow(press(alice, alice.visit("/tasks"), "done"))
    assert "times out in 21 days" in squeezed(alice.visit("/tasks").text)
    page = alice.follow(alice.send(marks(alice.visit("/tasks"), ann, "accepted")))
    assert "Ann is marked as accepted." in page.text
    assert of(db, ann).status == "connected"
    assert not [form for form in page.forms if str(ann) in form.action]
    page = alice.visit("/tasks?what=replied&q=an")
    assert "Ann" in waiting(page)
    assert "Bob" not in waiting(page)
    assert "begins with “zoe”" in waiting(alice.visit("/tasks?q=zoe"))
    part = alice.see_fragment(alice.send(marks(page, ann, "replied"), htmx=True))
    assert said(part) == "Ann is marked as replied."
    assert (of(db, ann).status, of(db, bob).status) == ("replied", "connection_sent")
    assert "Bob" in alice.fragment("/tasks/waiting").text
    again = marks(page, ann, "replied")
    assert "Ann is marked as replied already." in alice.follow(alice.send(again)).text


def marks(page: Page, prospect: UUID, what: str) -> Form:
    return next(form for form in page.forms if str(prospect) in form.action and form.value("what") == what)


def waiting(page: Page) -> str:
    return page.html.partition('id="waiting"')[2].partition("</section>")[0]


def test_many_are_marked_by_a_pasted_text(alice: Visitor, db: Database) -> None:
    ann, bob = tasked(db, alice, "Ann", "Bob")
    form = alice.visit("/tasks").form("/tasks/marks")
    text = "Ann,https://linkedin.com/in/ANN/\nlinkedin.com/in/zoe and https://linkedin.com/company/corp"
    page = alice.see(alice.send(form, text=text))
    told = squeezed(page.text)
    assert "1 person marked as accepted." in told
    assert "Of nobody in a LinkedIn campaign: linkedin.com/in/zoe" in told
    assert "No profile: https://linkedin.com/company/corp" in told
    assert page.form("/tasks/marks").value("text") == ""
    assert (of(db, ann).status, of(db, bob).status) == ("connected", "pending")
    part = alice.see_fragment(alice.send(form, htmx=True, text=text, mark="replied"))
    assert "1 person marked as replied." in squeezed(part.text)
    assert of(db, ann).status == "replied"


@pytest.mark.parametrize(
    ("text", "mark", "words"),
    [
        ("Ann Lee, Head of Sales", "accepted", "There is no link in this text."),
        ("", "accepted", "There is no link in this text."),
        ("linkedin.com/in/ann", "married", "What must be accepted or replied."),
        ("".join(f"linkedin.com/in/p{n} " for n in range(2001)), "replied", "Links must be 1 to 2,000, not 2,001."),
    ],
)
def test_a_paste_that_cannot_be_right_comes_back_to_be_mended(
    alice: Visitor, db: Database, text: str, mark: str, words: str
) -> None:
    tasked(db, alice, "Ann")
    form = alice.visit("/tasks").form("/tasks/marks")
    before = db.dump()["prospect"]
    page = alice.see(alice.send(form, text=text, mark=mark), 422)
    assert words in page.text
    assert page.form("/tasks/marks").value("text") == text
    assert db.dump()["prospect"] == before
    alice.see_fragment(alice.send(form, htmx=True, text=text, mark=mark), 422)


def test_the_navigation_has_tasks_only_where_there_can_be_some(alice: Visitor, db: Database) -> None:
    assert "/tasks" not in alice.visit("/campaigns").links
    with db.sessions.begin() as session:
        make.sender(session, session.get_one(Workspace, alice.workspace_id), type="linkedin")
    assert "/tasks" in alice.visit("/campaigns").links


def test_the_person_and_the_campaign_lead_to_the_task(alice: Visitor, db: Database) -> None:
    (ann,) = tasked(db, alice, "Ann")
    campaign, task = of(db, ann).campaign_id, f"/tasks/{task_id(db)}"
    assert task in alice.visit(f"/campaigns/{campaign}/prospects/{ann}").links
    assert task in alice.visit(f"/campaigns/{campaign}/prospects/{ann}/explain").links
    assert f"/tasks?campaign={campaign}" in alice.visit(f"/campaigns/{campaign}").links
    alice.follow(press(alice, alice.visit(task), "done"))
    page = alice.visit(f"/campaigns/{campaign}/prospects/{ann}")
    assert task not in page.links
    assert f"/tasks?campaign={campaign}" not in alice.visit(f"/campaigns/{campaign}").links
    page = alice.follow(alice.send(marks(page, ann, "accepted")))
    assert "Ann is marked as accepted." in page.text


def test_a_task_that_was_taken_back_is_no_event_of_its_person(alice: Visitor, db: Database) -> None:
    (ann,) = tasked(db, alice, "Ann")
    path = f"/campaigns/{of(db, ann).campaign_id}/prospects/{ann}"
    assert "Connection request 1 is a task" in squeezed(alice.visit(path).text)
    with db.sessions.begin() as session:
        message = session.scalars(select(Message)).one()
        message.status, message.attempts = "waiting", 0
    assert "could not be sent" not in alice.visit(path).text
