"""Changing a sequence node by node: add, move, delete, edit one (CONTRACT section 7).

Each is the whole list, changed and checked as PATCH would check it. After the draft only the words of a step can be
corrected, for those who have not got it yet.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import find_campaign, senders_of
from campaigns.models.log import note
from campaigns.models.sender import Sender
from campaigns.models.upsert import as_draft, write_nodes
from campaigns.models.version import SEQUENCE, check_unedited, check_version, keep_version, raw_nodes
from campaigns.models.writing import sender_holes
from campaigns.rules.fields import UNKNOWN_REASON, WORDS, node_locked_because, words_locked_because
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.lengths import too_long
from campaigns.rules.lifecycle import DRAFT
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from campaigns.rules.sequence import NODE_FIELDS, NodeDraft, check_node, check_nodes, launch_problems, parse_node

Drafts = list[NodeDraft]


def _draft_campaign(
    session: Session, workspace_id: UUID, campaign_id: UUID, versions: Collection[int] | None
) -> Campaign:
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    check_version(campaign, versions)
    if campaign.status != DRAFT:
        raise locked(campaign)
    return campaign


def locked(campaign: Campaign) -> WrongState:
    """The refusal to change the steps of a campaign that was launched."""
    return WrongState(
        f"The sequence can be changed in a draft only; this campaign is {campaign.status}.",
        problems=[Problem(SEQUENCE, f"is locked: the campaign is {campaign.status}")],
    )


def _change(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    change: Callable[[Campaign, Drafts], Drafts],
    now: datetime,
    by: str | None,
    versions: Collection[int] | None,
    cause: str,
) -> Campaign:
    """Lock, change the list, check it as a whole, write it. Raises NotFound, Stale (unless the campaign is at one of
    `versions`), WrongState, Invalid."""
    campaign = _draft_campaign(session, workspace_id, campaign_id, versions)
    known = {node.id: node.type for node in campaign.nodes}
    try:
        drafts = change(campaign, [as_draft(node) for node in campaign.nodes])
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    known |= {draft.id: draft.type for draft in drafts if draft.id is not None}
    problems = check_nodes(drafts, campaign_type=campaign.type, known=known)
    if problems:
        raise Invalid.of(problems)
    _write(session, campaign, drafts, now, by, cause)
    return campaign


def _write(session: Session, campaign: Campaign, drafts: Drafts, now: datetime, by: str | None, cause: str) -> None:
    """Write what is different, as a version."""
    before = {SEQUENCE: raw_nodes(campaign.nodes)}
    if not write_nodes(campaign, drafts):
        return
    campaign.version += 1
    campaign.updated_at = now
    note(session, campaign, "edited", now, by=by, fields=[SEQUENCE])
    keep_version(session, campaign, cause, now, by=by, before=before)


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
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    body: Any,
    *,
    now: datetime,
    by: str | None,
    versions: Collection[int] | None = None,
) -> tuple[Campaign, Node]:
    """Add one node, before the end unless `position` says where; the campaign and the node."""
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

    campaign = _change(session, workspace_id, campaign_id, change, now, by, versions, "added")
    return campaign, next(node for node in campaign.nodes if node.id == added)


def move(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    body: Any,
    *,
    now: datetime,
    by: str | None,
    versions: Collection[int] | None = None,
) -> Campaign:
    """Move the node `nodeId` to `toPosition`, counted as it stands after the move."""

    def change(campaign: Campaign, drafts: Drafts) -> Drafts:
        raw = _object(body)
        origin = _index(drafts, raw.get("nodeId"), "nodeId")
        if drafts[origin].type == "end":
            raise Problems([Problem("nodeId", "is the end, which stays last")])
        target = _position(raw.get("toPosition"), "toPosition", len(drafts) - 2)
        rest = drafts[:origin] + drafts[origin + 1 :]
        return [*rest[:target], drafts[origin], *rest[target:]]

    return _change(session, workspace_id, campaign_id, change, now, by, versions, "moved")


def remove(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    body: Any,
    *,
    now: datetime,
    by: str | None,
    versions: Collection[int] | None = None,
) -> Campaign:
    """Delete the node `nodeId`."""

    def change(campaign: Campaign, drafts: Drafts) -> Drafts:
        index = _index(drafts, _object(body).get("nodeId"), "nodeId")
        if drafts[index].type == "end":
            raise Problems([Problem("nodeId", "is the end, which cannot be deleted")])
        return drafts[:index] + drafts[index + 1 :]

    return _change(session, workspace_id, campaign_id, change, now, by, versions, "removed")


@dataclass(frozen=True)
class NodeChanges:
    """What became of each field of a body: applied, the same already, or set aside and why."""

    applied: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    ignored: list[dict[str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """`changes` of the answer."""
        return {"applied": self.applied, "unchanged": self.unchanged, "ignored": self.ignored}


# What a client that sends back what it was given has beside the fields.
_GIVEN = ("id", "campaign_id", "position", "type")


def edit(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    node_id: UUID,
    body: Any,
    *,
    now: datetime,
    by: str | None,
    strict: bool = False,
    versions: Collection[int] | None = None,
    since: int | None = None,
) -> tuple[Campaign, Node, NodeChanges]:
    """Change the fields of one node that `body` holds; the campaign, the node, and what came of each field. Its type
    must stay. Raises NotFound, WrongState, Invalid, and Stale if the sequence was edited after the version `since`,
    or the campaign is not at one of `versions`.

    Once the campaign was launched only words can be corrected, and they must be such as could be launched, since
    they may go out at once. Another field is ignored then, or with `strict` Invalid.
    """
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    check_version(campaign, versions)
    if since is not None:
        check_unedited(session, campaign, {SEQUENCE}, since)
    _check_words(campaign, body)
    drafts = [as_draft(node) for node in campaign.nodes]
    try:
        index = _index(drafts, str(node_id), "node")
        wanted = _wanted(drafts[index], _object(body))
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    changes = _sort_out(campaign.status, drafts[index], wanted, body)
    if strict and changes.ignored:
        raise Invalid.of([Problem(item["field"], item["reason"]) for item in changes.ignored])
    drafts[index] = replace(drafts[index], **{name: getattr(wanted, name) for name in changes.applied})
    if problems := _problems(session, campaign, drafts, index):
        raise Invalid.of(problems)
    cause = "edited" if campaign.status == DRAFT else "words"
    _write(session, campaign, drafts, now, by, cause)
    return campaign, campaign.nodes[index], changes


def _check_words(campaign: Campaign, body: Any) -> None:
    """Raise WrongState unless the sequence, or the words that `body` holds, can be edited now."""
    if campaign.status == DRAFT or (
        not words_locked_because(campaign.status) and any(name in WORDS for name in _keys(body))
    ):
        return
    raise locked(campaign)


def _keys(body: Any) -> Iterable[str]:
    return body.keys() if isinstance(body, Mapping) else ()


def _wanted(old: NodeDraft, raw: Mapping[str, Any]) -> NodeDraft:
    draft = parse_node({**_as_json(old), **raw, "id": str(old.id)}, "node")
    if draft.type != old.type:
        raise Problems([Problem("node.type", f"must stay {old.type}")])
    return draft


def _sort_out(status: str, old: NodeDraft, wanted: NodeDraft, raw: Mapping[str, Any]) -> NodeChanges:
    changes = NodeChanges()
    for name in raw:
        if name in _GIVEN:
            continue
        row = NODE_FIELDS.get(name)
        if row is None:
            reason: str | None = UNKNOWN_REASON
        elif old.type not in row.types:
            reason = None if raw[name] is None else f"is not a field of this step, which is of type {old.type}"
        elif getattr(old, name) == getattr(wanted, name):
            changes.unchanged.append(name)
            continue
        else:
            reason = node_locked_because(name, status)
            if reason is None:
                changes.applied.append(name)
        if reason is not None:
            changes.ignored.append({"field": name, "reason": reason})
    return changes


def _problems(session: Session, campaign: Campaign, drafts: Drafts, index: int) -> list[Problem]:
    """What is wrong with the step at `index`; once it may go out, what a launch would say of it too."""
    draft = drafts[index]
    problems = check_node(draft, campaign_type=campaign.type, field="node")
    if problems or campaign.status == DRAFT:
        return problems
    path = f"{SEQUENCE}[{index}]."
    senders = senders_of(session, campaign.id)
    found = [
        *launch_problems(drafts, campaign_type=campaign.type, signature=campaign.signature),
        *too_long(drafts, senders),
    ]
    own = [
        Problem(f"node.{problem.field.removeprefix(path)}", problem.message)
        for problem in found
        if problem.field.startswith(path)
    ]
    return own or _sender_problems(draft, senders)


def _sender_problems(draft: NodeDraft, senders: list[Sender]) -> list[Problem]:
    """Values of an account that the step asks for and the account has not."""
    texts = {"subject": draft.subject, "body": draft.body, "signature": draft.signature}
    return [
        Problem(f"node.{name}", words) for name, text in texts.items() for words in sender_holes([text or ""], senders)
    ]


def _as_json(draft: NodeDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in draft.__dataclass_fields__ if name != "id"}
