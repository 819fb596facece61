"""Somebody's data: all of it is shown, and all of it is forgotten but for a hash."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import disclosing, erasing, importing, removing
from campaigns.models import (
    Answer,
    Call,
    CampaignDay,
    Conversation,
    Import,
    ImportPart,
    Letter,
    Prospect,
    SenderDay,
    Suppression,
    Undoable,
    Workspace,
)
from campaigns.models.finding import nodes_of
from campaigns.models.words import people_with
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.refusals import Invalid
from campaigns.rules.suppressions import hashed
from tests import make
from tests.databases import Database
from tests.make import NOW
from tests.verbs.playing import Play

ANN, PROFILE = "ann@corp.example", "linkedin.com/in/ann-zebedee"
BOB = "bob@corp.example"
CARLA = "carla@else.example"
NAMES = {ANN: "Zebedee", CARLA: "Xavier"}
BY = "sarah@ours.example"
# What no row may hold once she is forgotten, in any case.
SECRETS = ("ann@corp", "zebedee")


def lay_traces(session: Session, workspace: Workspace) -> None:
    """Everything that Cadenza may keep about Ann Zebedee, and some of the same about Bob."""
    for address, first, last in ((ANN, "Ann", "Zebedee"), (BOB, "Bob", "Yeoman")):
        people = {"email": address, "first_name": first, "last_name": last, "custom_fields": {"pet": f"{last}'s cat"}}
        campaign = make.launched(session, workspace, 1, people=people, name=f"To {first}")
        one = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).one()
        message = make.message(session, one, nodes_of(session, campaign.id)[0], subject=f"Hello {last}", body=address)
        common = {"workspace_id": workspace.id, "prospect_id": one.id, "sender_account_id": one.sender_account_id}
        letter = Letter(
            **common,
            message_id=message.id,
            kind="reply",
            rfc_message_id=f"<{address}>",
            from_address=address,
            from_name=f"{first} {last}",
            subject=f"Re: Hello {last}",
            fresh=f"Yours, {last}",
            received_at=NOW,
        )
        session.add_all([letter, Conversation(**common, last_at=NOW, label="interested", campaign_id=campaign.id)])
        session.flush()
        answer = {"status": "sent", "subject": f"Re: {last}", "body": f"Dear {last}", "created_at": NOW, "sent_at": NOW}
        session.add(Answer(**common, letter_id=letter.id, **answer))
    make.suppression(session, workspace, ANN)
    make.suppression(session, workspace, "corp.example")
    seat = make.campaign(session, workspace, type="linkedin", name="By LinkedIn")
    make.prospect(session, seat, linkedin_url=f"https://www.{PROFILE}", email="Ann@Corp.example", last_name="Zebedee")
    session.flush()


def lay_files(session: Session, workspace: Workspace) -> Import:
    """A file that waits, one that was gone through, people who were removed by a slip, answers that are kept."""
    campaign = make.campaign(session, workspace, name="Files")
    for others in ([CARLA], []):
        people = [
            make.prospect(session, campaign, email=address, last_name=NAMES[address]) for address in [ANN, *others]
        ]
        ids = {"ids": [str(one.id) for one in people]}
        removing.remove(session, workspace.id, campaign.id, ids, now=NOW, by=BY, undoable=True)
    table = f"email,name\n{ANN},Zebedee\n{CARLA},Xavier\nNot Ann <ANN@corp.example>,Zebedee\n"
    one = importing.receive(session, workspace.id, campaign.id, "people.csv", table.encode(), now=NOW, by=BY)
    hers = ["invalid", 3, "email: 'ann@corp.example x' is none", ["ann@corp.example x", "Zebedee"]]
    left = [hers, ["invalid", 4, "no", ["joann@corp.example", "W"]]]
    session.add(ImportPart(import_id=one.id, number=1, rows=2, lines=None, left_out=left))
    user = make.user(session, workspace)
    for key, answer in (("done", "sealed"), ("runs", None)):
        session.add(Call(user_id=user.id, key=key, fingerprint="f", started_at=NOW, answer=answer))
    session.flush()
    return one


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make.workspace(session)


def erase(session: Session, workspace: Workspace, address: str = ANN) -> erasing.Erased:
    return erasing.erase(session, workspace.id, address, now=NOW, by=BY)


def test_everything_that_is_kept_is_shown(session: Session, workspace: Workspace) -> None:
    lay_traces(session, workspace)
    lay_files(session, workspace)
    found = disclosing.disclose(session, workspace.id, " Ann@corp.example ")
    assert found["address"] == ANN
    by_name = {one["campaign"]: one for one in found["people"]}
    assert by_name.keys() == {"To Ann", "By LinkedIn"}
    one = by_name["To Ann"]
    assert (one["prospect"]["last_name"], one["prospect"]["custom_fields"]) == ("Zebedee", {"pet": "Zebedee's cat"})
    assert one["label"] == "interested"
    assert [mail["body"] for mail in one["messages"]] == [ANN]
    assert [mail["fresh"] for mail in one["letters"]] == ["Yours, Zebedee"]
    assert [mail["body"] for mail in one["answers"]] == ["Dear Zebedee"]
    assert [entry["value"] for entry in found["suppressions"]] == [ANN, "corp.example"]
    assert [line["line"] for line in found["import_lines"]] == [2, 4, 3]


def test_a_person_is_shown_and_forgotten_by_a_profile_too(session: Session, workspace: Workspace) -> None:
    lay_traces(session, workspace)
    found = disclosing.disclose(session, workspace.id, "https://www.linkedin.com/in/Ann-Zebedee/?x=1")
    assert [one["campaign"] for one in found["people"]] == ["By LinkedIn"]
    assert erase(session, workspace, PROFILE).people == 1
    assert disclosing.disclose(session, workspace.id, PROFILE)["people"] == []


@pytest.mark.parametrize(
    "spelled",
    [
        "https://de.linkedin.com/in/Ann-Zebedee/de",
        "linkedin.com/mwlite/in/ann%2Dzebedee",
        "linkedin.com/pub/ann-zebedee/a7/576/b50",
        "linkedin.com/in/jos%C3%A9",
    ],
)
def test_a_profile_is_forgotten_however_it_was_spelled(session: Session, workspace: Workspace, spelled: str) -> None:
    campaign = make.campaign(session, workspace)
    make.prospect(session, campaign, email="z@corp.example", linkedin_url=spelled)
    table = f"email,linkedin_url\ny@corp.example,{spelled}\nx@corp.example,linkedin.com/in/other\n"
    importing.receive(session, workspace.id, campaign.id, "people.csv", table.encode(), now=NOW, by=BY)
    session.flush()
    erased = erase(session, workspace, spelled)
    assert (erased.people, erased.import_lines) == (1, 1)


@pytest.mark.parametrize("address", [None, "", "corp.example", "nonsense", 7])
def test_only_one_person_can_be_asked_about(session: Session, workspace: Workspace, address: object) -> None:
    for verb in (disclosing.disclose, lambda *args: erasing.erase(*args, now=NOW, by=BY)):
        with pytest.raises(Invalid) as refused:
            verb(session, workspace.id, address)
        assert [problem.field for problem in refused.value.problems] == ["address"]


def test_nothing_of_a_person_is_left_anywhere_but_a_hash(db: Database, session: Session, workspace: Workspace) -> None:
    lay_traces(session, workspace)
    one = lay_files(session, workspace)
    session.commit()
    assert all(secret in repr(db.dump()).lower() for secret in SECRETS)
    erased = erase(session, workspace)
    session.commit()
    kept = repr(db.dump()).lower()
    # Joann's address ends like hers.
    assert [secret for secret in SECRETS if secret in kept.replace("joann@corp", "")] == []
    assert people_with(session, workspace.id, "zebedee") == []
    assert erased == erasing.Erased(people=2, messages=1, letters=1, answers=1, import_lines=3)
    values = {row.value: (row.reason, row.source) for row in session.scalars(select(Suppression))}
    forgotten = ("Asked to be forgotten.", "erasure")
    assert values == {
        "corp.example": ("asked", "hand"),
        hashed(workspace.id, ANN): forgotten,
        hashed(workspace.id, PROFILE): forgotten,
    }
    assert disclosing.disclose(session, workspace.id, ANN)["people"] == []
    assert session.get_one(Import, one.id).total == 3


def test_everybody_else_stays_as_they_are(db: Database, session: Session, workspace: Workspace) -> None:
    lay_traces(session, workspace)
    one = lay_files(session, workspace)
    lay_traces(session, make.workspace(session))
    session.flush()
    before = disclosing.disclose(session, workspace.id, BOB)
    erase(session, workspace)
    session.expire_all()
    assert disclosing.disclose(session, workspace.id, BOB) == before
    parts = session.scalars(select(ImportPart).where(ImportPart.import_id == one.id).order_by(ImportPart.number)).all()
    assert parts[0].lines == [[2, ["", ""]], [3, ["carla@else.example", "Xavier"]], [4, ["", ""]]]
    assert parts[1].left_out == [
        ["invalid", 3, "Asked to be forgotten.", ["", ""]],
        ["invalid", 4, "no", ["joann@corp.example", "W"]],
    ]
    undoables = session.scalars(select(Undoable)).all()
    assert [[row["email"] for row in kept.people] for kept in undoables] == [[CARLA]]
    assert session.scalars(select(Call.key)).all() == ["runs"]
    strangers = session.scalars(select(Prospect.identity).where(Prospect.workspace_id != workspace.id)).all()
    assert ANN in strangers


def test_whoever_is_not_known_is_kept_from_being_written_to_as_well(session: Session, workspace: Workspace) -> None:
    assert erase(session, workspace).people == 0
    assert session.scalars(select(Suppression.value)).all() == [hashed(workspace.id, ANN)]
    erase(session, workspace)
    assert len(session.scalars(select(Suppression.value)).all()) == 1


def test_a_file_that_brings_them_back_leaves_nothing_of_them(
    db: Database, session: Session, workspace: Workspace
) -> None:
    erase(session, workspace)
    campaign = make.campaign(session, workspace)
    table = b"email,name\nann@corp.example,Zebedee\nann@corp.example,Zebedee\nbob@corp.example,Bob\n"
    one = importing.receive(session, workspace.id, campaign.id, "people.csv", table, now=NOW, by=BY)
    importing.start(session, workspace.id, campaign.id, one.id, [("email", ""), ("first_name", "")], now=NOW)
    session.commit()
    importing.work(db.sessions, db.reading, one.id, clock=lambda: NOW)
    kept = repr(db.dump()).lower()
    assert [secret for secret in SECRETS if secret in kept] == []
    assert [left.line for left in importing.left_out(session, one.id, "suppressed")] == [2]


@pytest.mark.parametrize("when", ["instead", "afterwards"])
def test_a_message_in_hand_leaves_and_counts_and_the_lane_goes_on(db: Database, when: str) -> None:
    play = Play(db)
    steps = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.launched(session, workspace, 2, nodes=steps)

    def forget(outgoing: Outgoing) -> None:
        setattr(play.post, when, lambda _: None)
        play.do(erasing.erase, workspace.id, outgoing.to_address, now=play.now, by=BY)

    setattr(play.post, when, forget)
    play.tick()
    play.now += timedelta(days=2)
    play.tick()
    assert len(play.sent) == 3
    assert len(set(play.people)) == 2
    with db.sessions() as session:
        assert sum(session.scalars(select(SenderDay.used))) == 3
        assert sorted(session.scalars(select(CampaignDay.used))) == [1, 2]
        assert len(session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).all()) == 1
