"""The form of a LinkedIn seat, and the page around it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import connecting
from campaigns.models.allowance import Allowance, allowances
from campaigns.models.sender import Sender
from campaigns.rules.provider import can_reach
from campaigns.rules.refusals import Invalid, WrongState
from campaigns.web.forms import SeatForm
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import show_account, tell_success
from campaigns.web.seats import account_of, unhook

PLAIN = (
    *("display_name", "first_name", "last_name", "profile_url", "is_premium", "weekly_connection_limit"),
    *("weekly_message_limit", "invitation_days", "daily_limit", "min_gap", "max_gap", "provider"),
)
GAPS = ("min_gap", "max_gap")


def week(sender: Sender, weeks: Mapping[UUID, list[Allowance]]) -> dict[str, Any]:
    """What _allowances.html shows of an account."""
    kinds = weeks.get(sender.id, [])
    return {"allowances": kinds, "tasks": sum(one.tasks for one in kinds), "limited": sender.limited_steps(now())}


def seat_page(form: SeatForm, sender: Sender | None, **told: Any) -> str:
    """The page, with what was `told` just now."""
    return render_template("seat_form.html", form=form, sender=about(sender), **told)


def about(sender: Sender | None) -> dict[str, Any] | None:
    """What the page tells of the seat, and _seat.html of its account."""
    if sender is None:
        return None
    with house().reading() as db:
        used = week(sender, allowances(db, [sender], now()))
    seat = sender.seat or {}
    return show_account(sender) | {
        "through_provider": sender.seat is not None,
        "has_key": sender.seat_sealed is not None,
        "account_name": seat.get("name") or seat.get("account_id"),
        "webhook": seat.get("webhook") or {},
        "reachable": can_reach(house().settings.public_url),
        **used,
    }


def form_of(sender: Sender) -> SeatForm:
    """The form as it is stored, whatever was posted."""
    return SeatForm(formdata=None, data=_values(sender))


def _values(sender: Sender) -> dict[str, Any]:
    return {name: getattr(sender, name) for name in PLAIN} | {"base_url": (sender.seat or {}).get("base_url")}


def add_seat() -> ResponseReturnValue:
    """A new seat."""
    form = SeatForm()
    if request.method == "GET":
        return seat_page(form, None)
    body = {"type": "linkedin", **form.body()}
    body = {name: value for name, value in body.items() if name not in GAPS or value is not None}
    try:
        with house().sessions.begin() as db:
            key = house().settings.sealing_key
            sender = connecting.create(db, person().workspace_id, body, key=key, trap=False, now=now())
    except Invalid as refusal:
        return seat_page(form, None, problem=form.tell(refusal)), 422
    tell_success(f"{sender.label} is added.")
    return _leave(sender)


def edit_seat(sender: Sender) -> ResponseReturnValue:
    """Change a seat; an empty key keeps the stored one."""
    form, who = SeatForm(data=_values(sender)), person()
    if request.method == "GET":
        return seat_page(form, sender)
    body, key = _changed(form, sender), house().settings.sealing_key
    try:
        with house().sessions.begin() as db:
            after = connecting.change(db, who.workspace_id, sender.id, body, key=key, now=now(), by=who.email)
    except (Invalid, WrongState) as refusal:
        return seat_page(form, sender, problem=form.tell(refusal)), 422
    if after.seat is None:
        unhook(sender)
    tell_success(f"{after.label} is saved.")
    return _leave(after)


def _changed(form: SeatForm, sender: Sender) -> dict[str, Any]:
    """The body, without what is as it was: entering an account puts a seat back to work, and gaps that nobody touched
    go with the way in which its steps leave."""
    body = form.body()
    if body.get("seat") == {"base_url": (sender.seat or {}).get("base_url")}:
        del body["seat"]
    if body["provider"] == sender.provider:
        del body["provider"]
    if all(body[name] == getattr(sender, name) for name in GAPS):
        body = {name: value for name, value in body.items() if name not in GAPS}
    return body


def _leave(sender: Sender) -> ResponseReturnValue:
    """Whoever has to connect an account yet stays on the page."""
    if sender.assisted or account_of(sender):
        return redirect(url_for("senders.index"), 303)
    return redirect(url_for("senders.edit", sender_id=sender.id, _anchor="seat"), 303)
