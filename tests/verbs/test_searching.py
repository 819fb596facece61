"""Searching a workspace for campaigns and people."""

from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from campaigns import searching
from campaigns.models import Campaign, Prospect, Workspace, schema, words
from campaigns.models.schema import alembic_config, migrating
from campaigns.models.words import people_with
from tests import make
from tests.databases import Database


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
    person(session, made, "Владимир 山田太郎", "w@other.example")
    return made


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann", ["ann@corp.example"]),
        ("ANN LEE", ["ann@corp.example"]),
        ("  ann   lee ", ["ann@corp.example"]),
        ("lee, an", ["ann@corp.example"]),
        ("ann engines", ["ann@corp.example"]),
        ("E ann", ["ann@corp.example"]),
        ("ann@corp.example", ["ann@corp.example"]),
        ("@corp.exam", ["ann@corp.example", "leander@corp.example", "nameless@corp.example"]),
        ("Nameless", ["nameless@corp.example"]),
        ("özil", ["oe@other.example"]),
        ("ÖMER ö", ["oe@other.example"]),
        ("omer", ["oe@other.example"]),
        ("o\u0308mer", ["oe@other.example"]),
        ("ärzte 100%", ["oe@other.example"]),
        ("100% ag", ["oe@other.example"]),
        ("влад", ["w@other.example"]),
        ("ВЛАДИМИР", ["w@other.example"]),
        ("山田", ["w@other.example"]),
        ("sons lea", ["leander@corp.example"]),
        ("0_%", []),
        ("nobody", []),
        ("ee", []),
        ("ann nobody", []),
        ("NOT ann", []),
        ("'ann", ["ann@corp.example"]),
        ('"ann*', ["ann@corp.example"]),
    ],
)
def test_somebody_is_found_by_the_beginning_of_words_of_name_company_and_address(
    session: Session, workspace: Workspace, founders: Campaign, text: str, found: list[str]
) -> None:
    assert sorted(filter(None, people(session, workspace, text))) == found


def test_those_who_were_added_last_come_first(session: Session, workspace: Workspace, founders: Campaign) -> None:
    assert people(session, workspace, "lee") == ["leander@corp.example", "ann@corp.example"]


@pytest.mark.parametrize("text", ["%", "_", "0", "01", "#", "''", '"', "\\", "( ", ":*", "\u0308", "²", "a" * 200])
def test_something_odd_finds_nobody(session: Session, workspace: Workspace, founders: Campaign, text: str) -> None:
    assert people(session, workspace, text) == []


def test_the_id_of_a_workspace_or_a_campaign_is_no_word(
    session: Session, workspace: Workspace, founders: Campaign
) -> None:
    for owner in (workspace, founders):
        assert people(session, workspace, owner.id.hex) == []
        assert people(session, workspace, owner.id.hex[:4]) == []


def test_what_is_changed_is_found_by_its_new_words_alone(
    session: Session, workspace: Workspace, founders: Campaign
) -> None:
    ann = session.scalars(select(Prospect).where(Prospect.first_name == "Ann")).one()
    ann.first_name, ann.company = "Zoe", None
    session.flush()
    assert people(session, workspace, "zoe lee") == ["ann@corp.example"]
    assert people(session, workspace, "engines") == []
    ann.status = "replied"
    session.flush()
    assert people(session, workspace, "zoe lee") == ["ann@corp.example"]


def test_whoever_is_gone_is_found_no_more(session: Session, workspace: Workspace, founders: Campaign) -> None:
    ann = session.scalars(select(Prospect).where(Prospect.first_name == "Ann")).one()
    session.delete(ann)
    session.flush()
    assert people_with(session, workspace.id, "ann") == []
    session.delete(founders)
    session.flush()
    assert people_with(session, workspace.id, "leander") == []
    index = session.execute(text("SELECT count(*) FROM prospect_search")).scalar()
    assert index == 0


def test_as_many_as_anybody_reads_are_found(
    session: Session, workspace: Workspace, founders: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = list(session.scalars(select(Prospect.id).order_by(Prospect.id)))
    monkeypatch.setattr(words, "MOST_FOUND", 2)
    assert people_with(session, workspace.id, "example") == everybody[:2]


def test_a_profile_is_found_by_its_address_as_it_is_copied(session: Session, workspace: Workspace) -> None:
    campaign = make.campaign(session, workspace, type="linkedin")
    dora = make.prospect(session, campaign, linkedin_url="https://www.linkedin.com/in/dora")
    copied = ("https://www.linkedin.com/in/dora/?trk=x", "https://de.linkedin.com/mwlite/in/Dora")
    for address in (*copied, "linkedin.com/in/do", "in/dora", "dora"):
        assert [one.id for one, _ in searching.search(session, workspace.id, address).people] == [dora.id], address
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
    assert people(session, workspace, "robin") == [f"robin{number}@corp.example" for number in range(20, 0, -1)]


def test_nobody_finds_what_is_a_strangers(session: Session, founders: Campaign) -> None:
    other = make.workspace(session)
    found = searching.search(session, other.id, "ann")
    assert (found.campaigns, found.people) == ([], [])
    assert searching.search(session, other.id, "Founders").campaigns == []


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_is_found_by_nothing(session: Session, workspace: Workspace, founders: Campaign, text: str) -> None:
    assert searching.search(session, workspace.id, text) == searching.Found()


def test_whoever_was_there_before_there_was_a_search_is_found(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        person(session, make.campaign(session, workspace), "Ann Lee", "ann@corp.example")
    with migrating(db.engine) as connection:
        command.downgrade(alembic_config(connection), "0001")
    schema.upgrade(db.engine)
    with db.sessions.begin() as session:
        assert people(session, workspace, "lee") == ["ann@corp.example"]
        session.delete(session.scalars(select(Prospect)).one())
        session.flush()
        assert people(session, workspace, "lee") == []
