"""Changing a draft's sequence node by node: add, move, delete, edit one, copy (CONTRACT section 7).

Each is the whole list, changed and checked as PATCH would check it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import find_campaign, nodes_of
from campaigns.models.log import note
from campaigns.models.upsert import as_draft, write_nodes
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.lifecycle import DRAFT
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from campaigns.rules.sequence import NodeDraft, check_node, check_nodes, parse_node

Drafts = list[NodeDraft]


def _draft_campaign(session: Session, workspace_id: UUID, campaign_id: UUID) -> Campaign:
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    if campaign.status != DRAFT:
        raise WrongState(
            f"The sequence can be changed in a draft only; this campaign is {campaign.status}.",
            problems=[Problem("sequence_nodes", f"is locked: the campaign is {campaign.status}")],
        )
    return campaign


def _change(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    change: Callable[[Campaign, Drafts], Drafts],
    now: datetime,
    by: str | None,
) -> list[Node]:
    """Lock, change the list, check it as a whole, write it. Raises NotFound, WrongState, Invalid."""
    campaign = _draft_campaign(session, workspace_id, campaign_id)
    nodes = nodes_of(session, campaign.id)
    known = {node.id: node.type for node in nodes}
    try:
        drafts = change(campaign, [as_draft(node) for node in nodes])
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    known |= {draft.id: draft.type for draft in drafts if draft.id is not None}
    problems = check_nodes(drafts, campaign_type=campaign.type, known=known)
    if problems:
        raise Invalid.of(problems)
    written = write_nodes(session, campaign.id, drafts)
    campaign.version += 1
    campaign.updated_at = now
    note(session, campaign, "edited", now, by=by, fields=["sequence_nodes"])
    session.flush()
    return written


def _index(drafts: Drafts, raw: object, field: str) -> int:
    node_id = parse_uuid(raw, field)
    for index, draft in enumerate(drafts):
        if draft.id == node_id:
            return index
    raise NotFound("step in this campaign")


def _position(raw: object, field: str, most: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= most:
        raise Problems([Problem(field, f"must be a whole number from 0 to {most}: the end stays last")])
    return raw


def _object(body: object) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise Problems([Problem("body", "must be an object")])
    return body


def add(
    session: Session, workspace_id: UUID, campaign_id: UUID, body: Any, *, now: datetime, by: str | None
) -> tuple[Node, list[Node]]:
    """Add one node, before the end unless `position` says where; it and the whole list."""
    added = new_id()

    def change(campaign: Campaign, drafts: Drafts) -> Drafts:
        raw = {name: value for name, value in _object(body).items() if name != "id"}
        draft = replace(parse_node(raw, "node"), id=added)
        problems = check_node(draft, campaign_type=campaign.type, field="node")
        if problems:
            raise Problems(problems)
        last = len(drafts) - 1
        place = last if raw.get("position") is None else _position(raw["position"], "position", last)
        return [*drafts[:place], draft, *drafts[place:]]

    nodes = _change(session, workspace_id, campaign_id, change, now, by)
    return next(node for node in nodes if node.id == added), nodes


def move(
    session: Session, workspace_id: UUID, campaign_id: UUID, body: Any, *, now: datetime, by: str | None
) -> list[Node]:
    """Move the node `nodeId` to `toPosition`, counted as it stands after the move; the whole list."""

    def change(campaign: Campaign, drafts: Drafts) -> Drafts:
        raw = _object(body)
        origin = _index(drafts, raw.get("nodeId"), "nodeId")
        if drafts[origin].type == "end":
            raise Problems([Problem("nodeId", "is the end, which stays last")])
        target = _position(raw.get("toPosition"), "toPosition", len(drafts) - 2)
        rest = drafts[:origin] + drafts[origin + 1 :]
        return [*rest[:target], drafts[origin], *rest[target:]]

    return _change(session, workspace_id, campaign_id, change, now, by)


def remove(
    session: Session, workspace_id: UUID, campaign_id: UUID, body: Any, *, now: datetime, by: str | None
) -> list[Node]:
    """Delete the node `nodeId`; the whole list."""

    def change(campaign: Campaign, drafts: Drafts) -> Drafts:
        index = _index(drafts, _object(body).get("nodeId"), "nodeId")
        if drafts[index].type == "end":
            raise Problems([Problem("nodeId", "is the end, which cannot be deleted")])
        return drafts[:index] + drafts[index + 1 :]

    return _change(session, workspace_id, campaign_id, change, now, by)


def edit(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    node_id: UUID,
    body: Any,
    *,
    now: datetime,
    by: str | None,
) -> tuple[Node, list[Node]]:
    """Change the fields of one node that `body` holds; it and the whole list. Its type must stay."""

    def change(campaign: Campaign, drafts: Drafts) -> Drafts:
        index = _index(drafts, str(node_id), "node")
        old = drafts[index]
        raw = {**_as_json(old), **_object(body), "id": str(node_id)}
        draft = parse_node(raw, "node")
        if draft.type != old.type:
            raise Problems([Problem("node.type", f"must stay {old.type}")])
        return [*drafts[:index], draft, *drafts[index + 1 :]]

    nodes = _change(session, workspace_id, campaign_id, change, now, by)
    return next(node for node in nodes if node.id == node_id), nodes


def _as_json(draft: NodeDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in draft.__dataclass_fields__ if name != "id"}
