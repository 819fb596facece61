"""Whom a mail is about: somebody we wrote to, found by what it says it answers, else by address and subject."""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from campaigns.channels.reading import AUTO_REPLY, OUT_OF_OFFICE, REPLY, Letter
from campaigns.models.conversation import Answer
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.rules.correspondence import answers_subject, our_keys

# One person in so many campaigns at most, whose messages are compared.
MOST_PEOPLE = 200


@dataclass(frozen=True)
class Found:
    """The person a mail is about, and the message it answers, where that is known."""

    prospect: Prospect
    message: Message | None


def find(session: Session, sender: Sender, letter: Letter) -> Found | None:
    """Whom the mail is about. Ids that it names are believed if the message is one of the account's workspace."""
    return _by_ids(session, sender, letter) or _by_address(session, sender, letter)


def _messages(sender: Sender) -> Select[Message, Prospect]:
    query = select(Message, Prospect).join(Prospect, Prospect.id == Message.prospect_id)
    return query.where(Prospect.workspace_id == sender.workspace_id)


def _by_ids(session: Session, sender: Sender, letter: Letter) -> Found | None:
    keys = our_keys(letter.answers)
    if not keys:
        return None
    row = session.execute(_messages(sender).where(Message.id.in_(keys)).order_by(Message.claimed_at.desc())).first()
    if row is not None:
        return Found(row[1], row[0])
    answered = select(Prospect).join(Answer, Answer.prospect_id == Prospect.id)
    answered = answered.where(Answer.id.in_(keys), Answer.workspace_id == sender.workspace_id)
    prospect = session.scalars(answered.limit(1)).first()
    return Found(prospect, None) if prospect else None


def _by_address(session: Session, sender: Sender, letter: Letter) -> Found | None:
    written = letter.kind in (REPLY, AUTO_REPLY, OUT_OF_OFFICE)
    address = letter.from_address if written else letter.recipient
    if not address:
        return None
    known = select(Prospect.id).where(Prospect.workspace_id == sender.workspace_id, Prospect.identity == address)
    people = session.scalars(known.limit(MOST_PEOPLE)).all()
    if not people:
        return None
    # The account's own are picked here: asked for them, SQLite reads all messages of the account.
    sent = _messages(sender).where(Message.prospect_id.in_(people)).order_by(Message.claimed_at.desc())
    for message, prospect in session.execute(sent):
        # Machines put their own subjects; a person who writes about something else has not answered.
        fits = letter.kind != REPLY or answers_subject(letter.subject, message.subject or "")
        if fits and message.sender_account_id == sender.id:
            return Found(prospect, message)
    return None
