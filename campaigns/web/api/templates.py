"""Templates: what new campaigns can start from."""

from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue

from campaigns import editing
from campaigns.models.template import Template, templates_of
from campaigns.reporting import instant
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.problems import Problems
from campaigns.rules.refusals import Invalid
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, page_json, paging, read_object
from campaigns.web.api.describing import PAGING, describe
from campaigns.web.house import house, now, person


def template_json(template: Template) -> dict[str, Any]:
    """A template; the other channel's fields are null."""
    return {
        "id": str(template.id),
        "name": template.name,
        "type": template.type,
        **{row.name: template.body.get(row.name) for row in editing.TEMPLATE_FIELDS},
        "created_at": instant(template.created_at),
        "created_by": template.created_by,
    }


@blueprint.get("/templates")
@describe(schemas.page("templates", schemas.ref("Template")), *PAGING)
def list_templates() -> ResponseReturnValue:
    """All templates, by name."""
    page, limit = paging()
    with house().reading() as db:
        found = templates_of(db, person().workspace_id)
    shown = found[(page - 1) * limit : page * limit]
    return page_json("templates", [template_json(each) for each in shown], len(found), page, limit)


@blueprint.post("/templates")
@describe(schemas.ref("Template"), status=201, body=schemas.NEW_TEMPLATE, also=(404,))
def save_template() -> ResponseReturnValue:
    """A campaign kept as a template: `campaign_id`, and its `name`."""
    body, who = read_object(), person()
    try:
        campaign_id = parse_uuid(body.get("campaign_id"), "campaign_id")
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    with house().sessions.begin() as db:
        made = editing.save_template(db, who.workspace_id, campaign_id, body.get("name"), now=now(), by=who.email)
        return template_json(made), 201


@blueprint.patch("/templates/<uuid:template_id>")
@describe(schemas.ref("Template"), body=schemas.RENAME)
def rename_template(template_id: UUID) -> ResponseReturnValue:
    """Another `name`."""
    body = read_object()
    with house().sessions.begin() as db:
        return template_json(editing.rename_template(db, person().workspace_id, template_id, body.get("name")))


@blueprint.delete("/templates/<uuid:template_id>")
@describe(None, status=204)
def delete_template(template_id: UUID) -> ResponseReturnValue:
    """Campaigns that were made from it stay as they are."""
    with house().sessions.begin() as db:
        editing.delete_template(db, person().workspace_id, template_id)
    return "", 204
