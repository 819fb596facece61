"""The plan of a campaign: a calendar of what would leave, with its end and its bottleneck."""

from datetime import timedelta
from uuid import UUID

from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed


def planned(db: Database, alice: Visitor, n: int = 12, **values: object) -> UUID:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        sender = make.sender(session, workspace, daily_limit=5, min_gap=60, max_gap=60)
        nodes = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]
        return make.launched(session, workspace, n, senders=[sender], nodes=nodes, **values).id


def test_the_days_say_how_much_leaves(alice: Visitor, db: Database) -> None:
    text = alice.visit(f"/campaigns/{planned(db, alice)}/plan").text
    assert "24 messages, from Mon 2 Mar" in squeezed(text)
    assert "5 × Email 1" in text
    assert "held most by its daily limit" in text


def test_a_limit_of_the_campaign_is_named_where_it_holds_most(alice: Visitor, db: Database) -> None:
    text = alice.visit(f"/campaigns/{planned(db, alice, daily_limit=2)}/plan").text
    assert "held most by the campaign's daily limit" in text
    assert "2 × Email 1" in text


def test_a_paused_campaign_is_planned_as_if_it_were_resumed(alice: Visitor, db: Database) -> None:
    text = alice.visit(f"/campaigns/{planned(db, alice, status='paused')}/plan").text
    assert "As if it were resumed now." in text
    assert "24 messages" in text


def test_whoever_sends_too_slowly_sees_months_far_away(alice: Visitor, db: Database) -> None:
    text = alice.visit(f"/campaigns/{planned(db, alice, n=600, daily_limit=1)}/plan").text
    assert "After that" in text
    assert "Later still" in text


def test_a_plan_of_nothing_says_what_is_missing(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        alone = make.campaign(session, workspace).id
        empty = make.campaign(session, workspace, senders=[make.sender(session, workspace)]).id
        done = make.launched(session, workspace, 1, status="completed", now=make.NOW - timedelta(days=1)).id
    assert "no sender account yet" in alice.visit(f"/campaigns/{alone}/plan").text
    assert "Nobody waits for a message" in alice.visit(f"/campaigns/{empty}/plan").text
    assert "This campaign is completed" in alice.visit(f"/campaigns/{done}/plan").text


def test_the_chart_tells_what_left_and_what_will(alice: Visitor, db: Database) -> None:
    campaign = planned(db, alice)
    with db.sessions.begin() as session:
        found = session.get_one(make.Campaign, campaign)
        prospect = make.prospect(session, found)
        node = nodes_of(session, campaign)[0]
        at = make.NOW - timedelta(days=2)
        make.message(session, prospect, node, status="sent", claimed_at=at, sent_at=at)
    part = alice.fragment(f"/campaigns/{campaign}/chart")
    assert 'aria-label="28 February: 1 sent; 2 March: 5 planned;' in part.html
    assert f'hx-get="/campaigns/{campaign}/chart"' in alice.visit(f"/campaigns/{campaign}").html


def test_a_chart_of_nothing_says_so(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        campaign = make.campaign(session, session.get_one(make.Workspace, alice.workspace_id)).id
    assert "Nothing has left" in alice.fragment(f"/campaigns/{campaign}/chart").text
