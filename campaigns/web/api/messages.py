"""Messages whose outcome only a person can tell, and people who were held back: what the page *What is stuck* does."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from campaigns import retrying, settling, watching
from campaigns.models.message import UNKNOWN, Message
from campaigns.reporting import instant
from campaigns.rules.kinds import Context, UuidList
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, page_json, paging, read_object
from campaigns.web.api.describing import PAGING, describe, query
from campaigns.web.house import house, now, person


def message_json(message: Message) -> dict[str, Any]:
    """The message object."""
    return {
        "id": str(message.id),
        "campaign_id": str(message.campaign_id),
        "prospect_id": str(message.prospect_id),
        "node_id": str(message.node_id),
        "sender_account_id": str(message.sender_account_id) if message.sender_account_id else None,
        "status": message.status,
        "subject": message.subject,
        "error": message.error,
        "claimed_at": instant(message.claimed_at),
        "sent_at": instant(message.sent_at),
    }


@blueprint.get("/messages")
@describe(
    schemas.page("messages", schemas.ref("Message")),
    query("status", schemas.one_of((UNKNOWN,)), "Which messages.", required=True),
    *PAGING,
)
def list_unknown_messages() -> ResponseReturnValue:
    """Those with `status=unknown`, over all campaigns, the oldest first; other ones are not listed."""
    if request.args.get("status") != UNKNOWN:
        raise Invalid.of([Problem("status", "must be unknown: other messages are not listed")])
    page, limit = paging()
    own = person().workspace_id
    with house().reading() as db:
        total = watching.unsettled_count(db, own)
        found = watching.unsettled(db, own, page=page, limit=limit)
        return page_json("messages", [message_json(one.message) for one in found], total, page, limit)


@blueprint.post("/campaigns/<uuid:campaign_id>/messages/<uuid:message_id>/settle")
@describe(schemas.SETTLED, body=schemas.SETTLE)
def settle_message(campaign_id: UUID, message_id: UUID) -> ResponseReturnValue:
    """`settlement`: it was `sent`, is to be sent `again`, or is left out, `skip`."""
    settlement, who = read_object().get("settlement"), person()
    with house().sessions.begin() as db:
        told = settlement if isinstance(settlement, str) else ""
        message = settling.settle(db, who.workspace_id, campaign_id, message_id, told, now=now(), by=who.email)
        return {"message": message_json(message)}


@blueprint.post("/campaigns/<uuid:campaign_id>/prospects/retry")
@describe(schemas.RETRIED, body=schemas.RETRY)
def retry_prospects(campaign_id: UUID) -> ResponseReturnValue:
    """Let 1 to 500 `ids` who failed go on: `how` is `again` or `skip`."""
    body, who = read_object(), person()
    try:
        ids = UuidList(retrying.MOST).parse(body.get("ids"), "ids", Context("UTC"))
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    how = str(body.get("how") or "")
    with house().sessions.begin() as db:
        moved = retrying.retry(db, who.workspace_id, campaign_id, ids, how, now=now(), by=who.email)
    return {"retried": moved}
