"""The inbox: conversations with people who answered, what was said in each, and answers to them."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from campaigns import answering, corresponding
from campaigns.models.conversation import LABELS, Answer, Conversation
from campaigns.models.finding import find_conversation
from campaigns.models.prospect import Prospect
from campaigns.reporting import instant
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import SWITCH, blueprint, page_json, paging, read_id, read_object
from campaigns.web.api.describing import PAGING, describe, query
from campaigns.web.house import house, now, person

CONVERSATION = "/conversations/<uuid:prospect_id>"
MOST_SEARCH = 200
TRUE_OR_FALSE = schemas.one_of(("true", "false"))


def conversation_json(conversation: Conversation, prospect: Prospect) -> dict[str, Any]:
    """The conversation object."""
    account = conversation.sender_account_id
    return {
        "prospect_id": str(prospect.id),
        "campaign_id": str(conversation.campaign_id),
        "sender_account_id": str(account) if account else None,
        "name": prospect.name,
        "email": prospect.email,
        "company": prospect.company,
        "last_at": instant(conversation.last_at),
        "unread": conversation.unread,
        "owes": conversation.owes,
        "label": conversation.label,
    }


def mail_json(mail: corresponding.Mail) -> dict[str, Any]:
    """One mail of a thread; what only another kind of mail has is null."""
    one, theirs = mail.mail, mail.kind == corresponding.LETTER
    return {
        "kind": mail.kind,
        "id": str(one.id),
        "at": instant(mail.at),
        "subject": one.subject,
        "text": one.fresh if theirs else one.body,
        "quoted": one.quoted if theirs else None,
        "taken_for": one.kind if theirs else None,
        "from_name": one.from_name if theirs else None,
        "from_address": one.from_address if theirs else None,
        "status": None if theirs else one.status,
        "error": one.diagnostic if theirs else one.error,
        "created_by": one.created_by if mail.kind == corresponding.ANSWER else None,
    }


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer, as its thread shows it."""
    return mail_json(corresponding.Mail(corresponding.ANSWER, answer.created_at, answer))


def read_filter() -> corresponding.Filter:
    """The filters of the address; an empty one filters nothing. Raises Invalid."""
    label, words = request.args.get("label") or None, request.args.get("search", "")
    if label is not None and label not in LABELS:
        raise Invalid.of([Problem("label", f"must be one of {', '.join(LABELS)}")])
    if len(words) > MOST_SEARCH:
        raise Invalid.of([Problem("search", f"must be at most {MOST_SEARCH} characters")])
    return corresponding.Filter(
        unread=_flag("unread"),
        owes=_flag("owes"),
        label=label,
        account_id=read_id("sender_account_id"),
        campaign_id=read_id("campaign_id"),
        words=words,
    )


def _flag(name: str) -> bool:
    word = (request.args.get(name) or "false").lower()
    if word not in SWITCH:
        raise Invalid.of([Problem(name, "must be true or false")])
    return SWITCH[word]


@blueprint.get("/conversations")
@describe(
    schemas.page("conversations", schemas.ref("Conversation")),
    query("unread", TRUE_OR_FALSE, "`true`: those that nobody has read."),
    query("owes", TRUE_OR_FALSE, "`true`: those that wait for an answer of ours."),
    query("label", schemas.one_of(LABELS), "Those that are marked so."),
    query("sender_account_id", schemas.SENT_ID, "Those of this account."),
    query("campaign_id", schemas.SENT_ID, "Those of this campaign."),
    query("search", {"type": "string", "maxLength": MOST_SEARCH}, "Words that begin a word of name or address."),
    *PAGING,
    also=(404,),
)
def list_conversations() -> ResponseReturnValue:
    """One page of the inbox, the latest first."""
    page, limit = paging()
    wanted = read_filter()
    with house().reading() as db:
        found, total = corresponding.listed(db, person().workspace_id, wanted, page=page, limit=limit)
        items = [conversation_json(one.conversation, one.prospect) for one in found]
        return page_json("conversations", items, total, page, limit)


@blueprint.get(CONVERSATION)
@describe(schemas.THREAD, *PAGING)
def read_conversation(prospect_id: UUID) -> ResponseReturnValue:
    """What was said, on page 1 the latest, on each page the oldest first. It stays unread until it is marked."""
    page, limit = paging()
    with house().reading() as db:
        conversation = find_conversation(db, person().workspace_id, prospect_id)
        mails, total = corresponding.thread(db, prospect_id, page=page, limit=limit)
        told = conversation_json(conversation, db.get_one(Prospect, prospect_id))
        return {"conversation": told, **page_json("mails", [mail_json(one) for one in mails], total, page, limit)}


@blueprint.patch(CONVERSATION)
@describe(schemas.ONE_CONVERSATION, body=schemas.PATCH_CONVERSATION)
def mark_conversation(prospect_id: UUID) -> ResponseReturnValue:
    """`unread`, `owes`, and the `label`."""
    body = read_object()
    with house().sessions.begin() as db:
        conversation = corresponding.change(db, person().workspace_id, prospect_id, body)
        return {"conversation": conversation_json(conversation, db.get_one(Prospect, prospect_id))}


@blueprint.post(f"{CONVERSATION}/answers")
@describe(schemas.ONE_ANSWER, status=201, body=schemas.NEW_ANSWER)
def write_answer(prospect_id: UUID) -> ResponseReturnValue:
    """An answer to the latest letter, from the account that the person wrote to, in the same thread."""
    body, who = read_object().get("body"), person()
    with house().sessions.begin() as db:
        answer = answering.write(db, who.workspace_id, prospect_id, body, now=now(), by=who.email)
        return {"answer": answer_json(answer)}, 201


@blueprint.post(f"{CONVERSATION}/answers/<uuid:answer_id>/settle")
@describe(schemas.ONE_ANSWER, body=schemas.SETTLE_ANSWER)
def settle_answer(prospect_id: UUID, answer_id: UUID) -> ResponseReturnValue:
    """`settlement`: it was `sent`, is to be sent `again`, or is taken back, `skip`."""
    settlement, who = read_object().get("settlement"), person()
    told = settlement if isinstance(settlement, str) else ""
    with house().sessions.begin() as db:
        answer = answering.settle(db, who.workspace_id, prospect_id, answer_id, told, now=now())
        return {"answer": answer_json(answer)}
