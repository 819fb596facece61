"""Launching, pausing and resuming: the moves of a campaign's status, each a compare-and-set.

A launch is asked for by a person (`launch`: draft to launching) and carried out by a job (`start`: people get
their sender and their first step, then active). If the job never comes through, the tick falls it back.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, sql
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models import counts, elsewhere
from campaigns.models.campaign import Campaign
from campaigns.models.enrolment import enrol
from campaigns.models.finding import find_campaign, limits_of, lock_workspace, senders_of
from campaigns.models.fitting import too_long_for_some
from campaigns.models.gate import roll_gates
from campaigns.models.log import note
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.models.suppression import end_forgotten, end_suppressed
from campaigns.models.waking import request_wake_up
from campaigns.models.writing import unsendable
from campaigns.rules import lifecycle
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Conflict, Invalid, WrongState
from campaigns.rules.sequence import MESSAGE, SENDING_TYPES

# People who are given their place, or removed with their campaign, in one transaction.
MOST_AT_ONCE = 5000
# People whom the answer to a launch names, of those whom it skipped; and campaigns that a warning names.
MOST_NAMED, MOST_CAMPAIGNS = 200, 3


@dataclass
class Check:
    """One line of the launch checklist. `place` is where it is mended: a tab of the campaign's pages."""

    name: str
    title: str
    place: str
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is missing here."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """One entry of `checks` (CONTRACT section 7)."""
        message = "; ".join(problem.message for problem in self.problems) or self.title
        return {"name": self.name, "ok": self.ok, "message": message}


@dataclass
class Readiness:
    """What a launch would say now."""

    checks: list[Check]
    warnings: list[Problem]

    @property
    def errors(self) -> list[Problem]:
        """Everything that keeps the campaign from being launched."""
        return [problem for check in self.checks for problem in check.problems]

    @property
    def ready(self) -> bool:
        """Whether it can be launched as it is."""
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        """The answer of `GET …/validate`."""
        return {
            "ready": self.ready,
            "checks": [check.to_json() for check in self.checks],
            "errors": [{"field": problem.field, "message": problem.message} for problem in self.errors],
            "warnings": [{"field": problem.field, "message": problem.message} for problem in self.warnings],
        }


def validate(session: Session, campaign: Campaign) -> Readiness:
    """The launch checklist, without any side effect."""
    senders = senders_of(session, campaign.id)
    people = counts.total(session, campaign.id, status=lifecycle.PENDING)
    taken = elsewhere.foresee(session, campaign)
    checks = [
        Check("sequence", "Every step can be sent.", "sequence", unsendable(campaign, campaign.nodes, senders)),
        Check("senders", _plural(len(senders), "sender account"), "settings", _sender_problems(senders)),
        Check("prospects", _plural(people, "prospect"), "prospects", _people_problems(people, taken)),
        Check("operating_hours", "The hours have open minutes.", "settings", []),
    ]
    return Readiness(checks, [*_warnings(session, campaign, senders), *_foretold(taken)])


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}."


def _sender_problems(senders: list[Sender]) -> list[Problem]:
    if not senders:
        return [Problem("sender_account_ids", "Choose at least one sender account.")]
    return [
        Problem("sender_account_ids", f"{sender.label} cannot send: {sender.status_reason or sender.status}.")
        for sender in senders
        if sender.status != "active"
    ]


def _people_problems(people: int, taken: dict[str, int]) -> list[Problem]:
    if people > sum(taken.values()):
        return []
    everybody = "Everybody here is in another LinkedIn campaign, and would be skipped: add others."
    return [Problem("prospects", everybody if people else "Add at least one prospect.")]


def _foretold(taken: dict[str, int]) -> list[Problem]:
    """Who would be skipped for which campaigns."""
    if not taken:
        return []
    parts = [f"{count:,} in “{name}”" for name, count in list(taken.items())[:MOST_CAMPAIGNS]]
    more = len(taken) - len(parts)
    parts += [f"others in {more:,} more"] if more else []
    skipped = _plural(sum(taken.values()), "prospect")[:-1]
    message = f"{skipped} will be skipped, being in other LinkedIn campaigns already: {', '.join(parts)}."
    return [Problem("skip_other_campaigns", message)]


# Said before launch, not found out after.
UNINVITED = "Nobody is invited before the first message: whoever is not connected with the account yet is held back."
UNSEEN = "has no IMAP server: its answers are not seen, and nothing stops for them. Enter its IMAP server."


def _warnings(session: Session, campaign: Campaign, senders: list[Sender]) -> list[Problem]:
    unheard = [one for one in senders if one.imap is None and not one.uses_trap] if campaign.stop_on_reply else []
    warnings = [Problem("stop_on_reply", f"{one.label} {UNSEEN}") for one in unheard]
    if next((node.type for node in campaign.nodes if node.type in SENDING_TYPES), None) == MESSAGE:
        warnings.append(Problem("sequence_nodes", UNINVITED))
    warnings += too_long_for_some(session, campaign, senders)
    own = {sender.id for sender in senders}
    idle = [limit for limit in limits_of(session, campaign.id) if limit.sender_id not in own]
    if idle:
        message = f"{_plural(len(idle), 'limit')[:-1]} for accounts that this campaign does not send from."
        warnings.append(Problem("account_limits", message))
    return warnings


def wrong_state(campaign: Campaign, verb: str) -> WrongState:
    """The refusal for a move that the campaign's status does not allow; it names both states."""
    origin = lifecycle.move(verb).origin
    article = "an" if origin == lifecycle.ACTIVE else "a"
    return WrongState(
        f"This campaign is {campaign.status}: only {article} {origin} campaign can be {PAST[verb]}.",
        problems=[Problem("status", f"is {campaign.status}")],
    )


