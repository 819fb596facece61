"""Each step as one person gets it: filled, signed, in its thread, its holes marked; and a copy to oneself."""

from uuid import UUID, uuid4

from sqlalchemy import select

from campaigns.models import Campaign
from tests import make
from tests.databases import Database
from tests.servers import SmtpSink
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import squeezed

STEPS = [
    {"type": "email", "subject": "Hello %first_name%", "body": "About %company%, from %sender_first_name%"},
    make.delay(days=2),
    {"type": "email", "subject": "", "body": "Still there, %first_name|friend%?", "is_reply": True},
    make.END,
]


def written(db: Database, alice: Visitor, person: dict[str, object] | None = None, **sender: object) -> UUID:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        account = make.sender(session, workspace, first_name="Sarah", **sender)
        campaign = make.campaign(session, workspace, nodes=STEPS, senders=[account], signature="Yours, %sender_name%")
        if person is not None:
            make.prospect(session, campaign, **person)
        return campaign.id


ADA = {"first_name": "Ada", "company": "Engines", "email": "ada@corp.example"}


def test_every_step_is_shown_as_the_person_gets_it(alice: Visitor, db: Database) -> None:
    text = squeezed(alice.visit(f"/campaigns/{written(db, alice, ADA)}/sequence/preview").text)
    assert "Hello Ada" in text
    assert "About Engines, from Sarah" in text
    assert "Yours, " in text
    assert "Re: Hello Ada" in text
    assert "in the thread of the email before" in text
    assert "has no value" not in text


def test_values_that_are_missing_are_marked(alice: Visitor, db: Database) -> None:
    campaign = written(db, alice, {**ADA, "company": None})
    page = alice.visit(f"/campaigns/{campaign}/sequence/preview")
    assert "Ada has no value for %company%" in squeezed(page.text)
    assert '<mark class="hole" title="No value for this person">%company%</mark>' in page.html
    assert "%first_name" not in squeezed(page.text).replace("%first_name|there%", "")


def test_what_people_are_called_is_text_and_nothing_else(alice: Visitor, db: Database) -> None:
    page = alice.visit(f"/campaigns/{written(db, alice, {**ADA, 'first_name': '<b>Ada</b>'})}/sequence/preview")
    assert "<b>Ada" not in page.html


def test_a_made_up_person_stands_in_where_there_is_nobody(alice: Visitor, db: Database) -> None:
    text = squeezed(alice.visit(f"/campaigns/{written(db, alice)}/sequence/preview").text)
    assert "a made-up person" in text
    assert "Hello Ada" in text


def test_another_person_can_be_chosen_and_a_stranger_cannot(alice: Visitor, db: Database) -> None:
    campaign = written(db, alice, ADA)
    with db.sessions.begin() as session:
        other = make.prospect(session, session.get_one(make.Campaign, campaign), first_name="Grace", company="Navy")
    text = alice.visit(f"/campaigns/{campaign}/sequence/preview?prospect={other.id}").text
    assert "Hello Grace" in text
    alice.visit(f"/campaigns/{campaign}/sequence/preview?prospect={uuid4()}", 404)
    alice.visit(f"/campaigns/{campaign}/sequence/preview?prospect=x", 404)


def test_a_copy_comes_to_whoever_asks(alice: Visitor, db: Database, smtp_sink: SmtpSink) -> None:
    smtp = {"host": "127.0.0.1", "port": smtp_sink.port, "security": "none", "username": None}
    campaign = written(db, alice, ADA, smtp=smtp)
    page = alice.visit(f"/campaigns/{campaign}/sequence/preview")
    page = alice.follow(alice.send(page.form("/send")))
    assert "Sent to alice@example.com" in page.text
    (copy,) = smtp_sink.accepted
    assert copy.rcpt_tos == ("alice@example.com",)
    assert "About Engines, from Sarah" in copy.text


def test_a_copy_with_a_hole_is_not_sent(alice: Visitor, db: Database) -> None:
    campaign = written(db, alice, {**ADA, "company": None})
    page = alice.visit(f"/campaigns/{campaign}/sequence/preview")
    page = alice.follow(alice.send(page.form("/send")))
    assert "Not sent" in page.text
    assert "%company%" in page.text


def test_the_preview_says_what_leaves_beside_the_words(alice: Visitor, db: Database) -> None:
    path = f"/campaigns/{written(db, alice, ADA, reply_to='office@ours.example')}/sequence/preview"
    text = squeezed(alice.visit(path).text)
    assert "its answers go to office@ours.example, and nothing in it tells of opens." in text
    with db.sessions.begin() as session:
        session.scalars(select(Campaign)).one().open_tracking = True
    assert "a picture in it tells of opens." in squeezed(alice.visit(path).text)
