"""Sparing people a step: what was written down before, what another campaign does, what is needless."""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.elsewhere import skip, taken_by_other
from campaigns.models.journey import known_as, pass_invitation
from campaigns.models.message import SKIPPED, WAITING
from campaigns.models.sender import Sender
from campaigns.rules.sequence import CONNECTION_REQUEST
from campaigns.sending.person import Person, Settled, let_go, pass_by, take_out, write_message
from campaigns.sending.steps import Steps

log = logging.getLogger(__name__)


def spare(session: Session, steps: Steps, person: Person, sender: Sender, now: datetime) -> Settled | None:
    """Let somebody be whom this step is not to reach; None for everybody else."""
    if person.status not in (None, WAITING):
        # The pair was sent, skipped or is unknown: whatever led here, it is not sent again.
        return _pass_over(session, person, sender)
    if (other := taken_by_other(session, person.campaign, person.prospect)) is not None:
        skip(person.prospect, other, now)
        let_go(session, person.prospect)
        return Settled()
    if person.node.type == CONNECTION_REQUEST and (known := known_as(session, person.prospect)):
        return _skip_invitation(session, steps, person, sender, known, now)
    return None


def _pass_over(session: Session, person: Person, sender: Sender) -> Settled:
    person.prospect.due_at = None
    take_out(session, person.prospect)
    ids = {"campaign_id": person.campaign.id, "sender_id": sender.id, "prospect_id": person.prospect.id}
    log.error("This person came up again for step %d, and is left alone.", person.node.position + 1, extra=ids)
    return Settled()


def _skip_invitation(
    session: Session, steps: Steps, person: Person, sender: Sender, known: str, now: datetime
) -> Settled:
    """They are connected with the account already, or have an invitation of it from another campaign."""
    prospect = person.prospect
    write_message(session, person, sender, person.message_id or new_id(), {"status": SKIPPED}, now)
    nodes = steps.of(session, person.campaign.id, person.campaign.version)
    pass_invitation(session, prospect, person.node, known, now, nodes)
    pass_by(session, prospect)
    return Settled()
