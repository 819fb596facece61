"""The settings of a campaign: an input for what can be edited now, text with the reason for the rest."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaigns import editing, overseeing, waking
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign, limits_of, senders_of
from campaigns.models.gate import gates_of
from campaigns.models.wake_up import WakeUp
from campaigns.rules.fields import BY_NAME
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Conflict, Invalid, Refused, Stale
from campaigns.web.clashes import drawn_from, setting_clashes
from campaigns.web.forms import read_settings, settings_rows
from campaigns.web.house import house, now, person
from campaigns.web.pages.campaigns import blueprint
from campaigns.web.pages.frame import head, is_fragment, show_account, tell_success, tell_warning
from campaigns.web.pages.previews import foretell, foretell_openings
from campaigns.web.pages.sequences import undoable
from campaigns.web.week import change_week, likely_zones, show_week, typed_week, week_errors

NOTHING_FORETOLD: dict[str, Any] = {"reasons": [], "applied": [], "impact": None}


@blueprint.route("/campaigns/<uuid:campaign_id>/settings", methods=["GET", "POST"])
def settings(campaign_id: UUID) -> ResponseReturnValue:
    """The form; posted, it goes through the same verb as PATCH, which sets aside what is locked. Its buttons `week`
    and `preview` save nothing; `wake_up` of the address is the wake-up that the last save asked for."""
    if request.method == "GET":
        return _woken_part(campaign_id) if is_fragment() else _page(campaign_id)
    if "week" in request.form:
        return _change_week(campaign_id)
    if "preview" in request.form:
        return _preview(campaign_id, request.form["preview"])
    who = person()
    try:
        with house().sessions.begin() as db:
            body = read_settings(request.form)
            since = drawn_from(request.form)
            _, changes = editing.edit(db, who.workspace_id, campaign_id, body, now=now(), by=who.email, since=since)
            wake_up = changes.wake_up and changes.wake_up.id
    except (Invalid, Conflict) as refusal:
        return _page(campaign_id, refusal=refusal), 422
    except Stale:
        return _page(campaign_id, stale=True), 412
    _tell(changes)
    return redirect(url_for("campaigns.settings", campaign_id=campaign_id, wake_up=wake_up), 303)


def _tell(changes: editing.Changes) -> None:
    """Say what was saved, and what was set aside and why."""
    ignored = [f"{BY_NAME[item['field']].label} {item['reason']}" for item in changes.ignored]
    if ignored:
        tell_warning(f"Not changed: {'; '.join(ignored)}.")
    if changes.wake_up is not None:
        tell_success("Saved. Everybody who sleeps is being looked at again.")
    elif changes.applied:
        tell_success("Saved.")
    elif not ignored:
        tell_success("Nothing was different, so nothing was changed.")


def _change_week(campaign_id: UUID) -> ResponseReturnValue:
    """A button of the week form: nothing is saved, the week comes back as it was asked for."""
    week = typed_week(request.form)
    focus = change_week(week, request.form["week"])
    if not is_fragment():
        return _page(campaign_id, week=week, focus=focus)
    with house().reading() as db:
        find_campaign(db, person().workspace_id, campaign_id)
    return render_template("_week.html", **_week_context(campaign_id, week, {}, focus))


def _preview(campaign_id: UUID, wish: str) -> ResponseReturnValue:
    """What the form would do if it were saved as it is typed, and when its hours open; nothing is saved."""
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
    if is_fragment() and wish == "openings":
        return render_template("_openings.html", campaign=campaign, **_openings(typed_week(request.form)))
    foretold = foretell(campaign_id, read_settings(request.form))
    if is_fragment():
        return render_template("_impact.html", campaign=campaign, foretold=foretold)
    return _page(campaign_id, refusal=foretold.get("refusal"), foretold=foretold)


def _openings(week: dict[str, Any]) -> dict[str, Any]:
    return foretell_openings(week, request.form.get("viewer-zone"))


def _woken_part(campaign_id: UUID) -> str:
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        return render_template("_woken.html", campaign=campaign, **_woken(db, campaign))


def _woken(db: Session, campaign: Campaign) -> dict[str, Any]:
    """The wake-up that the last save asked for, as far as it has come; `asleep` while it is under way."""
    asked = request.args.get("wake_up", type=UUID)
    found = db.get(WakeUp, asked) if asked else None
    if found is None or found.campaign_id != campaign.id:
        return {"wake_up": None, "asleep": 0}
    if found.finished_at:
        return {"wake_up": found, "asleep": 0}
    return {"wake_up": found, "asleep": waking.count_sleepers(db, campaign, gates_of(db, campaign.id), now()).sleeping}


def _week_context(
    campaign_id: UUID, week: dict[str, Any], errors: dict[str, list[str]], focus: str | None
) -> dict[str, Any]:
    if "timezone" in errors and (meant := likely_zones(week["timezone"])):
        errors["timezone"].append(f"Did you mean {' or '.join(meant)}?")
    url = url_for("campaigns.settings", campaign_id=campaign_id)
    return {"week": week, "week_errors": errors, "focus": focus, "week_url": url}


def _page(
    campaign_id: UUID,
    *,
    refusal: Refused | None = None,
    week: dict[str, Any] | None = None,
    focus: str | None = None,
    foretold: dict[str, Any] | None = None,
    stale: bool = False,
) -> str:
    problems = refusal.problems if refusal else ()
    typed = request.form if request.method == "POST" else None
    if typed is not None and "hours-mode" in typed:
        week = week or typed_week(typed)
    with house().reading() as db:
        shared = head(db, campaign_id, "settings")
        campaign = shared["campaign"]
        week = week or show_week(campaign.operating_hours, person().timezone)
        rows = settings_rows(campaign, _stored(db, campaign), typed, _labelled(db, problems))
        for row in rows:
            if row["kind"] == "week":
                row["errors"] = []  # they stand in the week itself
        return render_template(
            "editor.html",
            **shared,
            rows=rows,
            **_senders(db, campaign),
            **_week_context(campaign_id, week, week_errors(problems), focus),
            **_openings(week),
            **_woken(db, campaign),
            hours=campaign.operating_hours,
            problem=_summary(problems),
            foretold=foretold or NOTHING_FORETOLD,
            version=_version(campaign, stale),
            clash=_clash(db, campaign) if stale else None,
            undoable=undoable(db, campaign) if typed is None else None,
            undo_url=url_for("sequences.undo", campaign_id=campaign.id, page="settings"),
        )


def _version(campaign: Campaign, stale: bool) -> int:
    """What the form is drawn from: what is typed stays of its version, until a person has chosen."""
    drawn = request.form.get("version", type=int) if stale else drawn_from(request.form)
    return campaign.version if drawn is None else drawn


def _clash(db: Session, campaign: Campaign) -> dict[str, Any]:
    labels = {str(each.id): each.label for each in overseeing.senders_for(db, campaign.workspace_id)}
    body = read_settings(request.form)
    stored = {name: editing.raw_value(db, campaign, name) for name in body}
    return {
        "rows": setting_clashes(campaign, body, stored, labels, person().timezone),
        "over": campaign.version,
        "here": url_for("campaigns.settings", campaign_id=campaign.id),
    }


def _summary(problems: tuple[Problem, ...]) -> str | None:
    """What stands above a refused form."""
    return "Nothing was saved. The reasons stand beside the fields." if problems else None


def _stored(db: Session, campaign: Campaign) -> dict[str, Any]:
    """The value of every field as the form shows it."""
    columns = {name: getattr(campaign, name) for name in BY_NAME if hasattr(campaign, name)}
    return {
        **columns,
        "sender_account_ids": [str(sender.id) for sender in senders_of(db, campaign.id)],
        "account_limits": {str(row.sender_id): row.daily_limit for row in limits_of(db, campaign.id)},
    }


def _senders(db: Session, campaign: Campaign) -> dict[str, Any]:
    """All accounts that fit; those chosen; and those that a limit can be set for, which may be more."""
    fitting = overseeing.senders_for(db, campaign.workspace_id, campaign.type)
    chosen = senders_of(db, campaign.id)
    have = {sender.id for sender in chosen}
    limited = {row.sender_id for row in limits_of(db, campaign.id)}
    idle = [sender for sender in fitting if sender.id in limited - have]
    return {
        "senders": [show_account(sender) for sender in fitting],
        "chosen": [show_account(sender) for sender in chosen],
        "limited": [show_account(sender) for sender in [*chosen, *idle]],
    }


def _labelled(db: Session, problems: tuple[Problem, ...]) -> list[Problem]:
    """Problems of one account's limit say whose it is."""
    body = read_settings(request.form).get("account_limits") or []
    labels = {str(each.id): each.label for each in overseeing.senders_for(db, person().workspace_id)}
    named = []
    for problem in problems:
        root, _, rest = problem.field.partition("[")
        place = rest.partition("]")[0]
        if root == "account_limits" and place.isdigit() and int(place) < len(body):
            label = labels.get(body[int(place)]["account_id"], "An account")
            problem = Problem(problem.field, f"{label}: {problem.message}")
        named.append(problem)
    return named
