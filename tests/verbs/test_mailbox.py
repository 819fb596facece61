"""Reading a real mailbox: each mail once, from where the last reader stopped, whatever happens to it or to us."""

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from campaigns import connecting
from campaigns.channels.imap import ImapMailbox
from campaigns.models import Letter, Mailbox, Message, Prospect, Sender
from campaigns.models.finding import nodes_of
from campaigns.models.sealing import seal
from campaigns.receiving import Reader, mailbox, open_mailbox, unread
from campaigns.rules.outgoing import message_id
from tests import make
from tests.databases import Database, at_once
from tests.mail_servers import PASSWORD, MailHouse, mailbox_owner
from tests.servers import free_port

KEY = f"{'A' * 43}="
SARAH = "sarah@ours.test"
STEPS = [make.EMAIL_STEP, make.delay(days=2), make.FOLLOW_UP, make.END]


class Killed(BaseException):
    """What a process that is killed looks like from inside."""


class Desk:
    """Sarah's account with its mailbox, and Ann, Bob, Carla and Dan, who got the first message of a campaign."""

    def __init__(self, db: Database, house: MailHouse) -> None:
        self.db, self.house, self.now = db, house, make.NOW
        imap = {"host": house.host, "port": house.imap_port, "security": "none", "username": SARAH}
        with db.sessions.begin() as session:
            workspace = make.workspace(session)
            values = {"email_address": SARAH, "imap": imap, "imap_sealed": seal(KEY, PASSWORD)}
            sender = make.sender(session, workspace, **values)
            campaign = make.launched(session, workspace, 0, senders=[sender], nodes=STEPS)
            self.people = {name: self._written_to(session, campaign, name) for name in ("ann", "bob", "carla", "dan")}
            self.sender_id, self.workspace_id = sender.id, workspace.id

    def _written_to(self, session: Any, campaign: Any, name: str) -> str:
        person = make.prospect(session, campaign, email=f"{name}@corp.test")
        make.place(session, campaign)
        first, _, second, _ = nodes_of(session, campaign.id)
        # Long ago: no mail of these days is looked for because of it.
        message = make.message(session, person, first, subject="Hello", claimed_at=make.NOW - timedelta(days=90))
        person.status, person.contacted, person.current_node_id = "sent", True, second.id
        person.due_at = make.NOW + timedelta(days=2)
        return message_id(message.id.hex, SARAH)

    def answer(self, name: str, body: str = "Yes, please.", **headers: str) -> bytes:
        """A mail in which somebody answers."""
        lines = {
            "From": f"{name}@corp.test",
            "To": SARAH,
            "Subject": "Re: Hello",
            "Message-ID": f"<{name}@corp.test>",
            "In-Reply-To": self.people[name],
        } | {key.replace("_", "-"): value for key, value in headers.items()}
        return ("".join(f"{key}: {value}\r\n" for key, value in lines.items()) + f"\r\n{body}\r\n").encode()

    def comes(self, *names: str) -> None:
        """They answer, in this order."""
        for name in names:
            self.house.deliver(self.answer(name), SARAH)

    def reader(self, opener: Callable[[Sender], ImapMailbox] | None = None, **options: Any) -> Reader:
        def plainly(sender: Sender) -> ImapMailbox:
            return open_mailbox(sender, sealing_key=KEY)

        return Reader(self.db.sessions, self.sender_id, opener or plainly, clock=lambda: self.now, **options)

    def read(self) -> int:
        return self.reader().run()

    @property
    def mailbox(self) -> Mailbox:
        with self.db.sessions() as session:
            return session.get_one(Mailbox, self.sender_id)

    @property
    def sender(self) -> Sender:
        with self.db.sessions() as session:
            return session.get_one(Sender, self.sender_id)

    @property
    def answered(self) -> list[str]:
        """Whose answers are kept, in the order in which they were read."""
        with self.db.sessions() as session:
            query = select(Letter.from_address).order_by(Letter.received_at, Letter.id)
            return [(address or "").partition("@")[0] for address in session.scalars(query)]

    def status(self, name: str) -> str:
        with self.db.sessions() as session:
            return session.scalars(select(Prospect.status).where(Prospect.email == f"{name}@corp.test")).one()


@pytest.fixture
def desk(db: Database, mail_house: MailHouse) -> Desk:
    return Desk(db, mail_house)


# From where the last reader stopped --------------------------------------------------------------


