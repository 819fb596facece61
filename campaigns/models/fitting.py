"""For how many people a LinkedIn step would be too long, before it is found out person by person."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.writing import values_for
from campaigns.rules.lengths import NOUNS, least_length, length, limits, text_of
from campaigns.rules.lifecycle import PENDING
from campaigns.rules.placeholders import BrokenTemplate, MissingValue, fill, names_used
from campaigns.rules.problems import Problem
from campaigns.rules.sequence import named

# People who are looked at; drafts are looked over every 2 s while somebody watches.
MOST_LOOKED_AT = 200


def too_long_for_some(session: Session, campaign: Campaign, senders: Sequence[Sender]) -> Iterator[Problem]:
    """The steps that would be too long for some of the campaign's first people, from the account that may write
    least."""
    if not senders:
        return
    narrow = min(senders, key=lambda one: one.is_premium)
    people: Sequence[Prospect] | None = None
    for index, (node, step) in enumerate(named(campaign.nodes)):
        text = text_of(node) or ""
        if not names_used(text) or least_length(text) > (most := limits((narrow.is_premium,))[node.type]):
            continue
        people = _first_people(session, campaign) if people is None else people
        over = sum(_length(text, one, narrow) > most for one in people)
        if over:
            yield Problem(f"sequence_nodes[{index}].body", f"{step}: {_words(over, len(people), node.type, most)}")


def _first_people(session: Session, campaign: Campaign) -> Sequence[Prospect]:
    waiting = select(Prospect).where(Prospect.campaign_id == campaign.id, Prospect.status == PENDING)
    return session.scalars(waiting.order_by(Prospect.id).limit(MOST_LOOKED_AT)).all()


def _length(text: str, prospect: Prospect, sender: Sender) -> int:
    """0 for whoever is held back for another reason."""
    try:
        return length(fill(text, values_for(prospect, sender)).strip())
    except (MissingValue, BrokenTemplate):
        return 0


def _words(over: int, looked_at: int, step: str, most: int) -> str:
    whose = f"{over:,} of the {looked_at:,} people looked at" if looked_at > 1 else "the one person there is"
    held = "they would be held back" if over > 1 else "that person would be held back"
    return f"with their values the {NOUNS[step]} is over {most:,} characters for {whose}: {held}."
