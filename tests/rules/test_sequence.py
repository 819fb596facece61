"""Sequences: what may be sent, what must hold of a campaign's, and what follows a node (CONTRACT section 6)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules.lifecycle import EMAIL, LINKEDIN
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.sequence import (
    ALL_NODE_TYPES,
    MOST_MINUTES,
    NODE_FIELDS,
    NODE_TYPES,
    NodeDraft,
    check_node,
    check_nodes,
    default_sequence,
    delay_of,
    following,
    launch_problems,
    parse_node,
    parse_nodes,
)

ONE, TWO = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b", "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6c"


def mail(subject: str = "Hello", body: str = "Hi %first_name%", **more: Any) -> dict[str, Any]:
    return {"type": "email", "subject": subject, "body": body, **more}


def delay(**units: int) -> dict[str, Any]:
    return {"type": "delay", **units}


END: dict[str, Any] = {"type": "end"}
INVITATION: dict[str, Any] = {"type": "connection_request"}


def message(body: str = "Hi") -> dict[str, Any]:
    return {"type": "message", "body": body}


def refusals(raw: object) -> list[tuple[str, str]]:
    with pytest.raises(Problems) as caught:
        parse_nodes(raw)
    return pairs(caught.value.problems)


def pairs(problems: Any) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in problems]


# Reading


def test_a_sequence_is_read_in_its_order_with_defaults_filled_in() -> None:
    nodes = parse_nodes([{"type": "email", "id": ONE}, delay(delay_hours=2), END])
    assert nodes == [
        NodeDraft(UUID(ONE), "email", subject="", body="", signature=None, is_reply=False),
        NodeDraft(None, "delay", delay_days=0, delay_hours=2, delay_minutes=0),
        NodeDraft(None, "end"),
    ]


def test_every_type_has_its_own_fields_and_none_of_the_others() -> None:
    assert parse_node(message("Hello")) == NodeDraft(None, "message", body="Hello")
    assert parse_node(INVITATION) == NodeDraft(None, "connection_request", body="", include_message=False)
    assert parse_node(END) == NodeDraft(None, "end")


def test_a_client_may_send_back_what_it_was_given() -> None:
    given_out = {
        **dict.fromkeys(NODE_FIELDS),
        **delay(delay_days=1, delay_hours=0, delay_minutes=30),
        "id": ONE,
        "campaign_id": TWO,
        "position": 7,
        "something_new": {"a": 1},
    }
    assert parse_nodes([given_out]) == [NodeDraft(UUID(ONE), "delay", delay_days=1, delay_hours=0, delay_minutes=30)]


def test_null_is_the_default() -> None:
    assert parse_node({"type": "email", **dict.fromkeys(NODE_FIELDS)}) == parse_node({"type": "email"})


def test_fields_of_another_type_are_ignored() -> None:
    assert parse_node({**END, "subject": "Hello", "delay_days": 3, "is_reply": True}) == NodeDraft(None, "end")


@pytest.mark.parametrize(
    ("node", "field", "words"),
    [
        (None, "", "must be an object"),
        ([], "", "must be an object"),
        ("email", "", "must be an object"),
        ({}, ".type", "is missing"),
        ({"type": "sms"}, ".type", '"sms": it must be one of email, connection_request'),
        ({"type": "Email"}, ".type", "must be one of"),
        ({"type": 1}, ".type", "must be one of"),
        ({"type": ["email"]}, ".type", "must be one of"),
        (mail(id=5), ".id", "must be a UUID"),
        (mail(id=""), ".id", "must be a UUID"),
        (mail(id="one"), ".id", "must be a UUID"),
        (mail(id=ONE.replace("-", "")), ".id", "must be a UUID"),
        (mail(id="{" + ONE + "}"), ".id", "must be a UUID"),
        (mail(id="urn:uuid:" + ONE), ".id", "must be a UUID"),
        (mail(id=ONE + "\n"), ".id", "must be a UUID"),
        (mail(id="0190b7a4-52c3-9e2f-8a3b-1c2d3e4f5a6b"), ".id", "must be a UUID"),  # version 9
        (mail(id="0190b7a4-52c3-7e2f-ca3b-1c2d3e4f5a6b"), ".id", "must be a UUID"),  # another variant
        (mail(subject=5), ".subject", "must be text"),
        (mail(subject=["Hello"]), ".subject", "must be text"),
        (mail(subject="x" * 999), ".subject", "at most 998 characters, not 999"),
        (mail(subject="Hello\nBcc: all@example.com"), ".subject", "must be one line"),
        (mail(subject="Hello\r"), ".subject", "must be one line"),
        (mail(subject="Hello\u2028there"), ".subject", "must be one line"),
        (mail(subject="Hello\x85there"), ".subject", "must be one line"),
        (mail(subject="a\x00b"), ".subject", "U+0000"),
        (mail(body={"html": "Hi"}), ".body", "must be text"),
        (mail(body="x" * 20_001), ".body", "at most 20000 characters, not 20001"),
        (mail(body="a\x00b"), ".body", "U+0000"),
        (mail(body="a\ud83d"), ".body", "U+D83D"),
        (mail(signature=True), ".signature", "must be text"),
        (mail(signature="x" * 5_001), ".signature", "at most 5000 characters"),
        (mail(is_reply=1), ".is_reply", "must be true or false"),
        (mail(is_reply="true"), ".is_reply", "must be true or false"),
        ({**INVITATION, "include_message": 0}, ".include_message", "must be true or false"),
        (delay(delay_days=True), ".delay_days", "must be a whole number"),
        (delay(delay_days=1.0), ".delay_days", "must be a whole number"),
        (delay(delay_hours="1"), ".delay_hours", "must be a whole number"),
        (delay(delay_minutes=-1), ".delay_minutes", "must not be negative"),
        (delay(delay_minutes=2**31), ".delay_minutes", "must be at most 2147483647"),
        ({**END, "subject": 5}, ".subject", "must be text"),
        ({**END, "delay_days": -1}, ".delay_days", "must not be negative"),
        (mail(include_message="yes"), ".include_message", "must be true or false"),
    ],
)
def test_a_node_that_cannot_be_meant_is_refused_by_field(node: object, field: str, words: str) -> None:
    (refused,) = refusals([mail(), node])
    assert refused[0] == "sequence_nodes[1]" + field
    assert words in refused[1]
    refused[1].encode()


@pytest.mark.parametrize("raw", [None, {}, "email", 3, True])
def test_a_sequence_is_a_list(raw: object) -> None:
    assert refusals(raw) == [("sequence_nodes", "must be a list of steps")]


def test_a_hundred_nodes_are_read_and_a_hundred_and_one_are_not() -> None:
    assert len(parse_nodes([mail()] * 100)) == 100
    assert refusals([mail()] * 101) == [("sequence_nodes", "must have at most 100 steps, not 101")]


def test_lengths_at_the_limit_pass() -> None:
    node = parse_node(mail(subject="s" * 998, body="b" * 20_000, signature="c" * 5_000))
    assert (len(node.subject or ""), len(node.body or ""), len(node.signature or "")) == (998, 20_000, 5_000)


@pytest.mark.parametrize(
    "name",
    [
        ONE,
        ONE.upper(),
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0190b7a4-52c3-1e2f-Ba3b-1c2d3e4f5a6b",
    ],
)
def test_an_id_of_the_contracts_form_is_read(name: str) -> None:
    assert parse_node(mail(id=name)).id == UUID(name)


def test_the_same_id_twice_is_refused_in_whatever_case_it_is_written() -> None:
    assert refusals([mail(id=ONE), END, mail(id=ONE.upper()), mail(id=ONE)]) == [
        ("sequence_nodes[2].id", "must not repeat the id of [0]"),
        ("sequence_nodes[3].id", "must not repeat the id of [0]"),
    ]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    raw = [{"type": "sms", "id": "x", "subject": 1}, 5, delay(delay_days=-1), mail(id=ONE), mail(id=ONE)]
    assert [field for field, _ in refusals(raw)] == [
        "sequence_nodes[0].id",
        "sequence_nodes[0].type",
        "sequence_nodes[0].subject",
        "sequence_nodes[1]",
        "sequence_nodes[2].delay_days",
        "sequence_nodes[4].id",
    ]


def test_totals_and_ends_are_no_matter_of_reading() -> None:
    parse_nodes([delay(delay_days=365), END, END, message()])
    parse_nodes([])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["id", "type", "position", *NODE_FIELDS])


@settings(deadline=None)
@given(st.lists(st.dictionaries(KEYS, JSON | st.sampled_from([ONE, "email", "delay"])) | JSON) | JSON)
def test_whatever_is_sent_is_read_or_refused_in_words(raw: object) -> None:
    refused: tuple[Problem, ...] = ()
    nodes: list[NodeDraft] = []
    try:
        nodes = parse_nodes(raw)
    except Problems as bad:
        refused = bad.problems
    assert all(node.type in ALL_NODE_TYPES for node in nodes)
    for problem in refused:
        assert problem.field.startswith("sequence_nodes")
        problem.message.encode()


def test_a_new_campaign_starts_with_one_empty_step_and_the_end() -> None:
    assert [node.type for node in default_sequence(EMAIL)] == ["email", "end"]
    assert [node.type for node in default_sequence(LINKEDIN)] == ["connection_request", "end"]
    for campaign_type in NODE_TYPES:
        assert check_nodes(default_sequence(campaign_type), campaign_type=campaign_type, known={}) == []


# Checking


def checked(*raw: dict[str, Any], campaign_type: str = EMAIL, **known: str) -> list[tuple[str, str]]:
    ids = {UUID({"one": ONE, "two": TWO}[name]): node_type for name, node_type in known.items()}
    return pairs(check_nodes(parse_nodes(list(raw)), campaign_type=campaign_type, known=ids))


def test_a_good_sequence_has_no_problems() -> None:
    good = (mail(id=ONE), delay(delay_days=3), mail(subject="", is_reply=True), END)
    assert checked(*good, one="email", two="delay") == []
    assert checked(INVITATION, delay(delay_days=1), message(), END, campaign_type=LINKEDIN) == []
    assert checked(END) == []


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ([], ("sequence_nodes", "must have an end as its last step")),
        ([mail()], ("sequence_nodes", "must have an end as its last step")),
        ([END, mail()], ("sequence_nodes[0]", "must be the last step: nothing follows the end")),
        (
            [mail(), END, END],
            ("sequence_nodes[1]", "must not be a second end: there is exactly one, the last step"),
        ),
        (
            [message(), END],
            (
                "sequence_nodes[0].type",
                "must be one of email, delay, end in a campaign of type email, not message",
            ),
        ),
        (
            [delay(), END],
            ("sequence_nodes[0]", "must wait from 1 minute to 30 days in all, not 0 minutes"),
        ),
        (
            [delay(delay_days=30, delay_minutes=1), END],
            ("sequence_nodes[0]", "must wait from 1 minute to 30 days in all, not 30 days 1 minute"),
        ),
        (
            [delay(delay_days=2**31 - 1, delay_hours=2**31 - 1, delay_minutes=2**31 - 1), END],
            (
                "sequence_nodes[0]",
                "must wait from 1 minute to 30 days in all, not 2238453440 days 9 hours 7 minutes",
            ),
        ),
        ([mail(id=TWO), END], ("sequence_nodes[0].id", "is not a step of this campaign")),
        (
            [{**END, "id": ONE}],
            (
                "sequence_nodes[0].type",
                "must stay email: a step keeps its type; send it without its id as a new one",
            ),
        ),
    ],
)
def test_what_an_email_campaign_cannot_hold_is_said_by_field(raw: list, problem: tuple[str, str]) -> None:
    assert checked(*raw, one="email") == [problem]


def test_an_email_has_no_place_in_a_linkedin_campaign() -> None:
    assert checked(mail(), END, campaign_type=LINKEDIN) == [
        (
            "sequence_nodes[0].type",
            "must be one of connection_request, message, delay, end in a campaign of type LinkedIn, not email",
        )
    ]


def test_two_ends_before_an_email_are_three_mistakes_at_two_places() -> None:
    assert [field for field, _ in checked(END, END, mail())] == ["sequence_nodes[0]", "sequence_nodes[1]"]


@pytest.mark.parametrize(
    "units", [{"delay_minutes": 1}, {"delay_days": 30}, {"delay_hours": 720}, {"delay_minutes": MOST_MINUTES}]
)
def test_delays_from_one_minute_to_thirty_days_pass_however_they_are_written(units: dict[str, int]) -> None:
    assert checked(delay(**units), END) == []


def test_one_node_can_be_checked_alone() -> None:
    node = parse_node(delay(), "node")
    assert pairs(check_node(node, campaign_type=EMAIL, field="node")) == [
        ("node", "must wait from 1 minute to 30 days in all, not 0 minutes")
    ]


def test_a_list_that_grew_by_single_steps_is_held_to_a_hundred_too() -> None:
    nodes = [*parse_nodes([mail()] * 100), NodeDraft(None, "end")]
    assert pairs(check_nodes(nodes, campaign_type=EMAIL, known={})) == [
        ("sequence_nodes", "must have at most 100 steps, not 101")
    ]


# Following


@dataclass
class Row:
    position: int
    type: str
    delay_days: int | None = None
    delay_hours: int | None = None
    delay_minutes: int | None = None


ROWS = [
    Row(0, "delay", 0, 0, 5),
    Row(1, "email"),
    Row(2, "delay", 1, 2, 3),
    Row(3, "delay", 0, 0, 57),
    Row(4, "email"),
    Row(5, "email"),
    Row(6, "delay", 30, 0, 0),
    Row(7, "end"),
]


@pytest.mark.parametrize(
    ("position", "follower", "wait"),
    [
        (-1, 1, timedelta(minutes=5)),
        (0, 1, timedelta()),
        (1, 4, timedelta(days=1, hours=3)),
        (2, 4, timedelta(minutes=57)),
        (4, 5, timedelta()),
        (5, 7, timedelta(days=30)),
    ],
)
def test_what_follows_is_the_next_step_that_is_no_delay_and_the_delays_between(
    position: int, follower: int, wait: timedelta
) -> None:
    assert following(ROWS, position) == (ROWS[follower], wait)


def test_nothing_follows_the_end() -> None:
    with pytest.raises(ValueError, match="nothing follows position 7"):
        following(ROWS, 7)
    with pytest.raises(ValueError, match="nothing follows"):
        following([], -1)


def test_only_a_delay_waits() -> None:
    assert delay_of(Row(0, "delay", 1, 1, 1)) == timedelta(days=1, hours=1, minutes=1)
    assert delay_of(Row(0, "email", 1, 1, 1)) == timedelta()


# Launching


def launching(*raw: dict[str, Any], campaign_type: str = EMAIL, signature: str | None = None) -> list:
    nodes = parse_nodes(list(raw))
    return pairs(launch_problems(nodes, campaign_type=campaign_type, signature=signature))


def test_a_finished_sequence_can_be_launched() -> None:
    reply = mail(subject="", is_reply=True)
    assert launching(mail(), delay(delay_days=3), reply, END, signature="Best, %sender_name%") == []
    assert launching(INVITATION, delay(delay_days=1), message(), END, campaign_type=LINKEDIN) == []


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ([END], ("sequence_nodes", "has no step that sends anything: add one before the end")),
        (
            [delay(delay_days=1), END],
            ("sequence_nodes", "has no step that sends anything: add one before the end"),
        ),
        ([mail()], ("sequence_nodes", "must have an end as its last step")),
        ([mail(subject=""), END], ("sequence_nodes[0].subject", "Email 1: the subject is empty")),
        ([mail(subject=" \t "), END], ("sequence_nodes[0].subject", "Email 1: the subject is empty")),
        ([mail(body="\n "), END], ("sequence_nodes[0].body", "Email 1: the body is empty")),
        (
            [mail(), mail(subject=""), END],
            ("sequence_nodes[1].subject", "Email 2: the subject is empty"),
        ),
        (
            [delay(delay_days=1), mail(is_reply=True), END],
            ("sequence_nodes[1].is_reply", "Email 1: there is no email before it to reply to"),
        ),
        (
            [mail(), delay(delay_days=1), mail(body="Hi\n%foo%"), END],
            ("sequence_nodes[2].body", "Email 2: unknown placeholder %foo% on line 2"),
        ),
        (
            [mail(subject="%fist_name%"), END],
            (
                "sequence_nodes[0].subject",
                "Email 1: unknown placeholder %fist_name%: did you mean %first_name%?",
            ),
        ),
        (
            [mail(signature="%foo%"), END],
            ("sequence_nodes[0].signature", "Email 1: unknown placeholder %foo%"),
        ),
        (
            [mail(body="{% if company %}x"), END],
            ("sequence_nodes[0].body", "Email 1: {% if %} is not closed with {% endif %}"),
        ),
    ],
)
def test_what_keeps_an_email_campaign_from_launching_is_said_by_step(raw: list, problem: tuple[str, str]) -> None:
    assert launching(*raw) == [problem]


def test_a_first_reply_without_a_subject_is_two_mistakes() -> None:
    assert [field for field, _ in launching(mail(subject="", is_reply=True), END)] == [
        "sequence_nodes[0].is_reply",
        "sequence_nodes[0].subject",
    ]


def test_the_campaigns_signature_is_read_for_placeholders_where_there_is_one() -> None:
    assert launching(mail(), END, signature="%foo%") == [("signature", "Signature: unknown placeholder %foo%")]
    assert launching(message(), END, campaign_type=LINKEDIN, signature="%foo%") == []


def test_a_bare_invitation_needs_no_note_and_one_with_a_note_does() -> None:
    with_note = {**INVITATION, "include_message": True}
    assert launching({**INVITATION, "body": "%foo%"}, END, campaign_type=LINKEDIN) == []
    assert launching(with_note, END, campaign_type=LINKEDIN) == [
        ("sequence_nodes[0].body", "Connection request 1: the body is empty")
    ]
    assert launching(message(""), END, campaign_type=LINKEDIN) == [
        ("sequence_nodes[0].body", "Message 1: the body is empty")
    ]


def test_problems_are_named_below_the_field_that_was_asked_for() -> None:
    nodes = [replace(node, body="%foo%") for node in default_sequence(EMAIL)[:1]]
    assert {problem.field for problem in launch_problems(nodes, campaign_type=EMAIL, field="nodes")} == {
        "nodes",
        "nodes[0].subject",
        "nodes[0].body",
    }


def test_problems_cannot_be_raised_without_one() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Problems([])
    assert str(Problems([Problem("a", "is b"), Problem("c", "is d")])) == "a: is b; c: is d"
