"""Making the message that a prospect gets of a node: placeholders filled, signature under it, thread kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.base import new_id
from campaigns.models.campaign import Campaign, Node
from campaigns.models.finding import nodes_of
from campaigns.models.message import SENT, Message
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender
from campaigns.rules.lengths import fit, text_of, too_long
from campaigns.rules.lifecycle import EMAIL, LINKEDIN
from campaigns.rules.links import Links, Recipient
from campaigns.rules.outgoing import Approach, Outgoing
from campaigns.rules.outgoing import message_id as make_id
from campaigns.rules.placeholders import (
    BrokenTemplate,
    MissingValue,
    fill,
    fill_subject,
    names_used,
    values_of_one,
)
from campaigns.rules.problems import Problem
from campaigns.rules.sequence import Written, launch_problems, sent_texts


def values_for(prospect: Prospect, sender: Sender) -> dict[str, Any]:
    """What the placeholders of CONTRACT section 6 stand for."""
    return {
        "first_name": prospect.first_name,
        "last_name": prospect.last_name,
        "name": prospect.name,
        "email": prospect.email,
        "company": prospect.company,
        "position": prospect.position,
        "headline": prospect.headline,
        "custom_fields": prospect.custom_fields,
        **sender_values(sender),
    }


def sender_values(sender: Sender) -> dict[str, str | None]:
    """The placeholders that speak of the sender account."""
    return {
        "sender_first_name": sender.first_name,
        "sender_last_name": sender.last_name,
        "sender_name": sender.display_name,
        "sender_email": sender.email_address,
    }


def unsendable(campaign: Campaign, nodes: Sequence[Written], senders: Sequence[Sender]) -> list[Problem]:
    """What keeps `nodes` from being sent as the sequence of this campaign, from these accounts."""
    signature = campaign.signature
    problems = launch_problems(nodes, campaign_type=campaign.type, signature=signature)
    problems += too_long(nodes, senders)
    if problems:
        return problems
    own = [getattr(node, name) for node in nodes for name in sent_texts(node)]
    texts = [text for text in (*own, signature) if text]
    unsigned = not signature and any(node.type == EMAIL and node.signature is None for node in nodes)
    holes = (
        words for one in senders for words in sender_holes([*texts, *_own_signature(one)] if unsigned else texts, [one])
    )
    return [Problem("sender_account_ids", words) for words in holes]


def _own_signature(sender: Sender) -> list[str]:
    return [sender.signature] if sender.signature else []


def sender_holes(texts: Sequence[str], senders: Sequence[Sender]) -> list[str]:
    """Placeholders about the sender that some account has no value for, in words; found by filling them in."""
    return [
        f"{sender.label} has no value for %{name}%: fill it in"
        for sender in senders
        for name in sorted(filter(None, {_hole(text, sender) for text in texts}))
    ]


def _hole(text: str, sender: Sender) -> str | None:
    """The sender's value that `text` lacks, for a prospect who has every value."""
    try:
        fill(text, {**values_of_one(names_used(text), "x"), **sender_values(sender)})
    except MissingValue as missing:
        return missing.name
    except BrokenTemplate:
        pass  # outgrown by one value; it is held back when it is sent
    return None


def _thread(session: Session, prospect_id: UUID) -> list[Message]:
    """The emails of the running thread, oldest first: back to the last one that was no reply."""
    query = (
        select(Message, Node.is_reply)
        .join(Node, Node.id == Message.node_id)
        .where(Message.prospect_id == prospect_id, Message.status == SENT, Node.type == "email")
        .order_by(Node.position.desc())
    )
    thread: list[Message] = []
    for message, is_reply in session.execute(query):
        thread.insert(0, message)
        if not is_reply:
            break
    return thread


def reply_subject(subject: str) -> str:
    """The subject of an answer in the thread of `subject`."""
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _opening_subject(session: Session, node: Node) -> str:
    """The subject that a thread was meant to start with: its first email may have been skipped."""
    before = [one for one in nodes_of(session, node.campaign_id) if one.position < node.position and one.subject]
    return (before[-1].subject or "") if before else ""


def signed(body: str, signature: str) -> str:
    """The text of an email with its signature under it."""
    return f"{body.rstrip()}\n\n{signature.strip()}\n" if signature.strip() else f"{body.rstrip()}\n"


def signature_of(node: Node, campaign: Campaign, sender: Sender) -> str:
    """What goes under an email: the step's own signature, else the campaign's, else the account's."""
    return (node.signature if node.signature is not None else campaign.signature or sender.signature) or ""


def compose_alone(sender: Sender, to: str, subject: str, body: str, now: datetime) -> Outgoing:
    """An email of this account that belongs to no campaign: a trial for whoever asks."""
    address = sender.email_address or ""
    return Outgoing(
        from_name=sender.display_name,
        from_address=address,
        to_name=None,
        to_address=to,
        subject=subject,
        body=body,
        message_id=make_id(new_id().hex, address),
        date=now,
    )


def compose(
    session: Session,
    campaign: Campaign,
    prospect: Prospect,
    sender: Sender,
    node: Node,
    message_id: UUID,
    now: datetime,
    links: Links | None = None,
) -> Outgoing | Approach:
    """The message of `node` for this prospect, an email with `links` of its own if it is to leave. Raises MissingValue
    or BrokenTemplate (too long for LinkedIn is one); never leaves a hole."""
    if campaign.type == LINKEDIN:
        return _approach(prospect, sender, node, message_id)
    values = values_for(prospect, sender)
    signature = signature_of(node, campaign, sender)
    recipient = Recipient(message_id, campaign.workspace_id, prospect.identity)
    thread = _thread(session, prospect.id) if node.is_reply else []
    if thread:
        subject = reply_subject(thread[0].subject or "")
    else:
        subject = fill_subject(node.subject or _opening_subject(session, node), values)
    address = sender.email_address or ""
    return Outgoing(
        from_name=sender.display_name,
        from_address=address,
        to_name=prospect.name,
        to_address=prospect.email or "",
        subject=subject,
        body=signed(fill(node.body or "", values), fill(signature, values)),
        message_id=make_id(message_id.hex, address),
        date=now,
        references=tuple(message.rfc_message_id for message in thread if message.rfc_message_id),
        reply_to=sender.reply_to,
        unsubscribe=links.unsubscribe(recipient) if links else None,
        pixel=links.pixel(message_id) if links and campaign.open_tracking else None,
    )


def _approach(prospect: Prospect, sender: Sender, node: Node, message_id: UUID) -> Approach:
    text = text_of(node)
    if text is not None:
        text = fit(node.type, fill(text, values_for(prospect, sender)), premium=sender.is_premium)
    return Approach(node.type, prospect.linkedin_url or "", prospect.provider_id, text, message_id)
