"""Templates: what a campaign is made of, kept under a name for new ones; its senders and people left out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.editing.values import raw_value
from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign, lock_workspace
from campaigns.models.template import Template, find_template
from campaigns.models.version import SEQUENCE
from campaigns.rules.fields import BY_NAME, FIELDS
from campaigns.rules.kinds import Context
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Conflict, Invalid

# What is a campaign's own: its name, and its accounts with their limits.
_OWN = ("name", "sender_account_ids", "account_limits")
TEMPLATE_FIELDS = tuple(row for row in FIELDS if row.name not in _OWN)


def save_template(
    session: Session, workspace_id: UUID, campaign_id: UUID, name: object, *, now: datetime, by: str | None
) -> Template:
    """Keep a campaign, whatever its status, as a template. Raises NotFound, Invalid, Conflict if the name is taken."""
    campaign = find_campaign(session, workspace_id, campaign_id)
    template = Template(
        id=new_id(),
        workspace_id=workspace_id,
        name=_free_name(session, workspace_id, name, own=None),
        type=campaign.type,
        body=_body(session, campaign),
        created_at=now,
        created_by=by,
    )
    session.add(template)
    session.flush()
    return template


def _body(session: Session, campaign: Campaign) -> dict[str, Any]:
    kept = [row.name for row in TEMPLATE_FIELDS if campaign.type in row.types]
    body = {name: raw_value(session, campaign, name) for name in kept}
    body[SEQUENCE] = [{name: value for name, value in node.items() if name != "id"} for node in body[SEQUENCE]]
    return body


def rename_template(session: Session, workspace_id: UUID, template_id: UUID, name: object) -> Template:
    """Call it otherwise. Raises NotFound, Invalid, Conflict if the name is taken."""
    template = find_template(session, workspace_id, template_id)
    template.name = _free_name(session, workspace_id, name, own=template.id)
    session.flush()
    return template


def delete_template(session: Session, workspace_id: UUID, template_id: UUID) -> Template:
    """Campaigns that were made from it stay as they are. Raises NotFound."""
    template = find_template(session, workspace_id, template_id)
    session.delete(template)
    return template


def _free_name(session: Session, workspace_id: UUID, raw: object, *, own: UUID | None) -> str:
    try:
        name: str = BY_NAME["name"].kind.parse(raw, "name", Context("UTC"))
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    # Locked, so that of two who choose a name at once the second is told.
    lock_workspace(session, workspace_id)
    taken = select(Template.id).where(Template.workspace_id == workspace_id, Template.name == name)
    if session.scalar(taken) not in (None, own):
        message = f"Another template is called “{name}” already: choose another name."
        raise Conflict(message, code="name_taken", problems=[Problem("name", "is taken")])
    return name
