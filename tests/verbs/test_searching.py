"""Searching a workspace for campaigns and people."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from campaigns import searching
from campaigns.models import Campaign, Workspace
from tests import make


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make.workspace(session)


def person(session: Session, campaign: Campaign, name: str, email: str, **values: Any) -> None:
    first, _, last = name.partition(" ")
    make.prospect(session, campaign, first_name=first or None, last_name=last or None, email=email, **values)


def people(session: Session, workspace: Workspace, text: str) -> list[str | None]:
    return [one.email for one, _ in searching.search(session, workspace.id, text).people]


@pytest.fixture
def founders(session: Session, workspace: Workspace) -> Campaign:
    """A campaign with four people."""
    made = make.campaign(session, workspace, name="Founders")
    person(session, made, "Ann Lee", "ann@corp.example", company="Engines")
    person(session, made, "Leander Ahn", "leander@corp.example", company="Lee & Sons")
    person(session, made, "Özil Ömer", "oe@other.example", company="Ärzte 100% AG")
    person(session, made, "", "nameless@corp.example")
    return made


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann", ["ann@corp.example"]),
        ("ANN LEE", ["ann@corp.example"]),
        ("  ann   lee ", ["ann@corp.example"]),
        ("engines", ["ann@corp.example"]),
        ("ann@corp.example", ["ann@corp.example"]),
        ("Nameless", ["nameless@corp.example"]),
        ("özil", ["oe@other.example"]),
        ("ärzte 100%", ["oe@other.example"]),
        ("100% ag", ["oe@other.example"]),
        ("0_%", []),
        ("nobody", []),
    ],
)
def test_somebody_is_found_by_name_company_or_address(
    session: Session, workspace: Workspace, founders: Campaign, text: str, found: list[str]
) -> None:
    assert people(session, workspace, text) == found


def test_those_that_begin_with_the_words_come_first(session: Session, workspace: Workspace) -> None:
    campaign = make.campaign(session, workspace)
    for name, email, company in [
        ("Ann Lee", "one@x.example", None),
        ("Lee Ann", "two@x.example", None),
        ("Bob", "bob@x.example", "Fleet"),
        ("Cid", "lee@x.example", None),
        ("Dora", "dora@x.example", "Leeds"),
        ("Emil", "sleeper@x.example", None),
    ]:
        person(session, campaign, name, email, company=company)
    found = people(session, workspace, "lee")
    assert found[0] == "lee@x.example"
    assert set(found[:4]) == {"lee@x.example", "two@x.example", "one@x.example", "dora@x.example"}
    assert set(found[4:]) == {"bob@x.example", "sleeper@x.example"}


def test_a_profile_is_found_by_its_address_as_it_is_copied(session: Session, workspace: Workspace) -> None:
    campaign = make.campaign(session, workspace, type="linkedin")
    dora = make.prospect(session, campaign, linkedin_url="https://www.linkedin.com/in/dora")
    for text in ("https://www.linkedin.com/in/dora/?trk=x", "linkedin.com/in/do", "in/dora"):
        assert [one.id for one, _ in searching.search(session, workspace.id, text).people] == [dora.id], text
    for odd in ("http://[::1", "linkedin.com/in/%00", "/", "\\"):
        assert searching.search(session, workspace.id, odd).campaigns == [], odd


def test_each_person_comes_with_the_campaign_and_once_for_each(
    session: Session, workspace: Workspace, founders: Campaign
) -> None:
    other = make.campaign(session, workspace)
    person(session, other, "Ann Lee", "ann@corp.example")
    found = searching.search(session, workspace.id, "ann@")
    assert {campaign.id for _, campaign in found.people} == {founders.id, other.id}
    assert all(one.campaign_id == campaign.id for one, campaign in found.people)
    assert len(found.people) == 2


def test_campaigns_are_found_by_name_the_latest_of_those_that_begin_so_first(
    session: Session, workspace: Workspace
) -> None:
    for index, name in enumerate(["Spring", "Late spring", "Spring again", "Autumn", "50% spring_off"]):
        make.campaign(session, workspace, name=name, updated_at=make.NOW + timedelta(hours=index))
    found = [one.name for one in searching.search(session, workspace.id, "SPRING").campaigns]
    assert found == ["Spring again", "Spring", "50% spring_off", "Late spring"]
    assert [one.name for one in searching.search(session, workspace.id, "g_o").campaigns] == ["50% spring_off"]


def test_at_most_twenty_of_each_are_found(session: Session, workspace: Workspace) -> None:
    for number in range(21):
        campaign = make.campaign(session, workspace, name=f"Round {number}")
        person(session, campaign, "Round Robin", f"robin{number}@corp.example")
    found = searching.search(session, workspace.id, "round")
    assert (len(found.campaigns), len(found.people)) == (20, 20)
    assert len(people(session, workspace, "robin")) == 20


def test_nobody_finds_what_is_a_strangers(session: Session, founders: Campaign) -> None:
    other = make.workspace(session)
    found = searching.search(session, other.id, "ann")
    assert (found.campaigns, found.people) == ([], [])
    assert searching.search(session, other.id, "Founders").campaigns == []


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_is_found_by_nothing(session: Session, workspace: Workspace, founders: Campaign, text: str) -> None:
    assert searching.search(session, workspace.id, text) == searching.Found()


def test_names_are_read_of_the_latest_people_alone_and_addresses_of_everybody(
    session: Session, workspace: Workspace, founders: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_READ", 5)
    assert searching.search(session, workspace.id, "lee").everybody
    late = make.campaign(session, workspace, updated_at=make.NOW + timedelta(hours=1))
    person(session, late, "Lee Late", "late@corp.example")
    assert searching.search(session, workspace.id, "lee").everybody
    person(session, late, "Lee Later", "later@corp.example")
    found = searching.search(session, workspace.id, "engines")
    assert (found.people, found.everybody) == ([], False)
    assert people(session, workspace, "ann@c") == ["ann@corp.example"]
    # The latest campaign first; of the founders Ann was added first, and is not read any more.
    assert people(session, workspace, "lee") == ["later@corp.example", "late@corp.example", "leander@corp.example"]


def test_names_are_read_in_the_latest_campaigns_alone(
    session: Session, workspace: Workspace, founders: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_CAMPAIGNS", 1)
    assert searching.search(session, workspace.id, "engines").everybody
    make.campaign(session, workspace, updated_at=make.NOW + timedelta(hours=1))
    found = searching.search(session, workspace.id, "engines")
    assert (found.people, found.everybody) == ([], False)
