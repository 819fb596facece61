"""Taking back what was done to people: a removal, a skipped step; and nobody gets anything twice or early by it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns import importing, launching, removing, rostering, steering
from campaigns.channels.outgoing import Unsent
from campaigns.models import Campaign, Message, Prospect, Undoable, Workspace, counts
from campaigns.rules.refusals import NotFound, Refused, Stale, WrongState
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR, MINUTE, Play

NODES = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]


@pytest.fixture
def play(db: Database) -> Play:
    return Play(db)


@pytest.fixture
def campaign(play: Play) -> Campaign:
    """Three people who are about to get their first message."""
    with play.db.sessions.begin() as session:
        return make.launched(session, make.workspace(session), 3, nodes=NODES, now=play.now)


def people(play: Play) -> dict[UUID, dict[str, Any]]:
    """Everybody as they are, but for when they were changed."""
    names = [name for name in Prospect.__table__.columns.keys() if name != "updated_at"]  # noqa: SIM118
    with play.db.reading() as session:
        return {one.id: {name: getattr(one, name) for name in names} for one in session.scalars(select(Prospect))}


def remove(play: Play, campaign: Campaign, *ids: UUID) -> UUID:
    """Remove them so that it can be undone; the number of the change."""
    body = {"ids": [str(one) for one in ids]}
    play.do(removing.remove, campaign.workspace_id, campaign.id, body, now=play.now, by="ann", undoable=True)
    with play.db.reading() as session:
        found = session.scalars(select(Undoable.id).order_by(Undoable.id.desc())).first()
        assert found is not None
        return found


def undo(play: Play, campaign: Campaign, number: UUID) -> dict[str, int]:
    done: dict[str, int] = play.do(removing.undo, campaign.workspace_id, campaign.id, number, now=play.now, by="ann")
    return done


def total(play: Play, campaign: Campaign) -> dict[str, int]:
    with play.db.reading() as session:
        return counts.by_status(session, [campaign.id])[campaign.id]


def skip(play: Play, campaign: Campaign, prospect: UUID) -> None:
    where = (campaign.workspace_id, campaign.id, prospect)
    play.do(steering.skip, *where, now=play.now, by="ann", undoable=True)


def unskip(play: Play, campaign: Campaign, prospect: UUID) -> None:
    play.do(steering.undo_skip, campaign.workspace_id, campaign.id, prospect, now=play.now, by="ann")


# Removal


def test_everybody_who_was_removed_comes_back_as_they_were(play: Play, campaign: Campaign) -> None:
    first = next(iter(people(play)))
    with play.db.sessions.begin() as session:
        one = session.get_one(Prospect, first)
        one.clock, one.custom_fields, one.company = "Asia/Tokyo", {"größe": "42 „”\n"}, "Acme"
    before = people(play)
    number = remove(play, campaign, *before)
    assert people(play) == {}
    assert total(play, campaign) == {}
    assert undo(play, campaign, number) == {"back": 3, "gone": 0}
    assert people(play) == before
    assert total(play, campaign) == {"pending": 3}
    play.play(play.now + 3 * DAY)
    assert sorted(play.people) == sorted([*(one["email"] for one in before.values())] * 2)


def test_whoever_was_written_to_goes_on_where_they_were_and_gets_nothing_twice(play: Play, campaign: Campaign) -> None:
    play.tick()
    play.wait(HOUR)
    before = people(play)
    number = remove(play, campaign, *before)
    assert total(play, campaign) == {"cancelled": 3}
    undo(play, campaign, number)
    assert people(play) == before
    start = play.sent[0].at
    play.play(play.now + 3 * DAY)
    assert [sent.at - start for sent in play.sent] == [timedelta(0)] * 3 + [DAY] * 3


def test_whoever_is_gone_is_not_written_to_and_the_campaign_waits_as_long_as_they_can_come_back(
    play: Play, campaign: Campaign
) -> None:
    number = remove(play, campaign, *people(play))
    play.play(play.now + 9 * MINUTE)
    assert play.people == []
    assert play.campaign(campaign.id).status == "active"
    play.play(play.now + 2 * MINUTE)
    assert play.campaign(campaign.id).status == "completed"
    assert not play.db.dump()["undoable"]
    with pytest.raises(WrongState, match="completed"):
        undo(play, campaign, number)


def test_it_is_too_late_after_ten_minutes_and_once_is_enough(play: Play, campaign: Campaign) -> None:
    first, second, _ = people(play)
    number = remove(play, campaign, first)
    undo(play, campaign, number)
    with pytest.raises(Stale):
        undo(play, campaign, number)
    late = remove(play, campaign, second)
    play.wait(10 * MINUTE)
    with pytest.raises(Stale):
        undo(play, campaign, late)
    assert len(people(play)) == 2


def test_somebody_who_was_added_again_meanwhile_is_not_there_twice(play: Play, campaign: Campaign) -> None:
    first, second, _ = (one["email"] for one in people(play).values())
    number = remove(play, campaign, *people(play))
    body = {"prospects": [{"email": first.upper()}]}
    play.do(importing.add, campaign.workspace_id, campaign.id, body, now=play.now, by=None)
    assert undo(play, campaign, number) == {"back": 2, "gone": 1}
    assert total(play, campaign) == {"pending": 3}
    play.play(play.now + 3 * DAY)
    assert play.people.count(second) == 2


def test_somebody_who_was_being_written_to_stays_removed_and_what_left_stays_told(
    play: Play, campaign: Campaign
) -> None:
    removed: list[UUID] = []

    def meanwhile(outgoing: Any) -> None:
        one = next(key for key, row in people(play).items() if row["email"] == outgoing.to_address)
        removed.append(remove(play, campaign, one))

    play.post.instead = meanwhile
    play.tick()
    assert {undo(play, campaign, number)["back"] for number in removed} == {0}
    assert total(play, campaign) == {"cancelled": 3}
    play.post.instead = lambda _: None
    play.play(play.now + 3 * DAY)
    assert len(play.people) == 3


def test_whoever_answers_or_bounces_or_changes_while_removed_stays_removed(play: Play, campaign: Campaign) -> None:
    play.tick()
    answered, bounced, changed = people(play)
    number = remove(play, campaign, answered, bounced, changed)
    play.wait(MINUTE)
    with play.db.sessions.begin() as session:
        session.get_one(Prospect, answered).replied_at = play.now
        session.scalars(select(Message).where(Message.prospect_id == bounced)).one().status = "bounced"
    play.do(rostering.edit, campaign.workspace_id, campaign.id, changed, {"company": "New"}, now=play.now)
    assert undo(play, campaign, number) == {"back": 0, "gone": 3}
    play.play(play.now + 3 * DAY)
    assert len(play.people) == 3


def test_a_message_that_failed_while_its_person_was_being_removed_holds_nobody_in_between(
    play: Play, campaign: Campaign
) -> None:
    removed: list[UUID] = []

    def meanwhile(outgoing: Any) -> None:
        one = next(key for key, row in people(play).items() if row["email"] == outgoing.to_address)
        removed.append(remove(play, campaign, one))
        raise Unsent("later", lasting=False)

    play.post.instead = meanwhile
    play.tick()
    assert [undo(play, campaign, number)["back"] for number in removed] == [0, 0, 0]
    assert total(play, campaign) == {"cancelled": 3}


def test_whoever_was_removed_from_a_draft_that_was_launched_meanwhile_gets_a_place(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        draft = make.campaign(session, workspace, nodes=NODES, senders=[make.sender(session, workspace)])
        make.prospects(session, draft, 2, clock="Asia/Tokyo")
    first, _ = people(play)
    number = remove(play, draft, first)
    play.do(launching.launch, draft.workspace_id, draft.id, now=play.now, by=None)
    play.answer_all()
    assert undo(play, draft, number) == {"back": 1, "gone": 0}
    play.play(play.now + 3 * DAY)
    assert len(play.people) == 4


def test_the_account_and_the_step_may_be_gone_meanwhile(play: Play) -> None:
    with play.db.sessions.begin() as session:
        workspace = make.workspace(session)
        draft = make.campaign(session, workspace, nodes=NODES)
        sender = make.sender(session, workspace)
        node = session.scalars(select(make.Node).where(make.Node.campaign_id == draft.id)).first()
        one = make.prospect(session, draft, sender_account_id=sender.id, current_node_id=node.id)
        key, gone, step = one.id, sender.id, node.id
    number = remove(play, draft, key)
    with play.db.sessions.begin() as session:
        session.delete(session.get_one(make.Sender, gone))
        session.delete(session.get_one(make.Node, step))
    undo(play, draft, number)
    assert people(play)[key]["sender_account_id"] is None
    assert people(play)[key]["current_node_id"] is None


def test_strangers_bring_nobody_back(play: Play, campaign: Campaign) -> None:
    number = remove(play, campaign, *people(play))
    with play.db.sessions.begin() as session:
        stranger = make.workspace(session)
        other = make.campaign(session, session.get_one(Workspace, campaign.workspace_id))
    with pytest.raises(NotFound):
        play.do(removing.undo, stranger.id, campaign.id, number, now=play.now, by=None)
    with pytest.raises(Stale):
        undo(play, other, number)
    assert people(play) == {}


def test_what_a_program_removes_is_kept_nowhere(play: Play, campaign: Campaign) -> None:
    body = {"ids": [str(one) for one in people(play)]}
    play.do(removing.remove, campaign.workspace_id, campaign.id, body, now=play.now, by=None)
    assert not play.db.dump()["undoable"]
    play.tick()
    assert play.campaign(campaign.id).status == "completed"


# Skipping


def test_a_skipped_step_comes_after_all_and_not_early(play: Play, campaign: Campaign) -> None:
    play.tick()
    play.wait(HOUR)
    first = next(iter(people(play)))
    before = people(play)[first]
    skip(play, campaign, first)
    assert people(play)[first] != before
    unskip(play, campaign, first)
    assert people(play)[first] == before
    start = play.sent[0].at
    play.play(play.now + 3 * DAY)
    own = [sent.at - start for sent in play.sent if sent.to == before["email"]]
    assert own == [timedelta(0), DAY]


def test_the_last_step_comes_back_though_nobody_else_is_left(play: Play, campaign: Campaign) -> None:
    first, *others = people(play)
    remove(play, campaign, *others)
    skip(play, campaign, first)
    play.wait(MINUTE)
    unskip(play, campaign, first)
    play.tick()
    skip(play, campaign, first)
    assert play.prospect(first).status == "completed"
    play.tick()
    unskip(play, campaign, first)
    play.play(play.now + 3 * DAY)
    assert len(play.people) == 2
    assert play.campaign(campaign.id).status == "completed"


def test_a_step_that_was_tried_before_is_tried_on(play: Play, campaign: Campaign) -> None:
    def refuse(_: Any) -> None:
        raise Unsent("later", lasting=False)

    play.post.instead = refuse
    play.tick()
    first = next(iter(people(play)))
    skip(play, campaign, first)
    unskip(play, campaign, first)
    own = next(one for one in play.messages() if one.prospect_id == first)
    assert (own.status, own.attempts) == ("waiting", 1)
    play.post.instead = lambda _: None
    play.play(play.now + HOUR)
    assert play.people.count(play.prospect(first).email) == 1


@pytest.mark.parametrize("since", ["paused", "sent", "late", "edited"])
def test_what_has_happened_since_is_not_undone(play: Play, since: str) -> None:
    nodes = [make.EMAIL_STEP, make.FOLLOW_UP, make.END] if since == "sent" else NODES
    with play.db.sessions.begin() as session:
        campaign = make.launched(session, make.workspace(session), 1, nodes=nodes, now=play.now)
    first = next(iter(people(play)))
    skip(play, campaign, first)
    play.wait(MINUTE)
    if since == "paused":
        play.do(steering.pause, campaign.workspace_id, campaign.id, first, now=play.now, by=None)
    elif since == "late":
        play.wait(10 * MINUTE)
    elif since == "edited":
        skip(play, campaign, first)
        unskip(play, campaign, first)
    else:
        play.tick()
    before = people(play)
    with pytest.raises(Refused, match="something has happened since"):
        unskip(play, campaign, first)
    assert people(play) == before


def test_a_skip_can_be_undone_for_the_one_whose_it_was_alone(play: Play, campaign: Campaign) -> None:
    first, second, _ = people(play)
    skip(play, campaign, first)
    skip(play, campaign, second)
    unskip(play, campaign, first)
    with play.db.reading() as session:
        statuses = session.execute(select(Message.prospect_id, Message.status)).all()
    assert [tuple(row) for row in statuses] == [(second, "skipped")]
