"""What pages ask for beside themselves, signed in or not: the icon, the time zones to choose from."""

from flask import Blueprint, current_app, make_response, render_template
from flask.typing import ResponseReturnValue

from campaigns.web.house import now
from campaigns.web.week import zone_choices

blueprint = Blueprint("assets", __name__)

# Seconds for which a browser keeps the list of time zones; what it says of their offsets is a help to find one.
KEPT = 24 * 60 * 60


@blueprint.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """Where browsers look for it by themselves."""
    return current_app.send_static_file("favicon.ico")


@blueprint.get("/timezones")
def timezones() -> ResponseReturnValue:
    """The list for a field that takes a zone, asked for when somebody comes to it: it is heavier than most pages."""
    answer = make_response(render_template("_timezones.html", zones=zone_choices(now())))
    answer.cache_control.max_age, answer.cache_control.private = KEPT, True
    return answer
