"""The records of CONTRACT section 5."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from campaigns.models.finding import find_campaign
from campaigns.reporting import wake_up_json, wake_up_page
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, page_json, paging
from campaigns.web.api.describing import PAGING, describe
from campaigns.web.house import house, person


@blueprint.get("/campaigns/<uuid:campaign_id>/wake-ups")
@describe(schemas.page("wake_ups", schemas.ref("WakeUp")), *PAGING)
def list_wake_ups(campaign_id: UUID) -> ResponseReturnValue:
    """Newest first."""
    page, limit = paging()
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        found, total = wake_up_page(db, campaign.id, page=page, limit=limit)
        return page_json("wake_ups", [wake_up_json(each) for each in found], total, page, limit)
