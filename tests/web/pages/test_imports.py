"""Imports: a file is uploaded, its columns are given a meaning, it is worked through, and what was left out is had."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from campaigns import importing
from campaigns.models import Campaign, Import, Prospect
from campaigns.models.imports import RUNNING
from campaigns.rules.tables import MOST_BYTES
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Form, Page, squeezed

FILES = {
    "utf-8 with a BOM": "\ufeffemail,first_name\nann@corp.test,Ännchen\n".encode(),
    "utf-16": "email\tfirst_name\nann@corp.test\tÄnnchen\n".encode("utf-16"),
    "semicolons": "E-Mail;First Name\nann@corp.test;Ännchen\n".encode(),
    "windows": "email,first_name\r\nann@corp.test,Ännchen\r\n".encode("cp1252"),
    "old lines": "email,first_name\rann@corp.test,Ännchen\r".encode(),
    "no heading": "ann@corp.test,Ännchen\n".encode(),
    "other columns first": "Nr;Vorname;Kontakt\n1;Ännchen;ann@corp.test\n".encode(),
}
MIXED = b"""E-mail,First name,Favourite tea
ann@corp.test,Ann,Oolong
broken,Bob,=HYPERLINK("http://evil.test")
ANN@corp.test,Ann again,Mint
zoe@corp.test,Zoe,Assam
no@never.test,Ned,Sencha
"""


@pytest.fixture
def draft(alice: Visitor, db: Database) -> UUID:
    """An email draft with Zoe in it; never.test is not to be written to."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        made: Campaign = make.campaign(session, workspace)
        make.prospect(session, made, email="zoe@corp.test", first_name="Zoe", created_at=make.NOW - timedelta(days=1))
        make.suppression(session, workspace, "never.test", reason="a lawyer wrote")
        return made.id


def upload(alice: Visitor, campaign: UUID, data: bytes, name: str = "people.csv") -> TestResponse:
    form = alice.visit(f"/campaigns/{campaign}/prospects").form("/imports")
    return post_file(alice, form.action, data, name, form.value("csrf_token") or "")


