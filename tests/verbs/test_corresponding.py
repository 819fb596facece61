"""The inbox as people read it: which conversations there are, what was said in one, and how it is marked."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from campaigns import corresponding
from campaigns.corresponding import ANSWER, LETTER, MESSAGE, Filter
from campaigns.models import Campaign, Conversation, Prospect, Sender, Workspace, words
from campaigns.models.finding import nodes_of
from campaigns.rules.refusals import Invalid, NotFound
from tests import make
from tests.make import NOW


class Office:
    """A workspace with an account, a campaign, and people who answered, the first the longest ago."""

    def __init__(self, session: Session, *names: str) -> None:
        self.session = session
        self.workspace: Workspace = make.workspace(session)
        self.sender: Sender = make.sender(session, self.workspace)
        self.campaign: Campaign = make.launched(session, self.workspace, 0, senders=[self.sender])
        self.people = {name: self.answered(name, minutes=number) for number, name in enumerate(names)}

    def answered(self, name: str, minutes: int = 0, campaign: Campaign | None = None, **values: Any) -> Prospect:
        campaign = campaign or self.campaign
        person = make.prospect(self.session, campaign, first_name=name, email=f"{name.lower()}@corp.example")
        make.place(self.session, campaign)
        at = NOW + timedelta(minutes=minutes)
        make.letter(self.session, person, received_at=at, fresh=f"{name} says yes")
        make.conversation(self.session, person, last_at=at, **values)
        return person

    def listed(self, page: int = 1, limit: int = 50, **wanted: Any) -> list[str | None]:
        found, total = corresponding.listed(self.session, self.workspace.id, Filter(**wanted), page=page, limit=limit)
        assert total >= len(found)
        return [one.prospect.first_name for one in found]

    def change(self, name: str, **body: Any) -> Conversation:
        return corresponding.change(self.session, self.workspace.id, self.people[name].id, body)


@pytest.fixture
def office(session: Session) -> Office:
    return Office(session, "Ann", "Bob", "Carla")


def test_whoever_wrote_last_comes_first(office: Office) -> None:
    assert office.listed() == ["Carla", "Bob", "Ann"]
    assert office.listed(page=2, limit=2) == ["Ann"]


def test_an_entry_shows_how_the_latest_letter_begins_and_no_more(office: Office) -> None:
    make.letter(office.session, office.people["Ann"], received_at=NOW + timedelta(hours=1), fresh="x" * 200_000)
    make.letter(office.session, office.people["Ann"], kind="auto_reply", received_at=NOW + timedelta(hours=2))
    found, _ = corresponding.listed(office.session, office.workspace.id, Filter(words="ann"), page=1, limit=5)
    assert found[0].beginning == "x" * corresponding.BEGINNING


def test_the_list_is_narrowed_by_what_is_unread_owed_and_marked(office: Office) -> None:
    office.change("Ann", unread=False)
    office.change("Bob", owes=False, label="interested")
    assert office.listed(unread=True) == ["Carla", "Bob"]
    assert office.listed(owes=True) == ["Carla", "Ann"]
    assert office.listed(label="interested") == ["Bob"]
    assert office.listed(label="not_now") == []
    assert corresponding.unread_count(office.session, office.workspace.id) == 2


def test_the_list_is_narrowed_by_account_and_campaign(office: Office) -> None:
    other_sender = make.sender(office.session, office.workspace)
    other = make.launched(office.session, office.workspace, 0, senders=[other_sender])
    office.answered("Dora", campaign=other)
    assert office.listed(account_id=other_sender.id) == ["Dora"]
    assert office.listed(campaign_id=office.campaign.id) == ["Carla", "Bob", "Ann"]
    assert office.listed(account_id=office.sender.id, campaign_id=other.id) == []


def test_the_list_is_narrowed_by_how_words_begin_among_those_who_answered(office: Office) -> None:
    make.prospects(office.session, office.campaign, 3, first_name="Carl")
    assert office.listed(words="carl corp") == ["Carla"]
    assert office.listed(words="arla") == []
    assert office.listed(words="carl", campaign_id=office.campaign.id) == ["Carla"]


def test_whoever_answered_is_found_however_many_others_are_called_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "MOST_FOUND", 2)
    make.prospects(office.session, office.campaign, 3, first_name="Zoe")
    office.answered("Zoe")
    assert office.listed(words="zoe") == ["Zoe"]


def test_nobody_sees_a_strangers_conversations(office: Office) -> None:
    stranger = Office(office.session, "Eve")
    assert stranger.listed() == ["Eve"]
    ann = office.people["Ann"].id
    with pytest.raises(NotFound):
        corresponding.change(stranger.session, stranger.workspace.id, ann, {"unread": False})
    for wanted in ({"account_id": office.sender.id}, {"campaign_id": office.campaign.id}):
        with pytest.raises(NotFound):
            stranger.listed(**wanted)


def test_a_thread_has_what_was_sent_what_came_and_what_was_answered_in_order(office: Office) -> None:
    session, ann = office.session, office.people["Ann"]
    first = nodes_of(session, office.campaign.id)[0]
    make.message(session, ann, first, claimed_at=NOW - timedelta(days=1), body="Hi Ann!")
    make.answer(session, ann, status="sent", created_at=NOW + timedelta(hours=1))
    make.answer(session, ann, status="skipped", created_at=NOW + timedelta(hours=2))
    mails, total = corresponding.thread(session, ann.id, page=1, limit=10)
    assert [one.kind for one in mails] == [MESSAGE, LETTER, ANSWER]
    assert total == 3
    latest, _ = corresponding.thread(session, ann.id, page=1, limit=2)
    earlier, _ = corresponding.thread(session, ann.id, page=2, limit=2)
    assert ([one.kind for one in earlier], [one.kind for one in latest]) == ([MESSAGE], [LETTER, ANSWER])
    assert corresponding.find_mail(session, ann.id, mails[1].mail.id).mail.fresh == "Ann says yes"
    with pytest.raises(NotFound):
        corresponding.find_mail(session, office.people["Bob"].id, mails[1].mail.id)


def test_a_message_that_did_not_leave_is_not_in_the_thread(office: Office) -> None:
    session, ann = office.session, office.people["Ann"]
    make.message(session, ann, nodes_of(session, office.campaign.id)[0], status="failed", error="no")
    mails, total = corresponding.thread(session, ann.id, page=1, limit=10)
    assert ([one.kind for one in mails], total) == ([LETTER], 1)


@pytest.mark.parametrize("body", [{"label": "lovely"}, {"label": 5}, {"unread": "yes"}, {"owes": None}])
def test_a_mark_that_is_none_is_refused_and_changes_nothing(office: Office, body: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        office.change("Ann", **{"unread": False} | body)
    assert office.listed(unread=True) == ["Carla", "Bob", "Ann"]


def test_a_label_is_taken_off_again(office: Office) -> None:
    office.change("Ann", label="wrong_person")
    assert office.change("Ann", label=None).label is None


def test_an_account_that_is_not_heard_is_told_with_why(office: Office) -> None:
    (alone,) = corresponding.hearing(office.session, office.workspace.id)
    assert (alone.sender.id, alone.has_mailbox, alone.error) == (office.sender.id, False, None)


def test_what_came_is_told_in_a_few_words_for_the_timeline(office: Office) -> None:
    session, ann = office.session, office.people["Ann"]
    make.letter(session, ann, kind="hard_bounce", diagnostic="550 no such user", received_at=NOW - timedelta(days=1))
    make.answer(session, ann, status="failed", error="550 no", created_at=NOW + timedelta(hours=1))
    found = [(one.state, one.words) for one in corresponding.glimpses(session, ann.id)]
    assert found == [("hard_bounce", "550 no such user"), ("reply", "Ann says yes"), ("failed", "550 no")]
