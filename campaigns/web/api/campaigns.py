"""Campaigns: list, make, read, edit, delete, validate; launch, pause, resume."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue

from campaigns import editing, launching, reporting
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, is_dry_run, is_strict, page_json, paging, read_object
from campaigns.web.api.describing import DRY_RUN, IF_MATCH, IF_NONE_MATCH, PAGING, STRICT, describe
from campaigns.web.api.etags import fresh_or_304, tag_of, wanted_versions
from campaigns.web.house import house, now, person
from campaigns.web.rehearsal import rehearse


@blueprint.get("/campaigns")
@describe(schemas.page("campaigns", schemas.ref("ListedCampaign")), *PAGING)
def list_campaigns() -> ResponseReturnValue:
    """Active and paused first, then drafts, then completed."""
    page, limit = paging()
    with house().reading() as db:
        found, total = reporting.campaign_page(db, person().workspace_id, page=page, limit=limit)
        return page_json("campaigns", reporting.listed_json(db, found, now()), total, page, limit)


@blueprint.post("/campaigns")
@describe(schemas.CREATED_CAMPAIGN, STRICT, status=201, body=schemas.NEW_CAMPAIGN, headers=("Location", "ETag"))
def create_campaign() -> ResponseReturnValue:
    """A new draft with the default sequence."""
    body = read_object()
    who = person()
    with house().sessions.begin() as db:
        campaign, changes = editing.create(db, who.workspace_id, body, now=now(), by=who.email, strict=is_strict())
        whole = reporting.whole_json(db, campaign, now())
        answer = {
            "campaign": whole["campaign"],
            "sequence_nodes": whole["sequence_nodes"],
            "changes": changes.to_json(),
        }
    return answer, 201, {"Location": f"/api/campaigns/{campaign.id}", "ETag": tag_of(whole)}


@blueprint.get("/campaigns/<uuid:campaign_id>")
@describe(schemas.WHOLE_CAMPAIGN, IF_NONE_MATCH, headers=("ETag",), also=(304,))
def read_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """The campaign, its sequence, and its prospects counted."""
    with house().reading() as db:
        whole = reporting.whole_json(db, find_campaign(db, person().workspace_id, campaign_id), now())
    return fresh_or_304(whole)


@blueprint.patch("/campaigns/<uuid:campaign_id>")
@describe(
    schemas.EDITED_CAMPAIGN, DRY_RUN, IF_MATCH, STRICT, body=schemas.PATCH_CAMPAIGN, headers=("ETag",), also=(412,)
)
def edit_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """What can be edited now, whatever else the body holds; new hours of an active campaign wake its sleepers."""
    body, versions = read_object(), wanted_versions(campaign_id)
    if is_dry_run():
        rehearsal = rehearse(campaign_id, body, strict=is_strict(), versions=versions)
        impact = rehearsal.impact.to_json() if rehearsal.impact else None
        return {**rehearsal.answer, "dry_run": True, "impact": impact}
    who = person()
    with house().sessions.begin() as db:
        campaign, changes = editing.edit(
            db,
            who.workspace_id,
            campaign_id,
            body,
            now=now(),
            by=who.email,
            strict=is_strict(),
            versions=versions,
        )
        db.flush()
        whole = reporting.whole_json(db, campaign, now())
        answer = {
            "campaign": whole["campaign"],
            "sequence_nodes": whole["sequence_nodes"],
            "changes": changes.to_json(),
            "wake_up": reporting.wake_up_json(changes.wake_up) if changes.wake_up else None,
        }
    return answer, 200, {"ETag": tag_of(whole)}


@blueprint.delete("/campaigns/<uuid:campaign_id>")
@describe(None, status=204)
def delete_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """Gone with all that belongs to it; an active one is stopped by that."""
    who = person()
    launching.remove(house().sessions, who.workspace_id, campaign_id, now=now(), by=who.email)
    return "", 204


@blueprint.post("/campaigns/<uuid:campaign_id>/copy")
@describe(schemas.COPIED_CAMPAIGN, status=201, headers=("Location", "ETag"))
def copy_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """A draft with the same settings, senders and steps, and nobody in it."""
    who = person()
    with house().sessions.begin() as db:
        campaign = editing.copy(db, who.workspace_id, campaign_id, now=now(), by=who.email)
        whole = reporting.whole_json(db, campaign, now())
    answer = {"campaign": whole["campaign"], "sequence_nodes": whole["sequence_nodes"]}
    return answer, 201, {"Location": f"/api/campaigns/{campaign.id}", "ETag": tag_of(whole)}


@blueprint.get("/campaigns/<uuid:campaign_id>/validate")
@describe(schemas.ref("Readiness"))
def validate_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """What a launch would say; no side effects."""
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        return launching.validate(db, campaign).to_json()


def _move(verb: Callable[..., Campaign], campaign_id: UUID) -> dict[str, Any]:
    who = person()
    with house().sessions.begin() as db:
        campaign = verb(db, who.workspace_id, campaign_id, now=now(), by=who.email)
        db.flush()
        return {"campaign": reporting.campaign_json(db, campaign, now())}


@blueprint.post("/campaigns/<uuid:campaign_id>/launch")
@describe(schemas.LAUNCHED_CAMPAIGN)
def launch_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """Draft to launching; a job makes it active. Tells whom `skip_other_campaigns` left out: the first of them, and how
    many there are."""
    who = person()
    with house().sessions.begin() as db:
        campaign = launching.launch(db, who.workspace_id, campaign_id, now=now(), by=who.email)
        db.flush()
        skipped = launching.skipped(db, campaign)
        return {"campaign": reporting.campaign_json(db, campaign, now()), **skipped.to_json()}


@blueprint.post("/campaigns/<uuid:campaign_id>/pause")
@describe(schemas.MOVED_CAMPAIGN)
def pause_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """Active to paused."""
    return _move(launching.pause, campaign_id)


@blueprint.post("/campaigns/<uuid:campaign_id>/resume")
@describe(schemas.MOVED_CAMPAIGN)
def resume_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """Paused to active."""
    return _move(launching.resume, campaign_id)
