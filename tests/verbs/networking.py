"""Playing LinkedIn campaigns both ways: through a provider, and by a person who does the tasks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import explaining, hearing, launching, marking, tasking
from campaigns.channels.outgoing import Already, Approach, Unsent
from campaigns.explaining import Explanation
from campaigns.models import Campaign, Mailbox, Message, Node, Prospect, Sender, Workspace, counts
from campaigns.rules.lifecycle import LINKEDIN
from campaigns.rules.provider import Accepted, Wrote
from campaigns.rules.seats import ASSISTED, UNIPILE
from tests import make
from tests.verbs.playing import Play

WAYS = (ASSISTED, UNIPILE)
# The account of provider's seats there, and who does the tasks of the others.
ACCOUNT, HANDS = "account", "sarah@example.com"
NOTE = {"type": "connection_request", "body": "Hello %first_name%!", "include_message": True}


def says(text: str) -> dict[str, Any]:
    """A message step."""
    return {"type": "message", "body": text}


class Seats(Play):
    """A play of LinkedIn seats, all of them of one `way`. After each tick somebody does the tasks, unless `at_work` is
    False."""

    way = ASSISTED
    at_work = True

    def launch(self, n: int = 1, *nodes: Any, **values: Any) -> list[Prospect]:
        """A campaign with so many people and these steps, launched now; `seat` are values of a seat of its own."""
        with self.db.sessions.begin() as session:
            if (senders := values.pop("senders", None)) is None:
                senders = [self.seat(session, make.workspace(session), **values.pop("seat", {}))]
            workspace = session.get_one(Workspace, senders[0].workspace_id)
            steps = [*(nodes or [make.CONNECT]), make.END]
            values = {"type": LINKEDIN, "nodes": steps, "senders": senders, "now": self.now} | values
            campaign = make.launched(session, workspace, n, **values)
        return self.people(campaign.id)

    def seat(self, session: Session, workspace: Workspace, **values: Any) -> Sender:
        """A seat that works in this play's way."""
        at = {"base_url": "https://api.example.com", "account_id": ACCOUNT, "name": "Sarah"}
        mine = {"seat": at, "seat_sealed": "sealed", "provider": UNIPILE} if self.way == UNIPILE else {}
        return make.sender(session, workspace, **({"type": LINKEDIN} | mine | values))

    def people(self, campaign_id: UUID | None = None) -> list[Prospect]:  # type: ignore[override]
        """Everybody, or those of a campaign, in the order in which they were added."""
        query = select(Prospect).order_by(Prospect.id)
        with self.db.sessions() as session:
            return list(session.scalars(query.where(Prospect.campaign_id == campaign_id) if campaign_id else query))

    def tick(self) -> None:
        self.do(self.poll)
        super().tick()
        if self.at_work:
            self.do_tasks()

    def poll(self, session: Session) -> None:
        """Providers are asked in time what is new at their seats."""
        for seat in session.scalars(select(Sender).where(Sender.provider == UNIPILE)):
            mailbox = session.get(Mailbox, seat.id) or Mailbox(sender_account_id=seat.id)
            mailbox.read_at = self.now
            session.add(mailbox)

    def do_tasks(self) -> int:
        """Everything on the tasks page, as LinkedIn lets it be done; how many there were."""
        done = 0
        while (entry := self.do(self.take)) is not None:
            ids = entry.task.workspace_id, entry.message.id
            self.do(tasking.settle, *ids, self.outcome(entry), now=self.now, by=HANDS)
            self.answer_all()
            done += 1
        return done

    def take(self, session: Session) -> tasking.Entry | None:
        """The next task, before whoever does them all."""
        workspaces = session.scalars(select(Workspace.id)).all()
        taken = (tasking.take(session, one, tasking.Filter(), now=self.now, by=HANDS) for one in workspaces)
        return next(filter(None, taken), None)

    def outcome(self, entry: tasking.Entry) -> str:
        """What comes of a task at LinkedIn."""
        url, message = entry.prospect.linkedin_url or "", entry.message
        try:
            approach = Approach(entry.task.step, url, None, message.body, message.id)
            self.post.network.take(entry.sender.id, approach)
        except Already as already:
            return "already_connected" if already.status == "connected" else "done"
        except Unsent:
            return "not_possible"
        return "done"

    def accept(self, person: Prospect, at: datetime | None = None) -> None:
        """They accept the invitation: the provider tells, or somebody sees it and says so."""
        seat, url = self._connection(person)
        self.post.network.connected.add((seat.id, url))
        if seat.assisted:
            self.do(marking.mark_links, seat.workspace_id, "accepted", [url], now=self.now, by=HANDS)
        else:
            self.do(hearing.hear, seat, Accepted(ACCOUNT, f"id of {url}", url, at), self.now)
        self.answer_all()

    def reply(self, person: Prospect) -> None:
        """They write to the account."""
        seat, url = self._connection(person)
        if seat.assisted:
            self.do(marking.mark_links, seat.workspace_id, "replied", [url], now=self.now, by=HANDS)
        else:
            self.do(hearing.hear, seat, Wrote(ACCOUNT, f"id of {url}", url, self.now, None, text="Yes!"), self.now)
        self.answer_all()

    def _connection(self, person: Prospect) -> tuple[Sender, str]:
        seat = self.sender(person.sender_account_id)  # type: ignore[arg-type]
        return seat, str(person.linkedin_url)

    def pause(self, campaign_id: UUID) -> None:
        self._move(launching.pause, campaign_id)

    def resume(self, campaign_id: UUID) -> None:
        self._move(launching.resume, campaign_id)

    def _move(self, verb: Any, campaign_id: UUID) -> None:
        self.do(verb, self.campaign(campaign_id).workspace_id, campaign_id, now=self.now, by=HANDS)
        self.answer_all()

    # Looking.

    def left(self) -> list[tuple[datetime, str, str | None]]:
        """When a step left, of which kind it was and what it said; in that order."""
        query = select(Message.sent_at, Node.type, Message.body).join(Node, Node.id == Message.node_id)
        with self.db.sessions() as session:
            rows = session.execute(query.where(Message.status == "sent").order_by(Message.sent_at, Message.id))
            return [(row[0], row[1], row[2]) for row in rows]

    def status(self, person: Prospect) -> str:
        return self.prospect(person.id).status

    def explain(self, person: Prospect) -> Explanation:
        with self.db.reading() as session:
            campaign = session.get_one(Campaign, person.campaign_id)
            return explaining.explain(session, campaign, person.id, self.now)

    def weeks(self, person: Prospect) -> dict[str, int]:
        """What their account has used of its rolling 7 days, by kind."""
        with self.db.sessions() as session:
            week = counts.sent_in_week(session, [person.sender_account_id], self.now)  # type: ignore[list-item]
        return {step: number for (_, step), number in week.items()}
