"""Anything at all, sent anywhere: an answer with a reason, never a failure of ours."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.rules.fields import FIELDS
from campaigns.rules.hours import DAYS
from campaigns.rules.people import PERSON_FIELDS
from campaigns.rules.sequence import NODE_FIELDS
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, told

UNKNOWN = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
DEEP: Any = None
for _ in range(300):
    DEEP = [DEEP]

# Texts of JSON, not values: some of them no Python value would be written as.
ODD = (
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "-0.0",
    "1e999",
    "1e308",
    "NaN",
    "2147483648",
    "9223372036854775808",
    "1" + "0" * 90,
    "9" * 5000,
    '""',
    '" "',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u2028\\u0085"',
    '"\u202e\u200b\ufeff"',
    json.dumps("x" * 70_000),
    json.dumps("ä" * 300),
    json.dumps("İ" * 450),
    json.dumps("%first_name|" * 500),
    json.dumps("{{ first_name | append: first_name }}" * 50),
    json.dumps("{%" * 300),
    '"2026-03-02T10:00:00Z"',
    '"24:00"',
    '"http://[::1"',
    '"linkedin.com/in/%00"',
    '"a@b.example"',
    json.dumps("a@" + "b" * 300 + ".example"),
    json.dumps(UNKNOWN),
    json.dumps("f" * 8 + "-ffff-ffff-ffff-" + "f" * 12),
    json.dumps("../" * 50),
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "[{}]",
    '[{"\\u0000": 1}]',
    '{"\\ud800": "\\ud800"}',
    '{"half \\ud800": 1}',
    json.dumps(DEEP),
    '{"a": 1, "a": 2}',
    json.dumps({"x" * 5000: 1}),
    json.dumps({str(number): number for number in range(200)}),
)


class Stage:
    """A campaign of each type with a person in it; the calls that take a body, each with the fields it knows."""

    def __init__(self, db: Database, alice: Caller) -> None:
        self.alice = alice
        with db.sessions.begin() as session:
            workspace = session.get_one(make.Workspace, alice.workspace_id)
            self.ids = [UNKNOWN]
            self.calls: list[tuple[str, str, dict[str, Any]]] = [
                ("POST", "/keys", {"name": "A key"}),
                ("POST", "/senders", SENDER),
                ("POST", "/campaigns", CAMPAIGN),
                ("POST", "/campaigns", {"template_id": UNKNOWN, "type": "email", "name": "From a template"}),
            ]
            for kind in ("email", "linkedin"):
                sender = make.sender(session, workspace, type=kind)
                campaign = make.campaign(session, workspace, type=kind, senders=[sender])
                person = make.prospect(session, campaign)
                node = make.node(session, campaign, 0, {"type": "delay", "delay_days": 1})
                session.flush()
                self.ids += [str(each.id) for each in (sender, person, node)]
                self.calls += self.of_campaign(
                    f"/campaigns/{campaign.id}", str(sender.id), str(person.id), str(node.id)
                )

    def of_campaign(self, path: str, sender: str, person: str, node: str) -> list[tuple[str, str, dict[str, Any]]]:
        return [
            ("PATCH", path, CAMPAIGN),
            ("PATCH", f"/senders/{sender}", SENDER),
            ("POST", "/templates", {"campaign_id": path.rpartition("/")[2], "name": "A template"}),
            ("POST", f"{path}/sequence/nodes", NODE),
            ("PATCH", f"{path}/sequence/nodes", {"nodeId": node, "toPosition": 0}),
            ("DELETE", f"{path}/sequence/nodes", {"nodeId": UNKNOWN}),
            ("PUT", f"{path}/sequence/nodes/{node}", NODE),
            ("POST", f"{path}/prospects", {"prospects": [PERSON]}),
            ("PATCH", f"{path}/prospects", {"id": person, **PERSON}),
            ("PATCH", f"{path}/prospects/{person}", PERSON),
            ("DELETE", f"{path}/prospects", {"ids": [UNKNOWN], "all": False}),
        ]

    def send(self, method: str, path: str, text: str) -> None:
        """Send this text as JSON; an answer that is no refusal in our shape must be a success in JSON."""
        data = text.encode("utf-8", "surrogatepass")
        answer = self.alice.call(method, path, data=data, content_type="application/json")
        assert answer.status_code < 500, (method, path, text[:500])
        if answer.status_code >= 400:
            error = told(answer, answer.status_code)
            assert len(error["error"]) < 1000, error["error"][:2000]
        elif answer.status_code != 204:
            assert json.loads(answer.data.decode("utf-8")) is not None


WEEK = {"timezone": "UTC", **{day: [{"start": "09:00", "end": "10:00"}] for day in DAYS}}
NODE = {"id": UNKNOWN, "type": "email", "position": 0, **dict.fromkeys(NODE_FIELDS)}
CAMPAIGN = {
    **{row.name: None for row in FIELDS},
    "type": "email",
    "name": "Spring",
    "operating_hours": WEEK,
    "account_limits": [{"account_id": UNKNOWN, "daily_limit": 5}],
    "sender_account_ids": [UNKNOWN],
    "sequence_nodes": [NODE, make.END],
}
SERVER = {"host": "127.0.0.1", "port": 25, "security": "none", "username": None, "password": None}
SENDER = {
    "type": "email",
    "email_address": "sarah@example.com",
    "display_name": "Sarah",
    "first_name": "Sarah",
    "last_name": None,
    "profile_url": None,
    "is_premium": False,
    "daily_limit": 5,
    "weekly_connection_limit": 5,
    "weekly_message_limit": 5,
    "min_gap": 0,
    "max_gap": 0,
    "status": "active",
    "smtp": SERVER,
    "imap": SERVER,
}
PERSON = {**dict.fromkeys(PERSON_FIELDS), "email": "a@b.example", "linkedin_url": "linkedin.com/in/a"}


@pytest.fixture
def stage(db: Database, alice: Caller) -> Stage:
    return Stage(db, alice)


HOLE = "the hole that something odd is put into"


def holes(body: Any) -> Iterator[Any]:
    """`body` with one of its values replaced, for each of them, at any depth."""
    yield HOLE
    if isinstance(body, dict):
        for name, value in body.items():
            yield from ({**body, name: with_hole} for with_hole in holes(value))
    if isinstance(body, list) and body:
        yield from ([with_hole, *body[1:]] for with_hole in holes(body[0]))


def test_something_odd_in_the_place_of_any_value_is_answered(stage: Stage) -> None:
    # Each hole meets some of the odd texts, each odd text meets every call: all pairs would take minutes.
    turn = 0
    for method, path, body in stage.calls:
        for with_hole in holes(body):
            for _ in range(2):
                turn += 1
                text = json.dumps(with_hole).replace(json.dumps(HOLE), ODD[turn * 7 % len(ODD)])
                stage.send(method, path, text)
    assert turn > 10 * len(ODD)


def test_something_odd_in_the_place_of_a_whole_body_is_answered(stage: Stage) -> None:
    for method, path, _ in stage.calls[: len(stage.calls) // 2 + 2]:
        for text in ODD:
            stage.send(method, path, text)


def test_something_odd_for_any_field_is_answered(stage: Stage) -> None:
    for known in (CAMPAIGN, PERSON):
        path = next(path for method, path, body in stage.calls if method == "PATCH" and body is known)
        for name in known:
            for text in ODD:
                stage.send("PATCH", path, f'{{"{name}": {text}}}')


WORDS = [*CAMPAIGN, *NODE, *SENDER, *PERSON, *DAYS, "start", "end", "ids", "all", "nodeId", "toPosition", "prospects"]
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(st.characters(), max_size=20),
    st.sampled_from(["email", "delay", "end", "09:00", "24:00", "UTC", "none", "active", UNKNOWN, "a@b.example"]),
)
KEYS = st.sampled_from(WORDS) | st.text(max_size=5)
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_nonsense_is_answered(stage: Stage, data: st.DataObject) -> None:
    method, path, body = data.draw(st.sampled_from(stage.calls))
    text = json.dumps(body | data.draw(st.dictionaries(st.sampled_from(list(body)), VALUES, max_size=3)))
    for _ in range(2):
        text = text.replace(json.dumps(UNKNOWN), json.dumps(data.draw(st.sampled_from(stage.ids))), 1)
    stage.send(method, path, text)


PATHS = ("", "/", "/campaigns/", "/campaigns/x", "/campaigns/%00", "/campaigns/%ff", "/campaigns/../keys", "//")
QUERIES = (
    "?page=%00",
    "?page=%ff",
    "?search=%ED%A0%80",
    "?page[]=1",
    "?" + "a=1&" * 500,
    "?limit=1&limit=x",
    "?status=%0a",
)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_odd_addresses_are_answered(stage: Stage, method: str) -> None:
    person = next(path for verb, path, _ in stage.calls if verb == "PATCH" and "/prospects/" in path)
    roster = person.rpartition("/")[0]
    for path in (*PATHS, *(f"{start}{query}" for start in ("/campaigns", roster) for query in QUERIES)):
        assert stage.alice.call(method, path).status_code < 500, path
