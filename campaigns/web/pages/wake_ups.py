"""Wake-ups of a campaign: the records of CONTRACT section 5."""

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from campaigns import reporting
from campaigns.web.house import house
from campaigns.web.pages.frame import head, page_number, render

blueprint = Blueprint("wake_ups", __name__)

PAGE = 20


@blueprint.get("/campaigns/<uuid:campaign_id>/wake-ups")
def index(campaign_id: UUID) -> ResponseReturnValue:
    """Newest first: cause, who, old and new hours, counts, time."""
    page = page_number()
    with house().reading() as db:
        shared = head(db, campaign_id, "wake_ups")
        found, total = reporting.wake_up_page(db, shared["campaign"].id, page=page, limit=PAGE)
        paging = {"page": page, "limit": PAGE, "total": total}
        return render("wakeups.html", "_wakeups.html", **shared, wake_ups=found, **paging)
