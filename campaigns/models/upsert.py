"""Writing a whole sequence at once: a handful of statements for any number of nodes (CONTRACT section 6)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Node
from campaigns.models.finding import nodes_of
from campaigns.rules.sequence import NODE_FIELDS, NodeDraft

COLUMNS = ("type", *NODE_FIELDS)


def same_sequence(nodes: Sequence[Node], drafts: Sequence[NodeDraft]) -> bool:
    """Whether writing `drafts` would change nothing."""
    return len(nodes) == len(drafts) and all(
        node.id == draft.id and all(getattr(node, name) == getattr(draft, name) for name in COLUMNS)
        for node, draft in zip(nodes, drafts, strict=True)
    )


def write_nodes(session: Session, campaign_id: UUID, drafts: Sequence[NodeDraft]) -> list[Node]:
    """Make the campaign's nodes what `drafts` say, in their order: positions 0..n-1. The campaign is locked by
    the caller, and `drafts` are checked."""
    stored = {node.id for node in nodes_of(session, campaign_id)}
    kept = {draft.id for draft in drafts if draft.id in stored}
    rows = [
        {
            "id": draft.id or new_id(),
            "campaign_id": campaign_id,
            "position": position,
            **{name: getattr(draft, name) for name in COLUMNS},
        }
        for position, draft in enumerate(drafts)
    ]
    session.execute(delete(Node).where(Node.campaign_id == campaign_id, Node.id.not_in(kept)))
    changed = [row for row in rows if row["id"] in kept]
    added = [row for row in rows if row["id"] not in kept]
    if changed:
        session.execute(update(Node), changed)  # by primary key, one prepared statement for all
    if added:
        session.execute(insert(Node), added)
    session.expire_all()
    return nodes_of(session, campaign_id)


def as_draft(node: Node) -> NodeDraft:
    """A stored node as one that could be sent back."""
    return NodeDraft(id=node.id, **{name: getattr(node, name) for name in COLUMNS})
