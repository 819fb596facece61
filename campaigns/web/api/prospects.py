"""Prospects: the roster of a campaign, and why somebody is not being messaged now."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from campaigns import explaining, importing, removing, rostering, steering, withdrawing
from campaigns.models.finding import find_campaign, find_prospect
from campaigns.models.message import ASKED, WITHDRAWN
from campaigns.models.prospect import Prospect
from campaigns.reporting import instant, prospect_json
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.lifecycle import PROSPECT_STATUSES, UNSUBSCRIBED
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Invalid
from campaigns.rules.tables import decode
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import CSV_TYPES, blueprint, page_json, paging, read_json, read_object
from campaigns.web.api.describing import PAGING, describe, query
from campaigns.web.house import house, now, person

PROSPECTS = "/campaigns/<uuid:campaign_id>/prospects"
MOST_SEARCH = 200


def read_filter() -> rostering.Filter:
    """`status`, `node_id` and `search` of the address; an empty one filters nothing. Raises Invalid."""
    status, node_id, search = (request.args.get(name) or None for name in ("status", "node_id", "search"))
    if status is not None and status not in PROSPECT_STATUSES:
        raise Invalid.of([Problem("status", f"must be one of {', '.join(PROSPECT_STATUSES)}")])
    if search is not None and len(search) > MOST_SEARCH:
        raise Invalid.of([Problem("search", f"must be at most {MOST_SEARCH} characters")])
    return rostering.Filter(status, _uuid(node_id, "node_id") if node_id else None, search)


def _uuid(raw: object, field: str) -> UUID:
    try:
        return parse_uuid(raw, field)
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad


@blueprint.get(PROSPECTS)
@describe(
    schemas.page("prospects", schemas.ref("Prospect")),
    query("status", schemas.PERSON_STATUS, "Whoever is in this status."),
    query("node_id", schemas.SENT_ID, "Whoever has this step next."),
    query("search", {"type": "string", "maxLength": MOST_SEARCH}, "A part of the address or a name."),
    *PAGING,
)
def list_prospects(campaign_id: UUID) -> ResponseReturnValue:
    """One page of the roster, filtered."""
    page, limit = paging()
    wanted = read_filter()
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        found, total = rostering.listed(db, campaign, wanted, page=page, limit=limit)
        return page_json("prospects", [prospect_json(each) for each in found], total, page, limit)


@blueprint.post(PROSPECTS)
@describe(schemas.IMPORTED, status=201, body=schemas.NEW_PROSPECTS, csv=schemas.TEXT)
def add_prospects(campaign_id: UUID) -> ResponseReturnValue:
    """1 to 1,000 people in JSON, or a CSV file."""
    if request.mimetype in CSV_TYPES:
        return _add_csv(campaign_id)
    body, who = read_json(), person()
    with house().sessions.begin() as db:
        done = importing.add(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)
    return done.to_json(), 201


def _add_csv(campaign_id: UUID) -> ResponseReturnValue:
    who = person()
    try:
        text = decode(request.get_data())
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    with house().sessions.begin() as db:
        done = importing.add_table(db, who.workspace_id, campaign_id, text, source="csv", now=now(), by=who.email)
    invalid = [{"field": problem.field, "message": problem.message} for problem in done.problems]
    return {**done.to_json(), "invalid": invalid}, 201


@blueprint.patch(PROSPECTS)
@describe(schemas.EDITED_PROSPECT, body=schemas.NAMED_PROSPECT)
def edit_named_prospect(campaign_id: UUID) -> ResponseReturnValue:
    """The prospect whose `id` the body holds."""
    body = read_object()
    return _edit(campaign_id, _uuid(body.get("id"), "id"), body)


@blueprint.patch(f"{PROSPECTS}/<uuid:prospect_id>")
@describe(schemas.EDITED_PROSPECT, body=schemas.PATCH_PROSPECT)
def edit_prospect(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """What is known of one person."""
    return _edit(campaign_id, prospect_id, read_object())


def _edit(campaign_id: UUID, prospect_id: UUID, body: dict[str, Any]) -> ResponseReturnValue:
    with house().sessions.begin() as db:
        prospect = rostering.edit(db, person().workspace_id, campaign_id, prospect_id, body, now=now())
        no = {"suppressed": prospect.status_reason} if prospect.status == UNSUBSCRIBED else {}
        return {"prospect": prospect_json(prospect), **no}


@blueprint.delete(PROSPECTS)
@describe(schemas.REMOVED, body=schemas.REMOVE_PROSPECTS)
def remove_prospects(campaign_id: UUID) -> ResponseReturnValue:
    """1 to 500 `ids`, or `{"all": true}`."""
    body, who = read_object(), person()
    if removing.is_all(body):
        return removing.remove_all(house().sessions, who.workspace_id, campaign_id, now=now(), by=who.email)
    with house().sessions.begin() as db:
        return removing.remove(db, who.workspace_id, campaign_id, body, now=now(), by=who.email)


@blueprint.get(f"{PROSPECTS}/<uuid:prospect_id>")
@describe(schemas.ONE_PROSPECT)
def read_prospect(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """One person."""
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        return {"prospect": prospect_json(find_prospect(db, campaign.id, prospect_id))}


def _steer(verb: Callable[..., Prospect], campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    who = person()
    with house().sessions.begin() as db:
        prospect = verb(db, who.workspace_id, campaign_id, prospect_id, now=now(), by=who.email)
        return {"prospect": prospect_json(prospect)}


@blueprint.post(f"{PROSPECTS}/<uuid:prospect_id>/pause")
@describe(schemas.ONE_PROSPECT)
def pause_prospect(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Hold this person alone."""
    return _steer(steering.pause, campaign_id, prospect_id)


