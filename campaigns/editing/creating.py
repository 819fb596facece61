"""Making campaigns: a draft with its defaults, and the sample that a new user can try."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.editing.patch import Changes, sort_out
from campaigns.editing.values import check_values, write_value
from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign
from campaigns.models.log import note
from campaigns.models.template import find_template
from campaigns.models.upsert import write_nodes
from campaigns.models.workspace import Workspace
from campaigns.rules import lifecycle
from campaigns.rules.hours import default_hours
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid, NotFound
from campaigns.rules.sequence import default_sequence


def draft(workspace: Workspace, campaign_type: str, name: str, now: datetime) -> Campaign:
    """A campaign with the defaults of CONTRACT section 8; not yet in any session."""
    email = campaign_type == lifecycle.EMAIL
    return Campaign(
        id=new_id(),
        workspace_id=workspace.id,
        type=campaign_type,
        name=name,
        status=lifecycle.DRAFT,
        version=1,
        operating_hours=default_hours(workspace.timezone).to_json(),
        prospect_timezone=False,
        daily_limit=50 if email else None,
        stop_on_reply=True if email else None,
        open_tracking=False if email else None,
        skip_other_campaigns=None if email else True,
        created_at=now,
        updated_at=now,
    )


def create(
    session: Session,
    workspace_id: UUID,
    body: Mapping[str, Any],
    *,
    now: datetime,
    by: str | None,
    strict: bool = False,
) -> tuple[Campaign, Changes]:
    """A new draft from `type`, `name` and any field of the table. Raises Invalid, Conflict; then nothing is written.

    With `template_id` it has what that template holds, but for what `body` itself says; the type is the template's.
    """
    if "template_id" in body:
        body = _over_template(session, workspace_id, body)
    kind = body.get("type")
    if kind not in lifecycle.CAMPAIGN_TYPES:
        raise Invalid.of([Problem("type", "must be email or linkedin")])
    if "name" not in body:
        raise Invalid.of([Problem("name", "is missing")])
    workspace = session.get_one(Workspace, workspace_id)
    campaign = draft(workspace, kind, "", now)
    with session.no_autoflush:
        campaign.workspace = workspace
        fields = {name: value for name, value in body.items() if name != "type"}
        wanted, changes = sort_out(session, campaign, fields, strict=strict)
        check_values(session, campaign, wanted)
    campaign.name = wanted.pop("name")
    session.add(campaign)
    session.flush()
    write_nodes(campaign, default_sequence(kind))
    for name, value in wanted.items():
        changed = write_value(session, campaign, name, value)
        (changes.applied if changed else changes.unchanged).append(name)
    changes.applied.insert(0, "name")
    note(session, campaign, "created", now, by=by)
    session.flush()
    return campaign, changes


def _over_template(session: Session, workspace_id: UUID, body: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in body.items() if name != "template_id"}
    if body["template_id"] is None:
        return own
    try:
        template = find_template(session, workspace_id, parse_uuid(body["template_id"], "template_id"))
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    except NotFound as gone:
        raise Invalid.of([Problem("template_id", "is not a template of this workspace")]) from gone
    if own.get("type", template.type) != template.type:
        raise Invalid.of([Problem("type", f"must be {template.type} as in the template, or be left out")])
    return {"type": template.type, **template.body, **own}
