"""Whoever is on the suppression list is written to by no campaign of the workspace, whichever door they come by; and
neither is whoever asked to be forgotten, of whom only a hash is kept."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import editing, importing, launching, suppressing, unsubscribing
from campaigns.models import Campaign, Message, Prospect, SenderDay, Suppression, Workspace
from campaigns.models.facts import read_facts
from campaigns.models.finding import nodes_of
from campaigns.models.sender import Sender
from campaigns.models.suppression import put_on_list
from campaigns.rules.links import Recipient
from campaigns.rules.suppressions import hashed
from tests import make
from tests.databases import Database, at_once
from tests.make import NOW
from tests.verbs.playing import Play

ANN, PROFILE = "ann@corp.example", "https://www.linkedin.com/in/ann"
BY = "sarah@ours.example"

# What may stand on the list about Ann: as it is entered.
Entry = Callable[[UUID], str]
ENTRIES: dict[str, Entry] = {
    "address": lambda _: ANN,
    "domain": lambda _: "corp.example",
    "profile": lambda _: "linkedin.com/in/ann",
    "hash": lambda workspace_id: hashed(workspace_id, ANN),
    "hashed profile": lambda workspace_id: hashed(workspace_id, "linkedin.com/in/ann"),
}


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make.workspace(session)


@pytest.fixture(params=ENTRIES)
def entry(request: pytest.FixtureRequest, session: Session, workspace: Workspace) -> str:
    """Ann is on the list, in one way or another; the same entry of another workspace means nobody here."""
    value = ENTRIES[request.param](workspace.id)
    make.suppression(session, workspace, value)
    return value


def people(session: Session, campaign: Campaign) -> list[tuple[str, str]]:
    own = select(Prospect).where(Prospect.campaign_id == campaign.id).order_by(Prospect.identity)
    session.expire_all()
    return [(one.identity, one.status) for one in session.scalars(own)]


def test_nobody_on_the_list_is_added(session: Session, workspace: Workspace, entry: str) -> None:
    campaign = make.campaign(session, workspace)
    body = {"prospects": [{"email": "Ann@corp.example", "linkedin_url": PROFILE}, {"email": "bob@else.example"}]}
    done = importing.add(session, workspace.id, campaign.id, body, now=NOW, by=BY)
    assert done.to_json() == {"imported": 1, "duplicates": 0, "suppressed": 1}
    assert people(session, campaign) == [("bob@else.example", "pending")]


def test_nobody_on_the_list_is_pasted(session: Session, workspace: Workspace, entry: str) -> None:
    campaign = make.campaign(session, workspace)
    table = f"email,linkedin\nann@corp.example,{PROFILE}\nbob@else.example,\n"
    done = importing.add_table(session, workspace.id, campaign.id, table, source="paste", now=NOW, by=BY)
    assert (done.imported, done.duplicates, done.suppressed) == (1, 0, 1)


def test_nobody_on_the_list_is_imported_and_no_hash_is_shown(
    db: Database, session: Session, workspace: Workspace, entry: str
) -> None:
    campaign = make.campaign(session, workspace)
    file = f"email,linkedin\nann@corp.example,{PROFILE}\nbob@else.example,\n".encode()
    one = importing.receive(session, workspace.id, campaign.id, "people.csv", file, now=NOW, by=BY)
    importing.start(session, workspace.id, campaign.id, one.id, [("email", ""), ("linkedin_url", "")], now=NOW)
    session.commit()
    importing.work(db.sessions, db.reading, one.id, clock=lambda: NOW)
    assert people(session, campaign) == [("bob@else.example", "pending")]
    reasons = [left.reason for left in importing.left_out(session, one.id, "suppressed")]
    shown = "Asked to be forgotten." if entry.startswith("sha256:") else f"{entry}: asked"
    assert reasons == [f"on the suppression list, {shown}"]


def test_nobody_on_the_list_is_copied(session: Session, workspace: Workspace, entry: str) -> None:
    campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)])
    held_back = {"status": "failed", "contacted": False}
    make.prospect(session, campaign, email=ANN, linkedin_url=PROFILE, **held_back)
    make.prospect(session, campaign, email="bob@else.example", **held_back)
    made = editing.copy_held_back(session, workspace.id, campaign.id, now=NOW, by=BY)
    assert people(session, made) == [("bob@else.example", "pending")]


@pytest.mark.parametrize("kind", ["address", "domain", "hash"])
def test_a_launch_ends_whoever_came_onto_the_list_unseen(session: Session, workspace: Workspace, kind: str) -> None:
    make.suppression(session, workspace, ENTRIES[kind](workspace.id))
    campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)], status="launching")
    for address in (ANN, "bob@else.example"):
        make.prospect(session, campaign, email=address)
    assert launching.start(session, campaign.id, now=NOW, by=BY)
    assert people(session, campaign) == [(ANN, "unsubscribed"), ("bob@else.example", "pending")]


def test_a_large_launch_looks_for_the_forgotten_part_by_part(
    session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "MOST_AT_ONCE", 3)
    campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)], status="launching")
    addresses = [f"p{n}@corp.example" for n in range(8)]
    for address in addresses:
        make.prospect(session, campaign, email=address)
    for number in (1, 2, 4):
        make.suppression(session, workspace, hashed(workspace.id, addresses[number]))
    rounds = 1
    while launching.place(session, campaign.id, now=NOW):
        rounds += 1
    assert rounds == 3
    statuses = ["unsubscribed" if number in (1, 2, 4) else "pending" for number in range(8)]
    assert people(session, campaign) == list(zip(addresses, statuses, strict=True))


def test_at_the_instant_of_sending_every_kind_of_entry_counts(
    session: Session, workspace: Workspace, entry: str
) -> None:
    campaign = make.launched(session, workspace, 1, people={"email": ANN, "linkedin_url": PROFILE})
    ann = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).one()
    sender = session.get_one(Sender, ann.sender_account_id)
    node = nodes_of(session, campaign.id)[0]
    assert read_facts(session, campaign, ann, sender, node, NOW).suppressed
    ann.email, ann.identity, ann.linkedin_url = "bob@else.example", "bob@else.example", None
    assert not read_facts(session, campaign, ann, sender, node, NOW).suppressed


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_lane_passes_over_whoever_is_on_the_list_and_writes_to_the_others(db: Database, kind: str) -> None:
    play = Play(db)
    with db.sessions.begin() as session:
        own = make.workspace(session)
        campaign = make.launched(session, own, 1, people={"email": ANN, "linkedin_url": PROFILE})
        make.prospect(session, campaign, email="bob@else.example")
        make.place(session, campaign)
        make.suppression(session, own, ENTRIES[kind](own.id))
    play.tick()
    assert play.people == ["bob@else.example"]
    assert play.statuses() == {ANN: "unsubscribed", "bob@else.example": "completed"}
    with db.sessions() as session:
        assert session.scalars(select(SenderDay.used)).all() == [1]


def test_anothers_list_means_nobody_here(session: Session, workspace: Workspace) -> None:
    stranger = make.workspace(session)
    for value in (ANN, "corp.example", hashed(stranger.id, ANN), hashed(workspace.id, ANN)):
        make.suppression(session, stranger, value)
    campaign = make.campaign(session, workspace)
    done = importing.add(session, workspace.id, campaign.id, {"prospects": [{"email": ANN}]}, now=NOW, by=BY)
    assert done.to_json() == {"imported": 1, "duplicates": 0}


def test_whoever_was_forgotten_is_not_written_down_again(session: Session, workspace: Workspace) -> None:
    make.suppression(session, workspace, hashed(workspace.id, ANN))
    added = suppressing.add_text(session, workspace.id, f"{ANN}\nbob@else.example", "hand", now=NOW, by=BY)
    unsubscribing.unsubscribe(session, Recipient(workspace.id, workspace.id, ANN), NOW)
    assert (added.new, added.known) == (1, 1)
    values = set(session.scalars(select(Suppression.value)))
    assert values == {hashed(workspace.id, ANN), "bob@else.example"}


def test_the_link_of_a_message_means_its_reader_whatever_their_address_is_now(
    session: Session, workspace: Workspace
) -> None:
    campaign = make.launched(session, workspace, 1, people={"email": ANN}, nodes=[make.EMAIL_STEP, make.END])
    ann = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).one()
    message: Message = make.message(session, ann, nodes_of(session, campaign.id)[0])
    ann.email = ann.identity = "ann@new.example"
    session.flush()
    unsubscribing.unsubscribe(session, Recipient(message.id, workspace.id, ANN), NOW)
    assert people(session, campaign) == [("ann@new.example", "unsubscribed")]
    assert set(session.scalars(select(Suppression.value))) == {ANN, "ann@new.example"}


def test_many_who_add_the_same_at_once_all_succeed(db: Database, session: Session, workspace: Workspace) -> None:
    make.launched(session, workspace, 5)
    session.commit()
    entries = {f"person{n}@corp.example": "asked" for n in range(40)} | {"corp.example": "asked"}

    def add() -> int:
        with db.sessions.begin() as own:
            return suppressing.add(own, workspace.id, entries, "hand", now=NOW, by=BY).new

    assert sorted(at_once(*[add] * 4)) == [0, 0, 0, len(entries)]


def test_what_is_on_the_list_is_left_as_it_was(session: Session, workspace: Workspace) -> None:
    make.suppression(session, workspace, ANN, reason="first")
    assert put_on_list(session, workspace.id, {ANN: "second"}, "hand", NOW, by=BY) == set()
    assert session.scalars(select(Suppression.reason)).all() == ["first"]
