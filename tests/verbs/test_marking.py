"""People are marked accepted and replied by hand: one alone, or all whose profile links somebody pastes."""

from typing import Any
from uuid import UUID

import pytest

from campaigns import marking, tasking
from campaigns.marking import Filter, Marked
from campaigns.models import Message, Prospect, Workspace
from campaigns.rules.pasting import links_in
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from tests import make
from tests.databases import Database
from tests.verbs.playing import DAY, HOUR
from tests.verbs.test_tasking import ANN, NODES, Team

PASTED = """First Name,Last Name,URL,Company,Connected On
Ann,Lee,https://www.linkedin.com/in/Ann-Lee?miniProfileUrn=urn%3Ali,"Corp, Inc.",24 Nov 2026
Bob,,de.linkedin.com/in/bob/de/ , ,
(see https://www.linkedin.com/in/ann-lee/recent-activity/.)
Carla Ott\thttps://linkedin.com/in/carla\t2 days ago
https://www.linkedin.com/company/corp/ and <https://example.com/in/ann-lee>
Someone without a link
"""


@pytest.fixture
def team(db: Database) -> Team:
    return Team(db)


def invite(team: Team, *names: str, done: bool = True, **values: Any) -> dict[str, Prospect]:
    """People of a campaign of their own who have got their invitation, by name."""
    with team.db.sessions.begin() as session:
        workspace, seat = session.get_one(Workspace, team.workspace.id), team.seat
        campaign = make.launched(
            session, workspace, 0, type="linkedin", nodes=NODES, senders=[seat], now=team.now, **values
        )
        for name in names:
            url = f"https://www.linkedin.com/in/{name.lower()}"
            make.prospect(session, campaign, first_name=name, linkedin_url=url)
        make.place(session, campaign, team.now)
    team.tick()
    with team.db.sessions() as session:
        found = {one.first_name or "": one for one in session.query(Prospect).filter_by(campaign_id=campaign.id)}
        messages = {one.prospect_id: one.id for one in session.query(Message).filter_by(campaign_id=campaign.id)}
    for one in found.values():
        if done:
            team.do(tasking.settle, team.workspace.id, messages[one.id], "done", now=team.now, by=ANN)
    return found


def mark(team: Team, one: Prospect, what: str) -> bool:
    new: bool = team.do(marking.mark, one.workspace_id, one.campaign_id, one.id, what, now=team.now, by=ANN)
    return new


def paste(team: Team, links: Any, what: str = "accepted") -> Marked:
    marked: Marked = team.do(marking.mark_links, team.workspace.id, what, links, now=team.now, by=ANN)
    return marked


def waiting(team: Team, **wanted: Any) -> list[str | None]:
    with team.db.sessions() as session:
        found, total = marking.waiting(session, team.workspace.id, Filter(**wanted), page=1, limit=50)
        assert total == len(found)
        return [one.first_name for one, _ in found]


def test_whoever_accepted_gets_the_next_message_when_its_delay_is_over(team: Team) -> None:
    ann = invite(team, "Ann")["Ann"]
    invited = team.now
    team.wait(HOUR)
    assert mark(team, ann, "accepted")
    prospect = team.prospect(ann.id)
    assert (prospect.status, prospect.connected_at, prospect.due_at) == ("connected", team.now, invited + DAY)
    before = team.everything()
    team.wait(HOUR)
    assert not mark(team, ann, "accepted")
    assert team.everything() == before


def test_whoever_replied_gets_nothing_more(team: Team) -> None:
    ann = invite(team, "Ann")["Ann"]
    assert mark(team, ann, "replied")
    assert not mark(team, ann, "replied")
    assert (team.prospect(ann.id).status, team.prospect(ann.id).replied_at) == ("replied", team.now)
    team.wait(DAY)
    team.tick()
    assert team.open() == []


def test_whoever_accepted_before_they_were_invited_is_not_invited(team: Team) -> None:
    ann = invite(team, "Ann", done=False)["Ann"]
    assert len(team.open()) == 1
    mark(team, ann, "accepted")
    assert team.take() is None
    assert [one.status for one in team.messages()] == ["skipped"]
    team.tick()
    assert team.open() == []


def test_everybody_in_a_pasted_text_is_marked_and_the_answer_says_who_was_not(team: Team) -> None:
    people = invite(team, "Ann-Lee", "Bob", "Dora")
    mark(team, people["Bob"], "accepted")
    marked = paste(team, links_in(PASTED))
    assert marked.to_json() == {
        "marked": 1,
        "already": 1,
        "nobody": ["https://linkedin.com/in/carla"],
        "no_profile": ["https://www.linkedin.com/company/corp/", "https://example.com/in/ann-lee"],
    }
    assert {name: team.prospect(one.id).status for name, one in people.items()} == {
        "Ann-Lee": "connected",
        "Bob": "connected",
        "Dora": "connection_sent",
    }
    assert paste(team, links_in(PASTED)).already == 2