@blueprint.post(f"{PROSPECTS}/<uuid:prospect_id>/resume")
@describe(schemas.ONE_PROSPECT)
def resume_prospect(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Let a paused person go on."""
    return _steer(steering.resume, campaign_id, prospect_id)


@blueprint.post(f"{PROSPECTS}/<uuid:prospect_id>/skip")
@describe(schemas.ONE_PROSPECT)
def skip_step(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Leave out the step that comes next."""
    return _steer(steering.skip, campaign_id, prospect_id)


@blueprint.post(f"{PROSPECTS}/<uuid:prospect_id>/insist")
@describe(schemas.ONE_PROSPECT)
def insist(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Write all the same to somebody who was skipped for another campaign."""
    return _steer(steering.insist, campaign_id, prospect_id)


@blueprint.post(f"{PROSPECTS}/<uuid:prospect_id>/withdraw")
@describe(schemas.WITHDRAWN)
def withdraw_invitation(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Take back the invitation of somebody who has not accepted it: `asked` of the provider, or `withdrawn`."""
    who = person()
    with house().sessions.begin() as db:
        message = withdrawing.withdraw(db, who.workspace_id, campaign_id, prospect_id, now=now(), by=who.email)
        return {"withdrawal": message.withdrawal}


@blueprint.post(f"{PROSPECTS}/withdraw")
@describe(schemas.ALL_WITHDRAWN)
def withdraw_invitations(campaign_id: UUID) -> ResponseReturnValue:
    """The same for everybody who timed out."""
    who = person()
    with house().sessions.begin() as db:
        found = withdrawing.withdraw_all(db, who.workspace_id, campaign_id, now=now(), by=who.email)
        states = Counter(message.withdrawal for message in found)
    return {state: states[state] for state in (ASKED, WITHDRAWN)}


@blueprint.get(f"{PROSPECTS}/<uuid:prospect_id>/explain")
@describe(schemas.ref("Explanation"))
def explain_prospect(campaign_id: UUID, prospect_id: UUID) -> ResponseReturnValue:
    """Why this prospect is not being messaged now, and the exact instant it will be."""
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        found = explaining.explain(db, campaign, prospect_id, now())
    return {
        "prospect_id": str(found.prospect_id),
        "state": found.state,
        "gate": found.gate,
        "reason": found.reason,
        "next_at": instant(found.next_at),
        "ahead": found.ahead,
    }
