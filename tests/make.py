"""Making records for tests: plain functions with defaults that any test may override.

They write rows directly, past the verbs, so that anything can be had in any state. What is left out is what
disturbs least: always open, no gaps, limits far away.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models import (
    AccountLimit,
    Answer,
    ApiKey,
    Campaign,
    CampaignSender,
    Conversation,
    Letter,
    Message,
    Node,
    Prospect,
    Sender,
    SenderDay,
    Suppression,
    Task,
    User,
    Workspace,
    new_id,
)
from campaigns.models.enrolment import enrol
from campaigns.rules.lifecycle import ACTIVE, DRAFT, EMAIL, PENDING
from campaigns.rules.people import linkedin_identity
from campaigns.rules.seats import ASSISTED

# A Monday morning.
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
# A password hash that no password has: signing in is not what most tests are about.
NO_PASSWORD = "!"

_numbers = count(1)

# Sequences in short. Every email of a sequence has its own subject.
EMAIL_STEP = {"type": "email", "subject": "Hello %first_name|there%", "body": "Hi %first_name|there%!"}
FOLLOW_UP = {"type": "email", "subject": "Again", "body": "Any news?", "is_reply": True}
CONNECT = {"type": "connection_request", "body": "", "include_message": False}
END = {"type": "end"}


def delay(days: int = 0, hours: int = 0, minutes: int = 0) -> dict[str, Any]:
    """A delay step."""
    return {"type": "delay", "delay_days": days, "delay_hours": hours, "delay_minutes": minutes}


def week(start: str = "09:00", end: str = "17:00", zone: str = "UTC", days: str = "mtwtf") -> dict[str, Any]:
    """Operating hours as they are stored: the same window on the first len(days) days of the week."""
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    window = [{"start": start, "end": end}]
    return {"timezone": zone} | {name: window if index < len(days) else [] for index, name in enumerate(names)}


def workspace(session: Session, **values: Any) -> Workspace:
    """A workspace in UTC."""
    return _add(session, Workspace, {"name": "example.com", "timezone": "UTC", "created_at": NOW} | values)


def user(session: Session, workspace: Workspace, **values: Any) -> User:
    """Somebody with a login that opens with no password."""
    number = next(_numbers)
    defaults = {"email": f"user{number}@example.com", "password_hash": NO_PASSWORD, "created_at": NOW}
    return _add(session, User, {"workspace_id": workspace.id} | defaults | values)


def key(session: Session, user: User, **values: Any) -> ApiKey:
    """An API key whose text nobody knows."""
    number = next(_numbers)
    defaults = {"name": "A key", "hint": "cdz_", "key_hash": f"{number:064}", "created_at": NOW}
    return _add(session, ApiKey, {"user_id": user.id} | defaults | values)


def sender(session: Session, workspace: Workspace, **values: Any) -> Sender:
    """A mailbox without gaps and with a far limit; `type="linkedin"` makes a seat."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "type": EMAIL,
        "display_name": "Sarah Chen",
        "first_name": "Sarah",
        "daily_limit": 500,
        "min_gap": 0,
        "max_gap": 0,
        "created_at": NOW,
        "updated_at": NOW,
    }
    if values.get("type", EMAIL) == EMAIL:
        server = {"host": "127.0.0.1", "port": 25, "security": "none", "username": None}
        defaults |= {"email_address": f"sarah{number}@example.com", "smtp": server}
    else:
        defaults |= {"profile_url": f"https://linkedin.com/in/sarah{number}", "provider": ASSISTED}
    return _add(session, Sender, {"workspace_id": workspace.id} | defaults | values)


