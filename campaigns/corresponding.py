"""Corresponding: the conversations of a workspace, what was said in each, and what a person makes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from campaigns.channels.reading import REPLY
from campaigns.models.campaign import Campaign
from campaigns.models.conversation import LABELS, Answer, Conversation
from campaigns.models.finding import find_campaign, find_conversation, find_sender
from campaigns.models.mailbox import Letter, Mailbox
from campaigns.models.message import BOUNCED, SENDING, SENT, SKIPPED, UNKNOWN, Message
from campaigns.models.paging import page_of
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.words import people_with
from campaigns.rules.kinds import Context, Flag
from campaigns.rules.lifecycle import EMAIL
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, NotFound

# How much of the latest letter the list shows.
BEGINNING = 160
# Accounts and campaigns that a filter offers.
MOST_CHOICES = 50
MOST_GLIMPSES = 50
MESSAGE, LETTER, ANSWER = "message", "letter", "answer"
# Messages that left, as far as is known; what did not is on the person's page.
SAID = (SENT, SENDING, UNKNOWN, BOUNCED)


@dataclass(frozen=True)
class Filter:
    """Which conversations to list. `words` each begin a word of name, company or address."""

    unread: bool = False
    owes: bool = False
    label: str | None = None
    account_id: UUID | None = None
    campaign_id: UUID | None = None
    words: str = ""


@dataclass(frozen=True)
class Entry:
    """A conversation of the list, with whom, and how the latest letter begins."""

    conversation: Conversation
    prospect: Prospect
    campaign: Campaign
    subject: str
    beginning: str


def listed(session: Session, workspace_id: UUID, wanted: Filter, *, page: int, limit: int) -> tuple[list[Entry], int]:
    """One page of the conversations, the latest first, and how many match. Raises NotFound for a stranger's account or
    campaign."""
    own = _conditions(session, workspace_id, wanted)
    order = (Conversation.last_at.desc(), Conversation.prospect_id.desc())
    found, total = page_of(session, Conversation, own, *order, page=page, limit=limit)
    return _entries(session, found), total


def _conditions(session: Session, workspace_id: UUID, wanted: Filter) -> list[Any]:
    """An account or a campaign is of one workspace alone: naming that too would only mislead the planner."""
    own: list[Any] = []
    if wanted.account_id:
        own.append(Conversation.sender_account_id == find_sender(session, workspace_id, wanted.account_id).id)
    if wanted.campaign_id:
        own.append(Conversation.campaign_id == find_campaign(session, workspace_id, wanted.campaign_id).id)
    own = own or [Conversation.workspace_id == workspace_id]
    if wanted.label:
        own.append(Conversation.label == wanted.label)
    if wanted.unread:
        own.append(Conversation.unread)
    if wanted.owes:
        own.append(Conversation.owes)
    if wanted.words.strip():
        people = people_with(session, wanted.campaign_id or workspace_id, wanted.words, who_answered=True)
        own.append(Conversation.prospect_id.in_(people))
    return own


def _entries(session: Session, found: Sequence[Conversation]) -> list[Entry]:
    ids = [one.prospect_id for one in found]
    query = select(Prospect, Campaign).join(Campaign, Campaign.id == Prospect.campaign_id)
    people = {row[0].id: (row[0], row[1]) for row in session.execute(query.where(Prospect.id.in_(ids)))}
    begun = _beginnings(session, ids)
    return [Entry(one, *people[one.prospect_id], *begun.get(one.prospect_id, ("", ""))) for one in found]


def _beginnings(session: Session, prospect_ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    """Prospect id -> subject and beginning of their latest letter; a letter may be long, and is not read whole."""
    theirs = select(Letter.id).where(Letter.prospect_id == Conversation.prospect_id, Letter.kind == REPLY)
    latest = theirs.order_by(Letter.received_at.desc(), Letter.id.desc()).limit(1).correlate(Conversation)
    ids = session.scalars(select(latest.scalar_subquery()).where(Conversation.prospect_id.in_(prospect_ids))).all()
    query = select(Letter.prospect_id, Letter.subject, func.substr(Letter.fresh, 1, BEGINNING))
    return {row[0]: (row[1], row[2]) for row in session.execute(query.where(Letter.id.in_(ids)))}


def unread_count(session: Session, workspace_id: UUID) -> int:
    """How many conversations nobody has read."""
    unread = select(func.count()).where(Conversation.workspace_id == workspace_id, Conversation.unread)
    return session.scalar(unread) or 0


def campaigns_with(session: Session, workspace_id: UUID) -> list[Campaign]:
    """Campaigns that somebody has answered, those that were changed last."""
    answered = exists().where(Conversation.campaign_id == Campaign.id)
    query = select(Campaign).where(Campaign.workspace_id == workspace_id, answered)
    return list(session.scalars(query.order_by(Campaign.updated_at.desc()).limit(MOST_CHOICES)))


@dataclass(frozen=True)
class Hearing:
    """An account, and what keeps answers to it from being read, None if nothing does; `has_mailbox`: they can be, in a
    mailbox that was entered, or at a provider."""

    sender: Sender
    has_mailbox: bool
    error: str | None


def hearing(session: Session, workspace_id: UUID) -> list[Hearing]:
    """The mail accounts of a workspace that are in use, and the seats through a provider; how well their answers are
    heard."""
    query = select(Sender, Mailbox.error).outerjoin(Mailbox, Mailbox.sender_account_id == Sender.id)
    kinds = or_(Sender.type == EMAIL, Sender.hears)
    own = query.where(Sender.workspace_id == workspace_id, kinds, Sender.status != "disconnected")
    found = session.execute(own.order_by(Sender.id).limit(MOST_CHOICES))
    return [Hearing(sender, sender.hears, error) for sender, error in found]


@dataclass(frozen=True)
class Mail:
    """One mail of a thread: a Message of the sequence, a Letter of theirs, or an Answer written by hand."""

    kind: str
    at: datetime
    mail: Any


SOURCES: tuple[tuple[str, type[Any], Any, ColumnElement[bool]], ...] = (
    (MESSAGE, Message, Message.claimed_at, Message.status.in_(SAID)),
    (LETTER, Letter, Letter.received_at, Letter.kind.is_not(None)),
    (ANSWER, Answer, Answer.created_at, Answer.status != SKIPPED),
)


def thread(session: Session, prospect_id: UUID, *, page: int, limit: int) -> tuple[list[Mail], int]:
    """What was written to a person and by them, and how many mails that are in all. Page 1 has the latest; on each page
    the oldest comes first."""
    parts = (
        select(literal(kind).label("kind"), model.id.label("id"), at.label("at")).where(
            model.prospect_id == prospect_id, said
        )
        for kind, model, at, said in SOURCES
    )
    every = union_all(*parts).subquery()
    total = session.scalar(select(func.count()).select_from(every)) or 0
    query = select(every.c.kind, every.c.id, every.c.at).order_by(every.c.at.desc(), every.c.id.desc())
    found = session.execute(query.limit(limit).offset((page - 1) * limit)).all()
    mails = {
        kind: {one.id: one for one in session.scalars(select(model).where(model.id.in_(_ids(found, kind))))}
        for kind, model, _at, _said in SOURCES
    }
    return [Mail(row.kind, row.at, mails[row.kind][row.id]) for row in reversed(found)], total


def _ids(found: Sequence[Any], kind: str) -> list[UUID]:
    return [row.id for row in found if row.kind == kind]


@dataclass(frozen=True)
class Glimpse:
    """A letter of theirs or an answer of ours in a word or two: what it was taken for or what became of it, how it
    begins or what went wrong, and who wrote the answer."""

    kind: str
    at: datetime
    state: str
    words: str
    by: str | None = None


def glimpses(session: Session, prospect_id: UUID) -> list[Glimpse]:
    """The letters and answers of a person, the latest of each, the oldest first; no text is read whole."""
    letters = select(
        Letter.received_at, Letter.kind, func.coalesce(Letter.diagnostic, func.substr(Letter.fresh, 1, BEGINNING))
    ).where(Letter.prospect_id == prospect_id)
    answers = select(
        Answer.created_at,
        Answer.status,
        func.coalesce(Answer.error, func.substr(Answer.body, 1, BEGINNING)),
        Answer.created_by,
    ).where(Answer.prospect_id == prospect_id, Answer.status != SKIPPED)
    found = [
        *(
            Glimpse(LETTER, *row)
            for row in session.execute(letters.order_by(Letter.received_at.desc()).limit(MOST_GLIMPSES))
        ),
        *(
            Glimpse(ANSWER, *row)
            for row in session.execute(answers.order_by(Answer.created_at.desc()).limit(MOST_GLIMPSES))
        ),
    ]
    return sorted(found, key=lambda one: one.at)


def find_mail(session: Session, prospect_id: UUID, mail_id: UUID) -> Mail:
    """One mail of a thread that was found. Raises NotFound."""
    for kind, model, at, said in SOURCES:
        own = select(model, at).where(model.id == mail_id, model.prospect_id == prospect_id, said)
        if found := session.execute(own).one_or_none():
            return Mail(kind, found[1], found[0])
    raise NotFound("mail")


def change(session: Session, workspace_id: UUID, prospect_id: UUID, body: Mapping[str, Any]) -> Conversation:
    """Mark a conversation: `unread`, `owes`, `label` (null for none). Raises NotFound, Invalid."""
    conversation = find_conversation(session, workspace_id, prospect_id, lock=True)
    values = _read(body)
    for name, value in values.items():
        setattr(conversation, name, value)
    return conversation


def _read(body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        values = {name: Flag().parse(body[name], name, Context("UTC")) for name in ("unread", "owes") if name in body}
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    if "label" not in body:
        return values
    label = body["label"]
    if label is not None and (not isinstance(label, str) or label not in LABELS):
        raise Invalid.of([Problem("label", f"must be {', '.join(LABELS)} or null")])
    return {**values, "label": label}
