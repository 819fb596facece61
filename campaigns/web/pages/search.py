"""Search over the campaigns and people of a workspace."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from campaigns import overseeing, searching
from campaigns.web.house import house, person

blueprint = Blueprint("search", __name__)


@blueprint.get("/search")
def index() -> ResponseReturnValue:
    """What was found, each leading to its page."""
    text = request.args.get("q", "").strip()[: searching.MOST_LETTERS]
    with house().reading() as db:
        found = searching.search(db, person().workspace_id, text)
    people = [
        {
            "id": one.id,
            "who": overseeing.who(one),
            "address": one.identity,
            "company": one.company,
            "campaign": campaign,
        }
        for one, campaign in found.people
    ]
    return render_template(
        "search.html",
        q=text,
        campaigns=found.campaigns,
        people=people,
        most=searching.MOST_FOUND,
    )
