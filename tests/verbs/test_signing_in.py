"""Accounts that sign in with tokens: what they open, what they keep of it, and what becomes of a refusal."""

import base64
from pathlib import Path

import pytest
from sqlalchemy import select

from campaigns.channels.imap import Unread
from campaigns.channels.outgoing import Unsent
from campaigns.models import Sender
from campaigns.models.grant import Grant, read_grant, seal_grant
from campaigns.receiving import imap_endpoint
from campaigns.sending import open_channel, smtp_endpoint
from tests import make
from tests.channels.scripted import HELLO, Script, serving
from tests.databases import Database
from tests.servers import TokenServer
from tests.verbs.playing import Play
from tests.web.conftest import SEALING_KEY

NOWHERE = Path("/nowhere")
PLACE = {"host": "127.0.0.1", "port": 1, "security": "none", "username": None}


@pytest.fixture
def sender(db: Database) -> Sender:
    """An account that somebody signed in for."""
    with db.sessions.begin() as session:
        return make.sender(
            session,
            make.workspace(session),
            email_address="sarah@example.com",
            smtp=PLACE,
            imap=PLACE,
            auth="microsoft",
            oauth={"client_id": "our-client", "tenant": "ours", "signed_in": True},
            oauth_sealed=seal_grant(Grant("our-secret", "old leave"), SEALING_KEY),
        )


def kept(db: Database) -> Grant:
    with db.reading() as session:
        return read_grant(session.scalars(select(Sender)).one(), SEALING_KEY)


def test_a_fresh_token_signs_in_where_the_account_sends_and_reads(
    db: Database, sender: Sender, token_server: TokenServer
) -> None:
    sends = smtp_endpoint(sender, sealing_key=SEALING_KEY, trap_file=NOWHERE)
    reads = imap_endpoint(sender, sealing_key=SEALING_KEY)
    assert (sends.username, sends.token) == ("sarah@example.com", "fresh")
    assert (reads.username, reads.token) == ("sarah@example.com", "fresh")
    assert [asked["refresh_token"] for asked in token_server.asked] == ["old leave", "old leave"]
    assert "fresh" not in str(db.dump()["sender_account"]), "an access token is kept nowhere"


def test_a_new_leave_takes_the_place_of_the_old_one(db: Database, sender: Sender, token_server: TokenServer) -> None:
    imap_endpoint(sender, sealing_key=SEALING_KEY, sessions=db.sessions)
    assert kept(db) == Grant("our-secret", "leave")


def test_whoever_signed_in_meanwhile_is_not_written_over(
    db: Database, sender: Sender, token_server: TokenServer
) -> None:
    with db.sessions.begin() as session:
        row = session.scalars(select(Sender)).one()
        row.oauth_sealed = seal_grant(Grant("our-secret", "newest leave"), SEALING_KEY)
    imap_endpoint(sender, sealing_key=SEALING_KEY, sessions=db.sessions)
    assert kept(db) == Grant("our-secret", "newest leave")


def test_a_leave_that_was_withdrawn_is_a_refusal_for_good(sender: Sender, token_server: TokenServer) -> None:
    token_server.status, token_server.answer = 400, b'{"error": "invalid_grant"}'
    with pytest.raises(Unsent) as unsent:
        smtp_endpoint(sender, sealing_key=SEALING_KEY, trap_file=NOWHERE)
    with pytest.raises(Unread) as unread:
        imap_endpoint(sender, sealing_key=SEALING_KEY)
    assert (unsent.value.lasting, unsent.value.account, unread.value.lasting) == (True, True, True)
    token_server.status = 503
    with pytest.raises(Unsent) as unsent:
        smtp_endpoint(sender, sealing_key=SEALING_KEY, trap_file=NOWHERE)
    assert (unsent.value.lasting, unsent.value.account) == (False, True)


def test_an_account_whose_leave_was_withdrawn_is_stopped_with_the_reason(
    db: Database, token_server: TokenServer
) -> None:
    play = Play(db)
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        oauth = {"client_id": "our-client", "tenant": None, "signed_in": True}
        sealed = seal_grant(Grant("our-secret", "old leave"), SEALING_KEY)
        sender = make.sender(session, workspace, auth="google", oauth=oauth, oauth_sealed=sealed)
        make.launched(session, workspace, 2, senders=[sender], now=play.now)
    token_server.status, token_server.answer = 400, b'{"error": "invalid_grant"}'
    play.post.on_opening = lambda one: open_channel(one, sealing_key=SEALING_KEY, trap_file=NOWHERE)
    play.tick()
    after = play.sender(sender.id)
    assert after.status == "needs_attention"
    assert after.status_reason == "Google refused to sign in: invalid_grant"
    assert (play.sent, set(play.statuses().values())) == ([], {"pending"})


def test_the_token_is_what_the_server_is_told(sender: Sender, token_server: TokenServer) -> None:
    script = Script({HELLO: "250-scripted\r\n250 AUTH XOAUTH2"})
    with serving(script) as port:
        sender.smtp = {**PLACE, "port": port}
        with open_channel(sender, sealing_key=SEALING_KEY, trap_file=NOWHERE):
            pass
    (said,) = (line.split()[2] for line in script.heard if line.startswith("AUTH XOAUTH2"))
    assert base64.b64decode(said) == b"user=sarah@example.com\x01auth=Bearer fresh\x01\x01"