def test_the_first_look_starts_with_what_is_to_come(desk: Desk) -> None:
    desk.comes("ann")
    assert desk.read() == 0
    desk.comes("bob")
    assert desk.read() == 1
    assert desk.read() == 0
    assert desk.answered == ["bob"]
    assert (desk.status("ann"), desk.status("bob")) == ("sent", "replied")
    assert (desk.mailbox.read_at, desk.mailbox.uid_next) == (desk.now, 3)


def test_whoever_answered_before_the_mailbox_was_known_is_found(desk: Desk) -> None:
    with desk.db.sessions.begin() as session:
        for message in session.scalars(select(Message)):
            message.claimed_at = desk.now - timedelta(days=3)
    desk.comes("ann")
    assert desk.read() == 1
    assert desk.answered == ["ann"]


@pytest.mark.parametrize("moment", ["before it is fetched", "before it is kept", "after it is kept"])
def test_a_reader_that_is_killed_loses_no_mail_and_acts_on_none_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    desk.read()
    desk.comes("ann", "bob", "carla")
    with monkeypatch.context() as patched:
        _kill(patched, moment, at=2)
        with pytest.raises(Killed):
            desk.read()
    assert desk.answered == (["ann", "bob"] if moment == "after it is kept" else ["ann"])
    assert desk.read() == (1 if moment == "after it is kept" else 2)
    assert desk.answered == ["ann", "bob", "carla"]


