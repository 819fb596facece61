"""Putting back: the last edit of a draft, or an earlier sequence."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.editing.patch import Changes, apply
from campaigns.editing.values import check_values, read_values
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign, senders_of
from campaigns.models.version import SEQUENCE, Version, check_version, raw_nodes, sequence_at
from campaigns.models.writing import unsendable
from campaigns.rules.fields import WORDS, words_locked_because
from campaigns.rules.lifecycle import DRAFT
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid, NotFound, Stale, WrongState
from campaigns.rules.sequence import check_nodes, parse_nodes


def last_edit(session: Session, campaign: Campaign) -> Version | None:
    """The edit that `undo` would take back now: a draft's last one, if nothing has happened since."""
    if campaign.status != DRAFT:
        return None
    return session.get(Version, (campaign.id, campaign.version))


def undo(
    session: Session, workspace_id: UUID, campaign_id: UUID, number: int, *, now: datetime, by: str | None
) -> tuple[Campaign, Changes]:
    """Put back what the edit `number` has replaced. Raises NotFound, Stale if it is not the last one any more,
    WrongState, Invalid or Conflict if what it was cannot be had again. Undone once more, the edit is there again."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    if campaign.status != DRAFT:
        raise WrongState(f"Only a draft's last edit can be undone; this campaign is {campaign.status}.")
    row = last_edit(session, campaign)
    if row is None or row.number != number:
        raise Stale("This is not the last edit any more, so it was not undone: look at the versions.")
    return campaign, _put_back(session, campaign, row.before, "undone", now, by)


def roll_back(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    number: int,
    *,
    now: datetime,
    by: str | None,
    versions: Collection[int] | None = None,
) -> tuple[Campaign, Changes]:
    """Make the sequence what it was at the version `number`: a draft's as a whole, a running campaign's words if
    its steps are the same. Raises NotFound, Stale (`versions` as in `edit`), WrongState, Invalid."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    check_version(campaign, versions)
    nodes = sequence_at(session, campaign.id, number)
    if nodes is None:
        raise NotFound("version of this sequence")
    if campaign.status != DRAFT:
        _check_words_only(session, campaign, nodes)
    return campaign, _put_back(session, campaign, {SEQUENCE: nodes}, "rolled_back", now, by)


def differs_in_words_only(present: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    """Whether two sequences have the same steps, texts that may be corrected while they run aside."""
    return [_structure(node) for node in present] == [_structure(node) for node in other]


def _structure(node: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name not in WORDS}


def _check_words_only(session: Session, campaign: Campaign, nodes: list[dict[str, Any]]) -> None:
    if reason := words_locked_because(campaign.status):
        raise WrongState(f"The sequence {reason}.")
    if not differs_in_words_only(raw_nodes(campaign.nodes), nodes):
        raise WrongState(
            f"That version has other steps, and this campaign is {campaign.status}: only its words can go back.",
            problems=[Problem(SEQUENCE, "has other steps")],
        )
    if problems := unsendable(campaign, parse_nodes(nodes), senders_of(session, campaign.id)):
        raise Invalid.of(problems)


def _put_back(
    session: Session, campaign: Campaign, before: Mapping[str, Any], cause: str, now: datetime, by: str | None
) -> Changes:
    values = read_values(before, campaign.workspace.timezone)
    check_values(session, campaign, {name: value for name, value in values.items() if name != SEQUENCE})
    if SEQUENCE in values:
        # A step that was removed comes back under the id that was its own.
        known = {draft.id: draft.type for draft in values[SEQUENCE] if draft.id}
        if problems := check_nodes(values[SEQUENCE], campaign_type=campaign.type, known=known):
            raise Invalid.of(problems)
    changes = Changes()
    apply(session, campaign, values, changes, now, by, cause=cause)
    return changes
