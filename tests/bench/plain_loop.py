"""What a lane is measured beside: the loop that anybody would write, which asks nothing and checks nothing.

For each person an EmailMessage by smtplib, and the same two durable commits into the same tables: the message as
`sending` before it is handed over, and what became of it afterwards.
`python -m tests.bench.plain_loop URL PORT CAMPAIGN`
"""

import smtplib
import sys
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from uuid import UUID

from campaigns.models import connect, new_id
from tests.bench.stage import FIRST

PEOPLE = """SELECT p.id, p.campaign_id, p.current_node_id, p.sender_account_id, p.email, p.first_name, p.company
    FROM prospect p WHERE p.campaign_id = ? ORDER BY p.due_at, p.id"""
CLAIM = """INSERT INTO message (id, prospect_id, campaign_id, node_id, sender_account_id, status, attempts,
    subject, body, rfc_message_id, claimed_at) VALUES (?, ?, ?, ?, ?, 'sending', 1, ?, ?, ?, ?)"""
TAKE_OUT = "UPDATE prospect SET due_at = NULL WHERE id = ?"
RECORD = "UPDATE message SET status = 'sent', receipt = ?, sent_at = ? WHERE id = ?"
MOVE_ON = "UPDATE prospect SET status = 'sent', contacted = true, updated_at = ? WHERE id = ?"


class Books:
    """The plainest use of a driver: statements with ? for their values, and a commit."""

    def __init__(self, url: str) -> None:
        engine = connect(url)
        self._sqlite = engine.dialect.name == "sqlite"
        self._raw: Any = engine.raw_connection().driver_connection

    def value(self, given: Any) -> Any:
        """Ids and instants as the database keeps them."""
        if self._sqlite and isinstance(given, UUID):
            return given.hex
        return given.strftime("%Y-%m-%d %H:%M:%S.%f") if self._sqlite and isinstance(given, datetime) else given

    def people(self, campaign_id: UUID) -> list[Any]:
        """Everybody of the campaign."""
        found = self.read(PEOPLE, campaign_id).fetchall()
        if not self._sqlite:
            self._raw.commit()  # psycopg has begun a transaction
        return list(found)

    def write(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        """All of them in one durable transaction."""
        if self._sqlite:
            self._raw.execute("BEGIN IMMEDIATE")
        for statement, values in statements:
            self.read(statement, *values)
        self._raw.execute("COMMIT")

    def read(self, statement: str, *values: Any) -> Any:
        """The cursor after one statement."""
        text = statement if self._sqlite else statement.replace("?", "%s")
        return self._raw.execute(text, tuple(self.value(value) for value in values))


def message(address: str, name: str, company: str) -> EmailMessage:
    """The message that a lane sends, too."""
    written = EmailMessage()
    written["From"] = "Sarah Chen <sarah@example.com>"
    written["To"] = f"{name} Miller <{address}>"
    written["Subject"] = FIRST["subject"].replace("%first_name%", name)
    written["Date"] = formatdate()
    written["Message-ID"] = make_msgid(domain="example.com")
    written.set_content(FIRST["body"].replace("%first_name%", name).replace("%company%", company))
    return written


def run(url: str, port: int, campaign_id: UUID) -> float:
    """Messages a second."""
    books = Books(url)
    people = books.people(campaign_id)
    with smtplib.SMTP("127.0.0.1", port) as server:
        began = time.monotonic()
        for person, *place, address, name, company in people:
            mail, own_id, now = message(address, name, company), new_id(), datetime.now(UTC)
            texts = (mail["Subject"], mail.get_content(), mail["Message-ID"])
            books.write((CLAIM, (own_id, person, *place, *texts, now)), (TAKE_OUT, (person,)))
            server.send_message(mail)
            now = datetime.now(UTC)
            books.write((RECORD, ("250 2.0.0 Ok", now, own_id)), (MOVE_ON, (now, person)))
        return len(people) / (time.monotonic() - began)


if __name__ == "__main__":
    print(run(sys.argv[1], int(sys.argv[2]), UUID(sys.argv[3])))
