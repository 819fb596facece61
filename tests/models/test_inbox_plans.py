"""The inbox with 100,000 conversations: each filter is read from an index of its own, in the order that is shown."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session

from campaigns import corresponding
from campaigns.corresponding import Filter
from campaigns.models import Conversation, Prospect
from campaigns.models.base import new_id
from tests import make
from tests.databases import Database

CONVERSATIONS = 100_000
# Of each hundred, those that are marked so.
UNREAD, OWED, LABELLED = 2, 5, 10
AT_ONCE = 10_000
Ask = Callable[[Session], Any]


def _hurry(session: Session) -> None:
    """Nothing is counted or indexed by words for a hundred thousand people whom nobody looks for."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        session.execute(text(f"DROP TRIGGER {name}"))


class Inbox:
    """A database with a full inbox; `ask` gives the plans of what a question sends."""

    def __init__(self, db: Database) -> None:
        self.db = db
        with db.sessions.begin() as session:
            workspace = make.workspace(session)
            self.senders = [make.sender(session, workspace) for _ in range(10)]
            self.campaigns = [make.launched(session, workspace, 0, senders=self.senders) for _ in range(10)]
            self.workspace_id = workspace.id
            _hurry(session)
            for first in range(0, CONVERSATIONS, AT_ONCE):
                self._fill(session, first)
        if db.kind == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE prospect, conversation")

    def _fill(self, session: Session, first: int) -> None:
        people: list[dict[str, Any]] = []
        conversations: list[dict[str, Any]] = []
        for number in range(first, first + AT_ONCE):
            campaign, sender = self.campaigns[number % 10], self.senders[number // 10 % 10]
            own = {"workspace_id": self.workspace_id, "campaign_id": campaign.id, "sender_account_id": sender.id}
            address = f"p{number}@corp.example"
            times = {"created_at": make.NOW, "updated_at": make.NOW}
            person = {"id": new_id(), "identity": address, "email": address, "status": "replied", **own, **times}
            people.append(person)
            conversations.append(
                {
                    "prospect_id": person["id"],
                    "last_at": make.NOW + timedelta(seconds=number),
                    "unread": number % 100 < UNREAD,
                    "owes": number % 100 < OWED,
                    "label": "interested" if number % 100 < LABELLED else None,
                    **own,
                }
            )
        session.execute(insert(Prospect), people)
        session.execute(insert(Conversation), conversations)

    def plans(self, ask: Ask) -> list[str]:
        """Of each statement about conversations that `ask` sends."""
        found: list[tuple[str, Any]] = []

        def note(_c: Any, _cur: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
            if "FROM conversation" in statement and "letter" not in statement:
                found.append((statement, parameters))

        with self.db.sessions() as session:
            event.listen(self.db.engine, "before_cursor_execute", note)
            ask(session)
            event.remove(self.db.engine, "before_cursor_execute", note)
            return [self._explain(session, *asked) for asked in found]

    def _explain(self, session: Session, statement: str, parameters: Any) -> str:
        raw = session.connection().connection.cursor()
        if self.db.kind == "sqlite":
            raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(row[3] for row in raw.fetchall())
        raw.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        return json.dumps(raw.fetchone()[0], indent=1)


@pytest.fixture
def inbox(db: Database) -> Inbox:
    return Inbox(db)


def test_every_filter_is_read_from_its_index_and_nothing_is_sorted(inbox: Inbox) -> None:
    own = inbox.workspace_id
    for wanted, index in (
        (Filter(), "ix_conversation_workspace_id"),
        (Filter(unread=True), "ix_conversation_unread"),
        (Filter(owes=True), "ix_conversation_owes"),
        (Filter(label="interested"), "ix_conversation_label"),
        (Filter(account_id=inbox.senders[3].id), "ix_conversation_sender_account_id"),
        (Filter(campaign_id=inbox.campaigns[3].id), "ix_conversation_campaign_id"),
    ):
        count, page = inbox.plans(partial(listed, own, wanted))
        assert_by_index(page, index)
        if wanted != Filter():  # to count them all PostgreSQL may as well read the table
            assert_by_index(count, index)
    (count,) = inbox.plans(lambda session: corresponding.unread_count(session, own))
    assert_by_index(count, "ix_conversation_unread")


def listed(own: UUID, wanted: Filter, session: Session) -> None:
    found, total = corresponding.listed(session, own, wanted, page=2, limit=25)
    assert len(found) == 25
    assert total >= CONVERSATIONS * UNREAD // 100


def assert_by_index(plan: str, index: str) -> None:
    assert index in plan, plan
    assert not re.search(r'SCAN conversation\b|Seq Scan|TEMP B-TREE|"Sort"', plan), plan
