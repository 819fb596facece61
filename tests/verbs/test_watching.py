"""What is stuck, and going on after it: on both databases. What the page makes of it is in tests/web/pages."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns import metering, retrying, watching
from campaigns.channels.outgoing import Doubtful, Unsent
from campaigns.models import Campaign, Message, Prospect, Sender, Workspace
from campaigns.models.finding import nodes_of
from campaigns.rules.outgoing import Outgoing
from tests import make
from tests.databases import Database
from tests.verbs.playing import Play

LATER = make.NOW + timedelta(minutes=5)
MISSING = "Email 1: no value for company, and no fallback"


def people_of(session: Session, campaign: Campaign) -> list[Prospect]:
    return list(session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id)))


def test_each_kind_of_trouble_is_found_in_its_own_workspace_alone(db: Database) -> None:
    with db.sessions.begin() as session:
        mine, other = make.workspace(session), make.workspace(session)
        for workspace in (mine, other):
            sender = make.sender(session, workspace)
            campaign = make.launched(session, workspace, 4, senders=[sender])
            first, *_ = people_of(session, campaign)
            first.due_at = None
            make.message(session, first, nodes_of(session, campaign.id)[0], status="unknown")
    with db.reading() as session:
        own = mine.id
        assert watching.unsettled_count(session, own) == len(watching.unsettled(session, own, page=1, limit=9)) == 1
        assert watching.failing(session, own, LATER) == watching.halted(session, own, LATER) == []
        ids = session.scalars(select(Message.id)).all()
        assert len(watching.campaigns_of(session, own, ids)) == 1
        (idle,) = watching.idle(session, own, LATER)
        assert (idle.people, idle.since) == (3, make.NOW)
    with db.sessions.begin() as session:
        session.execute(update(Sender).values(status="needs_attention"))
    with db.reading() as session:
        (failing,) = watching.failing(session, own, LATER)
        assert (failing.people, failing.campaigns, watching.failing_count(session, own)) == (3, 1, 1)
        (halted,) = watching.halted(session, own, LATER)
        assert (halted.people, halted.accounts) == (3, 1)
        assert watching.idle(session, own, LATER) == []


def held(db: Database) -> tuple[Workspace, Campaign]:
    """Three who lack a value, and one whose message a server refused."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.launched(session, workspace, 5)
        people = people_of(session, campaign)
        for person in people[:4]:
            person.status, person.status_reason, person.due_at = "failed", MISSING, None
        people[3].status_reason = "554 spam"
        node = nodes_of(session, campaign.id)[0]
        make.message(session, people[3], node, status="failed", attempts=6, sent_at=None)
        return workspace, campaign


def test_people_held_back_are_counted_by_reason(db: Database) -> None:
    workspace, campaign = held(db)
    with db.reading() as session:
        groups = watching.held_back(session, workspace.id)
        assert [(one.reason, one.people) for one in groups] == [(MISSING, 3), (None, 1)]
        assert len(watching.people_held_back(session, campaign.id, MISSING, 9)) == 3
        assert len(watching.people_held_back(session, campaign.id, MISSING, 2)) == 2
        assert len(watching.people_held_back(session, campaign.id, None, 9)) == 1


def test_whoever_is_tried_again_is_due_at_once_and_the_counts_go_with_them(db: Database) -> None:
    workspace, campaign = held(db)
    with db.sessions.begin() as session:
        everybody = [person.id for person in people_of(session, campaign)]
        moved = retrying.retry(session, workspace.id, campaign.id, everybody, "again", now=LATER, by="alice")
        assert moved == 4  # the fifth has not failed
    with db.sessions.begin() as session:
        again = retrying.retry(session, workspace.id, campaign.id, everybody, "skip", now=LATER, by="alice")
        assert again == 0
        assert {person.status for person in people_of(session, campaign)} == {"pending"}
        assert session.scalars(select(Message.status)).one() == "waiting"
        assert watching.held_back(session, workspace.id) == []
    assert [bell.job for bell in db.rung][-1] == "lane"


def test_numbers_of_an_installation_where_nothing_has_happened(db: Database) -> None:
    with db.reading() as session:
        assert metering.wake_ups(session).count == 0
        assert list(metering.outcomes(session)) == []
        assert metering.open_messages(session) == {"sending": 0, "waiting": 0, "unknown": 0, "task": 0}
        assert set(metering.gates(session, make.NOW).values()) == {(0, 0)}


def test_what_became_of_each_message_is_counted_with_its_account(db: Database) -> None:
    troubles = [
        Unsent("451 later", lasting=False),
        Unsent("550 nobody", lasting=True, bounced=True),
        Unsent("554 spam", lasting=True),
        Unsent("421 closing", lasting=False, account=True),
        Doubtful("It hung up."),
    ]

    def fail(_: Outgoing) -> None:
        if troubles:
            raise troubles.pop(0)

    with db.sessions.begin() as session:
        sender = make.sender(session, make.workspace(session))
        make.launched(session, session.get_one(Workspace, sender.workspace_id), 6, senders=[sender])
    play = Play(db)
    play.post.instead = fail
    play.play(make.NOW + timedelta(minutes=10))
    with db.reading() as session:
        # One of the six is tried again and sent, and so is the one that met the account's trouble.
        assert {outcome: count for _, outcome, count in metering.outcomes(session)} == {
            "sent": 3,
            "deferred": 1,
            "bounced": 1,
            "failed": 1,
            "refused": 1,
            "unknown": 1,
        }
        assert {sender_id for sender_id, _, _ in metering.outcomes(session)} == {sender.id}


def test_gates_are_looked_at_by_the_day_of_each_zone(db: Database) -> None:
    with db.sessions.begin() as session:
        for zone in ("UTC", "Pacific/Auckland"):
            workspace = make.workspace(session, timezone=zone)
            campaign = make.launched(session, workspace, 1, limits=None)
            sender = session.scalars(select(Sender).where(Sender.workspace_id == workspace.id)).one()
            sender.daily_limit = 1
            make.sent_today(session, sender, 1)  # on the second of March, which is over in Auckland
            assert campaign.status == "active"
    with db.reading() as session:
        evening = make.NOW.replace(hour=20)
        assert metering.gates(session, evening)["sender_daily_limit"] == (1, 1)
        assert metering.gates(session, evening)["sender_status"] == (2, 0)