def test_somebody_of_two_campaigns_is_marked_in_both_and_counted_once(team: Team) -> None:
    pair = [invite(team, "Ann")["Ann"], invite(team, "Ann", done=False)["Ann"]]
    assert paste(team, ["https://linkedin.com/in/ann"], "replied").to_json() == {
        "marked": 1,
        "already": 0,
        "nobody": [],
        "no_profile": [],
    }
    assert [team.prospect(one.id).status for one in pair] == ["replied", "replied"]


def test_somebody_marked_in_one_campaign_is_new_in_the_other(team: Team) -> None:
    ann, again = invite(team, "Ann")["Ann"], invite(team, "Ann", done=False)["Ann"]
    mark(team, again, "replied")
    marked = paste(team, ["https://linkedin.com/in/ann"], "replied")
    assert (marked.marked, marked.already, team.prospect(ann.id).status) == (1, 0, "replied")


def test_whoever_accepted_late_gets_the_next_message_at_once(team: Team) -> None:
    ann = invite(team, "Ann")["Ann"]
    team.wait(2 * DAY)
    team.db.rung.clear()
    mark(team, ann, "accepted")
    team.answer_all()
    assert [task.step for task in team.open()] == ["message"]


def test_a_paste_that_breaks_off_marks_nobody(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    invite(team, "Ann", "Bob", "Carla")
    before, seen = team.everything(), []

    def answered(prospect: Prospect, *args: Any) -> None:
        seen.append(prospect.id)
        if len(seen) == 3:
            raise OSError("the power is gone")

    monkeypatch.setattr(marking, "answered", answered)
    with pytest.raises(OSError, match="power"):
        paste(team, [f"linkedin.com/in/{name}" for name in ("ann", "bob", "carla")], "replied")
    assert team.everything() == before


def test_strangers_and_people_of_email_campaigns_are_nobody(team: Team, db: Database) -> None:
    ann = invite(team, "Ann")["Ann"]
    with db.sessions.begin() as session:
        stranger = make.workspace(session).id
        mail = make.launched(session, session.get_one(Workspace, team.workspace.id), 1, now=team.now)
        bob = make.prospect(session, mail, linkedin_url="https://linkedin.com/in/bob")
    link = "https://linkedin.com/in/ann"
    found: Marked = team.do(marking.mark_links, stranger, "accepted", [link], now=team.now, by=ANN)
    assert (found.marked, found.nobody) == (0, [link])
    assert paste(team, ["https://linkedin.com/in/bob"]).nobody == ["https://linkedin.com/in/bob"]
    with pytest.raises(WrongState, match="emails"):
        mark(team, bob, "accepted")
    with pytest.raises(NotFound):
        team.do(marking.mark, stranger, ann.campaign_id, ann.id, "accepted", now=team.now, by=ANN)


@pytest.mark.parametrize(
    ("what", "links"),
    [
        ("married", ["linkedin.com/in/ann"]),
        (None, ["linkedin.com/in/ann"]),
        ("accepted", []),
        ("accepted", "linkedin.com/in/ann"),
        ("accepted", ["linkedin.com/in/ann", None]),
        ("accepted", ["linkedin.com/in/ann"] * 2001),
    ],
)
def test_nonsense_is_refused(team: Team, what: Any, links: Any) -> None:
    with pytest.raises(Invalid):
        paste(team, links, what)


@pytest.mark.parametrize("link", ["", "ann", "https://[", "linkedin.com/in/", "https://linkedin.com/in/%00"])
def test_what_is_no_profile_is_said_to_be_none(team: Team, link: str) -> None:
    assert paste(team, [link]).no_profile == [link]


def test_those_who_have_not_answered_yet_are_listed_and_found_by_name(team: Team) -> None:
    first = invite(team, "Ann", "Bob")
    team.wait(HOUR)
    second = invite(team, "Carla")
    assert waiting(team) == ["Ann", "Bob", "Carla"]
    assert waiting(team, what="replied") == []
    mark(team, first["Ann"], "accepted")
    assert waiting(team) == ["Bob", "Carla"]
    assert waiting(team, what="replied") == ["Ann"]
    assert waiting(team, words="car") == ["Carla"]
    assert waiting(team, words="car", campaign_id=second["Carla"].campaign_id) == ["Carla"]
    assert waiting(team, words="nobody") == []
    assert waiting(team, campaign_id=second["Carla"].campaign_id) == ["Carla"]
    assert waiting(team, sender_id=team.seat.id) == ["Bob", "Carla"]
    with team.db.sessions.begin() as session:
        other = team.new_seat(session).id
    assert waiting(team, sender_id=other) == []
    with pytest.raises(NotFound):
        waiting(team, campaign_id=UUID(int=7))
