"""PATCH and the settings form: apply what may be applied, say what was not, wake whom it concerns."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.editing.values import check_values, ignored_fields, raw_value, read_values, write_value
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign, limits_of, senders_of
from campaigns.models.gate import roll_gates
from campaigns.models.log import note
from campaigns.models.version import check_unedited, check_version, keep_version
from campaigns.models.wake_up import WakeUp
from campaigns.models.waking import request_wake_up
from campaigns.rules.hours import parse_hours
from campaigns.rules.lifecycle import ACTIVE, DRAFT
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid


@dataclass
class Changes:
    """What an edit did, field by field, in the order of the table; and the wake-up it asked for, if any."""

    applied: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    ignored: list[dict[str, str]] = field(default_factory=list)
    wake_up: WakeUp | None = None

    def to_json(self) -> dict[str, Any]:
        """`changes` of CONTRACT section 7."""
        return {"applied": self.applied, "unchanged": self.unchanged, "ignored": self.ignored}


def edit(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    body: Mapping[str, Any],
    *,
    now: datetime,
    by: str | None,
    strict: bool = False,
    versions: Collection[int] | None = None,
    since: int | None = None,
) -> tuple[Campaign, Changes]:
    """Apply what `body` asks for and the table allows. Raises NotFound, Stale, Invalid, Conflict; then nothing is
    written.

    With `strict` an ignored field is Invalid (`Prefer: handling=strict`); with `versions` the campaign must be at
    one of these (`If-Match`). `since` is the version that a form was drawn from: what it holds must not have been
    edited after it, which is less than that nothing was.
    """
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    check_version(campaign, versions)
    if since is not None:
        check_unedited(session, campaign, body.keys(), since)
    wanted, changes = sort_out(session, campaign, body, strict=strict)
    check_values(session, campaign, wanted)
    apply(session, campaign, wanted, changes, now, by)
    return campaign, changes


def sort_out(
    session: Session, campaign: Campaign, body: Mapping[str, Any], *, strict: bool
) -> tuple[dict[str, Any], Changes]:
    """The values that apply, and what is set aside. Raises Invalid; with `strict` for anything set aside, too."""
    values = read_values(body, campaign.workspace.timezone)
    changes = Changes(ignored=ignored_fields(body, campaign))
    if strict and changes.ignored:
        raise Invalid.of([Problem(item["field"], item["reason"]) for item in changes.ignored])
    aside = {item["field"] for item in changes.ignored}
    return {name: value for name, value in values.items() if name not in aside}, changes


@dataclass(frozen=True)
class _Before:
    """What a wake-up is decided by: the state before the edit."""

    hours: dict[str, Any] | None
    prospect_timezone: bool
    daily_limit: int | None
    limits: dict[UUID, int]


def _remember(session: Session, campaign: Campaign) -> _Before:
    return _Before(
        campaign.operating_hours,
        campaign.prospect_timezone,
        campaign.daily_limit,
        _effective_limits(session, campaign),
    )


def _effective_limits(session: Session, campaign: Campaign) -> dict[UUID, int]:
    own = {limit.sender_id: limit.daily_limit for limit in limits_of(session, campaign.id)}
    return {sender.id: own.get(sender.id, sender.daily_limit) for sender in senders_of(session, campaign.id)}


def apply(
    session: Session,
    campaign: Campaign,
    values: Mapping[str, Any],
    changes: Changes,
    now: datetime,
    by: str | None,
    *,
    cause: str = "edited",
) -> None:
    """Write values that were checked, as a version; wake whom they concern. The campaign is locked."""
    before = _remember(session, campaign) if campaign.status == ACTIVE else None
    replaced = {name: raw_value(session, campaign, name) for name in values}
    for name, value in values.items():
        changed = write_value(session, campaign, name, value)
        (changes.applied if changed else changes.unchanged).append(name)
    if not changes.applied:
        return
    campaign.version += 1
    campaign.updated_at = now
    replaced = {name: replaced[name] for name in changes.applied}
    note(session, campaign, "edited", now, by=by, fields=changes.applied)
    keep_version(session, campaign, cause, now, by=by, before=replaced)
    if campaign.status == DRAFT:
        return
    roll_gates(session, campaign, now)
    if before and (cause_of_wake_up := _wake_cause(session, campaign, before)):
        changes.wake_up = request_wake_up(session, campaign, cause_of_wake_up, now, by=by, old_hours=before.hours)


def _wake_cause(session: Session, campaign: Campaign, before: _Before) -> str | None:
    """Why sleepers must be re-checked, if they must: other hours first, then a limit that was raised."""
    if before.prospect_timezone != campaign.prospect_timezone or _other_hours(before.hours, campaign):
        return "operating_hours"
    raised = (campaign.daily_limit or 0) > (before.daily_limit or 0)
    limits = _effective_limits(session, campaign)
    if raised or any(limits[sender] > limit for sender, limit in before.limits.items() if sender in limits):
        return "limit"
    return None


def _other_hours(old: dict[str, Any] | None, campaign: Campaign) -> bool:
    """Whether the hours mean something else now; the same week written otherwise wakes nobody."""
    before, after = parse_hours(old, default_timezone="UTC"), campaign.hours
    if before is None or after is None:
        return before is not after
    return not before.same_opening(after)