def post_file(visitor: Visitor, path: str, data: bytes, name: str, token: str) -> TestResponse:
    """A form with a file, as one block of bytes: the test client would leave a temporary file open."""
    file = FileStorage(io.BytesIO(data), filename=name, name="file")
    boundary, body = encode_multipart({"csrf_token": token, "file": file})
    return visitor.client.post(path, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def work(db: Database) -> None:
    """What the job does with the bell that rings."""
    assert [bell.job for bell in db.rung] == ["imports"]
    importing.work(db.sessions, db.reading, UUID(db.rung.pop().args[0]), clock=lambda: datetime.now(UTC))


def start_form(page: Page) -> Form:
    return page.form("/start")


def brought_in(alice: Visitor, db: Database, campaign: UUID, data: bytes) -> Page:
    """The page of an import that was started as guessed, and is done."""
    answer = alice.send(start_form(alice.follow(upload(alice, campaign, data))))
    work(db)
    return alice.follow(answer)


def people(db: Database) -> dict[str | None, Any]:
    """Address -> first name and custom fields."""
    with db.reading() as session:
        rows = select(Prospect.email, Prospect.first_name, Prospect.custom_fields).order_by(Prospect.id)
        return {email: (name, custom) for email, name, custom in session.execute(rows)}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_read_however_a_spreadsheet_wrote_it(alice: Visitor, db: Database, draft: UUID, kind: str) -> None:
    page = alice.follow(upload(alice, draft, FILES[kind]))
    assert "Ännchen" in page.text
    assert "Of 1 line, 1 would be imported." in squeezed(page.text)
    assert len(people(db)) == 1  # nobody before it is started
    brought_in(alice, db, draft, FILES[kind])
    name, custom = people(db)["ann@corp.test"]
    assert "Ännchen" in (name, custom.get("Column 2"))


def test_columns_are_guessed_and_shown_with_what_stands_in_them(alice: Visitor, draft: UUID) -> None:
    page = alice.follow(upload(alice, draft, MIXED))
    form = start_form(page)
    chosen = [form.value(f"column-{place}") for place in range(3)]
    assert chosen == ["email", "first_name", "custom"]
    assert form.value("key-2") == "Favourite tea"
    assert "AnnBobAnn again" in squeezed(page.text)
    assert "5 lines. Nobody is imported until you start it." in squeezed(page.text)


def test_what_would_be_left_out_is_told_before_anything_is_written(alice: Visitor, db: Database, draft: UUID) -> None:
    before = db.dump()
    page = alice.follow(upload(alice, draft, MIXED))
    words = squeezed(page.text)
    assert "Of 5 lines, 1 would be imported, 1 is in this campaign already, 1 is twice in the file" in words
    assert "1 is on the suppression list, 1 is not valid." in words
    assert 'Line 3 email: "broken" is not an email address' in words
    assert "Line 4 the same person as in line 2" in words
    assert "Line 6 on the suppression list, never.test: a lawyer wrote" in words
    assert db.dump()["prospect"] == before["prospect"]


def test_another_choice_is_tried_as_a_part_and_as_a_page(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.follow(upload(alice, draft, b"mail,mail 2\nbroken,ann@corp.test\n"))
    form = start_form(page)
    assert "0 would be imported" in page.text
    form.action = form.action.replace("/start", "/foresee")
    swapped = {"column-0": "", "column-1": "email"}
    part = alice.see_fragment(alice.send(form, htmx=True, **swapped))  # type: ignore[arg-type]
    assert "Of 1 line, 1 would be imported." in squeezed(part.text)
    page = alice.see(alice.send(form, **swapped))  # type: ignore[arg-type]
    assert start_form(page).value("column-1") == "email"
    part = alice.see_fragment(alice.send(form, htmx=True, **{"column-0": "email", "column-1": "email"}))  # type: ignore[arg-type]
    assert "Mail 2: Is chosen for a column further up already." in squeezed(part.text).replace("mail 2", "Mail 2")


def test_a_file_without_a_column_that_says_who_is_who_asks_for_one(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.follow(upload(alice, draft, b"name,phone\nAnn,1\n"))
    assert "No column holds an email address, as it seems" in page.text
    page = alice.see(alice.send(start_form(page)), 422)
    assert "Choose the column that holds the email address" in page.text
    assert db.rung == []


WRONG = {
    "the same field twice": ({"column-0": "email", "column-1": "email"}, "Is chosen for a column further up already."),
    "the same name twice": (
        {"column-0": "email", "column-1": "custom", "key-1": "x", "column-2": "custom", "key-2": " x "},
        "Is chosen for a column further up already.",
    ),
    "a name that cannot be one": ({"column-2": "custom", "key-2": "a|b"}, "Needs a name of 1 to 100 characters"),
    "no name": ({"column-2": "custom", "key-2": " "}, "Needs a name of 1 to 100 characters"),
    "a field that there is not": ({"column-1": "password"}, "Is none of the fields to choose from."),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_choice_that_cannot_be_is_told_beside_its_column_and_kept(
    alice: Visitor, db: Database, draft: UUID, case: str
) -> None:
    changes, words = WRONG[case]
    form = start_form(alice.follow(upload(alice, draft, MIXED)))
    page = alice.see(alice.send(form, **changes), 422)  # type: ignore[arg-type]
    assert words in page.text
    assert "column-1-errors" in page.ids or "column-2-errors" in page.ids
    for name, value in changes.items():
        assert start_form(page).value(name) == value.replace("password", "")
    assert db.rung == []


def test_an_import_says_what_came_of_it_and_can_be_found_again(alice: Visitor, db: Database, draft: UUID) -> None:
    page = brought_in(alice, db, draft, MIXED)
    words = squeezed(page.text)
    assert "5 of 5 lines, 100%" in words
    assert "Imported 1 In this campaign already 1" in words.replace(" Download this line: In this campaign already", "")
    assert people(db)["ann@corp.test"] == ("Ann", {"Favourite tea": "Oolong"})
    assert "people.csv" in alice.visit(f"/campaigns/{draft}/prospects").text
    assert "1 imported, 4 left out" in squeezed(alice.visit(f"/campaigns/{draft}/imports").text)


def download(alice: Visitor, page: Page, kind: str) -> list[list[str]]:
    path = next(link for link in page.links if link.endswith(f"/{kind}.csv"))
    answer = alice.client.get(path)
    assert answer.mimetype == "text/csv"
    assert f'filename="{kind.replace("_", "-")}.csv"' in answer.headers["Content-Disposition"]
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_lines_that_were_left_out_are_downloaded_and_no_formula_is_among_them(
    alice: Visitor, db: Database, draft: UUID
) -> None:
    page = brought_in(alice, db, draft, MIXED)
    head, broken = download(alice, page, "invalid")
    assert head == ["import_line", "import_reason", "E-mail", "First name", "Favourite tea"]
    assert broken[0] == "3"
    assert broken[1].startswith('email: "broken" is not an email address')
    assert broken[2:] == ["broken", "Bob", '\'=HYPERLINK("http://evil.test")']
    assert download(alice, page, "in_file")[1][:2] == ["4", "the same person as in line 2"]
    assert download(alice, page, "in_campaign")[1][:3] == ["5", "in this campaign already", "zoe@corp.test"]
    assert download(alice, page, "suppressed")[1][1] == "on the suppression list, never.test: a lawyer wrote"
    alice.visit(page.links[0].rpartition("/")[0] + "/nonsense.csv", 404)


def test_lines_that_were_mended_come_back_without_what_we_wrote(alice: Visitor, db: Database, draft: UUID) -> None:
    rows = download(alice, brought_in(alice, db, draft, MIXED), "invalid")
    rows[1][2] = "bob@corp.test"
    mended = "\n".join(",".join(f'"{cell}"'.replace('("http://evil.test")', "") for cell in row) for row in rows)
    brought_in(alice, db, draft, mended.encode())
    assert people(db)["bob@corp.test"] == ("Bob", {"Favourite tea": "'=HYPERLINK"})


BAD = {
    b"": "This is empty.",
    b"email,name\n": "This has a line of headings, and nobody below it.",
    b"PK\x03\x04...": "This is a workbook or an archive: open it, and save it as CSV in UTF-8.",
    b"\x89PNG\x81\x8d\x00\xff\x00\xd8\x00": "This is not a text file: save it as CSV in UTF-8.",
    b"%PDF\x01\x02\n\x03": "This is not a text file: save it as CSV in UTF-8.",
    b'email,name\nann@corp.test,"Ann\nbob@corp.test,Bob\n': "This has a quotation mark in line 2 that is never closed.",
    b"email\n" + b"a@corp.test\n" * 100_001: "This has more than 100,000 rows: split it.",
    b"email\n" + b"x" * 140_000: "This has a cell of more than 100,000 characters: is a quotation mark missing?",
    b",".join([b"x"] * 101) + b"\n1\n": "This has 101 columns; at most 100 can be read: leave some out.",
}


@pytest.mark.parametrize("data", BAD, ids=lambda data: str(data[:20]))
def test_a_file_that_is_no_table_of_people_is_refused_in_words(
    alice: Visitor, db: Database, draft: UUID, data: bytes
) -> None:
    page = alice.see(upload(alice, draft, data), 422)
    assert BAD[data] in page.text
    with db.reading() as session:
        assert session.scalars(select(Import)).all() == []


def test_odd_files_are_read_as_far_as_they_can_be(alice: Visitor, db: Database, draft: UUID) -> None:
    heads = b"email,Tea,Tea,,50% off\n"
    lines = [b"ann@corp.test,\x00Mint,Oolong,x,y", "bob@corp.test,Ü,,,".encode(), "eva@corp.test,Ü,,,".encode("cp1252")]
    page = brought_in(alice, db, draft, heads + b"\n".join(lines) + b"\nlong@corp.test," + b"x" * 3000)
    found = people(db)
    assert found["ann@corp.test"][1] == {"Tea": "Mint", "Tea 2": "Oolong", "50 off": "y"}
    assert found["bob@corp.test"][1] == found["eva@corp.test"][1] == {"Tea": "Ü"}
    assert "at most 2000 characters" in download(alice, page, "invalid")[1][1].replace(",", "")


def test_no_file_at_all_is_told(alice: Visitor, draft: UUID) -> None:
    assert "Choose a file first." in alice.see(upload(alice, draft, b"", ""), 422).text


@pytest.mark.parametrize("size", [MOST_BYTES + 1, MOST_BYTES + 200_000, MOST_BYTES + 1024 * 1024])
def test_a_file_of_more_than_ten_megabytes_is_refused_where_it_was_chosen(
    alice: Visitor, db: Database, draft: UUID, size: int
) -> None:
    page = alice.see(upload(alice, draft, b"email\n".ljust(size, b"x")), 413)
    assert "larger than 10 MB" in page.text
    assert page.form("/imports")
    with db.reading() as session:
        assert session.scalars(select(Import)).all() == []


def test_a_file_too_large_of_whoever_is_not_signed_in_leads_to_sign_in(stranger: Visitor, draft: UUID) -> None:
    answer = post_file(stranger, f"/campaigns/{draft}/imports", b"x" * (MOST_BYTES + 200_000), "people.csv", "")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/signin")


def test_progress_is_polled_until_it_is_over(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.follow(alice.send(start_form(alice.follow(upload(alice, draft, MIXED)))))
    path = f"/campaigns/{draft}/imports/{db.rung[0].args[0]}"
    assert "0 of 5 lines, 0%" in squeezed(page.text)
    part = alice.fragment(path)
    assert part.root is not None
    assert part.root["hx-trigger"] == "every 1s"
    work(db)
    part = alice.fragment(path)
    assert part.root is not None
    assert "hx-trigger" not in part.root
    assert "The import is done." in part.text
    assert part.text.split()[-1] == "2", "how many people there are now, for the tab"


def test_an_import_that_is_cancelled_adds_nobody_more(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.follow(alice.send(start_form(alice.follow(upload(alice, draft, MIXED)))))
    page = alice.follow(alice.send(page.form("/cancel")))
    assert "It was cancelled. 0 are in and stay." in squeezed(page.text)
    work(db)
    assert list(people(db)) == ["zoe@corp.test"]


def test_a_file_that_was_not_started_can_be_forgotten(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.follow(upload(alice, draft, MIXED))
    page = alice.follow(alice.send(page.form("/cancel")))
    assert "nobody was imported" in page.text
    with db.reading() as session:
        assert session.scalars(select(Import)).all() == []


def test_two_who_start_one_file_start_it_once(alice: Visitor, db: Database, draft: UUID) -> None:
    form = start_form(alice.follow(upload(alice, draft, MIXED)))
    alice.follow(alice.send(form))
    assert "Importing" in alice.follow(alice.send(form)).text
    assert len(db.rung) == 1


def test_nobody_is_imported_into_a_completed_campaign(alice: Visitor, db: Database, draft: UUID) -> None:
    page = alice.visit(f"/campaigns/{draft}/prospects")
    form = start_form(alice.follow(upload(alice, draft, MIXED)))
    with db.sessions.begin() as session:
        session.get_one(Campaign, draft).status = "completed"
    told = alice.see(alice.send(form), 422)
    assert "This campaign is completed" in told.text
    token = page.form("/imports").value("csrf_token") or ""
    told = alice.see(post_file(alice, f"/campaigns/{draft}/imports", MIXED, "x.csv", token), 422)
    assert "This campaign is completed" in told.text
    assert db.rung == []


def test_bob_finds_nothing_of_alices_imports(alice: Visitor, bob: Visitor, db: Database, draft: UUID) -> None:
    alice.follow(alice.send(start_form(alice.follow(upload(alice, draft, MIXED)))))
    work(db)
    with db.sessions.begin() as session:
        one = session.scalars(select(Import)).one()
        own = make.campaign(session, session.get_one(make.Workspace, bob.workspace_id))
        one.status = RUNNING
    token = bob.visit("/campaigns").form("/signout").value("csrf_token")
    for campaign in (draft, own.id):
        base = f"/campaigns/{campaign}/imports/{one.id}"
        for path in (base, f"{base}/invalid.csv"):
            bob.visit(path, 404)
        for verb in ("start", "foresee", "cancel"):
            bob.see(bob.client.post(f"{base}/{verb}", data={"csrf_token": token}), 404)
    assert post_file(bob, f"/campaigns/{draft}/imports", MIXED, "x.csv", token or "").status_code == 404
    with db.reading() as session:
        assert session.get_one(Import, one.id).status == RUNNING


def test_names_of_files_and_columns_are_not_taken_for_html(alice: Visitor, db: Database, draft: UUID) -> None:
    evil = "<script>alert(1)</script>"
    page = alice.follow(upload(alice, draft, f"email,{evil}\nann@corp.test,{evil}\n".encode(), f"{evil}.csv"))
    assert evil not in page.html
    assert evil not in alice.visit(f"/campaigns/{draft}/imports").html
