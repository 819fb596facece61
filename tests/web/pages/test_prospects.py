"""Prospects: pasting, looking through, removing, and why somebody is not written to."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from campaigns.models.campaign import Campaign
from campaigns.models.finding import nodes_of
from campaigns.models.prospect import Prospect
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed


@pytest.fixture
def draft(alice: Visitor, db: Database) -> UUID:
    """An email draft with nobody in it."""
    with db.sessions.begin() as session:
        made: Campaign = make.campaign(session, session.get_one(make.Workspace, alice.workspace_id))
        return made.id


def people(db: Database) -> list[tuple[Any, ...]]:
    with db.reading() as session:
        rows = select(Prospect.email, Prospect.first_name, Prospect.last_name).order_by(Prospect.id)
        return [tuple(row) for row in session.execute(rows)]


def paste(alice: Visitor, campaign: UUID, text: str) -> TestResponse:
    form = alice.visit(f"/campaigns/{campaign}/prospects").form("/paste")
    return alice.send(form, people=text)


PASTED = [
    ("ann@corp.test", [("ann@corp.test", None, None)]),
    ("Ann Lee <ann@corp.test>", [("ann@corp.test", "Ann", "Lee")]),
    ('"Lee, Ann" <ann@corp.test>', [("ann@corp.test", "Ann", "Lee")]),
    ("ann@corp.test, Ann, Lee", [("ann@corp.test", "Ann", "Lee")]),
    ("Ann Maria Lee\tann@corp.test", [("ann@corp.test", "Ann Maria", "Lee")]),
    ("Ann <ann@corp.test>; Bob Ray <bob@corp.test>", [("ann@corp.test", "Ann", None), ("bob@corp.test", "Bob", "Ray")]),
    ("ann@corp.test\r\n\r\n bob@corp.test \r\n", [("ann@corp.test", None, None), ("bob@corp.test", None, None)]),
    ("Email;Vorname\nann@corp.test;Ann\n", [("ann@corp.test", "Ann", None)]),
    ("first_name\temail\nAnn\tann@corp.test", [("ann@corp.test", "Ann", None)]),
    ("email\nann@corp.test", [("ann@corp.test", None, None)]),
]


@pytest.mark.parametrize(("text", "found"), PASTED, ids=lambda value: repr(value)[:40])
def test_people_are_pasted_as_lines_or_as_a_table(
    alice: Visitor, db: Database, draft: UUID, text: str, found: list[tuple[Any, ...]]
) -> None:
    page = alice.follow(paste(alice, draft, text))
    assert people(db) == found
    assert f"{len(found)} {'person' if len(found) == 1 else 'people'} added." in page.text


def test_the_way_to_add_people_stands_open_only_where_nobody_is(alice: Visitor, db: Database, draft: UUID) -> None:
    def stands_open(path: str) -> bool:
        return '<details class="card" id="add-people" open>' in alice.client.get(path).text

    path = f"/campaigns/{draft}/prospects"
    assert stands_open(path)
    paste(alice, draft, "ann@corp.test")
    assert not stands_open(path)
    assert not stands_open(f"{path}?q=nobody"), "a filter that finds nobody is no empty roster"


def test_the_same_person_twice_counts_once(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.follow(paste(alice, draft, "ann@corp.test\nANN@corp.test\nbob@corp.test"))
    assert "2 people added. 1 was there already." in page.text
    page = alice.follow(paste(alice, draft, "ann@corp.test"))
    assert "0 people added. 1 was there already." in page.text


def test_lines_that_cannot_be_read_stay_in_the_box_and_the_others_are_added(
    alice: Visitor, db: Database, draft: UUID
) -> None:
    page = alice.see(paste(alice, draft, "ann@corp.test\nnonsense\nbob@corp.test\nmore@ nonsense"))
    assert [person[0] for person in people(db)] == ["ann@corp.test", "bob@corp.test"]
    assert page.form("/paste").value("people") == "nonsense\nmore@ nonsense"
    assert "2 added. 2 could not be read:" in squeezed(page.text)


@pytest.mark.parametrize("text", ["", "  \n ", "nonsense"])
def test_a_paste_without_anybody_is_refused_and_kept(alice: Visitor, db: Database, draft: UUID, text: str) -> None:
    page = alice.see(paste(alice, draft, text), 422)
    assert page.form("/paste").value("people") == text.strip(" ") or not text.strip()
    assert not people(db)


def test_linkedin_profiles_are_pasted_too(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        made = make.campaign(session, session.get_one(make.Workspace, alice.workspace_id), type="linkedin")
    alice.follow(paste(alice, made.id, "https://www.linkedin.com/in/ann/ Ann Lee\nlinkedin.com/in/bob"))
    assert [person[1] for person in people(db)] == ["Ann", None]


def test_a_paste_of_more_than_two_megabytes_is_told_to_be_a_file(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.see(paste(alice, draft, "x" * (2 * 1024 * 1024 + 1)), 413)
    assert "upload it as a file" in page.text


def test_a_paste_of_half_a_megabyte_is_taken(alice: Visitor, db: Database, draft: UUID) -> None:
    lines = "\n".join(f"somebody-with-a-long-name-{number}@a-long-domain-name.corp.test" for number in range(10_000))
    assert "10,000 people added." in alice.follow(paste(alice, draft, lines)).text


def test_nobody_is_added_to_a_completed_campaign(alice: Visitor, db: Database, draft: UUID) -> None:
    form = alice.visit(f"/campaigns/{draft}/prospects").form("/paste")
    with db.sessions.begin() as session:
        session.get_one(Campaign, draft).status = "completed"
    page = alice.see(alice.send(form, people="ann@corp.test"), 422)
    assert not [form for form in page.forms if form.action.endswith("/paste")]
    assert not people(db)


def test_people_added_to_a_running_campaign_get_their_step(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        made = make.launched(session, session.get_one(make.Workspace, alice.workspace_id), 1)
    page = alice.follow(paste(alice, made.id, "Zoe <zoe@corp.test>"))
    assert squeezed(page.text).count("Email 1") == 2
    assert [bell.job for bell in db.rung] == ["lane"]


def test_the_roster_is_filtered_and_paged(alice: Visitor, db: Database, draft: UUID) -> None:
    with db.sessions.begin() as session:
        campaign = session.get_one(Campaign, draft)
        make.prospects(session, campaign, 55)
        make.prospect(session, campaign, first_name="Zoe", status="replied")
    home = f"/campaigns/{draft}/prospects"
    assert f"{home}?page=2" in alice.visit(home).links
    assert "Zoe" in alice.visit(f"{home}?page=2").text
    assert "Zoe" in alice.fragment(f"{home}?q=zo").text
    found = alice.visit(f"{home}?status=replied").text
    assert "Zoe" in found
    assert "Person" not in found.replace("Person", "", 1)
    assert "Nobody matches" in alice.visit(f"{home}?q=100%25").text
    alice.visit(f"{home}?status=nonsense&page=nonsense")


def test_the_chosen_ones_are_removed_and_the_filter_kept(alice: Visitor, db: Database, draft: UUID) -> None:
    with db.sessions.begin() as session:
        campaign = session.get_one(Campaign, draft)
        first, second, third = (make.prospect(session, campaign, first_name="Zoe") for _ in range(3))
    page = alice.visit(f"/campaigns/{draft}/prospects?q=Zoe")
    form = page.form("/remove")
    answer = alice.send(form, id=[str(first.id), str(second.id)])
    assert answer.headers["Location"].endswith("/prospects?q=Zoe")
    assert "2 removed." in alice.follow(answer).text
    assert [person[0] for person in people(db)] == [third.email]
    assert "Choose somebody first." in alice.follow(alice.send(form)).text
    every = next(form for form in page.forms if form.value("all") == "true")
    alice.follow(alice.send(every))
    assert not people(db)


def test_whoever_was_removed_by_a_slip_is_brought_back(alice: Visitor, db: Database, draft: UUID) -> None:
    with db.sessions.begin() as session:
        ids = [str(one.id) for one in make.prospects(session, session.get_one(Campaign, draft), 3)]
    before = people(db)
    form = alice.visit(f"/campaigns/{draft}/prospects").form("/remove")
    page = alice.follow(alice.send(form, id=ids[:2]))
    assert "Last change: 2 people removed." in squeezed(page.text)
    undo = page.form("/undo")
    with db.sessions.begin() as session:
        taken = make.prospect(session, session.get_one(Campaign, draft), email=before[0][0])
        again = taken.email
    page = alice.follow(alice.send(undo))
    assert "1 person brought back. 1 person could not be: they are here again" in squeezed(page.text)
    assert sorted(one[0] for one in people(db)) == sorted(one[0] for one in before)
    assert again in [one[0] for one in people(db)]
    assert "cannot be undone any more" in alice.follow(alice.send(undo)).text
    assert "cannot be undone any more" in alice.follow(alice.send(undo, number="nonsense")).text


def test_whoever_was_written_to_stays_as_cancelled(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        made = make.launched(session, session.get_one(make.Workspace, alice.workspace_id), 2)
        person = session.scalars(select(Prospect)).first()
        assert person is not None
        make.message(session, person, nodes_of(session, made.id)[0])
    page = alice.visit(f"/campaigns/{made.id}/prospects")
    every = next(form for form in page.forms if form.value("all") == "true")
    page = alice.follow(alice.send(every))
    assert "2 removed. 1 of them had been written to and stay as cancelled." in page.text
    assert "cancelled" in page.text


def test_why_not_now_is_answered_as_a_part_and_as_a_page(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        made = make.launched(session, workspace, 1, operating_hours=make.week("15:00", "16:00", "Europe/Berlin"))
        person = session.scalars(select(Prospect.id)).one()
    path = f"/campaigns/{made.id}/prospects/{person}/explain"
    assert path in alice.visit(f"/campaigns/{made.id}/prospects").links
    part = alice.fragment(path)
    assert part.root is not None
    assert part.root["id"] == f"why-{person}"
    for page in (part, alice.visit(path)):
        assert "Outside the campaign's operating hours." in page.text
        assert "Earliest Mon 2 Mar, 15:00 CET, in 4 h" in squeezed(page.text)