def _kill(patched: pytest.MonkeyPatch, moment: str, at: int) -> None:
    """End the process around the mail with this number."""
    place, name = {
        "before it is fetched": (ImapMailbox, "fetch"),
        "before it is kept": (mailbox, "receive"),
        "after it is kept": (mailbox.Reader, "_keep"),
    }[moment]
    whole, calls = getattr(place, name), []

    def deadly(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == at and moment != "after it is kept":
            raise Killed
        result = whole(*args)
        if len(calls) == at:
            raise Killed
        return result

    patched.setattr(place, name, deadly)


def test_a_reader_that_is_asked_to_stop_leaves_the_rest_for_the_next(desk: Desk) -> None:
    desk.read()
    desk.comes("ann", "bob", "carla")
    read_at, desk.now = desk.now, desk.now + timedelta(minutes=1)
    wishes = iter([False, False, True])
    assert desk.reader(stop=lambda: next(wishes)).run() == 2
    assert desk.mailbox.read_at == read_at  # not everything is read
    assert desk.read() == 1
    assert desk.answered == ["ann", "bob", "carla"]


def test_a_full_mailbox_is_read_in_slices(desk: Desk) -> None:
    desk.read()
    desk.comes("ann", "bob", "carla", "dan")
    before = desk.now

    def slowly(sender: Sender) -> ImapMailbox:
        box = open_mailbox(sender, sealing_key=KEY)
        fetch = box.fetch

        def later(uid: int) -> bytes | None:
            desk.now += timedelta(seconds=40)
            return fetch(uid)

        box.fetch = later  # type: ignore[method-assign]
        return box

    assert desk.reader(slowly).run() == 2
    assert desk.mailbox.read_at == before
    with desk.db.sessions() as session:
        assert unread(session, desk.now) == [desk.sender_id]
    assert desk.reader(slowly).run() == 2
    assert desk.mailbox.read_at == before + timedelta(seconds=80)


def test_what_comes_while_the_mailbox_is_read_is_read_too(desk: Desk) -> None:
    desk.read()
    desk.comes("ann")

    def busily(sender: Sender) -> ImapMailbox:
        box = open_mailbox(sender, sealing_key=KEY)
        fetch, late = box.fetch, iter(["bob", "carla"])

        def meanwhile(uid: int) -> bytes | None:
            desk.comes(*(name for name in [next(late, None)] if name))
            return fetch(uid)

        box.fetch = meanwhile  # type: ignore[method-assign]
        return box

    assert desk.reader(busily).run() == 3
    assert desk.answered == ["ann", "bob", "carla"]


def test_whoever_was_called_in_vain_is_called_again_soon(desk: Desk) -> None:
    desk.read()
    with desk.db.sessions.begin() as session:
        mine = session.get_one(Mailbox, desk.sender_id)
        mine.heard_until = desk.now + timedelta(minutes=2)
        mine.lease_until = desk.now + timedelta(seconds=1)
    assert desk.read() == 0
    with desk.db.sessions() as session:
        assert unread(session, desk.now + timedelta(seconds=31)) == [desk.sender_id]


def test_two_readers_do_not_read_at_once(desk: Desk) -> None:
    desk.read()
    desk.comes("ann", "bob", "carla", "dan")
    assert sorted(at_once(desk.read, desk.read)) == [0, 4]
    assert desk.answered == ["ann", "bob", "carla", "dan"]


def test_a_reader_that_was_taken_for_dead_stops_at_the_next_mail(desk: Desk) -> None:
    desk.read()
    desk.comes("ann", "bob", "carla")

    def interrupted(sender: Sender) -> ImapMailbox:
        box = open_mailbox(sender, sealing_key=KEY)
        fetch = box.fetch

        def slowly(uid: int) -> bytes | None:
            desk.now += timedelta(minutes=2)
            assert desk.read() == 3  # somebody else, as the lease is over
            return fetch(uid)

        box.fetch = slowly  # type: ignore[method-assign]
        return box

    assert desk.reader(interrupted).run() == 0
    assert desk.answered == ["ann", "bob", "carla"]
    assert desk.mailbox.uid_next == 4


# What happens to mailboxes -----------------------------------------------------------------------


def number_anew(house: MailHouse, address: str, validity: int) -> None:
    """The server forgets all numbers, as after a restored backup."""
    numbers = house.folder(address) / "dovecot-uidlist"
    header = numbers.read_text().partition("\n")[0]
    numbers.write_text(re.sub(r"V\d+ N\d+", f"V{validity} N1", header) + "\n")
    for file in house.folder(address).glob("dovecot[.-]*"):
        if file != numbers:
            file.unlink()


def test_a_mailbox_that_is_numbered_anew_is_looked_through_and_nothing_done_twice(desk: Desk) -> None:
    desk.now = mail_time()
    desk.read()
    desk.comes("ann", "bob")
    assert desk.read() == 2
    number_anew(desk.house, SARAH, 4711)
    desk.comes("carla")
    assert desk.read() == 3
    assert desk.mailbox.uid_validity == 4711
    assert sorted(desk.answered) == ["ann", "bob", "carla"]
    desk.comes("dan")
    assert desk.read() == 1


def mail_time() -> datetime:
    """Now, as Dovecot sees it."""
    return datetime.now(UTC)


def test_a_folder_that_vanishes_is_said_and_read_again_once_it_is_back(desk: Desk) -> None:
    desk.read()
    with desk.db.sessions.begin() as session:
        session.get_one(Mailbox, desk.sender_id).folder = "Sales"
    assert desk.read() == 0
    assert "The folder Sales cannot be opened" in (desk.mailbox.error or "")
    assert desk.sender.status == "active"
    sales = desk.house.folder(SARAH) / ".Sales"
    shutil.copytree(desk.house.folder(SARAH) / "new", sales / "new")
    for part in ("cur", "tmp"):
        (sales / part).mkdir()
    for file in (sales, *sales.iterdir()):
        shutil.chown(file, *mailbox_owner())
    assert desk.read() == 0
    assert desk.mailbox.error is None


def test_an_account_whose_password_was_changed_waits_for_a_person_and_loses_nothing(desk: Desk) -> None:
    desk.read()
    desk.house.change_password(SARAH, "another one")
    desk.comes("ann")
    assert desk.read() == 0
    assert desk.sender.status == "needs_attention"
    assert "Signing in to read mail was refused" in (desk.sender.status_reason or "")
    assert desk.mailbox.error == desk.sender.status_reason
    with desk.db.sessions() as session:  # no door is rattled at for long
        assert unread(session, desk.now + timedelta(hours=23)) == []
    _mend(desk, password="another one")
    with desk.db.sessions() as session:
        assert unread(session, desk.now + timedelta(minutes=1)) == [desk.sender_id]
    assert desk.read() == 1
    assert (desk.answered, desk.sender.status, desk.mailbox.error) == (["ann"], "active", None)


def _mend(desk: Desk, **server: Any) -> None:
    imap = desk.sender.imap or {}
    with desk.db.sessions.begin() as session:
        body = {"imap": imap | server}
        connecting.change(session, desk.workspace_id, desk.sender_id, body, key=KEY, now=desk.now, by=None)


def test_a_mailbox_elsewhere_has_numbers_of_its_own(desk: Desk) -> None:
    desk.read()
    desk.comes("ann", "dan")
    desk.read()
    _mend(desk, username="tom@ours.test", password=PASSWORD)
    desk.house.deliver(desk.answer("bob"), "tom@ours.test")  # its number is 1, which Sarah's mailbox has behind it
    assert desk.read() == 0
    desk.house.deliver(desk.answer("carla"), "tom@ours.test")
    assert desk.read() == 1
    assert desk.answered == ["ann", "dan", "carla"]


def test_a_server_that_is_away_is_tried_after_growing_pauses(desk: Desk) -> None:
    desk.read()
    there = (desk.sender.imap or {})["port"]
    _mend(desk, port=free_port(), password=PASSWORD)
    pauses = []
    for _ in range(6):
        assert desk.read() == 0
        try_at = desk.mailbox.try_at
        assert try_at is not None
        pauses.append((try_at - desk.now).total_seconds())
        desk.now = try_at
    assert pauses == [30, 60, 120, 300, 900, 900]
    assert (desk.sender.status, desk.mailbox.failures) == ("active", 6)
    _mend(desk, port=there, password=PASSWORD)
    assert (desk.mailbox.failures, desk.mailbox.try_at) == (0, None)
    assert desk.read() == 0
    assert desk.mailbox.read_at == desk.now


def test_an_account_that_cannot_send_is_still_answered_to(desk: Desk) -> None:
    with desk.db.sessions.begin() as session:
        session.get_one(Sender, desk.sender_id).status = "needs_attention"
    with desk.db.sessions() as session:
        assert unread(session, desk.now) == [desk.sender_id]


# Bad mail ----------------------------------------------------------------------------------------


def test_a_huge_mail_is_read_by_its_beginning(desk: Desk) -> None:
    desk.read()
    desk.house.deliver(desk.answer("ann", "Yes.\r\n" + "x" * 76 + "\r\n" + ("y" * 76 + "\r\n") * 640_000), SARAH)
    desk.comes("bob")
    assert desk.read() == 2
    assert desk.answered == ["ann", "bob"]


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\0" * 1000,
        b"\xff\xfe\xfd\r\n\r\n\xff",
        b"From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 5000,
    ],
    ids=["empty", "nothing but NUL", "no text", "parts without end"],
)
def test_mail_that_is_none_holds_up_no_other(desk: Desk, bad: bytes) -> None:
    desk.read()
    desk.house.deliver(bad, SARAH)
    desk.comes("ann")
    assert desk.read() == 2
    assert desk.answered == ["ann"]


