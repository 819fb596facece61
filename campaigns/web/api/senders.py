"""Sender accounts of the workspace, and those of one campaign."""

from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue

from campaigns import connecting
from campaigns.channels.probing import Step
from campaigns.models.finding import find_campaign, find_sender, limits_of, senders_of
from campaigns.models.sender import Sender
from campaigns.reporting import sender_json, sender_page, sender_settings_json, senders_json
from campaigns.rules.lifecycle import LINKEDIN
from campaigns.rules.refusals import WrongState
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, page_json, paging, read_object
from campaigns.web.api.describing import PAGING, describe
from campaigns.web.checking import check_connection
from campaigns.web.house import house, now, person
from campaigns.web.seats import check_seat, unhook


@blueprint.get("/senders")
@describe(schemas.page("senders", schemas.ref("SenderAccount")), *PAGING)
def list_senders() -> ResponseReturnValue:
    """All accounts, oldest first."""
    page, limit = paging()
    with house().reading() as db:
        found, total = sender_page(db, person().workspace_id, page=page, limit=limit)
        return page_json("senders", senders_json(db, found, now()), total, page, limit)


@blueprint.post("/senders")
@describe(schemas.ref("SenderAccount"), status=201, body=schemas.NEW_SENDER, headers=("Location",))
def create_sender() -> ResponseReturnValue:
    """A new account; what is secret in it is never shown again."""
    body, settings = read_object(), house().settings
    with house().sessions.begin() as db:
        sender = connecting.create(
            db, person().workspace_id, body, key=settings.sealing_key, trap=settings.trap, now=now()
        )
        return sender_json(db, sender, now()), 201, {"Location": f"/api/senders/{sender.id}"}


@blueprint.get("/senders/<uuid:sender_id>")
@describe(schemas.ref("SenderAccount"))
def read_sender(sender_id: UUID) -> ResponseReturnValue:
    """One account, with limits and usage."""
    with house().reading() as db:
        return sender_json(db, find_sender(db, person().workspace_id, sender_id), now())


@blueprint.patch("/senders/<uuid:sender_id>")
@describe(schemas.ref("SenderAccount"), body=schemas.PATCH_SENDER)
def edit_sender(sender_id: UUID) -> ResponseReturnValue:
    """The fields that the body holds."""
    body, who, key = read_object(), person(), house().settings.sealing_key
    before = _find(sender_id)
    with house().sessions.begin() as db:
        sender = connecting.change(db, who.workspace_id, sender_id, body, key=key, now=now(), by=who.email)
        db.flush()
        answer = sender_json(db, sender, now())
    if sender.seat is None:
        unhook(before)
    return answer


def _find(sender_id: UUID) -> Sender:
    with house().reading() as db:
        return find_sender(db, person().workspace_id, sender_id)


@blueprint.delete("/senders/<uuid:sender_id>")
@describe(None, status=204)
def delete_sender(sender_id: UUID) -> ResponseReturnValue:
    """Unless a launched campaign sends from it."""
    before = _find(sender_id)
    with house().sessions.begin() as db:
        connecting.remove(db, person().workspace_id, sender_id)
    unhook(before)
    return "", 204


@blueprint.get("/senders/<uuid:sender_id>/settings")
@describe(schemas.SENDER_SETTINGS)
def read_sender_settings(sender_id: UUID) -> ResponseReturnValue:
    """What else is set of an account: how it ramps up and what that allows today, its signature, how it signs in."""
    with house().reading() as db:
        return sender_settings_json(db, find_sender(db, person().workspace_id, sender_id), now())


@blueprint.post("/senders/<uuid:sender_id>/test")
@describe(schemas.CONNECTION)
def test_sender(sender_id: UUID) -> ResponseReturnValue:
    """Tries the way to the account's servers, or to its provider, step by step, and sends nothing: what works, what
    failed and why."""
    sender = _find(sender_id)
    if sender.type == LINKEDIN:
        return _test_seat(sender)
    checked = check_connection(sender)
    return {"ok": checked.ok, "smtp": _steps(checked.smtp), "imap": _steps(checked.imap), "seat": None}


def _test_seat(sender: Sender) -> ResponseReturnValue:
    if sender.seat is None:
        raise WrongState("An assisted seat has nothing to test: a person does its steps.")
    steps = check_seat(sender)
    return {"ok": all(step.ok for step in steps), "smtp": None, "imap": None, "seat": _steps(steps)}


def _steps(steps: list[Step] | None) -> list[dict[str, Any]] | None:
    return None if steps is None else [vars(step) for step in steps]


@blueprint.get("/campaigns/<uuid:campaign_id>/senders")
@describe(schemas.page("senders", schemas.ref("CampaignSenderAccount")), *PAGING)
def list_campaign_senders(campaign_id: UUID) -> ResponseReturnValue:
    """The accounts of a campaign, each with the limit that the campaign sets for it, if it sets one."""
    page, limit = paging()
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        limits = {row.sender_id: row.daily_limit for row in limits_of(db, campaign.id)}
        found = senders_of(db, campaign.id)
        shown = found[(page - 1) * limit : page * limit]
        items = [
            {**item, "campaign_daily_limit": limits.get(sender.id)}
            for sender, item in zip(shown, senders_json(db, shown, now()), strict=True)
        ]
        return page_json("senders", items, len(found), page, limit)
