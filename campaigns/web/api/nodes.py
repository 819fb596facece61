"""Nodes of a draft, one at a time. Each answer holds the whole list as it is now."""

from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from campaigns import sequencing
from campaigns.reporting import node_json
from campaigns.web.api.blueprint import blueprint, read_object
from campaigns.web.house import house, now, person

NODES = "/campaigns/<uuid:campaign_id>/sequence/nodes"


@blueprint.post(NODES)
def add_node(campaign_id: UUID) -> ResponseReturnValue:
    """Before the end, or at `position`."""
    body, who = read_object(), person()
    with house().sessions.begin() as db:
        node, nodes = sequencing.add(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)
        return {"node": node_json(node), "sequence_nodes": [node_json(each) for each in nodes]}, 201


@blueprint.patch(NODES)
def move_node(campaign_id: UUID) -> ResponseReturnValue:
    """`nodeId` to `toPosition`."""
    body, who = read_object(), person()
    with house().sessions.begin() as db:
        nodes = sequencing.move(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)
        return {"sequence_nodes": [node_json(each) for each in nodes]}


@blueprint.delete(NODES)
def delete_node(campaign_id: UUID) -> ResponseReturnValue:
    """`nodeId`, in the body or, as some clients send none with DELETE, in the address; the end stays."""
    named = {"nodeId": request.args["nodeId"]} if "nodeId" in request.args else None
    body, who = named or read_object(), person()
    with house().sessions.begin() as db:
        nodes = sequencing.remove(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)
        return {"sequence_nodes": [node_json(each) for each in nodes]}


@blueprint.put(f"{NODES}/<uuid:node_id>")
def edit_node(campaign_id: UUID, node_id: UUID) -> ResponseReturnValue:
    """The fields that the body holds."""
    body, who = read_object(), person()
    with house().sessions.begin() as db:
        node, nodes = sequencing.edit(db, who.workspace_id, campaign_id, node_id, body, now=now(), by=who.email)
        return {"node": node_json(node), "sequence_nodes": [node_json(each) for each in nodes]}
