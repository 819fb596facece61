"""Trying an edit: everything that a save would do is done in a transaction, looked at, and taken back.

So a dry run has no rules of its own: the edit, the wake-up and the judge are the real ones (CONTRACT section 7,
`?dry_run=true`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from campaigns import editing, foreseeing, reporting, waking
from campaigns.foreseeing import Calendar
from campaigns.models.ahead import Scene
from campaigns.models.finding import find_campaign, senders_of
from campaigns.rules.lifecycle import ACTIVE
from campaigns.web.house import house, now, person


@dataclass(frozen=True)
class Impact:
    """What an edit of an active campaign changes: the record that its wake-up would leave, if it asked for one,
    and its sends before and after."""

    wake_up: dict[str, Any] | None
    before: Calendar
    after: Calendar
    senders: Mapping[UUID, str]

    def to_json(self) -> dict[str, Any]:
        """`impact` of a dry run. `resumed` counts people whose hours would be open at once."""
        return {
            **{name: self.wake_up and self.wake_up[name] for name in FORESEEN},
            "first_send_at": _instants(self.before.span.first, self.after.span.first),
            "last_send_at": _instants(self.before.span.last, self.after.span.last),
            "estimated": self.before.span.estimated or self.after.span.estimated,
            "bottleneck": self._bottleneck(),
        }

    def _bottleneck(self) -> dict[str, str] | None:
        if self.after.span.bottleneck is None:
            return None
        sender, gate = self.after.span.bottleneck
        return {"sender_account_id": str(sender), "label": self.senders.get(sender, ""), "gate": gate}


FORESEEN = ("sleeping", "resumed", "slept_again", "next_open_at")


def _instants(before: Any, after: Any) -> dict[str, str | None]:
    return {"before": reporting.instant(before), "after": reporting.instant(after)}


@dataclass(frozen=True)
class Rehearsal:
    """The answer that a real edit would have had, and its impact; None where nothing runs or nothing changed."""

    answer: dict[str, Any]
    impact: Impact | None


def rehearse(
    campaign_id: UUID,
    body: Mapping[str, Any],
    *,
    strict: bool = False,
    versions: Collection[int] | None = None,
) -> Rehearsal:
    """Try an edit and write nothing. Raises what the edit would raise."""
    before = _scene(campaign_id)
    with house().sessions() as db:
        try:
            campaign, changes = editing.edit(
                db,
                person().workspace_id,
                campaign_id,
                body,
                now=now(),
                by=person().email,
                strict=strict,
                versions=versions,
            )
            db.flush()
            answer = {
                "campaign": reporting.campaign_json(db, campaign, now()),
                "sequence_nodes": reporting.nodes_json(db, campaign.id),
                "changes": changes.to_json(),
                "wake_up": None,
            }
            if before is None or not changes.applied:
                return Rehearsal(answer, None)
            woken = waking.wake(db, changes.wake_up.id, now=now(), job_id=None) if changes.wake_up else None
            wake_up = reporting.wake_up_json(woken) if woken else None
            after = foreseeing.edited_scene(db, before, campaign)
            senders = {sender.id: sender.label for sender in senders_of(db, campaign.id)}
        finally:
            db.rollback()
    impact = Impact(wake_up, foreseeing.calendar(before), foreseeing.calendar(after), senders)
    return Rehearsal(answer, impact)


def _scene(campaign_id: UUID) -> Scene | None:
    """What the campaign's future depends on now, None unless it runs. Read without keeping any writer waiting."""
    with house().reading() as db:
        campaign = find_campaign(db, person().workspace_id, campaign_id)
        return foreseeing.scene(db, campaign, now()) if campaign.status == ACTIVE else None
