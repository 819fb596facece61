"""One person: everything that happened and will happen, why not now, and the ways to steer it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import corresponding, explaining, marking, overseeing, steering, tasking, withdrawing
from campaigns.channels import reading
from campaigns.explaining import DONE, Explanation
from campaigns.models.campaign import Campaign, Node
from campaigns.models.conversation import Conversation
from campaigns.models.elsewhere import was_skipped
from campaigns.models.finding import find_prospect, nodes_of
from campaigns.models.message import (
    ASKED,
    BOUNCED,
    FAILED,
    REFUSED,
    SENDING,
    SENT,
    SKIPPED,
    TASK,
    UNKNOWN,
    WAITING,
    WITHDRAWN,
    Message,
)
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.rules import lifecycle
from campaigns.rules.refusals import WrongState
from campaigns.rules.sequence import following
from campaigns.web.filters import tame
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import head, render, tell_error, tell_success

blueprint = Blueprint("people", __name__, url_prefix="/campaigns/<uuid:campaign_id>/prospects/<uuid:prospect_id>")

# Status of a message -> how the timeline tells it.
TOLD = {
    SENT: "{step} sent",
    SENDING: "{step} is being handed over",
    WAITING: "{step} could not be sent yet; it is tried again",
    FAILED: "{step} could not be sent",
    BOUNCED: "{step} was refused by the address",
    UNKNOWN: "{step}: nobody knows whether it arrived",
    SKIPPED: "{step} skipped",
    TASK: "{step} is a task for a person",
}
# What becomes of an invitation that is taken back.
WITHDRAWALS = {
    ASKED: "The provider is asked to take the invitation back.",
    WITHDRAWN: "The invitation is withdrawn.",
    REFUSED: "The invitation could not be withdrawn.",
}
# What a letter was taken for -> how the timeline tells it.
CAME = {
    reading.REPLY: "Answered",
    reading.AUTO_REPLY: "An automatic reply came",
    reading.OUT_OF_OFFICE: "Said to be out of office",
    reading.HARD_BOUNCE: "A message came back",
    reading.SOFT_BOUNCE: "A message was not delivered yet",
    reading.COMPLAINT: "Reported a message as spam",
}
# What is known of a person, in the order in which it is shown.
KNOWN = ("email", "linkedin_url", "company", "position", "headline", "timezone")


@dataclass(frozen=True)
class Moment:
    """A line of the timeline; one without an instant cannot be foreseen."""

    words: str
    at: datetime | None
    note: str | None = None
    status: str | None = None
    about: bool = False
    url: str | None = None


@blueprint.get("")
def index(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """The page of one person."""
    with house().reading() as db:
        shared = head(db, campaign_id, "prospects")
        prospect = find_prospect(db, shared["campaign"].id, prospect_id)
        return render("person.html", "_person.html", **shared, **_context(db, shared["campaign"], prospect))


def _context(db: Session, campaign: Campaign, prospect: Prospect) -> dict[str, Any]:
    explanation = explaining.explain(db, campaign, prospect.id, now())
    sender = db.get(Sender, prospect.sender_account_id) if prospect.sender_account_id else None
    nodes = nodes_of(db, campaign.id)
    names, node = overseeing.step_names(nodes), next((one for one in nodes if one.id == prospect.current_node_id), None)
    known = {name: getattr(prospect, name) for name in KNOWN} | prospect.custom_fields
    placed = prospect.current_node_id is not None and prospect.status not in lifecycle.TERMINAL
    task_id = tasking.task_of(db, prospect.id)
    return {
        "prospect": {"id": prospect.id, "who": overseeing.who(prospect), "status": prospect.status},
        "paused": prospect.paused_at,
        "explanation": explanation,
        "sender": sender.label if sender else None,
        "known": {name: value for name, value in known.items() if value},
        "past": sorted(_past(db, prospect, names), key=lambda one: one.at or prospect.created_at),
        "future": [*_time_out(prospect), *_future(nodes, node, explanation, names)],
        "can_pause": placed and prospect.paused_at is None,
        "can_retry": can_retry(campaign, prospect),
        "can_insist": steering.can_insist(campaign, prospect),
        "other": db.get(Campaign, prospect.skipped_for) if was_skipped(prospect) else None,
        "invitation": _invitation(db, campaign, prospect, sender),
        "undoable": _undoable(db, prospect),
        "undo_url": url_for("people.undo", campaign_id=campaign.id, prospect_id=prospect.id),
        "skippable": names[node.id] if placed and node and node.type != "end" and task_id is None else None,
        "task_id": task_id,
        "marks": marking.possible(prospect),
    }


def can_retry(campaign: Campaign, prospect: Prospect) -> bool:
    """Whether the step that this person was held back at can be tried again, or left out."""
    held_back = prospect.status == lifecycle.FAILED and prospect.current_node_id is not None
    return held_back and campaign.status in (lifecycle.ACTIVE, lifecycle.PAUSED)


def _invitation(db: Session, campaign: Campaign, prospect: Prospect, sender: Sender | None) -> dict[str, Any] | None:
    """The context of _invitation.html, if an invitation of theirs was not accepted."""
    message = withdrawing.invitation_of(db, campaign, prospect)
    if message is None:
        return None
    by_hand = sender is None or sender.assisted
    return {"withdrawal": message.withdrawal, "error": message.error, "by_hand": by_hand}


def _undoable(db: Session, prospect: Prospect) -> dict[str, Any] | None:
    kept = steering.undoable_skip(db, prospect, now())
    return {"number": kept.id, "words": "a step skipped"} if kept else None


def _past(db: Session, prospect: Prospect, names: dict[UUID, str]) -> Iterator[Moment]:
    source = {"csv": "from a file", "paste": "by pasting", "api": "over the API"}.get(prospect.source or "", "")
    yield Moment(f"Added {source}".strip(), prospect.created_at)
    for message in overseeing.messages_of(db, prospect):
        if _untried(message):
            continue
        yield _told(message, names.get(message.node_id, "A step"))
        yield from _opens(message, names.get(message.node_id, "A step"))
    glimpses = corresponding.glimpses(db, prospect.id)
    thread = url_for("inbox.show", prospect_id=prospect.id) if db.get(Conversation, prospect.id) else None
    yield from (_glimpsed(one, thread) for one in glimpses)
    if prospect.replied_at and not any(one.state == reading.REPLY for one in glimpses):
        yield Moment("Answered", prospect.replied_at)
    if prospect.connected_at:
        yield Moment("Connected with the account", prospect.connected_at)
    if prospect.paused_at:
        yield Moment("Paused", prospect.paused_at)
    if prospect.status in lifecycle.TERMINAL:
        words = f"{lifecycle.status_words(prospect.status).capitalize()}: nothing more is sent"
        yield Moment(words, prospect.updated_at, prospect.status_reason, prospect.status)


def _untried(message: Message) -> bool:
    """Whether it was a task that nobody did, and waits in the line again."""
    return message.status == WAITING and not message.attempts and message.error is None


def _told(message: Message, step: str) -> Moment:
    words = TOLD[message.status].format(step=step)
    sent = WITHDRAWALS.get(message.withdrawal or "") or message.subject or message.body
    note = sent if message.status == SENT else message.error
    return Moment(words, message.sent_at or message.claimed_at, note, message.status)


def _opens(message: Message, step: str) -> Iterator[Moment]:
    """When a person first opened it, and machines apart."""
    machines = f"loaded by machines, {_times(message.machine_opens)}" if message.machine_opens else None
    if message.opened_at is not None:
        note = f"opened {_times(message.opens)}{f'; {machines}' if machines else ''}"
        yield Moment(f"{step} opened", message.opened_at, note[:1].upper() + note[1:])
    elif machines:
        yield Moment(
            f"{step} {machines}", message.sent_at, "A mail program or a filter did that: nobody need have read it."
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _glimpsed(one: corresponding.Glimpse, thread: str | None) -> Moment:
    if one.kind == corresponding.LETTER:
        return Moment(CAME.get(one.state, "A mail came"), one.at, tame(one.words), url=thread)
    words = TOLD[one.state].format(step=f"An answer of {one.by}" if one.by else "An answer")
    return Moment(words, one.at, tame(one.words), one.state, url=thread)


def _time_out(prospect: Prospect) -> Iterator[Moment]:
    if prospect.status == lifecycle.CONNECTION_SENT:
        yield Moment("The invitation times out, unless it is accepted", prospect.due_at or prospect.held_due_at)


def _future(
    nodes: Sequence[Node], node: Node | None, explanation: Explanation, names: dict[UUID, str]
) -> Iterator[Moment]:
    """The steps to come: the next one as the judge says, the later ones as early as their delays allow."""
    if explanation.state == DONE or node is None:
        return
    at, about = explanation.next_at, False
    while node.type != "end":
        yield Moment(names[node.id], at, None if about else explanation.reason, about=about)
        node, delay = following(nodes, node.position)
        at, about = at + delay if at else None, True
    yield Moment("End of the sequence", at, about=about)


Verb = Callable[..., Prospect]


def _steer(verb: Verb, campaign_id: UUID, prospect_id: UUID, done: str) -> ResponseReturnValue:
    who = person()
    try:
        with house().sessions.begin() as db:
            verb(db, who.workspace_id, campaign_id, prospect_id, now=now(), by=who.email)
        tell_success(done)
    except WrongState as refusal:
        tell_error(refusal.message)
    return redirect(url_for("people.index", campaign_id=campaign_id, prospect_id=prospect_id), 303)


@blueprint.post("/pause")
def pause(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Hold this person alone."""
    return _steer(steering.pause, campaign_id, prospect_id, "Paused. Nothing is sent to this person until you resume.")


