"""Writing a whole sequence at once: a handful of statements for any number of nodes (CONTRACT section 6)."""

from collections.abc import Sequence
from uuid import UUID

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, Node
from campaigns.rules.sequence import NODE_FIELDS, NodeDraft

COLUMNS = ("type", *NODE_FIELDS)


def write_nodes(campaign: Campaign, drafts: Sequence[NodeDraft]) -> bool:
    """Make the campaign's nodes what `drafts` say, in their order: positions 0..n-1; whether anything was different.
    The campaign is locked by the caller, and `drafts` are checked."""
    stored: dict[UUID | None, Node] = {node.id: node for node in campaign.nodes}
    differs = list(stored) != [draft.id for draft in drafts]
    if differs:
        campaign.nodes = [stored.get(draft.id) or Node(id=draft.id or new_id()) for draft in drafts]
    for position, (node, draft) in enumerate(zip(campaign.nodes, drafts, strict=True)):
        node.position = position
        for name in COLUMNS:
            if getattr(node, name) != getattr(draft, name):
                setattr(node, name, getattr(draft, name))
                differs = True
    return differs


def as_draft(node: Node) -> NodeDraft:
    """A stored node as one that could be sent back."""
    return NodeDraft(id=node.id, **{name: getattr(node, name) for name in COLUMNS})