def test_an_answer_with_nul_bytes_and_endless_addresses_is_kept(desk: Desk) -> None:
    desk.read()
    address = f"ann@{'x' * 400}.test"
    headers = {"From": f'"A\0nn" <{address}>', "Message_ID": f"<{'m' * 2000}\0@corp.test>", "Subject": "Re: He\0llo"}
    raw = desk.answer("ann", "Y\0es", **headers)
    desk.house.deliver(raw, SARAH)

    def as_it_is(sender: Sender) -> ImapMailbox:
        box = open_mailbox(sender, sealing_key=KEY)
        box.fetch = lambda _: raw  # type: ignore[method-assign] # Dovecot hands out something else for a NUL
        return box

    assert desk.reader(as_it_is).run() == 1
    with desk.db.sessions() as session:
        letter = session.scalars(select(Letter)).one()
    assert letter.from_address == address[:320]
    assert "\0" not in f"{letter.from_name}{letter.subject}{letter.fresh}{letter.rfc_message_id}"
    assert desk.status("ann") == "replied"


def test_a_mail_over_which_we_stumble_is_passed_over_and_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk.read()
    desk.comes("ann", "bob")
    whole = mailbox.read

    def stumbling(raw: bytes, **values: Any) -> Any:
        if b"From: ann" in raw:
            raise ValueError("odd")
        return whole(raw, **values)

    monkeypatch.setattr(mailbox, "read", stumbling)
    assert desk.read() == 2
    assert desk.answered == ["bob"]
    assert "A mail was passed over. This is a bug in Cadenza." in caplog.text


def test_what_the_account_sent_itself_is_no_answer(desk: Desk) -> None:
    desk.read()
    desk.house.deliver(desk.answer("ann", From=SARAH), SARAH)
    assert desk.read() == 1
    assert desk.answered == []
    assert desk.status("ann") == "sent"
