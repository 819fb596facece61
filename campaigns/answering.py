"""Answering: an email, or a LinkedIn message, that a person writes in the inbox, handed over once.

As with every message, the row is committed as `sending` before the channel is called, and what became of it is written
down after that. A process that dies in between leaves `sending`, which becomes `unknown` and is never repeated by the
machine. An answer waits for no hours, limits or gaps: a person wrote it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.outgoing import Channel, Doubtful, Unsent
from campaigns.channels.reading import REPLY
from campaigns.models.base import new_id
from campaigns.models.conversation import Answer, Conversation
from campaigns.models.finding import find_conversation
from campaigns.models.mailbox import Letter
from campaigns.models.message import BOUNCED, FAILED, SENDING, SENT, SKIPPED, UNKNOWN, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.models.trouble import first_line, trouble_of
from campaigns.models.workspace import Suppression
from campaigns.models.writing import reply_subject, signed, values_for
from campaigns.rules.correspondence import one_line, references
from campaigns.rules.kinds import Context, Text
from campaigns.rules.lifecycle import EMAIL
from campaigns.rules.outgoing import Approach, Outgoing
from campaigns.rules.outgoing import message_id as make_id
from campaigns.rules.placeholders import BrokenTemplate, MissingValue, fill
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from campaigns.rules.seats import MOST_MESSAGE
from campaigns.rules.sequence import MESSAGE
from campaigns.rules.suppressions import entries_about
from campaigns.rules.tracing import about

log = logging.getLogger(__name__)

MOST_LETTERS = 50_000
BODY = Text(MOST_LETTERS, least=1, lines=True)
# Pauses after passing failures; after the last of them the answer has failed, until a person tries it again.
RETRY_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
# Longer than any handing over takes (jobs.bells): whoever was at it is dead.
LEASE = timedelta(minutes=6)
# What waits for its job longer than this has lost its bell.
PATIENCE = timedelta(seconds=2)
MOST_RUNG = 500
# How often and after what pauses an outcome is written down again while the database is away.
RECORD_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0.2, 0.5, 1, 2, 4, 8, 15))
DIED = "The sending process ended before the outcome was written down."
SUPPRESSED = "This person is on the suppression list: nothing is sent to them."

# How a person may settle an answer -> in which states.
SETTLEMENTS = {
    "sent": (UNKNOWN,),
    "again": (UNKNOWN, FAILED, BOUNCED),
    "skip": (UNKNOWN, FAILED, BOUNCED, WAITING),
}

Sessions = sessionmaker[Session]
Outcome = str | Unsent | Doubtful


# Writing


def write(
    session: Session,
    workspace_id: UUID,
    prospect_id: UUID,
    body: object,
    *,
    now: datetime,
    by: str | None,
    answer_id: UUID | None = None,
) -> Answer:
    """Write an answer to a person's latest letter, and see that it is sent. Raises NotFound, Invalid, WrongState.

    `answer_id` is the one that a form was given: the same text sent twice is written once."""
    text = _read(body)
    conversation = find_conversation(session, workspace_id, prospect_id, lock=True)
    prospect, sender = session.get_one(Prospect, prospect_id), writer(session, conversation)
    text = _finished(text, prospect, sender)
    known = session.get(Answer, answer_id) if answer_id else None
    if known is not None and (known.prospect_id, known.body) == (prospect_id, text):
        return known
    if is_suppressed(session, prospect):
        raise WrongState(f"{SUPPRESSED} Take them off it first.")
    letter = latest_letter(session, prospect_id)
    answer = Answer(
        id=answer_id if answer_id and known is None else new_id(),
        workspace_id=workspace_id,
        prospect_id=prospect_id,
        letter_id=letter.id if letter else None,
        sender_account_id=sender.id,
        status=WAITING,
        subject=_subject(session, prospect_id, letter) if sender.type == EMAIL else "",
        body=text,
        created_by=by,
        created_at=now,
    )
    session.add(answer)
    conversation.unread = conversation.owes = False
    conversation.last_at = now
    ring(session, "answer", answer.id)
    return answer


def _finished(text: str, prospect: Prospect, sender: Sender) -> str:
    """The text as it leaves. Raises Invalid, WrongState."""
    if sender.type == EMAIL:
        return signed(text, _signature(prospect, sender))
    if len(text) > MOST_MESSAGE:
        raise Invalid.of([Problem("body", f"must be at most {MOST_MESSAGE:,} characters, as LinkedIn has it")])
    return text.strip()


def _read(body: object) -> str:
    """Raises Invalid."""
    try:
        text = BODY.parse(body, "body", Context("UTC")) or ""
        if not text.strip():
            raise Problems([Problem("body", "must not be empty")])
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    return text.replace("\r\n", "\n").replace("\r", "\n")


def writer(session: Session, conversation: Conversation) -> Sender:
    """The account that answers come from. Raises WrongState if it cannot be used."""
    sender_id = conversation.sender_account_id
    sender = session.get(Sender, sender_id) if sender_id else None
    if sender is None:
        raise WrongState("The account that this person wrote to is gone: nothing can be sent from it.")
    if sender.assisted:
        raise WrongState(f"{sender.label} is assisted: write to them at LinkedIn.")
    if sender.status != "active":
        words = sender.status.replace("_", " ")
        raise WrongState(f"{sender.label} is marked “{words}”: see to the account first.")
    return sender


def is_suppressed(session: Session, prospect: Prospect) -> bool:
    """Whether this person said no: that holds for what is written by hand, too."""
    entries = entries_about(prospect.workspace_id, prospect.identity, prospect.email, prospect.linkedin_url)
    own = select(Suppression.id).where(
        Suppression.workspace_id == prospect.workspace_id, Suppression.value.in_(entries)
    )
    return session.scalar(own.limit(1)) is not None


def latest_letter(session: Session, prospect_id: UUID) -> Letter | None:
    """The last one that a person wrote: what is answered."""
    theirs = select(Letter).where(Letter.prospect_id == prospect_id, Letter.kind == REPLY)
    return session.scalar(theirs.order_by(Letter.received_at.desc(), Letter.id.desc()).limit(1))


def recipient(prospect: Prospect, letter: Letter | None) -> tuple[str | None, str]:
    """Whom an answer goes to, name and address: whoever wrote the letter, even if that was somebody else."""
    if letter is not None and letter.from_address:
        return one_line(letter.from_name or "") or None, letter.from_address
    return prospect.name, prospect.email or ""


def _subject(session: Session, prospect_id: UUID, letter: Letter | None) -> str:
    if letter is not None and one_line(letter.subject):
        return reply_subject(one_line(letter.subject))
    sent = select(Message.subject).where(Message.prospect_id == prospect_id, Message.status == SENT)
    return reply_subject(session.scalar(sent.order_by(Message.claimed_at.desc()).limit(1)) or "")


def _signature(prospect: Prospect, sender: Sender) -> str:
    try:
        return fill(sender.signature or "", values_for(prospect, sender))
    except (MissingValue, BrokenTemplate) as hole:
        raise WrongState(f"The signature of {sender.label} cannot be filled in: {hole}") from hole


# Handing over


@dataclass(frozen=True)
class Claim:
    """An answer about to be handed over, committed as `sending` at the instant `at`."""

    answer_id: UUID
    prospect_id: UUID
    sender: Sender
    outgoing: Outgoing | Approach
    at: datetime


def hand_over(
    sessions: Sessions,
    answer_id: UUID,
    open_channel: Callable[[Sender], Channel],
    clock: Callable[[], datetime],
    wait: Callable[[timedelta], None],
) -> bool:
    """Send an answer that waits; whether it left. False at once if it is not its turn, or somebody else is at it.

    It has a connection of its own, so that it waits for no lane; no transaction is open meanwhile."""
    with sessions.begin() as session:
        claimed = _claim(session, answer_id, clock())
    if claimed is None:
        return False
    with about(sender_id=claimed.sender.id, prospect_id=claimed.prospect_id):
        outcome = _send(claimed, open_channel)
        _record(sessions, claimed, outcome, clock, wait)
    return isinstance(outcome, str)


def _claim(session: Session, answer_id: UUID, now: datetime) -> Claim | None:
    answer = _hold(session, answer_id)
    if answer is None or answer.status != WAITING or not _is_due(answer, now):
        return None
    prospect = session.get_one(Prospect, answer.prospect_id)
    sender = session.get(Sender, answer.sender_account_id) if answer.sender_account_id else None
    if sender is None or is_suppressed(session, prospect):
        _fail(session, answer, FAILED, SUPPRESSED if sender else "The account is gone.")
        return None
    if sender.status != "active":
        return None  # once it is put back to work, the tick finds this answer
    outgoing = _outgoing(session, answer, prospect, sender, now)
    answer.status, answer.claimed_at, answer.error = SENDING, now, None
    answer.attempts += 1
    answer.rfc_message_id = outgoing.message_id if isinstance(outgoing, Outgoing) else None
    return Claim(answer.id, prospect.id, sender, outgoing, now)


def _hold(session: Session, answer_id: UUID) -> Answer | None:
    """The answer, locked after its conversation, in the order of whoever writes or settles one."""
    whose = select(Answer.prospect_id).where(Answer.id == answer_id).scalar_subquery()
    session.execute(select(Conversation.prospect_id).where(Conversation.prospect_id == whose).with_for_update())
    own = select(Answer).where(Answer.id == answer_id).with_for_update()
    return session.scalar(own, execution_options={"populate_existing": True})


def _is_due(answer: Answer, now: datetime) -> bool:
    """A first try is due at once; the next ones after growing pauses."""
    if answer.claimed_at is None or not answer.attempts:
        return True
    return now >= answer.claimed_at + RETRY_PAUSES[min(answer.attempts, len(RETRY_PAUSES)) - 1]


def _outgoing(
    session: Session, answer: Answer, prospect: Prospect, sender: Sender, now: datetime
) -> Outgoing | Approach:
    if sender.type != EMAIL:
        return Approach(MESSAGE, prospect.linkedin_url or "", prospect.provider_id, answer.body, answer.id)
    letter = session.get(Letter, answer.letter_id) if answer.letter_id else None
    to_name, to_address = recipient(prospect, letter)
    own = sender.email_address or ""
    return Outgoing(
        from_name=sender.display_name,
        from_address=own,
        to_name=to_name,
        to_address=to_address,
        subject=answer.subject,
        body=answer.body,
        message_id=make_id(answer.id.hex, own),
        date=now,
        references=_thread(session, answer, letter),
        reply_to=sender.reply_to,
    )


def _thread(session: Session, answer: Answer, letter: Letter | None) -> tuple[str, ...]:
    """What went to and fro before, and last of all the letter that is answered."""
    whose = answer.prospect_id
    said = [
        *session.execute(
            select(Message.claimed_at, Message.rfc_message_id).where(
                Message.prospect_id == whose, Message.status == SENT
            )
        ),
        *session.execute(
            select(Letter.received_at, Letter.rfc_message_id).where(Letter.prospect_id == whose, Letter.kind == REPLY)
        ),
        *session.execute(
            select(Answer.sent_at, Answer.rfc_message_id).where(Answer.prospect_id == whose, Answer.status == SENT)
        ),
    ]
    known = [row[1] for row in sorted(said, key=lambda row: row[0])]
    return references([*known, letter.rfc_message_id if letter else None])


def _send(claimed: Claim, open_channel: Callable[[Sender], Channel]) -> Outcome:
    try:
        with open_channel(claimed.sender) as channel:
            return channel.send(claimed.outgoing)
    except (Unsent, Doubtful) as failed:
        return failed


def _record(
    sessions: Sessions,
    claimed: Claim,
    outcome: Outcome,
    clock: Callable[[], datetime],
    wait: Callable[[timedelta], None],
) -> None:
    """Write the outcome down, although the database may be away: nobody else knows it."""
    at = clock()
    for pause in (*RECORD_PAUSES, None):
        try:
            with sessions.begin() as session:
                became = _write_down(session, claimed, outcome, at)
            log.info("An answer written by hand: %s.", became or "settled meanwhile")
            return
        except DBAPIError as away:
            if pause is None:
                raise
            words = "The outcome of an answer is not written down yet, and will be: %s"
            log.warning(words, trouble_of(away) or first_line(away))
            wait(pause)


def _write_down(session: Session, claimed: Claim, outcome: Outcome, now: datetime) -> str | None:
    """What became of it; None if a person has settled it meanwhile, or it is being tried again."""
    answer = _hold(session, claimed.answer_id)
    if answer is None or answer.status not in (SENDING, UNKNOWN) or answer.claimed_at != claimed.at:
        return None
    if isinstance(outcome, str):
        answer.status, answer.sent_at, answer.receipt, answer.error = SENT, now, outcome, None
    elif isinstance(outcome, Doubtful):
        _fail(session, answer, UNKNOWN, outcome.reason)
    elif outcome.lasting or answer.attempts > len(RETRY_PAUSES):
        _fail(session, answer, BOUNCED if outcome.bounced else FAILED, outcome.reason)
    else:
        answer.status, answer.error = WAITING, outcome.reason
    return answer.status


def _fail(session: Session, answer: Answer, status: str, reason: str) -> None:
    """A person has to see it: the conversation comes up in the inbox again."""
    answer.status, answer.error = status, reason
    conversation = session.get(Conversation, answer.prospect_id)
    if conversation is not None:
        conversation.unread = conversation.owes = True


# What the bells missed


def settle(
    session: Session, workspace_id: UUID, prospect_id: UUID, answer_id: UUID, how: str, *, now: datetime
) -> Answer:
    """What a person says of an answer that did not leave for certain: one of SETTLEMENTS. Raises NotFound, Invalid,
    WrongState."""
    if how not in SETTLEMENTS:
        raise Invalid.of([Problem("settlement", f"must be one of {', '.join(SETTLEMENTS)}")])
    conversation = find_conversation(session, workspace_id, prospect_id, lock=True)
    answer = session.scalar(
        select(Answer).where(Answer.id == answer_id, Answer.prospect_id == prospect_id).with_for_update(),
        execution_options={"populate_existing": True},
    )
    if answer is None:
        raise NotFound("answer")
    if answer.status not in SETTLEMENTS[how]:
        raise WrongState(f"This answer is {answer.status}: there is nothing to settle in this way.")
    if how == "again":
        writer(session, conversation)
        answer.status, answer.attempts, answer.error = WAITING, 0, None
        ring(session, "answer", answer.id)
    elif how == "sent":
        answer.status, answer.sent_at = SENT, answer.claimed_at
    else:
        answer.status = SKIPPED
    # Whoever takes an answer back owes one.
    conversation.unread, conversation.owes = False, how == "skip"
    return answer


def mark_unknown(session: Session, now: datetime) -> None:
    """Answers left `sending` by a process that must be dead: nobody can know; a person has to say."""
    left = select(Answer.id).where(Answer.status == SENDING, Answer.claimed_at <= now - LEASE)
    for answer_id in session.scalars(left).all():
        answer = _hold(session, answer_id)
        if answer is not None and answer.status == SENDING:
            _fail(session, answer, UNKNOWN, DIED)


def ring_waiting(session: Session, now: datetime) -> None:
    """Ring for answers that are due and that nobody hands over."""
    waiting = (
        select(Answer)
        .outerjoin(Sender, Sender.id == Answer.sender_account_id)
        .where(Answer.status == WAITING, Answer.created_at <= now - PATIENCE)
        .where(or_(Sender.id.is_(None), Sender.status == "active"))
    )
    for answer in session.scalars(waiting.limit(MOST_RUNG)):
        if _is_due(answer, now):
            ring(session, "answer", answer.id)