def campaign(
    session: Session,
    workspace: Workspace,
    *,
    nodes: Sequence[Mapping[str, Any]] | None = None,
    senders: Sequence[Sender] = (),
    limits: Mapping[Sender, int] | None = None,
    **values: Any,
) -> Campaign:
    """An email draft that is always open; `nodes` are dicts, `limits` the campaign's own for accounts."""
    number = next(_numbers)
    kind = values.get("type", EMAIL)
    defaults: dict[str, Any] = {"type": kind, "name": f"Campaign {number}", "status": DRAFT, "version": 1}
    if kind == EMAIL:
        defaults |= {"daily_limit": 500, "stop_on_reply": True, "open_tracking": False}
    else:
        defaults |= {"skip_other_campaigns": False}
    defaults |= {"prospect_timezone": False, "operating_hours": None, "created_at": NOW, "updated_at": NOW}
    made = _add(session, Campaign, {"workspace_id": workspace.id, "workspace": workspace} | defaults | values)
    steps = nodes if nodes is not None else [EMAIL_STEP if kind == EMAIL else CONNECT, END]
    for position, step in enumerate(steps):
        node(session, made, position, step)
    for position, account in enumerate(senders):
        session.add(CampaignSender(campaign_id=made.id, sender_id=account.id, position=position))
    for position, (account, limit) in enumerate((limits or {}).items()):
        session.add(AccountLimit(campaign_id=made.id, sender_id=account.id, position=position, daily_limit=limit))
    session.flush()
    return made


def node(session: Session, campaign: Campaign, position: int, step: Mapping[str, Any]) -> Node:
    """One step, with the defaults of its type."""
    defaults: dict[str, Any] = {
        "email": {"subject": "", "body": "", "is_reply": False},
        "message": {"body": ""},
        "connection_request": {"body": "", "include_message": False},
        "delay": {"delay_days": 0, "delay_hours": 0, "delay_minutes": 0},
    }.get(step["type"], {})
    return _add(session, Node, {"campaign_id": campaign.id, "position": position} | defaults | dict(step))


def prospect(session: Session, campaign: Campaign, **values: Any) -> Prospect:
    """One person, named by `first_name` or by a number; not in the sequence yet."""
    return prospects(session, campaign, 1, **values)[0]


def prospects(session: Session, campaign: Campaign, n: int = 3, **values: Any) -> list[Prospect]:
    """`n` people who were just added."""
    made = [Prospect(**_person(campaign, values)) for _ in range(n)]
    session.add_all(made)
    session.flush()
    return made


def _person(campaign: Campaign, values: Mapping[str, Any]) -> dict[str, Any]:
    number = next(_numbers)
    person: dict[str, Any] = {
        "id": new_id(),
        "workspace_id": campaign.workspace_id,
        "campaign_id": campaign.id,
        "status": PENDING,
        "first_name": f"Person{number}",
        "clock": "",
        "custom_fields": {},
        "contacted": False,
        "source": "api",
        "created_at": NOW,
        "updated_at": NOW,
    }
    if campaign.type == EMAIL:
        person["email"] = f"person{number}@corp.example"
    else:
        person["linkedin_url"] = f"https://www.linkedin.com/in/person{number}"
    person |= values
    address = person.get("email") if campaign.type == EMAIL else linkedin_identity(person["linkedin_url"])
    person.setdefault("identity", str(address).lower())
    return person


def launched(
    session: Session,
    workspace: Workspace,
    n: int = 3,
    *,
    now: datetime = NOW,
    status: str = ACTIVE,
    people: Mapping[str, Any] | None = None,
    **values: Any,
) -> Campaign:
    """A campaign whose `n` people have their sender, their first step and their gates, as launching leaves it.

    Without `senders` it gets one of its own; `people` are values of every prospect.
    """
    senders = values.pop("senders", None)
    if senders is None:
        senders = [sender(session, workspace, type=values.get("type", EMAIL))]
    made = campaign(session, workspace, senders=senders, status=status, launched_at=now, **values)
    prospects(session, made, n, **(people or {}))
    place(session, made, now)
    return made


def furnished(session: Session, workspace: Workspace) -> Campaign:
    """A running campaign with people, its own hours, limits, signature and steps."""
    account = sender(session, workspace)
    steps = [EMAIL_STEP, delay(days=2), FOLLOW_UP, END]
    values = {"name": "Spring", "signature": "S", "daily_limit": 7, "operating_hours": week()}
    return launched(session, workspace, senders=[account], limits={account: 9}, nodes=steps, **values)


