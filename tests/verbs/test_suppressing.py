"""The suppression list: whoever is on it is written to by no campaign of the workspace."""

import csv
import io

import pytest
from sqlalchemy.orm import Session

from campaigns import suppressing
from campaigns.models import Prospect, Workspace
from campaigns.rules.suppressions import hashed
from tests import make
from tests.make import NOW

BY = "sarah@ours.example"


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make.workspace(session)


def person(session: Session, workspace: Workspace, address: str) -> Prospect:
    campaign = make.launched(session, workspace, 0)
    made = make.prospect(session, campaign, email=address)
    make.place(session, campaign)
    return made


def add(session: Session, workspace: Workspace, text: str) -> suppressing.Added:
    return suppressing.add_text(session, workspace.id, text, "hand", now=NOW, by=BY)


def values(session: Session, workspace: Workspace, words: str = "") -> list[str]:
    return sorted(entry.value for entry in suppressing.listed(session, workspace.id, words=words)[0])


def test_whoever_is_added_gets_nothing_more_from_any_campaign(session: Session, workspace: Workspace) -> None:
    ann, again, bob = (person(session, workspace, f"{name}@corp.example") for name in ("ann", "Ann", "bob"))
    elsewhere = person(session, make.workspace(session), "ann@corp.example")
    assert add(session, workspace, "ann@corp.example,asked us").new == 1
    assert [one.status for one in (ann, again, bob, elsewhere)] == [
        "unsubscribed",
        "unsubscribed",
        "pending",
        "pending",
    ]
    assert (ann.due_at, ann.status_reason) == (None, "asked us")


def test_a_domain_means_everybody_at_it_and_nobody_else(session: Session, workspace: Workspace) -> None:
    ann, bob = person(session, workspace, "ann@corp.example"), person(session, workspace, "bob@acorp.example")
    sub = person(session, workspace, "carla@mail.corp.example")
    add(session, workspace, "corp.example")
    assert [one.status for one in (ann, bob, sub)] == ["unsubscribed", "pending", "pending"]


def test_a_domain_of_other_letters_means_its_people_too(session: Session, workspace: Workspace) -> None:
    ann = person(session, workspace, "ann@bücher.example")
    add(session, workspace, "bücher.example")
    assert ann.status == "unsubscribed"


def test_a_list_that_was_exported_can_be_taken_in_again(session: Session, workspace: Workspace) -> None:
    add(session, workspace, f"ann@corp.example,asked\ncorp.example\n{hashed(workspace.id, 'bob@corp.example')}")
    whole = "".join(suppressing.export(session, workspace.id))
    assert len(values(session, workspace)) == 3
    added = add(session, workspace, whole)
    assert (added.new, added.known, added.invalid) == (0, 3, 0)


def test_a_list_says_what_was_new_known_and_wrong(session: Session, workspace: Workspace) -> None:
    add(session, workspace, "ann@corp.example")
    added = add(session, workspace, "ann@corp.example\nbob@corp.example\nnonsense\n")
    assert (added.new, added.known, added.invalid) == (1, 1, 1)
    assert [problem.field for problem in added.problems] == ["line 3"]
    assert values(session, workspace) == ["ann@corp.example", "bob@corp.example"]


def test_a_long_list_is_taken_whole(session: Session, workspace: Workspace) -> None:
    added = add(session, workspace, "".join(f"person{n}@corp.example\n" for n in range(1201)))
    assert added.new == 1201
    assert suppressing.listed(session, workspace.id, limit=10)[1] == 1201


def test_the_list_is_searched_by_how_entries_begin(session: Session, workspace: Workspace) -> None:
    add(session, workspace, "ann@corp.example\nanna@corp.example\nbob@corp.example\nan%n@corp.example\n")
    assert values(session, workspace, "ANN") == ["ann@corp.example", "anna@corp.example"]
    assert values(session, workspace, "an%") == ["an%n@corp.example"]


def test_an_entry_is_taken_off_in_ones_own_workspace_only(session: Session, workspace: Workspace) -> None:
    add(session, workspace, "ann@corp.example")
    entry = suppressing.listed(session, workspace.id)[0][0]
    stranger = make.workspace(session)
    assert suppressing.remove(session, stranger.id, [entry.id], now=NOW, by=BY) == []
    assert suppressing.remove(session, workspace.id, [entry.id], now=NOW, by=BY) == ["ann@corp.example"]
    assert values(session, workspace) == []


def test_the_list_leaves_as_a_file_that_no_spreadsheet_runs(session: Session, workspace: Workspace) -> None:
    add(session, workspace, "ann@corp.example,=cmd()")
    rows = list(csv.DictReader(io.StringIO("".join(suppressing.export(session, workspace.id)))))
    assert [(row["value"], row["reason"], row["created_by"]) for row in rows] == [("ann@corp.example", "'=cmd()", BY)]
