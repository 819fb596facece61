"""The inbox without a script: the list, a conversation, marking and answering; and what strangers write into it."""

import gzip
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from campaigns.models import Answer, Conversation, Letter, Mailbox, Prospect, Sender, new_id
from campaigns.models.finding import nodes_of
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed

IMAP = {"host": "mail.example.com", "port": 993, "security": "tls", "username": None}


def answered(db: Database, visitor: Visitor, name: str = "Ann", **values: Any) -> UUID:
    """Somebody of a running campaign who was written to and answered."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, visitor.workspace_id)
        sender = make.sender(session, workspace, display_name="Sarah Chen", imap=IMAP)
        campaign = make.launched(session, workspace, 0, senders=[sender], name=f"Spring of {name}")
        person = make.prospect(session, campaign, first_name=name, email=f"{name.lower()}@corp.example")
        make.place(session, campaign)
        make.message(session, person, nodes_of(session, campaign.id)[0], subject="Hello", body="An idea.")
        make.letter(session, person, **values)
        make.conversation(session, person)
        return person.id


def of(db: Database, person: UUID) -> Conversation:
    with db.reading() as session:
        return session.get_one(Conversation, person)


def answers(db: Database) -> list[tuple[str, str]]:
    with db.reading() as session:
        return [(row.body, row.status) for row in session.scalars(select(Answer).order_by(Answer.id))]


def test_an_inbox_without_an_account_says_to_add_one(alice: Visitor) -> None:
    assert "Add a mail account with its IMAP server" in alice.visit("/inbox").text


def test_an_account_without_imap_is_named_with_the_way_to_enter_it(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        sender = make.sender(session, session.get_one(make.Workspace, alice.workspace_id))
    page = alice.visit("/inbox")
    assert "None of your accounts has an IMAP server" in page.text
    assert f"/senders/{sender.id}" in page.links


def test_a_mailbox_that_cannot_be_read_is_told(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    with db.sessions.begin() as session:
        account = session.get_one(Prospect, person).sender_account_id
        session.add(Mailbox(sender_account_id=account, folder="INBOX", error="Signing in was refused."))
    page = alice.visit("/inbox")
    assert "cannot be read: Signing in was refused." in squeezed(page.text)
    assert f"/senders/{account}" in page.links


def test_nobody_has_answered_yet(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        make.sender(session, session.get_one(make.Workspace, alice.workspace_id), imap=IMAP)
    assert "Nobody has answered yet" in alice.visit("/inbox").text


def test_the_list_leads_to_the_conversation_and_that_to_the_timeline_and_back(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    page = alice.visit("/inbox")
    assert "Unread: Ann" in squeezed(page.text)
    assert f"/inbox/{person}" in page.links
    page = alice.visit(f"/inbox/{person}")
    text = squeezed(page.text)
    for words in ("An idea.", "Tell me more.", "> Hi!", "Quoted text", "Spring"):
        assert words in text, words
    timeline = next(link for link in page.links if link.endswith(f"/prospects/{person}"))
    page = alice.visit(timeline)
    assert f"/inbox/{person}" in page.links
    assert "Answered" in page.text
    assert "Tell me more." in page.text


def test_opening_marks_it_read_and_refreshing_itself_does_not(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    assert "1 unread" in squeezed(alice.visit("/campaigns").text)
    alice.fragment(f"/inbox/{person}")
    alice.fragment(f"/inbox?open={person}")
    assert of(db, person).unread
    page = alice.visit(f"/inbox/{person}")
    assert not of(db, person).unread
    assert "1 unread" not in squeezed(page.text)


def test_marked_as_unread_it_leads_back_to_the_list(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    form = alice.visit(f"/inbox/{person}?show=unread").form("/mark")
    button = next(one for one in form.buttons if one.name == "unread")
    answer = alice.send(form, button)
    assert answer.headers["Location"] == "/inbox?show=unread"
    assert of(db, person).unread
    answer = alice.send(form, button, htmx=True)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/inbox?show=unread")


def test_it_is_labelled_and_the_same_button_takes_that_back(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    for label in ("interested", None):
        form = alice.visit(f"/inbox/{person}").form("/mark")
        alice.follow(alice.send(form, form.buttons[0]))
        assert of(db, person).label == label
    part = alice.see_fragment(alice.send(form, form.buttons[1], htmx=True))
    assert part.root is not None
    assert (part.root["id"], of(db, person).label) == ("talk-head", "not_now")


def test_an_answer_is_written_and_the_page_says_so(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    form = alice.visit(f"/inbox/{person}").form("/answers")
    page = alice.follow(alice.send(form, body="Dear Ann,\r\nyes."))
    alice.send(form, body="Dear Ann,\r\nyes.")  # pressed twice
    assert "Your answer is on its way." in page.text
    assert "Waits to be sent" in page.text
    assert answers(db) == [("Dear Ann,\nyes.\n", "waiting")]
    assert db.rung[-1].job == "answer"


def test_an_answer_without_words_comes_back(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    page = alice.see(alice.send(alice.visit(f"/inbox/{person}").form("/answers"), body="  "), 422)
    assert "The answer must not be empty." in page.text
    assert answers(db) == []


def test_what_was_typed_comes_back_when_the_account_cannot_send_any_more(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    form = alice.visit(f"/inbox/{person}").form("/answers")
    with db.sessions.begin() as session:
        session.get_one(Sender, session.get_one(Prospect, person).sender_account_id).status = "needs_attention"
    page = alice.see(alice.send(form, body="Dear Ann"), 422)
    assert "see to the account first" in page.text
    assert "Dear Ann" in page.text


def test_an_unknown_outcome_is_told_and_settled(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    with db.sessions.begin() as session:
        make.answer(session, session.get_one(Prospect, person))
    form = alice.visit(f"/inbox/{person}").form("/settle")
    assert [button.value for button in form.buttons] == ["sent", "again", "skip"]
    page = alice.follow(alice.send(form, form.buttons[1]))
    assert "It is sent again." in page.text
    assert answers(db) == [("Dear", "waiting")]


def test_a_strangers_conversation_is_not_there(alice: Visitor, bob: Visitor, db: Database) -> None:
    person = answered(db, alice)
    bob.visit(f"/inbox/{person}", 404)
    assert "Ann" not in bob.visit("/inbox").text


def test_a_filter_that_finds_nobody_leads_back_to_all(alice: Visitor, db: Database) -> None:
    person = answered(db, alice)
    for query in ("q=zebra", "label=interested"):
        page = alice.visit(f"/inbox?{query}")
        assert "No conversation matches" in page.text
        assert "/inbox" in page.links
    alice.visit(f"/inbox?account={new_id()}", 404)
    assert f"/inbox/{person}?q=ann" in alice.visit("/inbox?q=ann").links


WILD = (
    'Hi <script>alert(1)</script> <b>"&amp;</b> \u202egnp.exe\u2066 \x07\x9b'
    ' https://evil.example/?a=1&b="x", javascript:alert(1)'
)


def test_whatever_they_write_is_text(alice: Visitor, db: Database) -> None:
    values = {"fresh": WILD, "quoted": WILD, "subject": WILD, "from_name": WILD}
    person = answered(db, alice, **values)
    with db.sessions.begin() as session:
        make.letter(session, session.get_one(Prospect, person), kind="auto_reply", **values)
    for path in ("/inbox", f"/inbox/{person}"):
        page = alice.visit(path)
        assert "<script>alert" not in page.html
        assert "<b>" not in page.html
        assert not set(page.html) & set("\u202e\u2066\x07\x9b")
    assert 'href="https://evil.example/?a=1&amp;b="' in page.html
    assert 'href="javascript' not in page.html


@pytest.mark.parametrize("letters", [1, 30])
def test_a_full_inbox_with_long_letters_is_a_small_page_and_the_rest_is_one_step_away(
    alice: Visitor, db: Database, letters: int
) -> None:
    person = answered(db, alice, fresh="Once upon a time. " * 11_000, quoted="> and so on\n" * 9_000)
    with db.sessions.begin() as session:
        ann = session.get_one(Prospect, person)
        campaign = session.get_one(make.Campaign, ann.campaign_id)
        for _ in range(letters - 1):
            make.letter(session, ann, fresh="長" * 9_000)
        for other in make.prospects(session, campaign, 50, first_name="Bartholomew", last_name="Featherstonehaugh"):
            make.letter(session, other, subject="Re: A rather long subject about your new office", fresh="Yes. " * 99)
            make.conversation(session, other, label="interested")
    for path in ("/inbox", f"/inbox/{person}", "/inbox?page=2"):
        answer = alice.client.get(path, headers={"Accept-Encoding": "gzip"})
        assert len(gzip.decompress(answer.data)) < 60_000, path
    page = alice.visit(f"/inbox/{person}")
    whole = next(link for link in page.links if "/mails/" in link)
    assert len(alice.visit(whole).text) > 9_000
    if letters > 1:
        assert f"/inbox/{person}?part=2" in page.links


def test_a_mail_of_somebody_else_is_not_found_under_this_name(alice: Visitor, db: Database) -> None:
    ann, bob = answered(db, alice), answered(db, alice, "Bob")
    with db.reading() as session:
        letter = session.scalars(select(Letter.id).where(Letter.prospect_id == bob)).one()
    alice.visit(f"/inbox/{bob}/mails/{letter}")
    alice.visit(f"/inbox/{ann}/mails/{letter}", 404)


# LinkedIn


def test_a_conversation_at_linkedin_has_no_subject_and_leads_there(alice: Visitor, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        seat = {"base_url": "https://api.unipile.com", "account_id": "acc", "name": "Sarah"}
        sender = make.sender(session, workspace, type="linkedin", provider="unipile", seat=seat)
        people = {"linkedin_url": "https://linkedin.com/in/ann-lee", "last_name": "Lee"}
        make.launched(session, workspace, 1, type="linkedin", senders=[sender], people=people)
        person = session.scalars(select(Prospect)).one()
        make.conversation(session, person)
        link = "https://www.linkedin.com/messaging/thread/2-abc/"
        make.letter(session, person, subject="", quoted="", fresh="Tell me more.", link=link)
    page = alice.visit(f"/inbox/{person.id}")
    assert "Tell me more." in page.text
    assert "(no subject)" not in page.text
    assert link in page.html
    assert "https://www.linkedin.com/in/ann-lee" in page.html
    assert f"To {person.name} from" in squeezed(page.text)
    assert "as a message at LinkedIn" in page.text
