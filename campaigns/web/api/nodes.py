"""Nodes, one at a time, and the versions of the sequence. Each answer of a change holds the whole list as it is now."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from campaigns import editing, sequencing
from campaigns.models.finding import find_campaign, nodes_of
from campaigns.models.version import Edition, editions
from campaigns.reporting import instant, node_json
from campaigns.rules.differences import differences
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid
from campaigns.rules.sequence import MOST_WHOLE_NUMBER
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, is_strict, page_json, paging, read_object
from campaigns.web.api.describing import PAGING, STRICT, describe, query
from campaigns.web.house import house, now, person

NODES = "/campaigns/<uuid:campaign_id>/sequence/nodes"


@blueprint.post(NODES)
@describe(schemas.ADDED_NODE, status=201, body=schemas.NEW_NODE)
def add_node(campaign_id: UUID) -> ResponseReturnValue:
    """Before the end, or at `position`."""
    body, who = read_object(), person()
    with house().sessions.begin() as db:
        node, nodes = sequencing.add(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)
        return {"node": node_json(node), "sequence_nodes": [node_json(each) for each in nodes]}, 201


@blueprint.patch(NODES)
@describe(schemas.ALL_NODES, body=schemas.MOVE_NODE)
def move_node(campaign_id: UUID) -> ResponseReturnValue:
    """`nodeId` to `toPosition`."""
    body, who = read_object(), person()
    with house().sessions.begin() as db:
        nodes = sequencing.move(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)
        return {"sequence_nodes": [node_json(each) for each in nodes]}


@blueprint.delete(NODES)
@describe(
    schemas.ALL_NODES,
    query("nodeId", schemas.SENT_ID, "In place of the body."),
    body=schemas.NAMED_NODE,
    may_be_empty=True,
)
def delete_node(campaign_id: UUID) -> ResponseReturnValue:
    """`nodeId`, in the body or, as some clients send none with DELETE, in the address; the end stays."""
    named = {"nodeId": request.args["nodeId"]} if "nodeId" in request.args else None
    body, who = named or read_object(), person()
    with house().sessions.begin() as db:
        nodes = sequencing.remove(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)
        return {"sequence_nodes": [node_json(each) for each in nodes]}


@blueprint.put(f"{NODES}/<uuid:node_id>")
@describe(schemas.EDITED_NODE, STRICT, body=schemas.PUT_NODE)
def edit_node(campaign_id: UUID, node_id: UUID) -> ResponseReturnValue:
    """The fields that the body holds; of a running campaign only words."""
    body, who, strict = read_object(), person(), is_strict()
    with house().sessions.begin() as db:
        node, nodes, changes = sequencing.edit(
            db, who.workspace_id, campaign_id, node_id, body, now=now(), by=who.email, strict=strict
        )
        return {
            "node": node_json(node),
            "sequence_nodes": [node_json(each) for each in nodes],
            "changes": changes.to_json(),
        }


@blueprint.get("/campaigns/<uuid:campaign_id>/sequence/versions")
@describe(schemas.page("versions", schemas.ref("SequenceVersion")), *PAGING)
def list_versions(campaign_id: UUID) -> ResponseReturnValue:
    """Every change of the sequence that is kept, newest first: who, when, and what is different."""
    page, limit = paging()
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        found = editions(db, campaign.id)
    shown = [_version_json(each) for each in found[(page - 1) * limit : page * limit]]
    return page_json("versions", shown, len(found), page, limit)


def _version_json(edition: Edition) -> dict[str, Any]:
    return {
        "number": edition.number,
        "cause": edition.cause,
        "by": edition.by,
        "at": instant(edition.at),
        "changes": [each.to_json() for each in differences(edition.before, edition.nodes)],
        "sequence_nodes": edition.nodes,
    }


@blueprint.post("/campaigns/<uuid:campaign_id>/sequence/roll-back")
@describe(schemas.ROLLED_BACK, body=schemas.ROLL_BACK)
def roll_back(campaign_id: UUID) -> ResponseReturnValue:
    """The sequence as it was at the campaign's version `number`; of a running campaign only its words."""
    body, who = read_object(), person()
    number = body.get("number")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_WHOLE_NUMBER:
        raise Invalid.of([Problem("number", "must be the number of a version")])
    with house().sessions.begin() as db:
        campaign, changes = editing.roll_back(db, who.workspace_id, campaign_id, number, now=now(), by=who.email)
        return {
            "sequence_nodes": [node_json(each) for each in nodes_of(db, campaign.id)],
            "changes": changes.to_json(),
        }
