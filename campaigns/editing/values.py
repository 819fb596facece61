"""One field at a time: read by the table, checked against the campaign, written."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import AccountLimit, Campaign, CampaignSender
from campaigns.models.finding import limits_of, lock_workspace, senders_of
from campaigns.models.sender import Sender
from campaigns.models.upsert import write_nodes
from campaigns.models.version import raw_nodes
from campaigns.rules.fields import BY_NAME, FIELDS, UNKNOWN_REASON, locked_because
from campaigns.rules.kinds import Context
from campaigns.rules.lifecycle import TYPE_WORDS
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Conflict, Invalid
from campaigns.rules.sequence import check_nodes


def read_values(body: Mapping[str, Any], timezone: str) -> dict[str, Any]:
    """Every known field of `body`, parsed, whether or not it will be ignored. Raises Invalid with all problems."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for row in FIELDS:
        if row.name in body:
            try:
                values[row.name] = row.kind.parse(body[row.name], row.name, Context(timezone))
            except Problems as bad:
                problems.extend(bad.problems)
    if problems:
        raise Invalid.of(problems)
    return values


def ignored_fields(body: Mapping[str, Any], campaign: Campaign) -> list[dict[str, str]]:
    """What of `body` will be set aside, and why."""
    ignored = []
    for name in body:
        row = BY_NAME.get(name)
        reason = UNKNOWN_REASON if row is None else locked_because(row, campaign.type, campaign.status)
        if reason is not None:
            ignored.append({"field": name, "reason": reason})
    return ignored


# Rules that need the campaign, one for each field that has any. Each gives its problems.


def _check_senders(session: Session, campaign: Campaign, ids: tuple[UUID, ...], name: str) -> list[Problem]:
    return _strangers(session, campaign, {sender: f"{name}[{index}]" for index, sender in enumerate(ids)})


def _check_limits(session: Session, campaign: Campaign, limits: dict[UUID, int], name: str) -> list[Problem]:
    paths = {sender: f"{name}[{index}].account_id" for index, sender in enumerate(limits)}
    return _strangers(session, campaign, paths)


def _strangers(session: Session, campaign: Campaign, paths: Mapping[UUID, str]) -> list[Problem]:
    query = select(Sender.id, Sender.type).where(
        Sender.workspace_id == campaign.workspace_id, Sender.id.in_(list(paths))
    )
    types = {row.id: row.type for row in session.execute(query)}
    problems = []
    for sender, path in paths.items():
        if sender not in types:
            problems.append(Problem(path, "is not a sender account of this workspace"))
        elif types[sender] != campaign.type:
            words = TYPE_WORDS[types[sender]], TYPE_WORDS[campaign.type]
            problems.append(Problem(path, f"is a sender account for {words[0]}, and this is a campaign of {words[1]}"))
    return problems


def _check_sequence(_session: Session, campaign: Campaign, drafts: Any, name: str) -> list[Problem]:
    known = {node.id: node.type for node in campaign.nodes}
    return check_nodes(drafts, campaign_type=campaign.type, known=known, field=name)


Check = Callable[[Session, Campaign, Any, str], list[Problem]]
CHECKS: dict[str, Check] = {
    "sender_account_ids": _check_senders,
    "account_limits": _check_limits,
    "sequence_nodes": _check_sequence,
}


def check_values(session: Session, campaign: Campaign, values: Mapping[str, Any]) -> None:
    """The rules that need the campaign. Raises Invalid with all problems, or Conflict for a name that is taken."""
    problems: list[Problem] = []
    for name, value in values.items():
        if name in CHECKS:
            problems.extend(CHECKS[name](session, campaign, value, name))
    if problems:
        raise Invalid.of(problems)
    if "name" in values:
        check_name(session, campaign.workspace_id, values["name"], own=campaign.id)


def check_name(session: Session, workspace_id: UUID, name: str, *, own: UUID | None) -> None:
    """Raises Conflict if another campaign of the workspace has this name. The workspace stays locked, so that
    of two who choose a name at once the second is told."""
    lock_workspace(session, workspace_id)
    taken = select(Campaign.id).where(Campaign.workspace_id == workspace_id, Campaign.name == name)
    holder = session.scalar(taken)
    if holder is not None and holder != own:
        message = f"Another campaign is called “{name}” already: choose another name."
        raise Conflict(message, code="name_taken", problems=[Problem("name", "is taken")])


# Reading what is there: one function for each field that is more than a column.


def _raw_senders(session: Session, campaign: Campaign) -> list[str]:
    return [str(sender.id) for sender in senders_of(session, campaign.id)]


def _raw_limits(session: Session, campaign: Campaign) -> list[dict[str, Any]]:
    rows = limits_of(session, campaign.id)
    return [{"account_id": str(row.sender_id), "daily_limit": row.daily_limit} for row in rows]


def _raw_sequence(_session: Session, campaign: Campaign) -> list[dict[str, Any]]:
    return raw_nodes(campaign.nodes)


RAW: dict[str, Callable[[Session, Campaign], Any]] = {
    "sender_account_ids": _raw_senders,
    "account_limits": _raw_limits,
    "sequence_nodes": _raw_sequence,
}


def raw_value(session: Session, campaign: Campaign, name: str) -> Any:
    """The value of a field as a client would send it."""
    return RAW[name](session, campaign) if name in RAW else getattr(campaign, name)


# Writing: one function for each field that is more than a column. Each says whether anything changed.


def _write_senders(session: Session, campaign: Campaign, ids: tuple[UUID, ...]) -> bool:
    query = select(CampaignSender).where(CampaignSender.campaign_id == campaign.id)
    rows = {row.sender_id: row for row in session.scalars(query.order_by(CampaignSender.position))}
    if list(rows) == list(ids):
        return False
    for sender, row in rows.items():
        if sender not in ids:
            session.delete(row)
    for position, sender in enumerate(ids):
        if sender in rows:
            rows[sender].position = position
        else:
            session.add(CampaignSender(campaign_id=campaign.id, sender_id=sender, position=position))
    session.flush()
    return True


def _write_limits(session: Session, campaign: Campaign, limits: dict[UUID, int]) -> bool:
    rows = {row.sender_id: row for row in limits_of(session, campaign.id)}
    if [(sender, row.daily_limit) for sender, row in rows.items()] == list(limits.items()):
        return False
    for sender, row in rows.items():
        if sender not in limits:
            session.delete(row)
    for position, (sender, limit) in enumerate(limits.items()):
        if sender in rows:
            rows[sender].position, rows[sender].daily_limit = position, limit
        else:
            new = AccountLimit(campaign_id=campaign.id, sender_id=sender, position=position, daily_limit=limit)
            session.add(new)
    session.flush()
    return True


def _write_sequence(_session: Session, campaign: Campaign, drafts: Any) -> bool:
    return write_nodes(campaign, drafts)


Writer = Callable[[Session, Campaign, Any], bool]
WRITERS: dict[str, Writer] = {
    "sender_account_ids": _write_senders,
    "account_limits": _write_limits,
    "sequence_nodes": _write_sequence,
}


def _write_column(name: str, campaign: Campaign, value: Any) -> bool:
    if getattr(campaign, name) == value:
        return False
    setattr(campaign, name, value)
    return True


def write_value(session: Session, campaign: Campaign, name: str, value: Any) -> bool:
    """Write one parsed and checked field; whether it changed anything."""
    writer = WRITERS.get(name)
    return writer(session, campaign, value) if writer else _write_column(name, campaign, value)
