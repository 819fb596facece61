"""Tasks, the LinkedIn steps that a person does; and who accepted or answered at LinkedIn."""

from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue

from campaigns import marking, tasking
from campaigns.reporting import instant
from campaigns.rules.people import profile_link
from campaigns.tasking import Entry, Filter
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, page_json, paging, read_id, read_object
from campaigns.web.api.describing import PAGING, describe, query
from campaigns.web.api.messages import message_json
from campaigns.web.house import house, now, person


def task_json(entry: Entry) -> dict[str, Any]:
    """The task object."""
    task, prospect = entry.task, entry.prospect
    return {
        "id": str(task.message_id),
        "campaign_id": str(task.campaign_id),
        "prospect_id": str(task.prospect_id),
        "node_id": str(entry.message.node_id),
        "sender_account_id": str(task.sender_id),
        "step": task.step,
        "text": entry.message.body,
        "profile_url": profile_link(prospect.identity),
        "name": prospect.name,
        "company": prospect.company,
        "position": prospect.position,
        "headline": prospect.headline,
        "due_at": instant(task.due_at),
        "taken_by": task.taken_by,
        "taken_at": instant(task.taken_at),
    }


@blueprint.get("/tasks")
@describe(
    schemas.page("tasks", schemas.ref("Task")),
    query("campaign_id", schemas.SENT_ID, "Those of this campaign."),
    query("sender_id", schemas.SENT_ID, "Those of this account."),
    *PAGING,
    also=(404,),
)
def list_tasks() -> ResponseReturnValue:
    """One page of what is to be done at LinkedIn by hand, in the order in which the page of tasks has it."""
    page, limit = paging()
    wanted = Filter(read_id("sender_id"), read_id("campaign_id"))
    with house().reading() as db:
        found, total = tasking.listed(db, person().workspace_id, wanted, now(), page=page, limit=limit)
        return page_json("tasks", [task_json(one) for one in found], total, page, limit)


@blueprint.post("/tasks/<uuid:message_id>")
@describe(schemas.SETTLED, body=schemas.SETTLE_TASK)
def settle_task(message_id: UUID) -> ResponseReturnValue:
    """What came of a task: `outcome` is `done`, `already_connected`, `not_possible` (`reason` says why) or `skip`. Said
    twice it is said once; what somebody settled otherwise is refused."""
    body, who = read_object(), person()
    said = {"outcome": body.get("outcome"), "reason": body.get("reason")}
    with house().sessions.begin() as db:
        message = tasking.settle(db, who.workspace_id, message_id, **said, now=now(), by=who.email)
        return {"message": message_json(message)}


@blueprint.post("/linkedin/marks")
@describe(schemas.MARKED, body=schemas.NEW_MARKS)
def mark_people() -> ResponseReturnValue:
    """Mark whoever has one of 1 to 2,000 profile `links` as `accepted` or `replied`, in every LinkedIn campaign: how
    many people were `marked` and how many were `already`; which links are of `nobody`, and which are `no_profile`."""
    body, who = read_object(), person()
    with house().sessions.begin() as db:
        marked = marking.mark_links(db, who.workspace_id, body.get("what"), body.get("links"), now=now(), by=who.email)
        return marked.to_json()