def place(session: Session, campaign: Campaign, now: datetime = NOW) -> None:
    """Give everybody of a campaign their sender, first step and gates; rows at hand are read again."""
    enrol(session, campaign, now)
    placed = select(Prospect).where(Prospect.campaign_id == campaign.id)
    session.scalars(placed, execution_options={"populate_existing": True}).all()


def message(session: Session, prospect: Prospect, node: Node, **values: Any) -> Message:
    """A message that was sent."""
    defaults: dict[str, Any] = {
        "campaign_id": prospect.campaign_id,
        "prospect_id": prospect.id,
        "node_id": node.id,
        "sender_account_id": prospect.sender_account_id,
        "status": "sent",
        "claimed_at": NOW,
        "sent_at": NOW,
    }
    return _add(session, Message, defaults | values)


def task(session: Session, prospect: Prospect, node: Node, **values: Any) -> Task:
    """The step of somebody that a person has to do, as a lane leaves it; `text` is what is to be sent."""
    words = {"status": "task", "sent_at": None, "body": values.pop("text", node.body)}
    written = message(session, prospect, node, **words)
    defaults: dict[str, Any] = {
        "message_id": written.id,
        "workspace_id": prospect.workspace_id,
        "campaign_id": prospect.campaign_id,
        "prospect_id": prospect.id,
        "sender_id": prospect.sender_account_id,
        "step": node.type,
        "due_at": prospect.due_at or NOW,
        "since": NOW,
    }
    prospect.due_at = None
    return _add(session, Task, defaults | values)


def conversation(session: Session, prospect: Prospect, **values: Any) -> Conversation:
    """A conversation that nobody has read, with the account that wrote to the person."""
    defaults: dict[str, Any] = {
        "prospect_id": prospect.id,
        "workspace_id": prospect.workspace_id,
        "campaign_id": prospect.campaign_id,
        "sender_account_id": prospect.sender_account_id,
        "last_at": NOW,
        "unread": True,
        "owes": True,
    }
    return _add(session, Conversation, defaults | values)


def letter(session: Session, prospect: Prospect, **values: Any) -> Letter:
    """What a person answered."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "workspace_id": prospect.workspace_id,
        "sender_account_id": prospect.sender_account_id,
        "prospect_id": prospect.id,
        "kind": "reply",
        "rfc_message_id": f"<letter{number}@corp.example>",
        "from_name": prospect.name,
        "from_address": prospect.email,
        "subject": "Re: Hello",
        "fresh": "Tell me more.",
        "quoted": "> Hi!",
        "received_at": NOW,
    }
    return _add(session, Letter, defaults | values)


def answer(session: Session, prospect: Prospect, **values: Any) -> Answer:
    """An answer written by hand, which nobody knows the outcome of."""
    defaults: dict[str, Any] = {
        "workspace_id": prospect.workspace_id,
        "sender_account_id": prospect.sender_account_id,
        "prospect_id": prospect.id,
        "status": "unknown",
        "subject": "Re: Hello",
        "body": "Dear",
        "created_at": NOW,
        "claimed_at": NOW,
    }
    return _add(session, Answer, defaults | values)


def suppression(session: Session, workspace: Workspace, value: str, **values: Any) -> Suppression:
    """Somebody who said no."""
    return _add(
        session,
        Suppression,
        {"workspace_id": workspace.id, "value": value, "reason": "asked", "created_at": NOW} | values,
    )


def sent_today(session: Session, sender: Sender, used: int, day: date | None = None) -> SenderDay:
    """What an account has sent on a day."""
    return _add(session, SenderDay, {"sender_id": sender.id, "day": day or NOW.date(), "used": used})


def minutes(n: float) -> timedelta:
    """n minutes."""
    return timedelta(minutes=n)


def _add(session: Session, model: Any, values: Mapping[str, Any]) -> Any:
    row = model(**values)
    session.add(row)
    session.flush()
    return row
