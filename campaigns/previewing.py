"""Previewing: each step as one person will get it, with the holes shown, and a copy for whoever asks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import nodes_of, senders_of
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.models.writing import compose_alone, reply_subject, signature_of, signed, values_for
from campaigns.rules.lengths import length, limits, text_of
from campaigns.rules.outgoing import Outgoing
from campaigns.rules.placeholders import BrokenTemplate, fill_in
from campaigns.rules.problems import Problem
from campaigns.rules.refusals import Invalid

# A hole is filled with its own name between two characters that no text holds (Unicode's private use).
_OPEN, _CLOSE = "\ue000", "\ue001"
_HOLE = re.compile(f"{_OPEN}(.*?){_CLOSE}")


@dataclass(frozen=True)
class Piece:
    """A run of text; `missing` where a value is not there and its placeholder stands instead."""

    text: str
    missing: bool


@dataclass(frozen=True)
class Preview:
    """A step as somebody will get it. `subject` is None where the step has none; `in_thread` says that it answers the
    email before; `problems` tell why it cannot be filled at all. `most` is how long a text may be that LinkedIn takes.
    """

    node_id: UUID
    type: str
    subject: tuple[Piece, ...] | None
    body: tuple[Piece, ...]
    in_thread: bool
    problems: tuple[str, ...]
    most: int | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The placeholders that this person has no value for."""
        pieces = (*(self.subject or ()), *self.body)
        return tuple(dict.fromkeys(piece.text for piece in pieces if piece.missing))

    @property
    def length(self) -> int:
        """How long LinkedIn takes the text to be."""
        return length("".join(piece.text for piece in self.body))


def preview(session: Session, campaign: Campaign, prospect: Prospect, sender: Sender | None) -> list[Preview]:
    """Every sending step, as `prospect` gets it from `sender`. Nothing is written."""
    sender = sender or Sender()
    values = values_for(prospect, sender)
    found: list[Preview] = []
    subject = ""  # the text that the running thread began with
    for node in nodes_of(session, campaign.id):
        if node.type in ("delay", "end"):
            continue
        if node.type != "email":
            found.append(_linkedin_preview(node, sender.is_premium, values))
            continue
        in_thread = bool(node.is_reply and subject)
        if not in_thread:
            subject = node.subject or subject
        found.append(_preview(node, signature_of(node, campaign, sender), values, subject, in_thread))
    return found


def _preview(node: Node, signature: str, values: dict[str, Any], subject: str, in_thread: bool) -> Preview:
    try:
        text = signed(fill_with_holes(node.body or "", values), fill_with_holes(signature, values))
        line = fill_with_holes(subject, values, line=True)
    except BrokenTemplate as broken:
        return Preview(node.id, node.type, None, (), in_thread, broken.problems)
    line = reply_subject(line) if in_thread else line
    return Preview(node.id, node.type, tuple(_pieces(line)), tuple(_pieces(text)), in_thread, ())


def _linkedin_preview(node: Node, premium: bool, values: dict[str, Any]) -> Preview:
    try:
        text = fill_with_holes(text_of(node) or "", values).strip()
    except BrokenTemplate as broken:
        return Preview(node.id, node.type, None, (), False, broken.problems)
    return Preview(node.id, node.type, None, tuple(_pieces(text)), False, (), limits((premium,))[node.type])


def fill_with_holes(text: str, values: dict[str, Any], *, line: bool = False) -> str:
    """As `fill`, or `fill_subject` for a `line`; a missing value leaves its placeholder between two marks."""
    return fill_in(text, values, lambda name: f"{_OPEN}%{name}%{_CLOSE}", line=line)


def _pieces(text: str) -> Iterator[Piece]:
    at = 0
    for hole in _HOLE.finditer(text):
        if hole.start() > at:
            yield Piece(text[at : hole.start()], missing=False)
        yield Piece(hole[1], missing=True)
        at = hole.end()
    if at < len(text):
        yield Piece(text[at:], missing=False)


def sender_for(session: Session, campaign: Campaign, prospect: Prospect) -> Sender | None:
    """The account that writes to this person; before the launch the first of the campaign."""
    if prospect.sender_account_id is not None:
        return session.get(Sender, prospect.sender_account_id)
    return next(iter(senders_of(session, campaign.id)), None)


def people(session: Session, campaign: Campaign, most: int) -> Sequence[Prospect]:
    """The first people of a campaign, to choose from."""
    query = select(Prospect).where(Prospect.campaign_id == campaign.id).order_by(Prospect.id)
    return session.scalars(query.limit(most)).all()


def made_up(campaign: Campaign) -> Prospect:
    """Somebody to preview with where there is nobody yet. Never added to any session."""
    return Prospect(
        id=new_id(),
        workspace_id=campaign.workspace_id,
        campaign_id=campaign.id,
        identity="ada@example.com",
        email="ada@example.com",
        linkedin_url="https://www.linkedin.com/in/ada-lovelace",
        first_name="Ada",
        last_name="Lovelace",
        company="Analytical Engines",
        position="Founder",
        headline="Founder at Analytical Engines",
        custom_fields={},
    )


def copy_to(found: Preview, sender: Sender, to: str, now: datetime) -> Outgoing:
    """The previewed email, addressed to whoever asks. Raises Invalid where it has holes or is no email."""
    if found.type != "email":
        raise Invalid.of([Problem("node", "is not an email: there is nothing to send to you")])
    if found.problems:
        raise Invalid.of([Problem("node", problem) for problem in found.problems])
    if found.missing:
        raise Invalid.of([Problem("prospect", f"has no value for {', '.join(found.missing)}: fill it in first")])
    subject = "".join(piece.text for piece in found.subject or ())
    return compose_alone(sender, to, subject, "".join(piece.text for piece in found.body), now)
