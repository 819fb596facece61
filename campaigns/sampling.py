"""The sample campaign: what a first look needs, ready to launch where a mail trap runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, CampaignSender
from campaigns.models.log import note
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.upsert import write_nodes
from campaigns.models.workspace import Workspace
from campaigns.rules import lifecycle
from campaigns.rules.hours import DAYS
from campaigns.rules.sequence import parse_nodes

NAME = "Sample: a string quartet goes on tour"
SENDER = ("Clara", "Weiss", "clara@cadenza.example")

# One line a paragraph: whoever reads it has a window of another width.
GREETING = "Hi %first_name|there%,"
FIRST = (
    f"{GREETING}\n\n"
    "I play second violin in a string quartet, and in spring we tour the small halls along the coast. "
    "%company|Your hall% came up twice when we asked where people listen well.\n\n"
    "Would an evening in April be thinkable? The programme is an hour, Haydn to Bartók, and we bring our own lights."
)
SECOND = (
    f"{GREETING}\n\n"
    "just once more, in case my note went under: there is a recording of the programme, and I am glad to send it."
)
LAST = (
    f"{GREETING}\n\n"
    "I will close the calendar at the end of the week. If April is too soon, say “autumn”, and I write again then."
)
STEPS: Sequence[dict[str, Any]] = (
    {"type": "email", "subject": "An evening of quartets at %company|your hall%?", "body": FIRST},
    {"type": "delay", "delay_days": 3},
    {"type": "email", "is_reply": True, "body": SECOND},
    {"type": "delay", "delay_days": 4},
    {"type": "email", "is_reply": True, "body": LAST},
    {"type": "end"},
)
SIGNATURE = "%sender_name%\nQuartetto Cadenza"

# The domains are reserved for examples: nobody can be written to by mistake.
PEOPLE = (
    ("Ann", "Lee", "Harbour Hall", "Programme director"),
    ("Bashir", "Haddad", "The Old Mill", "Owner"),
    ("Chiara", "Rossi", "Teatro Piccolo", "Artistic director"),
    ("Dmitri", "Volkov", "Lighthouse Concerts", "Founder"),
    ("Elif", "Kaya", "Customs House", "Events manager"),
    ("Femi", "Adeyemi", "Salt Warehouse", "Curator"),
    ("Greta", "Lindqvist", "Kyrkan by the Sea", "Cantor"),
    ("Hugo", "Marques", "Sala do Mar", "Producer"),
    ("Ines", "Fournier", "Le Phare", "Director"),
    ("Jonas", "Brandt", "Kulturspeicher", "Programme director"),
    ("Keiko", "Tanaka", "Harbour Museum", "Head of events"),
    ("Liam", "Byrne", "The Boathouse", "Manager"),
)


def is_offered(session: Session, workspace_id: UUID) -> bool:
    """Whether the workspace has no sample campaign yet."""
    own = select(Campaign.id).where(Campaign.workspace_id == workspace_id, Campaign.name == NAME)
    return session.scalar(own) is None


def load(session: Session, workspace_id: UUID, *, trap: bool, now: datetime, by: str | None) -> Campaign:
    """The sample campaign as a draft; the one that is there already, if it is.

    With `trap` it sends from an account that hands everything to the local mail trap, so that it may be
    launched as it is. Without one it waits for a sender of the workspace's own.
    """
    found = session.scalar(select(Campaign).where(Campaign.workspace_id == workspace_id, Campaign.name == NAME))
    if found is not None:
        return found
    campaign = _draft(session.get_one(Workspace, workspace_id), now)
    session.add(campaign)
    session.flush()
    write_nodes(campaign, parse_nodes(list(STEPS)))
    session.add_all(_prospects(campaign, now))
    if trap:
        sender = _trap_sender(session, workspace_id, now)
        session.add(CampaignSender(campaign_id=campaign.id, sender_id=sender.id, position=0))
    note(session, campaign, "created", now, by=by)
    session.flush()
    return campaign


def _draft(workspace: Workspace, now: datetime) -> Campaign:
    """Open every day from morning to night, so that a first try at any usual hour sends something."""
    window = [{"start": "07:00", "end": "22:00"}]
    return Campaign(
        id=new_id(),
        workspace_id=workspace.id,
        type=lifecycle.EMAIL,
        name=NAME,
        status=lifecycle.DRAFT,
        version=1,
        operating_hours={"timezone": workspace.timezone, **dict.fromkeys(DAYS, window)},
        prospect_timezone=False,
        daily_limit=50,
        stop_on_reply=True,
        open_tracking=False,
        signature=SIGNATURE,
        created_at=now,
        updated_at=now,
    )


def _prospects(campaign: Campaign, now: datetime) -> list[Prospect]:
    return [
        Prospect(
            id=new_id(),
            workspace_id=campaign.workspace_id,
            campaign_id=campaign.id,
            identity=(address := f"{first}.{last}@venue.example".lower()),
            email=address,
            first_name=first,
            last_name=last,
            company=company,
            position=position,
            status=lifecycle.PENDING,
            clock="",
            custom_fields={},
            source="sample",
            contacted=False,
            created_at=now,
            updated_at=now,
        )
        for first, last, company, position in PEOPLE
    ]


def _trap_sender(session: Session, workspace_id: UUID, now: datetime) -> Sender:
    """An account of the workspace that uses the trap, made if there is none; with short gaps, as it is for trying."""
    own = select(Sender).where(Sender.workspace_id == workspace_id, Sender.uses_trap, Sender.status == "active")
    found = session.scalars(own.order_by(Sender.id)).first()
    if found is not None and found.first_name:
        return found
    first, last, address = SENDER
    sender = Sender(
        workspace_id=workspace_id,
        type=lifecycle.EMAIL,
        display_name=f"{first} {last}",
        first_name=first,
        last_name=last,
        email_address=address,
        uses_trap=True,
        min_gap=2,
        max_gap=5,
        smtp=None,
        imap=None,
        created_at=now,
        updated_at=now,
    )
    session.add(sender)
    session.flush()
    return sender
