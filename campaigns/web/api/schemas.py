"""What the API takes and shows, as JSON Schema: derived from the tables that it is read by and the columns it is
written from. An object that is shown has all its keys, always."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Integer, String, Uuid
from sqlalchemy import inspect as inspect_model

from campaigns import (
    answering,
    corresponding,
    explaining,
    launching,
    marking,
    removing,
    retrying,
    settling,
    suppressing,
    tasking,
)
from campaigns.channels.probing import STEPS
from campaigns.channels.reading import KINDS as LETTER_KINDS
from campaigns.editing import TEMPLATE_FIELDS
from campaigns.importing.adding import MOST_AT_ONCE
from campaigns.models import (
    ApiKey,
    Base,
    Campaign,
    Conversation,
    Mailbox,
    Message,
    Node,
    Prospect,
    Sender,
    Suppression,
    Task,
    Template,
    Version,
    WakeUp,
)
from campaigns.models.base import UTCDateTime
from campaigns.models.conversation import LABELS
from campaigns.models.counts import STATS
from campaigns.models.message import ASKED, FAILED, SKIPPED, WAITING
from campaigns.models.message import WITHDRAWN as TAKEN_BACK
from campaigns.models.sender import WEEKLY_LIMITS
from campaigns.rules import lifecycle
from campaigns.rules.accounts import CLIENT, COLUMNS, MAILBOX_COLUMNS, MOST_NAME, SEAT, SEAT_COLUMNS, SECURITIES
from campaigns.rules.accounts import SERVER as SERVER_KINDS
from campaigns.rules.fields import BY_NAME, FIELDS
from campaigns.rules.gates import GATES
from campaigns.rules.hours import DAYS
from campaigns.rules.kinds import Flag, Kind, Number, Text, UuidList
from campaigns.rules.oauth import WAYS
from campaigns.rules.people import CUSTOM_VALUE, MOST_CUSTOM_FIELDS, TEXTS
from campaigns.rules.seats import PROVIDERS, WITHDRAWAL
from campaigns.rules.sequence import ALL_NODE_TYPES, MOST_WHOLE_NUMBER, NODE_FIELDS, UUID_PATTERN, node_schema
from campaigns.web.seats import STEPS as SEAT_STEPS

Schema = Mapping[str, Any]

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
FLAG = {"type": "boolean"}
ID = {"type": "string", "format": "uuid"}
SENT_ID = {**ID, "pattern": UUID_PATTERN}
INSTANT = {"type": "string", "format": "date-time"}
COLUMN_TYPES: tuple[tuple[type[Any], Schema], ...] = (
    (Uuid, ID),
    (UTCDateTime, INSTANT),
    (Boolean, FLAG),
    (BigInteger, COUNT),
    (Integer, COUNT),
    (String, TEXT),
    (JSON, {"type": "object"}),
)


# Building


def one_of(words: Iterable[str]) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


def many(item: Schema, **rules: int) -> Schema:
    """A list."""
    return {"type": "array", "items": item, **rules}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    """One of OBJECTS."""
    return {"$ref": f"#/components/schemas/{name}"}


def shown(**properties: Schema) -> Schema:
    """An object of an answer."""
    return {"type": "object", "required": list(properties), "properties": properties}


def sent(*required: str, **properties: Schema) -> Schema:
    """An object of a request; what else it holds is ignored."""
    must = {"required": list(required)} if required else {}
    return {"type": "object", **must, "properties": properties}


def columns(model: type[Base], names: str) -> dict[str, Schema]:
    """These columns, as they are shown."""
    known = inspect_model(model).columns
    return {name: _column(known[name]) for name in names.split()}


def _column(column: Any) -> Schema:
    schema = next(schema for kind, schema in COLUMN_TYPES if isinstance(column.type, kind))
    return maybe(schema) if column.nullable else schema


def page(name: str, item: Schema) -> Schema:
    """One page of a list."""
    return shown(**{name: many(item)}, total=COUNT, page=COUNT, limit=COUNT)


def kinds(rows: Mapping[str, Kind]) -> dict[str, Schema]:
    """The values that are read by these kinds."""
    return {name: kind.schema() for name, kind in rows.items()}


# What is shown

TYPE = one_of(lifecycle.CAMPAIGN_TYPES)
PERSON_STATUS = one_of(lifecycle.PROSPECT_STATUSES)
WINDOW = shown(start=TEXT, end=TEXT)
HOURS = maybe(ref("OperatingHours"))
STEP_VALUES = columns(Node, " ".join(NODE_FIELDS))
STEP = {"type": one_of(ALL_NODE_TYPES), **STEP_VALUES}
SERVER = shown(host=TEXT, port=COUNT, security=one_of(SECURITIES), username=maybe(TEXT))
LIMIT = shown(account_id=ID, daily_limit=COUNT)
SPAN = shown(before=maybe(INSTANT), after=maybe(INSTANT))
WORDS = shown(kind=one_of(("same", "gone", "new")), text=TEXT)

CAMPAIGN = {
    **columns(Campaign, "id workspace_id"),
    "type": TYPE,
    "name": TEXT,
    "status": one_of(lifecycle.CAMPAIGN_STATUSES),
    "version": COUNT,
    "operating_hours": HOURS,
    **columns(Campaign, "prospect_timezone daily_limit stop_on_reply open_tracking signature skip_other_campaigns"),
    "pause_reason": maybe(TEXT),
    "stats": shown(total=COUNT, **dict.fromkeys(STATS, COUNT)),
    "sender_accounts": many(ref("SenderAccount")),
    "account_limits": maybe(many(LIMIT)),
    **columns(Campaign, "created_at updated_at launched_at completed_at"),
}
SENDER = {
    "id": ID,
    "type": TYPE,
    **columns(Sender, "display_name first_name last_name email_address profile_url"),
    "status": one_of(("active", "needs_attention", "disconnected")),
    "status_reason": maybe(TEXT),
    "is_premium": maybe(FLAG),
    **columns(Sender, "daily_limit weekly_connection_limit weekly_message_limit min_gap max_gap"),
    "smtp": maybe(SERVER),
    "imap": maybe(SERVER),
    "usage": shown(today=COUNT, week_connections=COUNT, week_messages=COUNT),
    "next_send_at": maybe(INSTANT),
}
PROSPECT = {
    **columns(Prospect, "id campaign_id"),
    "status": PERSON_STATUS,
    **columns(Prospect, "email linkedin_url first_name last_name"),
    "name": maybe(TEXT),
    **columns(Prospect, "company position headline"),
    "timezone": maybe(TEXT),
    "custom_fields": {"type": "object", "additionalProperties": TEXT},
    **columns(Prospect, "sender_account_id current_node_id due_at source created_at updated_at replied_at bounced_at"),
}
WAKE_UP = {
    **columns(WakeUp, "id campaign_id"),
    "cause": one_of(("operating_hours", "launch", "resume", "limit", "senders")),
    **columns(WakeUp, "requested_by requested_at finished_at duration_ms sleeping resumed slept_again next_open_at"),
    "old_operating_hours": HOURS,
    "new_operating_hours": HOURS,
    "job_id": maybe(TEXT),
}
TEMPLATE = {
    **columns(Template, "id name"),
    "type": TYPE,
    **{row.name: maybe({**row.kind.schema(), "description": row.help}) for row in TEMPLATE_FIELDS},
    "operating_hours": HOURS,
    "sequence_nodes": many(shown(**STEP)),
    **columns(Template, "created_at created_by"),
}
VERSION = {
    **columns(Version, "number cause by at"),
    "changes": many(shown(kind=TEXT, step=TEXT, fields={"type": "object", "additionalProperties": many(WORDS)})),
    "sequence_nodes": many(shown(id=ID, **STEP)),
}
MESSAGE = columns(
    Message, "id campaign_id prospect_id node_id sender_account_id status subject error claimed_at sent_at"
)
TASK = {
    "id": ID,
    **columns(Task, "campaign_id prospect_id"),
    "node_id": ID,
    "sender_account_id": ID,
    "step": one_of(WEEKLY_LIMITS),
    "text": {**maybe(TEXT), "description": "Null for an invitation without a note."},
    "profile_url": TEXT,
    "name": maybe(TEXT),
    **columns(Prospect, "company position headline"),
    **columns(Task, "due_at taken_by taken_at"),
}
CONVERSATION = {
    **columns(Conversation, "prospect_id campaign_id sender_account_id"),
    **columns(Prospect, "email company"),
    "name": maybe(TEXT),
    **columns(Conversation, "last_at unread owes"),
    "label": maybe(one_of(LABELS)),
}
MAIL = {
    "kind": one_of((corresponding.MESSAGE, corresponding.LETTER, corresponding.ANSWER)),
    "id": ID,
    "at": INSTANT,
    **dict.fromkeys(("subject", "text", "quoted"), maybe(TEXT)),
    "taken_for": maybe(one_of(LETTER_KINDS)),
    **dict.fromkeys(("from_name", "from_address"), maybe(TEXT)),
    "status": maybe(one_of((WAITING, *corresponding.SAID, FAILED, SKIPPED))),
    **dict.fromkeys(("error", "created_by"), maybe(TEXT)),
}

OBJECTS: dict[str, Schema] = {
    "Error": shown(error=TEXT, code=TEXT, details=many(ref("Problem"))),
    "Problem": shown(field=TEXT, message=TEXT),
    "OperatingHours": shown(timezone=TEXT, **dict.fromkeys(DAYS, many(WINDOW))),
    "Campaign": shown(**CAMPAIGN),
    "ListedCampaign": shown(**CAMPAIGN, node_count=COUNT),
    "SequenceNode": shown(id=ID, campaign_id=ID, position=COUNT, **STEP),
    "SequenceVersion": shown(**VERSION),
    "SenderAccount": shown(**SENDER),
    "CampaignSenderAccount": shown(**SENDER, campaign_daily_limit=maybe(COUNT)),
    "Prospect": shown(**PROSPECT),
    "WakeUp": shown(**WAKE_UP),
    "Message": shown(**MESSAGE),
    "Task": shown(**TASK),
    "Suppression": shown(**columns(Suppression, "id value reason source created_by created_at")),
    "Conversation": shown(**CONVERSATION),
    "Mail": shown(**MAIL),
    "Template": shown(**TEMPLATE),
    "Key": shown(**columns(ApiKey, "id name hint created_at last_used_at")),
    "Changes": shown(applied=many(TEXT), unchanged=many(TEXT), ignored=many(shown(field=TEXT, reason=TEXT))),
    "Impact": shown(
        **dict.fromkeys(("sleeping", "resumed", "slept_again"), maybe(COUNT)),
        next_open_at=maybe(INSTANT),
        first_send_at=SPAN,
        last_send_at=SPAN,
        estimated=FLAG,
        bottleneck=maybe(shown(sender_account_id=ID, label=TEXT, gate=TEXT)),
    ),
    "Explanation": shown(
        prospect_id=ID,
        state=one_of((explaining.READY, explaining.WAITING, explaining.SLEEPING, explaining.DONE)),
        gate=maybe(one_of(dict.fromkeys(name for name, _ in GATES))),
        reason=TEXT,
        next_at=maybe(INSTANT),
        ahead=COUNT,
    ),
    "Readiness": shown(
        ready=FLAG,
        checks=many(shown(name=TEXT, ok=FLAG, message=TEXT)),
        errors=many(ref("Problem")),
        warnings=many(ref("Problem")),
    ),
}
NODES = many(ref("SequenceNode"))
WITH_NODES = {"campaign": ref("Campaign"), "sequence_nodes": NODES}
WHOLE_CAMPAIGN = shown(
    **WITH_NODES,
    prospects_by_status=shown(**dict.fromkeys(lifecycle.PROSPECT_STATUSES, COUNT)),
    prospects_by_node={"type": "object", "additionalProperties": COUNT},
)
CREATED_CAMPAIGN = shown(**WITH_NODES, changes=ref("Changes"))
EDITED = {**WITH_NODES, "changes": ref("Changes"), "wake_up": maybe(ref("WakeUp"))}
# A dry run has two keys more than an edit.
EDITED_CAMPAIGN = {**shown(**EDITED, dry_run=FLAG, impact=maybe(ref("Impact"))), "required": list(EDITED)}
COPIED_CAMPAIGN = shown(**WITH_NODES)
MOVED_CAMPAIGN = shown(campaign=ref("Campaign"))
SKIPPED_PROSPECT = shown(
    id=ID, name=maybe(TEXT), linkedin_url=maybe(TEXT), campaign_id=ID, campaign_name=TEXT, reason=maybe(TEXT)
)
LAUNCHED_CAMPAIGN = shown(
    campaign=ref("Campaign"),
    skippedProspects=many(SKIPPED_PROSPECT, maxItems=launching.MOST_NAMED),
    skippedCount=COUNT,
)
ADDED_NODE = shown(node=ref("SequenceNode"), sequence_nodes=NODES)
ALL_NODES = shown(sequence_nodes=NODES)
EDITED_NODE = shown(node=ref("SequenceNode"), sequence_nodes=NODES, changes=ref("Changes"))
ROLLED_BACK = shown(sequence_nodes=NODES, changes=ref("Changes"))
ONE_PROSPECT = shown(prospect=ref("Prospect"))
# Why nothing is sent to them, of somebody whose address is on the suppression list.
EDITED_PROSPECT = {**shown(prospect=ref("Prospect"), suppressed=TEXT), "required": ["prospect"]}
_IMPORTED = {"imported": COUNT, "duplicates": COUNT}
# Only a table may have lines that are left out, and only some lists hold people who have said no.
IMPORTED = {**shown(**_IMPORTED, suppressed=COUNT, invalid=many(ref("Problem"))), "required": list(_IMPORTED)}
_ADDED = {"added": COUNT, "known": COUNT}
SUPPRESSED = {**shown(**_ADDED, invalid=many(ref("Problem"))), "required": list(_ADDED)}
UNSUPPRESSED = shown(removed=COUNT)
REMOVED = shown(removed=COUNT, deleted=COUNT, cancelled=COUNT)
SENDER_SETTINGS = shown(
    daily_limit_today=COUNT,
    **columns(Sender, "ramp_start ramp_step ramp_ceiling"),
    ramp_from=maybe({"type": "string", "format": "date"}),
    **columns(Sender, "reply_to signature uses_trap"),
    auth=one_of(WAYS),
    oauth=maybe(shown(client_id=TEXT, tenant=maybe(TEXT), signed_in=FLAG)),
    mailbox=maybe(shown(**columns(Mailbox, "read_at error try_at"))),
    provider=maybe(one_of(PROVIDERS)),
    seat=maybe(shown(base_url=TEXT, account_id=maybe(TEXT), name=maybe(TEXT))),
    invitation_days=maybe(COUNT),
    limited=maybe(many(shown(step=one_of((*WEEKLY_LIMITS, WITHDRAWAL)), until=INSTANT, reason=TEXT))),
)
_STEP = {"ok": FLAG, "message": TEXT, "advice": maybe(TEXT)}
_STEPS = maybe(many(shown(name=one_of(STEPS), **_STEP)))
CONNECTION = shown(ok=FLAG, smtp=_STEPS, imap=_STEPS, seat=maybe(many(shown(name=one_of(SEAT_STEPS), **_STEP))))
SETTLED = shown(message=ref("Message"))
MARKED = shown(marked=COUNT, already=COUNT, nobody=many(TEXT), no_profile=many(TEXT))
RETRIED = shown(retried=COUNT)
WITHDRAWN = shown(withdrawal=one_of((ASKED, TAKEN_BACK)))
ALL_WITHDRAWN = shown(asked=COUNT, withdrawn=COUNT)
THREAD = shown(conversation=ref("Conversation"), mails=many(ref("Mail")), total=COUNT, page=COUNT, limit=COUNT)
ONE_CONVERSATION = shown(conversation=ref("Conversation"))
ONE_ANSWER = shown(answer=ref("Mail"))
NEW_KEY = shown(**columns(ApiKey, "id name hint created_at last_used_at"), key=TEXT)


# What is taken

_FIELDS: dict[str, Schema] = {
    row.name: {**row.kind.schema(), "title": row.label, "description": row.help} for row in FIELDS
}
PATCH_CAMPAIGN = sent(**_FIELDS)
NEW_CAMPAIGN = sent("name", type=TYPE, template_id=maybe(SENT_ID), **_FIELDS)
_NODE = node_schema()["properties"]
NEW_NODE = sent("type", **{name: schema for name, schema in _NODE.items() if name != "id"}, position=maybe(COUNT))
PUT_NODE = sent(**{name: schema for name, schema in _NODE.items() if name in NODE_FIELDS})
MOVE_NODE = sent("nodeId", "toPosition", nodeId=SENT_ID, toPosition=COUNT)
NAMED_NODE = sent("nodeId", nodeId=SENT_ID)
ROLL_BACK = sent("number", number=Number(0, MOST_WHOLE_NUMBER).schema())

_ADDRESS = {"type": ["string", "null"]}
_PERSON = {
    "email": _ADDRESS,
    "linkedin_url": _ADDRESS,
    **kinds({name: Text(most, nullable=True) for name, most in TEXTS.items()}),
    "timezone": {**_ADDRESS, "description": "An IANA name."},
    "custom_fields": {
        "type": ["object", "null"],
        "maxProperties": MOST_CUSTOM_FIELDS,
        "additionalProperties": {"type": ["string", "number", "boolean", "null"], "maxLength": CUSTOM_VALUE},
    },
}
NEW_PROSPECTS = sent("prospects", prospects=many(sent(**_PERSON), minItems=1, maxItems=MOST_AT_ONCE))
PATCH_PROSPECT = sent(**_PERSON)
NAMED_PROSPECT = sent("id", id=SENT_ID, **_PERSON)
REMOVE_PROSPECTS = {
    "oneOf": [
        sent("ids", ids={**UuidList(removing.MOST_REMOVED).schema(), "minItems": 1}),
        sent("all", all={"const": True, "description": "Everybody."}),
    ]
}
RETRY = sent(
    "ids",
    "how",
    ids={**UuidList(retrying.MOST).schema(), "minItems": 1},
    how=one_of((retrying.AGAIN, retrying.SKIP)),
)
NEW_SUPPRESSIONS = sent(
    "suppressions",
    suppressions=many(
        sent("value", value={"type": "string", "minLength": 1}, reason=_ADDRESS), minItems=1, maxItems=suppressing.MOST
    ),
)
REMOVE_SUPPRESSIONS = sent("ids", ids={**UuidList(suppressing.MOST_REMOVED).schema(), "minItems": 1})
SETTLE_TASK = sent("outcome", outcome=one_of(tasking.OUTCOMES), reason=tasking.REASON.schema())
NEW_MARKS = sent(
    "what",
    "links",
    what=one_of(marking.WAITS_IN),
    links=many(TEXT, minItems=1, maxItems=marking.MOST_LINKS),
)
SETTLE = sent("settlement", settlement=one_of(settling.SETTLEMENTS))
PATCH_CONVERSATION = sent(unread=FLAG, owes=FLAG, label=maybe(one_of(LABELS)))
NEW_ANSWER = sent("body", body=answering.BODY.schema())
SETTLE_ANSWER = sent("settlement", settlement=one_of(answering.SETTLEMENTS))

_SECRET = {**SERVER_KINDS["password"].schema(), "description": "Kept sealed and never shown."}
_SERVER = maybe(
    sent(
        "host",
        "port",
        **{**kinds(SERVER_KINDS), "password": _SECRET},
        security={**one_of(SECURITIES), "default": "starttls"},
    )
)
_CLIENT = maybe(
    {**sent("client_id", **kinds(CLIENT)), "description": "A client of your own; what is secret in it is kept sealed."}
)
_SEAT = maybe(
    {**sent("base_url", **kinds(SEAT)), "description": "Your account at Unipile; the API key is kept sealed."}
)
_SENDER = {
    **kinds(COLUMNS),
    **kinds(MAILBOX_COLUMNS),
    **kinds(SEAT_COLUMNS),
    "provider": one_of(PROVIDERS),
    "seat": _SEAT,
    "email_address": _ADDRESS,
    "reply_to": _ADDRESS,
    "profile_url": _ADDRESS,
    "smtp": _SERVER,
    "imap": _SERVER,
    "auth": {**one_of(WAYS), "description": "Sign in with `password`, or with tokens of `google` or `microsoft`."},
    "oauth": _CLIENT,
    "uses_trap": {**Flag().schema(), "description": "Send to the local mail trap in place of `smtp`."},
    "status": one_of(("active", "disconnected")),
}
NEW_SENDER = sent("type", type=TYPE, **_SENDER)
PATCH_SENDER = sent(**_SENDER)
NEW_TEMPLATE = sent("campaign_id", "name", campaign_id=SENT_ID, name=BY_NAME["name"].kind.schema())
RENAME = sent("name", name=BY_NAME["name"].kind.schema())
NAME_KEY = sent(name={**Text(MOST_NAME, least=1).schema(), "default": "API key"})
