"""What follows from a mail: the sequence ends, waits, or goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.channels.reading import COMPLAINT, HARD_BOUNCE, OUT_OF_OFFICE, REPLY, Letter
from campaigns.models.campaign import Campaign
from campaigns.models.conversation import converse
from campaigns.models.journey import STILL_TELLING, leave, leave_all
from campaigns.models.log import note
from campaigns.models.message import BOUNCED, SENT, Message
from campaigns.models.prospect import Prospect
from campaigns.models.suppression import ANSWERED, COMPLAINED, suppress
from campaigns.rules import lifecycle
from campaigns.rules.correspondence import asks_to_stop
from campaigns.rules.freemail import company_domain

# An absence that names no end is taken to last this long, and none longer than a year.
ABSENCE, LONGEST_ABSENCE = timedelta(days=3), timedelta(days=366)

ASKED = "Asked in an answer to get no more mail."
COMPLAINT_MADE = "Reported a message as spam."


def act(
    session: Session, campaign: Campaign, prospect: Prospect, message: Message | None, letter: Letter, now: datetime
) -> None:
    """Do what a mail of this kind asks for. Campaign, person and message are locked; it was not acted on before."""
    action = ACTIONS.get(letter.kind)
    if action is not None:
        action(session, campaign, prospect, message, letter, now)


def _answered(
    session: Session, campaign: Campaign, prospect: Prospect, message: Message | None, letter: Letter, now: datetime
) -> None:
    prospect.replied_at = prospect.replied_at or now
    converse(session, prospect, now)
    note(session, campaign, "replied", now, by=None, prospect_id=str(prospect.id))
    if asks_to_stop(letter.fresh):
        suppress(session, prospect.workspace_id, prospect.identity, ASKED, ANSWERED, now)
        return
    if not campaign.stop_on_reply:
        return
    if prospect.status in STILL_TELLING:
        leave(prospect, lifecycle.REPLIED, None, now)
    domain = company_domain(prospect.email)
    if campaign.workspace.stop_company and domain:
        _stop_company(session, campaign, domain, now)


def _stop_company(session: Session, campaign: Campaign, domain: str, now: datetime) -> None:
    """Everybody else of the campaign at this domain gets nothing more."""
    colleagues = (
        Prospect.campaign_id == campaign.id,
        Prospect.identity.endswith(f"@{domain}", autoescape=True),
    )
    leave_all(session, colleagues, lifecycle.REPLIED, f"Somebody else at {domain} answered.", now)


def _bounced(
    session: Session, campaign: Campaign, prospect: Prospect, message: Message | None, letter: Letter, now: datetime
) -> None:
    reason = letter.diagnostic or letter.status or "The message came back."
    if message is not None and message.status == SENT:
        message.status, message.error = BOUNCED, reason
    if prospect.status in STILL_TELLING:
        leave(prospect, lifecycle.BOUNCED, reason, now)
        prospect.bounced_at = now
    note(session, campaign, "bounced", now, by=None, prospect_id=str(prospect.id))


def _away(
    session: Session, campaign: Campaign, prospect: Prospect, message: Message | None, letter: Letter, now: datetime
) -> None:
    """Nothing is due before they are back."""
    if prospect.status in lifecycle.TERMINAL:
        return
    back = back_at(letter, campaign, now)
    prospect.not_before = max(prospect.not_before or back, back)
    if prospect.due_at is not None:
        prospect.due_at = max(prospect.due_at, back)
    if prospect.held_due_at is not None:
        prospect.held_due_at = max(prospect.held_due_at, back)
    prospect.updated_at = now


def back_at(letter: Letter, campaign: Campaign, now: datetime) -> datetime:
    """When an absence is over: as the named day begins in the workspace's zone, else after ABSENCE."""
    if letter.until is not None:
        day = datetime.combine(letter.until, time(), ZoneInfo(campaign.workspace.timezone)).astimezone(UTC)
        if now < day <= now + LONGEST_ABSENCE:
            return day
    return now + ABSENCE


def _complained(
    session: Session, campaign: Campaign, prospect: Prospect, message: Message | None, letter: Letter, now: datetime
) -> None:
    suppress(session, prospect.workspace_id, prospect.identity, COMPLAINT_MADE, COMPLAINED, now)
    note(session, campaign, "complained", now, by=None, prospect_id=str(prospect.id))


Action = Callable[[Session, Campaign, Prospect, Message | None, Letter, datetime], None]
# Whatever is not here (a passing bounce, an acknowledgement) is kept, and changes nothing.
ACTIONS: dict[str, Action] = {
    REPLY: _answered,
    HARD_BOUNCE: _bounced,
    OUT_OF_OFFICE: _away,
    COMPLAINT: _complained,
}


def lock(session: Session, prospect: Prospect, message: Message | None) -> Campaign | None:
    """Lock the campaign, the message and the person as lanes do, and read them again: what was known of them may have
    changed meanwhile. The campaign; None if they were removed."""
    fresh = {"populate_existing": True}
    own = select(Campaign).where(Campaign.id == prospect.campaign_id)
    campaign = session.scalar(own.with_for_update(read=True, key_share=True), execution_options=fresh)
    if message is not None:
        session.scalar(select(Message).where(Message.id == message.id).with_for_update(), execution_options=fresh)
    person = session.scalar(
        select(Prospect).where(Prospect.id == prospect.id).with_for_update(), execution_options=fresh
    )
    return campaign if person is not None else None