PAST = {"launch": "launched", "pause": "paused", "resume": "resumed"}


def _move(campaign: Campaign, verb: str, now: datetime) -> None:
    """The compare-and-set; the row is locked by the caller. Raises WrongState."""
    row = lifecycle.move(verb)
    if campaign.status != row.origin:
        raise wrong_state(campaign, verb)
    campaign.status, campaign.updated_at = row.target, now
    campaign.version += 1


def launch(session: Session, workspace_id: UUID, campaign_id: UUID, *, now: datetime, by: str | None) -> Campaign:
    """Start a launch: draft to launching, without whoever is in another campaign, and ring for the job.

    Of two launches at the same moment the second sees whom the first one has. Raises Conflict while a launch is in
    flight, WrongState from any other status, Invalid with the checklist's errors.
    """
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    if campaign.status == lifecycle.LAUNCHING:
        raise Conflict("This campaign is being launched already: wait a moment.", code="launch_in_flight")
    if campaign.status != lifecycle.DRAFT:
        raise wrong_state(campaign, "launch")
    lock_workspace(session, workspace_id)
    readiness = validate(session, campaign)
    if not readiness.ready:
        errors = readiness.errors
        more = f" ({len(errors) - 1} more to mend)" if len(errors) > 1 else ""
        message = f"Not ready to launch: {errors[0].message}{more}"
        raise Invalid(message, code="not_ready", problems=errors)
    _move(campaign, "launch", now)
    campaign.launching_since = now
    note(session, campaign, "launch_requested", now, by=by, skipped=elsewhere.skip_taken(session, campaign, now))
    ring(session, "launch", campaign.id, by or "")
    return campaign


@dataclass(frozen=True)
class Skipped:
    """How many people a launch left out, and the first MOST_NAMED of them, each with the campaign they are in."""

    count: int
    people: list[tuple[Prospect, Campaign]]

    def to_json(self) -> dict[str, Any]:
        """What the answer to a launch says of them."""
        people = [
            {
                "id": str(person.id),
                "name": person.name,
                "linkedin_url": person.linkedin_url,
                "campaign_id": str(other.id),
                "campaign_name": other.name,
                "reason": person.status_reason,
            }
            for person, other in self.people
        ]
        return {"skippedProspects": people, "skippedCount": self.count}


def skipped(session: Session, campaign: Campaign) -> Skipped:
    """Whom the launch of a campaign that is launching has left out: nobody else is cancelled there yet."""
    count = counts.total(session, campaign.id, status=lifecycle.CANCELLED)
    return Skipped(count, elsewhere.skipped_people(session, campaign, MOST_NAMED) if count else [])