@blueprint.post("/resume")
def resume(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Let them go on."""
    return _steer(steering.resume, campaign_id, prospect_id, "Resumed. They go on where they were.")


@blueprint.post("/skip")
def skip(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Leave the next step out for this person."""
    verb = partial(steering.skip, undoable=True)
    return _steer(verb, campaign_id, prospect_id, "Skipped. The delays after it count from now.")


@blueprint.post("/insist")
def insist(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Write to somebody all the same who is in another campaign."""
    return _steer(steering.insist, campaign_id, prospect_id, "They are written to, in the other campaign as well.")


@blueprint.post("/withdraw")
def withdraw(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Take their invitation back, or say that this was done at LinkedIn."""
    who = person()
    try:
        with house().sessions.begin() as db:
            message = withdrawing.withdraw(db, who.workspace_id, campaign_id, prospect_id, now=now(), by=who.email)
        tell_success(WITHDRAWALS[message.withdrawal or ""])
    except WrongState as refusal:
        tell_error(refusal.message)
    return redirect(url_for("people.index", campaign_id=campaign_id, prospect_id=prospect_id), 303)


@blueprint.post("/undo")
def undo(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Let the step that was skipped last come after all."""
    return _steer(steering.undo_skip, campaign_id, prospect_id, "Undone. The step comes when it would have.")
