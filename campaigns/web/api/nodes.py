"""Nodes, one at a time, and the versions of the sequence. Each answer of a change holds the whole list as it is now."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import editing, reporting, sequencing
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign
from campaigns.models.version import SEQUENCE, Edition, editions
from campaigns.reporting import instant, node_json
from campaigns.rules.differences import differences
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid
from campaigns.rules.sequence import MOST_WHOLE_NUMBER
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, is_strict, page_json, paging, read_object
from campaigns.web.api.describing import IF_MATCH, PAGING, STRICT, describe, query
from campaigns.web.api.etags import tag_of, wanted_versions
from campaigns.web.house import house, now, person

NODES = "/campaigns/<uuid:campaign_id>/sequence/nodes"


@blueprint.post(NODES)
@describe(schemas.ADDED_NODE, IF_MATCH, status=201, body=schemas.NEW_NODE, headers=("ETag",), also=(412,))
def add_node(campaign_id: UUID) -> ResponseReturnValue:
    """Before the end, or at `position`."""
    body, who, versions = read_object(), person(), wanted_versions(campaign_id)
    with house().sessions.begin() as db:
        campaign, node = sequencing.add(
            db, who.workspace_id, campaign_id, body, now=now(), by=who.email, versions=versions
        )
        answer, headers = _changed(db, campaign, node=node_json(node))
    return answer, 201, headers


@blueprint.patch(NODES)
@describe(schemas.ALL_NODES, IF_MATCH, body=schemas.MOVE_NODE, headers=("ETag",), also=(412,))
def move_node(campaign_id: UUID) -> ResponseReturnValue:
    """`nodeId` to `toPosition`."""
    body, who, versions = read_object(), person(), wanted_versions(campaign_id)
    with house().sessions.begin() as db:
        campaign = sequencing.move(db, who.workspace_id, campaign_id, body, now=now(), by=who.email, versions=versions)
        return _changed(db, campaign)


@blueprint.delete(NODES)
@describe(
    schemas.ALL_NODES,
    query("nodeId", schemas.SENT_ID, "In place of the body."),
    IF_MATCH,
    body=schemas.NAMED_NODE,
    may_be_empty=True,
    headers=("ETag",),
    also=(412,),
)
def delete_node(campaign_id: UUID) -> ResponseReturnValue:
    """`nodeId`, in the body or, as some clients send none with DELETE, in the address; the end stays."""
    named = {"nodeId": request.args["nodeId"]} if "nodeId" in request.args else None
    body, who, versions = named or read_object(), person(), wanted_versions(campaign_id)
    with house().sessions.begin() as db:
        campaign = sequencing.remove(
            db, who.workspace_id, campaign_id, body, now=now(), by=who.email, versions=versions
        )
        return _changed(db, campaign)


@blueprint.put(f"{NODES}/<uuid:node_id>")
@describe(schemas.EDITED_NODE, IF_MATCH, STRICT, body=schemas.PUT_NODE, headers=("ETag",), also=(412,))
def edit_node(campaign_id: UUID, node_id: UUID) -> ResponseReturnValue:
    """The fields that the body holds; of a running campaign only words."""
    body, who, versions = read_object(), person(), wanted_versions(campaign_id)
    with house().sessions.begin() as db:
        campaign, node, changes = sequencing.edit(
            db,
            who.workspace_id,
            campaign_id,
            node_id,
            body,
            now=now(),
            by=who.email,
            strict=is_strict(),
            versions=versions,
        )
        return _changed(db, campaign, node=node_json(node), changes=changes.to_json())


def _changed(db: Session, campaign: Campaign, **more: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The answer and headers of a change of the sequence."""
    whole = reporting.whole_json(db, campaign, now())
    return {**more, SEQUENCE: whole[SEQUENCE]}, {"ETag": tag_of(whole)}


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
@describe(schemas.ROLLED_BACK, IF_MATCH, body=schemas.ROLL_BACK, headers=("ETag",), also=(412,))
def roll_back(campaign_id: UUID) -> ResponseReturnValue:
    """The sequence as it was at the campaign's version `number`; of a running campaign only its words."""
    body, who = read_object(), person()
    number = body.get("number")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_WHOLE_NUMBER:
        raise Invalid.of([Problem("number", "must be the number of a version")])
    with house().sessions.begin() as db:
        campaign, changes = editing.roll_back(
            db, who.workspace_id, campaign_id, number, now=now(), by=who.email, versions=wanted_versions(campaign_id)
        )
        return _changed(db, campaign, changes=changes.to_json())
