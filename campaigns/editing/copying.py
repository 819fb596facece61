"""Copying a campaign: a draft with the same settings, senders and steps, and nobody in it."""

import re
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.editing.creating import draft
from campaigns.editing.values import write_value
from campaigns.models.adding import BATCH, add_people
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign, limits_of, senders_of
from campaigns.models.log import note
from campaigns.models.prospect import Prospect
from campaigns.models.suppression import who_said_no
from campaigns.models.upsert import as_draft, write_nodes
from campaigns.models.workspace import Workspace
from campaigns.rules.fields import FIELDS
from campaigns.rules.lifecycle import FAILED
from campaigns.rules.people import PERSON_FIELDS, Person

MOST_NAME = 200
# The fields that are columns of a campaign; the others are rows of their own.
_COLUMNS = tuple(row.name for row in FIELDS if row.name != "name" and hasattr(Campaign, row.name))
_COPIED = re.compile(r" \(copy(?: [0-9]+)?\)$")


def copy(session: Session, workspace_id: UUID, campaign_id: UUID, *, now: datetime, by: str | None) -> Campaign:
    """A new draft like the campaign, whatever that one's status. Raises NotFound."""
    model = find_campaign(session, workspace_id, campaign_id)
    # Locked, so that two who copy at once do not choose the same name.
    lock = select(Workspace).where(Workspace.id == workspace_id).with_for_update(key_share=True)
    workspace = session.scalars(lock).one()
    made = draft(workspace, model.type, _free_name(session, model), now)
    for name in _COLUMNS:
        setattr(made, name, getattr(model, name))
    session.add(made)
    session.flush()
    write_nodes(made, [replace(as_draft(node), id=None) for node in model.nodes])
    write_value(session, made, "sender_account_ids", tuple(sender.id for sender in senders_of(session, model.id)))
    limits = {row.sender_id: row.daily_limit for row in limits_of(session, model.id)}
    write_value(session, made, "account_limits", limits)
    note(session, made, "created", now, by=by)
    session.flush()
    return made


def copy_held_back(
    session: Session, workspace_id: UUID, campaign_id: UUID, *, now: datetime, by: str | None
) -> Campaign:
    """The same, with everybody in it who was held back before anything was sent to them. Whoever was written to is
    left out: a new sequence would begin anew. Raises NotFound."""
    made = copy(session, workspace_id, campaign_id, now=now, by=by)
    held_back = select(Prospect).where(
        Prospect.campaign_id == campaign_id, Prospect.status == FAILED, Prospect.contacted.is_(False)
    )
    for people in session.scalars(held_back.order_by(Prospect.id)).partitions(BATCH):
        known = [Person(one.identity, {name: getattr(one, name) for name in PERSON_FIELDS}) for one in people]
        no = who_said_no(session, workspace_id, known)
        add_people(session, made, [one for one in known if one.identity not in no], "copy", now)
    return made


def _free_name(session: Session, model: Campaign) -> str:
    """“Spring (copy)”, or the next number that no campaign of the workspace has."""
    root = _COPIED.sub("", model.name)
    taken = set(session.scalars(select(Campaign.name).where(Campaign.workspace_id == model.workspace_id)))
    number = 1
    while (name := _named(root, number)) in taken:
        number += 1
    return name


def _named(root: str, number: int) -> str:
    end = " (copy)" if number == 1 else f" (copy {number})"
    return root[: MOST_NAME - len(end)] + end
