"""Disclosing: everything that is kept about a person, for them to see (GDPR article 15)."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.base import Base
from campaigns.models.campaign import Campaign
from campaigns.models.conversation import Answer, Conversation
from campaigns.models.mailbox import Letter
from campaigns.models.message import Message
from campaigns.models.prospect import Prospect
from campaigns.models.traces import parts_about, prospects_of, read_address, suppressions_about
from campaigns.rules.suppressions import mentions

# What is shown of each row.
PROSPECT = """id campaign_id status status_reason email linkedin_url first_name last_name company position headline
    timezone custom_fields source created_at updated_at replied_at bounced_at connected_at provider_id skipped_for"""
MESSAGE = "id status subject body error claimed_at sent_at opens machine_opens opened_at withdrawal"
LETTER = "id kind from_name from_address subject fresh quoted link received_at"
ANSWER = "id status subject body created_by created_at sent_at"
SUPPRESSION = "value reason source created_by created_at"

Shown = dict[str, Any]


def disclose(session: Session, workspace_id: UUID, address: object) -> Shown:
    """What the workspace keeps about whoever has this address, in all its campaigns. Raises Invalid."""
    identity = read_address(address)
    people = prospects_of(session, workspace_id, identity)
    names = {one.id: one.name for one in _rows(session, Campaign, Campaign.id, [one.campaign_id for one in people])}
    return {
        "address": identity,
        "people": [{"campaign": names[one.campaign_id], **_person(session, one)} for one in people],
        "suppressions": _shown(suppressions_about(session, workspace_id, identity), SUPPRESSION),
        "import_lines": [*_lines(session, workspace_id, identity)],
    }


def _person(session: Session, prospect: Prospect) -> Shown:
    conversation = session.get(Conversation, prospect.id)
    return {
        "prospect": _shown([prospect], PROSPECT)[0],
        "label": conversation.label if conversation else None,
        "messages": _shown(_rows(session, Message, Message.prospect_id, [prospect.id]), MESSAGE),
        "letters": _shown(_rows(session, Letter, Letter.prospect_id, [prospect.id]), LETTER),
        "answers": _shown(_rows(session, Answer, Answer.prospect_id, [prospect.id]), ANSWER),
    }


def _rows(session: Session, model: Any, column: Any, ids: Iterable[UUID]) -> Sequence[Any]:
    return session.scalars(select(model).where(column.in_(ids)).order_by(model.id)).all()


def _shown(rows: Iterable[Base], names: str) -> list[Shown]:
    return [{name: getattr(row, name) for name in names.split()} for row in rows]


def _lines(session: Session, workspace_id: UUID, identity: str) -> Iterable[Shown]:
    """Lines of files that are kept: not gone through yet, or left out."""
    about = mentions(identity)
    for one, part in parts_about(session, workspace_id, identity):
        kept = [(line, cells) for line, cells in part.lines or ()]
        kept += [(line, cells) for _, line, _, cells in part.left_out or ()]
        for line, cells in kept:
            if any(map(about, cells)):
                yield {"campaign_id": one.campaign_id, "file_name": one.file_name, "line": line, "cells": cells}