def place(session: Session, campaign_id: UUID, *, now: datetime) -> bool:
    """Give some people of a launching campaign their place ahead of `start`; whether more are left. A launch of a
    million is many short transactions: nobody else's lane waits for it."""
    campaign = _launching(session, campaign_id)
    if campaign is None:
        return False
    campaign.launching_since = now  # it is not stuck
    gone = end_forgotten(session, campaign, now, most=MOST_AT_ONCE)
    return gone + enrol(session, campaign, now, most=MOST_AT_ONCE - gone) == MOST_AT_ONCE


def _launching(session: Session, campaign_id: UUID) -> Campaign | None:
    campaign = session.scalar(
        select(Campaign).where(Campaign.id == campaign_id).with_for_update(of=Campaign, key_share=True)
    )
    return campaign if campaign is not None and campaign.status == lifecycle.LAUNCHING else None


def start(session: Session, campaign_id: UUID, *, now: datetime, by: str | None) -> bool:
    """Carry a launch out: enrol everybody, set the gates, go active. False if it is not launching any more."""
    campaign = _launching(session, campaign_id)
    if campaign is None:
        return False
    end_suppressed(session, campaign, now)
    end_forgotten(session, campaign, now)
    enrol(session, campaign, now)
    people = counts.total(session, campaign.id, status=lifecycle.PENDING)
    _move(campaign, "start", now)
    campaign.launched_at, campaign.launching_since = now, None
    note(session, campaign, "launched", now, by=by, prospects=people)
    request_wake_up(session, campaign, "launch", now, by=by, old_hours=campaign.operating_hours)
    return True


def pause(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    *,
    now: datetime,
    by: str | None,
    reason: str | None = None,
) -> Campaign:
    """Active to paused: nothing more leaves once the message being sent is out. Raises WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    _move(campaign, "pause", now)
    campaign.pause_reason = reason
    note(session, campaign, "paused", now, by=by, reason=reason)
    return campaign


def resume(session: Session, workspace_id: UUID, campaign_id: UUID, *, now: datetime, by: str | None) -> Campaign:
    """Paused to active, and wake whoever is due. Raises WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    _move(campaign, "resume", now)
    campaign.pause_reason = None
    roll_gates(session, campaign, now)
    note(session, campaign, "resumed", now, by=by)
    request_wake_up(session, campaign, "resume", now, by=by, old_hours=campaign.operating_hours)
    return campaign


def remove(
    sessions: sessionmaker[Session], workspace_id: UUID, campaign_id: UUID, *, now: datetime, by: str | None
) -> str:
    """Stop the campaign and delete it, its people in as many short transactions as it takes: a million hold up nobody
    else's lane. Its name. Raises NotFound.

    It is completed from the first transaction on. So a deletion that is cut short leaves a campaign that neither runs
    nor takes anybody in, and that can be deleted again.
    """
    with sessions.begin() as session:
        campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
        _end(session, campaign, now, by)
        name = campaign.name
    more = True
    while more:
        with sessions.begin() as session:
            more = _empty(session, find_campaign(session, workspace_id, campaign_id, lock=True))
    with sessions.begin() as session:
        delete(session, workspace_id, campaign_id)
    return name


def _end(session: Session, campaign: Campaign, now: datetime, by: str | None) -> None:
    """Complete a campaign that is about to be deleted, whatever its status."""
    if campaign.status != lifecycle.COMPLETED:
        campaign.status, campaign.completed_at, campaign.updated_at = lifecycle.COMPLETED, now, now
        campaign.launching_since = None
        campaign.version += 1
    note(session, campaign, "deletion_begun", now, by=by)


def _empty(session: Session, campaign: Campaign) -> bool:
    """Delete some of the campaign's people; whether more are left."""
    some = select(Prospect.id).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id).limit(MOST_AT_ONCE)
    options = {"synchronize_session": False}
    gone = session.execute(sql.delete(Prospect).where(Prospect.id.in_(some)), execution_options=options)
    return bool(gone.rowcount == MOST_AT_ONCE)  # type: ignore[attr-defined]


def delete(session: Session, workspace_id: UUID, campaign_id: UUID) -> None:
    """Delete the campaign and all that belongs to it, in one transaction. What its senders sent today still counts
    against their limits."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    session.delete(campaign)
